"""What people type looks the same in a terminal and on the page."""

import random

import pytest
from kit.browsers import needs_browser
from kit.hostile import hostile_texts

from greenchat.connect.model.markup import parse
from greenchat.connect.model.mentions import find

pytestmark = needs_browser
pytest_plugins = ["kit.browser_fixtures"]

SIGNS = (
    "* ** *** _ __ ~~ ~ ` `` ``` ```py a b ada Ada @ada ada's e.g. 世 界 。 철수 \u00e9 \u200b https:// http://a.b"
    ' HTTPS://x.org/y mailto:a@b ( ) [ ] " « » . , ! / \\ # $ 1 __init__ foo_bar https://[::1]/ http://1.2.3.4'
    " http://1.2.3.999 https://例え.jp/あ … · — x= + 🙂 | : ; http://u:p@h:80/ http://h:99999"
)
PARTS = [
    *SIGNS.split(" "),
    "> ",
    "- ",
    "* ",
    "1. ",
    "\n> ",
    "\n- ",
    "[a](",
    "](https://a.b)",
    " ",
    " ",
    "\n",
    "```\n",
    "\n```\n",
    "\t",
    "\u202f",
]

ON_THE_PAGE = """async texts => {
    const {parse} = await import(new URL("markup.js", document.baseURI));
    const {mentions} = await import(new URL("mentions.js", document.baseURI));
    const mine = mentions("ada");
    const shape = token => typeof token === "string" ? token : [token.tag, token.children.map(shape)];
    return texts.map(text => parse(text, mine).filter(token => token !== "").map(shape));
}"""


# What the page calls otherwise, as its elements are called so.
NAMES = {"link": "a", "quote": "blockquote", "list": "ul", "item": "li"}


def shape(token):
    if isinstance(token, str):
        return token
    return [NAMES.get(token.tag, token.tag), [shape(child) for child in token.children]]


@pytest.mark.parametrize("count", [3000, pytest.param(30_000, marks=pytest.mark.full)])
def test_the_same_rules(chat, visit, seed, count):
    chance = random.Random(seed)
    texts = ["".join(chance.choices(PARTS, k=chance.randint(1, 24))) for _ in range(count)]
    texts += hostile_texts().values()
    seen = visit(chat).page.evaluate(ON_THE_PAGE, texts)
    other = {}
    for text, there in zip(texts, seen, strict=True):
        here = [shape(token) for token in parse(text, lambda part: find("ada", part)) if token != ""]
        if here != there:
            other[text] = here, there
    # Which hosts there are, only a browser knows for sure.
    assert len(other) <= len(texts) // 500, "\n".join(map(repr, other.items()))
