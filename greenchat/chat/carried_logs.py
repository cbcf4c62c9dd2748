"""The log of a place in plain data, for the process that takes this one's place.

What was said is put into bytes as a whole, and taken out of them when somebody first looks at it or says more there:
thousands of rooms with a thousand messages each would hold everybody up for seconds otherwise.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any
from weakref import WeakKeyDictionary, ref

import msgspec
from msgspec import Struct, msgpack

from greenchat.chat.ignoring import Reader
from greenchat.chat.log import Log, Past, Reaction, Spoken
from greenchat.protocol.events import Deleted, File, Message
from greenchat.protocol.runs import Key, Messages

logger = logging.getLogger("greenchat.server")

NOBODY = -1  # in the place of a number: they are gone for good, and nobody can be them


class _Gone:
    """Somebody, or something, that is not there any more."""


GONE: Any = ref(_Gone())


class CarriedLog(Struct, array_like=True, gc=False):
    """`people` are those of whom `words` has references, by their numbers in the chat. `since` and `guests`: from
    which rev on an account, or a guest by their number, may read."""

    people: list[int]
    since: dict[int, int]
    guests: dict[int, int]
    is_recalled: bool
    unknown_upto: int
    nothing_upto: int
    words: bytes


class _Run(Struct, array_like=True, gc=False):
    """As `Messages`, but for what all of a place have in common."""

    seq: int
    id: int
    sender: str
    texts: tuple[str, ...]
    time: datetime
    action: bool
    rev: int
    reply_to: int
    account_id: int
    account: str
    key: Key | None
    files: list[File] | None = None


class _Past(Struct, array_like=True, gc=False):
    """As `Past`; guests are places in `CarriedLog.people`."""

    message: Message | Deleted
    account_id: int
    reactions: list[tuple[str, str, int, int]]
    author: int


class _Spoken(Struct, array_like=True, gc=False):
    seq: int
    texts: list[str]
    sender: str
    account_id: int


class _Words(Struct, array_like=True, gc=False):
    """`authors` are those of `runs`, as places in `CarriedLog.people`."""

    runs: list[_Run]
    authors: list[int]
    changed: list[_Past]
    recalled: list[_Spoken]


# Of runs there are so many that they are written as tuples: to make a `_Run` of each first would take twice as long.
_FIELDS: Callable[[Messages], tuple[Any, ...]] = attrgetter(*_Run.__struct_fields__)
_DECODER = msgpack.Decoder(_Words)


class Words:
    """What `Log` has of an earlier process, as bytes: see `Log.put_off`."""

    __slots__ = ("_conversation", "_room", "data", "people")

    def __init__(self, data: bytes, people: Sequence["ref[Reader] | None"], room: str, conversation: str) -> None:
        self.data = data
        self.people = people
        self._room = room
        self._conversation = conversation

    def take_out(self) -> tuple[deque[tuple[Messages, "ref[Reader]"]], dict[int, Past], list[Spoken]]:
        """The runs, what has become of messages, and what was recalled. It was written by a process that knew how: if
        it cannot be read all the same, that is logged, and there is nothing."""
        try:
            words = _DECODER.decode(self.data)
        except msgspec.MsgspecError:
            logger.exception("what was said in %s is not remembered", self._room or "a conversation")
            words = _Words([], [], [], [])
        runs = deque(map(self._run, words.runs, words.authors))
        changed = {one.message.seq: self._past(one) for one in words.changed}
        return runs, changed, [Spoken(one.seq, one.texts, one.sender, one.account_id, None) for one in words.recalled]

    def _run(self, one: _Run, author: int) -> tuple[Messages, "ref[Reader]"]:
        run = Messages(
            self._room,
            one.seq,
            one.id,
            one.sender,
            one.texts,
            one.time,
            one.action,
            one.rev,
            one.reply_to,
            one.account_id,
            one.account,
            self._conversation,
        )
        run.key, run.files = one.key, one.files
        return run, self._person(author) or GONE

    def _past(self, one: _Past) -> Past:
        reactions = [
            Reaction(emoji, name, account_id, self._person(member)) for emoji, name, account_id, member in one.reactions
        ]
        return Past(one.message, one.account_id, reactions, self._person(one.author))

    def _person(self, place: int) -> "ref[Reader] | None":
        return self.people[place] if place != NOBODY else None


def carry_log(log: Log, index: Mapping[Any, int]) -> CarriedLog:
    """`index` has the numbers of all who can still be somebody."""
    put_off = log.put_off
    if isinstance(put_off, Words):  # nobody has looked at it since this process began
        people = [NOBODY if one is None else index.get(one(), NOBODY) for one in put_off.people]
        words = put_off.data
    else:
        numbers: dict[Any, int] = {None: NOBODY}
        words = _encoded(log, index, numbers)
        people = [index[one] for one in numbers if one is not None]
    return CarriedLog(
        people,
        dict(log._since),
        {index[one]: rev for one, rev in log._guests.items() if one in index},
        log.is_recalled is True,
        log._unknown_upto,
        log.nothing_upto,
        words,
    )


def restore_log(log: Log, carried: CarriedLog, members: Sequence[Any], room: str, conversation: str = "") -> None:
    """Have `log`, which is new, be as it was."""
    people = [ref(members[one]) if one != NOBODY else None for one in carried.people]
    log._since = dict(carried.since)
    log._guests = WeakKeyDictionary({members[one]: rev for one, rev in carried.guests.items()})
    log.is_recalled = carried.is_recalled or None
    log._unknown_upto, log.nothing_upto = carried.unknown_upto, carried.nothing_upto
    log.have_put_off(Words(carried.words, people, room, conversation))


def _encoded(log: Log, index: Mapping[Any, int], numbers: dict[Any, int]) -> bytes:
    """What was said, with those in `numbers` who are named there, by their places from 0 on."""

    def place_of(one: "ref[Reader] | None") -> int:
        person = one() if one is not None else None
        if person not in index:
            return NOBODY
        return numbers.setdefault(person, len(numbers) - 1)

    authors = [author() for _, author in log._runs]
    for author in dict.fromkeys(authors):
        place_of(ref(author) if author is not None else None)
    changed = [_of_past(past, place_of) for past in log._changed.values()]
    recalled = [_Spoken(one.seq, list(one.texts), one.sender, one.account_id) for one in log._recalled]
    places: Iterable[int] = [numbers.get(author, NOBODY) for author in authors]
    return msgpack.encode(([_FIELDS(run) for run, _ in log._runs], places, changed, recalled))


def _of_past(past: Past, place_of: Callable[["ref[Reader] | None"], int]) -> _Past:
    reactions = [(one.emoji, one.name, one.account_id, place_of(one.member)) for one in past.reactions]
    return _Past(past.message, past.account_id, reactions, place_of(past.author))
