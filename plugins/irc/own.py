"""What one client alone is told, as lines: its answers, with its nick and its label; and what rooms tell, where that
comes by itself."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from msgspec.structs import replace

from greenchat import (
    Ack,
    Advice,
    Answer,
    Away,
    Conversations,
    Deleted,
    Edited,
    Ended,
    Error,
    Event,
    Frame,
    HistoryPage,
    Invited,
    Message,
    Messages,
    Notice,
    Ping,
    Pong,
    Reacted,
    Read,
    Reconnect,
    Renamed,
    RunCommand,
    Say,
    Welcome,
)

from . import modes
from .beside import Beside, Besides, place_of, unpacked
from .client import Client
from .decoder import Decoder
from .echoes import WORDS, Said, SaidInARow, is_of_words, with_words
from .frames import NO_CONTEXT, Context, IrcLine, IrcLines, IrcTagged, Numeric, context_of
from .grammar import fitting, line, word
from .labels import Labels
from .modes import BANS, ORDERED
from .names import HOST, from_irc, notice_source, source, to_channel, to_irc
from .numerics import as_quoted, failure, refusal
from .pages import Pages
from .registration import REGISTER, SASL
from .rooms import came_in
from .shared import ADVICE, END, SharedCodec, lines_of
from .talks import Talks

# Refusals to come in after which one may try with another nick.
ABOUT_NICKS = frozenset({"432", "433"})

# What is told to one session by a refusal, and has been told to the room in another way.
TOLD_ANYWAY = frozenset({"kicked"})


class Facts(Protocol):
    """What a codec knows of the server."""

    besides: Besides

    def shared(self, caps: frozenset[str]) -> SharedCodec: ...

    def greeting(self, nick: str) -> Sequence[Numeric]: ...

    def find(self, session: Any, target: str, conversation: str, seq: int) -> Message | None:
        """The message `seq` of a room or a conversation that `session` is in, while it is remembered."""

    def topic_set_by(self, room: str) -> Numeric | None:
        """Who has set its topic, and when, if that is known."""

    def find_run(self, session: Any, channel: str, seq: int, count: int) -> Messages | None:
        """So many messages of a room from `seq` on, if one person has said them in a row, and they are remembered."""

    def signs(self, room: str, roles: Mapping[str, str]) -> Mapping[str, str]:
        """Those before the names of who has any in there, where `roles` are those of a welcome."""

    def is_known(self, session: Any, channel: str) -> bool:
        """Whether there is such a room, of which `session` may know."""

    def is_there(self, session: Any, channel: str) -> bool:
        """Whether there is such a room, and `session` is in it."""

    def is_still(self, session: Any, conversation: str, nick: str) -> bool:
        """Whether the other one in a conversation is who has this nick now."""

    def registered(self, session: Any) -> None:
        """It is in the chat from now on."""

    def changed(self, session: Any, event: Away | Renamed) -> None:
        """Told to a member's sessions who is in no room."""

    def away(self, session: Any, name: str) -> str:
        """Why somebody is away, as far as `session` may read it; empty where they are here."""

    def read_mark(self, session: Any, target: str, conversation: str, seq: int) -> str:
        """The time of a message, as a read marker; "*" where it is not known."""


