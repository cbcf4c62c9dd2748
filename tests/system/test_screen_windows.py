"""The full screen in a real terminal, as people see it: at three sizes, dark, light and without colours."""

import pytest
from kit.programs import Program
from kit.windows import PROMPT, Window, needs_tmux

from greenchat.connect import Exit
from greenchat.connect.screen.app import CONVERSATIONS_FROM, MEMBERS_FROM
from greenchat.testing import serving

pytestmark = needs_tmux

TOPIC = "Roses, tulips and all else that grows in a garden behind a house"
LONG = (
    "This is a longer message, which has to be wrapped by words, since it fits into no line of eighty columns, and into"
    " one of two hundred only just about."
)
WIDE = "世界 is wide, 👩‍👩‍👧 is one, שלום עולם runs the other way, é combines"


@pytest.fixture(scope="module")
def garden():
    """A chat in which something was said, and by whom."""
    with serving() as server, Program(server, "bob") as bob, Program(server, "grace-hopper") as grace:
        for one, text in (bob, f"/topic {TOPIC}"), (bob, LONG), (grace, "Look at https://example.org/a_path?x=1, ada"):
            answer = one.request(type="say", room="lobby", text=text)
        bob.request(type="say", room="lobby", text="Thanks!", reply_to=answer["seq"])
        bob.request(type="react", room="lobby", seq=answer["seq"], emoji="👍")
        grace.request(type="say", room="lobby", text=WIDE)
        bob.request(type="say", room="lobby", text="```\ndef f(x):\n    return x  # [bold]\n```")
        grace.request(type="say", room="lobby", text="That is all.")
        yield server


@pytest.fixture
def window():
    windows = []

    def window(*arguments, **variables):
        windows.append(Window(*arguments, **variables))
        return windows[-1]

    yield window
    for one in windows:
        if one.lines[-1] != PROMPT:  # the next one has the same name
            one.press("C-q")
            one.wait(lambda lines: lines[-1] == PROMPT)
        one.close()


def opened(window, server):
    window.enter(f"greenchat connect --name ada {server.host}:{server.port}")
    window.wait(lambda lines: "That is all." in "\n".join(lines) and lines[-1].startswith(">"))
    return window


def words(lines, width):
    """What stands in the middle, as one line: without the panes beside it, the times and the names."""
    first, last = 21 if width >= CONVERSATIONS_FROM else 0, width - 19 if width >= MEMBERS_FROM else width
    return " ".join(" ".join(line[first:last].rpartition("│")[2] for line in lines).split())


@pytest.mark.parametrize(
    ("size", "panes"), [((40, 15), ""), ((80, 24), "conversations"), ((200, 50), "conversations, members")]
)
def test_it_is_comfortable_at_every_size(window, garden, size, panes):
    ada = opened(window(size), garden)
    columns, rows = size
    lines = ada.lines
    text = "\n".join(lines)
    assert len(lines) == rows
    assert lines[0].startswith(" #lobby  Roses, tulips")
    assert "F1 keys" in lines[-2]
    assert ("1 #lobby" in text) == ("conversations" in panes)
    assert ("3 here" in text) == ("members" in panes)
    for mark in "↪ ", "👍 1", "def f(x):", "    return x  # [bold]", "世界", "👩‍👩‍👧", "é combines":
        assert mark in text, mark
    if columns >= 80:
        assert LONG in words(lines, columns)
    # Another size and back: each line is wrapped again, by words.
    ada.resize(columns + 23, rows + 9)
    ada.wait(lambda now: len(now) == rows + 9 and now[-1] == ">" and LONG in words(now, columns + 23))
    ada.resize(columns, rows)
    ada.wait(lambda now: now == lines)
    ada.press("C-q")
    assert ada.ends() == Exit.DELIVERED


def test_a_window_that_is_drawn_at_all_the_time_it_is_written_in(window, garden):
    """Many sizes, one after the other, also some for which there is no room: what is typed meanwhile stays."""
    ada = opened(window((80, 24)), garden)
    lines = ada.lines
    for number, (columns, rows) in enumerate([(39, 10), (20, 4), (9, 2), (120, 40), (41, 15), (300, 60), (80, 24)]):
        ada.type(str(number))
        ada.resize(columns, rows)
    ada.wait(lambda now: now[:-1] == lines[:-1] and now[-1] == "> 0123456")
    ada.press("C-c", "C-c", "C-c")
    assert ada.ends() == Exit.DELIVERED


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(cell):
    high, low = sorted((luminance(cell.fg), luminance(cell.bg)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", ["truecolor", "256"])
@pytest.mark.parametrize(("says", "background"), [("15;0", "121212"), ("0;15", "ffffff")], ids=["dark", "light"])
def test_all_words_can_be_read_on_dark_and_on_light(window, garden, says, background, colours):
    more = {"COLORTERM": "truecolor"} if colours == "truecolor" else {}
    ada = opened(window((120, 24), COLORFGBG=says, **more), garden)
    cells = [cell for row in ada.cells for cell in row]
    assert sum(cell.bg == background for cell in cells) > len(cells) / 2
    signs = [cell for cell in cells if cell.data.strip() and not set(cell.data) & set("│─")]
    assert len({cell.fg for cell in signs}) > 4
    faint = {(cell.data, cell.fg, cell.bg): contrast(cell) for cell in signs if contrast(cell) < 4.5}
    assert not faint


def test_without_colours(window, garden):
    ada = opened(window((120, 24), NO_COLOR="1", COLORTERM="truecolor"), garden)
    cells = [cell for row in ada.cells for cell in row]
    assert {(cell.fg, cell.bg) for cell in cells} == {("default", "default")}
    assert any(cell.reverse for cell in cells), "bars, and who is called, are seen all the same"


@pytest.mark.parametrize("term", ["xterm", "linux", "vt100"])
def test_terminals_with_few_colours_or_none(window, garden, term):
    ada = opened(window((100, 30), TERM=term), garden)
    signs = [cell for row in ada.cells for cell in row if cell.data.strip()]
    assert not [cell for cell in signs if cell.fg == cell.bg != "default"]
    ada.press("C-q")
    assert ada.ends() == Exit.DELIVERED
