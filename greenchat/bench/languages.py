"""What the crowd speaks: plain frames, JSON Lines, or JSON over WebSockets, as browsers do. irc.py has IRC.

Counting must not cost more than receiving, so nothing is done for each message at full load.
"""

import json
import re
from collections.abc import Sequence
from typing import Protocol

from greenchat.errors import GreenchatError
from greenchat.protocol.text import printable

# A room of its own: nobody else on the server reads the load, and nobody's talk is counted as a delivery.
ROOM = "bench"


# Of what is read, so much is looked at together with the start of a frame that came before: most frames end within it.
PIECE_BYTES = 4096


class BenchError(GreenchatError):
    """The measurement cannot be made, or says nothing: the text tells why, and what to do."""


class RefusedError(Exception):
    """The server would not have what a client asked: its words, fit for a terminal."""


class Hearing:
    """What one client has heard: the start of something that has not ended yet, where that is looked at; how much is
    left of a message that has begun, where it is not; and how many bytes of messages there were in this part."""

    __slots__ = ("heard", "left", "received")

    def __init__(self) -> None:
        self.heard = b""
        self.left = 0
        self.received = 0


class Language(Protocol):
    """`overhead` is what a request has besides its text, in bytes; `most` is how long a text may be whatever the server
    allows, 0 for no bound. All that is read may raise `RefusedError` or `BenchError`."""

    name: str
    overhead: int
    most: int

    def opening(self, name: str) -> Sequence[bytes]:
        """What a client called `name` says to be let in, each when the one before is answered."""

    def answered(self, heard: bytes, step: int) -> bool:
        """Whether `heard` is all of the answer to that step of the opening."""

    def say(self, text: bytes) -> bytes:
        """The request to say `text`, which is ASCII without anything that needs to be escaped."""

    def begin(self, sender: str, size: int) -> tuple[bytes, int]:
        """A text of `size` bytes to be sent and counted, by clients with names as long as `sender`; and how many units
        of `count` one message is."""

    def count(self, client: Hearing, buffer: bytearray, size: int) -> int:
        """How many units of messages are among the first `size` bytes of `buffer`, which `client` has just read."""

    def stamps(self, client: Hearing, data: bytes) -> Sequence[bytes]:
        """The number behind the `~` that each message begins with, where `client` has just read `data`."""


class Plain:
    """Every message of the crowd arrives as a frame of the same length, so messages are counted by their bytes. Neither
    an `I` nor an `E` stands in any of them, so one look at a chunk tells that no INFO or ERROR is in it, and where its
    first line ends tells that the bytes are those of whole messages."""

    name = "plain"
    overhead = len("MSG|")
    most = 0

    _OTHERS = (b"E", b"I")  # how ERROR and INFO begin, wherever they are cut
    _STAMP = re.compile(rb"\|~(\d+)")

    def __init__(self) -> None:
        self._length = 0  # of each message as it arrives

    def opening(self, name: str) -> Sequence[bytes]:
        return [f"JOIN|{name}|{ROOM}\n".encode()]

    def answered(self, heard: bytes, step: int) -> bool:
        line, end, _ = heard.partition(b"\n")
        if end and not line.startswith(b"INFO|"):
            raise RefusedError(_text(line))
        return bool(end)

    def say(self, text: bytes) -> bytes:
        return b"MSG|%b\n" % text

    def begin(self, sender: str, size: int) -> tuple[bytes, int]:
        text = b"~".ljust(size, b"x")
        self._length = len(self.say(text)) + len(sender) + 1
        return text, self._length

    def count(self, client: Hearing, buffer: bytearray, size: int) -> int:
        if client.heard or buffer.find(b"E", 0, size) >= 0 or buffer.find(b"I", 0, size) >= 0:
            return self._count_lines(client, bytes(buffer[:size]))
        end = buffer.find(b"\n", 0, size) + 1
        if end and (client.received + end) % self._length:
            raise changed()
        client.received += size
        return size

    def _count_lines(self, client: Hearing, data: bytes) -> int:
        """Count the messages alone. Of another line that is cut the start is kept, and nothing of it is counted."""
        *lines, rest = (client.heard + data).split(b"\n")
        client.heard = b""
        counted = 0
        for line in lines:
            if line.startswith(b"ERROR|"):
                raise RefusedError(_text(line))
            if not line.startswith(self._OTHERS):
                counted += len(line) + 1
        if rest.startswith(self._OTHERS):
            client.heard = rest
        else:
            counted += len(rest)
        client.received += counted
        return counted

    def stamps(self, client: Hearing, data: bytes) -> Sequence[bytes]:
        data = client.heard + data
        end = data.rfind(b"\n") + 1
        client.heard = data[end:]
        if b"E" in data:
            for line in data[:end].split(b"\n"):
                if line.startswith(b"ERROR|"):
                    raise RefusedError(_text(line))
        return self._STAMP.findall(data, 0, end)


