"""Frames of WebSockets as bytes (RFC 6455, 5.2): their heads, and those that are whole texts, which are almost all."""

import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

# A frame's first byte: the bit of the last one of a message, with what it is below. A whole text message is both.
LAST = 0x80
TEXT = 0x01
WHOLE_TEXT = LAST | TEXT
CONTROLS = (0x88, 0x89, 0x8A)  # close, ping and pong, which are whole

# The bit of its second byte that says that it is masked; and below what its length stands in the other seven, where
# else 126 or 127 says that two or eight bytes of it follow.
MASKED = 0x80
SHORT = 126
MASK_BYTES = 4
LONGEST_HEAD = 8  # with a mask, of those that are read here

PING = b"\x89\x00"


class Head(NamedTuple):
    """How a frame begins: its `first` byte, its `mask`, which may be empty; `size` is of the head, `length` of what
    follows."""

    first: int
    mask: bytes
    size: int
    length: int

    def is_control(self) -> bool:
        """Whether it is a control frame as it must be."""
        return self.first in CONTROLS and bool(self.mask) and self.length < SHORT

    def rest(self, left: int) -> bytes:
        """The head of a frame that has the last `left` bytes of this one, which go on with the message."""
        done = self.length - left
        if not done:
            return make_head(self.first, left, self.mask)
        turned = done % MASK_BYTES
        return make_head(self.first & LAST, left, self.mask[turned:] + self.mask[:turned])

    def unmask(self, data: bytes, place: int) -> bytes:
        """What `data` is, which stands at a `place` of the frame, behind the head."""
        mask = self.mask or bytes(MASK_BYTES)
        return bytes(byte ^ mask[at % MASK_BYTES] for at, byte in enumerate(data, place))


def head_of(data: bytes, at: int) -> Head | None:
    """That of the frame at `at`; None where too little of it has come to tell."""
    if len(data) < at + 2:
        return None
    length = data[at + 1] & ~MASKED
    body = at + 2
    if length >= SHORT:
        body += 2 if length == SHORT else 8
        length = int.from_bytes(data[at + 2 : body], "big")
    masked = MASK_BYTES if data[at + 1] & MASKED else 0
    if len(data) < body + masked:
        return None
    return Head(data[at], data[body : body + masked], body + masked - at, length)


def make_head(first: int, length: int, mask: bytes = b"") -> bytes:
    masked = MASKED if mask else 0
    if length < SHORT:
        return struct.pack("!BB", first, masked | length) + mask
    if length < 1 << 16:
        return struct.pack("!BBH", first, masked | SHORT, length) + mask
    return struct.pack("!BBQ", first, masked | SHORT + 1, length) + mask


@lru_cache(maxsize=4096)  # most lengths that there are: each is asked for again and again
def text_head(length: int) -> bytes:
    """How a text frame of ours of `length` bytes begins."""
    return make_head(WHOLE_TEXT, length)


def text_frames(block: bytes) -> bytes:
    """Lines as text frames."""
    lines = block.split(b"\n")
    lines.pop()  # what is behind the last line: nothing
    return b"".join([text_head(len(line)) + line for line in lines])


def whole_texts(data: bytes, at: int) -> tuple[list[bytes], int]:
    """The texts of frames in a row from `at` on, as long as each is a whole message, and where the next one begins.
    All others are left to wsproto, among them those that are not as they must be."""
    texts: list[bytes] = []
    add, number, end = texts.append, int.from_bytes, len(data)  # looked up once: this is done for every message
    while at + LONGEST_HEAD <= end and data[at] == WHOLE_TEXT:
        length = data[at + 1] - MASKED
        body = at + 6
        if length == SHORT:
            length = data[at + 2] << 8 | data[at + 3]
            body = at + 8
            if length < SHORT:
                break  # written longer than need be
        elif not 0 <= length < SHORT:
            break
        stop = body + length
        if stop > end:
            break
        # The mask is the four bytes before the payload, again and again (RFC 6455, 5.3).
        mask = (data[body - 4 : body] * (length // 4 + 1))[:length]
        add((number(data[body:stop], "little") ^ number(mask, "little")).to_bytes(length, "little"))
        at = stop
    return texts, at


def lines_of(texts: Sequence[bytes]) -> bytes:
    """Messages as lines; nothing where one of them is not UTF-8."""
    block = b"\n".join(texts)
    if not block.isascii():
        try:
            block.decode()
        except UnicodeDecodeError:
            return b""
    if block.count(b"\n") >= len(texts):
        return b"".join(map(line_of, texts))
    return block + b"\n"


def line_of(text: bytes) -> bytes:
    """A message as a line: a line break within JSON is white space."""
    return text.replace(b"\n", b" ") + b"\n"


def unfinished(data: bytes) -> bytes:
    """The beginning of a character, in UTF-8, at the end of `data`, whose last bytes are enough."""
    for back in range(1, min(len(data), 3) + 1):
        byte = data[-back]
        if byte < 0x80:
            break
        if byte >= 0xC0:
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return data[-back:] if back < length else b""
    return b""
