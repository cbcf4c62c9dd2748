"""Messages are answered, changed, deleted and reacted to: who may, who is told, and in which words."""

import pytest
from kit.programs import Anybody, Program, says, sync, without_plugins

from greenchat import hookimpl
from greenchat.testing import serving

ALONE = without_plugins("history")


@pytest.fixture
def chat():
    """Without a history: what is remembered is in memory."""
    with serving(Anybody, settings=ALONE) as server:
        yield server


def change(one, kind, seq, **fields):
    return one.request(type=kind, seq=seq, room="lobby", **fields)


def say(one, text, **fields):
    return one.request(type="say", text=text, room="lobby", **fields)


def same(frame, **fields):
    """Whether a frame has these fields, whatever else it has."""
    return {name: frame.get(name) for name in fields} == fields


def test_a_correction_comes_to_all_and_before_its_answer(chat):
    ada, bob, eve = Program(chat, "ada"), Program(chat, "bob"), chat.join("eve")
    said = say(ada, "Helo!")
    assert (said["seq"], said["rev"]) == (1, 1)
    *_, edited, ack = ada.exchange(type="edit", seq=1, text="Hello!", room="lobby")
    assert same(edited, type="edited", room="lobby", seq=1, rev=2, text="Hello!", by="ada")
    assert same(ack, type="ack", seq=1, rev=2, id=None)
    assert bob.read_until("edited") == edited
    eve.read_until("MSG|ada|Helo!")
    eve.expect('INFO|ada has changed "Helo!": Hello!')
    assert say(bob, "Hi.")["rev"] == 3


def test_what_is_deleted_is_not_said_once_more(chat):
    ada, bob, eve = Program(chat, "ada"), Program(chat, "bob"), chat.join("eve")
    say(ada, "My password is tulip.")
    assert change(ada, "delete", 1)["rev"] == 2
    assert same(bob.read_until("deleted"), seq=1, rev=2, by="ada")
    assert [line for line in sync(eve) if "tulip" in line] == ["MSG|ada|My password is tulip."]
    for kind, more in (("edit", {"text": "x"}), ("delete", {}), ("react", {"emoji": "👍"})):
        assert change(ada, kind, 1, **more)["code"] == "unknown_message"
    assert say(bob, "What?", reply_to=1)["code"] == "unknown_message"


def test_a_reaction_is_there_once_and_can_be_taken_away(chat):
    ada, bob, eve = Program(chat, "ada"), Program(chat, "bob"), chat.join("eve")
    say(ada, "It is spring.")
    assert change(bob, "react", 1, emoji="🌷")["rev"] == 2
    assert same(ada.read_until("reacted"), seq=1, rev=2, by="bob", emoji="🌷", on=True)
    assert change(bob, "react", 1, emoji="🌷")["rev"] == 2, "it is there already"
    assert change(ada, "react", 1, emoji="🌷", on=False)["rev"] == 2, "hers is not"
    assert change(bob, "react", 1, emoji="🌷", on=False)["rev"] == 3
    assert same(ada.read_until("reacted"), rev=3, on=False)
    lines = [line for line in sync(eve) if "🌷" in line]
    assert lines == [
        'INFO|bob reacts with 🌷 to ada: "It is spring."',
        'INFO|bob takes back 🌷 from ada: "It is spring."',
    ]


@pytest.mark.parametrize("emoji", ["", "ok", "1", ":)", "👍 yes", "👍" * 13, "\u200d", "a\u20e3"])
def test_what_is_no_emoji(chat, emoji):
    ada = Program(chat, "ada")
    say(ada, "It is spring.")
    assert change(ada, "react", 1, emoji=emoji)["code"] == "emoji_invalid"


