"""What was said, written out for people and programs, a page of messages at a time: the file may be larger than memory,
and while it is written out, a server can use it."""

import base64
import hashlib
import html
import itertools
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from operator import attrgetter

from msgspec import Struct
from msgspec.structs import replace

from greenchat import AccountDirectory, JsonCodec, Message, Past, printable, with_files

from . import changes, store

# Messages that are read at once: less than a megabyte, and a look at the file that takes some milliseconds.
PAGE = 1000


class Wanted(Struct, frozen=True):
    """Which messages: those of `room`, or of all where it is empty, from `since` on and before `until`. People are
    called as `accounts` has them, if they have one."""

    room: str = ""
    since: datetime | None = None
    until: datetime | None = None
    accounts: AccountDirectory | None = None

    @property
    def span(self) -> tuple[int, int]:
        """The first time that is wanted, and the first one that is not any more."""
        since, until = self.since, self.until
        return store.microseconds(since) if since else -store.LAST, store.microseconds(until) if until else store.LAST


def jsonl(connection: sqlite3.Connection, wanted: Wanted) -> Iterator[bytes]:
    """A JSON object a line, as JSON clients get it."""
    codec = JsonCodec()
    return (b"".join(map(codec.encode, page)) for page in _pages(connection, wanted))


# What a line of a message begins with that is not its first, as no line of its own does; and one with who has reacted.
FURTHER = "    | "
REACTED = "    + "


def text(connection: sqlite3.Connection, wanted: Wanted) -> Iterator[bytes]:
    """A line a message: when, in which room, who, and what. What it answers, and that it was changed, stands before who
    has said it, and reactions below: where no words of theirs can stand."""
    for page in _pages(connection, wanted):
        answered = _senders(connection, page)
        yield "".join(_line(message, answered) for message in page).encode()


def _line(message: Message, answered: "Answered") -> str:
    marks = [f"to {_whom(message, answered)}"] * bool(message.reply_to)
    marks += [f"changed {message.edited:%Y-%m-%dT%H:%M:%SZ}"] if message.edited else []
    before = f"({'; '.join(marks)}) " if marks else ""
    who = f"* {message.sender} " if message.action else f"{message.sender}: "
    first, *others = with_files(message, where=False).split("\n")
    lines = [f"{message.time:%Y-%m-%dT%H:%M:%SZ} {message.room} {before}{who}{first}"]
    lines += [f"{FURTHER}{line}" for line in others]
    lines += [f"{REACTED}{emoji} {', '.join(names)}" for emoji, names in (message.reactions or {}).items()]
    return "".join(f"{_shown(line)}\n" for line in lines)


def _whom(message: Message, answered: "Answered") -> str:
    """Who has said what it answers, as far as that is there, and which message of the room that is."""
    sender = answered.get((message.room, message.reply_to), "")
    return f"{sender}, message {message.reply_to}" if sender else f"message {message.reply_to}"


def _shown(text: str) -> str:
    """Names and texts were clean when they came in; this is the fence for a file that somebody has changed."""
    return "\t".join(printable(part, len(part)) for part in text.split("\t"))


# --- a web page ---

STYLE = """
:root { color-scheme: light dark; --quiet: #5c6066; --line: #d4d7dc; --mark: #14683a; }
@media (prefers-color-scheme: dark) { :root { --quiet: #a2a8b0; --line: #3b4048; --mark: #7fd49f; } }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; }
h2 { border-bottom: 2px solid var(--mark); margin-top: 3rem; }
h3 { color: var(--quiet); font-size: 1rem; border-bottom: 1px solid var(--line); }
ol { list-style: none; padding: 0; }
ol li { display: grid; grid-template-columns: 4rem 1fr; margin: .2rem 0; }
li p { margin: 0; overflow-wrap: anywhere; }
li time { color: var(--quiet); font-variant-numeric: tabular-nums; }
b, a { color: var(--mark); }
.said { white-space: pre-wrap; }
.lines { display: block; border-left: 2px solid var(--line); padding-left: .75rem; }
small { color: var(--quiet); }
.below { display: block; }
"""
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

# Nothing is loaded and nothing is run, whatever people have said: only the style above holds.
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'"


def web_page(connection: sqlite3.Connection, wanted: Wanted) -> Iterator[bytes]:
    """One web page that needs nothing else: rooms as sections, days as headings."""
    return (part.encode() for part in _web_page(connection, wanted))


