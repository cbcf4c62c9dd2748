"""What a message is on IRC beside what the chat knows of it: a notice, one with a client's own tags, one that was
written in certain lines, or with bold and colours in them. It is remembered for the latest of these, and not kept:
later, they are messages like others. Only that it was a notice is kept, see notices.py.

It comes with the request, in its context. Others may be told of the message before the request is answered, so that it
is expected until then, by who says it, where and what; and known from then on, by its place and number. It is expected
of a client, whatever that is called by then: who takes a name over is not taken for who had it.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary, WeakSet

from msgspec import DecodeError, Struct, field, json

from greenchat import Reject, RunCommand, Say, require_name

from .grammar import without_formatting
from .names import from_irc, is_channel, to_irc
from .notices import Notices

# So many messages are remembered, and so many expected of one client. With the longest tags, that is some megabytes.
MOST = 1024

# What only clients know the meaning of (IRCv3, message-tags), and may be sent on to others.
_CLIENT_TAG = re.compile(r"\+[A-Za-z0-9./-]+")

# What a terminal does something at. The ends of lines go over the wire as letters, see `escape`.
_CODES = re.compile(r"(?![\r\n])[\x00-\x1f\x7f-\x9f]")


class Beside(Struct, frozen=True, omit_defaults=True):
    """`verb` is PRIVMSG or NOTICE. `lines` are what it was written in: whether each is one with the line before it, and
    its text, with the formatting codes that are for clients of IRC alone. `number` tells those of one client apart."""

    verb: str = "PRIVMSG"
    tags: dict[str, str] = field(default_factory=dict)
    lines: list[tuple[bool, str]] = field(default_factory=list)
    number: int = 0

    @property
    def text(self) -> str:
        """All lines as one text, as the chat has it."""
        lines = (f"{'' if is_one else chr(10)}{without_formatting(text)}" for is_one, text in self.lines)
        return "".join(lines).removeprefix("\n")

    def packed(self) -> str:
        """For a context."""
        return json.encode(self).decode()


PLAIN, NOTICE = Beside(), Beside("NOTICE")


def unpacked(packed: str) -> Beside | None:
    try:
        return json.decode(packed, type=Beside) if packed else None
    except DecodeError:
        return None


def client_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Those that are sent on to others. None of them has control codes in it."""
    return {name: value for name, value in tags.items() if _CLIENT_TAG.fullmatch(name) and not _CODES.search(value)}


class Said(NamedTuple):
    """What a client is about to say, as `sender`."""

    sender: str
    place: str
    text: str
    number: int


