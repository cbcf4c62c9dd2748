"""How a message looks: as the page shows it, in a terminal."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest

from greenchat.connect.model.rows import rows
from greenchat.connect.model.timeline import Timeline
from greenchat.connect.screen.drawing import Drawn, draw
from greenchat.connect.screen.theme import DARK, LOOKS, PLAIN, look
from greenchat.protocol.events import Deleted, Joined, Left, Message

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def drawn(text, *, look=DARK, width=80, me="ada", quotes=None, **more):
    """The strips of a message, without what stands above it."""
    timeline = Timeline()
    timeline.add(Message("lobby", 9, 109, "bob", text, NOON, **more))
    for seq, event in (quotes or {}).items():
        timeline.quote(seq, event)
    return draw(rows(timeline, None, UTC)[-1], Drawn(width, look, me))


def drawn_last(timeline, **how):
    return [strip.text.rstrip() for strip in draw(rows(timeline, None, UTC)[-1], Drawn(80, DARK, "ada", **how))]


def lines(strips):
    return [re.split("[│┃]", strip.text, maxsplit=1)[1][1:].rstrip() for strip in strips]


def styles(strips):
    """The style of each word."""
    return {segment.text.strip(): segment.style for strip in strips for segment in strip if segment.text.strip()}


def test_emphasis_code_links_and_names():
    strips = drawn("*one* **two** ~~three~~ `four` https://a.example/é ada")
    assert lines(strips) == ["one two three four https://a.example/é ada"]
    looks = styles(strips)
    assert (looks["one"].italic, looks["two"].bold, looks["three"].strike) == (True, True, True)
    assert looks["four"].bgcolor == DARK.verbatim.bgcolor
    assert looks["https://a.example/é"].link == "https://a.example/%C3%A9"
    assert looks["ada"].color == DARK.mention.color
    assert lines(drawn("a `four`", look=PLAIN)) == ["a `four`"], "where no colour tells it"
    assert not styles(drawn(f"https://a.example/{'x' * 3000}", width=4000)).popitem()[1].link


@pytest.mark.parametrize("look", LOOKS.values())
@pytest.mark.parametrize("width", [40, 80])
def test_code_stands_as_it_was_typed(look, width):
    code = "def one(a):\n    return  a  # " + "x" * width
    strips = drawn(f"so:\n```py\n{code}\n```\n*done*", look=look, width=width)
    assert {strip.cell_length for strip in strips[-4:-1]} == {width}
    text = lines(strips) if width == 80 else [strip.text.rstrip() for strip in strips][1:]
    begin = len(text[1]) - 2
    assert [line.strip() for line in text[:2]] == ["so:", "py"]
    assert text[2][begin:] == "def one(a):"
    assert (text[3][begin:] + text[4][begin:]).rstrip("x") == "    return  a  # "
    assert text[-1].strip() == "done"


def test_marks_stand_behind_what_was_said():
    assert lines(drawn("a\n```\nb", edited=NOON))[1:] == ["b", " (edited)"]
    timeline = Timeline()
    for after in (timedelta(minutes=3), timedelta(days=9)):
        timeline.add(Message("lobby", after.days + 1, 1, "bob", "a", NOON, edited=NOON + after))
        wanted = "12:03" if not after.days else "09 February 2026, 12:00"
        assert drawn_last(timeline, is_open=True)[-1].endswith(f"│ a (edited {wanted})")
    assert drawn_last(timeline, is_open=True)[-1].startswith("12:00 "), "though not the first of its minute"
    timeline.add(Message("lobby", 99, 199, "bob", "a", NOON, edited=datetime.max.replace(tzinfo=UTC)))
    last = rows(timeline, None, timezone(timedelta(hours=9)))[-1]  # whose clock has no such time
    assert lines(draw(last, Drawn(80, DARK, "ada", is_open=True))) == ["a (edited)"]
    assert lines(drawn("waves", action=True)) == ["bob waves"]
    assert lines(drawn("```\nb\n```", action=True)) == ["bob", "b"]


def test_what_is_answered():
    original = Message("lobby", 1, 101, "eve", "the **first**\nof all", NOON)
    for quotes, told in (
        ({}, "↪ …"),
        ({1: original}, "↪ eve: the first …"),
        ({1: Deleted("lobby", 1, 5, "eve", NOON)}, "↪ a message that was deleted"),
        ({1: None}, "↪ an earlier message"),
    ):
        assert lines(drawn("so", reply_to=1, quotes=quotes)) == [told, "so"]


def test_who_has_put_what_to_it():
    reactions = {"🎉": ["bob", "ada"], "👍": [f"n{number}" for number in range(9)]}
    strips = drawn("so", reactions=reactions)
    assert lines(strips) == ["so", "🎉 2  👍 9"]
    looks = styles(strips)
    assert (looks["🎉 2"].bold, looks["👍 9"].bold) == (True, None), "one's own"
    timeline = Timeline()
    timeline.add(Message("lobby", 9, 109, "bob", "so", NOON, reactions=reactions))
    assert drawn_last(timeline, is_open=True)[1].endswith("│ 🎉 bob, ada  👍 n0, n1, n2, n3, n4 and 4 more")


def test_who_came_and_went_can_be_opened():
    timeline = Timeline()
    timeline.add(Joined("lobby", "eve", NOON))
    assert drawn_last(timeline) == ["12:00 · eve has joined"]
    timeline.add(Left("lobby", "eve", "left", NOON + timedelta(minutes=1)))
    assert drawn_last(timeline) == ["12:01 ▸ 1 joined, 1 left"]
    assert drawn_last(timeline, is_open=True) == [
        "12:01 ▾ 1 joined, 1 left",
        "12:00   eve has joined",
        "12:01   eve has left",
    ]


@pytest.mark.parametrize(("after", "told"), [(0, "Today"), (1, "Yesterday"), (2, "Saturday, 31 January 2026")])
def test_days(after, told):
    timeline = Timeline()
    timeline.add(Message("lobby", 9, 109, "bob", "so", NOON))
    today = (NOON + timedelta(days=after)).date()
    assert draw(rows(timeline, None, UTC)[0], Drawn(80, DARK, today=today))[0].text.strip("─ ") == told


def test_what_calls_somebody_has_a_bar_beside_it():
    mine = Message("lobby", 1, 101, "ada", "Well?", NOON)
    for how, calls in (
        ({"text": "and you, ada?"}, True),
        ({"text": "so", "reply_to": 1, "quotes": {1: mine}}, True),
        ({"text": "`ada`"}, False),
        ({"text": "ada", "own": True}, False),
    ):
        for width, bar in ((80, "┃ "), (40, "┃ ")):
            assert (bar in drawn(width=width, **how)[-1].text) == calls, how


def test_narrow():
    assert [strip.text.rstrip() for strip in drawn("waves", width=40, action=True)] == ["* bob waves"]
    assert [strip.text.rstrip() for strip in drawn("waves", width=40)] == ["bob 12:00", "  waves"]


def test_a_console_is_told_of_no_links(monkeypatch):
    monkeypatch.setenv("TERM", "linux")
    assert not styles(drawn("https://a.example", look=look("dark")))["https://a.example"].link
