"""The history plugin where its database cannot be used, and where the server ends as suddenly as can be."""

import json
import resource

import pytest
from greenchat_plugins.history import store
from kit.histories import verified
from kit.outages import BUSY, OFF, ON, locked, numbered, serve, stored
from kit.programs import Program

from greenchat.client import RefusedError
from greenchat.protocol.events import Deleted
from greenchat.protocol.replies import HistoryPage
from greenchat.testing import DEADLINE, serving


def test_a_file_that_is_moved_away_while_it_is_used_is_noticed(tmp_path):
    file, away = tmp_path / store.FILE, tmp_path / "away" / store.FILE
    away.parent.mkdir()
    with serve(tmp_path) as people:
        ada = people.join("ada")
        assert ada.ack("one") == 1
        assert ada.reads() == numbered("one")
        file.rename(away)
        ada.not_stored("two")
        ada.until(ON)
        assert ada.ack("three") == 3
        assert ada.reads() == [(2, "two"), (3, "three")]
    assert stored(tmp_path) == [(2, "two"), (3, "three")]
    assert stored(away.parent) == numbered("one")


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs Linux")
def test_a_full_disk(tmp_path):
    with serve(tmp_path) as people:
        ada, bob = people.join("ada"), people.join("bob")
        pid, limit = people.process.process.pid, resource.RLIMIT_FSIZE
        _, hard = resource.prlimit(pid, limit)
        written = max(file.stat().st_size for file in tmp_path.glob(f"{store.FILE}*"))
        resource.prlimit(pid, limit, (written + 200_000, hard))
        texts, refused = [], None
        while refused is None:
            texts.append(f"{len(texts) + 1}{' word' * 100}")
            try:
                assert ada.ack(texts[-1]) == len(texts)
            except RefusedError as error:
                refused = error.code
        assert refused == "not_stored"
        assert len(texts) > 3
        bob.until(OFF)
        texts.append("more")
        ada.not_stored("more")
        resource.prlimit(pid, limit, (hard, hard))
        bob.until(ON)
        texts.append("last")
        assert ada.ack("last") == len(texts)
    assert stored(tmp_path) == numbered(*texts)


def state(guest):
    """The page of the lobby, as it is now, and its numbers."""
    page = guest.client.history("lobby")
    return [(event.seq, event.rev, getattr(event, "text", None)) for event in page.events], page.rev, page.epoch


def refused(guest, ref):
    with pytest.raises(RefusedError) as refusal:
        guest.client.confirm(ref)
    return refusal.value.code


def test_what_was_changed_meanwhile_is_kept_and_there_is_another_epoch(tmp_path):
    with serve(tmp_path) as people:
        ada, bob = people.join("ada"), people.join("bob")
        for text in ("one", "two", "three"):
            ada.ack(text)
        epoch = ada.client.history("lobby").epoch
        with locked(tmp_path):
            assert refused(ada, ada.client.edit("lobby", 1, "ONE")) == "not_stored"
            assert refused(ada, ada.client.delete("lobby", 2)) == "not_stored"
            ada.not_stored("four")
            assert refused(bob, bob.client.react("lobby", 3, "👍")) == "not_stored"
        ada.until(ON)
        expected = [(1, 4, "ONE"), (2, 5, None), (3, 7, "three"), (4, 6, "four")]
        found, rev, renewed = state(ada)
        assert (found, rev) == (expected, 7)
        assert renewed != epoch
        assert ada.client.history("lobby", epoch=epoch, rev=3).anew
        newer = ada.client.history("lobby", epoch=renewed, rev=5)
        assert [(event.seq, event.rev) for event in newer.events] == [(4, 6), (3, 7)]
        assert ada.ack("five") == 5
        people.process.stop()
    with serve(tmp_path) as people:
        found, rev, again = state(people.join("eve"))
        assert (found, rev, again) == ([*expected, (5, 8, "five")], 8, renewed)
    assert verified(tmp_path) == (0, ["It is whole."])


def test_newcomers_do_not_read_what_was_deleted_or_changed_meanwhile(tmp_path):
    """Nobody is in the room any more, and the file has nothing of it: it is what waits that they are told."""
    with serve(tmp_path) as people:
        ada, _ = people.join("ada", "garden"), people.join("bob")
        ada.ack("one")
        with locked(tmp_path):
            for text in ("My password is tulip.", "Helo!", "It is spring."):
                ada.not_stored(text)
            assert refused(ada, ada.client.delete("garden", 2)) == "not_stored"
            assert refused(ada, ada.client.edit("garden", 3, "Hello!")) == "not_stored"
            assert refused(ada, ada.client.react("garden", 3, "👍")) == "not_stored"
            ada.client.leave()
            assert list(ada.client)
            page = next(item for item in people.join("eve", "garden").client if isinstance(item, HistoryPage))
        gone, hello, spring = page.events
        assert gone == Deleted("garden", 2, 5, "ada", gone.time)
        assert (hello.text, hello.rev, hello.reactions) == ("Hello!", 7, {"👍": ["ada"]})
        assert hello.edited
        assert (spring.text, spring.rev) == ("It is spring.", 4)


