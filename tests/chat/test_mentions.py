"""Whether somebody is named in what was said."""

import random
import time

import pytest

from greenchat.chat.mentions import Mentions


@pytest.mark.parametrize(
    ("name", "named", "not_named"),
    [
        (
            "bob",
            ["bob", "Bob!", "@bob", "(@BOB)", "bob: hi", "hi, bob.", "ｂｏｂ?", "bob's tea", "bobby, bob"],
            ["", "bobby", "kabob", "bob-2", "bob_2", "bob@example.org", "x@bob", "e.bob", "#bob", "bobs", "b ob"],
        ),
        ("bobby", ["bobby"], ["bob", "bobby2"]),
        ("c++", ["c++", "c++, hm", "@c++?"], ["c", "c+", "ac++", "c+++", "(c++)"]),
        (".*", [".*", "@.*!"], ["anything", "a.*b", ".", "*"]),
        ("a.b", ["a.b", "A.B!"], ["aXb", "a.bc", "xa.b"]),
        ("[x]", ["[x]", "so, [x]."], ["x", "[x]y"]),
        ("$1", ["$1"], ["1", "$10"]),
        ("\\d", ["\\D"], ["5", "d"]),
        ("Zoë", ["zoë", "ZOË", "zoe\u0308", "@Zoë"], ["zoe", "Zoëy"]),
        ("Straße", ["STRASSE", "straße"], ["strass"]),
        ("ΣΑΣ", ["σας", "ΣΑΣ"], ["σασα"]),
        ("王", ["王", "我爱王小明", "@王"], ["玉"]),
        ("김", ["김이 왔다"], ["감"]),
        ("สมชาย", ["คุณสมชายครับ"], ["สม"]),
        ("ada", ["ada가"], []),
        ("x" * 32, ["x" * 32], ["x" * 33, "x" * 31]),
    ],
)
def test_a_name_is_a_word_by_itself(name, named, not_named):
    names = Mentions((name, ""))
    assert [text for text in named if not names(text)] == []
    assert [text for text in not_named if names(text)] == []


def test_texts_of_ascii_alone_are_looked_at_by_the_same_rules():
    """There is a faster way for them. A letter of Greek far away makes the same text one of all others."""
    chances = random.Random(0)
    alphabet = "ab@.-'s_ #$+,:!(9\t"
    seen = set()
    for _ in range(5000):
        name = "".join(chances.choices(alphabet.replace(" ", "").replace("\t", ""), k=chances.randrange(1, 4)))
        around = ["".join(chances.choices(alphabet, k=chances.randrange(4))) for _ in range(2)]
        text, names = name.join(around), Mentions((name,))
        assert names(text) is names(f"{text} ω"), (name, text)
        seen.add(names(text))
    assert seen == {True, False}


def test_either_of_two_names():
    names = Mentions(("lovelace", "ada"))
    assert names("Ada?")
    assert names("lovelace!")
    assert not names("adalovelace")
    assert not Mentions(("", ""))("ada")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["a" * count for count in range(1, 41)], "a" * 4000 + "b"),
        (["ä" * count for count in range(1, 41)], "ä" * 2000 + "b"),
        ([f"word{count:02}" for count in range(50)], "xword01x " * 450),
    ],
)
def test_many_words_that_are_alike_hold_nobody_up(words, text):
    """As many as one may have, and a text that is made for them: it has them all over, and none by itself."""
    names = Mentions(words)
    began = time.thread_time()
    assert not any(names(text) for _ in range(200))
    assert time.thread_time() - began < 0.5
