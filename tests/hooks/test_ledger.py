"""Who touched a message: what is told of it, to whom, and of what nothing is."""

import gevent
import pytest
from kit.machine import eventually
from kit.programs import Anybody, Program, says, sync, without_plugins

from greenchat import Reject, hookimpl
from greenchat.client import Client, ClientError, RefusedError
from greenchat.hooks import ledger
from greenchat.storage.datadir import PROOF_FILE
from greenchat.storage.proof import read_proof
from greenchat.testing import serving

ALONE = without_plugins("accounts", "history", "moderation", "web")


class Strict:
    """Refuses what has "bad" in it, quoting it; says "darn" otherwise; takes its time over "slow"; takes "mine"."""

    @hookimpl
    def greenchat_check_message(self, session, message):
        if "bad" in message.text:
            raise Reject(f"{message.text} is not said here.", code="bad_word")
        if "loud" in message.text:
            raise Reject("No shouting, please.", code="too_loud")
        if "slow" in message.text:
            gevent.sleep(ledger.DELAYED)
        return message.text.replace("darn", "d***")

    @hookimpl
    def greenchat_says(self, session, says):
        return "mine" in says.texts[0]


@pytest.fixture
def server():
    with serving(Strict(), Anybody, settings=ALONE) as running:
        yield running


def touches(server, **which):
    with Client.connect(server.host, server.port) as client:
        return client.why(**which, proof=read_proof(server.server.data_dir))


def why(peer, line="/why"):
    return [line.removeprefix("INFO|") for line in says(peer, line)]


def test_who_is_refused_reads_by_whom_and_why(server):
    ada = server.join("ada")
    assert why(ada) == ["No plugin has refused anything that you said of late."]
    ada.send("MSG|bad apples")
    ada.expect("ERROR|bad apples is not said here.")
    (line,) = why(ada)
    assert "plugin Strict refused a message of ada in lobby, in greenchat_check_message" in line
    assert line.endswith("bad_word: bad apples is not said here.")


def test_nobody_else_reads_a_sentence_that_quotes(server):
    ada, bob = server.join("ada"), server.join("bob")
    ada.send("MSG|bad apples", "MSG|loud")
    sync(ada)
    assert why(bob)[0].startswith("No plugin has refused")
    first, second = touches(server)
    assert (first.code, first.why, first.sender) == ("bad_word", "", "ada")
    assert (second.code, second.why) == ("too_loud", "No shouting, please.")


def test_what_was_changed_is_known_by_its_number(server):
    ada, bob = server.join("ada"), server.join("bob")
    ada.send("MSG|fine", "MSG|darn it", "MSG|bad", "MSG|fine", "MSG|well, darn")
    for text in ("fine", "d*** it", "fine", "well, d***"):
        bob.read_until(f"MSG|ada|{text}")
    sync(ada)
    changed = [touch for touch in touches(server, room="lobby") if touch.did == "changed"]
    assert [(touch.seq, touch.plugin) for touch in changed] == [(2, "Strict"), (4, "Strict")]
    assert [touch.did for touch in touches(server, room="lobby", seq=4)] == ["changed"]
    assert touches(server, room="lobby", seq=3) == []


def test_operators_ask_of_any_message_and_others_of_their_own(server):
    ada, bob = server.join("ada"), server.join("bob")
    ada.send("MSG|darn")
    bob.read_until("MSG|ada|d***")
    sync(ada)
    nothing = "No plugin has touched a message 1 of yours here, as far as is remembered."
    assert why(bob, "/why 1") == [nothing]
    assert "plugin Strict changed message 1 of ada in lobby" in why(ada, "/why #1")[0]
    says(bob, "/crown")
    assert "plugin Strict changed message 1 of ada in lobby" in why(bob, "/why 1")[0]
    assert why(bob, "/why 2") == ["No plugin has touched a message 2 here, as far as is remembered."]
    assert says(bob, "/why x")[0].startswith("ERROR|NUMBER is a whole number, such as 12, not 'x'.")


def test_of_what_is_said_alone_only_its_writer_is_told(server):
    ada, bob = Program(server, "ada"), server.join("bob")
    said = ada.request(type="say", to="bob", text="darn, a secret")
    ada.request(type="say", to="bob", text="bad secret")
    assert touches(server) == []
    says(bob, "/crown")
    assert why(bob, "/why 1")[0].startswith("No plugin has touched")
    ada.send(type="say", conversation=said["conversation"], text="/why 1")
    assert "changed message 1 of ada" in ada.read_until("notice")["text"]
    ada.send(type="say", text="/why")
    assert "refused a message of ada, in" in ada.read_until("notice")["text"]


