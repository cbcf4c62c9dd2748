"""Whether everybody can use the web page, on all kinds of screens."""

import re

from greenchat.testing import ServerThread
from kit.browsers import DESKTOP, PHONE, Window, expect
from kit.programs import Program

# 200 % on a window of 1280x800, as the page sees it, and the narrowest window there is.
ZOOMED, NARROW = (640, 400), (320, 640)
SIZES = {"desktop": DESKTOP, "phone": PHONE, "zoomed": ZOOMED, "narrow": NARROW}

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
        f"MSG|{LONG}",
        "MSG|/topic Release on Friday, everything about it at https://example.org/releases/2031",
        "MSG|/msg ada lunch?",
    )
    code = "for line in open('a file with a long name.txt', encoding='utf-8'): print(line.rstrip().casefold())"
    program = Program(chat, "program")
    program.request(type="say", room="lobby", text=f"Try this:\n```python\n{code}\n\n```\nIt takes long.")
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
