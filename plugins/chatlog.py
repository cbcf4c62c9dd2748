"""Logs who comes and goes, and keeps a transcript of what is said, where one is asked for.

The log (`greenchat.chatlog`, level INFO) never holds what people write. The transcript never holds private messages:
no plugin is shown those. It is written once: what is changed or deleted later stays there, with a line that says so.
"""

import logging
import os
import queue
import sys
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from glob import escape
from io import TextIOWrapper
from logging.handlers import QueueListener, RotatingFileHandler, TimedRotatingFileHandler
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from weakref import WeakSet

from msgspec.structs import replace

import greenchat
from greenchat import (
    Alteration,
    ChatServer,
    ConfigError,
    Context,
    Edited,
    Event,
    Joined,
    JsonCodec,
    Left,
    Member,
    Message,
    Meta,
    Notice,
    Reacted,
    Refused,
    Reject,
    Renamed,
    Session,
    hookimpl,
    make_private,
    printable,
    with_files,
)

log = logging.getLogger("greenchat.chatlog")

# Reasons that quote what was written, be it a mistyped command or a line without its MSG|: only their code is logged.
QUOTING = frozenset({"name_invalid", "room_invalid", "unknown_command", "unknown_type", "unknown_user"})

# The longest reason in the log: some lines on a terminal.
REASON_LENGTH = 300

# Messages that may wait for the disk: about 50 MB, and a minute of a very busy server.
WAITING_MESSAGES = 100_000

# How long the end of the server waits for the disk: for all that may wait, with time to spare.
STOP_SECONDS = 5.0

# A disk that is full stays so for a while: one line a minute about it is enough.
COMPLAINT_SECONDS = 60.0


class Settings(greenchat.Settings, frozen=True, kw_only=True):
    """What is kept of what people say: nothing, unless a transcript is asked for."""

    transcript: Annotated[
        str, Meta(description="The file that keeps what is said in rooms, below data_dir; empty for none.")
    ] = ""
    format: Annotated[Literal["text", "jsonl"], Meta(description="Lines to read, or JSON Lines as in PROTOCOL.md.")] = (
        "text"
    )
    rotate: Annotated[
        Literal["never", "size", "day"], Meta(description="When a new file is begun; days begin at midnight UTC.")
    ] = "never"
    rotate_bytes: Annotated[
        int, Meta(ge=1, description='With rotate = "size": how large a file gets. 10 MB open in any editor.')
    ] = 10_000_000
    keep: Annotated[int, Meta(ge=1, description="How many of the older files are kept: for days, two weeks.")] = 14
    refusals: Annotated[
        int,
        Meta(
            ge=0,
            description="Refusals of one connection that are logged one by one; then they are counted, since who sends "
            "rubbish all day would fill the disk. 0: all.",
        ),
    ] = 20