@pytest.mark.parametrize("proof", ["", "0" * 32, "ä"])
def test_who_may_not_read_the_data_directory_is_told_nothing_from_there(server, proof):
    """A proxy may run on the server's own machine: everybody behind it comes from there."""
    server.join("ada", "closed").send("MSG|bad apples")
    with Client.connect(server.host, server.port) as client, pytest.raises(RefusedError) as refused:
        client.why(proof=proof)
    assert refused.value.code == "not_allowed"
    file = server.server.data_dir / PROOF_FILE
    assert file.stat().st_mode & 0o777 == 0o600


def test_commands_are_not_in_it(server):
    ada = server.join("ada")
    says(ada, "/login bad secret")
    says(ada, "/nick bad")
    ada.send("MSG|//bad")
    sync(ada)
    assert touches(server) == []


def test_what_takes_long_and_what_is_taken(server):
    ada, bob = server.join("ada"), server.join("bob")
    ada.send("MSG|slow")
    bob.read_until("MSG|ada|slow")
    ada.send("MSG|mine")
    assert eventually(lambda: len(touches(server)) == 2)
    delayed, took = touches(server)
    assert (delayed.did, delayed.hook) == ("delayed", "greenchat_check_message")
    assert delayed.seconds >= ledger.DELAYED
    assert (took.did, took.hook, took.room, took.sender) == ("took", "greenchat_says", "lobby", "ada")


def test_who_is_refused_a_hundred_times_is_one_entry(server):
    ada = server.join("ada")
    ada.send(*["MSG|loud"] * 100)
    sync(ada)
    (touch,) = touches(server)
    assert touch.times == 100
    assert "(100 times, the last then)" in touch.line


def test_it_is_bounded(server, monkeypatch):
    monkeypatch.setattr(ledger, "ENTRIES", 10)
    monkeypatch.setattr(ledger, "REASON_BYTES", 100)
    ada = server.join("ada")
    ada.send(*[f"MSG|darn {number}" for number in range(50)])
    ada.send(*[f"MSG|bad {number} " + "x" * 50 for number in range(20)])
    sync(ada)
    found = touches(server, limit=1000)
    assert len([touch for touch in found if touch.did == "changed"]) == 10
    assert len([touch for touch in found if touch.did == "refused"]) == 1


def test_a_guest_who_takes_the_name_is_not_told(server):
    ada = server.join("ada")
    ada.send("MSG|bad", "LEAVE")
    list(iter(ada.read, ""))
    assert why(server.join("ada"))[0].startswith("No plugin has refused")


class Holds:
    """Holds each acknowledgement for a while."""

    @hookimpl
    def greenchat_delay_ack(self, room, seq, rev, release):
        gevent.spawn_later(2 * ledger.DELAYED, release, None)
        return True


def test_an_acknowledgement_that_is_held_for_long_is_a_delay():
    with serving(Holds(), settings=ALONE) as server:
        ada = Program(server, "ada")
        ada.request(type="say", text="hello")
        (touch,) = touches(server)
    assert (touch.did, touch.plugin, touch.room, touch.seq) == ("delayed", "Holds", "lobby", 1)
    assert touch.seconds >= 2 * ledger.DELAYED


class Runs:
    """Looks at runs: changes, refuses."""

    @hookimpl
    def greenchat_check_messages(self, session, messages):
        return [Reject("No.", code="no") if text == "no" else text.lower() for text in messages.texts]


def test_in_a_run_each_message_has_its_own_number():
    with serving(Runs(), settings=ALONE) as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.send("MSG|one", "MSG|TWO", "MSG|no", "MSG|three", "MSG|FOUR")
        bob.read_until("MSG|ada|four")
        found = touches(server)
    assert [(touch.did, touch.seq) for touch in found] == [("changed", 2), ("refused", 0), ("changed", 4)]


def test_what_is_changed_by_editing_it_is_known_by_its_number(server):
    ada = Program(server, "ada")
    seq = ada.request(type="say", text="fine")["seq"]
    ada.request(type="edit", seq=seq, text="darn")
    (touch,) = touches(server)
    assert (touch.did, touch.seq) == ("changed", seq)


def test_a_server_tells_only_its_own_machine(server, monkeypatch):
    monkeypatch.setattr("greenchat.session.router.is_local", lambda address: False)
    with pytest.raises(ClientError, match="Only the server's own machine"):
        touches(server)
