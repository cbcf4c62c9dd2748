"""Which messages were notices, by their ids: to the chat they are messages like others, so that this is kept here, over
a restart, too. There are no words in it."""

from collections.abc import MutableMapping
from typing import Any

# So many ids are one value of the store, which is written anew for each of them, and so many values there are: the
# latest notices, of which a few thousand are as far back as anybody scrolls.
PER_BLOCK, BLOCKS = 256, 40

PREFIX = "notices "


class Notices:
    """`store` is a plugin's own."""

    def __init__(self, store: MutableMapping[str, Any]) -> None:
        self._store = store
        names = (name for name in store if name.startswith(PREFIX) and name.removeprefix(PREFIX).isdecimal())
        self._blocks: dict[int, list[int]] = {
            number: list(store[f"{PREFIX}{number}"])
            for number in sorted(int(name.removeprefix(PREFIX)) for name in names)
        }
        self._ids = {number for block in self._blocks.values() for number in block}

    def __contains__(self, number: int) -> bool:
        return number in self._ids

    def add(self, number: int) -> None:
        """The message with this id is one."""
        if number in self._ids:
            return
        last = next(reversed(self._blocks), 0)
        if len(self._blocks.setdefault(last, [])) >= PER_BLOCK:
            last += 1
            self._blocks[last] = []
        self._ids.add(number)
        self._blocks[last].append(number)
        self._store[f"{PREFIX}{last}"] = self._blocks[last]
        while len(self._blocks) > BLOCKS:
            first = next(iter(self._blocks))
            self._ids.difference_update(self._blocks.pop(first))
            del self._store[f"{PREFIX}{first}"]