class ChatLog:
    """Logs who comes and goes, and what is refused."""

    def __init__(self, settings: Settings, ctx: Context) -> None:
        self._settings = settings
        self._state = ctx.carry_state()
        self._refusals: Counter[int] = Counter()  # by session
        self._known: set[int] = set()  # sessions whose member has been told of
        self._members: WeakSet[Member] = WeakSet()  # who has been told of

    @hookimpl
    def greenchat_startup(self, server: ChatServer) -> None:
        self._find = server.chat.find
        self._sessions = server.sessions
        self._refusals.update({int(number): count for number, count in self._state.pop("refusals", {}).items()})
        self._members.update(member for member in self._state.pop("members", ()) if member is not None)

    @hookimpl
    def greenchat_shutdown(self, server: ChatServer) -> None:
        self._state["refusals"] = {str(number): count for number, count in self._refusals.items()}
        self._state["members"] = list(self._members)

    @hookimpl
    def greenchat_carried(self, session: Session) -> None:
        """It has been told of."""
        if session.member is not None:
            self._known.add(session.id)
            self._members.add(session.member)

    @hookimpl
    def greenchat_connected(self, session: Session) -> None:
        codec = session.codec.name
        fields = session.fields | {"codec": codec}
        log.info("#%d connected from %s (%s)", session.id, session.address, codec, extra=fields)

    @hookimpl
    def greenchat_entered(self, session: Session) -> None:
        """Of a person's first connection it is told that they have joined; of the others, whose they are."""
        if session.id in self._known:
            return
        self._known.add(session.id)
        member = session.require_member()
        if member in self._members:
            log.info("#%d is a connection of %s", session.id, member.name, extra=session.fields)
        self._members.add(member)

    @hookimpl
    def greenchat_disconnected(self, session: Session, reason: str) -> None:
        self._known.discard(session.id)
        who = f"#{session.id} {session.name}".rstrip()
        refused = self._refusals.pop(session.id, 0)
        if refused > self._settings.refusals:
            log.info("%s was refused %d times in all", who, refused, extra=session.fields)
        reason = printable(reason, REASON_LENGTH)
        log.info("%s disconnected from %s: %s", who, session.address, reason, extra=session.fields)

    @hookimpl
    def greenchat_event(self, event: Joined | Left | Renamed | Refused) -> None:
        self._log(event)

    def _log(self, event: Event) -> None:
        match event:
            case Joined(room, name):
                fields = self._fields(name)
                number = f"#{fields['session']} " if "session" in fields else ""
                log.info("%s%s joined %s", number, name, room, extra=fields | {"room": room})
            case Left(room, name, reason):
                fields = self._fields(name) | {"room": room}
                log.info("%s left %s: %s", name, room, printable(reason, REASON_LENGTH), extra=fields)
            case Renamed(room, name, new_name):
                fields = self._fields(new_name) | {"room": room}
                log.info("%s in %s is called %s now", name, room, new_name, extra=fields)
            case Refused(session, name, code, text):
                if session and self._settings.refusals:
                    self._refusals[session] += 1
                    if self._refusals[session] > self._settings.refusals:
                        return
                who = f"#{session} {name}".rstrip() if session else "a connection"
                why = code if code in QUOTING else f"{code}: {printable(text, REASON_LENGTH)}"
                one = self._sessions.get(session)
                fields = one.fields if one is not None else {"session": session, "user": name}
                log.info("%s was refused (%s)", who, why, extra=fields | {"code": code})

    def _fields(self, name: str) -> dict[str, object]:
        """Whose doing it is, for the log: somebody who is called so. Who is gone already, or has several connections,
        has nothing but the name."""
        try:
            sessions = self._find(name).sessions
        except Reject:
            return {"user": name}
        session = sessions[0] if len(sessions) == 1 else None
        return session.fields if isinstance(session, Session) else {"user": name}


class Kept(NamedTuple):
    """An answer, and who has said what it answers; empty where that is not known."""

    message: Message
    answered: str


class ChatLogWithTranscript(ChatLog):
    """Logs who comes and goes, and writes what is said from a thread of its own, so that the loop never waits."""

    def __init__(self, settings: Settings, ctx: Context) -> None:
        super().__init__(settings, ctx)
        self._waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._writer: Writer | None = None
        self._missing = 0

    @hookimpl
    def greenchat_startup(self, server: ChatServer) -> None:
        super().greenchat_startup(server)
        self._rooms = server.chat.rooms
        path = server.data_dir / self._settings.transcript
        _mend(path)
        try:
            file = open_transcript(path, self._settings)
        except OSError as error:
            raise ConfigError(
                f"plugins.chatlog.transcript: {path} cannot be written: {error.strerror}. Choose another file."
            ) from None
        self._writer = Writer(self._waiting, file)
        self._writer.start()

    @hookimpl
    def greenchat_shutdown(self, server: ChatServer) -> None:
        super().greenchat_shutdown(server)
        if self._writer is not None:
            self._tell_missing()
            self._writer.stop()

    @hookimpl
    def greenchat_event(self, event: Message | Joined | Left | Renamed | Refused) -> None:
        if type(event) is Message:
            self._keep(Kept(event, self._answered(event)) if event.reply_to else event)
        else:
            self._log(event)

    @hookimpl
    def greenchat_changed(self, alteration: Alteration) -> None:
        self._keep(alteration)

    def _answered(self, message: Message) -> str:
        """Who has said what this answers, if that is still at hand."""
        room = self._rooms.get(message.room)
        past = room.log.find(message.reply_to) if room is not None else None
        return past.message.sender if past is not None and isinstance(past.message, Message) else ""

    def _keep(self, kept: "Message | Kept | Alteration") -> None:
        # Once messages are missing, it goes on when there is room for many, so that there are few gaps.
        most = WAITING_MESSAGES // 2 if self._missing else WAITING_MESSAGES
        if self._waiting.qsize() >= most:
            if not self._missing:
                log.error("the transcript misses messages: the disk is too slow for so many")
            self._missing += 1
            return
        self._tell_missing()
        self._waiting.put(kept)

    def _tell_missing(self) -> None:
        if self._missing:
            self._waiting.put(Notice(f"{self._missing} messages are missing here."))
            self._missing = 0


