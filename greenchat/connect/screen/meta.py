"""Keys with Alt, as most terminals send them: Escape and the key. Textual takes some of them for what a Mac's keyboard
writes by Option and Alt-Enter for Enter, and waits before it believes the others. And what is no text, as terminals
send it that know no UTF-8: Textual reads no keys any more once that has come."""

import codecs
from functools import partial
from string import ascii_lowercase, digits
from typing import NamedTuple, Protocol, cast

from textual import _ansi_sequences
from textual.drivers import linux_driver


class Listen(Protocol):
    def __call__(self, text: str, *, final: bool) -> str: ...


class Meta(NamedTuple):
    """`value` is the name that Textual has for it where a terminal tells keys apart by itself."""

    value: str


SEQUENCES = {f"\x1b{key}": (Meta(f"alt+{key}"),) for key in ascii_lowercase + digits} | {
    "\x1b\r": (Meta("alt+enter"),),
    "\x1b\x7f": (Meta("alt+backspace"),),
}


class Decoder:
    """Bytes of the terminal as text, with a sign in the place of what is none. `listen` looks at it first."""

    def __init__(self, encoding: str, listen: Listen) -> None:
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._listen = listen

    def decode(self, data: bytes, final: bool = False) -> str:
        return self._listen(self._decoder.decode(data, final), final=final)


def teach(listen: Listen = lambda text, *, final: text) -> None:
    """From now on Textual knows them. There is no other way to tell it: tests hold each new version of it to that.
    `listen` returns what of a text was typed."""
    cast("dict[str, tuple[Meta, ...]]", _ansi_sequences.ANSI_SEQUENCES_KEYS).update(SEQUENCES)
    linux_driver.__dict__["getincrementaldecoder"] = lambda encoding: partial(Decoder, encoding, listen)
