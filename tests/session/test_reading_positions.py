"""What one has read is the server's: all devices share it, it outlasts restarts, and nobody else hears of it."""

import sqlite3
from contextlib import closing

import pytest
from gevent.event import Event
from kit.machine import eventually
from kit.programs import Anybody, Program, account_id, without_plugins
from kit.sessions import IMPATIENT, PATIENT, back, device, kinds, lose, plain_device, sessions, settled

from greenchat import Reject, hookimpl
from greenchat.storage.session_store import MIGRATIONS, SessionStore
from greenchat.storage.sqlite import open_database
from greenchat.testing import serving

SETTINGS = PATIENT | without_plugins("accounts")


@pytest.fixture
def chat():
    with serving(Anybody(), settings=SETTINGS) as server:
        yield server


@pytest.fixture
def living(tmp_path):
    """`living(*plugins)`: one life of a server that remembers."""
    return lambda *plugins, **settings: serving(
        Anybody(), *plugins, settings=SETTINGS | IMPATIENT | settings, data_dir=tmp_path
    )


def read(program, seq, room="lobby"):
    return program.request(type="read", room=room, seq=seq)


def say(program, *texts, room="lobby"):
    for text in texts:
        assert program.ask(text, room)[-1]["type"] == "ack"


def counts(frame):
    return tuple(frame.get(name, 0) for name in ("read", "unread", "mentions"))


def listed(program):
    settled(program)
    return {one["room"]: counts(one) for one in program.conversations["rooms"]}


def reads(program):
    return [(one["room"], one["seq"]) for one in settled(program) if one["type"] == "read"]


def test_all_devices_of_one_person_share_it_and_nobody_else_hears_of_it(chat):
    laptop, phone, plain = device(chat, "ada"), device(chat, "ada"), plain_device(chat, "ada")
    bob, carl = Program(chat, "bob"), chat.join("carl")
    say(bob, "one", "two", "three")
    assert read(laptop, 2) == {"type": "ack", "ref": laptop.refs}
    assert reads(phone) == [("lobby", 2)]
    assert reads(laptop) == reads(bob) == []
    assert read(phone, 2)["type"] == read(phone, 1)["type"] == "ack"
    assert reads(laptop) == [], "it is no news"
    read(phone, 99)
    assert reads(laptop) == [("lobby", 3)]
    plain.expect("INFO|bob has joined the chat.", "INFO|carl has joined the chat.")
    plain.expect("MSG|bob|one", "MSG|bob|two", "MSG|bob|three")
    say(bob, "-")
    plain.expect("MSG|bob|-")
    carl.expect("MSG|bob|one", "MSG|bob|two", "MSG|bob|three", "MSG|bob|-")
    assert listed(device(chat, "ada")) == {"lobby": (3, 1, 0)}


def test_it_is_told_behind_the_words_that_it_is_about(chat):
    laptop, phone = device(chat, "ada"), device(chat, "ada")
    bob = Program(chat, "bob")
    for _ in range(5):
        bob.send(type="say", text="x")
        laptop.read_until("message")
        laptop.send(type="read", seq=2**40)
    settled(laptop)
    latest = 0
    for frame in settled(phone):
        if frame["type"] == "message":
            latest = frame["seq"]
        elif frame["type"] == "read":
            assert frame["seq"] <= latest
    assert latest == 5


def test_a_welcome_and_all_that_one_takes_part_in_tell_it(chat):
    ada, bob = device(chat, "ada"), Program(chat, "bob")
    assert ada.conversations is None
    ada.join(room="garden")
    bob.join(room="garden")
    say(bob, "one", "Ada: two", "@ada, three")
    say(bob, "four", room="garden")
    read(ada, 1)
    ada.send(type="leave")
    phone = Program(chat)
    phone.ask("/become ada")
    first, *others = phone.exchange(type="join", name="ada", room=None), *settled(phone)
    welcomes = {one["room"]: counts(one) for one in (*first, *others) if one["type"] == "welcome"}
    assert welcomes == {"lobby": (1, 2, 2), "garden": (0, 1, 0)} == listed(phone)
    assert phone.conversations["rooms"][0] | {"seq": 3, "rev": 3} == phone.conversations["rooms"][0]
    assert set(phone.conversations) == {"type", "rooms", "epoch"}


