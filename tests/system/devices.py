"""Devices of people: clients of all kinds that lose their connections and come back, and keep a ledger of what they
have read. All of them are read in one loop."""

import json
import os
import selectors
import socket
import time
from base64 import b64encode
from collections import defaultdict
from itertools import count

from kit.programs import ANSWERS
from kit.proxies import Proxy
from kit.web_peer import CLOSE, HANDSHAKE, PING, PONG, TEXT, frame

from greenchat.testing import DEADLINE

PAGE = 200  # plugins.history.page_messages

# What ends all that is told for a request.
FINAL = {*ANSWERS.values(), "error"}


class Loop:
    """Reads for all that are connected."""

    def __init__(self):
        self._selector = selectors.DefaultSelector()

    def add(self, client):
        self._selector.register(client.socket, selectors.EVENT_READ, client)

    def drop(self, client):
        self._selector.unregister(client.socket)

    def wait(self, condition, why):
        """Read until `condition()`, which must come."""
        deadline = time.monotonic() + DEADLINE
        while not condition():
            for key, _ in self._selector.select(0.1):
                key.data.receive()
            assert time.monotonic() < deadline, f"in vain: {why}"

    def close(self):
        self._selector.close()


class Client:
    """A connection, or none. What it reads is dealt with by `take`, object by object or line by line."""

    kind = ""

    def __init__(self, loop, port, address=""):
        self.loop, self.port, self.address = loop, port, address
        self.socket = None
        self._rest = b""

    @property
    def is_connected(self):
        return self.socket is not None

    def connect(self):
        source = (self.address, 0) if self.address else None
        self.socket = socket.create_connection(("127.0.0.1", self.port), DEADLINE, source)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""
        self.loop.add(self)

    def drop(self):
        """The connection is over, as far as this end knows."""
        if self.socket is not None:
            self.loop.drop(self)
            self.socket.close()
            self.socket = None

    def write(self, data):
        if self.socket is not None:
            try:
                self.socket.sendall(data)
            except OSError:
                self.drop()

    def receive(self):
        try:
            data = self.socket.recv(1 << 16)
        except OSError:
            data = b""
        if not data:
            self.drop()
            return
        self._rest += data
        self.parse()

    def parse(self):
        *lines, self._rest = self._rest.split(b"\n")
        for line in lines:
            self.take(line.decode())


class Plain(Client):
    """One on netcat. `told` are the lines since it came, without its welcome."""

    kind = "plain"

    def join(self, name, login="", room=""):
        """Come in, and read the welcome."""
        self.told, self.welcome = [], None
        self.connect()
        if login:
            self.write(f"MSG|/login {name} {login}\n".encode())
        self.write(f"JOIN|{name}|{room}\n".encode() if room else f"JOIN|{name}\n".encode())
        self.loop.wait(lambda: self.welcome or not self.is_connected, f"a welcome for {name}")
        assert self.welcome, f"{name} was not let in: {self.told}"

    def take(self, line):
        if self.welcome is None and line.startswith("INFO|Welcome"):
            self.welcome, self.told = line, []
        else:
            self.told.append(line)

    def say(self, text):
        self.write(f"MSG|{text}\n".encode())

    def leave(self):
        self.write(b"LEAVE\n")

    def settled(self):
        """Something that will be true once all has been read that the server has for it."""
        pongs = self.told.count("INFO|Pong.")
        self.say("/ping")
        return lambda: not self.is_connected or self.told.count("INFO|Pong.") > pongs


