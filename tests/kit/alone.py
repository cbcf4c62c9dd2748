"""Accounts that talk to each other alone, and the commands that deal with what they have said."""

import sqlite3
from contextlib import closing, contextmanager

from click.testing import CliRunner

from greenchat.cli import main
from greenchat.storage.direct_rows import FILE, MIGRATIONS
from greenchat.storage.sqlite import open_database
from kit.accounts import SECRET, accounts, registered
from kit.programs import Program
from kit.sessions import settled

QUIET = {"plugins.history.replay": 0, "plugins.accounts.registrations_per_hour": 0, "limits.absence_seconds": 0.01}


@contextmanager
def people(data_dir, *names, plugins=(), settings=()):
    """A server on which these have registered, if they had not."""
    with accounts(*plugins, data_dir=data_dir, settings=QUIET | dict(settings)) as server:
        for name in names:
            registered(server, name).send("LEAVE")
        yield server


def login(server, name, **join):
    one = Program(server)
    one.welcome = one.join(name=name, login=SECRET, **join)
    assert one.welcome["type"] == "welcome", one.welcome
    settled(one)
    return one


def say(program, text, **where):
    """The answer. `where` is whom it is said to, or in which conversation."""
    return program.request(type="say", text=text, **where)


def page(program, conversation, **ask):
    return program.request(type="history", conversation=conversation, **ask)


def texts(frame):
    """Of deleted messages, who has deleted them."""
    return [event.get("text", event.get("by")) for event in frame["events"]]


def direct(data_dir, command, *options, answer=None):
    """`greenchat direct`, as a command line: its result."""
    return CliRunner().invoke(main, ["direct", command, "--data-dir", str(data_dir), *options], input=answer)


@contextmanager
def opened(data_dir):
    with closing(open_database(data_dir / FILE, MIGRATIONS)) as connection:
        yield connection


def remains(data_dir, word):
    """Whether this is anywhere in the file, or in what is written ahead of it."""
    files = [data_dir / FILE, data_dir / f"{FILE}-wal"]
    return any(word.encode() in file.read_bytes() for file in files if file.exists())


def rows(data_dir, query):
    with closing(sqlite3.connect(data_dir / FILE)) as connection:
        return connection.execute(query).fetchall()
