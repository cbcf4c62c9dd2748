"""Whom one does not want to read. It is about people, not about names: no I/O, and no room is known here."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from typing import Protocol, TypeAlias

from greenchat.errors import Reject

# How many people one may ignore: more than anybody can have fallen out with. What a room says is sorted out for each.
MOST_IGNORED = 100

# By how many of their names guests are known who have gone, besides the one that they were ignored under. More would
# let somebody make others ignore names that they have never had for long.
NAMES_KNOWN = 4


class Reader(Protocol):
    """Who is told what others say, and says something: a member, as far as telling is about people."""

    name: str
    key: str
    ignored: "Ignored | None"

    @property
    def account_id(self) -> int: ...


# The name as it is shown, its key, the keys of all names that are known, and the account's id.
StoredPerson: TypeAlias = tuple[str, str, list[str], int]

Mark: TypeAlias = Reader | int | str  # somebody who is here; or the id of an account, or the key of a name


class _Person:
    """Somebody who is ignored: an account; or a guest while they are here; or else whoever comes by the name `key`,
    under which one began to ignore them, or by one of the last that they had."""

    __slots__ = ("_last", "account", "key", "member", "shown")

    def __init__(self, shown: str, key: str, member: Reader | None) -> None:
        self.shown = shown
        self.key = key
        self._last: deque[str] = deque(maxlen=NAMES_KNOWN)
        self.member = member
        self.account = member.account_id if member is not None else 0

    @property
    def names(self) -> set[str]:
        return {self.key, *self._last}

    def know(self, names: Iterable[str]) -> None:
        self._last.extend(name for name in names if name != self.key)

    def is_now(self, member: Reader) -> None:
        """Follow them: they have come, or have another name or account."""
        self.member, self.shown = member, member.name
        self.account = self.account or member.account_id
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
    def stored(self) -> list["StoredPerson"]:
        """All of it, for `restored`, in another process perhaps."""
        return [(person.shown, person.key, sorted(person.names), person.account) for person in self._people]

    @classmethod
    def restored(cls, people: Iterable["StoredPerson"]) -> "Ignored":
        ignored = cls()
        for shown, key, names, account in people:
            person = _Person(shown, key, None)
            person.account = account
            person.know(names)
            ignored._people.append(person)
        ignored._index()
        return ignored

    @property
    def marks(self) -> set[Mark]:
        """By what the people are known, each of them: see `marks_of`."""
        marks: set[Mark] = set()
        for person in self._people:
            if person.member is not None:
                marks.add(person.member)
            if person.account:
                marks.add(person.account)
            else:
                marks.update(person.names)
        return marks

    @property
    def names(self) -> list[str]:
        """What they are called now, or were when they were here last; sorted."""
        return sorted(person.shown for person in self._people)

    def covers(self, author: Reader) -> bool:
        """Whether what `author` says is not to be read."""
        return author in self._members or author.account_id in self._accounts or author.key in self._names

    def covers_past(self, author: Reader | None, account_id: int, key: str) -> bool:
        """Whether what somebody has said is not to be read: `author`, if they are still known; else who had this
        account; else, as a guest, a name with this key."""
        if author is not None:
            return self.covers(author)
        return account_id in self._accounts if account_id else self.covers_name(key)

    def covers_name(self, key: str) -> bool:
        """Whether what was said under this name, some time ago, is not to be read."""
        return any(key in person.names for person in self._people)

    def add(self, shown: str, key: str, member: Reader | None) -> None:
        """Ignore `member`, or whoever comes as `key` where nobody has that name at the moment."""
        self._people.append(_Person(shown, key, member))
        self._index()

    def discard(self, key: str, member: Reader | None) -> bool:
        """Ignore no more who is or was called `key`; `member` has that name now. Whether anybody was."""
        before = len(self._people)
        self._people = [person for person in self._people if not _is(person, key, member)]
        self._index()
        return len(self._people) < before

    def came(self, member: Reader) -> None:
        """Somebody has come into the chat, or has another name or account: follow them, if they are ignored."""
        account = member.account_id
        for person in self._people:
            known = account == person.account if person.account else member.key in person.names
            if person.member is member or (person.member is None and known):
                person.is_now(member)
                self._index()

    def went(self, member: Reader) -> None:
        """Somebody has left the chat."""
        for person in self._people:
            if person.member is member:
                person.member = None
                self._index()

    def follow(self, members: Mapping[str, Reader]) -> None:
        """Know those who are in the chat now, and no others, as who they are."""
        for person in self._people:
            person.member = None
        for member in members.values():
            self.came(member)
        self._index()

    def merge(self, other: "Ignored") -> None:
        """Ignore those as well whom `other` has."""
        accounts, keys = {person.account for person in self._people} - {0}, {person.key for person in self._people}
        self._people += [one for one in other._people if one.account not in accounts and one.key not in keys]

    def _index(self) -> None:
        people = self._people
        self._members = frozenset(person.member for person in people if person.member is not None)
        self._accounts = frozenset(person.account for person in people if person.account)
        # Who is here is followed, and an account is known: a name of theirs may be somebody else's by now.
        unknown = [person for person in people if person.member is None and not person.account]
        self._names = frozenset(name for person in unknown for name in person.names)


def _is(person: _Person, key: str, member: Reader | None) -> bool:
    if person.member is not None:
        return person.member is member or (member is None and key in person.names)
    return key in person.names


def marks_of(member: Reader) -> set[Mark]:
    """By what others who ignore `member` may know them."""
    account = member.account_id
    return {member, member.key, *([account] if account else ())}


class Ignoring:
    """Who ignores whom in a chat: found by whom, as everybody who comes and goes is looked for here. `members` are
    those who are in the chat, by the keys of their names."""

    def __init__(self, members: Mapping[str, Reader]) -> None:
        self._members = members
        self._marks: dict[Reader, set[Mark]] = {}  # who ignores somebody -> by what they know them
        self._by_mark: defaultdict[Mark, set[Reader]] = defaultdict(set)

    def begin(self, member: Reader, name: str, key: str) -> str:
        """From now on `member` ignores who is called `name`; the name as it is shown. Raises `Reject`."""
        other = self._members.get(key)
        if other is member:
            raise Reject("This is you.", code="not_allowed")
        ignored = member.ignored = member.ignored or Ignored()
        name = other.name if other is not None else name
        if ignored.covers(other) if other is not None else ignored.covers_name(key):
            raise Reject(f"You ignore {name} already. /unignore {name} ends it.", code="not_allowed")
        if len(ignored) >= MOST_IGNORED:
            raise Reject(f"You ignore {MOST_IGNORED} people, as many as one may. /unignore one.", code="not_allowed")
        ignored.add(name, key, other)
        self._changed(member)
        return name

    def end(self, member: Reader, name: str, key: str) -> str:
        """The other way round. Raises `Reject`."""
        other = self._members.get(key)
        name = other.name if other is not None else name
        if member.ignored is None or not member.ignored.discard(key, other):
            raise Reject(f"You do not ignore {name}. /ignore lists whom you do.", code="unknown_user")
        self._changed(member)
        return name

    def _changed(self, member: Reader) -> None:
        """To be called when the list of `member` has changed."""
        before, after = self._marks.get(member, set()), member.ignored.marks if member.ignored else set()
        for mark in before - after:
            self._by_mark[mark].discard(member)
            if not self._by_mark[mark]:
                del self._by_mark[mark]
        for mark in after - before:
            self._by_mark[mark].add(member)
        if after:
            self._marks[member] = after
        else:
            self._marks.pop(member, None)

    def came(self, member: Reader) -> None:
        """Somebody has come, or has another name or account: who ignores them goes on doing so."""
        for other in self._who_know(member):
            assert other.ignored is not None
            other.ignored.came(member)
            self._changed(other)

    def went(self, member: Reader) -> None:
        """Somebody has left the chat: who ignores them knows them by their name from now on; and they ignore nobody."""
        for other in self._who_know(member):
            assert other.ignored is not None
            other.ignored.went(member)
            self._changed(other)
        member.ignored = None
        self._changed(member)

    def also(self, member: Reader, ignored: Ignored) -> None:
        """`member` ignores all these, too."""
        member.ignored = member.ignored or Ignored()
        member.ignored.merge(ignored)
        self.restored(member)

    def restored(self, member: Reader) -> None:
        """Somebody has come back with whom they ignored: those may have gone meanwhile, or come."""
        if member.ignored is not None:
            member.ignored.follow(self._members)
            self._changed(member)

    def _who_know(self, member: Reader) -> Iterable[Reader]:
        if not self._by_mark:
            return ()
        found: set[Reader] = set()
        for mark in marks_of(member):
            found |= self._by_mark.get(mark, set())
        found.discard(member)
        return found
