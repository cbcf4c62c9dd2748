"""The words that people read of what happens; advice.py has those of what to do. They stand here once, for all clients.

`plain` has the sentences for clients that know lines and nothing else, which are frozen; `rich` those for clients that
know rooms, roles and conversations, where theirs differ. A new kind of event is one more function with its sentence.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import singledispatch
from typing import NamedTuple

from greenchat.protocol.events import (
    Away,
    Change,
    Deleted,
    Edited,
    Ended,
    File,
    Invited,
    Joined,
    Left,
    Message,
    Notice,
    PastEvent,
    Pinned,
    Reacted,
    Renamed,
    Role,
    Topic,
)
from greenchat.protocol.reload_reports import Reconnect
from greenchat.protocol.replies import Answer, Branded, Error, HistoryPage, NumberedPage, SearchResults, Welcome
from greenchat.protocol.text import amount, printable, some_of

NEWCOMERS_SHOWN = 10  # names in a welcome: more than a screen line holds helps nobody

QUOTED = 30  # characters of a message that is answered or changed: enough to know it again

Clock = Callable[[datetime], str]


class Line(NamedTuple):
    """One line: what the `sender` says, or the server where there is none. `error`: something was refused. What people
    say may have several, with "\\n" between them."""

    text: str
    sender: str | None = None
    error: bool = False


# --- for clients that know lines and nothing else --------------------------------------------------------------------


@singledispatch
def plain(item: object) -> Iterable[Line]:
    """The lines that tell of an event or an answer; none where there are no words for it."""
    return ()


@plain.register
def _(message: Message) -> Iterable[Line]:
    if message.conversation and message.own:
        return ()
    return (Line(answering(message), sender(message)),)


@plain.register
def _(change: Edited | Deleted | Reacted) -> Iterable[Line]:
    return (Line(changed(change)),)


@plain.register
def _(joined: Joined) -> Iterable[Line]:
    bot = " (a bot)" if joined.bot else ""
    return (Line(f"{joined.name}{bot} has joined the chat."),)


@plain.register
def _(left: Left) -> Iterable[Line]:
    return (Line(f"{left.name} has left the chat."),)


@plain.register
def _(renamed: Renamed) -> Iterable[Line]:
    return (Line(f"{renamed.name} is now known as {renamed.new_name}."),)


@plain.register
def _(topic: Topic) -> Iterable[Line]:
    what = f"set the topic: {topic.topic}" if topic.topic else "cleared the topic."
    return (Line(f"{topic.by} has {what}"),)


@plain.register
def _(pinned: Pinned) -> Iterable[Line]:
    pins = f"pinned message {pinned.seq} of {pinned.sender}. /pins tells it."
    return (Line(f"{pinned.by} has {pins if pinned.on else f'taken message {pinned.seq} off the pins.'}"),)


@plain.register
def _(away: Away) -> Iterable[Line]:
    return (Line(f"{away.name} is away: {away.why}" if away.why else f"{away.name} is back."),)


@plain.register
def _(role: Role) -> Iterable[Line]:
    what = {"operator": "an operator", "owner": f"the owner of {role.room}"}
    return (Line(f"{role.name} is {what.get(role.role, 'neither operator nor owner')} now."),)


@plain.register
def _(invited: Invited) -> Iterable[Line]:
    return (Line(f"{invited.by} invites you to {invited.room}. Type /join {invited.room}"),)


@plain.register
def _(notice: Notice) -> Iterable[Line]:
    return (Line(notice.text),)


@plain.register
def _(error: Error) -> Iterable[Line]:
    return (Line(error.text, error=True),)


@plain.register
def _(reconnect: Reconnect) -> Iterable[Line]:
    return (Line("The server is reloaded, and this connection cannot go on. Connect again, with the same name."),)


@plain.register
def _(answer: Answer) -> Iterable[Line]:
    return map(Line, answer.lines)


@plain.register
def _(welcome: Welcome) -> Iterable[Line]:
    others = [name for name in welcome.members if name != welcome.name]
    here = "Nobody else is here yet."
    if others:
        here = f"Here {'is' if len(others) == 1 else 'are'} {some_of(others, NEWCOMERS_SHOWN, welcome.members_more)}."
    topic = f"The topic is: {welcome.topic}" if welcome.topic else ""
    sentences = [f"Welcome to {welcome.room}, {welcome.name}.", here, welcome.hint, topic]
    return (Line(" ".join(filter(None, sentences))),)


@plain.register
def _(brand: Branded) -> Iterator[Line]:
    """Short, as it stands between the welcome and what is said."""
    if brand.welcome:
        yield from map(Line, brand.welcome.split("\n"))
    elif brand.name:
        yield Line(f"This is {brand.name}.")
    if brand.rules:
        yield Line("There are rules here. Type /rules")


@plain.register
def _(page: HistoryPage) -> Iterator[Line]:
    """Messages as those that are said now, between two lines that say that they were said before."""
    messages = {event.seq: event for event in page.events if isinstance(event, Message)}
    if messages:
        said_before = list(messages.values())
        yield Line(before_page(place_of(page), said_before, utc))
        for event in page.events:
            if isinstance(event, Message):
                words = answering(event, messages.get(event.reply_to))
                if isinstance(page, NumberedPage):  # to find one: what comes unasked has every line
                    words = f"[{event.seq}] {beginning(words)}"
                yield Line(f"{words}{marks(event)}", sender(event))
            elif not isinstance(event, Deleted):
                yield from plain(event)
        yield Line(after_page(said_before, utc))
    elif page.ref is not None:
        yield Line("Nothing was said here before.")


@plain.register
def _(found: SearchResults) -> Iterator[Line]:
    for message in found.messages:
        yield Line(found_one(message, utc))
    more = "The latest of them are these." if found.more else "That is all."
    yield Line(f"{_counted_found(found)}. {more}" if found.messages else _found_nothing(found))


# --- for clients that know rooms, roles and conversations ------------------------------------------------------------


@singledispatch
def rich(item: object) -> Iterable[Line]:
    """The same in these; where nothing else is said here, it is what `plain` says."""
    return plain(item)


@rich.register
def _(left: Left) -> Iterable[Line]:
    """Who goes into another room has not left the chat."""
    if left.reason.startswith("went to "):
        return (Line(f"{left.name} {left.reason}."),)
    why = "" if left.reason in ("", "left") else f" ({left.reason})"
    return (Line(f"{left.name} has left the room{why}."),)


@rich.register
def _(ended: Ended) -> Iterable[Line]:
    return (Line(f"{ended.reason} Your conversation with {ended.with_} has ended."),)


@rich.register
def _(welcome: Welcome) -> Iterator[Line]:
    """With who in the room keeps order, and who is away."""
    yield from plain(welcome)
    told = []
    for role in ("operator", "owner"):
        names = [name for name, has in welcome.roles.items() if has == role]
        told += _told(role.capitalize() + "s" * (len(names) > 1), names)
    told += _told("Away", [f"{name} ({why})" for name, why in welcome.away.items()])
    if told:
        yield Line(" ".join(told))


@rich.register
def _(found: SearchResults) -> Iterator[Line]:
    """The latest is the last, next to where one types."""
    for message in reversed(found.messages):
        yield Line(found_one(message, local))
    count = _counted_found(found)
    latest = f"These are the latest {count}." if found.more else f"{count}."
    yield Line(latest if found.messages else _found_nothing(found))


# --- what they share -------------------------------------------------------------------------------------------------


def said(message: Message) -> str:
    """In as many lines as it has, with the files that come with it."""
    text = with_files(message)
    return f"* {message.sender} {text}" if message.action else text


def with_files(message: Message, *, where: bool = True) -> str:
    """Its text, and each of its files in brackets, and, with `where`, where that is for some hours. A text that is the
    name of the file alone is not said twice."""
    if not message.files:
        return message.text
    told = [f"{_file(file)} {file.url if where else ''}".rstrip() for file in message.files]
    return " ".join(told if message.text == message.files[0].name else [message.text, *told])


def _file(file: File) -> str:
    return f"[{'picture' if file.width else 'file'} {printable(file.name)}, {in_bytes(file.size)}]"


def in_bytes(size: int) -> str:
    """How large a file is, as people say it."""
    if size < 1000:
        return amount(size, "byte")
    return f"{size / 1e6:.1f} MB" if size >= 999_500 else f"{max(size / 1e3, 1):.0f} kB"


def sender(message: Message) -> str:
    """Whose it is, and whether it is for one person alone. No name holds a space: nobody is called "ada (private)"."""
    return f"{message.sender} (private)" if message.conversation else message.sender


def beginning(text: str) -> str:
    """Its first line, which tells of others behind it."""
    first, others, _ = text.partition("\n")
    return f"{first} …" if others else first


def quoted(message: Message, length: int = QUOTED) -> str:
    """How it begins, in one line."""
    return f'"{printable(beginning(message.text), length)}"'


def answering(message: Message, answered: Message | None = None) -> str:
    """What is said, and before it, if it is an answer, to what: `answered`, as far as that is known."""
    if not message.reply_to:
        return said(message)
    to = f"message {message.reply_to}" if answered is None else f"{answered.sender}: {quoted(answered)}"
    return f"(to {to}) {said(message)}"


def changed(change: Change, message: Message | None = None, *, whole: bool = False) -> str:
    """A sentence about what has become of `message`, as it was before, as far as that is known. What was deleted is not
    said once more. It is one line, but for a new text that is to be told as a `whole`."""
    number = f"message {change.seq}"
    by = f"{change.by} (private)" if change.conversation else change.by
    match change:
        case Edited(text=text):
            now = text if whole else beginning(text)
            return f"{by} has changed {number if message is None else quoted(message)}: {now}"
        case Deleted():
            whose = "" if message is None or message.sender == change.by else f" of {message.sender}"
            return f"{by} has deleted {number if message is None else 'a message'}{whose}."
        case Reacted(emoji=emoji, on=on):
            what = number if message is None else f"{message.sender}: {quoted(message)}"
            return f"{by} reacts with {emoji} to {what}" if on else f"{by} takes back {emoji} from {what}"


def marks(message: Message) -> str:
    """What has become of a message since it was said."""
    reactions = [f"{emoji} {len(names)}" for emoji, names in (message.reactions or {}).items()]
    told = ["changed"] * (message.edited is not None) + reactions
    return f" ({', '.join(told)})" if told else ""


def counted(events: Sequence[PastEvent], one: str = "") -> str:
    """How many messages there are: `one` is what stands before a single one."""
    messages = sum(isinstance(event, Message) for event in events)
    return f"{one}message" if messages == 1 else f"{messages} messages" if messages else "comings and goings"


def place_of(page: HistoryPage) -> str:
    return between(page.with_) if page.conversation else f"in {page.room}"


def between(name: str) -> str:
    return f"between you and {name}"


def before_page(place: str, events: Sequence[PastEvent], clock: Clock) -> str:
    return f"The last {counted(events)} {place}, since {clock(events[0].time)}:"


def after_page(events: Sequence[PastEvent], clock: Clock) -> str:
    return f"That was before, until {clock(events[-1].time)}."


def found_one(message: Message, clock: Clock) -> str:
    """In one line, whichever line the word is in."""
    text = said(message) if message.action else f"{message.sender}: {message.text}"
    where = f"in {message.room}" if message.room else f"with {message.with_} alone"
    return f"{clock(message.time)} {where}, {' '.join(text.split(chr(10)))}"


def _counted_found(found: SearchResults) -> str:
    count = len(found.messages)
    what = f"with {found.text}" if found.text else f"that concern{'s' * (count == 1)} you"
    return f"{amount(count, 'message')} {what}"


def _found_nothing(found: SearchResults) -> str:
    return f"Nothing was found with {found.text}." if found.text else "Nothing that others have said concerns you."


def _told(label: str, names: Sequence[str]) -> list[str]:
    return [f"{label}: {some_of(names, NEWCOMERS_SHOWN)}."] if names else []


def utc(time: datetime) -> str:
    """When that was, for whom nothing is known of their clock."""
    return f"{time:%Y-%m-%d %H:%M} UTC"


def local(time: datetime) -> str:
    """When that was, on the clock of this machine."""
    try:
        there = time.astimezone()
    except (OverflowError, ValueError):  # no server's clock is there
        return "?"
    return f"{there:%H:%M}" if there.date() == datetime.now().date() else f"{there:%Y-%m-%d %H:%M}"
