"""What was said in a place of late, and what has become of it: found by its number, and who may change it. What comes
before that, a plugin may keep, or the place itself. No socket, no disk."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple, Protocol
from weakref import WeakKeyDictionary, ref

from msgspec import Struct
from msgspec.structs import replace

from greenchat.chat.ignoring import Reader
from greenchat.errors import Reject
from greenchat.protocol.events import Change, Deleted, Edited, Event, Message, Reacted
from greenchat.protocol.runs import Messages

# Messages of a place that are remembered: a page or two to scroll through, some 100 KB of a busy room.
RECENT = 1000

# Older messages of a room that are remembered because they were changed. What keeps them has it by then.
CHANGED = 1000

# Reactions of one message. Different ones: as many as fit below it; of one person; and in all: who reads a page of
# messages gets the names of all.
REACTIONS, REACTIONS_EACH, REACTIONS_IN_ALL = 20, 10, 500


class Reaction(NamedTuple):
    """An emoji, and whose it is: their name then, and by what they are known. A guest is `member`, as long as they are
    there, and nobody after that."""

    emoji: str
    name: str
    account_id: int = 0
    member: ref[Reader] | None = None

    @property
    def key(self) -> str:
        """What the name is compared by: as it is shown, it is in its normal form but for case."""
        return self.name.lower()


class Past(Struct):
    """A message of a room as it is now, or that it was deleted; whose account has said it, 0 for a guest; and who has
    put which emoji to it. This is how plugins hand in what they keep, see `greenchat_find_message`."""

    message: Message | Deleted
    account_id: int = 0
    reactions: Sequence[Reaction] = ()
    author: ref[Reader] | None = None  # a guest, while they are there

    def is_by(self, member: Reader) -> bool:
        """Whether `member` has said it: by this account, or as a guest in this very stay."""
        return _is(member, self.account_id, self.author)


class Spoken(NamedTuple):
    """What one person said in a row, as far as it matters to who counts it; the first of it is the message `seq`. A
    guest is the `author`, while they are there."""

    seq: int
    texts: Sequence[str]
    sender: str
    account_id: int
    author: ref[Reader] | None

    def is_by(self, member: Reader) -> bool:
        return _is(member, self.account_id, self.author)


class Alteration(tuple[Event, ...]):
    """One change of a message, as all are told, and for who keeps it: `past` is the message as it is after it, and
    `last` which one was the room's latest then."""

    past: Past
    last: int

    def __new__(cls, change: Change, past: Past, last: int) -> "Alteration":
        altered = super().__new__(cls, (change,))
        altered.past, altered.last = past, last
        return altered

    @property
    def change(self) -> Change:
        (change,) = self
        assert isinstance(change, Change)
        return change


class PutOff(Protocol):
    """What an earlier process has remembered: see carried_logs.py."""

    def take_out(self) -> tuple[deque[tuple[Messages, ref[Reader]]], dict[int, Past], list[Spoken]]:
        """What `Log` has as `_runs`, `_changed` and `_recalled`."""


