"""The history plugin while its database is locked, damaged, gone or slow, and where the server is killed."""

import json
import socket
import time
from contextlib import suppress

import pytest
from greenchat_plugins.history import store
from kit.histories import START, history, keep, said
from kit.outages import BUSY, IS_OFF, OFF, ON, locked, numbered, serve, stored
from kit.programs import Anybody, says

from greenchat.client import RefusedError
from greenchat.protocol.events import Message
from greenchat.testing import DEADLINE, serving


def test_a_lock_of_another_program_ends_nothing_but_the_history(tmp_path):
    with serve(tmp_path) as people:
        ada, bob = people.join("ada"), people.join("bob")
        assert ada.ack("one") == 1
        with locked(tmp_path):
            ada.not_stored("two")
            assert bob.until(OFF) == ["one", "two"]
            ada.not_stored("three")
            for ask in (ada.client.history, lambda: ada.client.search("one")):
                with pytest.raises(RefusedError, match=r"History is off at the moment\. Try again later\.") as refused:
                    ask()
                assert refused.value.code == "history_off"
            people.join("cy").until(IS_OFF)
        assert bob.until(ON) == ["three"]
        assert ada.ack("four") == 4
        assert ada.reads() == numbered("one", "two", "three", "four")
        assert [message.seq for message in ada.client.search("three").messages] == [3]
    assert stored(tmp_path) == numbered("one", "two", "three", "four")


def test_operators_are_told_why_and_others_are_not(tmp_path):
    with serving(Anybody, settings={BUSY: 0.05}, data_dir=tmp_path) as server:
        ada, bob = server.join("ada"), server.join("bob")
        says(ada, "/crown")
        with locked(tmp_path):
            bob.send("MSG|hello")
            ada.read_until(f"INFO|{OFF}")
            ada.expect(f"INFO|History is off: {tmp_path / store.FILE} is locked by another program. End that.")
            bob.read_until(f"INFO|{OFF}")
        assert bob.read() == ada.read() == f"INFO|{ON}"


def garbage(file):
    file.write_bytes(b"All work and no play makes Jack a dull boy. " * 1000)


@pytest.mark.parametrize("spoil", [garbage, lambda file: file.mkdir()], ids=["damaged", "directory"])
def test_a_file_that_cannot_be_used_from_the_start_is_replaced_by_a_new_one(tmp_path, spoil):
    file = tmp_path / store.FILE
    spoil(file)
    with serve(tmp_path) as people:
        ada = people.join("ada")
        ada.until(IS_OFF)
        ada.not_stored("one")
        ada.not_stored("two")
        file.rename(tmp_path / "put-away")
        ada.until(ON)
        assert ada.ack("three") == 3
        assert ada.reads() == numbered("one", "two", "three")
    assert stored(tmp_path) == numbered("one", "two", "three")


def test_a_file_that_is_put_back_is_gone_on_with(tmp_path):
    file, copy = tmp_path / store.FILE, tmp_path / "copy"
    keep(tmp_path, said("lobby ada: one", "lobby ada: two", "garden ada: a"))
    file.rename(copy)
    garbage(file)
    with serve(tmp_path) as people:
        ada, bob = people.join("ada"), people.join("bob", "garden")
        ada.not_stored("three")
        bob.not_stored("b")
        ada.client.enter("den")
        ada.not_stored("alone")
        ada.client.confirm(ada.client.part("den"))
        copy.rename(file)
        bob.until(ON)
        assert [ada.ack("four"), bob.ack("c")] == [4, 3]
        assert ada.reads() == numbered("one", "two", "three", "four")
        assert people.join("cy").told() == numbered("one", "two", "three", "four")
    assert stored(tmp_path) == numbered("one", "two", "three", "four")
    assert stored(tmp_path, "garden") == numbered("a", "b", "c")
    assert stored(tmp_path, "den") == numbered("alone")


