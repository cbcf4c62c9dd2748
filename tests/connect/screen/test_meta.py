"""Keys with Alt come as such, whichever way a terminal sends them."""

import pytest
from textual import events
from textual._xterm_parser import XTermParser

from greenchat.connect.screen.meta import teach

SENT = [
    ("\x1b1", "alt+1"),
    ("\x1b9", "alt+9"),
    ("\x1b[49;3u", "alt+1"),
    ("\x1ba", "alt+a"),
    ("\x1b\r", "alt+enter"),
    ("\x1b[13;3u", "alt+enter"),
    ("\x1b[1;3A", "alt+up"),
    ("\x1b[1;3D", "alt+left"),
    ("\x1b\x7f", "alt+backspace"),
    ("\r", "enter"),
    ("1", "1"),
]


@pytest.mark.parametrize(("sequence", "key"), SENT)
def test_alt(sequence, key):
    teach()
    parser = XTermParser(False)
    assert [event.key for event in parser.feed(sequence) if isinstance(event, events.Key)] == [key]
