"""Clients of IRC for tests: they send lines and read lines, as a client's author would write them down."""

import re
from base64 import b64encode
from contextlib import suppress
from typing import NamedTuple

from greenchat.testing import Peer


class Line(NamedTuple):
    """A line as a client understands it; the source is a nick, or the server's name."""

    tags: dict[str, str]
    source: str
    verb: str
    params: list[str]

    @property
    def text(self) -> str:
        return self.params[-1] if self.params else ""


def parse(raw: str) -> Line:
    tags: dict[str, str] = {}
    if raw.startswith("@"):
        words, _, raw = raw[1:].partition(" ")
        tags = dict(re.match(r"([^=]*)=?(.*)", word).groups() for word in words.split(";"))
    source = ""
    if raw.startswith(":"):
        source, _, raw = raw[1:].partition(" ")
    words, colon, last = raw.partition(" :")
    verb, *params = words.split()
    return Line(tags, source.partition("!")[0], verb, [*params, *([last] if colon else [])])


class IrcClient(Peer):
    """Who has asked for `caps`, and come in as `nick` into `rooms`; an `account` is a name and its password."""

    def __init__(self, server, nick="", *rooms, caps=(), account=None, user="user", realname="Real Name"):
        super().__init__(getattr(server, "host", "127.0.0.1"), server.port)
        self.nick = nick
        if not nick:
            return
        if caps or account:
            wanted = [*caps, *(["sasl"] if account else [])]
            self.send("CAP LS 302", f"CAP REQ :{' '.join(wanted)}")
        self.send(f"NICK {nick}", f"USER {user} 0 * :{realname}")
        if account:
            self.send("AUTHENTICATE PLAIN")
            self.until("AUTHENTICATE")
            self.send(f"AUTHENTICATE {b64encode(chr(0).join(['', *account]).encode()).decode()}")
            self.until("903")
        if caps or account:
            self.send("CAP END")
        self.welcome = self.until("422")
        for room in rooms:
            self.send(f"JOIN {room}")
            self.until("366")
        self.welcome += self.sync()

    def close(self) -> None:
        """Leave, and see it through: the nick is free then."""
        with suppress(OSError, ValueError):
            self.send("QUIT")
            while self.read():
                pass
        super().close()

    def send(self, *lines: str) -> None:
        self.socket.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def line(self) -> Line:
        raw = self.read()
        assert raw, "the server has closed"
        assert raw.endswith("\r"), raw
        return parse(raw[:-1])

    def until(self, verb: str) -> list[Line]:
        """All lines up to the first with this verb, which is the last of them."""
        found = []
        while not found or found[-1].verb != verb:
            found.append(self.line())
        return found

    def sync(self) -> list[Line]:
        """All that is still to be read: asked twice, since others may have been served a turn later."""
        found = []
        for token in ("sync-1", "sync-2"):
            self.send(f"PING {token}")
            while (line := self.line()).verb != "PONG" or line.text != token:
                found.append(line)
        return found

    def ask(self, *lines: str) -> list[Line]:
        """All that is told once `lines` are sent."""
        self.send(*lines)
        return self.sync()

    def verbs(self, *lines: str) -> list[str]:
        return [line.verb for line in self.ask(*lines)]