def _web_page(connection: sqlite3.Connection, wanted: Wanted) -> Iterator[str]:
    rooms = _rooms(connection, wanted)
    yield (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>What was said</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<header>\n<h1>What was said</h1>\n<p>{_scope(wanted)}</p>\n</header>\n"
    )
    if len(rooms) > 1:
        links = "".join(f'<li><a href="#room-{number}">{_escaped(name)}</a></li>\n' for number, name in rooms)
        yield f'<nav aria-label="Rooms">\n<ul>\n{links}</ul>\n</nav>\n'
    yield "<main>\n"
    for number, name in rooms:
        yield f'<section aria-labelledby="room-{number}">\n<h2 id="room-{number}" dir="auto">{_escaped(name)}</h2>\n'
        messages = itertools.chain.from_iterable(_pages(connection, replace(wanted, room=name)))
        for day, said in itertools.groupby(messages, lambda message: message.time.date()):
            yield f'<h3><time datetime="{day}">{day:%A}, {day.day} {day:%B %Y}</time></h3>\n<ol>\n'
            yield from (_item(message, _senders(connection, [message])) for message in said)
            yield "</ol>\n"
        yield "</section>\n"
    yield "</main>\n</body>\n</html>\n"


def _scope(wanted: Wanted) -> str:
    since = f" from {wanted.since:%Y-%m-%d %H:%M}" if wanted.since else ""
    until = f" until {wanted.until:%Y-%m-%d %H:%M}" if wanted.until else ""
    return f"All times{since}{until} are UTC."


def _item(message: Message, answered: "Answered") -> str:
    who = f'<b dir="auto">{_escaped(message.sender)}</b>'
    lines = list(map(_escaped, with_files(message, where=False).split("\n")))
    said, kind = "\n".join(lines), "said lines" if len(lines) > 1 else "said"
    between = " " if message.action else ": "
    line = f'{who}{between}<span class="{kind}" dir="auto">{said}</span>'
    line = f"<i>* {line}</i>" if message.action else line
    if message.reply_to:
        line = f"<small>to {_escaped(_whom(message, answered))}</small> {line}"
    if message.edited:
        line += f" <small>changed {message.edited:%Y-%m-%d %H:%M}</small>"
    reacted = [f"{emoji} {', '.join(names)}" for emoji, names in (message.reactions or {}).items()]
    line += "".join(f'<small class="below">{_escaped(one)}</small>' for one in reacted)
    return f'<li><time datetime="{message.time:%Y-%m-%dT%H:%M:%SZ}">{message.time:%H:%M}</time><p>{line}</p></li>\n'


def _escaped(text: str) -> str:
    return html.escape(_shown(text))


# --- read ---


def _pages(connection: sqlite3.Connection, wanted: Wanted) -> Iterator[list[Message]]:
    """The messages, of one room in the order of their sequence numbers, of all in the order of their ids. What is said
    after this has begun is not among them."""
    (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM messages").fetchone()
    room, order = ("room = (SELECT id FROM rooms WHERE name = ?) AND", "seq") if wanted.room else ("? = '' AND", "id")
    query = (
        f"SELECT * FROM messages WHERE {room} {order} > ? AND id <= ? AND time >= ? AND time < ? "
        f"AND {changes.IS_THERE} ORDER BY {order} LIMIT {PAGE}"
    )
    number = attrgetter(order)
    reached = 0
    while found := store.rows(connection, query, (wanted.room, reached, last, *wanted.span)):
        page = [_told(past, past.message, wanted.accounts) for past in found if isinstance(past.message, Message)]
        page.sort(key=number)
        yield page
        reached = number(page[-1])


def _told(past: Past, message: Message, accounts: AccountDirectory | None) -> Message:
    """A message with the account that has said it, and reactions by the names of accounts."""
    account = accounts.by_id(past.account_id) if accounts is not None else None
    names: dict[str, list[str]] = {}
    for one in past.reactions:
        name = accounts.name_of(one.account_id) if accounts is not None else ""
        names.setdefault(one.emoji, []).append(name or one.name)
    return replace(message, account=account.key if account is not None else "", reactions=names or None)


# Who has said the messages that are answered, by rooms and numbers.
Answered = dict[tuple[str, int], str]


def _senders(connection: sqlite3.Connection, messages: Sequence[Message]) -> Answered:
    """Who has said what these answer, as far as it is there."""
    query = (
        "SELECT sender FROM messages WHERE room = (SELECT id FROM rooms WHERE name = ?) AND seq = ? "
        f"AND {changes.IS_THERE}"
    )
    asked = {(message.room, message.reply_to) for message in messages if message.reply_to}
    found = {which: connection.execute(query, which).fetchone() for which in asked}
    return {which: row[0] for which, row in found.items() if row is not None}


def _rooms(connection: sqlite3.Connection, wanted: Wanted) -> list[tuple[int, str]]:
    """The rooms with messages that are wanted, by their names."""
    since, until = wanted.span
    return connection.execute(
        "SELECT id, name FROM rooms WHERE ? IN ('', name) AND EXISTS "
        "(SELECT 1 FROM messages WHERE room = rooms.id AND time >= ? AND time < ?) ORDER BY name",
        (wanted.room, since, until),
    ).fetchall()


FORMATS: dict[str, Callable[[sqlite3.Connection, Wanted], Iterator[bytes]]] = {
    "jsonl": jsonl,
    "text": text,
    "html": web_page,
}
