"""The web page tells what one has not read: the same on all of one's devices."""

import re

from kit.accounts import accounts, registered
from kit.browsers import PHONE, expect, needs_browser
from kit.pages import act, chips, cut_off, log_in, row, talk_with

pytestmark = needs_browser
pytest_plugins = ["kit.browser_fixtures"]

UNREAD = re.compile("unread")


def new_line(window):
    return window.log.get_by_text("New messages", exact=True)


def below_the_line(window):
    """The first message behind the line "New messages"."""
    return window.log.locator(".new + .message .body")


def test_what_is_read_on_one_device_is_read_on_the_others(visit):
    with accounts() as chat:
        registered(chat, "ada").send("LEAVE")
        bob = chat.join("bob", "dev")
        ada = log_in(visit(chat), "ada")
        ada.say("/join dev")
        ada.is_in("dev")
        ada.room("lobby").click()
        phone = log_in(visit(chat, size=PHONE), "ada")
        bob.send("MSG|one", "MSG|ada: two", "MSG|three")
        expect(ada.room("dev")).to_have_accessible_name(re.compile(r"dev\s*@3 unread"))
        expect(phone.button("Rooms")).to_have_accessible_description("3 unread")
        # Who comes only now is told the same.
        later = log_in(visit(chat), "ada")
        expect(later.room("dev")).to_have_accessible_name(re.compile(r"dev\s*@3 unread"))
        ada.room("dev").click()
        expect(below_the_line(ada)).to_have_text("one")
        for window in ada, later:
            expect(window.room("dev")).not_to_have_accessible_name(UNREAD)
        expect(phone.button("Rooms")).to_have_accessible_description("")
        later.room("dev").click()
        later.sees("three")
        expect(new_line(later)).to_have_count(0)


# --- between two people ---


def test_what_two_say_alone_waits_for_who_is_away_and_is_changed_as_in_rooms(visit):
    with accounts() as chat:
        for name in "ada", "bob":
            registered(chat, name).send("LEAVE")
        ada = log_in(visit(chat), "ada")
        ada.say("/msg bob Are you thre?")
        ada.has_stored("Are you thre?")
        ada.say("Two\nlines")
        ada.has_stored("Two lines")
        bob = log_in(visit(chat), "bob")
        expect(talk_with(bob, "ada")).to_have_accessible_name(re.compile("2 unread"))
        expect(bob.page).to_have_title(re.compile(r"^\(2\)"))
        talk_with(bob, "ada").click()
        expect(below_the_line(bob)).to_have_text("Are you thre?")
        expect(talk_with(bob, "ada")).not_to_have_accessible_name(UNREAD)
        ada.box.press("ArrowUp")
        ada.box.press("Escape")
        act(ada, "Are you thre?", "Edit")
        ada.say("Are you there?")
        bob.sees("Are you there?")
        act(bob, "Are you there?", "React")
        bob.menu.get_by_role("button", name="👍").click()
        expect(chips(ada)).to_have_text(["👍 1"])
        act(bob, "Are you there?", "Answer")
        bob.say("Here I am")
        expect(ada.line("Here I am")).to_contain_text("Answer to ada Are you there?")
        act(ada, "Two\nlines", "More")
        ada.menu.get_by_role("button", name="Delete").click()
        ada.dialog.get_by_role("button", name="Delete").click()
        expect(bob.log.get_by_text("Message deleted", exact=True)).to_be_visible()
        # A loss, in which it goes on.
        with cut_off(chat, bob, "bob"):
            act(ada, "Are you there?", "Edit")
            ada.say("Are you here?")
            expect(row(ada, "Are you here?")).to_be_visible()
            ada.say("And now?")
        bob.sees("And now?")
        expect(row(bob, "Are you here?")).to_be_visible()
        bob.say("Now, too")
        ada.sees("Now, too")
        # On another device it is all there.
        phone = log_in(visit(chat, size=PHONE), "ada")
        phone.button("Rooms").tap()
        talk_with(phone, "bob").tap()
        expect(phone.lines).to_have_text(["Are you here?", "Here I am", "And now?", "Now, too"])
        phone.picture("direct-phone-light")
        # A search finds it, and leads there.
        bob.room("lobby").click()
        bob.search("here from:ada")
        found = bob.results.get_by_role("listitem")
        expect(found).to_have_count(1)
        expect(found).to_contain_text("with ada")
        found.get_by_role("button").click()
        expect(row(bob, "Are you here?")).to_be_visible()
        bob.button("Search").click()
        # A click on the name leads there, too.
        bob.room("lobby").click()
        bob.member("ada").click()
        bob.button("Direct message").click()
        bob.sees("Now, too")
        expect(talk_with(bob, "ada")).to_have_count(1)
