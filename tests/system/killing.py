"""A crowd for a server that is going to be killed, and the ledger of what it was promised.

Each client sends what it has to ask as fast as it is answered, from one loop over all of them, until the moment comes.
"""

import json
import selectors
import socket
from collections import defaultdict
from contextlib import ExitStack
from functools import partial
from itertools import count

from kit.programs import ANSWERS

from greenchat.testing import DEADLINE

ROOMS = ("lobby", "garden")

# So many messages of one talker are on their way at once; of those who give orders, one.
WINDOW = 32

# How many people are muted between two kills: each has to be there.
MUTED = 2

ONE_PAGE = 200  # plugins.history.page_messages, and as many acts as /audit tells


class Ledger:
    """What clients have asked for, and what they were told is done; over all lives of the server."""

    def __init__(self, acts=()):
        self.life = 0
        self.stored = {room: [] for room in ROOMS}  # found in the history so far: (seq, id, sender, text)
        self.acts = list(acts)  # of operators, done: (act, target)
        self.accounts = {}  # registered: passwords by names
        self.next_life()

    def next_life(self):
        """What follows is asked of another process."""
        self.life += 1
        self.sent = defaultdict(list)  # texts, by room and sender
        self.acked = {room: {} for room in ROOMS}  # (id, sender, text) by seq
        self.heard = {room: {} for room in ROOMS}  # the same, by somebody else
        self.ordered = []  # (act, target), acknowledged
        self.registered = {}
        self.asked_last = {}  # who gives orders, one after the other: the last one

    @property
    def counts(self):
        """Acknowledged in this life: messages, orders, registrations."""
        return sum(map(len, self.acked.values())), len(self.ordered), len(self.registered)

    # --- what each client asks: the text, the room, and what to note down when it is acknowledged ---

    def talk(self, sender, *rooms):
        for number in count():
            room = rooms[number % len(rooms)]
            # One word, that is nowhere else.
            text = f"{sender}{self.life}x{number}"
            self.sent[room, sender].append(text)
            yield text, room, partial(self._acknowledged, room, sender, text)

    def _acknowledged(self, room, sender, text, ack):
        assert ack["seq"] not in self.acked[room]
        self.acked[room][ack["seq"]] = (ack["id"], sender, text)

    def keep_order(self, rude):
        """Bans, of which one is in force at each moment, and mutes of those who are there."""
        rude = list(rude)
        for number in count():
            yield self._order("ban", f"bad{self.life}x{number}", f"1h reason {number}")
            if number:
                yield self._order("unban", f"bad{self.life}x{number - 1}")
            if rude:
                yield self._order("mute", rude.pop(), "2h shouting")

    def _order(self, act, target, terms=""):
        self.asked_last["order"] = (act, target)
        return f"/{act} {target} {terms}".rstrip(), "", lambda _: self.ordered.append((act, target))

    def register(self):
        for number in count():
            name, password = f"new{self.life}x{number}", f"correct-horse-{self.life}x{number}"
            yield f"/nick {name}", "", lambda _: None
            self.asked_last["account"] = (name, password)
            yield (
                f"/register {password}",
                "",
                lambda _, name=name, password=password: self.registered.update({name: password}),
            )


