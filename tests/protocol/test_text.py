"""Which characters may travel, and which of them can be seen."""

import re
import unicodedata

import pytest
from hypothesis import strategies as st
from kit.properties import for_all

from greenchat.errors import Reject
from greenchat.protocol.text import (
    FORBIDDEN,
    FORBIDDEN_ASCII,
    IGNORABLE,
    MOST_LINES,
    is_blank,
    printable,
    require_line,
    require_text,
    slash_at,
)

REFUSED = [*range(0x09), *range(0x0A, 0x20), *range(0x7F, 0xA0), *range(0x2028, 0x202F), *range(0x2066, 0x206A)]


# --- what may be said ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["hi", " hi ", "a\tb", "a|b", "|", "/help", "é e\u0301", "👩\u200d💻", "א\u200f", "\u00a0x", "\uffff"]
)
def test_a_text_is_said_as_it_is(text):
    assert require_text(text) == text


# One of each kind of what shows nothing: by its property, by its glyph, or for want of something to stand on.
UNSEEN = [
    *" \t\u00a0\u1680\u2003\u3000",
    *"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b\u180e\u180f\u200b\u200d\u200e\u2060\u2065\u206f\u3164",
    *"\ufe00\ufe0f\ufeff\uffa0\ufff0\ufff9\ufffb\ufffc\u2800\u0301\u20dd",
    *"\U00013430\U0001bca0\U0001d159\U0001d173\U0001d17a\U000e0001\U000e0041\U000e0100\U000e0fff",
]


@pytest.mark.parametrize("text", ["", " \t ", *UNSEEN, "".join(UNSEEN), " \u200b\u0301 \ufe0f"], ids=ascii)
def test_an_empty_text(text):
    assert is_blank(text)
    assert slash_at(text) == -1
    with pytest.raises(Reject, match="empty") as caught:
        require_text(text)
    assert caught.value.code == "empty"


@pytest.mark.parametrize(
    "seen", ["a", "!", "~", ".", "é", "世", "\u0e01\u0e31", "\u093e", "☺", "\ue000", "👍🏽", "｡"], ids=ascii
)
def test_a_text_of_which_something_can_be_seen(seen):
    for unseen in ["", *UNSEEN]:
        assert not is_blank(unseen + seen)
        assert require_text(unseen + seen + unseen) == unseen + seen + unseen
        assert slash_at(unseen + seen + "/") == -1
        assert slash_at(unseen + "/" + seen) == len(unseen)
        assert slash_at(unseen + unseen + "/") == 2 * len(unseen)


def test_ignorable_characters_are_those_that_unicode_calls_so():
    # This Python may know an older Unicode, and has no such property: Cf and Cn are where it takes new ones from.
    ignorable = re.compile(f"[{IGNORABLE}]")
    for code in range(0x110000):
        if ignorable.match(chr(code)):
            assert unicodedata.category(chr(code)) in ("Cf", "Cn", "Mn", "Lo"), hex(code)
            assert is_blank(chr(code)), hex(code)
        elif unicodedata.category(chr(code)) == "Cf":
            assert is_blank(chr(code)) or 0x600 <= code <= 0x8E2 or code in (0x110BD, 0x110CD), hex(code)


@for_all(st.text(max_size=20))
def test_ascii_is_looked_at_as_all_else(text):
    assert is_blank(text) == is_blank(f"\u200b{text}")
    assert (slash_at(text) + 1 if slash_at(text) >= 0 else -1) == slash_at(f"\u200b{text}")


@pytest.mark.parametrize("code", REFUSED, ids=lambda code: f"U+{code:04X}")
def test_a_refused_character(code):
    for text in (f"a{chr(code)}b", f"a{chr(code)}", f"{chr(code)}b"):
        if chr(code) in "\r\n":
            assert require_text(text) == text.replace("\r", "\n").strip("\n")
            continue
        with pytest.raises(Reject, match="control characters") as caught:
            require_text(text)
        assert caught.value.code == "control"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a\nb", ["a", "b"]),
        ("a\r\nb\rc", ["a", "b", "c"]),
        ("\n \n\u200b\r\n  a\n\n\tb \n\n \n", ["  a", "", "\tb "]),
        ("a\n\r\n\rb", ["a", "", "", "b"]),
        ("\n" * 200 + "a" + "\n" * 200, ["a"]),
        ("x\n" * MOST_LINES, ["x"] * MOST_LINES),
    ],
)
def test_lines_of_a_text(text, lines):
    assert require_text(text).split("\n") == lines
    if len(lines) > 1:
        with pytest.raises(Reject, match="one line") as caught:
            require_line(text)
        assert caught.value.code == "control"


def test_too_many_lines():
    with pytest.raises(Reject, match=f"has {MOST_LINES + 1} lines, and one has at most {MOST_LINES}") as caught:
        require_text("x\n" * MOST_LINES + "x")
    assert caught.value.code == "too_long"


@for_all(st.text("a /\r\n\t\u200b", max_size=30))
def test_what_may_be_said_in_lines_stays_as_it_is(text):
    if not is_blank(text):
        said = require_text(text)
        assert require_text(said) == said
        assert said.replace("\n", "") in re.sub("[\r\n]", "", text)
        assert (slash_at(said) < 0) == (slash_at(text) < 0), "what is a command stays one"


def test_no_other_character_is_refused():
    everything = (code for code in range(0x110000) if not 0xD800 <= code < 0xE000)
    assert [code for code in everything if FORBIDDEN.match(chr(code))] == REFUSED
    assert sorted([*FORBIDDEN_ASCII, ord("\n")]) == [code for code in REFUSED if code < 0x80]


# --- what others see -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("hi", "hi"),
        ("", ""),
        ("a\tb", "a b"),
        ("a\x1b[31mb\r\nc", "a?[31mb??c"),
        ("a\u2028b\x85c\x9bd", "a?b?c?d"),
        ("x" * 40, "x" * 40),
        ("x" * 41, "x" * 39 + "…"),
        ("世" * 41, "世" * 39 + "…"),
    ],
)
def test_printable(text, shown):
    assert printable(text) == shown


def test_printable_as_long_as_asked():
    assert printable("abcdef", 6) == "abcdef"
    assert printable("abcdef", 5) == "abcd…"
    assert printable("x" * 1000, 1000) == "x" * 1000


@for_all(st.text(max_size=80), st.integers(1, 60))
def test_printable_is_one_short_line_without_control_codes(text, length):
    shown = printable(text, length)
    assert len(shown) <= length
    assert not FORBIDDEN.search(shown)
    assert "\t" not in shown
    assert len(shown.splitlines()) <= 1
