"""A `say` with a key is said once, however often it comes: over loopback, with a history, and without."""

from datetime import UTC, datetime

import pytest
from gevent.event import Event
from kit.machine import eventually
from kit.programs import Anybody, Program, sync, without_plugins
from kit.sessions import device

from greenchat import Ack, Command, Reject, UsedKey, hookimpl
from greenchat.chat.keys import digest
from greenchat.session import flood
from greenchat.testing import DEADLINE, serving

ALONE = without_plugins("history", "accounts")
NO_ACCOUNTS = without_plugins("accounts")


@pytest.fixture(params=["history", "memory"])
def chat(request):
    with serving(Anybody, settings=ALONE if request.param == "memory" else NO_ACCOUNTS) as server:
        yield server


def say(one, text="Hello!", key="k1", **fields):
    place = {} if fields.keys() & {"to", "conversation"} else {"room": "lobby"}
    return one.request(type="say", text=text, key=key, **{**place, **fields})


def ack_of(frame):
    assert frame["type"] == "ack", frame
    return {name: value for name, value in frame.items() if name != "ref"}


def heard(eve):
    return [line for line in sync(eve) if line.startswith("MSG|")]


def test_it_is_said_once_and_answered_each_time(chat):
    ada, eve = Program(chat, "ada"), chat.join("eve")
    first = say(ada)
    assert (first["seq"], first["rev"]) == (1, 1)
    again = say(ada)
    assert ack_of(again) == ack_of(first)
    assert again["ref"] != first["ref"]
    assert say(ada, key="k2")["seq"] == 2
    assert heard(eve) == ["MSG|ada|Hello!"] * 2


def test_a_key_is_for_one_text_in_one_place(chat):
    ada, eve = Program(chat, "ada"), chat.join("eve")
    ada.join(room="garden")
    say(ada)
    for other in ({"text": "Hello?"}, {"room": "garden"}, {"reply_to": 1}, {"to": "eve"}):
        assert say(ada, **other)["code"] == "key_reused", other
    assert say(ada)["seq"] == 1
    assert heard(eve) == ["MSG|ada|Hello!"]


@pytest.mark.parametrize("key", ["a b", "a" * 65, "a\tb", "\u200b", "a\u00a0b"])
def test_what_is_no_key(chat, key):
    ada = Program(chat, "ada")
    assert say(ada, key=key)["code"] == "malformed"
    assert say(ada, text="Größe", key=key)["code"] == "malformed"
    assert say(ada, key="ä" * 64)["seq"] == 1


def test_a_refused_one_uses_no_key(chat):
    ada = Program(chat, "ada")
    assert say(ada, text=" ")["code"] == "empty"
    assert say(ada, room="garden")["code"] == "not_in_room"
    assert say(ada, reply_to=7)["code"] == "unknown_message"
    assert say(ada)["seq"] == 1


def test_a_deleted_message_is_not_said_again(chat):
    ada = Program(chat, "ada")
    first = say(ada)
    ada.request(type="delete", room="lobby", seq=1)
    assert ack_of(say(ada)) == ack_of(first)


def test_who_is_out_of_the_room_still_gets_the_answer(chat):
    ada, _ = Program(chat, "ada"), Program(chat, "bob")
    first = say(ada)
    ada.request(type="leave", room="lobby")
    assert ack_of(say(ada)) == ack_of(first)
    assert say(ada, key="k2")["code"] == "not_in_room"


def test_two_devices_share_keys_and_two_people_do_not(chat):
    laptop, phone, bob = device(chat, "ada"), device(chat, "ada"), Program(chat, "bob")
    first = say(laptop)
    assert phone.read_until("message")["own"]
    assert ack_of(say(phone)) == ack_of(first)
    assert say(bob)["seq"] == 2


def test_a_guest_who_comes_back_has_the_same_keys(chat):
    ada = Program(chat, "ada")
    first = say(ada)
    ada.peer.close()
    again = Program(chat)
    again.join(token=ada.welcome["token"])
    assert ack_of(say(again)) == ack_of(first)


def test_what_is_said_to_one_is_said_once_as_well(chat):
    ada, bob = Program(chat, "ada"), Program(chat, "bob")
    first = say(ada, to="bob")
    assert ack_of(say(ada, to="bob")) == ack_of(first)
    assert say(ada, key="k2", conversation=first["conversation"])["type"] == "ack"
    assert say(ada, to="eve")["code"] == "key_reused"
    assert [bob.read_until("message")["text"] for _ in range(2)] == ["Hello!"] * 2
    assert say(bob, key="k2", to="ada")["type"] == "ack"


def test_answers_keep_the_order_of_requests(chat):
    ada, bob = Program(chat, "ada"), Program(chat, "bob")
    said = [{"type": "say", "room": "lobby", "text": str(n), "ref": n} for n in range(6)]
    for frame in (said[1], said[3]):
        frame["key"] = f"k{frame['ref']}"
    for frame in [*said, said[1], said[3]]:
        ada.send(**frame)
    acks = [ada.read_until("ack") for _ in range(8)]
    assert [(ack["ref"], ack["seq"]) for ack in acks] == [*((n, n + 1) for n in range(6)), (1, 2), (3, 4)]
    assert [bob.read_until("message")["text"] for _ in range(6)] == [str(n) for n in range(6)]


