"""The web page among people: who is told of what, and what a server has or has not."""

import re

from kit.browsers import expect, needs_browser
from kit.pages import OUTSIDE, choose, look, outside
from kit.programs import sync

from greenchat.testing import serving

pytestmark = needs_browser
pytest_plugins = ["kit.browser_fixtures"]


def test_who_looks_elsewhere_is_told_of_mentions_and_direct_messages(chat, visit):
    bob = chat.join("bob")
    ada = visit(chat, script=OUTSIDE).join("ada")
    assert ada.page.evaluate("() => window.asked") == 0, "nobody is asked before they want it"
    look(ada, elsewhere=True)
    bob.send("MSG|ada: first")
    expect(ada.page).to_have_title(re.compile(r"^\(1\) lobby"))
    assert outside(ada) == [[], 0], "both are off until switched on"
    look(ada, elsewhere=False)
    expect(ada.page).to_have_title(re.compile("^lobby"))
    choose(ada, "^Notifications: off")
    choose(ada, "^Sound: off")
    assert ada.page.evaluate("() => window.asked") == 1
    look(ada, elsewhere=True)
    bob.send("MSG|nothing for her", "MSG|hey @ada!", "MSG|/msg ada psst")
    expect(ada.page).to_have_title(re.compile(r"^\(2\) lobby"))
    notes, sounds = outside(ada)
    assert (sorted(notes), sounds) == (["bob | bob: psst", "lobby | bob: hey @ada!"], 2)
    look(ada, elsewhere=False)
    expect(ada.page).to_have_title(re.compile(r"^\(1\) lobby"))  # the direct one was not read yet
    bob.send("MSG|ada: she looks")
    ada.sees("ada: she looks")
    assert outside(ada) == [[], 2]
    # A reload keeps what was switched on.
    ada.page.reload()
    expect(ada.box).to_be_visible()
    ada.page.locator("#self").click()
    expect(ada.menu).to_contain_text("Notifications: on")
    expect(ada.menu).to_contain_text("Sound: on")


def test_what_is_new_is_read_out_politely(chat, visit):
    bob, eve = chat.join("bob"), chat.join("eve", "dev")
    ada = visit(chat).join("ada")
    ada.say("/join dev")
    ada.is_in("dev")
    ada.room("lobby").click()
    heard = ada.page.locator("[aria-live=polite]")
    bob.send("MSG|hello there")
    expect(heard).to_have_text("bob: hello there")
    eve.send("MSG|in another room")
    expect(ada.room("dev")).to_have_accessible_name(re.compile("1 unread"))
    ada.say("my own")
    ada.has_stored("my own")
    expect(heard).to_have_text("bob: hello there")
    bob.send("MSG|/topic Ducks")
    expect(heard).to_have_text("bob has set the topic: Ducks")
    # What is for her is heard wherever she looks, and where it was said.
    eve.send("MSG|ada: over here")
    expect(heard).to_have_text("eve in dev: ada: over here")
    bob.send("MSG|/msg ada psst")
    expect(heard).to_have_text("bob to you alone: psst")
    # In a group, too, who has said it.
    bob.send("MSG|one", "MSG|two")
    expect(ada.line("two")).to_contain_text("bob")


def test_an_answer_to_who_wrote_last_stands_in_their_conversation(chat, visit):
    bob = chat.join("bob")
    ada = visit(chat).join("ada")
    bob.send("MSG|/msg ada one?", "MSG|/away lunch")
    talk = ada.page.locator("#direct-list").get_by_role("button")
    expect(talk).to_contain_text("1")
    ada.say("/reply two")
    expect(ada.log.get_by_text("To bob: two")).to_be_visible()
    talk.click()
    expect(ada.lines).to_have_text(["one?", "two"])
    ada.say("/reply three")
    ada.sees("three")
    expect(ada.lines).to_have_text(["one?", "two", "three"])
    assert [line for line in sync(bob) if "private" in line] == ["MSG|ada (private)|two", "MSG|ada (private)|three"]
    expect(talk).to_have_count(1)


def test_a_pass_phrase_is_asked_for_where_there_is_one_also_behind_a_prefix(visit):
    with serving(settings={"server.password": "open sesame", "plugins.web.prefix": "/talk"}) as chat:
        ada = visit(chat, link="talk/")
        phrase = ada.secret("Pass phrase of this chat")
        expect(phrase).to_be_hidden()
        ada.fill_in("ada")
        expect(phrase).to_be_focused()
        phrase.fill("wrong")
        ada.button("Join").click()
        expect(ada.problem).not_to_be_empty()
        phrase.fill("open sesame")
        ada.button("Join").click()
        expect(ada.box).to_be_visible()
        ada.say("in")
        ada.has_stored("in")


def test_a_server_that_keeps_nothing_and_knows_no_commands(visit):
    off = ["history", "slash_commands", "rooms", "people", "accounts", "moderation"]
    with serving(settings={"server.disabled_plugins": off}) as chat:
        bob = chat.join("bob")
        ada = visit(chat).join("ada")
        bob.expect("INFO|ada has joined the chat.")
        # What begins with a slash is a command, and never said, unless one says so.
        ada.say("hi", "/path is none", "//path is text")
        expect(ada.log).to_contain_text("There is no command /path")
        ada.has_stored("/path is text")
        bob.expect("MSG|ada|hi", "MSG|ada|/path is text")
        ada.search("hi")
        expect(ada.results).to_contain_text("no history")
        ada.page.keyboard.press("Escape")
        ada.member("bob").click()
        expect(ada.menu.get_by_role("button")).to_have_text(["Direct message"])


def test_in_a_hall_members_are_counted_whose_names_are_not_told(visit, monkeypatch):
    monkeypatch.setattr("greenchat.chat.room.MEMBERS_TOLD", 3)
    with serving() as chat:
        peers = [chat.join(f"p{number}") for number in range(5)]
        ada = visit(chat).join("ada")
        expect(ada.members.get_by_text("6 members")).to_be_visible()
        peers[4].send("LEAVE")
        expect(ada.members.get_by_text("5 members")).to_be_visible()
        peers[0].send("LEAVE")
        expect(ada.members.get_by_text("4 members")).to_be_visible()
        peers[2].send("MSG|/nick bob")
        expect(ada.member("bob")).to_be_visible()
        expect(ada.members.get_by_text("4 members")).to_be_visible()
