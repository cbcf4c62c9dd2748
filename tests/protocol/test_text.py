"""Which names people may have, and which characters may travel."""

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenchat.errors import Reject
from greenchat.protocol.text import (
    FORBIDDEN,
    FORBIDDEN_ASCII,
    IGNORABLE,
    RESERVED_NAMES,
    is_blank,
    printable,
    require_name,
    require_room,
    require_text,
    slash_at,
)

LENGTH = 32
REFUSED = [*range(0x09), *range(0x0A, 0x20), *range(0x7F, 0xA0), *range(0x2028, 0x202F), *range(0x2066, 0x206A)]


def for_all(*strategies):
    """hypothesis' `given`, with the same examples in each run, on however busy a machine."""
    return lambda test: settings(derandomize=True, deadline=None)(given(*strategies)(test))


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "shown", "key"),
    [
        ("alice", "alice", "alice"),
        ("Alice", "Alice", "alice"),
        ("ALICE", "ALICE", "alice"),
        (" alice\t", "alice", "alice"),
        ("\u3000alice\u00a0", "alice", "alice"),
        ("Ａｌｉｃｅ", "Alice", "alice"),  # full-width
        ("e\u0301ric", "éric", "éric"),  # decomposed
        ("É\u0323", "Ẹ\u0301", "ẹ\u0301"),  # marks in another order than NFC has them
        ("Ångström", "Ångström", "ångström"),
        ("A\u030angström", "Ångström", "ångström"),
        ("ΣΊΣΥΦΟΣ", "ΣΊΣΥΦΟΣ", "σίσυφος"),  # lower case as words have it
        ("Straße", "Straße", "straße"),
        ("Жук", "Жук", "жук"),
        ("漢字", "漢字", "漢字"),
        ("ｶﾅ", "カナ", "カナ"),  # half-width
        ("אבג1", "אבג1", "אבג1"),
        ("l·l", "l·l", "l·l"),  # a Catalan middle dot, allowed between two l only
        ("a.b-c_d", "a.b-c_d", "a.b-c_d"),
        ("{x}", "{x}", "{x}"),
        ("/me", "/me", "/me"),
        ("0", "0", "0"),
        ("servers", "servers", "servers"),
    ],
)
def test_names(name, shown, key):
    assert require_name(name, LENGTH) == (shown, key)


@pytest.mark.parametrize(
    "twins",
    [
        ["Alice", "alice", "ALICE", "aLiCe", "Ａｌｉｃｅ", "ＡＬＩＣＥ", " alice "],
        ["Zoë", "zoe\u0308", "ZOË", "Ｚｏｅ\u0308"],
        ["カナ", "ｶﾅ"],
        ["İx", "i\u0307x"],
        ["ộ", "o\u0323\u0302", "o\u0302\u0323", "\u1ed9"],
    ],
)
def test_twins_are_one_person(twins):
    assert len({require_name(name, LENGTH)[1] for name in twins}) == 1


def test_different_people():
    names = [
        "alice",
        "alise",
        "álice",
        "alice1",
        "alice_",
        "аlice",
        "ße",
        "sse",
    ]  # the sixth has a Cyrillic first letter
    assert len({require_name(name, LENGTH)[1] for name in names}) == len(names)


@pytest.mark.parametrize(
    "name",
    [
        "al ice",
        "al\u00a0ice",
        "al\u3000ice",
        "al|ice",
        "|",
        "al｜ice",  # a full-width pipe becomes a pipe
        "al\tice",
        "al\nice",
        "al\0ice",
        "al\x1b[31mice",
        "al\x7fice",
        "al\x9bice",
        "al\u2028ice",
        "al\u200bice",  # zero width
        "al\u200dice",
        "al\u00adice",
        "\ufeffalice",
        "al\u202eice",  # would turn the rest of a line around
        "😀",
        "½",
        "ﬁsh",  # a ligature
        "Ⅳ",
        "ſam",
        "·",
        "al\ud800ice",
        "אa",  # from right to left, and from left to right
        "\u0661\u06f1",  # Arabic digits of two kinds
    ],
    ids=ascii,
)
def test_names_that_are_not_valid(name):
    with pytest.raises(Reject, match="not valid") as caught:
        require_name(name, LENGTH)
    assert caught.value.code == "name_invalid"
    assert not FORBIDDEN.search(caught.value.text)
    assert "letters, digits" in caught.value.text, "says what to do"


@pytest.mark.parametrize("name", ["", " ", "\t", "\u3000"], ids=ascii)
def test_a_name_that_is_missing(name):
    with pytest.raises(Reject, match=r"missing.*JOIN\|<username>") as caught:
        require_name(name, LENGTH)
    assert caught.value.code == "name_invalid"


@pytest.mark.parametrize("name", ["x" * LENGTH, "世" * LENGTH, "e\u0301" * LENGTH, f"  {'x' * LENGTH}  "])
def test_the_longest_name(name):
    shown, _ = require_name(name, LENGTH)
    assert len(shown) == LENGTH, "counted in characters, as the name is shown"


@pytest.mark.parametrize("name", ["x" * (LENGTH + 1), "世" * (LENGTH + 1), "x" * 4000])
def test_a_name_that_is_too_long(name):
    with pytest.raises(Reject, match=r"longer than 32 characters") as caught:
        require_name(name, LENGTH)
    assert caught.value.code == "name_invalid"
    assert require_name(name, 0)[0] == name, "0 is no limit"


@pytest.mark.parametrize("name", sorted({*RESERVED_NAMES, "INFO", "Server", "Ｉｎｆｏ", " system "}))
def test_nobody_is_called_like_the_server(name):
    with pytest.raises(Reject, match="kept for the server") as caught:
        require_name(name, LENGTH)
    assert caught.value.code == "name_invalid"


@for_all(st.text(max_size=12) | st.text("aAeE\u0301\u030a Ａａßﬁİ|\u200d", max_size=6))
def test_a_name_is_refused_in_plain_words_or_stays_as_it_is_shown(name):
    verdict = None
    try:
        shown, key = require_name(name, LENGTH)
    except Reject as refusal:
        verdict = refusal
    if verdict is not None:
        assert verdict.code == "name_invalid"
        assert not FORBIDDEN.search(verdict.text)
        return
    assert require_name(shown, LENGTH) == (shown, key)
    assert require_name(key, LENGTH)[1] == key
    assert not any(character.isspace() or character == "|" for character in shown + key)
    assert not FORBIDDEN.search(shown)


# --- rooms -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "room"),
    [
        ("garden", "garden"),
        ("Garden", "garden"),
        ("ＧＡＲＤＥＮ", "garden"),
        (" garden ", "garden"),
        ("E\u0301t", "ét"),
    ],
)
def test_rooms(name, room):
    assert require_room(name, LENGTH) == room


def test_a_room_may_be_called_like_the_server():
    assert require_room("Server", LENGTH) == "server"


@pytest.mark.parametrize("name", ["", " ", "a b", "a|b", "a\x1bb", "😀", "x" * (LENGTH + 1)], ids=ascii)
def test_rooms_that_are_not_valid(name):
    with pytest.raises(Reject, match="room name") as caught:
        require_room(name, LENGTH)
    assert caught.value.code == "room_invalid"
    assert not FORBIDDEN.search(caught.value.text)


def test_the_longest_room():
    assert require_room("X" * LENGTH, LENGTH) == "x" * LENGTH
    assert require_room("X" * 1000, 0) == "x" * 1000


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
        with pytest.raises(Reject, match="control characters") as caught:
            require_text(text)
        assert caught.value.code == "control"


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
