"""Who has said something and who has reacted to it: as everybody is told, live, in history, found, and catching up."""

from datetime import UTC, datetime

import pytest
from kit.programs import Anybody, Program, without_plugins

from greenchat.client import renamed
from greenchat.protocol.events import Message, Renamed
from greenchat.testing import serving


@pytest.fixture(params=["in memory", "kept"])
def chat(request, tmp_path):
    """A server with a history, and one without."""
    settings = without_plugins("history") if request.param == "in memory" else {}
    with serving(Anybody, data_dir=tmp_path, settings=settings) as server:
        server.keeps = request.param == "kept"
        yield server


def say(one, text, **fields):
    return one.request(type="say", text=text, room="lobby", **fields)


def react(one, emoji, seq=1, on=True):
    answer = one.request(type="react", seq=seq, emoji=emoji, on=on, room="lobby")
    assert answer["type"] == "ack"
    return answer["rev"]


def told(chat, reader):
    """The first message as `reader` is told of it, in all ways that there are, which are to be the same."""
    epoch = reader.welcome["epoch"]
    pages = [reader.request(type="history", room="lobby", rev=0, epoch=epoch)["events"]]
    pages.append(reader.request(type="history", room="lobby", epoch="-")["events"])
    if chat.keeps:
        pages.append(reader.request(type="history", room="lobby")["events"])
        pages.append(reader.request(type="search", text="spring")["messages"])
    first, *others = [next(event for event in page if event["seq"] == 1) for page in pages]
    assert all(other == first for other in others)
    return first


def test_who_reacted_is_told_by_the_name_that_they_have_now(chat):
    ada, bob, eve = (Program(chat, name) for name in ("ada", "bob", "eve"))
    say(ada, "It is spring.")
    react(bob, "🌷")
    bob.ask("/nick rob")
    assert told(chat, eve)["reactions"] == {"🌷": ["rob"]}
    rev = react(bob, "🌷", on=False)
    assert eve.read_until("reacted", on=False)["by"] == "rob"
    assert rev == 3, "it is theirs still"
    assert "reactions" not in told(chat, eve)


def test_an_account_is_told_by_its_own_name_while_it_is_not_here(chat):
    ada, eve, laptop = (Program(chat, name) for name in ("ada", "eve", "visitor"))
    say(ada, "It is spring.")
    laptop.ask("/become bob")
    react(laptop, "🌷")
    assert told(chat, eve)["reactions"] == {"🌷": ["visitor"]}
    laptop.leave()
    assert told(chat, eve)["reactions"] == {"🌷": ["bob"]}
    phone = Program(chat, "guest")
    phone.ask("/become bob")
    assert told(chat, eve)["reactions"] == {"🌷": ["guest"]}
    assert react(phone, "🌷", on=False) == 3


def test_a_guest_who_has_gone_is_not_who_has_their_name_by_now(chat):
    ada, bob, eve = (Program(chat, name) for name in ("ada", "bob", "eve"))
    say(ada, "It is spring.")
    react(bob, "🌷")
    bob.leave()
    eve.read_until("left")
    assert told(chat, eve)["reactions"] == {"🌷": ["bob"]}
    other = Program(chat, "Bob")
    react(other, "🌷")
    assert told(chat, other)["reactions"] == {"🌷": ["bob (gone)", "Bob"]}
    other.ask("/nick rob")
    assert told(chat, eve)["reactions"] == {"🌷": ["bob", "rob"]}


def test_whom_one_ignores_is_not_named_to_oneself_and_is_to_others(chat):
    ada, bob, eve = (Program(chat, name) for name in ("ada", "bob", "eve"))
    say(ada, "It is spring.")
    bob.ask("/become bob")
    for one in (bob, ada):
        react(one, "🌷")
    react(bob, "👍")
    eve.ask("/ignore bob")
    for _ in range(2):
        assert told(chat, eve)["reactions"] == {"🌷": ["ada"]}
        assert told(chat, ada)["reactions"] == {"🌷": ["bob", "ada"], "👍": ["bob"]}
        bob.leave()
    assert react(eve, "👍") == 5, "she may put the same there"


def test_who_comes_in_is_told_by_names_of_now_and_not_of_whom_they_ignore(tmp_path):
    with serving(Anybody, data_dir=tmp_path, settings={"plugins.history.replay": 20}) as chat:
        ada, bob, eve = (Program(chat, name) for name in ("ada", "bob", "eve"))
        say(ada, "It is spring.")
        for one in (bob, eve):
            react(one, "🌷")
        bob.ask("/nick rob")
        page = Program(chat, "dan").read_until("history")
        assert page["events"][0]["reactions"] == {"🌷": ["rob", "eve"]}
        ada.ask("/ignore rob")
        ada.request(type="leave", room="lobby")
        ada.join(room="lobby")
        assert ada.read_until("history")["events"][0]["reactions"] == {"🌷": ["eve"]}


def test_a_new_name_holds_for_reactions_that_one_shows():
    noon = datetime(2026, 1, 31, 12, tzinfo=UTC)
    message = Message("lobby", 1, 1, "ada", "Hi.", noon, reactions={"👍": ["eve", "bob", "rob"], "🌷": ["bob"]})
    now = renamed(message, Renamed("garden", "Bob", "Rob", noon))
    assert now.reactions == {"👍": ["eve", "Rob", "rob (gone)"], "🌷": ["Rob"]}
    plain = Message("lobby", 1, 1, "ada", "Hi.", noon)
    assert renamed(plain, Renamed("garden", "Bob", "Rob", noon)) is plain


# --- whose account it was ---


def test_a_message_of_somebody_logged_in_names_the_account_and_has_no_other_bytes(chat):
    ada, guest, eve = Program(chat, "Wanda"), Program(chat, "gus"), Program(chat, "eve")
    eve.request(type="ping")  # what came with the welcome is read
    ada.ask("/become ada")
    ada.send(type="say", text="It is spring.", room="lobby")
    say(ada, "Is it?", reply_to=1)
    for text in ("/me waves", "one"):
        ada.ask(text, room="lobby")
    say(guest, "No.")
    lines = [eve.peer.read() for _ in range(5)]
    assert [line.count(',"account":"ada"}') for line in lines] == [1, 1, 1, 1, 0]
    assert [line.count("account") for line in lines] == [1, 1, 1, 1, 0]
    assert told(chat, eve)["account"] == "ada"
    if chat.keeps:
        events = eve.request(type="history", room="lobby")["events"]
        assert [event.get("account") for event in events] == ["ada"] * 4 + [None]


def test_several_at_once_all_name_the_account(chat):
    ada, eve = Program(chat, "Wanda"), Program(chat, "eve")
    ada.ask("/become ada")
    ada.send(type="say", text="It is spring.", room="lobby", times=20)
    said = [eve.read_until("message") for _ in range(20)]
    assert [(one["seq"], one["rev"], one["account"]) for one in said] == [(n, n, "ada") for n in range(1, 21)]
    assert len({one["id"] for one in said}) == 20


def test_an_account_that_is_gone_is_not_named_any_more(chat):
    ada, eve = Program(chat, "Wanda"), Program(chat, "eve")
    ada.ask("/become ada")
    say(ada, "It is spring.")
    ada.leave()
    chat.call(lambda: chat.server.accounts.remove(chat.server.accounts.find("ada")))
    assert "account" not in told(chat, eve)
