"""What happens to a person while one of their devices comes in, or comes back, and a plugin takes its time."""

import pytest
from gevent.event import Event
from kit.machine import eventually
from kit.programs import Anybody, Program, without_plugins
from kit.sessions import IMPATIENT, PATIENT, back, codes, device, kinds, lose, settled

from greenchat import Reject, hookimpl
from greenchat.testing import serving

NO_ACCOUNTS = without_plugins("accounts")


class Slow:
    """A plugin that lets nobody in until it may `go_on`."""

    def __init__(self):
        self.asked, self.go_on = Event(), Event()
        self.go_on.set()
        self.held = 0
        self.ends_next = False

    @hookimpl
    def greenchat_check_join(self):
        if not self.go_on.is_set():
            self.held += 1
            self.asked.set()
            self.go_on.wait()

    @hookimpl
    def greenchat_entered(self, session):
        if self.ends_next:
            self.ends_next = False
            session.end(Reject("Not you.", "rejected"))


@pytest.fixture
def slow():
    return Slow()


def serve(slow, settings=PATIENT):
    return serving(Anybody(), slow, settings=settings | NO_ACCOUNTS)


def held_up(server, slow, *requests):
    """Programs whose requests are being looked at."""
    server.call(slow.go_on.clear)
    programs = [Program(server) for _ in requests]
    for program, request in zip(programs, requests, strict=True):
        program.send(type="join", ref=1, **request)
    eventually(lambda: server.call(slow.asked.is_set))
    eventually(lambda: server.call(lambda: len(server.server.sessions)) >= len(requests))
    return programs


def people(server):
    return server.call(lambda: {one.name: len(one.sessions) for one in server.server.chat.members.values()})


def all_gone(server):
    eventually(lambda: not people(server))


def test_two_devices_that_come_back_at_once_are_one_person(slow):
    with serve(slow, IMPATIENT) as server:
        laptop, phone = device(server, "ada"), device(server, "ada")
        tokens = laptop.welcome["token"], phone.welcome["token"]
        lose(server, laptop, phone)
        all_gone(server)
        both = held_up(server, slow, *({"token": token} for token in tokens))
        server.call(slow.go_on.set)
        assert [one.read_until("welcome", "error")["type"] for one in both] == ["welcome", "welcome"]
        assert people(server) == {"ada": 2}


def test_who_logs_in_and_who_comes_back_at_once_are_one_person_whatever_they_are_called(slow):
    with serve(slow, IMPATIENT) as server:
        laptop = device(server, "ada")
        laptop.ask("/nick lovelace")
        token = lose(server, laptop)
        all_gone(server)
        (again,) = held_up(server, slow, {"token": token})
        login = Program(server)
        login.ask("/become ada")
        login.send(type="join", name="ada", ref="login")
        eventually(lambda: server.call(lambda: slow.held == 2))
        server.call(slow.go_on.set)
        assert again.read_until("welcome", "error")["type"] == "welcome"
        assert login.read_until("welcome", "error")["type"] == "welcome"
        assert list(people(server).values()) == [2]


def test_a_place_that_is_ended_while_its_device_comes_back_is_ended(slow):
    with serve(slow) as server:
        laptop, phone = device(server, "ada"), device(server, "ada")
        number = server.call(lambda: server.server.chat.find("ada").sessions[0].id)
        (again,) = held_up(server, slow, {"token": laptop.welcome["token"]})
        server.call(lambda: server.server.sessions[number].end(Reject("Ended.", "logged_out")))
        server.call(slow.go_on.set)
        assert again.read_until("welcome", "error")["code"] == "token_invalid"
        assert people(server) == {"ada": 1}
        assert phone.ask("still here")[-1]["type"] == "ack"


def test_who_comes_back_in_time_is_waited_for_also_where_it_is_asked_for_long(slow):
    with serve(slow, {"limits.absence_seconds": 0.2}) as server:
        ada, bob = Program(server, "ada"), Program(server, "bob")
        settled(bob)
        token = lose(server, ada)
        (again,) = held_up(server, slow, {"token": token})
        stay = server.call(lambda: server.server.chat.find("ada").stays[0])
        eventually(lambda: server.call(lambda: server.server.stays._clock() - stay.lost_at > 0.3))
        server.call(slow.go_on.set)
        assert again.read_until("welcome", "error")["type"] == "welcome"
        assert kinds(settled(bob), "left", "joined") == []


