"""Histories to look at: messages in a file, and the commands that deal with them."""

import re
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

from click.testing import CliRunner
from greenchat_plugins.history import index, search, store

from greenchat.cli import main
from greenchat.protocol.events import Joined, Left, Message, Renamed
from greenchat.search.query import parse_query as parse
from greenchat.storage.sqlite import open_database, transaction

START = datetime(2026, 1, 1, 23, 59, tzinfo=UTC)


def said(*lines, start=START):
    """Messages, a minute after each other, of lines like "lobby ada: hello" and "lobby * ada waves"."""
    messages, seqs = [], {}
    for number, line in enumerate(lines, 1):
        room, sender, text = re.fullmatch(r"(\S+) ([^:\s]+(?=:)|\* \S+):? (.*)", line, re.DOTALL).groups()
        seqs[room] = seqs.get(room, 0) + 1
        action, time = sender.startswith("* "), start + timedelta(minutes=number - 1)
        seq = seqs[room]
        messages.append(Message(room, seq, number, sender.removeprefix("* "), text, time, action, rev=seq))
    return messages


@contextmanager
def opened(data_dir):
    with closing(open_database(data_dir / store.FILE, store.MIGRATIONS)) as connection:
        yield connection


def index_all(connection):
    while transaction(connection, index.index_more):
        pass


def keep(data_dir, messages, moves=(), *, indexed=True):
    with opened(data_dir) as connection:
        transaction(connection, lambda connection: store.write(connection, [[message] for message in messages]))
        transaction(connection, lambda connection: store.write_comings(connection, moves))
        if indexed:
            index_all(connection)


def kept(data_dir):
    with opened(data_dir) as connection:
        return store.messages(connection, "SELECT * FROM messages ORDER BY id", ())


def found(data_dir, words):
    """The ids of the messages that a search finds."""
    with opened(data_dir) as connection:
        index_all(connection)
        query = parse(words)
        return [past.message.id for past in search.search(connection, query, search.Reach(True, ()), 0, 100)]


def history(data_dir, command, *options, answer=None):
    return CliRunner().invoke(main, ["history", command, "--data-dir", str(data_dir), *options], input=answer)


def exported(data_dir, *options):
    result = history(data_dir, "export", *options)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout_bytes.decode()


MOVES = [
    (0, Joined("lobby", "ada", START)),
    (0, Joined("lobby", "bob", START)),
    (1, Renamed("lobby", "ada", "eve", START)),
    (1, Renamed("lobby", "bob", "ADA", START)),
    (1, Renamed("lobby", "bob", "rob", START)),
    (2, Left("lobby", "Ada", "left", START)),
    (2, Left("lobby", "eve", "ada", START)),
]

TALK = said(
    "lobby ada: hello",
    "garden bob: the roses are out",
    "lobby * ada waves",
    "lobby Zoë: žluťoučký kůň 🐎",
    "garden ada: where?",
)


def verified(data_dir):
    """The exit code, and what it found."""
    result = history(data_dir, "verify")
    assert result.stderr == ""
    summary, *findings = result.stdout.splitlines()
    assert summary.startswith(str(data_dir / store.FILE))
    return result.exit_code, findings


def remains(data_dir, text):
    """How many times the files have this in them. Not to be asked while this process uses them: see `open_database`."""
    return sum(file.read_bytes().count(text.encode()) for file in data_dir.iterdir())