class IrcCodec:
    """Of one connection. See `greenchat.codecs.Codec`."""

    name = "irc"
    pings = True
    many_rooms = True
    keeps_names = True  # a nick is not the name of an account
    tokens = False
    quits = True
    advice: Mapping[Advice, str] = ADVICE
    own_requests = (IrcLine,)

    def __init__(self, facts: Facts, client: Client | None = None) -> None:
        self.client = client or Client()
        self.session: Any = None  # whose it is, once it has begun
        self.facts = facts
        self._labels = Labels()
        self._talks = Talks(self.client)
        self.behind: list[str] = []  # what is told behind an answer, and is none
        self._pages = Pages()

    @property
    def shared(self) -> SharedCodec:
        return self.facts.shared(self.client.caps)

    @property
    def numbers(self) -> bool:
        """See `SharedCodec`. Who knows none is told what was said to them alone while they were away."""
        return self.shared.numbers

    def another(self) -> "IrcCodec":
        return IrcCodec(self.facts)

    def request_decoder(self, frame_bytes: int) -> Decoder:
        return Decoder(self.client, self._is_still, self._expect)

    def _is_still(self, conversation: str, nick: str) -> bool:
        return self.facts.is_still(self.session, conversation, nick)

    def _expect(self, request: Say | RunCommand, text: str, beside: Beside) -> None:
        if self.session is not None:
            self.facts.besides.expect(self, place_of(request, self.session.chat.room_name), text, beside)

    @property
    def me(self) -> str:
        """As what it is called now."""
        name = self.session.name if self.session is not None else ""
        return to_irc(name) if name and self.client.is_registered else self.client.shown

    # --- what is told ---

    def encode_run(self, messages: Messages) -> bytes:
        return b"".join(map(self.encode, messages)) if messages.conversation else self.shared.encode_run(messages)

    def encode(self, reply: Event | Frame) -> bytes:
        context = context_of(getattr(reply, "ref", None))
        if self.client.is_registered and not isinstance(reply, Welcome):
            self.client.name = self.me
        lines, is_last = self._told(reply, context)
        context = self._labels.part_of(reply, context)
        if context.label and self.client.has("labeled-response"):
            lines = self._labels.told(lines, context, is_last)
        if self.behind and is_last:
            lines, self.behind = [*lines, *self.behind], []
        return "".join(f"{fitting(one)}{END}" for one in lines).encode()

    @property
    def wants_acks(self) -> bool:
        return self.client.has("echo-message")

    def with_words(self, acks: Sequence[Ack]) -> Sequence[Ack]:
        wants_echo, find = self.client.has("echo-message"), partial(self.facts.find, self.session)
        if not (wants_echo or self.client.has("labeled-response")):
            acks = [ack for ack in acks if not is_of_words(ack)]
        return with_words(acks, wants_echo, find, partial(self.facts.find_run, self.session))

    def encode_acks(self, acks: Sequence[Ack]) -> bytes:
        """Of acks that `with_words` has told."""
        return b"".join(map(self._encode_ack, acks))

    def _encode_ack(self, ack: Ack) -> bytes:
        if isinstance(ack, SaidInARow) and ack.messages is not None:
            return self.shared.encode_run(ack.messages)
        return self.encode(ack)

    def refusal(self, error: Error) -> bytes:
        return self.shared.refusal(error)

    def _told(self, reply: Event | Frame, context: Context) -> tuple[list[str], bool]:
        """The lines of it, and whether it is the last that is told for its request."""
        match reply:
            case IrcLines(lines=lines, is_last=is_last):
                return list(lines), is_last
            case IrcTagged():
                return lines_of(self.shared.encode(reply)), False
            case Ack():
                return self._done(reply, context), True
            case Error():
                return self._refused(reply, context), True
            case Welcome():
                return self._welcomed(reply, context), True
            case Pong(ref):
                return [_pong(context.target)] if ref is not None else [], True
            case Ping():
                return [f"PING :{HOST}"], False
            case HistoryPage():
                if context.verb == "CHATHISTORY" and not self._is_there(reply, context.target):
                    refused = Error("unknown_room", "You are not in such a channel.")
                    return [failure(context, refused)], True
                page = self._pages.take(reply, context)
                return (
                    ([], True)  # the rest of it is the answer to another
                    if page is None
                    else (self._pages.lines(page, context, self.shared, self.client, self.me), True)
                )
            case Notice(text, room) if not room:
                return self._noticed(text.split("\n"), context), False
            case Conversations(direct=direct):
                for state in direct:
                    self._talks.begun(state.with_, state.conversation)
                return [], False
            case Message() if reply.conversation:
                self._talks.begun(reply.with_, reply.conversation)
                return lines_of(self.shared.message(reply, me=self.me)), False
            case Ended(conversation):
                self._talks.ended(conversation)
                return [], False
            case Invited(room, by, time):
                return lines_of(
                    self.shared.event(time, by, f":{source(by)} INVITE {self.me} {to_channel(room)}")
                ), False
            case Read(room, seq, conversation) if self.client.has("draft/read-marker"):
                target = to_channel(room) if room else self._talks.nick_of(conversation)
                mark = self.facts.read_mark(self.session, room, conversation, seq)
                return [line(HOST, "MARKREAD", target, mark)] if target and mark != "*" else [], False
            case Edited() | Deleted() | Reacted() if reply.conversation:
                return self._talks.changed(reply, self.shared, self.me), False
            case Answer(lines=lines):
                listed = modes.listed(reply, context)
                return self._noticed(lines, context) if listed is None else [self.numeric(one) for one in listed], False
            case Reconnect():
                self.client.is_sent_away()
                return self._noticed(["The server is being reloaded. Connect again."], NO_CONTEXT), False
            case Away(room="") | Renamed(room=""):
                self.facts.changed(self.session, reply)
                return lines_of(self.shared.encode(reply)), False
            case Event():
                return lines_of(self.shared.encode(reply)), False
        return [], False

    def _is_there(self, page: HistoryPage, target: str) -> bool:
        """Whether a page is about where one is."""
        return bool(page.conversation) or self.facts.is_there(self.session, target)

    @property
    def told_as(self) -> str:
        return self.me if self.client.is_registered else "*"

    def numeric(self, told: Numeric) -> str:
        params = [self.told_as, *told.params]
        if told.text is None:
            return line(HOST, told.code, *map(word, params[:-1]), *params[-1:])
        return f":{HOST} {told.code} {' '.join(map(word, params))} :{told.text}"

    # --- answers ---

    def _welcomed(self, welcome: Welcome, context: Context) -> list[str]:
        client = self.client
        was = client.name
        client.name, client.account = to_irc(welcome.name), welcome.account
        lines = []
        if client.is_registered and was != client.name:  # by a login: it is one more device of somebody
            lines.append(f":{source(was)} NICK {client.name}")
        if context.verb == REGISTER:
            client.is_registered, client.password = True, ""
            self.facts.registered(self.session)
            lines = [self.numeric(one) for one in self.facts.greeting(client.name)]
        if welcome.room and client.is_registered:
            lines += self.came_in(welcome)
        return lines

    def came_in(self, welcome: Welcome) -> list[str]:
        """All about a room that it is in from now on."""
        set_by, signs = self.facts.topic_set_by(welcome.room), self.facts.signs(welcome.room, welcome.roles)
        lines = came_in(welcome, self.client, self.shared, self.numeric, signs, set_by)
        if self.client.has("draft/read-marker"):
            mark = self.facts.read_mark(self.session, welcome.room, "", welcome.read)
            before = -1 if " 366 " in lines[-1] else len(lines)  # the end of what is told of a room
            lines.insert(before, line(HOST, "MARKREAD", to_channel(welcome.room), mark))
        return lines

    def logged_in(self, account: str) -> list[str]:
        who = source(account) if not self.client.is_registered else source(self.me)
        told = Numeric("900", (who, to_irc(account)), f"You are now logged in as {account}")
        return [self.numeric(told), self.numeric(Numeric("903", (), "SASL authentication successful"))]

    def _done(self, ack: Ack, context: Context) -> list[str]:
        if ack.conversation and ack.with_:
            self._talks.begun(ack.with_, ack.conversation, context.verb)
        match context.verb:
            case "PRIVMSG" if ack.seq:
                return [*self._said(ack, context), *self._is_away(ack)]
            case "NOTICE" if ack.seq:
                return self._said(ack, context)
            case "OPER":
                return self._opered()
            case "AUTHENTICATE":
                self.client.account = self.session.account
                return self.logged_in(from_irc(context.target))
            case "INVITE":
                return [self.numeric(Numeric("341", (context.extra, context.target)))]
            case "LIST":
                return [self.numeric(modes.END_OF_LIST)]
            case "AWAY":
                return [self._away(context.extra)]
            case "REGISTER":
                return [line(HOST, "REGISTER", "SUCCESS", self.me, "Account created")]
            case "MODE" if context.extra == BANS:
                return [self.numeric(Numeric("368", (context.target,), "End of channel ban list"))]
        return []

    def _said(self, ack: Ack, context: Context) -> list[str]:
        """The echo, if it is wanted."""
        said, beside = ack.message if isinstance(ack, Said) else None, unpacked(context.extra)
        if beside is not None and self.session is not None:
            place = (said.room or said.conversation) if said is not None else ""
            self.facts.besides.settle(self, beside, place, ack.seq if place else 0, ack.id)
        is_to_me = bool(ack.conversation) and to_irc(ack.with_) == self.me
        if said is None:
            return []
        if said.conversation:
            said = replace(said, own=True, with_=ack.with_)
        lines = lines_of(self.shared.message(said, me=self.me))
        if is_to_me:
            self.behind += lines  # it has arrived, too
        return lines if self.client.has("echo-message") else []

    def _is_away(self, ack: Ack) -> list[str]:
        """What is told to who has written to somebody who is away."""
        why = self.facts.away(self.session, ack.with_) if ack.conversation else ""
        return [self.numeric(Numeric("301", (to_irc(ack.with_),), why))] if why else []

    def _opered(self) -> list[str]:
        """The login has succeeded, or there was none to do."""
        if self.session.role != "operator":
            return [self.numeric(Numeric("491", (), "You are logged in, but this account is no operator"))]
        told = Numeric("381", (), "You are an operator: it is your account that is one")
        return [self.numeric(told), f":{source(self.me)} MODE {self.me} :+o"]

    def _away(self, code: str) -> str:
        text = "You have been marked as being away" if code == "306" else "You are no longer marked as being away"
        return self.numeric(Numeric(code, (), text))

    def _refused(self, error: Error, context: Context) -> list[str]:
        client, error = self.client, replace(error, text=as_quoted(error.text))
        if context.verb in WORDS and (beside := unpacked(context.extra)) and self.session is not None:
            self.facts.besides.settle(self, beside)
        if error.code in TOLD_ANYWAY or (context.verb == "JOIN" and error.code == "already_joined"):
            return []
        if context.verb == "MODE" and context.extra == BANS:  # they are told to who keeps order; to others, none
            return [self.numeric(Numeric("368", (context.target,), "End of channel ban list"))]
        if context.verb == "AWAY" and error.code == "not_away":
            return [self._away("305")]
        if context.verb == "OPER" and error.code == "already_logged_in":
            return self._opered()
        if context.verb == "NICK" and error.code == "name_taken" and error.text.startswith("You are"):
            return []
        if context.verb == REGISTER:
            client.asked = False  # with another nick, say
            told = refusal(error, context)
            if told is None or told.code not in ABOUT_NICKS:
                self.session.close(error.text)  # there is no other way
            lines = [f":{HOST} NOTICE {self.told_as} :{error.text}"]
            return [self.numeric(told), *lines] if told is not None else lines
        if context.verb == "NOTICE":
            return []  # nobody answers those by themselves (RFC 1459, 4.4.2)
        if context.verb in ("REDACT", "CHATHISTORY", "REGISTER", "MARKREAD", "TAGMSG"):
            return [failure(context, error)]
        told = refusal(error, context, lambda: self.facts.is_known(self.session, context.target))
        if told is not None:
            return [self.numeric(told)]
        behind = [self.numeric(modes.END_OF_LIST)] if context.verb == "LIST" else []
        return [f":{HOST} NOTICE {self.me} :{error.text}", *behind]

    def _noticed(self, lines: Sequence[str], context: Context) -> list[str]:
        is_shown = context.verb == "MODE" and context.extra == ORDERED and self.session.role != "operator"
        if is_shown or context.verb in ("INVITE", "AWAY", "REGISTER", "OPER", SASL) or not self.client.is_registered:
            return []  # there is a numeric for that
        told = [(notice_source(one, self.client.talks), as_quoted(one)) for one in lines if one]
        return [f":{by} NOTICE {self.me} :{one}" for by, one in told]


def _pong(token: str) -> str:
    return f":{HOST} PONG {HOST} :{token}"