@pytest.mark.parametrize("emoji", ["👍🏽", "❤️", "1️⃣", "👨‍👩‍👧‍👦", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🇩🇪"])
def test_an_emoji_may_have_parts(chat, emoji):
    ada = Program(chat, "ada")
    say(ada, "It is spring.")
    assert change(ada, "react", 1, emoji=emoji)["rev"] == 2


def test_a_message_bears_only_so_many_reactions(chat):
    people = [Program(chat, name) for name in ("ada", "bob", "eve")]
    say(people[0], "It is spring.")
    signs = [chr(0x1F331 + number) for number in range(21)]
    for number, sign in enumerate(signs[:20]):
        assert change(people[number // 10], "react", 1, emoji=sign)["type"] == "ack"
    assert change(people[0], "react", 1, emoji=signs[10])["code"] == "too_many_reactions", "hers"
    assert change(people[2], "react", 1, emoji=signs[20])["code"] == "too_many_reactions", "different ones"
    assert change(people[2], "react", 1, emoji=signs[0])["type"] == "ack"


def test_an_answer_names_what_it_answers(chat):
    ada, bob, eve = Program(chat, "ada"), Program(chat, "bob"), chat.join("eve")
    say(ada, "Shall we go to the garden today, or to the sea?")
    assert say(bob, "To the sea!", reply_to=1)["seq"] == 2
    assert same(ada.read_until("message"), seq=2, text="To the sea!", reply_to=1)
    eve.read_until("MSG|ada|Shall we go to the garden today, or to the sea?")
    eve.expect('MSG|bob|(to ada: "Shall we go to the garden tod…") To the sea!')
    assert say(bob, "Or not.", reply_to=7)["code"] == "unknown_message"
    assert bob.request(type="say", to="ada", text="Or not.", reply_to=1)["code"] == "unknown_message"


def test_an_answer_and_others_keep_their_order_and_numbers(chat):
    ada, bob = Program(chat, "ada"), Program(chat, "bob")
    frames = [{"type": "say", "text": str(n), "room": "lobby", "ref": n} for n in range(6)]
    frames[3]["reply_to"] = 1
    for frame in frames:
        ada.send(**frame)
    told = [bob.read_until("message") for _ in frames]
    assert [(frame["text"], frame["seq"], frame["rev"]) for frame in told] == [(str(n), n + 1, n + 1) for n in range(6)]
    acks = [ada.read_until("ack") for _ in frames]
    assert [(ack["seq"], ack["rev"]) for ack in acks] == [(n + 1, n + 1) for n in range(6)]


def test_who_may_change_what(chat):
    ada, bob = Program(chat, "ada"), Program(chat, "bob")
    say(ada, "Mine.")
    for kind, more in (("edit", {"text": "Yours."}), ("delete", {})):
        assert change(bob, kind, 1, **more)["code"] == "not_allowed"
    ada.leave()
    again = Program(chat, "ada")
    assert change(again, "delete", 1)["code"] == "not_allowed", "another guest of this name"
    bob.ask("/crown")
    assert change(bob, "edit", 1, text="Yours.")["code"] == "not_allowed"
    assert change(bob, "delete", 1)["type"] == "ack"


def test_an_account_changes_its_messages_on_all_devices(chat):
    ada = Program(chat, "ada")
    ada.ask("/become ada")
    say(ada, "Mine.")
    ada.leave()
    again = Program(chat, "ada-2")
    again.ask("/become ada")
    other = Program(chat, "ada-3")
    other.ask("/become ada")
    assert change(other, "edit", 1, text="Mine!")["type"] == "ack"
    assert same(again.read_until("edited"), text="Mine!", by="ada-2")


def test_the_owner_of_a_room_deletes_and_that_is_on_record():
    acts = []

    class Watch:
        @hookimpl
        def greenchat_acted(self, act):
            acts.append((act.by, act.act, act.target, act.room, act.details))

    with serving(Anybody, Watch(), settings=ALONE) as server:
        ada, bob = Program(server, "ada", "garden"), Program(server, "bob", "garden")
        bob.request(type="say", text="Weeds.")
        assert ada.request(type="delete", seq=1)["type"] == "ack"
        bob.request(type="say", text="Roses.")
        assert bob.request(type="delete", seq=2)["type"] == "ack"
    assert acts == [("ada", "delete", "bob", "garden", "message 1")]


def test_edits_are_bounded_in_time():
    with serving(settings=ALONE | {"limits.edit_seconds": 1e-6}) as server:
        ada = Program(server, "ada")
        say(ada, "Helo!")
        assert change(ada, "edit", 1, text="Hello!")["code"] == "too_late"
        assert change(ada, "delete", 1)["type"] == "ack"


def test_an_edit_passes_what_new_words_pass():
    with serving(Anybody, settings=ALONE | {"plugins.moderation.words": ["weed"]}) as server:
        ada, bob = Program(server, "ada"), Program(server, "bob")
        say(ada, "Hello!")
        assert change(ada, "edit", 1, text="A weed!")["code"] == "word"
        assert change(ada, "edit", 1, text="/login ada secret")["code"] == "unknown_command"
        assert change(ada, "edit", 1, text="  ")["code"] == "empty"
        assert change(ada, "edit", 1, text="a\n\x07")["code"] == "control"
        assert change(ada, "edit", 1, text="//shrug")["type"] == "ack"
        assert bob.read_until("edited")["text"] == "/shrug"


def test_who_is_muted_neither_changes_nor_reacts():
    with serving(Anybody, settings=ALONE) as server:
        ada, bob = Program(server, "ada"), Program(server, "bob")
        say(bob, "Hello!")
        ada.ask("/become ada")
        ada.ask("/crown")
        ada.ask("/mute bob 1h")
        assert change(bob, "edit", 1, text="Hello?")["code"] == "muted"
        assert change(bob, "react", 1, emoji="👍")["code"] == "muted"
        assert change(bob, "delete", 1)["type"] == "ack"


def test_who_ignores_somebody_reads_neither_their_words_nor_quotations_of_them(chat):
    ada, bob = Program(chat, "ada"), Program(chat, "bob")
    eve, dan = chat.join("eve"), Program(chat, "dan")
    says(eve, "/ignore ada")
    dan.ask("/ignore ada")
    say(ada, "Secret garden.")
    change(ada, "edit", 1, text="Secret gardens.")
    change(ada, "react", 1, emoji="🌷")
    say(bob, "Where?", reply_to=1)
    change(bob, "react", 1, emoji="👍")
    lines = sync(eve)
    assert [line for line in lines if "ecret" in line or "🌷" in line] == []
    assert "MSG|bob|(to message 1) Where?" in lines
    assert "INFO|bob reacts with 👍 to message 1" in lines
    dan.send(type="ping", ref="end")
    told = []
    while (frame := dan.read()).get("ref") != "end":
        told.append((frame["type"], frame.get("by") or frame.get("sender")))
    assert [one for one in told if one[0] in ("message", "edited", "reacted")] == [
        ("message", "bob"),
        ("reacted", "bob"),
    ]


def test_other_devices_of_who_changes_something_are_told(chat):
    phone, laptop = Program(chat, "ada"), Program(chat, "ada-2")
    phone.ask("/become ada")
    laptop.ask("/become ada")
    say(phone, "Helo!")
    say(phone, "An answer.", reply_to=1)
    assert same(laptop.read_until("message"), own=True, seq=1)
    assert same(laptop.read_until("message"), own=True, seq=2, reply_to=1)
    change(laptop, "edit", 1, text="Hello!")
    assert same(phone.read_until("edited"), seq=1, text="Hello!")


# --- catching up ---


def catch_up(one, rev, epoch, **fields):
    return one.request(type="history", room="lobby", rev=rev, epoch=epoch, **fields)


def test_catching_up_is_what_is_newer_as_it_is_now(chat):
    ada, bob = Program(chat, "ada"), Program(chat, "bob")
    epoch = ada.welcome["epoch"]
    assert (bob.welcome.get("rev", 0), bob.welcome["epoch"]) == (0, epoch)
    for text in ("one", "two", "three", "four"):
        say(ada, text)
    change(ada, "edit", 1, text="ONE")
    change(bob, "react", 2, emoji="👍")
    change(ada, "delete", 3)
    page = catch_up(bob, 4, epoch)
    assert (page["rev"], page["epoch"], page.get("more"), page.get("anew")) == (7, epoch, None, None)
    edited, reacted, deleted = page["events"]
    assert same(edited, type="message", seq=1, rev=5, text="ONE")
    assert edited["edited"]
    assert same(reacted, type="message", seq=2, rev=6, text="two", reactions={"👍": ["bob"]})
    assert same(deleted, type="deleted", seq=3, rev=7, by="ada")
    assert [event["seq"] for event in catch_up(bob, 0, epoch)["events"]] == [4, 1, 2, 3]
    assert catch_up(bob, 7, epoch)["events"] == []


def test_catching_up_by_pages(chat):
    ada = Program(chat, "ada")
    for text in range(7):
        say(ada, str(text))
    change(ada, "edit", 2, text="Two")
    rev, found = 0, []
    while True:
        page = catch_up(ada, rev, ada.welcome["epoch"], limit=3)
        found += [event["seq"] for event in page["events"]]
        rev = page["rev"]
        if not page.get("more"):
            break
    assert (found, rev) == ([1, 3, 4, 5, 6, 7, 2], 8)


def test_who_cannot_catch_up_begins_anew(chat):
    ada, bob = Program(chat, "ada"), Program(chat, "bob")
    say(ada, "one")
    for rev, epoch in ((0, "another"), (2, ada.welcome["epoch"])):
        page = catch_up(bob, rev, epoch)
        assert page["anew"]
        assert (page["rev"], page["epoch"]) == (1, ada.welcome["epoch"])
        assert [event["text"] for event in page["events"]] == ["one"]


def test_without_a_history_nobody_reads_what_was_said_before_they_came(chat):
    ada = Program(chat, "ada")
    say(ada, "Before.")
    bob = Program(chat, "bob")
    say(ada, "After.")
    page = catch_up(bob, 0, bob.welcome["epoch"])
    assert page["anew"]
    assert [event["text"] for event in page["events"]] == ["After."]
    assert catch_up(bob, 1, bob.welcome["epoch"]).get("anew") is None
    assert bob.request(type="history", room="lobby")["code"] == "no_history"
    bob.ask("/part")
    say(ada, "Meanwhile.")
    bob.join(room="lobby")
    assert [event["text"] for event in catch_up(bob, 1, bob.welcome["epoch"])["events"]] == []


def test_a_lost_connection_catches_up_without_a_history():
    with serving(settings=ALONE | {"limits.absence_seconds": 0}) as server:
        ada, bob = Program(server, "ada"), Program(server, "bob")
        say(bob, "one")
        token, epoch = bob.welcome["token"], bob.welcome["epoch"]
        bob.peer.close()
        ada.read_until("left")
        say(ada, "two")
        back = Program(server)
        welcome = back.join(token=token)
        assert (welcome["rev"], welcome["epoch"]) == (2, epoch)
        assert [event["text"] for event in catch_up(back, 1, epoch)["events"]] == ["two"]
