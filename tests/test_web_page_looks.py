"""How the web page looks, on all kinds of screens, and whether everybody can use it."""

import importlib
import os
import re

import pytest
from browsers import DESKTOP, NARROW, PHONE, Window, expect, needs_browser

from greenchat.testing import ServerThread

pytestmark = needs_browser
pytest_plugins = ["browser_fixtures"]

SIZES = {"desktop": DESKTOP, "phone": PHONE, "narrow": NARROW}
LONG = "https://example.org/" + "a-path-that-goes-on-and-on-" * 8


def lively(chat: ServerThread, window: Window) -> Window:
    """Somebody in a room where everything is that can be seen."""
    bob, carol, olga = chat.join("bob"), chat.join("carol"), chat.join("olga", "dev")
    window.join("ada")
    window.say("Good morning!", "The build is green again: **thanks** to `bob`.", "/me pours coffee")
    window.say("EVERYBODY LISTEN")
    expect(window.log.get_by_text("No shouting, please.")).to_be_visible()
    bob.send(
        "MSG|ada: have you seen https://docs.python.org/3/whatsnew/?",
        "MSG|```python",
        "MSG|for line in open('a file with a long name.txt', encoding='utf-8'): print(line.rstrip().casefold())",
        "MSG|```",
        f"MSG|{LONG}",
        "MSG|/topic Release on Friday, everything about it at https://example.org/releases/2031",
        "MSG|/msg ada lunch?",
    )
    carol.send("MSG|/away lunch", "MSG|/me is off 🎉")
    expect(window.log.get_by_text("carol is off 🎉")).to_be_visible()
    for name in "dan", "eve":
        chat.join(name)
    window.say("/join dev")
    expect(window.page.get_by_role("heading", name="dev")).to_be_visible()
    olga.send("MSG|Welcome to dev, ada")
    window.sees("Welcome to dev, ada")
    drawer = window.button("Rooms")
    if drawer.is_visible():
        drawer.click()
    window.room("lobby").click()
    olga.send("MSG|ada: one more thing")
    expect(window.page).to_have_title(re.compile(r"^\(\d\)"))
    return window


@pytest.fixture(scope="module")
def axe() -> str:
    """The engine that finds what keeps people from using a page."""
    try:
        found = importlib.import_module("axe_playwright_python.base")
    except ImportError:
        if os.environ.get("REQUIRE_TEST_TOOLS"):
            raise
        pytest.skip("there is no axe-playwright-python here")
    return found.AXE_SCRIPT


class Check:
    """What is asked of each state of the page, by day and by night. `axe` may be left out."""

    def __init__(self, window: Window, axe: str, size: str) -> None:
        self.window, self.axe, self.size = window, axe, size
        self.violations: list[str] = []
        if axe:
            window.page.evaluate(axe)

    def __call__(self, state: str) -> None:
        if (over := self.window.overflow()) > 0:
            self.violations.append(f"{state}: {over} pixels too wide")
        # Of all that is checked, only contrast depends on the colours.
        for scheme, rules in ("dark", {"runOnly": ["color-contrast"]}), ("light", {}):
            self.window.page.emulate_media(color_scheme=scheme)
            self.window.picture(f"{state}-{self.size}-{scheme}")
            if self.axe:
                found = self.window.page.evaluate(
                    "rules => axe.run({...rules, resultTypes: ['violations']}).then(found => found.violations)", rules
                )
                self.violations += [self._describe(f"{state}, {scheme}", violation) for violation in found]

    @staticmethod
    def _describe(where: str, violation: dict) -> str:
        nodes = [f"{node['html'][:160]}: {node['failureSummary']}" for node in violation["nodes"][:5]]
        return "\n  ".join([f"{where}: {violation['id']}: {violation['help']}", *nodes])


@pytest.mark.parametrize("size", SIZES)
def test_everybody_can_use_the_page_on_every_screen(chat, visit, axe, size):
    window = visit(size=SIZES[size])
    page = window.page
    check = Check(window, axe if size != "narrow" else "", size)
    check("form")
    lively(chat, window)
    check("room")
    for pane in "Rooms", "Members":
        if window.button(pane).is_visible():
            window.button(pane).click()
            check(pane.lower())
            page.keyboard.press("Escape")
    window.search("ada")
    expect(window.results.get_by_role("listitem").first).to_be_visible()
    check("search")
    page.keyboard.press("Escape")
    expect(window.results).to_be_hidden()
    window.box.press_sequentially("/")
    expect(page.get_by_role("option").first).to_be_visible()
    check("commands")
    window.box.fill("")
    window.button("More").click()
    page.get_by_role("button", name=re.compile("^Set the topic")).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    check("dialog")
    assert check.violations == [], "\n".join(check.violations)


def test_a_phone_shows_one_pane_and_has_the_others_in_drawers(chat, visit):
    ada = visit(size=PHONE).join("ada")
    chat.join("bob", "dev")
    for pane in ada.rooms, ada.members:
        expect(pane).to_be_hidden()
    expect(ada.log).to_be_in_viewport()
    expect(ada.box).to_be_in_viewport()
    ada.button("Members").tap()
    expect(ada.members.get_by_role("button", name="ada")).to_be_visible()
    ada.page.keyboard.press("Escape")
    expect(ada.members).to_be_hidden()
    ada.box.fill("/join dev")
    ada.button("Send").tap()
    expect(ada.page.get_by_role("heading", name="dev")).to_be_visible()
    ada.button("Rooms").tap()
    ada.room("lobby").tap()
    expect(ada.page.get_by_role("heading", name="lobby")).to_be_visible()
    expect(ada.rooms).to_be_hidden()


def test_the_keyboard_does_everything(chat, visit):
    bob = chat.join("bob")
    ada = visit().join("ada")
    bob.read()
    ada.say("/join dev")
    expect(ada.page.get_by_role("heading", name="dev")).to_be_visible()
    ada.page.keyboard.press("Alt+ArrowUp")
    expect(ada.page.get_by_role("heading", name="lobby")).to_be_visible()
    expect(ada.box).to_be_focused()
    outlines = set()
    for _ in range(40):
        ada.page.keyboard.press("Tab")
        focus = ada.page.locator(":focus")
        if focus.count():
            outlines.add(focus.evaluate("node => getComputedStyle(node).outlineStyle"))
            if focus.inner_text().endswith("bob"):
                break
    assert outlines == {"solid"}, "focus must be seen"
    ada.page.keyboard.press("Enter")
    expect(ada.button("Who is bob?")).to_be_focused()
    ada.page.keyboard.press("Tab")
    ada.page.keyboard.press("Enter")
    expect(ada.box).to_be_focused()
    ada.page.keyboard.type("psst")
    ada.page.keyboard.press("Enter")
    assert "psst" in bob.read()
