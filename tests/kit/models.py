"""A person as the model has them: with a real connection, and without a screen."""

import time

from greenchat.client import ClientError, DisconnectedError
from greenchat.connect.comeback import _arrive
from greenchat.connect.commands import table_of
from greenchat.connect.model.model import Model
from greenchat.connect.model.timeline import Gone, Told
from greenchat.connect.ticket import Ticket
from greenchat.protocol.events import Message
from greenchat.testing import DEADLINE


class Person:
    """Comes in at once. `until` goes on until something is as it should be."""

    def __init__(self, server, name, room="", **ticket):
        self.model = Model()
        self.chats, self.sender = self.model.chats, self.model.sender
        self.ticket = Ticket(server.host, server.port, name, room, **ticket)
        self.client, welcome = self.ticket.enter()
        self.ticket.been_in = True
        self.model.come(self.client, welcome, table_of(self.client))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()

    @property
    def place(self):
        return self.chats.place

    def hear(self, seconds=0.0):
        self.model.pump()
        self.model.hear(self.client.receive(seconds))
        self.model.pump()

    def until(self, condition):
        deadline = time.monotonic() + DEADLINE
        while not condition():
            left = deadline - time.monotonic()
            assert left > 0, f"it stays like this: {self.lines()}"
            self.hear(min(left, 0.2))

    def say(self, text, place=None, **more):
        self.sender.say(place or self.place, text, **more)
        self.model.pump()

    def settled(self):
        self.until(lambda: not self.sender.waiting)

    def lines(self, place=None):
        """How it stands there, in short."""
        return [line_of(row) for row in self.chats.rows(place or self.place)]

    def words(self, place=None):
        """What was said, and by whom."""
        rows = self.chats.rows(place or self.place)
        return [message_of(row.item) for row in rows if row.kind == "message"]

    def lose(self):
        """The connection is lost, without a word."""
        self.client.close()
        try:
            while True:
                self.model.hear(self.client.receive(0))
        except DisconnectedError:
            self.model.lost()

    def come_back(self):
        self.ticket.token, self.ticket.name, self.ticket.room = self.client.token, self.client.name, None
        deadline = time.monotonic() + DEADLINE
        while True:
            try:
                arrival = _arrive(self.ticket, self.model.seen())
                break
            except ClientError:
                assert time.monotonic() < deadline
        self.client = arrival.client
        self.model.back(self.client, arrival.welcome, arrival.missed, arrival.commands)
        self.model.pump()


def line_of(row):
    match row.kind:
        case "message":
            return message_of(row.item)
        case "folded":
            return f"({len(row.items)} came and went)"
        case "deleted":
            return f"({len(row.items)} deleted)"
        case "told":
            return f"! {row.item.what.text}" if row.item.what.error else f"* {row.item.what.text}"
        case kind:
            return f"-- {kind}"


def message_of(item):
    message = item.what
    assert isinstance(message, Message)
    marks = [item.state] * (item.state not in ("", "stored")) + ["edited"] * (message.edited is not None)
    marks += [f"{emoji} {len(names)}" for emoji, names in (message.reactions or {}).items()]
    return f"{message.sender}: {message.text}" + (f" ({', '.join(marks)})" if marks else "")


def is_gone(place, seq):
    item = place.timeline.item(seq)
    return item is not None and isinstance(item.what, Gone)


def told(place):
    return [item.what.text for item in place.timeline.items if isinstance(item.what, Told)]