def test_it_comes_behind_all_welcomes_and_once(chat):
    ada = device(chat, "ada")
    ada.join(room="garden")
    peer = chat.connect()
    peer.send('{"type":"say","text":"/become ada"}', '{"type":"join","name":"ada","ref":1}', '{"type":"ping","ref":2}')
    lines = [line[:24] for line in peer.read_until('{"type":"pong","ref":2}')]
    assert [line for line in lines if "notice" not in line] == [
        '{"type":"welcome","name"',
        '{"type":"welcome","name"',
        '{"type":"conversations",',
    ]


def test_it_is_found_again_after_a_restart(living):
    with living() as server:
        ada, bob = device(server, "ada"), Program(server, "bob")
        say(bob, "one", "ada?", "three")
        say(ada, "four")
        say(bob, "five", "ADA!", "seven", "Dear ada's friends")
        bob.request(type="delete", room="lobby", seq=7)
    with living() as server:
        bob = Program(server, "bob")
        assert listed(device(server, "ada")) == {"lobby": (4, 3, 2)}
        say(bob, "nine, ada")
        ada = device(server, "ada")
        assert listed(ada) == {"lobby": (4, 4, 3)}
        read(ada, 8)
    with living() as server:
        assert listed(device(server, "ada")) == {"lobby": (8, 1, 1)}


def test_a_room_that_one_comes_into_later_is_followed_from_then_on(living):
    with living() as server:
        bob = Program(server, "bob", "garden")
        say(bob, "ada, before", room="garden")
        ada = device(server, "ada")
        assert counts(ada.join(room="garden")) == (1, 0, 0)
        lose(server, ada)
        say(bob, "ada, behind", room="garden")
    with living() as server:
        ada = device(server, "ada")
        assert listed(ada) == {"lobby": (0, 0, 0), "garden": (1, 1, 1)}
        ada.request(type="leave", room="garden")
        say(Program(server, "bob", "garden"), "ada, gone", room="garden")
        assert counts(ada.join(room="garden")) == (3, 0, 0)
        assert listed(device(server, "ada"))["garden"] == (3, 0, 0)


def test_numbers_that_are_lower_than_what_was_read_take_it_back(living, tmp_path):
    with living() as server:
        say(Program(server, "bob"), *"12345")
        read(device(server, "ada"), 5)
        device(server, "eve")
    for file in tmp_path.glob("history.sqlite3*"):
        file.unlink()
    with living() as server:
        bob = Program(server, "bob")
        say(bob, "1", "2")
        ada = device(server, "ada")
        assert listed(ada) == {"lobby": (2, 0, 0)}
        say(bob, "3", "4")
        assert listed(device(server, "ada")) == {"lobby": (2, 2, 0)}
        read(ada, 3)
    with living() as server:
        assert listed(device(server, "ada")) == {"lobby": (3, 1, 0)}


def test_a_guest_keeps_it_as_long_as_they_come_back():
    with serving(settings=IMPATIENT) as server:
        ada, bob = Program(server, "ada"), Program(server, "bob")
        say(bob, "one", "two")
        read(ada, 1)
        token = lose(server, ada)
        bob.read_until("left")
        say(bob, "ada?")
        again = back(server, token)
        assert counts(again.welcome) == (1, 2, 1)
        assert listed(again) == {"lobby": (1, 2, 1)}


def test_whose_account_it_is_has_what_the_account_has_read(chat):
    """A guest who logs in; and what the guest has read in other rooms comes along."""
    ada, bob = device(chat, "ada"), Program(chat, "bob")
    bob.join(room="garden")
    say(bob, "one", "two")
    read(ada, 1)
    ada.send(type="leave")
    ada.rest()
    guest = Program(chat, "guest")
    guest.join(room="garden")
    say(bob, "three", room="garden")
    settled(guest)
    guest.ask("/become ada", "lobby")
    assert listed(guest) == {"lobby": (1, 1, 0), "garden": (0, 1, 0)}
    other = Program(chat, "other")
    other.join(room="cellar")
    settled(other)
    other.ask("/become ada", "cellar")
    assert listed(other) == {"lobby": (1, 1, 0), "garden": (0, 1, 0), "cellar": (0, 0, 0)}


def test_of_an_account_that_is_gone_nothing_is_kept(living, tmp_path):
    with living() as server:
        eve, ada = device(server, "eve"), device(server, "ada")
        say(eve, "one")
        read(ada, 1)
        ada.request(type="cursor", name="x", room="lobby", epoch="e", rev=1)
        directory = server.server.accounts
        server.call(lambda: directory.remove(directory.by_id(account_id("ada"))))
        lose(server, ada)
    with closing(sqlite3.connect(tmp_path / "sessions.sqlite3")) as file:
        for table, column in (("rooms", "room"), ("reads", "place"), ("cursors", "name")):
            kept = file.execute(f"SELECT account, {column} FROM {table}").fetchall()
            assert kept == ([] if table == "cursors" else [(account_id("eve"), "lobby")])


