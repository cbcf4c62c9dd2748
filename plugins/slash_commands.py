"""Messages that begin with a slash are commands: /help lists them all, also those of other plugins."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import TypeVar

from greenchat import (
    AWAY,
    Advice,
    Answer,
    ChatServer,
    Command,
    History,
    Member,
    Message,
    Place,
    Reject,
    Say,
    Session,
    hookimpl,
    slash_at,
    some_of,
)

# A number of a message, as people type it.
NUMBER = re.compile("[1-9][0-9]{0,14}")

# An action in the place of the words of an answer.
ACTION = re.compile(r"/me\s+(\S.*)", re.IGNORECASE | re.DOTALL)

W = TypeVar("W")

# What /messages tells who does not say how many.
LAST_TOLD = 20

# Names in one answer to /who: some lines on a terminal. The rest is counted.
NAMES_SHOWN = 100


class SlashCommands:
    """The commands."""

    stays_on = True  # whatever fails: without it, no command could be given any more

    def __init__(self) -> None:
        # Who was told last that somebody is away, and why: to hear it with every message would be tiresome.
        self._told_away: dict[Member, tuple[str, str]] = {}
        self._server: ChatServer | None = None

    @hookimpl
    def greenchat_startup(self, server: ChatServer) -> None:
        self._server = server

    @hookimpl
    def greenchat_slash(self, session: Session, say: Say) -> bool:
        line = say.text[slash_at(say.text) + 1 :]  # what nobody sees may stand before it
        session.command(line, say.room, conversation=say.conversation, to=say.to, reply_to=say.reply_to)
        return True

    @hookimpl
    def greenchat_commands(self) -> Sequence[Command]:
        return [
            Command("help", "[COMMAND]", "List the commands, or explain one.\nExample: /help msg", show_help),
            Command("who", "", "Tell who is in the room.", who),
            Command("me", "TEXT", "Say what you do.\nExample: /me waves", act, lines=True),
            Command(
                "msg",
                "USER TEXT",
                "Say something to one person alone, in whatever room.\n"
                "Nobody else can read it. It waits for who is away, if you both have accounts.\n"
                "Example: /msg bob Lunch at one?",
                self.whisper,
                lines=True,
            ),
            Command(
                "reply",
                "TEXT",
                "Answer the last one who wrote to you alone.\nExample: /reply Gladly!",
                self.reply,
                lines=True,
            ),
            Command(
                "messages",
                "USER [N]",
                f"Tell the last N messages between you and somebody, {LAST_TOLD} if you do not say.\n"
                "Example: /messages bob 50",
                tell_messages,
            ),
            Command("export", "", "Tell how to take away what you and others have said alone.", tell_export),
            Command(
                "re",
                "[NUMBER] TEXT",
                "Answer a message of this room: the last, or the one with this number, which /history tells.\n"
                "Examples: /re 12 Gladly!, /re 12 /me nods",
                answer,
                lines=True,
            ),
            Command(
                "edit",
                "[NUMBER] TEXT",
                "Have a message of yours say something else: your last, or the one with this number.\n"
                "Example: /edit At one, I mean.",
                edit,
                lines=True,
            ),
            Command(
                "delete",
                "[NUMBER]",
                "Delete a message of yours: your last, or the one with this number. Who keeps order deletes any.\n"
                "What others have on their screens stays there.\nExample: /delete 12",
                delete,
            ),
            Command(
                "react",
                "[NUMBER] EMOJI",
                "Put an emoji to a message: the last, or the one with this number. Again takes it away.\n"
                "Example: /react 👍",
                react,
            ),
            Command("nick", "NAME", "Change your name.\nExample: /nick bobby", rename),
            Command("stats", "", "Tell how the server is: how many are there, what is said.", self.tell_stats),
            Command(
                "password",
                "PHRASE",
                "Tell the chat's pass phrase, before JOIN.",
                tell_password,
                lambda session: session.needs_password,
            ),
            Command("ping", "", "Ask whether the server is there.", ping),
            Command("quit", "", "Leave the chat.", leave),
        ]

    @hookimpl
    def greenchat_gone(self, member: Member) -> None:
        self._told_away.pop(member, None)

    def tell_stats(self, session: Session, argument: str) -> None:
        session.require_member()  # strangers are not told
        assert self._server is not None
        for label, value in self._server.stats().rows():
            session.info(f"{label}: {value}")

    def whisper(self, session: Session, argument: str) -> None:
        member = session.require_member()
        name, text = _first_word(argument)
        if not text:
            raise Reject("Something is missing. Type it so: /msg USER TEXT", code="usage")
        self._whisper(session, member, name, text)

    def reply(self, session: Session, argument: str) -> None:
        member = session.require_member()
        if member.last_writer is None:
            raise Reject("Nobody has written to you alone yet. Type it so: /msg USER TEXT", code="unknown_user")
        name, conversation = member.last_writer
        found = conversation()
        if found is None or found.has_ended:  # their name may be somebody else's
            raise Reject(f"{name} has left the chat.", code="unknown_user")
        self._tell(session, member, session.chat.converse(member, found.id, argument, origin=session))

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


class Commands(Answer, frozen=True, kw_only=True, tag="commands"):
    """What one may run: each with its name, its usage and a line of help."""

    commands: list[dict[str, str]]


def show_help(session: Session, argument: str) -> None:
    if argument:
        command = session.commands.find(argument)
        if not command.may_run(session):
            raise Reject(f"You may not use /{command.name}.", code="not_allowed")
        for line in (command.line, *command.help.splitlines()):
            session.info(line)
        return
    known = [
        {"name": command.name, "usage": command.usage, "help": command.help.partition("\n")[0]}
        for command in session.commands
        if may_run(session, command)
    ]
    lines = [f"/{command['name']} {command['usage']}".rstrip() + f": {command['help']}" for command in known]
    lines.append("//TEXT: Say something that begins with a slash.")
    if session.member is None:
        lines.append(f"For most of them you must have joined. {session.advise(Advice.JOIN)}")
    session.tell(Commands(commands=known, lines=lines))


def may_run(session: Session, command: Command) -> bool:
    try:
        return command.may_run(session)
    except Reject:
        return False


def who(session: Session, argument: str) -> None:
    room = session.require_member().room
    names = [member.name for member in islice(room.members.values(), NAMES_SHOWN)]
    count = len(room.members)
    session.info(f"In {room.name} ({count}): {some_of(names, NAMES_SHOWN, count - len(names))}")


def act(session: Session, argument: str) -> None:
    session.say(argument, action=True, reply_to=session.call.asked.reply_to if session.call is not None else 0)


def answer(session: Session, argument: str) -> None:
    place, seq, (text, action) = _meant(session, argument, "/re [NUMBER] TEXT", own=False, read=_words_or_action)
    session.say(text, action=action, room=place.name, reply_to=seq)


def edit(session: Session, argument: str) -> None:
    place, seq, text = _meant(session, argument, "/edit [NUMBER] TEXT", own=True, read=_unslashed)
    _changed(session, place, seq, session.chat.edit(session.require_member(), place, seq, text, session))


def delete(session: Session, argument: str) -> None:
    member = session.require_member()
    number = argument.lstrip("#")
    if argument and not NUMBER.fullmatch(number):
        raise Reject("Name the message by its number, which /history tells. Type it so: /delete 12", code="usage")
    place = session.chat.place_meant(member)
    seq = int(number) if argument else session.chat.last_message(member, place, own=True)
    _changed(session, place, seq, session.chat.delete(member, place, seq))


def react(session: Session, argument: str) -> None:
    chat, member = session.chat, session.require_member()
    place, seq, emoji = _meant(session, argument, "/react [NUMBER] EMOJI", own=False, read=_unslashed)
    on = not chat.has_reacted(member, place, seq, emoji)
    _changed(session, place, seq, chat.react(member, place, seq, emoji, on, session))


def _meant(session: Session, argument: str, usage: str, *, own: bool, read: Callable[[str], W]) -> tuple[Place, int, W]:
    """Which message is meant, where, and what `read` makes of what stands behind its number."""
    member = session.require_member()
    place = session.chat.place_meant(member)
    number, text = _first_word(argument)
    if text and NUMBER.fullmatch(number.lstrip("#")):
        return place, int(number.lstrip("#")), read(text)
    if not argument:
        raise Reject(f"Something is missing. Type it so: {usage}", code="usage")
    words = read(argument)
    return place, session.chat.last_message(member, place, own=own), words


def _words_or_action(text: str) -> tuple[str, bool]:
    """What is to be said, and whether it is an action."""
    action = ACTION.fullmatch(text, max(slash_at(text), 0))
    return (_unslashed(text), False) if action is None else (action[1], True)


def _first_word(argument: str) -> tuple[str, str]:
    """It, and what follows."""
    word, *rest = argument.split(maxsplit=1) or [""]
    return word, "".join(rest)


def _unslashed(text: str) -> str:
    """`text` as it is to be said: a command in the wrong place is not said aloud, in case there is a secret in it."""
    at = slash_at(text)
    if at < 0:
        return text
    if not text.startswith("/", at + 1):
        raise Reject("This begins with a slash, so nothing was said. To say it, begin with //.", code="usage")
    return text[:at] + text[at + 1 :]


def _changed(session: Session, place: Place, seq: int, rev: int) -> None:
    """It is acknowledged by the number of what was changed, once that is kept."""
    if session.call is not None:
        name, other = session.name, place.with_for(session.require_member())
        session.call.said = Message(
            place.name, seq, 0, name, "", datetime.now(UTC), rev=rev, conversation=place.conversation, with_=other
        )


def tell_messages(session: Session, argument: str) -> None:
    """`/messages USER [N]`. Raises `Reject`."""
    chat, member = session.chat, session.require_member()
    name, _, number = argument.partition(" ")
    if number and not NUMBER.fullmatch(number):
        raise Reject("Say how many messages, as a number. Type it so: /messages bob 50", code="usage")
    talk = chat.conversation_with(member, name)
    # A ref says that somebody has asked: an empty page is told, too.
    ref = session.call.ref if session.call is not None else None
    ask = History(limit=int(number or LAST_TOLD), ref="" if ref is None else ref, conversation=talk.id)
    # Without the numbers, for who knows lines alone: an answer by one would be said in the room.
    session.tell(chat.read_conversation(member, ask))


def tell_export(session: Session, argument: str) -> None:
    """`/export`. Raises `Reject`."""
    session.require_member()
    if not session.account:
        raise Reject("Only of accounts it is kept what they say to each other alone.", code="not_allowed")
    session.info(
        f"In a shell: greenchat export HOST:PORT --name {session.name} --output FILE writes what you and others"
    )
    session.info("have said to each other alone, a JSON object a line. Programs ask for it by a request, `export`.")


def rename(session: Session, argument: str) -> None:
    session.chat.rename(session.require_member(), argument)


def tell_password(session: Session, argument: str) -> None:
    session.authenticate(argument)
    session.info(f"That is right. {session.advise(Advice.JOIN_NOW)}")


def ping(session: Session, argument: str) -> None:
    session.info("Pong.")


def leave(session: Session, argument: str) -> None:
    session.close("left")


greenchat_plugin = SlashCommands
