"""What is under way when a server freezes, and takes too long."""

import json
import time

import gevent
import pytest
from gevent.event import Event
from kit.carrying import Client, house

from greenchat import Command, FairQueue, hookimpl
from greenchat.server import departure
from greenchat.testing import DEADLINE


class Slow:
    """Checks what is said, and has a command, and both may take as long as they like."""

    def __init__(self) -> None:
        self.begun, self.may_end = Event(), Event()

    def wait(self) -> None:
        self.begun.set()
        self.may_end.wait()

    @hookimpl
    def greenchat_check_message(self, session, message):
        if "slow" in message.text:
            self.wait()

    @hookimpl
    def greenchat_commands(self):
        return [Command("wait", "", "Waits.", lambda session, argument: self.wait())]

    @hookimpl
    def greenchat_check_join(self, session, name, room):
        if name == "slowpoke":
            self.wait()


class Json(Client):
    def say(self, **frame) -> None:
        self.send(json.dumps(frame) + "\n")

    def hear(self, *kinds: str) -> dict:
        """The next frame of one of these types."""
        while True:
            frame = json.loads(self.line())
            if frame["type"] in kinds:
                return frame


def cut(served, slow) -> None:
    """Have the server freeze while something is under way, and cut that."""
    assert slow.begun.wait(DEADLINE)
    pause = served.freeze()
    assert not pause.settle(0.05)
    assert pause.under_way == 1
    assert pause.cut()


def json_client(served, **join) -> Json:
    client = Json(served.server.addresses[0])
    served.clients.append(client)
    if join:
        client.say(type="join", **join)
        client.hear("welcome")
    return client


@pytest.mark.parametrize(
    "ask", [{"type": "say", "text": "slow"}, {"type": "say", "text": "/wait"}, {"type": "command", "name": "wait"}]
)
def test_what_takes_too_long_may_be_tried_again_and_what_comes_behind_waits(tmp_path, ask):
    slow = Slow()
    with house(tmp_path, lambda: (slow,), installed=["slash_commands"]) as served:
        ada, bob = served.join("ada"), json_client(served, name="bob")
        ada.expect("INFO|bob has joined the chat.")
        bob.send(
            "".join(
                json.dumps(one) + "\n"
                for one in (
                    {"type": "say", "text": "before", "ref": 1},
                    {**ask, "ref": 2},
                    {"type": "say", "text": "behind", "ref": 3},
                )
            )
        )
        cut(served, slow)
        slow.may_end.set()
        served.reload()
        answers = [bob.hear("ack", "error") for _ in range(3)]
        assert [(answer["type"], answer["ref"], answer.get("code")) for answer in answers] == [
            ("ack", 1, None),
            ("error", 2, "try_again"),
            ("ack", 3, None),
        ]
        ada.expect("MSG|bob|before", "MSG|bob|behind")
        bob.say(type="say", text="slow, again", ref=4)
        assert bob.hear("ack", "error")["ref"] == 4
        ada.expect("MSG|bob|slow, again")


class Slowly(Slow):
    """Says what it is asked for, and may take as long as it likes then."""

    @hookimpl
    def greenchat_commands(self):
        return [Command("tell", "TEXT", "Says it.", self.tell)]

    def tell(self, session, argument):
        session.say(argument)
        self.wait()

    @hookimpl
    def greenchat_says(self, session, says):
        if "each" not in says.texts[0]:
            return False
        for text in says.texts:
            session.say(text.upper())
            if "slow" in text:
                self.wait()
        return True


@pytest.mark.parametrize(
    "ask",
    [
        {"type": "say", "text": "/tell once"},
        {"type": "say", "text": "/tell once", "key": "k"},
        {"type": "command", "name": "tell", "args": {"text": "once"}},
    ],
)
def test_what_was_said_is_acknowledged_and_not_asked_for_again(tmp_path, ask):
    slow = Slowly()
    with house(tmp_path, lambda: (slow,), installed=["slash_commands"]) as served:
        ada, bob = served.join("ada"), json_client(served, name="bob")
        ada.expect("INFO|bob has joined the chat.")
        bob.send(
            "".join(json.dumps(one) + "\n" for one in ({**ask, "ref": 1}, {"type": "say", "text": "on", "ref": 2}))
        )
        cut(served, slow)
        slow.may_end.set()
        served.reload()
        answers = [bob.hear("ack", "error") for _ in range(2)]
        assert [(answer["type"], answer["ref"], answer["seq"]) for answer in answers] == [("ack", 1, 1), ("ack", 2, 2)]
        ada.expect("MSG|bob|once", "MSG|bob|on")


def test_who_speaks_plain_frames_is_not_told_to_say_again_what_was_said(tmp_path):
    slow = Slowly()
    with house(tmp_path, lambda: (slow,), installed=["slash_commands"]) as served:
        ada, bob = served.join("ada"), served.join("bob")
        ada.expect("INFO|bob has joined the chat.")
        bob.send("MSG|/tell once\n")
        cut(served, slow)
        slow.may_end.set()
        served.reload()
        ada.send("MSG|well?\n")
        bob.expect("MSG|ada|well?")
        ada.expect("MSG|bob|once")


