"""`greenchat connect` on a terminal, where what was said is answered, changed, deleted and reacted to."""

import pytest
from kit.comebacks import LOST, said
from kit.peers import event, message, page, welcome
from kit.programs import Program
from kit.proxies import Proxy
from kit.terminals import ENTER

pytest_plugins = ["kit.terminal_fixtures"]


@pytest.fixture
def eve(server, alice):
    """A program that has joined alice and bob, once she has been told."""
    program = Program(server, "eve")
    alice.wait_for("[INFO] eve has joined the chat.", ">")
    return program


def test_what_becomes_of_messages_is_a_line_each(alice, bob, eve):
    eve.request(type="say", text="Shall we go to the garden, or to the sea?")
    bob.send("MSG|To the garden!")
    alice.wait_for("[bob]: To the garden!", ">")
    alice.type("I am in." + ENTER + "/ping" + ENTER)
    alice.wait_for("[INFO] Pong.", ">")  # answers are in order: it was acknowledged
    eve.request(type="react", seq=3, emoji="🌷")
    eve.request(type="react", seq=3, emoji="🌷", on=False)
    eve.request(type="edit", seq=1, text="To the sea?")
    eve.request(type="say", text="With bob?", reply_to=2)
    eve.request(type="delete", seq=1)
    alice.wait_for(
        '[INFO] eve reacts with 🌷 to alice: "I am in."',
        '[INFO] eve takes back 🌷 from alice: "I am in."',
        '[INFO] eve has changed "Shall we go to the garden, or…": To the sea?',
        '[eve]: (to bob: "To the garden!") With bob?',
        "[INFO] eve has deleted a message.",
        ">",
    )


def test_one_answers_and_changes_by_commands(alice, eve):
    eve.request(type="say", text="Shall we?")
    alice.wait_for("[eve]: Shall we?", ">")
    alice.type("/re We shal." + ENTER)
    assert eve.read_until("message")["reply_to"] == 1
    alice.type("/edit We shall." + ENTER)
    alice.wait_for("> /edit We shall.", '[INFO] alice has changed "We shal.": We shall.', ">")
    alice.type("/history" + ENTER)
    alice.wait(lambda lines: "[INFO] That was before, " in lines[-2] and lines[-1] == ">")
    first, second = alice.lines[-4:-2]
    assert (first[:4], second[:4]) == ("[1] ", "[2] ")
    assert second.endswith('[alice]: (to eve: "Shall we?") We shall. (changed)')
    alice.type("/react 1 🌷" + ENTER)
    alice.wait_for("> /react 1 🌷", '[INFO] alice reacts with 🌷 to eve: "Shall we?"', ">")
    alice.type("/react 1 tada" + ENTER)
    alice.wait_for("> /react 1 tada", '[INFO] alice reacts with 🎉 to eve: "Shall we?"', ">")
    alice.type("/delete 1" + ENTER)
    alice.wait(lambda lines: "[ERROR] This message is not yours." in lines[-2])
    alice.type("/delete" + ENTER)
    alice.wait_for("> /delete", "[INFO] alice has deleted a message.", ">")
    assert eve.read_until("deleted")["seq"] == 2


def test_of_messages_that_were_said_before_one_came_the_number_is_shown(talk, raw):
    at = {"rev": 9, "by": "bob"}
    raw.send(
        message(8, "Yes.", reply_to=3),
        event("edited", seq=3, text="Really?", **at),
        event("reacted", seq=3, emoji="🌷", on=True, **at),
        event("deleted", seq=3, **at),
    )
    talk.wait_for(
        "[bob]: (to message 3) Yes.",
        "[INFO] bob has changed message 3: Really?",
        "[INFO] bob reacts with 🌷 to message 3",
        "[INFO] bob has deleted message 3.",
        ">",
    )


