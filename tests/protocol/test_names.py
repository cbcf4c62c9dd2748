"""Which names people and rooms may have, and when two of them are the same."""

import pytest
from hypothesis import strategies as st
from kit.properties import for_all

from greenchat.errors import Advice, Reject
from greenchat.protocol.names import RESERVED_NAMES, require_name, require_room
from greenchat.protocol.text import FORBIDDEN

LENGTH = 32


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
    with pytest.raises(Reject, match="missing") as caught:
        require_name(name, LENGTH)
    assert caught.value.code == "name_invalid"
    assert caught.value.advice is Advice.NAME_ONE, "each kind of client says in its own words what to do"


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