class Slow:
    """Holds what is said until it may go on, and refuses the first of it, perhaps."""

    def __init__(self, verdict):
        self.verdict = verdict
        self.asked, self.go_on = 0, Event()

    @hookimpl
    def greenchat_check_message(self, session, message):
        self.asked += 1
        if self.asked == 1:
            self.go_on.wait()
            if self.verdict is not None:
                raise self.verdict


@pytest.mark.parametrize("verdict", [None, Reject("Not now.")])
def test_the_second_waits_for_the_first(verdict):
    slow = Slow(verdict)
    with serving(slow, Anybody, settings=NO_ACCOUNTS) as chat:
        laptop, phone, eve = device(chat, "ada"), device(chat, "ada"), chat.join("eve")
        for one in (laptop, phone):
            one.send(type="say", text="Hello!", room="lobby", key="k1", ref="hello")
            eventually(lambda: chat.call(lambda: slow.asked))
        chat.call(slow.go_on.set)
        told = [one.read_until("ack", "error") for one in (laptop, phone)]
        if verdict is None:
            assert ack_of(told[0]) == ack_of(told[1])
        else:
            assert (told[0]["code"], told[1]["seq"]) == ("rejected", 1), "the second is the first then"
        assert slow.asked == (1 if verdict is None else 2)
        assert heard(eve) == ["MSG|ada|Hello!"]


def test_a_command_has_no_key():
    done = []

    class Plugin:
        @hookimpl
        def greenchat_commands(self):
            return [Command("count", "", "Count.", lambda session, argument: done.append(argument))]

    with serving(Plugin(), Anybody) as chat:
        ada = Program(chat, "ada")
        for word in ("one", "two"):
            assert say(ada, text=f"/count {word}", key="k1")["type"] == "ack"
        assert done == ["one", "two"]
        assert say(ada, text="//count one", key="k1")["seq"] == 1


def test_what_a_plugin_has_taken_has_no_key():
    taken = []

    class Plugin:
        @hookimpl
        def greenchat_says(self, session, says):
            taken.extend(says.texts)
            return True

    with serving(Plugin(), Anybody) as chat:
        ada = Program(chat, "ada")
        assert [ack_of(say(ada)) for _ in range(2)] == [{"type": "ack"}] * 2
        assert taken == ["Hello!"] * 2


def test_saying_it_again_is_nearly_free(monkeypatch):
    monkeypatch.setattr(flood, "FRAME_SECONDS", DEADLINE)  # how long the machine takes is another thing
    settings = {"limits.flood_rate": 0.001, "limits.flood_burst": 1000}
    with serving(Anybody, settings=ALONE | settings) as chat:
        ada = Program(chat, "ada")

        def left():
            return chat.call(lambda: chat.server.chat.members["ada"].allowance.left)

        say(ada)
        before = left()
        for _ in range(50):
            assert say(ada)["seq"] == 1
        assert left() == pytest.approx(before - 50 * flood.REPEATED, abs=1)


class Keeper:
    """Knows of keys what it is told to."""

    def __init__(self):
        self.finds, self.told = [], []

    @hookimpl
    def greenchat_messages(self, messages):
        self.told.append((messages.key, [*messages.texts]))

    @hookimpl
    def greenchat_find_keys(self, owner, key):
        found = self.finds.pop()
        if isinstance(found, Exception):
            raise found
        return found


def test_a_plugin_that_keeps_keys():
    keeper = Keeper()
    with serving(keeper, Anybody, settings=ALONE) as chat:
        ada, bob, eve = device(chat, "ada"), device(chat, "bob"), chat.join("eve")
        said = UsedKey("k1", digest("Hello!"), "lobby", datetime.now(UTC), Ack(None, 41, 4100, 45))
        keeper.finds = [[said], Reject("The tape is being changed.", code="later"), "all", ValueError("no tape")]
        told = [say(ada) for _ in range(4)]
        assert [answer.get("code") for answer in told] == ["try_again", "try_again", "later", None]
        assert ack_of(told[3]) == {"type": "ack", "seq": 41, "id": 4100, "rev": 45}
        keeper.finds = [None]
        assert say(bob)["seq"] == 1
        assert say(bob, "Bye!", "k2")["seq"] == 2
        bob.request(type="say", room="lobby", text="No key.")
        assert heard(eve) == ["MSG|bob|Hello!", "MSG|bob|Bye!", "MSG|bob|No key."]
    (owner, key, digest_of_it), texts = keeper.told[0]
    assert (type(owner), key, digest_of_it, texts) == (int, "k1", digest("Hello!"), ["Hello!"])
    assert [key and key.key for key, _ in keeper.told] == ["k1", "k2", None]