def test_what_waits_is_bounded_and_it_is_told_how_much_was_lost(tmp_path):
    with serve(tmp_path, "--set", "plugins.history.waiting_messages=10") as people:
        ada, bob = people.join("ada"), people.join("bob")
        assert ada.ack("0") == 1
        with locked(tmp_path):
            ada.not_stored("1")
            refs = [ada.client.say(f"{number}") for number in range(2, 26)]
            for ref in refs:
                with pytest.raises(RefusedError, match="could not be kept"):
                    ada.client.confirm(ref)
        bob.until(f"{ON} 15 messages were not kept.")
        assert ada.ack("26") == 27
    assert stored(tmp_path) == [(1, "0"), *((number + 1, f"{number}") for number in range(16, 27))]


@pytest.mark.parametrize("in_time", [True, False])
def test_the_end_of_the_server_is_not_held_up_for_long(tmp_path, in_time):
    with serve(tmp_path) as people:
        ada = people.join("ada")
        assert ada.ack("one") == 1
        with locked(tmp_path):
            ada.not_stored("two")
            ada.client.close()
            if not in_time:
                begun = time.monotonic()
                _, log = people.process.stop()
                assert time.monotonic() - begun < DEADLINE / 2
        if in_time:
            _, log = people.process.stop()
    assert ("messages lost: 1" in log) is not in_time
    assert f"history is off: {tmp_path / store.FILE} is locked by another program. End that." in log
    assert "Traceback" not in log
    assert stored(tmp_path) == numbered("one", "two")[: 1 + in_time]


def test_a_message_in_the_place_of_another_stops_nothing(tmp_path):
    with serve(tmp_path) as people:
        ada = people.join("ada")
        assert ada.ack("one") == 1
        keep(tmp_path, [Message("lobby", 2, 5, "bob", "from nowhere", START)])
        ada.ack("two")
        assert ada.ack("three") == 4
        assert ada.reads() == numbered("one", "from nowhere", "two", "three")
    assert history(tmp_path, "verify").exit_code == 0


class Talker:
    """A JSON client that says as much as the server takes, and knows what was acknowledged."""

    def __init__(self, port, name):
        self.name = name
        self.acked = {}
        self.said = 0
        self.socket = socket.create_connection(("127.0.0.1", port), DEADLINE)
        self.file = self.socket.makefile("rb")
        self.send(type="join", name=name)

    def send(self, **frame):
        self.socket.sendall(json.dumps(frame).encode() + b"\n")

    def talk(self, acks):
        """Talk until there are so many acks."""
        while len(self.acked) < acks:
            while self.said < len(self.acked) + 50:
                self.said += 1
                self.send(type="say", text=f"{self.name} {self.said}", ref=self.said)
            self.read()

    def read(self):
        """The next line. Whether there was one."""
        line = self.file.readline()
        if line.endswith(b"\n"):
            frame = json.loads(line)
            if frame["type"] == "ack":
                self.acked[frame["ref"]] = frame["seq"]
        return bool(line)

    def all_acked(self):
        """The sequence numbers by what was said, once the server has gone."""
        with suppress(ConnectionResetError):
            while self.read():
                pass
        self.file.close()
        self.socket.close()
        return self.acked


def test_a_server_that_is_killed_has_kept_each_acknowledged_message_once_and_in_order(tmp_path):
    acked = {}
    for life in range(3):
        with serve(tmp_path) as people:
            talkers = [Talker(people.process.port, f"{name}{life}") for name in ("ada", "bob")]
            for acks in range(50, 500, 50):
                for talker in talkers:
                    talker.talk(acks)
            people.process.process.kill()
            people.process.process.wait()
        for talker in talkers:
            acked |= {f"{talker.name} {ref}": seq for ref, seq in talker.all_acked().items()}
        messages = stored(tmp_path)
        assert [seq for seq, _ in messages] == list(range(1, len(messages) + 1))
        there = {text: seq for seq, text in messages}
        assert len(there) == len(messages)
        assert len(acked) >= (life + 1) * 2 * 450
        assert acked.items() <= there.items()
    assert history(tmp_path, "verify").exit_code == 0
