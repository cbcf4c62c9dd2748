"""Emoji by their names: the same as on the page."""

import json
import re
from pathlib import Path

import greenchat_plugins.web

from greenchat.connect.emoji import EMOJI, USUAL, named
from greenchat.connect.names import Completed, Names


def test_the_page_has_the_same():
    page = (Path(greenchat_plugins.web.__file__).parent / "static" / "emoji.js").read_text()
    usual, table = re.search(r"USUAL = (\[.*?\])", page), re.search(r"TABLE = `(.*?)`", page, re.DOTALL)
    assert usual is not None
    assert table is not None
    assert [*USUAL] == json.loads(usual[1])
    words = table[1].split()
    assert dict(zip(words[::2], words[1::2], strict=True)) == EMOJI


def test_a_whole_name_is_one():
    assert named("good :tada:") == (5, "🎉")
    assert named(":+1:") == (0, "👍")
    for text in ("at 10:30:", "x:tada:", ":nothing:", "`:tada:", ":tada", ""):
        assert named(text) == (len(text), ""), text


def test_tab_at_the_prompt():
    complete = Names().complete
    assert complete("good :TAD") == Completed(4, "🎉 ")
    assert complete("/react :heart:") == Completed(7, "❤️ ")
    assert complete(":+1") == Completed(3, "👍 ")
    assert complete(":bro") == Completed(4, "💔 ")
    assert complete(":thum") == Completed(text="bs")
    assert complete(":thumbs") == Completed(are=":thumbsdown:, :thumbsup:")
    for text in (":t", "`:tad", "at 10:30", "x:tad", ":nothing"):
        assert complete(text) == Completed(), text