def test_a_history_that_one_asks_for_has_the_numbers(talk, raw):
    talk.type("/history" + ENTER)
    ask = raw.read()
    changed = message(2, "Really?", edited="2026-01-31T12:01:00Z", reactions={"🌷": ["ada", "eve"]})
    answer = message(3, "Yes.", reply_to=2)
    gone = event("deleted", seq=1, rev=7, by="bob")
    raw.send(page(gone, changed, answer, ref=ask["ref"]), {"type": "ack", "ref": ask["ref"]})
    talk.wait_for(
        "[INFO] The last 2 messages in lobby, since 2026-01-31 21:00:",
        "[2] 2026-01-31 21:00 [bob]: Really? (changed, 🌷 2)",
        '[3] 2026-01-31 21:00 [bob]: (to bob: "Really?") Yes.',
        "[INFO] That was before, until 2026-01-31 21:00.",
        ">",
    )
    talk.type("/react 3 👍" + ENTER)
    assert raw.read()["text"] == "/react 3 👍", "which the server understands"


def test_in_another_room(talk, raw):
    talk.type("/login alice hunter2" + ENTER)
    raw.send({"type": "ack", "ref": raw.read()["ref"]}, welcome("garden", account="alice"))
    raw.send(
        message(1, "Roses!", room="garden"), event("edited", room="garden", seq=1, rev=2, text="Tulips!", by="bob")
    )
    talk.wait_for("[garden] [bob]: Roses!", '[INFO] [garden] bob has changed "Roses!": Tulips!', ">")


# --- what was changed while the connection was lost ------------------------------------------------------------------


EPOCH = {"epoch": "1b5e"}


@pytest.fixture
def lost(talk, raw):
    """Alice has been told of four messages, one her own, and the connection is lost."""
    raw.send(welcome("lobby", seq=0, **EPOCH))
    raw.send(said(1, "one", rev=1), said(2, "two", rev=2, reactions={"👍": ["eve"]}), said(3, "three", rev=3))
    talk.wait_for("[bob]: three", ">")
    talk.type("mine" + ENTER)
    raw.send({"type": "ack", "ref": raw.read()["ref"], "seq": 4, "id": 104, "rev": 4})
    talk.type("/away" + ENTER)
    raw.send({"type": "ack", "ref": raw.read()["ref"]})
    raw.hang_up()
    talk.wait(lambda lines: lines[-3:] == [*LOST, ">"])
    return raw


def back(raw, *pages, **fields):
    """Take the client that comes back; what it asks, which is answered with these pages."""
    raw.accept()
    raw.send(welcome(ref=raw.read()["ref"], **fields))
    asked = []
    for answer in pages:
        asked.append(raw.read())
        raw.send(answer | {"ref": asked[-1]["ref"]})
    return asked


def test_changes_made_meanwhile_are_told(talk, lost):
    changed = said(1, "ONE", rev=7, edited="2026-01-31T13:00:00Z")
    reacted = said(2, "two", rev=9, reactions={"🌷": ["eve", "bob"]})
    gone = event("deleted", seq=3, rev=8, by="bob")
    never_seen = event("deleted", seq=6, rev=11, by="bob")
    mine = said(4, "mine", sender="alice", rev=12, reactions={"👍": ["bob"]})
    new = said(5, "five", rev=10, edited="2026-01-31T13:00:00Z", reply_to=2)
    later = said(7, "seven", rev=13)  # is told by itself
    (first, second) = back(
        lost,
        page(changed, gone, reacted, rev=9, more=True, **EPOCH),
        page(new, never_seen, mine, later, rev=13, **EPOCH),
        seq=6,
        rev=12,
        **EPOCH,
    )
    assert (first["rev"], first["epoch"], second["rev"]) == (3, "1b5e", 9), "an ack may overtake others"
    lost.send(later)
    talk.wait_for(
        "[INFO] You missed a message in lobby, since 2026-01-31 21:05:",
        '2026-01-31 21:05 [bob]: (to bob: "two") five (changed)',
        "[INFO] That was while you were away, until 2026-01-31 21:05.",
        '[INFO] While you were away: bob has changed "one": ONE',
        '[INFO] While you were away: eve takes back 👍 from bob: "two"',
        '[INFO] While you were away: eve reacts with 🌷 to bob: "two"',
        '[INFO] While you were away: bob reacts with 🌷 to bob: "two"',
        "[INFO] While you were away: bob has deleted a message.",
        '[INFO] While you were away: bob reacts with 👍 to alice: "mine"',
        "[bob]: seven",
        ">",
    )
    lost.send(event("edited", seq=5, rev=14, text="FIVE", by="bob"))
    talk.wait_for('[INFO] bob has changed "five": FIVE', ">")


