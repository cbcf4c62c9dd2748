"""What a message is found by, in each script, and by signs."""

import pytest
from kit.histories import found, keep, said

from greenchat.search import terms

SCRIPTS = {
    1: "今天天气很好，我们去公园吧",
    2: "東京タワーで食べるラーメン",
    3: "สวัสดีครับ วันนี้อากาศดี",
    4: "학교에서 친구를 만났다",
    5: "Стоит ёлка, зелёная-зелёная. Йод!",
    6: "Straße, GROẞ, Ærø, naïve, Ἀθῆναι",
    7: "مُحَمَّد كتب می‌خواهم",
    8: "שָׁלוֹם לכולם",
    9: "हिन्दी में नमस्ते",
    10: "ｆｕｌｌ ｗｉｄｔｈ ﬁne ①",
    11: "iPhone手机壳 2026年",
    12: "ព្រះរាជា ភាសាខ្មែរ",
    13: "co\u00adop e\u0301cole",
    14: "がぎ か",
}

SIGNS = {
    1: "I write C++ and C#, not C.",
    2: "well :-) fine",
    3: "well:-(",
    4: "the horse 🐎 ran",
    5: "👍🏽 yes ❤️",
    6: "@ada look at #garden, please",
    7: "100% of a+b, or 5€ → 6$",
    8: "(C++)?",
    9: "hm... what?!",
    10: "👨‍👩‍👧 🇩🇪",
    11: "x = y && z",
    12: ">:-(",
}


@pytest.fixture(scope="module")
def scripts(tmp_path_factory):
    return kept(tmp_path_factory, SCRIPTS)


@pytest.fixture(scope="module")
def signs(tmp_path_factory):
    return kept(tmp_path_factory, SIGNS)


def kept(tmp_path_factory, texts):
    data_dir = tmp_path_factory.mktemp("history")
    keep(data_dir, said(*(f"lobby ada: {text}" for text in texts.values())))
    return data_dir


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        # Chinese
        *[("天气", [1]), ("今天", [1]), ("天天气", [1]), ("天气好", []), ("公园", [1]), ("我们去公园吧", [1])],
        *[
            ("吧", [1]),
            ("气", [1]),
            ("天 公园", [1]),
            ("好我", []),
            ('"很好，我们"', [1]),
            ("天气*", [1]),
            ("园天", []),
        ],
        # Japanese
        *[
            ("東京", [2]),
            ("タワー", [2]),
            ("食べる", [2]),
            ("べる", [2]),
            ("ラーメン", [2]),
            ("ﾗｰﾒﾝ", [2]),
            ("メン", [2]),
        ],
        *[("か", [14]), ("が", [14]), ("か゛", [])],
        # Thai, Khmer
        *[("สวัสดี", [3]), ("อากาศ", [3]), ("วันนี้", [3]), ("ภาษา", []), ("ភាសា", [12])],
        # Korean: whatever its ending is
        *[("학교", [4]), ("친구", [4]), ("만났다", [4]), ("만나", []), ("친", [4]), ("학교에서 친구", [4])],
        # Cyrillic
        *[("елка", [5]), ("ЁЛКА", [5]), ("зеленая", [5]), ("йод", [5]), ("иод", []), ("зелён*", [5])],
        # Latin, Greek
        *[
            ("strasse", [6]),
            ("STRASSE", [6]),
            ("groß", [6]),
            ("aero", []),
            ("ærø", [6]),
            ("naive", [6]),
            ("αθηναι", [6]),
        ],
        # Arabic, Persian, Hebrew: with points or without
        *[("محمد", [7]), ("خواهم", [7]), ("می خواهم", [7]), ("שלום", [8]), ("שָׁלוֹם", [8])],
        # Hindi: whole words
        *[("हिन्दी", [9]), ("नमस्ते", [9]), ("नमस", []), ("नमस*", [9])],
        # compatible forms
        *[("full width", [10]), ("fine", [10]), ("１", [10])],
        *[("coop", [13]), ("école", [13]), ("ecole", [13])],
        # both in one word
        *[("手机", [11]), ("iphone", [11]), ("iphone手机", [11]), ("2026", [11]), ("2026年", [11]), ("年", [11])],
    ],
)
def test_words_of_all_scripts_are_found(scripts, words, ids):
    assert found(scripts, words) == ids


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        *[
            ("C++", [8, 1]),
            ("c#", [1]),
            ("c", [8, 1]),
            ("++", [8, 1]),
            ("C+", []),
            ('"C++ and"', [1]),
            ("(C++)", [8, 1]),
        ],
        *[(":-)", [2]), (":-(", [3]), ("well :-(", [3]), (">:-(", [12]), (":-", [3, 2])],
        *[("🐎", [4]), ("horse🐎", [4]), ("🐄", []), ("👍", [5]), ("👍🏽", [5]), ("👍🏿", []), ("❤", [5]), ("❤️", [5])],
        *[("👧", [10]), ("👨‍👩‍👧", [10]), ("🇩🇪", [10])],
        *[("@ada", [6]), ("#garden", [6]), ("@garden", []), ("garden", [6]), ("@", [6])],
        *[("100%", [7]), ("a+b", [7]), ("b+a", []), ("€", [7]), ("5€", [7]), ("→", [7]), ("6$", [7])],
        *[("...", [9]), ("?!", [9]), ("what?", [9]), ("what?!", [9]), ("hm...", [9]), ("&&", [11]), ("=", [11])],
    ],
)
def test_signs_are_found(signs, words, ids):
    assert found(signs, words) == ids


def test_terms_are_apart_by_scope_and_kind():
    made = terms.terms_of(12, 12, "Ada", "Hi ada 12!all http://example.org").split(" ")
    assert made[:3] == ["12.hi", "12.ada", "12.12"]
    assert made[-4:] == ["12>link", "12<ada", "12!12", "12!"]
    assert "0>link" not in terms.terms_of(0, 1, "ada", "a >link <ada !1 http: //x ftp://y https://")


@pytest.mark.parametrize("name", ["weather bot", "(forgotten user)", 'a"b', "name\x00\n"])
def test_a_name_that_nobody_can_choose_is_one_term(name):
    assert len(terms.terms_of(0, 1, name, "").split(" ")) == 3
    assert not any(sign <= " " for sign in terms.sender(name))