class Log:
    """The last messages of a place, as they are now."""

    __slots__ = (
        "_changed",
        "_guests",
        "_recalled",
        "_recent",
        "_runs",
        "_since",
        "_unknown_upto",
        "counted",
        "is_recalled",
        "nothing_upto",
        "put_off",
    )

    def __init__(self, recent: int = RECENT) -> None:
        self._recent = recent
        # What was said before the runs, by who keeps it: see `greenchat_recall`. The earliest first.
        self._recalled: list[Spoken] = []
        self.is_recalled: bool | None = None  # whether that was asked for; False while it is
        self._unknown_upto = 0  # and what comes before that
        self.counted: Any = None  # what reading.py has found out last
        self.nothing_upto = 0  # up to this message there is none any more, as far as that is known
        self._runs: deque[tuple[Messages, ref[Reader]]] = deque()
        self._changed: dict[int, Past] = {}  # those that are not as they were said, and some older ones
        # From which rev on somebody has been in the room: an account, or a guest. See `may_read_from`.
        self._since: dict[int, int] = {}
        self._guests: WeakKeyDictionary[Reader, int] = WeakKeyDictionary()
        self.put_off: PutOff | None = None

    # --- what was said in an earlier process ---

    def have_put_off(self, words: "PutOff") -> None:
        """What was said so far is in there, to be taken out when somebody looks for it."""
        self.put_off = words
        del self._runs, self._changed, self._recalled

    def __getattr__(self, name: str) -> Any:
        """Called for what is not there: for these three, as long as they are put off."""
        put_off = self.put_off if name in ("_runs", "_changed", "_recalled") else None
        if put_off is None:
            raise AttributeError(f"a log has no {name}")
        self.put_off = None
        self._runs, self._changed, self._recalled = put_off.take_out()
        return getattr(self, name)

    # --- what is said, and what becomes of it ---

    def add(self, run: Messages, author: Reader) -> None:
        """This is said now; messages may still be added to it."""
        runs = self._runs
        runs.append((run, ref(author)))
        oldest = run.seq - self._recent
        while len(runs) > 1 and runs[1][0].seq <= oldest:
            runs.popleft()

    def find(self, seq: int) -> Past | None:
        """The message `seq`, if it is remembered."""
        past = self._changed.get(seq)
        if past is not None:
            return past
        for run, author in reversed(self._runs):
            if run.seq <= seq:
                if seq - run.seq >= len(run.texts):
                    break
                return Past(run[seq - run.seq], run.account_id, (), author)
        return None

    def in_a_row(self, seq: int, count: int) -> Messages | None:
        """So many messages from `seq` on, where one person has said them in a row, and they are as they were said."""
        for run, _ in reversed(self._runs):
            if run.seq <= seq:
                start = seq - run.seq
                if start + count > len(run.texts) or not self._changed.keys().isdisjoint(range(seq, seq + count)):
                    return None
                return run[start : start + count]
        return None

    def seq_at(self, time: datetime) -> int:
        """The number of the last message that was said by then, of those that are remembered; 0 where there is none."""
        for run, _ in reversed(self._runs):
            if run.time <= time:
                return run.seq + len(run.texts) - 1
        return 0

    def now(self, read: Past) -> Past:
        """A message that was read elsewhere, as it is by now; if it is still that, it is known here who reacted."""
        past = self._changed.get(read.message.seq)
        return past if past is not None and past.message.rev >= read.message.rev else read

    def remember(self, seq: int, past: Past) -> Past:
        """`past` was looked for elsewhere; what is known of it by now."""
        return self._changed.get(seq) or past

    def change(self, past: Past, change: Change, member: Reader) -> Past:
        """From now on, a message is as `change` makes it of what it was. `member` has changed it."""
        message = past.message
        assert isinstance(message, Message)
        reactions = past.reactions
        match change:
            case Deleted():
                past = Past(change)
            case Edited(text=text, time=time, rev=rev):
                past = Past(replace(message, text=text, edited=time, rev=rev), past.account_id, reactions, past.author)
            case Reacted(emoji=emoji, on=on, rev=rev):
                kept = [one for one in reactions if not (one.emoji == emoji and _is_of(one, member))]
                if on:
                    kept.append(Reaction(emoji, member.name, member.account_id, ref(member)))
                message = replace(message, rev=rev, reactions=names_of(kept) or None)
                past = Past(message, past.account_id, kept, past.author)
        self._changed.pop(change.seq, None)
        self._changed[change.seq] = past
        oldest = self._recalled[0].seq if self._recalled else self._runs[0][0].seq if self._runs else change.seq
        if len(self._changed) > CHANGED + self._recent:
            spare = (seq for seq in self._changed if seq < oldest)
            for seq in list(islice(spare, len(self._changed) - self._recent)):
                del self._changed[seq]
        return past

    def forget(self) -> None:
        """What is known of it elsewhere is another thing by now: look there."""
        self.put_off = None
        self._runs, self._changed = deque(), {}
        self._recalled, self.is_recalled, self.nothing_upto, self.counted = [], None, 0, None

    # --- for who counts what they have not read ---

    def recall(self, pasts: Sequence[Past], latest: int, *, is_all: bool) -> None:
        """These were said last, as who keeps them knows, in a room whose last message is `latest`; with `is_all`, there
        are none before them."""
        first = self._runs[0][0].seq if self._runs else latest + 1
        older = sorted((past for past in pasts if past.message.seq < first), key=lambda past: past.message.seq)
        self._unknown_upto = older[0].message.seq - 1 if older else first - 1
        self.nothing_upto = self._unknown_upto if is_all else 0
        self._recalled, self.counted = [], None
        texts: list[str] = []
        for message, account_id in ((past.message, past.account_id) for past in older):
            if not isinstance(message, Message):
                continue
            last = self._recalled[-1] if self._recalled else None
            goes_on = last is not None and (last.sender, last.account_id) == (message.sender, account_id)
            if last is None or not goes_on or message.seq != last.seq + len(texts):
                texts = []
                self._recalled.append(Spoken(message.seq, texts, message.sender, account_id, None))
            texts.append(message.text)
        self.is_recalled = True

    def reach(self, latest: int) -> int:
        """Up to which message of a room it is not known what was said, where its last message is `latest`."""
        if self._recalled and self._recalled[-1].seq + len(self._recalled[-1].texts) - 1 <= latest - RECENT:
            self._recalled = []  # it is as far back as what is forgotten in any case
        if self.is_recalled:
            return self._unknown_upto
        return self._runs[0][0].seq - 1 if self._runs else latest

    def behind(self, seq: int) -> Iterator[Spoken]:
        """What was said behind the message `seq`, as it was said, as far as it is known: the latest first. The last of
        it may begin before that."""
        for run, author in reversed(self._runs):
            if run.seq + len(run.texts) <= seq + 1:
                return
            yield Spoken(run.seq, run.texts, run.sender, run.account_id, author)
        for spoken in reversed(self._recalled):
            if spoken.seq + len(spoken.texts) <= seq + 1:
                return
            yield spoken

    def last_by(self, member: Reader, seq: int) -> int:
        """The last message behind `seq` that `member` has said; `seq` where there is none."""
        account_id = member.account_id
        for run, author in reversed(self._runs):
            last = run.seq + len(run.texts) - 1
            if last <= seq:
                return seq
            if (run.account_id == account_id if run.account_id else author() is member) and run.texts:
                return last
        for spoken in reversed(self._recalled):
            last = spoken.seq + len(spoken.texts) - 1
            if last <= seq or spoken.is_by(member):
                return max(last, seq)
        return seq

    @property
    def changed(self) -> Mapping[int, Past]:
        """Those messages that are not as they were said, by their numbers, as they are now."""
        return self._changed

    # --- for who catches up where nobody keeps more ---

    def came(self, member: Reader, rev: int) -> None:
        """`member` is in the room from `rev` on, unless they have been before, and have not left it by themselves."""
        if member.account_id:
            self._since.setdefault(member.account_id, rev)
        else:
            self._guests.setdefault(member, rev)

    def went(self, member: Reader) -> None:
        """They have left it by themselves, or were put out."""
        self._since.pop(member.account_id, None)
        self._guests.pop(member, None)

    def may_read_from(self, member: Reader) -> int | None:
        """From behind which rev on `member` may read what was said: since they came; None for nothing."""
        found = [self._guests.get(member), self._since.get(member.account_id)]
        return min((rev for rev in found if rev is not None), default=None)

    def newer(self, rev: int) -> list[Past]:
        """The messages that are newer than `rev`, as they are now, by their rev."""
        found: dict[int, Past] = {}
        for run, author in reversed(self._runs):
            if run.rev + len(run.texts) <= rev + 1:
                break
            said = (message for message in run if message.rev > rev)
            found.update((message.seq, Past(message, run.account_id, (), author)) for message in said)
        for seq, past in self._changed.items():
            if past.message.rev > rev:
                found[seq] = past
        return sorted(found.values(), key=lambda past: past.message.rev)

    def files(self) -> set[str]:
        """The ids of the files of what is remembered."""
        found = {file.id for run, _ in self._runs if run.files and run.seq not in self._changed for file in run.files}
        for past in self._changed.values():
            if isinstance(past.message, Message) and past.message.files:
                found.update(file.id for file in past.message.files)
        return found

    @property
    def oldest(self) -> int:
        """The rev of the first message that is remembered; 0 where none is."""
        return self._runs[0][0].rev if self._runs else 0