class Json:
    """JSON Lines. Messages arrive as frames that are alike but for some digits, and mostly of one length. So what marks
    a frame is looked for at that distance, many at once; where it is not there, and where a blank tells of something
    else than a message, frames are looked at one by one."""

    name = "json"
    overhead = len('{"type":"say","text":""}')
    most = 0

    _MESSAGE = b'{"type":"message"'
    _STAMP = re.compile(rb'"~(\d+)')

    def __init__(self) -> None:
        self._expected = b""  # what a message holds
        self._marks: Sequence[tuple[int, int]] = ()  # of the latest message's frame: a place and the byte there
        self._length = 1  # of it

    def opening(self, name: str) -> Sequence[bytes]:
        return [self._framed(json.dumps({"type": "join", "name": name, "room": ROOM}).encode())]

    def answered(self, heard: bytes, step: int) -> bool:
        body, end = self._frame_at(heard, 0, len(heard))
        return 0 < end <= len(heard) and _type_of(heard[body:end]) == "welcome"

    def say(self, text: bytes) -> bytes:
        return self._framed(b'{"type":"say","text":"%b"}' % text)

    def _framed(self, payload: bytes) -> bytes:
        return payload + b"\n"

    def _frame_at(self, data: bytes | bytearray, at: int, size: int) -> tuple[int, int]:
        """Where the payload of a frame begins and where the frame ends, perhaps behind `size`; zeros where that cannot
        be told yet."""
        end = data.find(b"\n", at, size) + 1
        return (at, end) if end else (0, 0)

    def _marks_of(self, frame: bytes | bytearray, head: int) -> Sequence[tuple[int, int]]:
        """What tells that a frame as long as this one stands somewhere; `head` is how long its head is."""
        return [(place, frame[place]) for place in (0, len(frame) - 1)]

    def begin(self, sender: str, size: int) -> tuple[bytes, int]:
        text = b"~".ljust(size, b"x")
        self._expected = b'"text":"%b","time":"' % text
        return text, 1

    def count(self, client: Hearing, buffer: bytearray, size: int) -> int:
        at = 0
        found = 0
        while at < size:
            if client.left:  # of a message
                part = min(client.left, size - at)
                client.left -= part
                found += not client.left
                at += part
            elif client.heard:  # what is read is not copied but for the end of that
                piece = self._piece(buffer, at, size)
                data = client.heard + buffer[at:piece]
                client.heard = b""
                found += self._count(client, data, 0, len(data))
                at = piece
            else:
                return found + self._count(client, buffer, at, size)
        return found

    def _piece(self, buffer: bytearray, at: int, size: int) -> int:
        """Up to where `buffer` is to be joined with what was heard before."""
        return buffer.find(b"\n", at, size) + 1 or size

    def _count(self, client: Hearing, data: bytes | bytearray, at: int, size: int) -> int:
        found = 0
        alike = data.find(b" ", at, size) < 0
        while at < size:
            body, end = self._frame_at(data, at, size)
            message = data.startswith(self._MESSAGE, body)
            if not end or (end > size and (not message or body + len(self._MESSAGE) > size)):
                client.heard = bytes(data[at:size])
                break
            if end > size:
                client.left = end - size
                break
            if message:
                if self._expected not in data[body:end]:
                    raise changed()
                found += 1
                self._marks, self._length = self._marks_of(data[at:end], body - at), end - at
                many = self._how_many(data, end, size) if alike else 0
                found += many
                at = end + many * self._length
            else:
                _type_of(data[body:end])
                at = end
        return found

    def _how_many(self, data: bytes | bytearray, at: int, size: int) -> int:
        """How many frames in a row are as long as the latest message's; the first of them would be at `at`."""
        stop = size - (size - at) % self._length
        columns = [(data[at + place : stop : self._length], byte) for place, byte in self._marks]
        return min(len(column) - len(column.lstrip(bytes([byte]))) for column, byte in columns)

    def stamps(self, client: Hearing, data: bytes) -> Sequence[bytes]:
        data = client.heard + data
        found = []
        at = 0
        while (frame := self._frame_at(data, at, len(data)))[1] and frame[1] <= len(data):
            body, at = frame
            if data.startswith(self._MESSAGE, body):
                found += self._STAMP.findall(data, body, at)
            else:
                _type_of(data[body:at])
        client.heard = data[at:]
        return found


