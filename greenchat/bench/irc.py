"""What the crowd speaks as clients of IRC do that have asked for no capabilities."""

import re
from collections.abc import Sequence

from greenchat.bench.languages import ROOM, Hearing, RefusedError, changed
from greenchat.protocol.text import printable

# Of one message. What a line has besides it, with names as long as they may be here, and the line's end, fits into the
# 512 bytes of a line (RFC 1459, 2.3), so that none is cut in two.
MOST_BYTES = 440

_JOINED, _NAMES_END = (b" 376 ", b" 422 "), (b" 366 ",)  # what is told last of either step
_REFUSED = re.compile(rb":\S+ [45]\d\d ")


class Irc:
    """Every message of the crowd arrives as a line of the same length, so messages are counted by their bytes. That
    there are as many ends of lines as there should be, and the first and the last are where they should be, tells that
    a chunk has nothing else in it."""

    name = "irc"
    overhead = len(f"PRIVMSG #{ROOM} :\r\n")
    most = MOST_BYTES

    # How messages begin, and nothing else that the crowd is told while it talks: their names have a number.
    _CROWD = tuple(f":{ROOM}{digit}".encode() for digit in range(10))
    _STAMP = re.compile(rb" :~(\d+)")

    def __init__(self) -> None:
        self._length = 1  # of each message as it arrives

    def opening(self, name: str) -> Sequence[bytes]:
        return [f"NICK {name}\r\nUSER {name} 0 * :{name}\r\n".encode(), f"JOIN #{ROOM}\r\n".encode()]

    def answered(self, heard: bytes, step: int) -> bool:
        lasts = _NAMES_END if step else _JOINED
        for line in heard.split(b"\n")[:-1]:
            if any(last in line for last in lasts):
                return True
            _require_no_refusal(line)
            if line.startswith(b"ERROR"):
                raise RefusedError(_text(line))
        return False

    def say(self, text: bytes) -> bytes:
        return b"PRIVMSG #%b :%b\r\n" % (ROOM.encode(), text)

    def begin(self, sender: str, size: int) -> tuple[bytes, int]:
        text = b"~".ljust(size, b"x")
        self._length = len(f":{sender}!{sender}@greenchat ") + len(self.say(text))
        return text, self._length

    def count(self, client: Hearing, buffer: bytearray, size: int) -> int:
        before, length = client.received, self._length
        first, last = buffer.find(b"\n", 0, size) + 1, buffer.rfind(b"\n", 0, size) + 1
        ends = (before + size) // length - before // length
        is_even = not first or (before + first) % length == (before + last) % length == 0
        goes_on = last == size or (not last and before % length) or buffer.startswith(self._CROWD, last, size)
        if client.heard or not is_even or not goes_on or buffer.count(b"\n", 0, size) != ends:
            return self._count_lines(client, bytes(buffer[:size]))
        client.received += size
        return size

    def _count_lines(self, client: Hearing, data: bytes) -> int:
        """Count the messages alone. Of another line that is cut the start is kept, and nothing of it is counted."""
        *lines, rest = (client.heard + data).split(b"\n")
        client.heard = b""
        before = client.received
        for line in lines:
            if client.received % self._length or self._is_said(line):
                client.received += len(line) + 1
                if client.received % self._length:
                    raise changed()
            else:
                _require_no_refusal(line)
        if client.received % self._length or self._is_said(rest):
            client.received += len(rest)
        else:
            client.heard = rest
        return client.received - before

    def _is_said(self, line: bytes) -> bool:
        """Whether it is, or begins, a message of the crowd: it may also be told that one of them has gone."""
        return line.startswith(self._CROWD) and b" QUIT" not in line

    def stamps(self, client: Hearing, data: bytes) -> Sequence[bytes]:
        *lines, client.heard = (client.heard + data).split(b"\n")
        for line in lines:
            _require_no_refusal(line)
        return self._STAMP.findall(b"\n".join(lines))


def _require_no_refusal(line: bytes) -> None:
    """Raises `RefusedError` for a numeric that says what is wrong."""
    if _REFUSED.match(line):
        raise RefusedError(_text(line))


def _text(line: bytes) -> str:
    """What the server said, fit for a terminal."""
    text = line.partition(b" :")[2].removesuffix(b"\r").decode(errors="replace")
    return printable(text, len(text))
