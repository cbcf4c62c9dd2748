"""Whom one does not want to read. It is about people, not about names: no I/O, and no room is known here."""

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from greenchat.room import Member

# By how many of their names guests are known who have gone, besides the one that they were ignored under. More would
# let somebody make others ignore names that they have never had for long.
NAMES_KNOWN = 4

# How many people one may ignore: more than anybody can have fallen out with. What a room says is sorted out for each.
MOST_IGNORED = 100


class _Person:
    """Somebody who is ignored: an account; or a guest while they are here; or else whoever comes by the name `key`,
    under which one began to ignore them, or by one of the last that they had."""

    __slots__ = ("_last", "account", "key", "member", "shown")

    def __init__(self, shown: str, key: str, member: "Member | None") -> None:
        self.shown = shown
        self.key = key
        self._last: deque[str] = deque(maxlen=NAMES_KNOWN)
        self.member = member
        self.account = member.outlet.account_id if member is not None else 0

    @property
    def names(self) -> set[str]:
        return {self.key, *self._last}

    def is_now(self, member: "Member") -> None:
        """Follow them: they have come, or have another name or account."""
        self.member, self.shown = member, member.name
        self.account = self.account or member.outlet.account_id
        if member.key not in self.names:
            self._last.append(member.key)


class Ignored:
    """The people whom one member ignores.

    Renaming oneself does not help, and adds nothing to the list: who is ignored stays one entry, that is followed.
    A guest who has gone is known by a few names that they had.
    """

    __slots__ = ("_accounts", "_members", "_names", "_people")

    def __init__(self) -> None:
        self._people: list[_Person] = []
        self._index()

    def __len__(self) -> int:
        return len(self._people)

    @property
    def names(self) -> list[str]:
        """What they are called now, or were when they were here last; sorted."""
        return sorted(person.shown for person in self._people)

    def covers(self, author: "Member") -> bool:
        """Whether what `author` says is not to be read."""
        return author in self._members or author.outlet.account_id in self._accounts or author.key in self._names

    def covers_name(self, key: str) -> bool:
        """Whether what was said under this name, some time ago, is not to be read."""
        return any(key in person.names for person in self._people)

    def add(self, shown: str, key: str, member: "Member | None") -> None:
        """Ignore `member`, or whoever comes as `key` where nobody has that name at the moment."""
        self._people.append(_Person(shown, key, member))
        self._index()

    def discard(self, key: str, member: "Member | None") -> bool:
        """Ignore no more who is or was called `key`; `member` has that name now. Whether anybody was."""
        before = len(self._people)
        self._people = [person for person in self._people if not _is(person, key, member)]
        self._index()
        return len(self._people) < before

    def came(self, member: "Member") -> None:
        """Somebody has come into the chat, or has another name or account: follow them, if they are ignored."""
        account = member.outlet.account_id
        for person in self._people:
            known = account == person.account if person.account else member.key in person.names
            if person.member is member or (person.member is None and known):
                person.is_now(member)
                self._index()

    def went(self, member: "Member") -> None:
        """Somebody has left the chat."""
        for person in self._people:
            if person.member is member:
                person.member = None
                self._index()

    def _index(self) -> None:
        people = self._people
        self._members = frozenset(person.member for person in people if person.member is not None)
        self._accounts = frozenset(person.account for person in people if person.account)
        # Who is here is followed, and an account is known: a name of theirs may be somebody else's by now.
        unknown = [person for person in people if person.member is None and not person.account]
        self._names = frozenset(name for person in unknown for name in person.names)


def _is(person: _Person, key: str, member: "Member | None") -> bool:
    if person.member is not None:
        return person.member is member or (member is None and key in person.names)
    return key in person.names