class Web(Json):
    """The same over WebSockets (RFC 6455), an object a frame."""

    name = "web"

    _MASK = b"\x9d\x2b\xe4\x71"  # of frames; it need not be a secret here (10.3)

    def __init__(self, host: str) -> None:
        """`host` is HOST:PORT, for the handshake."""
        super().__init__()
        self._host = host

    def opening(self, name: str) -> Sequence[bytes]:
        head = (
            "GET /chat HTTP/1.1", f"Host: {self._host}", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: Z3JlZW5jaGF0IGJlbmNoIQ==",
        )  # fmt: skip
        return ["\r\n".join([*head, "", ""]).encode(), *super().opening(name)]

    def answered(self, heard: bytes, step: int) -> bool:
        if step:
            return super().answered(heard, step)
        if b"\r\n\r\n" not in heard:
            return False
        first = heard.partition(b"\r\n")[0]
        if b" 101 " not in first:
            raise RefusedError(f"it opens no WebSocket: {_text(first)}.")
        return True

    def _framed(self, payload: bytes) -> bytes:
        size = len(payload)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
        mask = (self._MASK * (size // 4 + 1))[:size]
        masked = int.from_bytes(payload, "big") ^ int.from_bytes(mask, "big")
        return b"\x81" + length + self._MASK + masked.to_bytes(size, "big")

    def _frame_at(self, data: bytes | bytearray, at: int, size: int) -> tuple[int, int]:
        if size < at + 2:
            return 0, 0
        length = data[at + 1]
        body = at + (2 if length < 126 else 4 if length == 126 else 10)
        if length >= 126:
            length = int.from_bytes(data[at + 2 : body], "big")
        return (body, body + length) if size >= body else (0, 0)

    def _piece(self, buffer: bytearray, at: int, size: int) -> int:
        return min(at + PIECE_BYTES, size)

    def _marks_of(self, frame: bytes | bytearray, head: int) -> Sequence[tuple[int, int]]:
        return list(enumerate(frame[:head]))


def _type_of(payload: bytes | bytearray) -> str:
    """What kind of an answer or event it is; empty for what is none, as a ping. Raises `RefusedError` for an error."""
    if not payload.startswith(b"{"):
        return ""
    reply = json.loads(payload)
    if reply["type"] == "error":
        raise RefusedError(printable(reply["text"], len(reply["text"])))
    return str(reply["type"])


def changed() -> BenchError:
    return BenchError(
        "Not all messages arrive as they were sent, so they cannot be counted. "
        f"Does a plugin of the server change them, or does somebody else talk in the room {ROOM}?"
    )


def _text(line: bytes) -> str:
    """What the server said, fit for a terminal."""
    text = line.removeprefix(b"ERROR|").decode(errors="replace")
    return printable(text, len(text))
