"""Who touched a message: which plugin has refused, changed, taken or delayed it, in which hook, when, why, how long.

Nothing is noted of messages that nobody touched, and nothing of those that begin with a slash, which may hold secrets.
What was said is not in it. Why something was refused is told to who wrote it as they were told before; to others as
well, but for sentences that have words of the message. Of what is said alone with somebody, only its writer is told.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from weakref import ref

from greenchat.errors import Reject
from greenchat.protocol.plugin_reports import Touch
from greenchat.protocol.requests import Say
from greenchat.protocol.runs import Says
from greenchat.protocol.text import slash_at

# What is remembered at most, of refusals and of all else apart, so that a plugin which changes each message makes no
# refusal forgotten: the last hours of a busy server, in some MB of memory.
ENTRIES = 5_000
# ... and how many bytes the reasons may be in all, in either: a plugin may write as much as it likes.
REASON_BYTES = 1_000_000
# ... and in one: as long as a sentence on a screen is.
REASON_CHARACTERS = 300

# From when on somebody waits for a plugin, in seconds: see HELD_SECONDS in server/watchdog.py.
DELAYED = 0.1

# Changed messages of so many sessions wait for their numbers at the same time: few are asked between the checks and
# being said, and who is refused then leaves one behind.
OPEN = 1_000

# Words of a message so short are in any sentence.
SHORT = 2

REFUSED, CHANGED, TOOK, HELD_UP = "refused", "changed", "took", "delayed"


class Entry:
    """One touch. `writer` is an account's id or a guest, weakly; `why` is for them alone if it `quotes`."""

    __slots__ = (
        "code",
        "conversation",
        "did",
        "hook",
        "place",
        "plugin",
        "quotes",
        "room",
        "seconds",
        "sender",
        "seq",
        "time",
        "times",
        "why",
        "writer",
    )

    def __init__(self, did: str, plugin: str, hook: str, room: str, sender: str, writer: Any, seconds: float) -> None:
        self.did = did
        self.plugin = plugin
        self.hook = hook
        self.room = room
        self.conversation = ""
        self.sender = sender
        self.writer = writer
        self.seconds = seconds
        self.time = datetime.now(UTC)
        self.seq = self.place = 0
        self.times = 1
        self.code = self.why = ""
        self.quotes = False

    def told(self, *, own: bool) -> Touch:
        """As its writer is told of it, or somebody else."""
        why = self.why if own or not self.quotes else ""
        where = self.room, self.seq, self.sender
        return Touch(self.did, self.plugin, self.hook, self.time, self.seconds, *where, self.code, why, self.times)