def test_of_a_run_that_a_plugin_says_what_was_said_is_acknowledged(tmp_path):
    slow = Slowly()
    with house(tmp_path, lambda: (slow,)) as served:
        ada, bob = served.join("ada"), json_client(served, name="bob")
        ada.expect("INFO|bob has joined the chat.")
        texts = ("each", "slow", "three", "four")
        bob.send("".join(f'{{"type":"say","text":"{text}","ref":{number}}}\n' for number, text in enumerate(texts)))
        cut(served, slow)
        served.reload()
        answers = [bob.hear("ack", "error") for _ in texts]
        assert [(answer["type"], answer["ref"]) for answer in answers] == [
            *(("ack", 0), ("ack", 1)),
            *(("error", 2), ("error", 3)),
        ]
        ada.expect("MSG|bob|EACH", "MSG|bob|SLOW")
        bob.say(type="say", text="on")
        ada.expect("MSG|bob|on")


@pytest.mark.parametrize(
    ("then", "code"),
    [
        ({"type": "edit", "seq": 1, "text": "two"}, "not_stored"),
        ({"type": "say", "text": "two", "key": "k"}, None),  # it is asked twice, for the key as well
    ],
)
def test_what_is_cut_while_it_is_acknowledged_is_answered_once(tmp_path, then, code):
    slow = Slow()

    class Keeper:
        @hookimpl
        def greenchat_delay_ack(self, room, seq, rev, release):
            if rev == 2 and not slow.begun.is_set():
                slow.wait()
            return False

    with house(tmp_path, lambda: (slow, Keeper())) as served:
        ada, bob = served.join("ada"), json_client(served, name="bob")
        ada.expect("INFO|bob has joined the chat.")
        bob.say(type="say", text="one", ref=1)
        assert bob.hear("ack", "error")["type"] == "ack"
        bob.say(**then, ref=2)
        cut(served, slow)
        slow.may_end.set()
        served.reload()
        bob.say(type="say", text="three", ref=3)
        answers = [bob.hear("ack", "error") for _ in range(2)]
        assert [(answer["ref"], answer.get("code")) for answer in answers] == [(2, code), (3, None)]


def test_in_a_run_one_message_is_cut_and_no_other(tmp_path):
    slow = Slow()
    with house(tmp_path, lambda: (slow,)) as served:
        ada, bob = served.join("ada"), served.join("bob")
        ada.expect("INFO|bob has joined the chat.")
        bob.send("".join(f"MSG|{text}\n" for text in ("one", "two", "slow", "three", "four")))
        cut(served, slow)
        served.reload()
        bob.expect("ERROR|The server is being reloaded, and this was cut off. Send it again.")
        ada.expect(*(f"MSG|bob|{text}" for text in ("one", "two", "three", "four")))


def test_who_was_cut_while_joining_joins_again(tmp_path):
    slow = Slow()
    with house(tmp_path, lambda: (slow,)) as served:
        late = json_client(served)
        late.say(type="join", name="slowpoke", ref="j")
        cut(served, slow)
        slow.may_end.set()
        served.reload()
        error = late.hear("error", "welcome")
        assert (error["code"], error["ref"]) == ("try_again", "j")
        late.say(type="join", name="slowpoke", ref="k")
        assert late.hear("error", "welcome")["ref"] == "k"


def test_what_is_done_in_time_is_not_cut(tmp_path):
    slow = Slow()
    with house(tmp_path, lambda: (slow,)) as served:
        ada, bob = served.join("ada"), json_client(served, name="bob")
        ada.expect("INFO|bob has joined the chat.")
        bob.say(type="say", text="slow", ref=1)
        assert slow.begun.wait(DEADLINE)
        pause = served.freeze()
        assert not pause.settle(0.02)
        slow.may_end.set()
        assert pause.settle(DEADLINE)
        served.reload()
        assert bob.hear("ack", "error")["type"] == "ack"
        ada.expect("MSG|bob|slow")


def test_a_long_queue_keeps_no_reload_from_happening(tmp_path, monkeypatch):
    queue, seconds = FairQueue(), [0.2]

    def check():
        with queue.turn("", ""):
            gevent.get_hub().threadpool.apply(time.sleep, seconds)

    class Checks:
        @hookimpl
        def greenchat_commands(self):
            return [Command("check", "", "Takes a while, one at a time.", lambda session, argument: check())]

    monkeypatch.setattr(departure, "FREEZE_SECONDS", 0.3)
    with house(tmp_path, lambda: (Checks(),), installed=["slash_commands"]) as served:
        clients = [json_client(served, name=f"p{number}") for number in range(8)]
        for client in clients:
            client.send("".join(f'{{"type":"command","name":"check","ref":{ref}}}\n' for ref in (1, 2, 3, 4, 5)))
        while sum(session.is_queued for session in served.server.sessions.values()) < 7:
            gevent.sleep(0.001)
        leaving = served.depart()
        leaving.freeze()
        seconds[0] = 0
        served.reload()
        for client in clients:
            answers = [client.hear("ack", "error") for _ in range(5)]
            assert [answer["ref"] for answer in answers] == [1, 2, 3, 4, 5]
            assert [answer.get("code") for answer in answers if answer["type"] == "error"] in ([], ["try_again"])


def test_a_held_acknowledgement_is_waited_for(tmp_path):
    releases = []

    class Keeper:
        @hookimpl
        def greenchat_delay_ack(self, room, seq, rev, release):
            releases.append(release)
            return True

    with house(tmp_path, lambda: (Keeper(),)) as served:
        bob = json_client(served, name="bob")
        bob.say(type="say", text="hi", ref=1)
        while not releases:
            gevent.sleep(0.001)
        pause = served.freeze()
        assert not pause.settle(0.02)
        assert (pause.held_acks, pause.under_way) == (1, 0)
        releases.pop()(None)
        assert pause.settle(DEADLINE)
        pause.thaw()
        assert bob.hear("ack", "error")["type"] == "ack"