def test_who_waits_for_the_disk_keeps_nobody_else_from_reading(tmp_path):
    with serving(settings={BUSY: DEADLINE, "plugins.history.commit_seconds": 3600}, data_dir=tmp_path) as server:
        ada, bob = Program(server, "ada"), Program(server, "bob")
        assert ada.request(type="say", text="one", room="lobby")["seq"] == 1
        with locked(tmp_path):
            catching_up = {"type": "history", "room": "lobby", "epoch": ada.welcome["epoch"], "rev": 1, "ref": "mine"}
            edit, say = {"type": "edit", "seq": 1, "text": "ONE"}, {"type": "say", "text": "two"}
            ada.peer.send(json.dumps(edit), json.dumps(say), json.dumps(catching_up))
            bob.read_until("message", text="two")
            page = bob.request(type="history", room="lobby")
            assert [(event["rev"], event["text"]) for event in page["events"]] == [(2, "ONE"), (3, "two")]
        newer = ada.read_until("history", ref="mine")
        assert [(event["rev"], event["text"]) for event in newer["events"]] == [(2, "ONE"), (3, "two")]


def test_changes_that_wait_for_the_disk_are_read_where_nobody_remembers_them(tmp_path):
    """Everybody has left the room since, and so it is opened anew."""
    with serving(settings={BUSY: DEADLINE, "plugins.history.commit_seconds": 3600}, data_dir=tmp_path) as server:
        ada, bob = Program(server, "ada", "garden"), Program(server, "bob", "garden")
        for number, text in numbered("one", "two"):
            assert ada.request(type="say", text=text, room="garden")["seq"] == number
        with locked(tmp_path):
            ada.send(type="edit", seq=1, text="ONE")
            ada.send(type="delete", seq=2)
            ada.send(type="leave")
            bob.read_until("left", name="ada")
            bob.request(type="join", room="lobby")
            bob.request(type="leave", room="garden")
            bob.request(type="join", room="garden")
            one, two = bob.request(type="history", room="garden")["events"]
            assert (one["text"], one["rev"]) == ("ONE", 3)
            assert (two["type"], two["rev"]) == ("deleted", 4)


def test_changes_of_what_was_said_before_the_file_was_there(tmp_path):
    """It was put back with more in it, changes as well: all numbers are higher then."""
    file, copy = tmp_path / store.FILE, tmp_path / "copy"
    with serve(tmp_path) as people:
        ada = people.join("ada")
        ada.ack("one")
        ada.client.confirm(ada.client.edit("lobby", 1, "ONE"))
        ada.ack("two")
        people.process.stop()
    file.rename(copy)
    file.write_bytes(b"nothing of that kind " * 1000)
    with serve(tmp_path) as people:
        ada = people.join("ada")
        ada.not_stored("a")
        ada.not_stored("b")
        assert refused(ada, ada.client.edit("lobby", 1, "A")) == "not_stored"
        ada.not_stored("c")
        assert refused(ada, ada.client.say("to b", "lobby", reply_to=2)) == "not_stored"
        copy.rename(file)
        ada.until(ON)
        assert ada.ack("d") == 7
        found, rev, epoch = state(ada)
        assert found == [
            (1, 2, "ONE"),
            (2, 3, "two"),
            (3, 6, "A"),
            (4, 5, "b"),
            (5, 7, "c"),
            (6, 8, "to b"),
            (7, 9, "d"),
        ]
        assert rev == 9
        assert ada.client.history("lobby").events[5].reply_to == 4
        newer = ada.client.history("lobby", epoch=epoch, rev=3)
        assert [(event.seq, event.rev) for event in newer.events] == [(4, 5), (3, 6), (5, 7), (6, 8), (7, 9)]
    assert verified(tmp_path) == (0, ["It is whole."])


def test_numbers_are_right_again_where_changes_were_lost(tmp_path):
    with serve(tmp_path, "--set", "plugins.history.waiting_messages=3") as people:
        ada, bob = people.join("ada"), people.join("bob")
        ada.ack("one")
        with locked(tmp_path):
            for text in "abcdefgh":
                refused(ada, ada.client.edit("lobby", 1, text))
        bob.until(f"{ON} 5 messages were not kept.")
        assert ada.client.confirm(ada.client.say("two", "lobby")).rev == 10
        found, rev, epoch = state(ada)
        assert (found, rev) == ([(1, 9, "h"), (2, 10, "two")], 10)
        for known in range(8, 11):
            newer = ada.client.history("lobby", epoch=epoch, rev=known)
            assert [event.rev for event in newer.events] == [other for other in (9, 10) if other > known]
