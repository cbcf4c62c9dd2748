"""What both codecs share: frames are lines, and a line has a limit."""

from collections.abc import Sequence

# A line that is too long is skipped to its end, so that the next one can be read; one that does not end within this
# many bytes is no mistake any more. 1 MiB is 256 of the longest frames that the defaults allow.
SKIP_BYTES = 1024 * 1024


class LineBuffer:
    """Cuts a byte stream into blocks of whole lines, and never holds more than one frame of what is unfinished.

    `limit` is in bytes, without the `\\n` or `\\r\\n`; 0 for none.
    """

    __slots__ = ("_limit", "_skipped", "_tail")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._tail = b""
        self._skipped = 0

    def feed(self, data: bytes) -> tuple[bytes | None, Sequence[bool]]:
        """`(block, overlong)`: the lines that `data` completes (joined by `\\n`, without the last one; None where
        there is none), and what to report of the unfinished line behind them: False when it has just passed the
        limit, True when it has just passed `SKIP_BYTES`, which is fatal: nothing can follow. Mostly there is nothing.
        """
        if self._skipped > SKIP_BYTES:
            return None, ()
        if self._skipped:
            newline = data.find(b"\n")
            self._skipped += len(data) if newline < 0 else newline
            if self._skipped > SKIP_BYTES:
                return None, (True,)
            if newline < 0:
                return None, ()
            self._skipped = 0
            data = data[newline + 1 :]
        if self._tail:
            data = self._tail + data
        end = data.rfind(b"\n")
        tail = self._tail = data[end + 1 :]
        block = None if end < 0 else data[:end]
        if not self._exceeds(tail):
            return block, ()
        self._skipped = len(tail)
        self._tail = b""
        return block, (False, True) if self._skipped > SKIP_BYTES else (False,)

    def state(self) -> tuple[bytes, int]:
        """What it holds, to `restore` it in another one: the unfinished line, and how much of one was skipped."""
        return self._tail, self._skipped

    def restore(self, tail: bytes, skipped: int) -> None:
        self._tail, self._skipped = tail, skipped

    def _exceeds(self, tail: bytes) -> bool:
        spare = len(tail) - self._limit
        if not self._limit or spare <= 0:
            return False
        return not (spare == 1 and tail.endswith(b"\r"))  # a \r at the edge may belong to the line's end


def fits(block: bytes, limit: int) -> bool:
    """Whether no line of `block` is longer than `limit` bytes; looks at one byte in `limit`, not at each line."""
    start = 0
    while limit and len(block) - start > limit:
        newline = block.rfind(b"\n", start, start + limit + 1)
        if newline < 0:
            return False
        start = newline + 1
    return True
