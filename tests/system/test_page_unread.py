"""The web page tells what one has not read, however much that is."""

import re

from kit.accounts import accounts, registered
from kit.browsers import expect, needs_browser
from kit.machine import eventually
from kit.pages import OUTSIDE, fill, log_in, look

pytestmark = needs_browser
pytest_plugins = ["kit.browser_fixtures"]


def line(window):
    """What stands around the line "New messages": the last that was read, and the first that was not."""
    place = window.log.locator(".new")
    expect(place).to_have_count(1)
    return place.evaluate(
        """line => ["previousElementSibling", "nextElementSibling"].map(next => {
            let row = line[next];
            while (row && !row.matches(".message")) row = row[next];
            return row?.querySelector(".body").textContent;
        })"""
    )


def settled(window):
    """Once nothing is loading any more."""
    expect(window.page.locator("#edge")).not_to_have_text("Loading …")


def test_one_comes_back_to_the_first_that_one_has_not_read(visit):
    with accounts(settings={"limits.flood_rate": 0}) as chat:
        registered(chat, "ada").send("LEAVE")
        ada = log_in(visit(chat), "ada")
        fill(chat, 20)
        ada.sees("line 20")
        ada.say("/join dev")
        ada.is_in("dev")
        # As many as a room keeps, and more.
        bob = chat.join("bob")
        bob.send(*(f"MSG|new {number}" for number in range(1, 601)))
        expect(ada.room("lobby")).to_have_accessible_name(re.compile("600 unread"))
        ada.room("lobby").click()
        settled(ada)
        assert line(ada) == ["line 20", "new 1"]
        expect(ada.line("new 1")).to_be_in_viewport()
        # What was seen is read, and no more than that, wherever one looks next.
        ada.line("new 60").scroll_into_view_if_needed()
        expect(ada.button(re.compile("^5[234]. new messages"))).to_be_visible()
        ada.room("dev").click()
        ada.is_in("dev")
        expect(ada.room("lobby")).to_have_accessible_name(re.compile("5[234]. unread"))
        bob.send("MSG|one more")
        expect(ada.room("lobby")).to_have_accessible_name(re.compile("5[2345]. unread"))
        # It is told once a second.
        eventually(lambda: chat.call(lambda: chat.server.chat.find("ada").reads["lobby"]) >= 80)
        later = log_in(visit(chat), "ada")
        expect(later.log).to_contain_text("new ")
        settled(later)
        last, first = (int(text.split()[1]) for text in line(later))
        assert 60 <= last < 100
        assert first == last + 1
        later.room("dev").click()
        ada.room("lobby").click()
        settled(ada)
        assert int(line(ada)[1].split()[1]) >= first
        ada.button(re.compile("new messages ↓$")).click()
        expect(ada.log.get_by_text("one more", exact=True)).to_be_in_viewport()
        for window in ada, later:
            expect(window.room("lobby")).not_to_have_accessible_name(re.compile("unread"))
        again = log_in(visit(chat), "ada")
        again.sees("one more")
        expect(again.log.locator(".new")).to_have_count(0)


def test_what_comes_while_one_looks_elsewhere_is_not_read(visit):
    with accounts() as chat:
        registered(chat, "ada").send("LEAVE")
        ada = log_in(visit(chat, script=OUTSIDE), "ada")
        ada.say("hello")
        ada.has_stored("hello")
        look(ada, True)
        bob = chat.join("bob")
        bob.send("MSG|are you there?")
        ada.sees("are you there?")
        phone = log_in(visit(chat), "ada")
        assert line(phone) == ["hello", "are you there?"]
        assert line(ada) == ["hello", "are you there?"]
        look(phone, True)
        look(ada, False)
        expect(ada.button(re.compile("new message"))).to_have_count(0)
