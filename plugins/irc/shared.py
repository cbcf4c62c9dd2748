"""What rooms tell, as lines: written once for all clients that have the same capabilities in it (see `caps.OF_ROOMS`).

Nothing in here depends on who reads it. What one client alone is told is written by own.py.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from greenchat import (
    Ack,
    Advice,
    Away,
    Deleted,
    Edited,
    Error,
    Event,
    Frame,
    Joined,
    Left,
    Message,
    Messages,
    Notice,
    Pinned,
    Reacted,
    Renamed,
    Role,
    Topic,
    with_files,
)

from .beside import PLAIN, Besides, pieces
from .frames import IrcLines, IrcTagged
from .grammar import LINE_BYTES, cut, line, tagged, without_formatting
from .history import time_tag
from .msgids import mark_of, msgid
from .names import HOST, source, to_channel, to_irc

# What is said to people on IRC who are told to do something. They do it by commands of their client.
ADVICE: dict[Advice, str] = {
    Advice.JOIN: "Send NICK and USER.",
    Advice.JOIN_FIRST: "Send NICK and USER first.",
    Advice.JOIN_NOW: "Now send NICK and USER.",
    Advice.JOIN_AGAIN: "Connect again.",
    Advice.NAME_ONE: "Choose one.",
    Advice.ENTER_ROOM: "/join #ROOM leads into one.",
    Advice.PASS_PHRASE: "Connect with it as the server password; whoever invited you knows it.",
    Advice.FRAME_TYPES: "This server speaks IRC.",
    Advice.ONE_LINE: "Send plain text.",
    Advice.COMMAND: "/quote {line}",
    Advice.TLS: "Connect with TLS.",
}

# The modes of people, from the highest, and what stands for each before a name.
SIGNS = {"q": "~", "o": "@", "v": "+"}

# How the act of a notice is told that is about a room: by what it sets, as the audit trail has it.
SETTINGS = {
    "key set": "+k *",
    "key off": "-k *",
    "invite-only on": "+i",
    "invite-only off": "-i",
    "topic-by owner": "+t",
    "topic-by everybody": "-t",
    "moderated on": "+m",
    "moderated off": "-m",
    "limit off": "-l",
}

END = "\r\n"

# What a reason begins with that somebody has given for leaving a room.
PARTED = "left: "

# Capabilities of clients that know messages by their ids.
KNOW_IDS = frozenset({"draft/chathistory", "draft/message-redaction"})

# What says that a program has said it (IRCv3, bot mode), by its name and by the one that it had before.
BOT = ("bot", "draft/bot")


class SharedCodec:
    """`account_of` tells the account of who has a name, and their real name; `besides` what IRC knows of messages, and
    the chat does not. See `greenchat.codecs.Codec`."""

    name = "irc"
    pings = True
    many_rooms = True
    tokens = False
    quits = True
    advice: Mapping[Advice, str] = ADVICE

    def __init__(
        self, caps: frozenset[str], account_of: Callable[[str], tuple[str, str]], besides: Besides | None = None
    ) -> None:
        self.caps = caps
        self._besides = besides or Besides()
        self._account_of = account_of
        self._time = "server-time" in caps
        self._tags = "message-tags" in caps
        self._account = "account-tag" in caps
        self._batches = {"batch", "draft/multiline"} <= caps
        # What is about a message quotes it, where its id means nothing: without tags, and to clients that take all tags
        # there are and show none of them. Who asks for messages by their ids, or deletes some, knows what they mean.
        self.numbers = self._tags and not caps.isdisjoint(KNOW_IDS)

    def request_decoder(self, frame_bytes: int) -> Any:
        """The codec of a connection makes it."""
        raise NotImplementedError

    # --- messages ---

    def encode_run(self, messages: Messages) -> bytes:
        if messages.conversation or messages.reply_to:
            return b"".join(self.message(one) for one in messages)
        sender, target = source(messages.sender), to_channel(messages.room)
        head = f":{sender} PRIVMSG {target} :"
        texts = messages.texts
        all_of_it = "".join(texts)  # looking at each of them takes several times as long
        sign_bytes = 1 if all_of_it.isascii() else 4
        longest = LINE_BYTES - len(END) - len(head.encode())
        if len(max(texts, key=len)) * sign_bytes > longest or "\n" in all_of_it:
            return b"".join(self.message(one) for one in messages)
        if self._besides.may_touch(messages.sender, messages.room, messages.seq):
            return b"".join(self.message(one) for one in messages)
        before = self._tags_of_run(messages)
        if not self._tags:
            head = f"{before} {head}" if before else head
            return f"{head}{f'{END}{head}'.join(texts)}{END}".encode()
        first, mark = messages.seq, mark_of(messages.room)
        behind = f"{f';{before[1:]}' if before else ''} {head}"
        lines = [f"@msgid={mark}{seq}{behind}{text}{END}" for seq, text in enumerate(texts, first)]
        return "".join(lines).encode()

    def _tags_of_run(self, messages: Messages) -> str:
        tags = []
        if self._time:
            tags.append(f"time={time_tag(messages.time)}")
        if self._account and messages.account:
            tags.append(f"account={to_irc(messages.account)}")
        if self._tags and self._besides.is_bot(messages.sender):
            tags += BOT
        return f"@{';'.join(tags)}" if tags else ""

    def message(self, message: Message, more: Mapping[str, str] | None = None, me: str = "") -> bytes:
        """One message, with `more` tags. One that was said alone is for `me`; or it is one's own, for the other."""
        target = to_channel(message.room)
        place = message.room or message.conversation
        if message.conversation:
            target = to_irc(message.with_ if message.own else me)
        seq, beside = message.seq, PLAIN
        if seq:
            beside = self._besides.of(message.sender, place, seq, message.id, message.text, target)
        head = f":{source(message.sender)} {beside.verb} {target} :"
        before, behind = ("\x01ACTION ", "\x01") if message.action else ("", "")
        longest = LINE_BYTES - len(END) - len((head + before + behind).encode())
        tags = dict(beside.tags) if self._tags else {}
        tags |= dict(more or {}) | self.tags(message.time, message.account)
        if self._tags and message.seq:
            tags["msgid"] = msgid(place, message.seq)
            if message.reply_to:
                tags["+draft/reply"] = msgid(place, message.reply_to)
            if self._besides.is_bot(message.sender):
                tags |= dict.fromkeys(BOT, "")
        parts = [
            (is_one or place > 0, part)
            for is_one, text in pieces(beside.lines, with_files(message))
            for place, part in enumerate(cut(_whole(text, longest), longest))
        ]
        if self._batches and len(parts) > 1 and not message.action:
            return self._in_batch(parts, head, target, message, tags)
        lines = []
        for _, part in parts:
            if part or len(parts) == 1:  # there are no empty ones
                lines.append(f"{tagged(tags)}{head}{before}{part}{behind}{END}")
                tags.pop("msgid", None)  # the first alone has it
        return "".join(lines).encode()

    def _in_batch(
        self, parts: Sequence[tuple[bool, str]], head: str, target: str, message: Message, tags: dict[str, str]
    ) -> bytes:
        name = f"m{msgid(message.room or message.conversation, message.seq)}"
        words = [source(message.sender), "BATCH", f"+{name}", "draft/multiline", target]
        lines = [f"{tagged(tags)}:{' '.join(words)}"]
        for is_one, part in parts:
            concat = {"draft/multiline-concat": ""} if is_one else {}
            lines.append(f"{tagged({'batch': name} | concat)}{head}{part}")
        lines.append(f":{HOST} BATCH -{name}")
        return self._lines(*lines)

    def tags(self, time: object = None, account: str = "") -> dict[str, str]:
        tags = {}
        if self._time and time is not None:
            tags["time"] = time_tag(time)  # type: ignore[arg-type]  # a time
        if self._account and account:
            tags["account"] = to_irc(account)
        return tags

    # --- all else ---

    def encode(self, reply: Event | Frame) -> bytes:
        match reply:
            case Message():
                return self.message(reply)
            case IrcTagged(lines=lines, tags=tags, time=time, account=account):
                before = tagged(tags | self.tags(time, account))
                return self._lines(*(f"{before}{one}" for one in lines)) if self._tags else b""
            case Joined(room, name, time, role):
                mode = self._mode(room, name, role)
                return self.event(time, name, self.joined(room, name)) + self.event(time, "", *mode)
            case Left(room, name, reason, time, by, gone):
                return self.event(time, by or name, _left(room, name, reason, by, gone))
            case Renamed(_, name, new_name, time):
                return self.event(time, new_name, line(source(name), "NICK", to_irc(new_name)))
            case Topic(room, topic, by, time):
                return self.event(time, by, f":{source(by)} TOPIC {to_channel(room)} :{topic}")
            case Away(_, name, why, time):
                if "away-notify" not in self.caps:
                    return b""
                return self.event(time, name, line(source(name), "AWAY", *([why] if why else [])))
            case Role(room, name, role, time):
                return self.event(time, "", *self._role(room, name, role))
            case Notice(act=act, by=by) if by and act:
                return self._ordered(reply)
            case Notice(text, room) if room:
                return self._lines(*(f":{HOST} NOTICE {to_channel(room)} :{one}" for one in _cut(text, room)))
            case Pinned(room, _, by, on, _, sender):
                what = f"pinned a message of {sender}" if on else "taken a message off the pins"
                return self._lines(f":{HOST} NOTICE {to_channel(room)} :{by} has {what}.")
            case Edited(room, seq, _, text, by, time) if room:
                return self._edited(room, seq, text, by, time)
            case Deleted(room, seq, _, by, time) if room and "draft/message-redaction" in self.caps:
                return self.event(time, by, self.redacted(room, to_channel(room), seq, by))
            case Reacted(room, seq, _, by, emoji, on, time) if room and self._tags:
                return self.reacted(room, to_channel(room), seq, by, emoji, on, time)
        return b""

    def encode_acks(self, acks: Sequence[Ack]) -> bytes:
        return b""

    def refusal(self, error: Error) -> bytes:
        return f"ERROR :{error.text}{END}".encode()

    def reacted(self, place: str, target: str, seq: int, by: str, emoji: str, on: bool, time: object) -> bytes:
        tags = self.tags(time, self._account_of(by)[0]) | {"+draft/reply": msgid(place, seq)}
        tags["+draft/react" if on else "+draft/unreact"] = emoji
        return self._lines(f"{tagged(tags)}:{source(by)} TAGMSG {target}")

    def redacted(self, place: str, target: str, seq: int, by: str) -> str:
        """That a message is deleted."""
        why = self._besides.reasons.of(place, seq, by)
        return f":{source(by)} REDACT {target} {msgid(place, seq)}{why}"

    def joined(self, room: str, name: str, realname: str = "") -> str:
        """That somebody has come into a room."""
        if "extended-join" not in self.caps:
            return f":{source(name)} JOIN {to_channel(room)}"
        account, known = self._account_of(name)
        realname = realname or known
        return f":{source(name)} JOIN {to_channel(room)} {to_irc(account) or '*'} :{realname or name}"

    def _ordered(self, notice: Notice) -> bytes:
        """What somebody has set for a room, as a mode; who was put out is told by what put them out."""
        if notice.act in ("kick", "ban"):
            return b""
        mode = mode_of(notice)
        if not mode:
            return self.encode(Notice(notice.text, notice.room))
        return self._lines(f":{source(notice.by)} MODE {to_channel(notice.room)} {mode}")

    def _mode(self, room: str, name: str, role: str) -> Sequence[str]:
        letter = letter_of(role, self._account_of(name)[0])
        return [f":{HOST} MODE {to_channel(room)} +{letter} {to_irc(name)}"] if letter else []

    def _role(self, room: str, name: str, role: str) -> Sequence[str]:
        if role:
            return self._mode(room, name, role)
        nick = to_irc(name)
        return [f":{HOST} MODE {to_channel(room)} -qo {nick} {nick}"]

    def _edited(self, room: str, seq: int, text: str, by: str, time: object) -> bytes:
        """A message that says so: what was said cannot be changed on IRC."""
        tags = self.tags(time, self._account_of(by)[0])
        tags |= {"+draft/reply": msgid(room, seq)} if self._tags else {}
        head = f"{tagged(tags)}:{source(by)} PRIVMSG {to_channel(room)} :"
        return self._lines(*(f"{head}{one}" for one in _cut(f"(edited) {text}", room)))

    def event(self, time: object, name: str, *lines: str) -> bytes:
        account = self._account_of(name)[0] if self._account and name else ""
        tags = tagged(self.tags(time, account))
        return self._lines(*(f"{tags}{one}" for one in lines))

    def _lines(self, *lines: str) -> bytes:
        return "".join(f"{one}{END}" for one in lines).encode()


