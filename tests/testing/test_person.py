"""Somebody in a chat without sockets: what they are told for what they type."""

import pytest

from greenchat import command
from greenchat.testing import Chat


@pytest.mark.parametrize("kind", ["plain", "json"])
def test_what_somebody_is_told_for_a_line(kind):
    class Lines:
        @command
        def lines(self, call, number: int):
            """Tell some lines."""
            return [f"line {place}" for place in range(number)]

    chat = Chat(Lines)
    ada, bob = chat.join("ada", kind=kind), chat.join("bob")
    assert ada.asks("/lines 2") == "line 0\nline 1"
    assert ada.asks("/lines x").startswith("NUMBER is a whole number")
    bob.says("hello")
    assert ada.asks("hi") == ""
    assert ada.hears("hello", by="bob")