class Writer(QueueListener):
    """The thread that writes: takes events from a queue, and makes log records of them there."""

    def __init__(self, waiting: "queue.SimpleQueue[Any]", file: logging.Handler) -> None:
        super().__init__(waiting, file)
        self._file = file

    def prepare(self, record: Any) -> logging.LogRecord:
        return logging.makeLogRecord({"msg": record})

    def stop(self) -> None:
        """Write all that waits, and close the file; but do not wait for ever for a disk that hangs."""
        finishing = threading.Thread(target=self._finish, name="greenchat-transcript-end", daemon=True)
        finishing.start()
        finishing.join(STOP_SECONDS)
        if finishing.is_alive():
            log.error("the end of the transcript is not written: the disk does not answer")

    def _finish(self) -> None:
        super().stop()
        try:
            self._file.close()
        except OSError as error:
            log.error("the end of the transcript is not written: %s", error)


# What a line of a message begins with that is not its first, as no line of its own does.
FURTHER = "    | "


class TextLine(logging.Formatter):
    """`2026-01-31T12:00:00Z [lobby] <alice> hello`. Names and rooms hold no spaces, and further lines of a text are
    marked, so that nobody can write what looks like another's line. What is answered stands before who says it, and
    what is changed behind two dashes, where no text begins."""

    def format(self, record: logging.LogRecord) -> str:
        event: Any = record.msg
        match event:
            case Kept(message, answered):
                return _line(message.room, message.time, f"{_answering(message, answered)}{_said(message)}")
            case Message(room, _, _, _, _, when):
                return _line(room, when, _said(event))
            case Alteration():
                return _line(event.change.room, event.change.time, f"-- {_changed(event)}")
        return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} -- {event.text}"


def _line(room: str, when: datetime, text: str) -> str:
    lines = text.replace("\n", f"\n{FURTHER}")
    return f"{when:%Y-%m-%dT%H:%M:%SZ} [{room}] {lines}"


def _said(message: Message) -> str:
    text = with_files(message, where=False)
    return f"* {message.sender} {text}" if message.action else f"<{message.sender}> {text}"


def _answering(message: Message, answered: str) -> str:
    """Whom it answers, who may not be known, and which message of the room."""
    return f"(to {f'{answered}, ' if answered else ''}message {message.reply_to}) "


def _changed(alteration: Alteration) -> str:
    """What has become of a message. Words that are deleted are not written once more."""
    change, message = alteration.change, alteration.past.message
    what = f"message {change.seq}"
    if isinstance(message, Message):
        what += f" ({message.sender}, {message.time:%Y-%m-%dT%H:%M:%SZ})"
    match change:
        case Edited(text=text, by=by):
            return f"{by} has changed {what}: {text}"
        case Reacted(by=by, emoji=emoji, on=on):
            return f"{by} reacts with {emoji} to {what}" if on else f"{by} takes back {emoji} from {what}"
    return f"{change.by} has deleted {what}"


class JsonLine(logging.Formatter):
    """An event as JSON clients see it."""

    _codec = JsonCodec()

    def format(self, record: logging.LogRecord) -> str:
        event: Any = record.msg
        match event:
            case Kept(message):
                event = message
            case Alteration():
                event = event.change
        if isinstance(event, Message) and event.files:  # where they are is for who was told of it, for some hours
            event = replace(event, files=[file.as_kept for file in event.files])
        return self._codec.encode(event).decode().rstrip("\n")


class Careful(logging.FileHandler):
    """What both ways of rotating share: the file is the operator's alone, and a full disk is told of, but not often."""

    _quiet_until = 0.0

    def _open(self) -> TextIOWrapper:
        return open(self.baseFilename, "a", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (logging calls it so)
        now = time.monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + COMPLAINT_SECONDS
            log.error("the transcript cannot be written: %s", sys.exc_info()[1])


class BySize(Careful, RotatingFileHandler):
    pass


class ByDay(Careful, TimedRotatingFileHandler):
    pass


def _mend(path: Path) -> None:
    """Make private again what was said, also in older files, where a copy was put back, say."""
    for file in sorted(path.parent.glob(f"{escape(path.name)}*")):
        try:
            if file.is_file() and make_private(file):
                log.warning("others could read the transcript %s. It is private again", file)
        except OSError as error:
            log.error("others can read the transcript %s, and that cannot be changed: %s", file, error.strerror)


def open_transcript(path: Path, settings: Settings) -> logging.Handler:
    """The file, opened. Raises `OSError`."""
    file: logging.Handler
    if settings.rotate == "day":
        file = ByDay(path, when="midnight", utc=True, backupCount=settings.keep)
    else:
        file = BySize(
            path, maxBytes=settings.rotate_bytes if settings.rotate == "size" else 0, backupCount=settings.keep
        )
    file.setFormatter(JsonLine() if settings.format == "jsonl" else TextLine())
    return file


def greenchat_plugin(settings: Settings, ctx: Context) -> ChatLog:
    return ChatLogWithTranscript(settings, ctx) if settings.transcript else ChatLog(settings, ctx)
