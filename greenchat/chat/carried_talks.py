"""What two people say to each other alone, and the keys of what was said, in plain data for the process that takes this
one's place."""

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from weakref import ref

from msgspec import Struct

from greenchat.chat.carried_logs import NOBODY, CarriedLog, carry_log, restore_log
from greenchat.chat.chat import Chat
from greenchat.chat.conversations import Conversation, Identity
from greenchat.chat.keys import Book, Use, UsedKey
from greenchat.chat.room import Member
from greenchat.errors import Reject
from greenchat.protocol.replies import Ack


class CarriedEnd(Struct, array_like=True, gc=False):
    """One of two: an account; or, where that is 0, a guest by their number. Else as `ends.End`."""

    account: int
    member: int
    name: str
    said: int
    read: int


class CarriedTalk(Struct, array_like=True, gc=False):
    """As `Conversation`. `ends` is one alone for somebody who talks to themselves."""

    id: str
    ends: list[CarriedEnd]
    seq: int
    rev: int
    epoch: str
    time: datetime
    is_kept: bool
    has_ended: bool
    log: CarriedLog


class CarriedUse(Struct, array_like=True, gc=False):
    """As `UsedKey`; or where it is not known to be kept, the text and the code of why."""

    key: str
    said: bytes
    place: str
    time: datetime
    ack: Ack
    is_kept: bool
    problem: tuple[str, str] | None


class CarriedBook(Struct, array_like=True, gc=False):
    """The keys of an account, or of a guest's stay; or (None) of a guest who has none, by their number."""

    owner: int | bytes | None
    member: int
    used_at: datetime
    uses: list[CarriedUse]


class CarriedKeys(Struct, array_like=True, gc=False):
    """The books in which somebody has looked last come last."""

    has_dropped: bool
    books: list[CarriedBook]


class CarriedBegun(Struct, array_like=True, gc=False):
    """When an account, or a guest by their number, has begun conversations of late, on this machine's clock that never
    goes back."""

    account: int
    member: int
    times: list[float]


# --- conversations ---


def carry_talks(chat: Chat, index: Mapping[Member, int]) -> list[CarriedTalk]:
    return [_carry_talk(talk, index) for talk in chat.conversations._by_id.values() if _is_open(talk, index)]


def restore_talks(chat: Chat, carried: Sequence[CarriedTalk], members: Sequence[Member]) -> None:
    every = chat.conversations
    for one in carried:
        ends = [_identity(end.account, end.member, members) for end in one.ends]
        keeper = every.keeper if one.is_kept else None
        talk = Conversation(every, ends, one.id, keeper)
        for identity, end in zip(ends, one.ends, strict=True):
            facts = talk.facts[identity]
            facts.name, facts.said, facts.read = end.name, end.said, end.read
        talk.seq, talk.rev, talk.epoch, talk.time = one.seq, one.rev, one.epoch, one.time
        talk.has_ended = one.has_ended
        restore_log(talk.log, one.log, members, "", one.id)
        every._add(talk)


def carry_begun(chat: Chat, index: Mapping[Member, int]) -> list[CarriedBegun]:
    accounts = [CarriedBegun(account, NOBODY, list(times)) for account, times in chat._begun.items()]
    guests = chat._begun_by_guests.items()
    return accounts + [CarriedBegun(0, index[guest], list(times)) for guest, times in guests if guest in index]


def restore_begun(chat: Chat, carried: Sequence[CarriedBegun], members: Sequence[Member]) -> None:
    for one in carried:
        identity = _identity(one.account, one.member, members)
        if isinstance(identity, Member):
            chat._begun_by_guests[identity] = deque(one.times)
        else:
            chat._begun[identity] = deque(one.times)


def _is_open(talk: Conversation, index: Mapping[Member, int]) -> bool:
    return all(end in index for end in talk.ends if isinstance(end, Member))


def _carry_talk(talk: Conversation, index: Mapping[Member, int]) -> CarriedTalk:
    ends = [
        CarriedEnd(*_number_of(end, index), facts.name, facts.said, facts.read) for end, facts in talk.facts.items()
    ]
    return CarriedTalk(
        talk.id,
        ends,
        talk.seq,
        talk.rev,
        talk.epoch,
        talk.time,
        talk.keeper is not None,
        talk.has_ended,
        carry_log(talk.log, index),
    )


def _number_of(end: Identity, index: Mapping[Member, int]) -> tuple[int, int]:
    return (0, index[end]) if isinstance(end, Member) else (end, NOBODY)


def _identity(account: int, member: int, members: Sequence[Member]) -> Identity:
    return account or members[member]


# --- keys ---


def open_keys(chat: Chat) -> int:
    """Of how many keys it is not known yet what becomes of what is said with them."""
    return sum(book.open + (book.reading is not None) for book in chat.keys._books.values())


def carry_keys(chat: Chat, index: Mapping[Member, int]) -> CarriedKeys:
    """What is known here alone; the others are read again where they are kept."""
    keys = chat.keys
    carried = []
    for owner, book in keys._books.items():
        member: Any = owner() if isinstance(owner, ref) else None
        if isinstance(owner, int | bytes):
            uses = [_carry_use(use) for use in book.uses.values() if not use.is_kept]
            carried.append(CarriedBook(owner, NOBODY, book.used_at, uses))
        elif member in index:
            uses = [_carry_use(use) for use in book.uses.values()]
            carried.append(CarriedBook(None, index[member], book.used_at, uses))
    return CarriedKeys(keys._has_dropped, [book for book in carried if book.uses])


def restore_keys(chat: Chat, carried: CarriedKeys, members: Sequence[Member]) -> None:
    keys = chat.keys
    keys._has_dropped = carried.has_dropped
    for one in carried.books:
        owner = ref(members[one.member]) if one.owner is None else one.owner
        book = keys._books[owner] = Book(owner, one.used_at, keys.numbering)
        for use in one.uses:
            book.uses[use.key] = _restored_use(chat, book, use)
        keys._count += len(book.uses) + 1


def _carry_use(use: UsedKey | Use) -> CarriedUse:
    if isinstance(use, UsedKey):
        return CarriedUse(use.key, use.said, use.room, use.time, use.ack, use.is_kept, None)
    problem = use.problem
    assert use._ack is not None
    assert problem is not None
    return CarriedUse(use.key, use.said, use.place, use.time, use._ack, use.is_kept, (problem.text, problem.code))


def _restored_use(chat: Chat, book: Book, one: CarriedUse) -> UsedKey | Use:
    if one.problem is None:
        return UsedKey(one.key, one.said, one.place, one.time, one.ack, one.is_kept)
    use = Use(chat.keys, book, one.key, one.said, one.place, one.time)
    use.done(one.place, one.ack, is_kept=one.is_kept)
    use.problem = Reject(*one.problem)
    return use
