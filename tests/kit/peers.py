"""A server without a program behind it: what it says is written in the test, frame by frame."""

import json
import socket

from greenchat.testing import DEADLINE

NOON = "2026-01-31T12:00:00Z"


def welcome(room="lobby", **more):
    fields = {"name": "alice", "room": room, "members": ["alice"], "seq": 0, "limits": {}, "server": "raw"}
    return {"type": "welcome"} | fields | more


def message(seq, text, room="lobby", time=NOON, **more):
    fields = {"room": room, "seq": seq, "id": 100 + seq, "sender": "bob", "text": text, "time": time}
    return {"type": "message"} | fields | more


def page(*events, room="lobby", **more):
    """A page of a room's history."""
    return {"type": "history", "room": room, "events": events} | more


def event(kind, room="lobby", **more):
    return {"type": kind, "room": room, "time": NOON} | more


class RawServer:
    """Listens on a free port, and serves one client. It does not tell which commands there are, unless it has a
    `table` of them."""

    def __init__(self):
        self.table = None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(DEADLINE)
        self.address = self.listener.getsockname()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if hasattr(self, "socket"):
            self.hang_up()
        self.listener.close()

    def accept(self):
        """Take the client that connects."""
        self.socket, _ = self.listener.accept()
        self.socket.settimeout(DEADLINE)
        self._lines = self.socket.makefile("rb")

    def welcome(self, name, ref=1, **limits):
        """What answers a join."""
        self.send(welcome(name=name, members=[name], limits=limits, ref=ref))

    def let_in(self):
        """Take the client that connects, and welcome it when it wants to join."""
        self.accept()
        join = self.read()
        self.welcome(join["name"], join["ref"])

    def knock(self):
        """Take the client that connects, in the place of the one before; what it wants to join with."""
        if hasattr(self, "socket"):
            self.hang_up()
        self.accept()
        return self.read()

    def refuse(self, request, code, text="No."):
        self.send({"type": "error", "code": code, "text": text, "ref": request["ref"]})

    def send(self, *frames):
        self.socket.sendall(b"".join(json.dumps(frame).encode() + b"\n" for frame in frames))

    def read(self):
        """The next frame of the client, but for that which asks for the commands: that is answered."""
        while (frame := self.next())["type"] == "commands":
            self.answer(frame)
        return frame

    def next(self):
        """The next frame of the client, whatever it is."""
        return json.loads(self._lines.readline())

    def answer_commands(self):
        """Wait until the client asks for the commands, as one does that has just come in and goes on once it has been
        answered, or after seconds."""
        ask = self.next()
        assert ask["type"] == "commands", ask
        self.answer(ask)

    def answer(self, ask):
        """Tell which commands there are."""
        if self.table is None:
            self.refuse(ask, "unknown_type")
        else:
            self.send({"type": "commands", "commands": self.table, "ref": ask["ref"]})

    def frames(self):
        """What the client says until it closes, frame by frame."""
        return map(json.loads, self._lines)

    def read_end(self):
        """What the client still says until it closes."""
        return self._lines.read().decode()

    def hang_up(self):
        """Close the connection; a reset, if the client has sent something that was not read."""
        self._lines.close()
        self.socket.close()