class Reasons:
    """Why the latest messages were deleted, by their places and numbers, as far as somebody has said so."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], tuple[str, str]] = {}

    def put(self, which: tuple[str, int], by: str, why: str) -> None:
        """Nobody has, where `why` is empty."""
        self._known.pop(which, None)
        if why:
            self._known[which] = by, why
            if len(self._known) > MOST:
                del self._known[next(iter(self._known))]

    def forget(self, place: str, seq: int) -> None:
        """Those of messages behind `seq`."""
        self._known = {which: why for which, why in self._known.items() if which[0] != place or which[1] <= seq}

    def of(self, place: str, seq: int, by: str) -> str:
        """As it stands at the end of a line: with its colon, or nothing."""
        who, why = self._known.get((place, seq), ("", ""))
        return f" :{why}" if why and who == by else ""


class Besides:
    """All that is remembered, of the whole server. `bots` are the codecs of clients that say that they are one, and
    `find_bot` tells of a name whether it is one of theirs; `is_here` whether somebody has that name now."""

    def __init__(
        self,
        find_bot: Callable[[str], bool] = lambda name: False,
        is_here: Callable[[str], bool] = lambda name: False,
        notices: Notices | None = None,
    ) -> None:
        self._find_bot = find_bot
        self._is_here = is_here
        self._notices = notices or Notices({})
        self.reasons = Reasons()
        self.bots: WeakSet[Any] = WeakSet()
        self._expected: WeakKeyDictionary[Any, dict[Said, Beside]] = WeakKeyDictionary()
        self._known: dict[tuple[str, int], Beside] = {}
        self._last: dict[str, int] = {}  # the latest number of a place that is known

    def is_bot(self, name: str) -> bool:
        return bool(self.bots) and self._find_bot(name)

    def expect(self, speaker: Any, place: str, text: str, beside: Beside) -> None:
        """`speaker` is the codec of the client that is about to say it."""
        said = Said(speaker.session.name, place, text, beside.number)
        _put(self._expected.setdefault(speaker, {}), said, beside)

    def settle(self, speaker: Any, beside: Beside, place: str = "", seq: int = 0, number: int = 0) -> None:
        """It was said as this, under this id, or not at all."""
        expected = self._expected.get(speaker, {})
        for said in [one for one, known in expected.items() if known == beside]:
            self._found(speaker, said)
        if seq:
            self._know(place, seq, number, beside)

    def opened(self, place: str, seq: int) -> None:
        """There is a room of this name anew, in which so many messages were said. What is known of later ones was about
        another: without history, each counts from the first."""
        if self._last.get(place, 0) > seq:
            self._known = {which: known for which, known in self._known.items() if which[0] != place or which[1] <= seq}
            self._last[place] = seq
        self.reasons.forget(place, seq)

    def may_touch(self, sender: str, place: str, seq: int) -> bool:
        """Whether there may be something for a message from `seq` on; false for nearly all."""
        return self._last.get(place, 0) >= seq or (bool(self._expected) and any(self._said_by(sender)))

    def of(self, sender: str, place: str, seq: int, number: int, text: str, target: str = "") -> Beside:
        """Of the message `seq` of a place, which has the id `number`; `target` is who it is for, on IRC, or the
        channel."""
        found = self._known.get((place, seq))
        if found is None and self._expected:
            for speaker, said in self._said_by(sender):
                if said.text == text and said.place and said.place in (place, _folded(target)):
                    found = self._found(speaker, said)  # the next that says the same is another
                    self._know(place, seq, number, found)
                    break
        return found or (NOTICE if number in self._notices else PLAIN)

    def _said_by(self, sender: str) -> Iterator[tuple[Any, Said]]:
        """What is expected of who is called so now; or was when they said it, and has another name or has gone since,
        where nobody else has taken the name."""
        is_free: bool | None = None
        for speaker, expected in self._expected.items():
            name = speaker.session.name if speaker.session is not None else ""
            if name == sender:
                yield from ((speaker, said) for said in expected)
            elif next(iter(expected)).sender != name:  # as it is for nearly none
                is_free = not self._is_here(sender) if is_free is None else is_free
                yield from ((speaker, said) for said in expected if is_free and said.sender == sender)

    def _found(self, speaker: Any, said: Said) -> Beside:
        """It is expected no more."""
        expected = self._expected[speaker]
        beside = expected.pop(said)
        if not expected:
            del self._expected[speaker]
        return beside

    def _know(self, place: str, seq: int, number: int, beside: Beside) -> None:
        if beside.verb == NOTICE.verb and number:
            self._notices.add(number)
        _put(self._known, (place, seq), beside)
        self._last[place] = max(seq, self._last.get(place, 0))
        if len(self._last) > MOST:
            del self._last[next(iter(self._last))]


def place_of(asked: Say | RunCommand, room_name: Callable[[str], str]) -> str:
    """Where it will have been said: the room, the conversation, or with whom one is to begin; empty for nowhere."""
    try:
        return asked.conversation or (_folded(to_irc(asked.to)) if asked.to else room_name(asked.room))
    except Reject:
        return ""


def _folded(nick: str) -> str:
    """All spellings of it in one; empty for what is none."""
    try:
        return "" if is_channel(nick) else f"@{require_name(from_irc(nick), 0)[1]}"
    except Reject:
        return ""


def _put(of: dict[Any, Beside], key: Any, beside: Beside) -> None:
    of[key] = beside
    if len(of) > MOST:
        del of[next(iter(of))]


def pieces(lines: Sequence[tuple[bool, str]], text: str) -> list[tuple[bool, str]]:
    """The lines of `text`: as they were written, with their formatting, if it is still that."""
    if lines and Beside(lines=list(lines)).text == text:
        return list(lines)
    return [(False, one) for one in text.split("\n")]