def test_where_nothing_can_be_read_it_is_refused(chat):
    ada = Program(chat)
    ada.send(type="read", seq=1, ref=1)
    assert ada.read()["code"] == "not_joined"
    ada.join(name="ada")
    assert read(ada, 1, "cellar")["code"] == "not_in_room"
    assert ada.request(type="read", seq=1, conversation="AAAAAAAAAAAAAAAA")["code"] == "conversation_gone"
    assert ada.request(type="read", seq=1)["type"] == "ack"
    ada.send(type="read", seq=1)
    assert settled(ada) == []


def test_a_file_of_before_goes_on_being_used(living, tmp_path):
    connection = open_database(tmp_path / "sessions.sqlite3", MIGRATIONS[:1])
    connection.execute("INSERT INTO rooms VALUES (?, 'garden', 1)", (account_id("ada"),))
    connection.close()
    with living() as server:
        ada = device(server, "ada", None)
        assert ada.welcome["rooms"] == ["garden"]
        assert listed(ada) == {"garden": (0, 0, 0)}


# --- who keeps what was said hands it in ---


class Keeper:
    """Keeps a few messages, and hands them in once it may."""

    def __init__(self, messages=()):
        self.messages, self.asked = messages, []
        self.may, self.problem = Event(), None
        self.may.set()

    @hookimpl
    def greenchat_room_opened(self, room):
        room.restore(seq=10)

    @hookimpl
    def greenchat_recall(self, room, count):
        self.asked.append((room.name, count))
        self.may.wait()
        if self.problem is not None:
            raise self.problem
        return self.messages


def keeping(keeper, tmp_path, *readers):
    store = SessionStore(tmp_path)
    for reader in readers:
        store.came(account_id(reader), "lobby")
        store.read(account_id(reader), "lobby", 7)
    store.close()
    settings = SETTINGS | without_plugins("accounts", "history")
    return serving(Anybody(), keeper, settings=settings, data_dir=tmp_path)


def test_a_room_is_asked_for_once_and_only_when_somebody_is_behind(tmp_path):
    keeper = Keeper([])
    with keeping(keeper, tmp_path, "ada", "eve") as server:
        Program(server, "bob")
        device(server, "carl")
        assert keeper.asked == []
        server.call(keeper.may.clear)
        both = [Program(server), Program(server)]
        for one, name in zip(both, ("ada", "eve"), strict=True):
            one.ask(f"/become {name}")
            one.send(type="join", name=name, ref="join")
        eventually(lambda: keeper.asked)
        eventually(lambda: server.call(lambda: len(server.server.chat.members)) == 4)
        assert sessions(server) == 4
        server.call(keeper.may.set)
        assert [listed(one) for one in both] == [{"lobby": (7, 0, 0)}] * 2
        assert keeper.asked == [("lobby", 1000)]


@pytest.mark.parametrize("answer", [None, "nonsense", [1], Reject("Not now."), RuntimeError("boom")])
def test_where_nothing_is_handed_in_it_is_counted_by_numbers(tmp_path, answer):
    keeper = Keeper(answer)
    keeper.problem = answer if isinstance(answer, Exception) else None
    with keeping(keeper, tmp_path, "ada", "eve") as server:
        assert listed(device(server, "ada")) == {"lobby": (7, 3, 0)}
        assert listed(device(server, "eve")) == {"lobby": (7, 3, 0)}
        assert len(keeper.asked) == (2 if isinstance(answer, Reject) else 1)


# --- what was said before is not told to who does not want it ---


def test_who_wants_no_replay_gets_none_now_and_later():
    with serving(settings=SETTINGS | {"plugins.history.replay": 20}) as server:
        bob = Program(server, "bob")
        bob.join(room="garden")
        say(bob, "one")
        say(bob, "two", room="garden")
        ada, eve = Program(server, "ada", replay=False), Program(server, "eve")
        ada.join(room="garden")
        eve.join(room="garden")
        assert kinds(settled(ada), "history") == []
        assert kinds(settled(eve), "history") == [("history", "garden", "")]
        again = back(server, lose(server, ada), replay=False)
        assert kinds(settled(again), "history") == []
        again = back(server, lose(server, again))
        assert kinds(settled(again), "history") != []
        assert again.request(type="history", room="lobby")["events"], "what one asks for is told"
