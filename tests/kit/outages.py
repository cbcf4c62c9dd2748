"""A history whose database cannot be used, and who is there meanwhile."""

import sqlite3
from contextlib import ExitStack, closing, contextmanager

import pytest
from greenchat_plugins.history import store

from greenchat.client import Client, RefusedError
from greenchat.protocol.events import Message, Notice
from greenchat.protocol.replies import HistoryPage
from greenchat.testing import DEADLINE
from kit.histories import kept
from kit.processes import serve_process

OFF = "History is off: its database cannot be used at the moment. What is said now may not be kept."
ON = "History is on again."
IS_OFF = "History is off at the moment. What is said now may not be kept."

# How long the server waits for a lock: long for a test, and short for a user.
BUSY = "plugins.history.busy_seconds"
QUICK = ("--set", f"{BUSY}=0.05", "--set", "plugins.history.replay=20")


class Guest:
    """A JSON client, and what it has not looked at yet of what came."""

    def __init__(self, client):
        self.client = client
        self.unread = []

    def until(self, notice):
        """The texts of the messages that come before this notice, which must come."""
        heard = []
        while True:
            while self.unread:
                item = self.unread.pop(0)
                if isinstance(item, Notice) and item.text == notice:
                    return heard
                if isinstance(item, Message):
                    heard.append(item.text)
            self.unread = self.client.receive(DEADLINE)
            assert self.unread, f"{notice!r} did not come, but {heard}"

    def ack(self, text):
        """Say it, and have it kept: the sequence number."""
        return self.client.confirm(self.client.say(text, self.client.room)).seq

    def not_stored(self, text):
        with pytest.raises(RefusedError, match="This was said, but could not be kept") as refused:
            self.ack(text)
        assert refused.value.code == "not_stored"

    def reads(self):
        """The page of this room."""
        return said_on(self.client.history(self.client.room))

    def told(self):
        """The page that comes unasked to who has come in."""
        return said_on(next(item for item in self.client if isinstance(item, HistoryPage)))


def said_on(page):
    return [(event.seq, event.text) for event in page.events]


class People:
    """The clients of one server process."""

    def __init__(self, process, stack):
        self.process = process
        self.stack = stack

    def join(self, name, room=""):
        client = self.stack.enter_context(Client.connect("127.0.0.1", self.process.port))
        client.join(name, room)
        return Guest(client)


@contextmanager
def serve(data_dir, *arguments):
    with serve_process(data_dir, *QUICK, "--set", "limits.flood_rate=0", *arguments) as process, ExitStack() as stack:
        yield People(process, stack)


@contextmanager
def locked(data_dir):
    """Another program holds the database."""
    with closing(sqlite3.connect(data_dir / store.FILE, DEADLINE, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


def stored(data_dir, room="lobby"):
    return [(message.seq, message.text) for message in kept(data_dir) if message.room == room]


def numbered(*texts):
    return list(enumerate(texts, 1))
