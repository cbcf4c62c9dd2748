"""What has a key is said once: who says it again, since no answer has come, gets the answer of the first time.

The keys of an account are its own, and so are those of a guest's stay. They are known for a day. A plugin, or a store
of the core, may keep them with the messages; what it has is read when somebody first uses a key. No socket, no disk;
where somebody has to wait, `wait` does.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Protocol

from msgspec import Struct

from greenchat.errors import Reject
from greenchat.protocol.replies import Ack
from greenchat.protocol.runs import Key

# So long a key is known. No client waits longer for an answer.
KEPT = timedelta(hours=24)

# Keys of one owner that are known: the latest. Who repeats something does so within a minute or two, and nobody says so
# much then; in memory these take 5 MB.
MOST_EACH = 10_000

# ... and of all, in memory: 50 MB. Past that, those of who has used none for longest are read again when they do.
MOST_IN_ALL = 100_000

# How many of those are looked at in one go.
BOOKS_AT_ONCE = 8

# Enough that no two texts of one owner have the same by chance.
DIGEST_BYTES = 8

# What begins the place of what is said to one person alone, before the id of the conversation: no room is called so.
DIRECT = "@"

# Whose keys they are: an account's id; or by what a guest's stay is known; or what is here only as long as they are.
Owner = int | bytes | object

Wake = Callable[[], object]
Wait = Callable[[Callable[[Wake], object]], None]  # waits until what it gives to the function is called
Source = Callable[[int | bytes, str | None], "Iterable[UsedKey]"]


class UsedKey(Struct, frozen=True, gc=False):
    """A key, and what was said with it: a digest of that (empty: of a text that is gone), in which room (or, behind
    DIRECT, in which conversation), when, and its answer. This is how plugins hand in what they keep, see
    `greenchat_find_keys`."""

    key: str
    said: bytes
    room: str
    time: datetime
    ack: Ack
    is_kept: bool = True  # False: it is known here alone


class Hooks(Protocol):
    """What plugins keep; None where none of them keeps any."""

    @property
    def find_keys(self) -> "Callable[[int | bytes, str | None], Sequence[UsedKey]] | None": ...


class Use:
    """One say with a key, from when it comes until it is kept: by who says it first, who tells what becomes of it.
    `place` is where it is said, empty where only what is said tells that."""

    __slots__ = ("_ack", "_at", "_book", "_keys", "_waiting", "is_kept", "key", "place", "problem", "said", "time")

    def __init__(self, keys: "Keys", book: "Book", key: str, said: bytes, place: str, time: datetime) -> None:
        self._keys = keys
        self._book = book
        self._waiting: list[Wake] = []
        self._ack: Ack | None = None  # once it was said
        self._at = 0  # which numbers held then
        self.key = key
        self.said = said
        self.place = place
        self.time = time
        self.problem: Reject | None = None  # it was said, but is not known to be kept
        self.is_kept = False  # the key is kept elsewhere, too

    @property
    def stored(self) -> Key | None:
        """As it is kept with the message; None for who is not known any more once the connection is lost."""
        owner = self._book.owner
        return Key(owner, self.key, self.said) if isinstance(owner, int | bytes) else None

    def done(self, place: str, ack: Ack, *, is_kept: bool) -> None:
        """It was said there, and this is to be its answer once it is `settled`. `is_kept`: who keeps the message keeps
        the key with it."""
        self.place, self._ack, self._at, self.is_kept = place, ack, self._keys.numbering, is_kept

    def settled(self, problem: Reject | None) -> None:
        """What was said is kept; or it is not known to be, and `problem` says why."""
        book = self._book
        if book.uses.get(self.key) is self and self._ack is not None:
            book.open -= 1
            self.problem = problem
            if problem is None and (self._at == self._keys.numbering or not self.is_kept):
                used = UsedKey(self.key, self.said, self.place, self.time, self._ack, self.is_kept)
                book.uses[self.key] = used
            elif problem is None:
                self._keys.remove(book, self.key)  # it has another number by now, and is read again
        self._wake()

    def free(self) -> None:
        """To be called at the end, whatever has become of it: where it was not said, it may be said with this key."""
        if self._ack is None:
            if self._book.uses.get(self.key) is self:
                self._book.open -= 1
                self._keys.remove(self._book, self.key)
            self._wake()

    def when_settled(self, wake: Wake) -> None:
        self._waiting.append(wake)

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for wake in waiting:
            wake()


class Book:
    """The keys of one `owner`, in the order in which they were used. `open` are those of which it is not known yet what
    becomes of them."""

    __slots__ = ("is_read", "numbering", "open", "owner", "reading", "used_at", "uses")

    def __init__(self, owner: Owner, used_at: datetime, numbering: int) -> None:
        self.owner = owner
        self.uses: dict[str, UsedKey | Use] = {}
        self.open = 0
        self.used_at = used_at
        self.numbering = numbering
        self.is_read = False  # whether it has all that is kept
        self.reading: list[Wake] | None = None  # who waits for that

    @property
    def may_go(self) -> bool:
        return not self.open and self.reading is None


class Keys:
    """All of a chat. `sources` are what keeps keys of what is said to one person alone. `numbering` counts how often
    the numbers of messages have changed."""

    def __init__(self, hooks: Hooks, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.sources: list[Source] = []
        self.numbering = 0
        self._hooks = hooks
        self._now = now
        self._books: OrderedDict[Owner, Book] = OrderedDict()  # who has used one last comes last
        self._count = 0
        self._has_dropped = False  # whether something is not known here that was used while this server runs

    def use(self, owner: Owner, key: str, said: bytes, place: str, wait: Wait, *, is_new: bool = False) -> Use | Ack:
        """What `said` is of is about to be said, in `place`, where that is named. The answer of the first time, if it
        was said before: waits for that if it is not known yet. Else it is to be said now. Who `is_new` has said nothing
        before this server began. Raises `Reject`."""
        while True:
            book = self._read(owner, wait, is_new=is_new)
            found = book.uses.get(key)
            if found is not None and self._is_over(found):
                self.remove(book, key)
                found = None
            if found is None:
                return self._begin(book, key, said, place)
            _require_same(found, said, place)
            if isinstance(found, UsedKey):
                return found.ack
            if found.problem is None:
                wait(found.when_settled)
            else:
                self._look_again(book, found)

    def forget(self) -> None:
        """What is kept has other numbers by now, or may be gone: it is read again. To be called by who keeps it."""
        self.numbering += 1
        self._has_dropped = self._has_dropped or bool(self._books)

    def remove(self, book: Book, key: str) -> None:
        del book.uses[key]
        self._count -= 1

    # --- the steps ---

    def _begin(self, book: Book, key: str, said: bytes, place: str) -> Use:
        use = book.uses[key] = Use(self, book, key, said, place, self._now())
        book.open += 1
        self._count += 1
        self._make_room(book)
        return use

    def _read(self, owner: Owner, wait: Wait, *, is_new: bool) -> Book:
        """The book of `owner`, with all that is kept of it. May wait. Raises `Reject`."""
        while True:
            book = self._book(owner)
            if not isinstance(owner, int | bytes):
                return book
            if book.numbering != self.numbering:
                uses = {key: use for key, use in book.uses.items() if isinstance(use, Use) or not use.is_kept}
                self._count -= len(book.uses) - len(uses)
                book.uses, book.is_read, book.numbering = uses, False, self.numbering
            if book.is_read or (is_new and not self._has_dropped):
                return book
            if book.reading is not None:
                wait(book.reading.append)
                continue
            book.reading = []
            try:
                found = {used.key: used for used in self._ask(owner, None) if used.key not in book.uses}
                book.is_read = True
                book.uses = {**found, **book.uses}
                self._count += len(found)
                self._make_room(book)
            finally:
                waiting, book.reading = book.reading, None
                for wake in waiting:
                    wake()

    def _book(self, owner: Owner) -> Book:
        now = self._now()
        book = self._books.get(owner)
        if book is None:
            book = self._books[owner] = Book(owner, now, self.numbering)
            self._count += 1  # it takes as much as a key
        self._books.move_to_end(owner)
        book.used_at = now
        oldest = next(iter(self._books.values()))
        if now - oldest.used_at > KEPT and oldest.may_go:  # none of its keys is known any more
            self._drop(oldest)
        return book

    def _ask(self, owner: int | bytes, key: str | None) -> list[UsedKey]:
        """What is kept of it, the earliest first. May wait."""
        sources = list(self.sources)
        if self._hooks.find_keys is not None:
            sources.append(self._hooks.find_keys)
        found = [used for source in sources for used in source(owner, key) if not self._is_over(used)]
        return sorted(found, key=lambda used: used.time)[-MOST_EACH:]

    def _look_again(self, book: Book, use: Use) -> None:
        """It was said, but perhaps not kept: what keeps it knows by now, or refuses. May wait."""
        assert use.problem is not None
        owner = book.owner
        if not isinstance(owner, int | bytes) or not use.is_kept:
            raise use.problem
        found = self._ask(owner, use.key)
        if book.uses.get(use.key) is use:  # nobody else has looked meanwhile
            if found:
                book.uses[use.key] = found[-1]
            else:
                self.remove(book, use.key)

    def _is_over(self, use: UsedKey | Use) -> bool:
        is_open = isinstance(use, Use) and use.problem is None
        return not is_open and self._now() - use.time > KEPT

    def _make_room(self, book: Book) -> None:
        """Forget the first keys of `book` where they are too many or too old; and whole books where all are too
        many."""
        while book.uses:
            first = next(iter(book.uses.values()))
            is_open = isinstance(first, Use) and first.problem is None
            if is_open or not (len(book.uses) > MOST_EACH or self._is_over(first)):
                break
            self.remove(book, first.key)
        for _ in range(BOOKS_AT_ONCE):
            if self._count <= MOST_IN_ALL:
                break
            oldest = next(iter(self._books.values()))
            if oldest.may_go and oldest is not book:
                self._drop(oldest)
                self._has_dropped = True
            else:
                self._books.move_to_end(oldest.owner)

    def _drop(self, book: Book) -> None:
        self._count -= len(book.uses) + 1
        del self._books[book.owner]


def digest(text: str, reply_to: int = 0, to: str = "") -> bytes:
    """Of all that is said: the text, what it answers, and to whom it is, where that is named."""
    return blake2b(f"{reply_to}\0{to}\0{text}".encode(), digest_size=DIGEST_BYTES).digest()


def place_of(conversation: str) -> str:
    """A conversation as the place of a message: no room is called so."""
    return f"{DIRECT}{conversation}"


def _require_same(found: UsedKey | Use, said: bytes, place: str) -> None:
    before = found.room if isinstance(found, UsedKey) else found.place
    if found.said not in (b"", said) or (place and before and place != before):
        text = "With this key something else was said, or somewhere else. Give each message a key of its own."
        raise Reject(text, code="key_reused")