def test_who_has_another_name_by_now_has_reacted_all_the_same(talk, lost):
    renamed = said(2, "two", rev=9, reactions={"👍": ["eva"], "🌷": ["bob"]})
    back(lost, page(renamed, rev=9, **EPOCH), seq=4, rev=9, **EPOCH)
    talk.wait(lambda lines: lines[-2] == '[INFO] While you were away: bob reacts with 🌷 to bob: "two"')
    assert not any("👍" in line for line in talk.lines)


def test_by_a_real_server(open_terminal, server):
    bob = Program(server, "bob")
    with Proxy(server.port) as proxy:
        alice = open_terminal("127.0.0.1", proxy.port, "--name", "alice")
        alice.wait(lambda lines: lines[-1] == ">")
        for text in ("one", "two", "three"):
            bob.request(type="say", text=text)
        alice.wait_for("[bob]: three", ">")
        alice.type("mine" + ENTER + "/ping" + ENTER)
        alice.wait_for("[INFO] Pong.", ">")  # answers are in order: it was acknowledged
        bob.request(type="react", seq=4, emoji="🌷")
        alice.wait_for('[INFO] bob reacts with 🌷 to alice: "mine"', ">")
        proxy.swallow()
        bob.request(type="edit", seq=1, text="ONE")
        bob.request(type="delete", seq=2)
        bob.request(type="say", text="four", reply_to=3)
        bob.request(type="edit", seq=5, text="FOUR")
        bob.request(type="react", seq=4, emoji="👍")
        proxy.give_up()
        alice.wait(lambda lines: "reacts with 👍" in lines[-2] and lines[-1] == ">")
        assert '[bob]: (to bob: "three") FOUR (changed)' in "\n".join(alice.lines)
        assert alice.lines[-4:] == [
            '[INFO] While you were away: bob has changed "one": ONE',
            "[INFO] While you were away: bob has deleted a message.",
            '[INFO] While you were away: bob reacts with 👍 to alice: "mine"',
            ">",
        ]
        bob.request(type="edit", seq=1, text="one")
        alice.wait_for('[INFO] bob has changed "ONE": one', ">")


def test_what_the_server_cannot_tell_is_read_by_its_numbers(talk, lost):
    new = said(5, "five", rev=2)
    _, by_numbers = back(
        lost, page(new, rev=2, anew=True, **EPOCH), page(said(4, "mine", sender="alice"), new), seq=5, rev=2, **EPOCH
    )
    assert by_numbers["after"] == 1
    talk.wait(lambda lines: "2026-01-31 21:05 [bob]: five" in lines and lines[-1] == ">")
    assert not any("While you were away:" in line for line in talk.lines)


def test_another_epoch_gives_numbers_to_others(talk, lost):
    (by_numbers,) = back(lost, page(message(4, "another", id=200), epoch="new"), seq=4, rev=4, epoch="new")
    assert "epoch" not in by_numbers
    lost.send(event("reacted", seq=1, rev=5, by="eve", emoji="🌷", on=True))
    lost.send(event("reacted", seq=4, rev=6, by="eve", emoji="🌷", on=True))
    talk.wait_for("[INFO] eve reacts with 🌷 to message 1", '[INFO] eve reacts with 🌷 to bob: "another"', ">")
