"""What tests of several bundled plugins share: a JSON client over a real socket, and a way to be somebody at once."""

import hashlib
import json
import socket
import time
from contextlib import closing

from greenchat_plugins.accounts import store
from greenchat_plugins.moderation import records
from greenchat_plugins.moderation.rules import Operator

from greenchat import Account, Command, hookimpl, open_database, transaction
from greenchat.testing import DEADLINE, Peer
from greenchat.testing.chat import installed_names
from kit.socketless import SocketlessServer

# What ends all that is told for a request, where it is not refused.
ANSWERS = {"join": "welcome", "say": "ack", "leave": "ack", "history": "history", "search": "found", "ping": "pong"}
ANSWERS |= dict.fromkeys(("edit", "delete", "react", "read", "cursor", "command"), "ack")
ANSWERS |= {"export": "exported", "commands": "commands", "mentions": "found"}

# What a plain client reads that has made a room.
MADE = "INFO|You have made this room: /room shows what you may set."


def without_plugins(*names):
    """Settings of a server without these of the installed plugins."""
    return {"server.disabled_plugins": sorted(installed_names().intersection(names))}


def sync(peer):
    """All that a plain client has still to read. What a room was told comes before the answer to a ping; what others
    have sent at the same time may be read a turn of the server's loop later, so it is asked twice."""
    peer.send("MSG|/ping")
    before = peer.read_until("INFO|Pong.")
    peer.send("MSG|/ping")
    return before + peer.read_until("INFO|Pong.")


def says(peer, *lines):
    """All that a plain client reads once it has said `lines`."""
    peer.send(*(f"MSG|{line}" for line in lines))
    return sync(peer)


def owner(server, name, room="garden"):
    """A plain client that has made a room, as a guest."""
    peer = server.join(name, room)
    peer.expect(MADE)
    return peer


def leave(peer):
    """All that a plain client still reads once it has left."""
    peer.send("LEAVE")
    return list(iter(peer.read, ""))


class PeerFrom(Peer):
    """A plain client with an address of its own."""

    def __init__(self, server, address):
        self.socket = socket.create_connection((server.host, server.port), DEADLINE, (address, 0))
        self._file = self.socket.makefile("rb")


def connect_from(server, address):
    """A connection that comes from `address`."""
    if isinstance(server, SocketlessServer):
        return server.connect(address)
    return server.peers.enter_context(PeerFrom(server, address))


class Program:
    """The JSON client of all tests. What it `read`s is in order.

    With a name it joins at once; its `welcome` is the answer. `address` is one of this machine to come from. What it
    was told last of all that it takes part in is `conversations`, and is not read.
    """

    def __init__(self, server, name="", room="", *, address="", **join):
        self.peer = connect_from(server, address) if address else server.connect()
        self.refs = 0
        self.conversations = None
        if name:
            self.welcome = self.join(name=name, room=room, **join)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.peer.close()

    def send(self, *, times=1, **frame):
        self.peer.send(*[json.dumps(frame)] * times)

    def read(self):
        while True:
            line = self.peer.read()
            assert line, "the server has closed"
            frame = json.loads(line)
            if frame["type"] != "conversations":
                return frame
            self.conversations = frame

    def read_until(self, *kinds, **fields):
        """The next frame of one of these types and with these fields; what came before is dropped."""
        while True:
            frame = self.read()
            if frame["type"] in kinds and fields.items() <= frame.items():
                return frame

    def rest(self):
        """All that comes up to the end."""
        frames = map(json.loads, iter(self.peer.read, ""))
        return [frame for frame in frames if frame["type"] != "conversations"]

    def request(self, **frame):
        """The answer to this, as it is; what came before is dropped."""
        *_, answer = self.exchange(**frame)
        return answer

    def exchange(self, **frame):
        """All that comes up to the answer to this, with it."""
        self.refs += 1
        self.send(**frame, ref=self.refs)
        frames = [self.read()]
        while frames[-1].get("ref") != self.refs or frames[-1]["type"] not in (ANSWERS[frame["type"]], "error"):
            frames.append(self.read())
        return frames

    def join(self, **join):
        """The answer: a welcome, or an error."""
        return self.request(type="join", **join)

    def ask(self, text, room=""):
        """Say something, such as a command: all that comes up to the answer, an ack or an error, with it."""
        return self.exchange(type="say", text=text, room=room)

    def told(self, text, kind, room=""):
        """The frame of this type that a command answers with, but for its ref, which must be the command's."""
        frame = next(frame for frame in self.ask(text, room) if frame["type"] == kind)
        assert frame.pop("ref") == self.refs
        return frame

    def refused(self, text, room=""):
        """The code with which a command is refused."""
        *_, answer = self.ask(text, room)
        assert answer["type"] == "error", answer
        return answer["code"]

    def leave(self):
        """All that comes up to the end."""
        self.send(type="leave")
        return self.rest()


def account_id(name):
    """The id of the account `name`, in tests that need to know it."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) >> 2


def enrol(data_dir, *names):
    """Have these names registered, with the ids that `Anybody` gives them, and passwords that nobody knows."""
    with closing(open_database(data_dir / store.FILE, store.MIGRATIONS)) as connection:
        for name in names:
            account = store.Account(name, "", store.now(), account_id(name))
            assert transaction(connection, store.add(name, account))


def crown(data_dir, *names):
    """Make the accounts of these names operators, whether there are any or not."""
    with closing(open_database(data_dir / records.FILE, records.MIGRATIONS)) as connection:
        operators = [Operator(account_id(name), name, time.time(), "test") for name in names]
        transaction(connection, lambda file: [records.add_operator(file, operator) for operator in operators])


def know(server, *names):
    """Have a server without accounts know of these, as `Anybody` does once they have logged in."""
    for name in names:
        server.call(lambda name=name: server.server.accounts.add(Account(account_id(name), name, name)))


class Anybody:
    """Commands by which a test makes somebody an operator, or has them logged in, without any more ado."""

    @hookimpl
    def greenchat_startup(self, server):
        self.accounts = server.accounts
        self.accounts.replace([])

    @hookimpl
    def greenchat_commands(self):
        return [
            Command("crown", "", "Be an operator.", self.crown),
            Command("become", "[ACCOUNT]", "Be logged in.", self.become),
        ]

    def crown(self, session, argument):
        session.role = "operator"
        session.info("You are an operator.")

    def become(self, session, argument):
        if argument and self.accounts.find(argument) is None:
            self.accounts.add(Account(account_id(argument), argument, argument))
        session.log_in(argument, account_id(argument) if argument else 0)
        session.info("You are logged in." if argument else "You are logged out.")


class Believer(Anybody):
    """Logs in whoever says that they do."""

    @hookimpl
    def greenchat_request(self, session, frame):
        if getattr(frame, "login", ""):
            if self.accounts.find(frame.name) is None:
                self.accounts.add(Account(account_id(frame.name), frame.name, frame.name))
            session.log_in(frame.name, account_id(frame.name))
        return False
