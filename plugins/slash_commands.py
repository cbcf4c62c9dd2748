"""Messages that begin with a slash are commands: /help lists them all, also those of other plugins."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated

from greenchat import (
    AWAY,
    Advice,
    Answer,
    Call,
    ChatServer,
    Command,
    CommandList,
    Context,
    History,
    Member,
    Message,
    Meta,
    Place,
    Reject,
    Rest,
    Say,
    Secret,
    Session,
    hookimpl,
    slash_at,
    some_of,
    typed_command,
)

# The number of a message, or how many of them.
Number = Annotated[int, Meta(ge=1)]

# An action in the place of the words of an answer.
ACTION = re.compile(r"/me\s+(\S.*)", re.IGNORECASE | re.DOTALL)

# What /messages tells who does not say how many.
LAST_TOLD = 20

# Names in one answer to /who: some lines on a terminal. The rest is counted.
NAMES_SHOWN = 100


class SlashCommands:
    """The commands."""

    stays_on = True  # whatever fails: without it, no command could be given any more

    def __init__(self, ctx: Context) -> None:
        self._state = ctx.carry_state()
        # Who was told last that somebody is away, and why: to hear it with every message would be tiresome.
        self._told_away: dict[Member, tuple[str, str]] = {}
        self._server: ChatServer | None = None

    @hookimpl
    def greenchat_startup(self, server: ChatServer) -> None:
        self._server = server
        for member, conversation, why in self._state.pop("told_away", ()):
            if member is not None:
                self._told_away[member] = (conversation, why)

    @hookimpl
    def greenchat_shutdown(self) -> None:
        self._state["told_away"] = [[member, *told] for member, told in self._told_away.items()]

    @hookimpl
    def greenchat_slash(self, session: Session, say: Say) -> bool:
        line = say.text[slash_at(say.text) + 1 :]  # what nobody sees may stand before it
        session.command(line, say.room, conversation=say.conversation, to=say.to, reply_to=say.reply_to)
        return True

    @hookimpl
    def greenchat_commands(self) -> Sequence[Command]:
        return [
            typed_command(show_help, "help", "List the commands, or explain one.\nExample: /help msg"),
            typed_command(who, "who", "Tell who is in the room."),
            typed_command(act, "me", "Say what you do.\nExample: /me waves", lines=True),
            typed_command(
                self.whisper,
                "msg",
                "Say something to one person alone, in whatever room.\n"
                "Nobody else can read it. It waits for who is away, if you both have accounts.\n"
                "Example: /msg bob Lunch at one?",
                lines=True,
            ),
            typed_command(
                self.reply, "reply", "Answer the last one who wrote to you alone.\nExample: /reply Gladly!", lines=True
            ),
            typed_command(
                tell_messages,
                "messages",
                f"Tell the last N messages between you and somebody, {LAST_TOLD} if you do not say.\n"
                "Example: /messages bob 50",
            ),
            typed_command(tell_export, "export", "Tell how to take away what you and others have said alone."),
            typed_command(
                answer,
                "re",
                "Answer a message of this room: the last, or the one with this number, which /history tells.\n"
                "Examples: /re 12 Gladly!, /re 12 /me nods",
                lines=True,
            ),
            typed_command(
                edit,
                "edit",
                "Have a message of yours say something else: your last, or the one with this number.\n"
                "Example: /edit At one, I mean.",
                lines=True,
            ),
            typed_command(
                delete,
                "delete",
                "Delete a message of yours: your last, or the one with this number. Who keeps order deletes any.\n"
                "What others have on their screens stays there.\nExample: /delete 12",
            ),
            typed_command(
                react,
                "react",
                "Put an emoji to a message: the last, or the one with this number. Again takes it away.\n"
                "Example: /react 👍",
            ),
            typed_command(self.tell_rules, "rules", "Tell the rules of this chat."),
            typed_command(rename, "nick", "Change your name.\nExample: /nick bobby"),
            typed_command(self.tell_stats, "stats", "Tell how the server is: how many are there, what is said."),
            typed_command(
                tell_password,
                "password",
                "Tell the chat's pass phrase, before JOIN.",
                may_run=lambda session: session.needs_password,
            ),
            typed_command(ping, "ping", "Ask whether the server is there."),
            typed_command(leave, "quit", "Leave the chat."),
        ]

    @hookimpl
    def greenchat_gone(self, member: Member) -> None:
        self._told_away.pop(member, None)

    def tell_stats(self, call: Call) -> list[str]:
        call.session.require_member()  # strangers are not told
        assert self._server is not None
        return [f"{label}: {value}" for label, value in self._server.stats().rows()]

    def tell_rules(self, call: Call) -> list[str]:
        assert self._server is not None
        return self._server.config.brand.rules_lines or ["Nobody has written down any rules here."]

    def whisper(self, call: Call, user: str, text: Rest) -> None:
        self._whisper(call.session, call.member, user, text)

    def reply(self, call: Call, text: Rest) -> None:
        session, member = call.session, call.member
        if member.last_writer is None:
            raise Reject("Nobody has written to you alone yet. Type it so: /msg USER TEXT", code="unknown_user")
        name, conversation = member.last_writer
        found = conversation()
        if found is None or found.has_ended:  # their name may be somebody else's
            raise Reject(f"{name} has left the chat.", code="unknown_user")
        self._tell(session, member, session.chat.converse(member, found.id, text, origin=session))

    def _whisper(self, session: Session, member: Member, name: str, text: str) -> None:
        self._tell(session, member, session.chat.whisper(member, name, text, origin=session))

    def _tell(self, session: Session, member: Member, said: Message) -> None:
        """What was said to one person alone. It comes as no message, by which a bot would take itself for somebody who
        writes to it. Their other sessions get one, marked as their own."""
        other = session.chat.conversation(member, said.conversation).partner(member)
        why = AWAY if other is None else other.away
        lines = f"To {said.with_}: {said.text}".split("\n")
        if why and self._told_away.get(member) != (said.conversation, why):
            later = f"{said.with_} is away and will read it later."
            lines.append(later if other is None else f"{other.name} is away: {why}")
        self._told_away[member] = (said.conversation, why)
        if session.call is not None:
            session.call.said = said
        session.tell(
            Whispered(
                to=said.with_, text=said.text, time=said.time, away=why, conversation=said.conversation, lines=lines
            )
        )


class Whispered(Answer, frozen=True, kw_only=True, tag="whispered"):
    """The answer to /msg and /reply: what was said, to whom, in which conversation, and why that one is away, if so."""

    to: str
    text: str
    time: datetime
    away: str = ""
    conversation: str = ""


def show_help(call: Call, command: str = "") -> CommandList | list[str]:
    session = call.session
    if command:
        found = session.commands.find(command)
        if not found.may_run(session):
            raise Reject(f"You may not use /{found.name}.", code="not_allowed")
        examples = [f"Example: {line} tells: {told}" if told else f"Example: {line}" for line, told in found.examples]
        return [found.line, *found.help.splitlines(), *examples]
    known = session.commands.told_to(session)
    lines = [f"{entry.line}: {entry.help}" for entry in known]
    lines.append("//TEXT: Say something that begins with a slash.")
    if session.member is None:
        lines.append(f"For most of them you must have joined. {session.advise(Advice.JOIN)}")
    return CommandList(commands=known, lines=lines)


def who(call: Call) -> str:
    room = call.member.room
    names = [member.name for member in islice(room.members.values(), NAMES_SHOWN)]
    count = len(room.members)
    return f"In {room.name} ({count}): {some_of(names, NAMES_SHOWN, count - len(names))}"


def act(call: Call, text: Rest) -> None:
    call.say(text, action=True)


def answer(call: Call, number: Number | None, text: Rest) -> None:
    session, member = call.session, call.member
    place = session.chat.place_meant(member)
    words, action = _words_or_action(text)
    seq = number or session.chat.last_message(member, place, own=False)
    if place.conversation:  # with this very person, whoever has the name by now
        call.said = session.chat.converse(
            member, place.conversation, words, action=action, origin=session, reply_to=seq
        )
    else:
        session.say(words, action=action, room=place.name, reply_to=seq)


def edit(call: Call, number: Number | None, text: Rest) -> None:
    session, member = call.session, call.member
    place = session.chat.place_meant(member)
    words = _unslashed(text)
    seq = number or session.chat.last_message(member, place, own=True)
    _changed(call, place, seq, session.chat.edit(member, place, seq, words, session))


def delete(call: Call, number: Number | None = None) -> None:
    chat, member = call.session.chat, call.member
    place = chat.place_meant(member)
    seq = number or chat.last_message(member, place, own=True)
    _changed(call, place, seq, chat.delete(member, place, seq))


def react(call: Call, number: Number | None, emoji: Rest) -> None:
    session, chat, member = call.session, call.session.chat, call.member
    place = chat.place_meant(member)
    sign = _unslashed(emoji)
    seq = number or chat.last_message(member, place, own=False)
    on = not chat.has_reacted(member, place, seq, sign)
    _changed(call, place, seq, chat.react(member, place, seq, sign, on, session))


def _words_or_action(text: str) -> tuple[str, bool]:
    """What is to be said, and whether it is an action."""
    action = ACTION.fullmatch(text, max(slash_at(text), 0))
    return (_unslashed(text), False) if action is None else (action[1], True)


def _unslashed(text: str) -> str:
    """`text` as it is to be said: a command in the wrong place is not said aloud, in case there is a secret in it."""
    at = slash_at(text)
    if at < 0:
        return text
    if not text.startswith("/", at + 1):
        raise Reject("This begins with a slash, so nothing was said. To say it, begin with //.", code="usage")
    return text[:at] + text[at + 1 :]


def _changed(call: Call, place: Place, seq: int, rev: int) -> None:
    """It is acknowledged by the number of what was changed, once that is kept."""
    member = call.member
    call.said = Message(
        place.name,
        seq,
        0,
        member.name,
        "",
        datetime.now(UTC),
        rev=rev,
        conversation=place.conversation,
        with_=place.with_for(member),
    )


def tell_messages(call: Call, user: str, n: Number = LAST_TOLD) -> None:
    chat, member = call.session.chat, call.member
    talk = chat.conversation_with(member, user)
    # A ref says that somebody has asked: an empty page is told, too.
    ask = History(limit=n, ref="" if call.ref is None else call.ref, conversation=talk.id)
    # Without the numbers, for who knows lines alone: an answer by one would be said in the room.
    call.session.tell(chat.read_conversation(member, ask))


def tell_export(call: Call) -> list[str]:
    name = call.member.name
    if not call.session.account:
        raise Reject("Only of accounts it is kept what they say to each other alone.", code="not_allowed")
    return [
        f"In a shell: greenchat export HOST:PORT --name {name} --output FILE writes what you and others",
        "have said to each other alone, a JSON object a line. Programs ask for it by a request, `export`.",
    ]


def rename(call: Call, name: Rest) -> None:
    call.session.chat.rename(call.member, name)


def tell_password(call: Call, phrase: Secret) -> str:
    call.session.authenticate(phrase)
    return f"That is right. {call.session.advise(Advice.JOIN_NOW)}"


def ping(call: Call) -> str:
    return "Pong."


def leave(call: Call) -> None:
    call.session.close("left")


greenchat_plugin = SlashCommands
