"""How the web page looks, on all kinds of screens, what it is made of, and whether everybody can use it."""

import gzip
import importlib
import os
import re
from pathlib import Path

import pytest
from greenchat_plugins import web
from kit.browsers import DESKTOP, PHONE, Window, expect, needs_browser, note

from greenchat.testing import ServerThread

pytestmark = needs_browser
pytest_plugins = ["kit.browser_fixtures"]

# 200 % on a window of 1280x800, as the page sees it, and the narrowest window there is.
ZOOMED, NARROW = (640, 400), (320, 640)
SIZES = {"desktop": DESKTOP, "phone": PHONE, "zoomed": ZOOMED, "narrow": NARROW}

MOST_BYTES = 60_000  # as they are sent, each file compressed
LONG = "https://example.org/" + "a-path-that-goes-on-and-on-" * 8

# What somebody cannot get at: it is not in the window when scrolled to, or something else lies on it.
OUT_OF_REACH = """place => [...place.querySelectorAll("button, input, textarea, summary, a")].filter(node => {
    if (!node.checkVisibility({visibilityProperty: true})) return false;
    node.scrollIntoView({block: "nearest"});
    const {left, right, top, bottom} = node.getBoundingClientRect();
    const [x, y] = [(left + right) / 2, (top + bottom) / 2];
    const found = document.elementFromPoint(x, y);
    return left < -1 || right > innerWidth + 1 || !(node.contains(found) || found?.contains(node));
}).map(node => node.outerHTML.slice(0, 160))"""


def lively(chat: ServerThread, window: Window) -> None:
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
    window.is_in("dev")
    olga.send("MSG|Welcome to dev, ada")
    window.sees("Welcome to dev, ada")
    window.room("lobby").click()
    olga.send("MSG|ada: one more thing")
    expect(window.page).to_have_title(re.compile(r"^\(\d\)"))


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
    """What is asked of each state of the page, at each size; by day and by night, where colours matter."""

    def __init__(self, window: Window, axe: str) -> None:
        self.window, self.page = window, window.page
        self.violations: list[str] = []
        self.page.evaluate(axe)

    def resize(self, size: str) -> None:
        width, height = SIZES[size]
        self.size = size
        self.page.set_viewport_size({"width": width, "height": height})

    def __call__(self, state: str, place: str) -> None:
        where = f"{state}-{self.size}"
        if (over := self.window.overflow()) > 0:
            self.violations.append(f"{where}: {over} pixels too wide")
        self.window.picture(f"{where}-light")
        hidden = self.page.locator(place).evaluate(OUT_OF_REACH)
        self.violations += [f"{where}: out of reach: {node}" for node in hidden]
        if self.size not in ("desktop", "phone"):
            return
        self._axe(f"{where}-light", {})
        self.page.emulate_media(color_scheme="dark")
        self.window.picture(f"{where}-dark")
        if self.size == "desktop":  # the colours do not depend on the size, and the rest not on the colours
            self._axe(f"{where}-dark", {"runOnly": ["color-contrast"]})
        self.page.emulate_media(color_scheme="light")

    def _axe(self, where: str, rules: dict) -> None:
        found = self.page.evaluate(
            "rules => axe.run({...rules, resultTypes: ['violations']}).then(found => found.violations)", rules
        )
        for violation in found:
            nodes = [f"{node['html'][:160]}: {node['failureSummary']}" for node in violation["nodes"][:5]]
            self.violations.append("\n  ".join([f"{where}: {violation['id']}: {violation['help']}", *nodes]))


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
        check("dialog", "dialog")
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
        check("asked", "dialog")
        window.page.keyboard.press("Escape")
    assert check.violations == [], "\n".join(check.violations)


def test_a_phone_shows_one_pane_and_has_the_others_in_drawers(chat, visit):
    ada = visit(chat, size=PHONE).join("ada")
    bob = chat.join("bob", "dev")
    for pane in ada.rooms, ada.members:
        expect(pane).to_be_hidden()
    expect(ada.log).to_be_in_viewport()
    expect(ada.box).to_be_in_viewport()
    ada.button("Members").tap()
    expect(ada.member("ada")).to_be_visible()
    ada.page.keyboard.press("Escape")
    expect(ada.members).to_be_hidden()
    ada.box.fill("/join dev")
    ada.button("Send").tap()
    ada.is_in("dev")
    ada.button("Rooms").tap()
    ada.room("lobby").tap()
    ada.is_in("lobby")
    expect(ada.rooms).to_be_hidden()
    # What is unread elsewhere is seen, and heard, without the drawer; and Back leads to the room before.
    bob.send("MSG|one", "MSG|ada: two")
    expect(ada.button("Rooms")).to_have_accessible_description("2 unread")
    expect(ada.button("Rooms")).to_contain_text("@2")
    ada.picture("unread-phone-light")
    ada.page.go_back()
    ada.is_in("dev")
    ada.sees("ada: two")
    expect(ada.button("Rooms")).to_have_accessible_description("")
    expect(ada.button("Rooms")).to_have_text("")


def test_the_keyboard_does_everything(chat, visit):
    bob = chat.join("bob")
    ada = visit(chat).join("ada")
    bob.read()
    ada.say("/join dev")
    ada.is_in("dev")
    ada.page.keyboard.press("Alt+ArrowUp")
    ada.is_in("lobby")
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


def test_the_page_is_small_whole_and_all_our_own(chat, visit):
    ada = visit(chat)
    # Windows complain of every address that is not our server's: see the fixture.
    static = Path(web.__file__).parent / "static"
    assert sum(len(gzip.compress(file.read_bytes(), 9)) for file in static.iterdir()) < MOST_BYTES
    loaded = ada.page.evaluate("() => performance.getEntriesByType('resource').map(({name}) => new URL(name).pathname)")
    expect(ada.page.locator("img").first).not_to_have_js_property("naturalWidth", 0)
    tools = ada.context.new_cdp_session(ada.page)
    manifest = tools.send("Page.getAppManifest")
    assert manifest["errors"] == []
    assert '"icon.svg"' in manifest["data"]
    errors = tools.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert {error["errorId"] for error in errors} <= {"in-incognito"}  # in a window that keeps nothing, as all here
    served = {f"/{file.name}" for file in static.iterdir()} - {"/index.html", "/manifest.webmanifest"}
    assert served <= set(loaded), "nothing lies there that is not used"
    paint = ada.page.evaluate("() => performance.getEntriesByName('first-contentful-paint')[0].startTime")
    note("first-paint", f"first contentful paint: {paint:.0f} ms; {len(loaded)} requests\n")
    # Nobody else may have the page in a frame, and nothing else may be run in it.
    head = ada.page.request.get(ada.page.url).headers
    policy = head["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert (head["x-content-type-options"], head["referrer-policy"]) == ("nosniff", "no-referrer")