def test_who_is_ended_by_their_welcome_is_shown_nothing_more(slow):
    with serve(slow) as server:
        laptop = device(server, "ada")
        laptop.join(room="garden")
        phone = Program(server)
        phone.ask("/become ada")
        server.call(lambda: setattr(slow, "ends_next", True))
        phone.send(type="join", name="ada", room="lobby", ref=1)
        told = phone.rest()
        assert [frame["type"] for frame in told].count("welcome") == 1
        assert codes(told) == ["rejected"]
        rooms = server.server.chat.rooms
        shown = server.call(lambda: {room.name: len(room.fanout.listeners) for room in rooms.values()})
        assert shown == {"lobby": 1, "garden": 1}


def test_an_older_device_brings_no_older_state_back():
    """Rooms that were left, and whom one ignores, are the account's."""
    with serving(Anybody(), settings=IMPATIENT | NO_ACCOUNTS) as server:
        old, bob = device(server, "ada"), Program(server, "bob")
        old.join(room="garden")
        token = lose(server, old)
        bob.read_until("left")
        new = device(server, "ada")
        new.request(type="leave", room="garden")
        new.ask("/ignore bob", "lobby")
        new.leave()
        bob.read_until("left")
        again = back(server, token)
        assert again.welcome["rooms"] == ["lobby"]
        assert again.told("/ignore", "ignored")["names"] == ["bob"]


def test_no_account_has_more_sessions_by_coming_back():
    settings = PATIENT | NO_ACCOUNTS | {"limits.sessions_per_account": 2}
    with serving(Anybody(), settings=settings) as server:
        tokens = []
        for _ in range(2):
            some = [device(server, "ada") for _ in range(2)]
            tokens += [one.welcome["token"] for one in some]
            lose(server, *some)
        for token in tokens:
            back(server, token)
        assert people(server) == {"ada": 2}


def test_nobody_becomes_somebody_else_on_all_devices():
    with serving(Anybody(), settings=PATIENT | NO_ACCOUNTS) as server:
        laptop, phone, eve = device(server, "ada"), device(server, "ada"), device(server, "eve")
        assert laptop.refused("/become eve") == "already_logged_in"
        assert laptop.refused("/become carol") == "already_logged_in"
        assert people(server) == {"ada": 2, "eve": 1}
        assert phone.ask("it is me")[-1]["type"] == "ack"
        lose(server, phone)
        assert laptop.refused("/become eve") == "already_logged_in", "they may come back"
        assert eve.read_until("message")["sender"] == "ada"


def test_who_was_put_out_while_lost_reads_nothing_of_what_was_said_after_that():
    settings = PATIENT | without_plugins("accounts", "history")
    with serving(Anybody(), settings=settings) as server:
        owner, ada = device(server, "own", "garden"), device(server, "ada", "garden")
        lose(server, ada)
        assert owner.ask("/kick ada")[-1]["type"] == "ack"
        owner.ask("not for ada")
        again = device(server, "ada", "lobby")
        assert again.welcome["rooms"] == ["lobby"]
        again.join(room="garden")
        page = again.request(type="history", room="garden", epoch=ada.welcome["epoch"], rev=0, limit=50)
        assert "not for ada" not in str(page)


def test_what_could_not_be_written_is_written_later(tmp_path):
    """A place that was ended while the disk was full is not there again after a restart."""
    with serving(Anybody(), settings=PATIENT | NO_ACCOUNTS, data_dir=tmp_path) as server:
        ada, bob = Program(server, "ada"), Program(server, "bob")
        store = server.server.session_store
        eventually(lambda: server.call(lambda: not (store._stays or store._is_writing)))
        start = store._database.start

        def full(work, done):
            done(None, OSError("no space left"))

        server.call(lambda: setattr(store._database, "start", full))
        ada.leave()
        server.call(lambda: setattr(store._database, "start", start))
        bob.ask("/away Lunch")
    with serving(Anybody(), settings=PATIENT | NO_ACCOUNTS, data_dir=tmp_path) as server:
        assert Program(server).join(token=ada.welcome["token"])["code"] == "token_invalid"


@pytest.mark.parametrize("command", ["/re yes", "/react 👍", "/edit mended"])
def test_nobody_is_quoted_to_who_ignores_them_whatever_they_were_called(command):
    with serving(Anybody(), settings=PATIENT | NO_ACCOUNTS) as server:
        bob, carol, ann = Program(server, "bob"), Program(server, "carol"), server.join("ann")
        bob.ask("nobody wants to read this")
        ann.read_until("MSG|bob|nobody wants to read this")
        bob.ask("/nick rob")
        ann.send("MSG|/ignore rob", "MSG|/ping")
        ann.read_until("INFO|Pong.")
        (bob if "/edit" in command else carol).ask(command)
        ann.send("MSG|/ping", "MSG|/ping")
        told = ann.read_until("INFO|Pong.") + ann.read_until("INFO|Pong.")
        assert "nobody wants" not in str(told)
