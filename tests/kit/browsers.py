"""Chromium, for the tests of the web page: windows of several people, and what can be seen in them."""

import gc
import os
import re
import shutil
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

try:
    from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright
except ImportError:
    Browser = expect = sync_playwright = None

from greenchat.testing import DEADLINE, ServerThread
from kit import ROOT

CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium") or shutil.which("chromium-browser")
ARTEFACTS = ROOT / "test-artifacts"

DESKTOP, PHONE = (1280, 800), (390, 844)

# Chromium's own window, of which nothing is seen, would make two web pages for the address bar of each of our windows:
# half of all the work. The others are what Playwright switches off and the last such argument alone counts.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup,HttpsUpgrades,PaintHolding,MediaRouter,OptimizationHints",
]

# For one test, in seconds, whatever the machine does besides; then its browser is taken for dead.
PATIENCE = 6 * DEADLINE
# For each thing that is still done after that, and that takes a moment only.
LAST_PATIENCE = DEADLINE

if sync_playwright is not None:
    expect.set_options(timeout=DEADLINE * 1000)

MISSING = [
    what
    for what, there in (
        ("playwright (pip install '.[test]')", sync_playwright),
        ("Chromium (Debian's chromium-headless-shell or chromium)", CHROMIUM),
    )
    if not there
]

needs_browser = pytest.mark.skipif(
    bool(MISSING) and not os.environ.get("REQUIRE_TEST_TOOLS"), reason=f"missing here: {', '.join(MISSING)}"
)


@contextmanager
def patience(seconds: float, doing: str, kill: int = 0) -> Iterator[None]:
    """Playwright waits without end for a browser that does nothing more. Here it raises `TimeoutError` instead, after
    it has killed the process `kill`, for all later calls to fail at once; and again where it then still hangs.
    """

    def stop(*_: object) -> None:
        nonlocal kill
        if kill:
            os.kill(kill, signal.SIGKILL)
            kill = 0
        raise TimeoutError(f"{doing}: no end within {seconds:.0f} s. The browser does not answer any more, or the test")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, LAST_PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def chromium() -> Iterator["Browser"]:
    assert not MISSING, f"missing here: {', '.join(MISSING)}"
    with patience(PATIENCE / 2, "starting Chromium"):
        driver = sync_playwright().start()
    try:
        with patience(PATIENCE / 2, "starting Chromium"):
            browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
    finally:
        with patience(LAST_PATIENCE, "closing Chromium"):
            driver.stop()
        # On a busy machine Playwright's loop is closed before it has heard that its pipes are: that is no fault of the
        # test during which they would be collected.
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "unclosed (transport|event loop)", ResourceWarning)
            gc.collect()


def process_of(browser: "Browser") -> int:
    """The id of the browser's own process."""
    processes = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    return next(process["id"] for process in processes if process["type"] == "browser")


class Window:
    """The page as one person has it. `errors` is what the console has complained of, such as the policy's violations,
    and every address asked for that is not our own.

    `origin` is http://HOST:PORT of a server; `script` runs before the page's own.
    """

    def __init__(
        self,
        browser: "Browser",
        origin: str,
        *,
        size: tuple[int, int] = DESKTOP,
        link: str = "",
        script: str = "",
        context: "BrowserContext | None" = None,
    ) -> None:
        width, height = size
        self.context = context or browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="light",
            reduced_motion="reduce",
            locale="en-GB",
            has_touch=size == PHONE,
        )
        self.context.set_default_timeout(DEADLINE * 1000)
        self.page: Page = self.context.new_page()
        if script:
            self.page.add_init_script(script)
        self.errors: list[str] = []
        ours = (f"{origin}/", f"{origin.replace('http', 'ws')}/")
        self.page.on("console", lambda said: self._said(said.type, said.text))
        self.page.on("pageerror", lambda error: self.errors.append(f"{error}\n{error.stack}"))
        for kind in "request", "websocket":
            self.page.on(kind, lambda what: what.url.startswith(ours) or self.errors.append(what.url))
        self.page.goto(f"{origin}/{link}")

    def _said(self, kind: str, text: str) -> None:
        # That a server is away is told by the browser, and is no fault of the page.
        away = text.startswith("WebSocket connection to") or "ERR_INTERNET_DISCONNECTED" in text
        if kind == "error" and not away:
            self.errors.append(text)

    # --- the way in ---

    def field(self, label: str) -> "Locator":
        return self.page.get_by_role("textbox", name=label, exact=True)

    def secret(self, label: str) -> "Locator":
        """A field for what nobody shall see: those have no role."""
        return self.page.get_by_label(label)

    def join(self, name: str, room: str = "") -> "Window":
        self.fill_in(name, room)
        expect(self.box).to_be_visible()
        return self

    def fill_in(self, name: str, room: str = "") -> None:
        self.field("Name").fill(name)
        self.field("Room").fill(room)
        self.button("Join").click()

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
        """What messages say, as it is drawn in the end."""
        return self.log.locator(".message:not(.sketched) .body")

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

    def has_stored(self, text: str) -> None:
        expect(self.line(text)).to_have_attribute("data-state", "stored")

    def mark_of(self, text: str) -> str:
        """What stands beside an own message: the page shows it by its style alone."""
        return self.line(text).evaluate("row => getComputedStyle(row, '::after').content").strip('"')

    def is_in(self, room: str) -> None:
        expect(self.page.get_by_role("heading", name=re.compile(rf"^#?\s*{room}$"))).to_be_visible()

    # --- around it ---

    def button(self, name: "str | re.Pattern[str]") -> "Locator":
        return self.page.get_by_role("button", name=name, exact=True)

    @property
    def dialog(self) -> "Locator":
        return self.page.get_by_role("dialog")

    def answer(self, *texts: str, ok: str = "OK") -> None:
        """Fill the dialog's fields in, in their order."""
        expect(self.dialog).to_be_visible()
        for field, text in zip(self.dialog.locator("input:visible:not([type=checkbox])").all(), texts, strict=True):
            field.fill(text)
        self.dialog.get_by_role("button", name=ok).click()

    @property
    def menu(self) -> "Locator":
        return self.page.locator("#menu")

    @property
    def rooms(self) -> "Locator":
        return self.page.get_by_role("navigation", name="Rooms")

    def room(self, name: str) -> "Locator":
        return self.rooms.get_by_role("button", name=re.compile(rf"^#?\s*{name}\b"))

    @property
    def members(self) -> "Locator":
        return self.page.get_by_role("complementary", name="Members")

    def member(self, name: str) -> "Locator":
        return self.members.get_by_role("button").filter(has_text=name)

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


@contextmanager
def holding(server: ServerThread) -> Iterator[None]:
    """The server does nothing meanwhile."""
    held, release = threading.Event(), threading.Event()
    thread = threading.Thread(target=server.call, args=(lambda: (held.set(), release.wait(DEADLINE / 2)),))
    thread.start()
    try:
        assert held.wait(DEADLINE)
        yield
    finally:
        release.set()
        thread.join()


def note(name: str, text: str) -> None:
    """Keep what was measured, for people to look at."""
    ARTEFACTS.mkdir(exist_ok=True)
    (ARTEFACTS / f"{name}.txt").write_text(text)