def names_of(reactions: Sequence[Reaction]) -> dict[str, list[str]]:
    """Who has put which emoji there, as clients are told."""
    names: dict[str, list[str]] = {}
    for reaction in reactions:
        names.setdefault(reaction.emoji, []).append(reaction.name)
    return names


def has_reacted(past: Past, member: Reader, emoji: str) -> bool:
    return any(one.emoji == emoji and _is_of(one, member) for one in past.reactions)


def require_one_more(past: Past, member: Reader, emoji: str) -> None:
    """Raises `Reject` where `member` may not put one more emoji to a message."""
    different = {one.emoji for one in past.reactions}
    if sum(_is_of(one, member) for one in past.reactions) >= REACTIONS_EACH:
        text = f"You have put {REACTIONS_EACH} emoji to this message, as many as one may. Take one away first."
    elif emoji not in different and len(different) >= REACTIONS:
        text = f"There are {REACTIONS} different emoji on this message. Put one of those there."
    elif len(past.reactions) >= REACTIONS_IN_ALL:
        text = f"There are {REACTIONS_IN_ALL} reactions to this message, as many as there may be."
    else:
        return
    raise Reject(text, code="too_many_reactions")


def require_in_time(message: Message, seconds: float, now: datetime) -> None:
    """Raises `Reject` where a message is too old to be changed."""
    if seconds and (now - message.time).total_seconds() > seconds:
        raise Reject(f"One may change what one has said for {seconds:g} seconds, and that is over.", code="too_late")


def _is_of(reaction: Reaction, member: Reader) -> bool:
    return _is(member, reaction.account_id, reaction.member)


def _is(member: Reader, account_id: int, guest: ref[Reader] | None) -> bool:
    if account_id:
        return account_id == member.account_id
    return guest is not None and guest() is member