class Ledger:
    """That of one server."""

    def __init__(self) -> None:
        self._refused: deque[Entry] = deque()
        self._touched: deque[Entry] = deque()
        self._bytes = {REFUSED: 0, CHANGED: 0}
        self._open: dict[int, list[Entry]] = {}  # changed messages that wait for their numbers, by sessions' ids

    # --- for who calls the hooks ---

    def refused(
        self, session: Any, plugin: str, hook: str, texts: Sequence[str], room: str, verdict: Reject, seconds: float
    ) -> None:
        """`plugin` has refused `texts`."""
        texts = [text for text in texts if slash_at(text) < 0]
        if not texts:
            return
        writer, sender = _writer(session)
        entry = Entry(REFUSED, plugin, hook, room, sender, writer, seconds)
        entry.code, entry.why = verdict.code[:REASON_CHARACTERS], verdict.text[:REASON_CHARACTERS]
        entry.times = len(texts)
        last = self._refused[-1] if self._refused else None
        if last is not None and _is_same(last, entry):
            last.time, last.seconds = entry.time, max(last.seconds, seconds)
            last.times += entry.times
            last.quotes = last.quotes or any(_quotes(entry.why, text) for text in texts)
            return
        entry.quotes = any(_quotes(entry.why, text) for text in texts)
        self._keep(self._refused, REFUSED, entry)

    def changed(
        self,
        session: Any,
        plugin: str,
        hook: str,
        text: str,
        room: str,
        seconds: float,
        place: int = 0,
        *,
        more: bool = False,
    ) -> None:
        """`plugin` has made something else of a `text`, the one at this `place` of a run. Its number is not known yet;
        with `more`, nor that of what was changed before."""
        if slash_at(text) >= 0:
            return
        writer, sender = _writer(session)
        entry = Entry(CHANGED, plugin, hook, room, sender, writer, seconds)
        entry.place = place
        self._keep(self._touched, CHANGED, entry)
        waiting = self._open.pop(session.id, None) if more else None  # it goes to the end
        self._open[session.id] = [*(waiting or ()), entry]
        if len(self._open) > OPEN:
            del self._open[next(iter(self._open))]

    def numbered(self, session: Any, seq: int, conversation: str = "", place: int = 0, count: int = 1) -> None:
        """What was changed has been said, as `seq` and the following: those at `place` of a run and behind it."""
        waiting = self._open.pop(session.id, None)
        if waiting is None:
            return
        later = []
        for entry in waiting:
            if place <= entry.place < place + count:
                entry.seq, entry.conversation = seq + entry.place - place, conversation
            elif entry.place >= place + count:
                later.append(entry)
        if later:
            self._open[session.id] = later

    def delayed(self, session: Any, plugin: str, hook: str, text: str, room: str, seconds: float) -> None:
        """`plugin` has taken its time over a `text`, and let it pass."""
        if slash_at(text) >= 0:
            return
        writer, sender = _writer(session)
        self._keep(self._touched, CHANGED, Entry(HELD_UP, plugin, hook, room, sender, writer, seconds))

    def took(self, session: Any, plugin: str, hook: str, asked: Say | Says, seconds: float) -> None:
        """`plugin` has dealt with messages itself."""
        entry = _entry_of(TOOK, session, plugin, hook, asked, seconds)
        if entry is not None:
            self._keep(self._touched, CHANGED, entry)

    def turned_down(
        self, session: Any, plugin: str, hook: str, asked: Say | Says, verdict: Reject, seconds: float
    ) -> None:
        """`plugin` has refused messages before they were checked."""
        entry = _entry_of(REFUSED, session, plugin, hook, asked, seconds)
        if entry is not None:
            texts = asked.texts if isinstance(asked, Says) else (asked.text,)
            self.refused(session, plugin, hook, texts, entry.room, verdict, seconds)

    def held(self, plugin: str, hook: str, room: str, seq: int, seconds: float, problem: Reject | None) -> None:
        """`plugin` has held the acknowledgement of a message, or of several of which it is the last."""
        if seconds < DELAYED and problem is None:
            return
        entry = Entry(HELD_UP, plugin, hook, room, "", None, seconds)
        entry.seq = seq
        if problem is not None:
            entry.code, entry.why = problem.code[:REASON_CHARACTERS], problem.text[:REASON_CHARACTERS]
        self._keep(self._touched, CHANGED, entry)

    # --- for who asks ---

    def last_refusal(self, member: Any) -> Touch | None:
        """Of what `member` has written."""
        for entry in reversed(self._refused):
            if _is_by(entry, member):
                return entry.told(own=True)
        return None

    def of_message(self, member: Any, room: str, seq: int, conversation: str = "", *, all_of_room: bool) -> list[Touch]:
        """Of one message: if it is `member`'s own, or all that is known of it."""
        found = []
        for entry in self._all():
            if entry.seq == seq and entry.room == room and entry.conversation == conversation:
                own = _is_by(entry, member)
                if own or (all_of_room and room):
                    found.append(entry.told(own=own))
        return found

    def of_rooms(self, room: str = "", seq: int = 0, limit: int = ENTRIES) -> list[Touch]:
        """The latest of a room, or of all, of a message or of all: none of what is said alone."""
        found = [entry for entry in self._all() if entry.room and room in ("", entry.room) and seq in (0, entry.seq)]
        return [entry.told(own=False) for entry in found[-max(limit, 0) :]] if limit > 0 else []

    def _all(self) -> Iterable[Entry]:
        return sorted((*self._refused, *self._touched), key=lambda entry: entry.time)

    def _keep(self, kept: deque[Entry], kind: str, entry: Entry) -> None:
        kept.append(entry)
        self._bytes[kind] += len(entry.why)
        while len(kept) > ENTRIES or self._bytes[kind] > REASON_BYTES:
            self._bytes[kind] -= len(kept.popleft().why)


def _entry_of(did: str, session: Any, plugin: str, hook: str, asked: Say | Says, seconds: float) -> Entry | None:
    """None where it is nothing to be noted."""
    texts = asked.texts if isinstance(asked, Says) else (asked.text,)
    count = sum(slash_at(text) < 0 for text in texts)
    if not count:
        return None
    writer, sender = _writer(session)
    alone = isinstance(asked, Say) and (asked.conversation or asked.to)
    room = "" if alone else asked.room or session.room
    entry = Entry(did, plugin, hook, room, sender, writer, seconds)
    entry.times = count
    return entry


def _writer(session: Any) -> tuple[Any, str]:
    """By which somebody is known for what they are, and how they are called."""
    member = getattr(session, "member", None)
    if member is None:
        return None, ""
    return member.account_id or ref(member), member.name


def _is_by(entry: Entry, member: Any) -> bool:
    writer = entry.writer
    if isinstance(writer, int):
        return bool(writer) and writer == member.account_id
    return writer is not None and writer() is member


def _is_same(last: Entry, entry: Entry) -> bool:
    """Whether it is the same again: who is refused a hundred times is one entry."""
    return all(
        getattr(last, name) == getattr(entry, name) for name in ("plugin", "hook", "room", "writer", "code", "why")
    )


def _quotes(sentence: str, text: str) -> bool:
    """Whether a sentence has words of a text."""
    folded, text = sentence.casefold(), text.casefold()
    return any(word in folded for word in _words(text)) or (len(text) > SHORT and text in folded)


def _words(text: str) -> Iterator[str]:
    word = ""
    for character in (*text, " "):
        if character.isalnum():
            word += character
        elif word:
            if len(word) > SHORT:
                yield word
            word = ""
