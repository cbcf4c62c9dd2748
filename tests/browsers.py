"""Chromium, for the tests of the web page: windows of several people, and what can be seen in them."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from greenchat_plugins import web

try:
    from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright
except ImportError:
    Browser = expect = sync_playwright = None

from greenchat.testing import DEADLINE

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARTEFACTS = Path(__file__).parent.parent / "test-artifacts"

# The web plugin, where it is not installed as one.
WEB = [] if any(found.name == "web" for found in entry_points(group="greenchat")) else [web]

DESKTOP, PHONE, NARROW = (1280, 800), (390, 844), (320, 640)

if sync_playwright is not None:
    expect.set_options(timeout=DEADLINE * 1000)

needs_browser = pytest.mark.skipif(
    sync_playwright is None or CHROMIUM is None,
    reason="there is no Chromium, or no playwright, here",
)

# What an attacker's text would do, were it ever more than text.
EVIL = "window.evil = 1"
ATTACKS = [
    f"<script>{EVIL}</script>",
    f"<img src=x onerror='{EVIL}'>",
    f"<svg/onload='{EVIL}'>",
    f'"><img src=x onerror="{EVIL}">',
    f"'><svg onload={EVIL.replace(' ', '')}>",
    f"</textarea></title><script>{EVIL}</script>",
    f"<iframe srcdoc='<script>parent.{EVIL}</script>'></iframe>",
    f"<a href='javascript:{EVIL}'>x</a>",
    f"javascript:{EVIL}",
    f"https://a.example/\"onmouseover='{EVIL}'",
    f"`<img src=x onerror='{EVIL}'>`",
    f"**<b onclick='{EVIL}'>bold</b>** *<i>* ~~<s>~~ __<u>__",
    "https://a.example/<script>alert(1)</script>",
    f"data:text/html,<script>{EVIL}</script>",
    "&lt;img src=x&gt; &#60;script&#62; \\u003cscript\\u003e",
    f"<style>@import 'x'</style><base href=//evil.example><form><button formaction='javascript:{EVIL}'>",
    f"${{{EVIL}}} {{{{{EVIL}}}}} `{EVIL}`",
    "__proto__ constructor toString",
]
# Names have no blanks, and are short.
ATTACKING_NAMES = ["<img/src=x>", "<script>", "'><svg/onload=evil=1>", "constructor", "&lt;b&gt;"]


@contextmanager
def chromium() -> Iterator["Browser"]:
    assert sync_playwright is not None, "playwright is missing: pip install playwright"
    assert CHROMIUM, "Chromium is missing: install Debian's chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


class Window:
    """The page as one person has it. `errors` is what the console has complained of, such as the policy's violations.

    `origin` is http://HOST:PORT of a server.
    """

    def __init__(
        self,
        browser: "Browser",
        origin: str,
        *,
        size: tuple[int, int] = DESKTOP,
        scheme: str = "light",
        link: str = "",
        context: "BrowserContext | None" = None,
    ) -> None:
        width, height = size
        self.context = context or browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            reduced_motion="reduce",
            locale="en-GB",
            has_touch=size != DESKTOP,
        )
        self.context.set_default_timeout(DEADLINE * 1000)
        self.page: Page = self.context.new_page()
        self.errors: list[str] = []
        self.page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(f"{origin}/{link}")

    # --- the way in ---

    def field(self, label: str) -> "Locator":
        return self.page.get_by_role("textbox", name=label, exact=True)

    def join(self, name: str, room: str = "") -> "Window":
        self.fill_in(name, room)
        expect(self.box).to_be_visible()
        return self

    def fill_in(self, name: str, room: str = "") -> None:
        self.field("Name").fill(name)
        self.field("Room").fill(room)
        self.page.get_by_role("button", name="Join", exact=True).click()

    @property
    def problem(self) -> "Locator":
        return self.page.get_by_role("alert")

    # --- the conversation ---

    @property
    def box(self) -> "Locator":
        return self.page.get_by_placeholder(re.compile("^Message "))

    @property
    def log(self) -> "Locator":
        return self.page.get_by_role("log")

    @property
    def lines(self) -> "Locator":
        return self.log.locator(".message .body")

    def line(self, text: str) -> "Locator":
        """The whole row of a message."""
        return self.log.get_by_role("listitem").filter(has=self.page.get_by_text(text, exact=True))

    def say(self, *texts: str) -> None:
        for text in texts:
            self.box.fill(text)
            self.box.press("Enter")

    def sees(self, *texts: str) -> None:
        """Each stands in the log, whole and once."""
        for text in texts:
            expect(self.log.get_by_text(text, exact=True)).to_have_count(1)

    def mark_of(self, text: str) -> str:
        """What stands beside an own message: the page shows it by its style alone."""
        return self.line(text).evaluate("row => getComputedStyle(row, '::after').content").strip('"')

    # --- around it ---

    def button(self, name: "str | re.Pattern[str]", *, exact: bool = True) -> "Locator":
        return self.page.get_by_role("button", name=name, exact=exact)

    @property
    def rooms(self) -> "Locator":
        return self.page.get_by_role("navigation", name="Rooms")

    def room(self, name: str) -> "Locator":
        return self.rooms.get_by_role("button", name=re.compile(rf"^#?\s*{name}\b"))

    @property
    def members(self) -> "Locator":
        return self.page.get_by_role("complementary", name="Members")

    @property
    def results(self) -> "Locator":
        return self.page.get_by_role("search")

    def search(self, text: str) -> None:
        if not self.results.is_visible():
            self.button("Search").click()
        self.page.get_by_role("searchbox", name="Search").fill(text)
        self.page.keyboard.press("Enter")

    # --- as a whole ---

    def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        return self.page.evaluate("document.documentElement.scrollWidth - innerWidth")

    def picture(self, name: str) -> None:
        """Keep a screenshot, for people to look at."""
        ARTEFACTS.mkdir(exist_ok=True)
        self.page.screenshot(path=ARTEFACTS / f"{name}.png")
