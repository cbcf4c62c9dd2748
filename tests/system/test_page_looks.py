"""Whether everybody can use the web page, in all its states and on all kinds of screens."""

import re

from kit.accounts import accounts, registered
from kit.browsers import expect, needs_browser
from kit.page_checks import SIZES, Check, lively
from kit.pages import choose, log_in, status

pytestmark = needs_browser
pytest_plugins = ["kit.browser_fixtures"]


def test_everybody_can_use_the_page_on_every_screen(chat, visit, axe):
    window = visit(chat)
    page = window.page
    check = Check(window, axe)
    for size in SIZES:
        check.resize(size)
        check("form", "#welcome")
    check.resize("desktop")
    lively(chat, window)
    for size in SIZES:
        check.resize(size)
        check("room", "#talk")
        for pane in "Rooms", "Members":
            if window.button(pane).is_visible():
                window.button(pane).click()
                check(pane.lower(), f"#{pane.lower()}")
                page.keyboard.press("Escape")
        window.search("ada")
        expect(window.results.get_by_role("listitem").first).to_be_visible()
        check("search", "#search")
        page.keyboard.press("Escape")
        expect(window.results).to_be_hidden()
        window.box.press_sequentially("/")
        expect(page.get_by_role("option").first).to_be_visible()
        check("commands", "#composer")
        window.box.fill("")
        window.button("More").click()
        check("menu", "#menu")
        window.menu.get_by_role("button", name=re.compile("^Set the topic")).click()
        expect(window.dialog).to_be_visible()
        check("dialog", "dialog[open]")
        page.keyboard.press("Escape")
        expect(window.dialog).to_be_hidden()
    assert check.violations == [], "\n".join(check.violations)


def test_everybody_can_use_what_tells_that_nothing_was_said(chat, visit, axe):
    bob, olga = chat.join("bob"), chat.join("olga", "dev")
    window = visit(chat)
    check = Check(window, axe)
    window.join("ada", "dev")
    bob.send("MSG|/msg ada Lunch at one, at the place behind the station?", "LEAVE")
    talk = window.page.locator("#direct-list").get_by_role("button")
    expect(talk).to_contain_text("ended")
    olga.send("MSG|/kick ada not in the mood for a meeting about meetings")
    for size in SIZES:
        check.resize(size)
        for place in talk, window.room("dev"):
            if not place.is_visible():
                window.button("Rooms").click()
            place.click()
            window.box.fill("Gladly!")
            window.box.press("Enter")
            expect(window.page.get_by_text("Nothing was sent.")).to_be_visible()
            check("ended" if place == talk else "gone", "#talk")
        window.button("More").click()
        check("gone-menu", "#menu")
        window.page.keyboard.press("Escape")
    window.button("Join another room").click()
    window.answer("lobby", ok="Join")
    window.is_in("lobby")
    window.box.fill("first\n/second line of a page\n/third line of a page")
    for size in SIZES:
        check.resize(size)
        window.box.press("Enter")
        check("asked", "dialog[open]")
        window.page.keyboard.press("Escape")
    assert check.violations == [], "\n".join(check.violations)


def test_everybody_can_use_the_account_on_every_screen(visit, axe):
    with accounts() as chat:
        registered(chat, "ada").send("LEAVE")
        for _ in range(3):
            log_in(visit(chat), "ada", keep=True).page.goto("about:blank")
        log_in(visit(chat), "ada")
        window = visit(chat)
        check = Check(window, axe)
        window.fill_in("ada")
        expect(window.problem).to_contain_text("belongs to somebody")
        for size in SIZES:
            check.resize(size)
            check("login", "#welcome")
        log_in(window, "ada")
        for size in SIZES:
            check.resize(size)
            if window.button("Rooms").is_visible():
                window.button("Rooms").click()
            choose(window, "^Account and devices")
            expect(window.dialog.get_by_role("listitem")).to_have_count(5)
            check("account", "#account")
            window.button("Change password …").click()
            check("passwd", "#ask")
            window.page.keyboard.press("Escape")
        window.page.evaluate("() => dispatchEvent(new Event('pagehide'))")
        stored = window.page.evaluate("() => JSON.stringify({...sessionStorage})")
        other = visit(chat, script=f"Object.assign(sessionStorage, {stored})")
        expect(status(window)).to_contain_text("another tab")
        for size in SIZES:
            check.resize(size)
            check("elsewhere", "#talk")
        expect(other.box).to_be_visible()
        assert check.violations == [], "\n".join(check.violations)