class Client:
    """A connection that is read when there is something to read."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), DEADLINE)
        self._rest = b""

    def send(self, *lines):
        self.socket.sendall("".join(f"{line}\n" for line in lines).encode())

    def receive(self):
        """The lines that have come, waiting for some; none at the end."""
        try:
            data = self.socket.recv(1 << 18)
        except ConnectionResetError:
            return []
        *lines, self._rest = (self._rest + data).split(b"\n")
        return lines if lines or not data else self.receive()

    def start(self):
        """Begin, once everybody is there."""

    def take(self, lines, *, going_on):
        """Deal with what has come; ask for more only while `going_on`."""

    def close(self):
        self.socket.close()


class Plain(Client):
    """A plain client. A `talker` says something whenever somebody has said something, once for all that has come."""

    def __init__(self, port, name, room="lobby", talk=None):
        super().__init__(port)
        self._talk = talk
        self.send(f"JOIN|{name}|{room}")
        self.first, *_ = self.receive()

    def take(self, lines, *, going_on):
        assert all(line.split(b"|")[0] in (b"MSG", b"INFO") for line in lines), lines
        if going_on and self._talk is not None and any(line.startswith(b"MSG") for line in lines):
            text, _, _ = next(self._talk)
            self.send(f"MSG|{text}")


class Program(Client):
    """A JSON client, in one room or several. `frames` are those that came with the last answer."""

    def __init__(self, port, name, *rooms, **join):
        super().__init__(port)
        self._refs = count(1)
        self.welcomes = [self.ask(type="join", name=name, room=room, **join) for room in rooms or ("lobby",)]

    def ask(self, **frame):
        """The answer, which may be an error; what came before it, or with it, is in `frames`."""
        ref, kinds = next(self._refs), (ANSWERS[frame["type"]], "error")
        self.send(json.dumps(frame | {"ref": ref}))
        self.frames = []
        while not (found := [one for one in self.frames if one.get("ref") == ref and one["type"] in kinds]):
            lines = self.receive()
            assert lines, f"the server has closed; it said {self.frames}"
            self.frames += map(json.loads, lines)
        return found[0]

    def run(self, line):
        """The frames up to the answer to a command."""
        answer = self.ask(type="say", text=line)
        assert answer["type"] == "ack", answer
        return self.frames

    def told(self, line, kind):
        """The frame of this type that a command answers with."""
        return next(frame for frame in self.run(line) if frame["type"] == kind)


class Listener(Program):
    """Writes down what it hears in one room, and sees to it that nothing is missing."""

    def __init__(self, port, name, room, heard):
        super().__init__(port, name, room)
        self._heard = heard
        self._room = room
        self._next = self.welcomes[0]["seq"] + 1

    def take(self, lines, *, going_on):
        for frame in map(json.loads, lines):
            if frame["type"] == "message":
                assert (frame["room"], frame["seq"]) == (self._room, self._next)
                self._next += 1
                self._heard[frame["seq"]] = (frame["id"], frame["sender"], frame["text"])


class Asker(Program):
    """Asks for one thing after the other, `window` of them at once, and notes down what is acknowledged."""

    def __init__(self, port, name, requests, *rooms, window=1, **join):
        super().__init__(port, name, *rooms, **join)
        self._requests = requests
        self._window = window
        self._open = {}

    def start(self):
        self._ask(self._window)

    def take(self, lines, *, going_on):
        done = 0
        for frame in map(json.loads, lines):
            assert frame["type"] != "error", frame
            if frame["type"] == "ack":
                self._open.pop(frame["ref"])(frame)
                done += 1
        if going_on and done:
            self._ask(done)

    def _ask(self, number):
        lines = []
        for _ in range(number):
            (text, room, note), ref = next(self._requests), next(self._refs)
            self._open[ref] = note
            lines.append(json.dumps({"type": "say", "text": text, "room": room, "ref": ref}))
        self.send(*lines)


def crowd(port, ledger, password):
    """Everybody, come in: talkers and listeners in both rooms, an operator, and somebody who registers names."""
    rude = [f"rude{ledger.life}x{number}" for number in range(MUTED)]
    return [
        *(Listener(port, f"{room}-listener", room, ledger.heard[room]) for room in ROOMS),
        *(Plain(port, name) for name in rude),
        *(Plain(port, f"{room}-plain", room, ledger.talk(f"{room}-plain", room)) for room in ROOMS),
        Asker(port, "ada", ledger.talk("ada", "lobby"), "lobby", window=WINDOW),
        Asker(port, "bob", ledger.talk("bob", "garden"), "garden", window=WINDOW),
        Asker(port, "cy", ledger.talk("cy", *ROOMS), *ROOMS, window=WINDOW),
        Asker(port, "op", ledger.keep_order(rude), login=password),
        Asker(port, "newcomer", ledger.register()),
    ]


def kill_under_load(server, ledger, password, frames, kind):
    """Kill the server when the crowd has got so many frames, and something of each kind was acknowledged: at the very
    moment when one more thing of this kind is, a place in `Ledger.counts`, or, with None, at any other."""
    with ExitStack() as stack:
        clients = crowd(server.port, ledger, password)
        readable = stack.enter_context(selectors.DefaultSelector())
        for client in clients:
            stack.callback(client.close)
            readable.register(client.socket, selectors.EVENT_READ, client)
        for client in clients:
            client.start()
        lines, before = 0, ledger.counts
        for got in _readings(readable, ledger):
            lines += got
            counts = ledger.counts
            if lines < frames or not all(counts):
                before = counts
            elif kind is None or counts[kind] > before[kind]:
                break
        server.process.kill()
        # What was told before that was told, though nobody has read it yet.
        for client in clients:
            while rest := client.receive():
                client.take(rest, going_on=False)


def _readings(readable, ledger):
    """Have the clients read, and go on, whenever there is something; yields how many lines each got."""
    while True:
        ready = readable.select(DEADLINE)
        assert ready, f"nobody is told anything any more; acknowledged so far: {ledger.counts}"
        for key, _ in ready:
            lines = key.data.receive()
            assert lines, "the server has closed a connection"
            key.data.take(lines, going_on=True)
            yield len(lines)