def from_somebody(other: Any, name: str, told: str) -> IrcLines:
    """A line that comes from `name`, with the tags that the session `other` wants."""
    return IrcLines(lines=lines_of(other.shared_codec.event(datetime.now(UTC), name, told)))


def lines_of(data: bytes) -> list[str]:
    """What was written, line by line, without their ends."""
    return data.decode().split(END)[:-1]


def _left(room: str, name: str, reason: str, by: str, gone: bool) -> str:
    if gone:
        return f":{source(name)} QUIT :{reason}"
    if by:  # the reason says who has done it, and why
        why = reason.partition(": ")[2] or to_irc(by)
        return f":{source(by)} KICK {to_channel(room)} {to_irc(name)} :{why}"
    why = "" if reason == "left" else reason.removeprefix(PARTED)
    return f":{source(name)} PART {to_channel(room)}" + (f" :{why}" if why else "")


def mode_of(notice: Notice) -> str:
    """What was set, as a mode and its parameter; empty for what has none."""
    if notice.act in ("voice", "devoice"):
        return f"{'+' if notice.act == 'voice' else '-'}v {to_irc(notice.target)}"
    if notice.act != "room":
        return ""
    what, _, value = notice.details.partition(" ")
    return f"+l {value}" if what == "limit" and value != "off" else SETTINGS.get(notice.details, "")


def letter_of(role: str, account: str) -> str:
    """The mode of somebody in a room. Who owns it by an account has it for good; a guest, as long as they are here."""
    return "" if not role else "q" if role == "owner" and account else "o"


def signs_of(role: str, account: str, has_voice: bool) -> str:
    """What stands before a name in a room: all of it, the highest first."""
    return SIGNS.get(letter_of(role, account), "") + (SIGNS["v"] if has_voice else "")


def _whole(text: str, longest: int) -> str:
    """One line as it was written; or without its formatting, where it has to be cut: a code could be cut through."""
    return text if len(text.encode()) <= longest else without_formatting(text)


@lru_cache(maxsize=64)
def _room_for(room: str) -> int:
    """How many bytes of text fit into a line for a room, whoever says it, but for very long names."""
    return LINE_BYTES - 160 - len(to_channel(room).encode())


def _cut(text: str, room: str) -> Sequence[str]:
    return [part for one in text.split("\n") for part in cut(one, _room_for(room))]
