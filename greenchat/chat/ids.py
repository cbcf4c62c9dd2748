"""The ids of messages: none is given twice, over restarts neither."""

import time


class MessageIds:
    """`next` is the next one. They begin with the time in microseconds, so that they rise over restarts too: no server
    keeps saying a million messages a second from one start to the next."""

    __slots__ = ("next",)

    def __init__(self) -> None:
        self.next = time.time_ns() // 1000

    def begin_above(self, highest: int) -> None:
        """Give only higher ones than `highest` from now on: it is on record, and the clock has been set back since."""
        self.next = max(self.next, highest + 1)
