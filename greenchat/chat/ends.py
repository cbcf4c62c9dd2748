"""The two ends of a conversation, and what one of them is told of it in a list."""

from typing import NamedTuple


class End:
    """One of the two: what they were called last, how much they have said, and up to where they have read what was
    said, or a plain client has told them."""

    __slots__ = ("name", "read", "said")

    def __init__(self) -> None:
        self.name = ""
        self.said = self.read = 0


class Entry(NamedTuple):
    """A conversation in a list: with which account, what that was called last, how far it is, and how far it was
    read."""

    conversation: str
    account_id: int
    name: str
    seq: int
    rev: int
    read: int
    unread: int
