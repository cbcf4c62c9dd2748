"""What others might write to drive a terminal, and what is written to one."""

import re
from datetime import UTC, datetime
from itertools import count

from rich.console import Console

from greenchat.connect.model.rows import rows
from greenchat.connect.model.timeline import Timeline, Told
from greenchat.connect.screen.drawing import Drawn, draw
from greenchat.connect.screen.wrapping import ISOLATE, ISOLATED
from greenchat.protocol.events import Joined, Left, Message, Renamed

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)

# What terminals obey, and what is taken for such by what draws: also from a server that lets all of it pass.
CODES = [
    "\x1b[2J\x1b[H", "\x1b]0;title\x07", "\x1b]52;c;cm0gLXJmIC8=\x1b\\", "\x1b]8;;file:///etc/passwd\x1b\\",
    "\x1bP1$r\x1b\\", "\x9b31m", "\x90q\x9c", "\x9d0;x\x9c", "\x07\x08\x0b\x0c\r\x0e\x0f\x7f\x00",
    "\x1b[?1049l\x1b[?25l\x1bc", "\x85\u2028\u2029",
    "\u202e\u202d\u202a\u2066\u2067\u2068\u2069", "\ufffe\uffff\ufdd0",
]  # fmt: skip
TEXTS = [
    *CODES,
    *(f"https://a.example/{code}x `{code}` *{code}*" for code in CODES),
    "[bold red]markup[/] [link=file:///x]y[/] [@click=app.leave]z[/]",
    "https://a.example/\u202e\u2066;id=1;x https://a.example/\\\x1b]8;;",
    "Z" + "\u0300" * 500,
    "\u200d\u200b\ufe0f\u2060\ufeff" * 20,
    "👩‍👩‍👧🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f🇩🇪🇩" * 20,
    "שלום \u202eعليكم 123 " * 20,
    "﷽" * 60,
    "\t" * 50,
    "```\n" + "\t世" * 90 + "\n\x1b[2J```x",
    "a\n" * 90,
    "|" * 300,
    "\u115f\u3164\u2800\ufffc" * 40,
]

# Colours and links, and nothing else.
_OBEYED = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;(?:id=[0-9]+(?:-[0-9]+)?)?;(?P<link>[!-~]*)\x1b\\")
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def check(strips, width, *, covered=False):
    """They drive nothing, and fit. `covered`: something stands before a part of some."""
    console = Console(color_system="truecolor", force_terminal=True, legacy_windows=False)
    for strip in strips:
        assert strip.cell_length <= width
        written = strip.render(console)
        for match in _OBEYED.finditer(written):
            assert not match["link"] or re.match(r"https?://|mailto:", match["link"])
        line = _OBEYED.sub("", written)
        assert covered or line.count(ISOLATE) == line.count(ISOLATED), line
        assert covered or re.sub(rf"{ISOLATE}[^{ISOLATE}{ISOLATED}]*{ISOLATED}", "", line).count(ISOLATE) == 0
        assert not _FORBIDDEN.search(line.replace(ISOLATE, "").replace(ISOLATED, ""))


def check_conversation(texts, look, widths):
    """A conversation in which each of `texts` is all that others can write, and what of it comes from one's server."""
    numbers = count(1)
    timeline = Timeline()
    for text in texts:
        reactions = {text[:10]: [text]}
        said = Message("lobby", next(numbers), 1, text[:60], text, NOW, reactions=reactions, reply_to=2, edited=NOW)
        timeline.add(said, Message("lobby", next(numbers), 1, text[:60], text, NOW, action=True))
        timeline.add(Told(text, NOW), Joined("lobby", text, NOW), Told(text, NOW, error=True))
        timeline.add(Left("lobby", "x", text, NOW), Told(text, NOW), Renamed("lobby", text, text, NOW))
        timeline.say(said).become("failed", text)
    for width in widths:
        for row in rows(timeline, 5, UTC):
            check(draw(row, Drawn(width, look, "ada")), width)
