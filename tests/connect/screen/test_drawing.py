"""How a message looks: as the page shows it, in a terminal."""

from datetime import UTC, datetime

import pytest

from greenchat.connect.model.rows import rows
from greenchat.connect.model.timeline import Timeline
from greenchat.connect.screen.drawing import Drawn, draw
from greenchat.connect.screen.theme import DARK, LOOKS, PLAIN
from greenchat.protocol.events import Deleted, Message

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def drawn(text, *, look=DARK, width=80, me="ada", quotes=None, **more):
    """The strips of a message, without what stands above it."""
    timeline = Timeline()
    timeline.add(Message("lobby", 9, 109, "bob", text, NOON, **more))
    for seq, event in (quotes or {}).items():
        timeline.quote(seq, event)
    return draw(rows(timeline, None, UTC)[-1], Drawn(width, look, me))


def lines(strips):
    return [strip.text.partition("│")[2][1:].rstrip() for strip in strips]


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