class Program(Client):
    """One that speaks JSON: `log` is what it has read in each room, by the sequence numbers, from `since` on."""

    kind = "json"

    def __init__(self, loop, port, address=""):
        super().__init__(loop, port, address)
        self.name = self.token = self.device_token = ""
        self.used = []  # all tokens that it has had
        self.log = defaultdict(dict)
        self.since = {}
        self.owns = set()  # messages that were marked as own, as (room, seq)
        self.wrong = []  # what should not have come
        self.came = []  # comings and goings: (type, room, name)
        self.privates = []
        self.renew()

    def renew(self):
        """What is known of one connection alone."""
        self.rooms = set()
        self.heard = {}  # the latest message in each
        self.answers, self.pending, self.pages, self.events = {}, {}, {}, []
        self._refs = count(1)

    def connect(self):
        self.renew()
        super().connect()

    # --- requests ---

    def send(self, **request):
        self.write(json.dumps(request).encode() + b"\n")

    def ask(self, **request):
        """The ref of what will be in `answers`."""
        ref = next(self._refs)
        self.send(**request, ref=ref)
        return ref

    def answer(self, **request):
        """The answer; None where the connection is lost before."""
        ref = self.ask(**request)
        self.loop.wait(lambda: ref in self.answers or not self.is_connected, f"an answer to {request['type']}")
        return self.answers.get(ref)

    def join(self, **join):
        """Connect, and come in: the answer."""
        self.drop()
        self.connect()
        return self.answer(type="join", **join)

    def say(self, text, room):
        ref = next(self._refs)
        self.pending[ref] = (room, text)
        self.send(type="say", text=text, room=room, ref=ref)
        return ref

    def leave(self):
        self.send(type="leave")

    def settled(self):
        ref = self.ask(type="ping")
        return lambda: not self.is_connected or (ref in self.answers and not self.pages)

    # --- what comes ---

    def take(self, line):
        event = json.loads(line)
        self.events.append(event)
        match event["type"]:
            case "welcome":
                self.enter(event)
            case "history":
                self.turn_page(event)
            case "message" if event.get("conversation"):
                self.privates.append(event)
            case "message":
                self.hear(event)
            case "ack" if event["ref"] in self.pending:
                room, text = self.pending.pop(event["ref"])
                if "seq" in event and "conversation" not in event:
                    self.note(room, event["seq"], self.name, text)
            case "joined" | "left":
                self.came.append((event["type"], event["room"], event["name"]))
                if event["name"] == self.name and event["type"] == "left":
                    self.rooms.discard(event["room"])
            case "ping":
                self.send(type="pong")
        if "ref" in event and event["type"] in FINAL:
            self.answers[event["ref"]] = event

    def enter(self, welcome):
        self.name = welcome["name"]
        for kind in ("token", "device_token"):
            token = welcome.get(kind, "")
            if token:
                setattr(self, kind, token)
                if token not in self.used:
                    self.used.append(token)
        room = welcome["room"]
        if not room:
            return
        self.rooms.add(room)
        log = self.log[room]
        self.since.setdefault(room, welcome["seq"])
        for seq in [seq for seq in log if seq > welcome["seq"]]:
            del log[seq]  # the server went down before it had written those down
        self.heard[room] = welcome["seq"]
        last = self.since[room]
        while last + 1 in log:  # what this device has said itself, and was not told that it was said, may be missing
            last += 1
        if last < welcome["seq"]:
            self.turn(room, last)

    def turn(self, room, after):
        self.pages[self.ask(type="history", room=room, after=after, limit=PAGE)] = room

    def turn_page(self, page):
        room = self.pages.pop(page.get("ref"), None)
        if room is None:
            return
        for event in page["events"]:
            if event["type"] == "message":
                self.note(room, event["seq"], event["sender"], event["text"])
        if page.get("more"):
            self.turn(room, page["events"][-1]["seq"])

    def hear(self, event):
        room, seq = event["room"], event["seq"]
        if seq <= self.heard[room]:
            self.wrong.append(f"after {self.heard[room]} came {event}")
        self.heard[room] = seq
        if event.get("own", False) != (event["sender"] == self.name):
            self.wrong.append(f"own is wrong in {event}")
        if event.get("own"):
            self.owns.add((room, seq))
            if (self.name, event["text"]) == self.log[room].get(seq):
                self.wrong.append(f"what it said itself came back: {event}")
        self.note(room, seq, event["sender"], event["text"])

    def note(self, room, seq, sender, text):
        if self.log[room].setdefault(seq, (sender, text)) != (sender, text):
            self.wrong.append(f"{room} {seq}: {self.log[room][seq]} was told as {(sender, text)}")


class Web(Program):
    """The same, over a WebSocket."""

    kind = "web"

    def connect(self):
        self._is_open = False
        super().connect()
        lines = {"Host": "localhost", **HANDSHAKE, "Sec-WebSocket-Key": b64encode(os.urandom(16)).decode()}
        head = ["GET /chat HTTP/1.1", *(f"{name}: {value}" for name, value in lines.items())]
        self.write("\r\n".join([*head, "", ""]).encode())
        self.loop.wait(lambda: self._is_open or not self.is_connected, "the answer to a handshake")

    def send(self, **request):
        self.write(frame(TEXT, json.dumps(request).encode()))

    def parse(self):
        if not self._is_open:
            head, end, rest = self._rest.partition(b"\r\n\r\n")
            if not end:
                return
            assert head.startswith(b"HTTP/1.1 101 "), head
            self._is_open, self._rest = True, rest
        while (size := _size(self._rest)) is not None and len(self._rest) >= sum(size):
            head, length = size
            opcode, payload = self._rest[0] & 15, self._rest[head : head + length]
            self._rest = self._rest[head + length :]
            if opcode == TEXT:
                self.take(payload.decode())
            elif opcode == PING:
                self.write(frame(PONG, payload))
            elif opcode == CLOSE:
                self.write(frame(CLOSE, payload))
                self.drop()
                return


def _size(data):
    """How long the head and the payload are of the frame of a server that `data` begins with, once that is known."""
    if len(data) < 2:
        return None
    short = data[1]
    more = {126: 2, 127: 8}.get(short, 0)
    if len(data) < 2 + more:
        return None
    return 2 + more, int.from_bytes(data[2 : 2 + more]) if more else short


class Device:
    """One of somebody's devices: its client, and the proxy that it goes through."""

    def __init__(self, loop, kind, server_port):
        self.proxy = Proxy(server_port)
        self.client = kind(loop, self.proxy.port)

    def close(self):
        self.client.drop()
        self.proxy.close()
