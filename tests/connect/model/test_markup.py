"""What is code, emphasis, a link or a name in what people type."""

import pytest

from greenchat.connect.model.markup import Token, mentions, parse, plain
from greenchat.connect.model.mentions import find


def shape(tokens):
    return [token if isinstance(token, str) else (token.tag, *shape(token.children)) for token in tokens]


C = ("sign", "• "), "c\n"

CASES = [
    ("*a* **b** _c_ __d d__ ~~e~~", [("em", "a"), ("strong", "b"), ("em", "c"), ("strong", "d d"), ("del", "e")]),
    ("***a***", [("strong", ("em", "a"))]),
    ("*a **b** c*", [("em", "a ", ("strong", "b"), " c")]),
    ("2 * 3 * 4 and a*b*c, snake_case_name, __init__, /usr/*/x/*", []),
    ("`a *b*` ``c ` d`` ` ` `` ` ``", [("code", "a *b*"), ("code", "c ` d"), ("code", " "), ("code", "`")]),
    ("one ` and two ``", []),
    ("(see https://a.example/x_(y)_z). And http://b.example!", ["https://a.example/x_(y)_z", "http://b.example"]),
    ("xhttps://a.example mailto:ada@a.example https:// http://a:99999/ https://1.2.3.400", ["mailto:ada@a.example"]),
    ("「https://例え.jp/あ」。", ["https://例え.jp/あ"]),
    ("**https://a.example/__init__/x**", [("strong", ("link", "https://a.example/__init__/x"))]),
    ("`https://a.example`", [("code", "https://a.example")]),
    ("```py\na = *1*\n```\n*b*", [("pre", ("small", "py"), "a = *1*\n"), ("em", "b")]),
    ("a\n```\nb", [("pre", "b")]),
    ("[bold]x[/] <b>x</b> &amp;", []),
    ("> a *b*\n> c\n>\n> d\ne", [("quote", "a ", ("em", "b"), "\nc\n\nd\n")]),
    ("a > b\n>_<\n>\n >", []),
    (
        "- a\n  * `b`\n- c\n\n12. d",
        [
            ("list", ("item", ("sign", "• "), "a\n"), ("item", ("sign", "• "), ("code", "b"), "\n"), ("item", *C)),
            ("list", ("item", ("sign", "12. "), "d")),
        ],
    ),
    ("-a\n*b*\n1.5 x\n--- x", [("em", "b")]),
    ("[a *b*](https://a.example/x_(y)) [c](ftp://d) [](https://e.example)", [("link", "a *b*"), "https://e.example"]),
    ("[a](https://b.example c) [d] (https://e.example)", ["https://b.example", "https://e.example"]),
]


@pytest.mark.parametrize(("text", "elements"), CASES)
def test_elements(text, elements):
    found = [token for token in shape(parse(text)) if not isinstance(token, str)]
    wanted = [("link", one) if isinstance(one, str) else one for one in elements]
    assert found == wanted
    assert set(text) & set("`*>[") or "- " in text or plain(parse(text)) == text


def test_names_are_marked_where_they_are_words():
    text = "ada, *ada*: `ada` https://ada.example ada's e.g. adam"
    tokens = parse(text, lambda part: find("Ada", part))
    assert shape(tokens)[:4] == [("mark", "ada"), ", ", ("em", ("mark", "ada")), ": "]
    assert sum(isinstance(token, Token) and token.tag == "mark" for token in tokens) == 2
    tokens = parse("xhttps://a.example/,ada;https://c.example", lambda part: find("ada", part))
    assert shape(tokens)[1:] == [("mark", "ada"), ";", ("link", "https://c.example")]
    for name, text in (("ada", "*@ada*"), ("張偉", "我問過張偉了"), ("i", "so am i")):
        assert mentions([name], text), text
    for text in ("`ada`", "```\nada\n```", "https://ada.example", "ada-2", "ada@b.example", "adam"):
        assert not mentions(["ada"], text), text
