"""Arbitrary bytes and half-valid frames against a live server.

The codecs alone are fuzzed in test_codecs.py. Here clients come, say anything at all, and go, while two others chat.
"""

import json
import re
import socket
import time
from contextlib import suppress
from dataclasses import dataclass

import psutil
from faults import NOISE, reset_on_close
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from kit.processes import ServeProcess, serve_process
from left_over import COUNTER, left_over

from greenchat.codecs.http import HTTP_BEGINNINGS, FirstLine
from greenchat.testing import DEADLINE, UNLIMITED

SECONDS, FULL_SECONDS = 10, 300

CLIENTS = 3

# Plans that are tried with one seed; between two seeds the time is looked at.
PLANS_A_ROUND = 20

# --- what is sent ----------------------------------------------------------------------------------------------------

# Few names, so that they are taken; of the two that chat as well.
NAMES = st.sampled_from(["ada", "ADA", "bob", "witness", "listener", "info", "a b", "x" * 40, "grüße", "\u202eada", ""])
TEXT = (
    st.text(max_size=20) | NAMES | st.sampled_from(["hi", "INFO|forged", "\n", "\x1b[2J", "x" * 4090, "|", "/", "//"])
)
COMMANDS = st.sampled_from(
    ["help", "who", "me", "msg", "reply", "nick", "ping", "quit", "HELP", "dance", "", "join", "part", "rooms", "topic"]
) | st.sampled_from(["room", "away", "back", "ignore", "whois", "history", "search", "kick"])

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
TYPES = st.sampled_from(["join", "say", "leave", "history", "search", "ping", "pong", "status", "message", "SAY", ""])
FIELDS = {"text": TEXT, "name": NAMES, "room": TEXT, "ref": st.integers(), "limit": st.integers()}


def plain_frames() -> st.SearchStrategy[bytes]:
    kinds = st.sampled_from(["MSG", "msg", "JOIN", "join", "LEAVE", "INFO", " MSG "])
    frame = st.builds("{}|{}".format, kinds, TEXT)
    command = st.builds("MSG|/{} {}".format, COMMANDS, TEXT)
    join = st.builds("JOIN|{}".format, NAMES) | st.builds("JOIN|{}|{}".format, NAMES, TEXT)
    end = st.sampled_from(["\n", "\n", "\r\n", "\r", ""])
    return st.builds(lambda line, end: (line + end).encode(errors="surrogatepass"), frame | command | join, end)


def json_frames() -> st.SearchStrategy[bytes]:
    valid = st.fixed_dictionaries({"type": TYPES}, optional=FIELDS)
    command = st.builds(lambda name, text: {"type": "say", "text": f"/{name} {text}", "ref": 1}, COMMANDS, TEXT)
    odd = st.dictionaries(st.sampled_from(["type", *FIELDS]) | TEXT, ANYTHING, max_size=5)
    end = st.sampled_from(["\n", "\n", "\n", " ", ""])
    return st.builds(lambda thing, end: (json.dumps(thing) + end).encode(), valid | command | odd | ANYTHING, end)


def damaged(frame: bytes, place: int, by: bytes) -> bytes:
    place %= len(frame) + 1
    return frame[:place] + by + frame[place + 1 :]


def streams(frames: st.SearchStrategy[bytes], join: bytes) -> st.SearchStrategy[bytes]:
    """Mostly frames, some of them damaged, and now and then anything; half of the streams begin with a JOIN."""
    broken = st.builds(damaged, frames, st.integers(0, 50), st.binary(max_size=2))
    noise = st.binary(max_size=20) | st.sampled_from(NOISE)
    parts = st.sampled_from([frames, frames, frames, broken, noise]).flatmap(lambda kind: kind)
    ended = st.builds(bytes.__add__, parts, st.sampled_from([b"\n", b"\n", b"\n", b""]))
    return st.builds(
        lambda first, rest: first + b"".join(rest), st.sampled_from([b"", join]), st.lists(ended, max_size=8)
    )


DATA = streams(plain_frames(), b"JOIN|ada\n") | streams(json_frames(), b'{"type":"join","name":"bob"}\n')

# A plan is a list of (what is done, by which client, with which bytes).
STEPS = st.sampled_from(["send", "send", "send", "send", "read", "end", "reset", "close"])
PLANS = st.lists(st.tuples(STEPS, st.integers(0, CLIENTS - 1), DATA), max_size=12)


# --- what is done with it --------------------------------------------------------------------------------------------


@dataclass
class Client:
    """One that follows a plan: all it has sent, and all it has heard."""

    socket: socket.socket
    sent: bytes = b""
    heard: bytes = b""

    def send(self, data: bytes) -> None:
        try:
            self.socket.sendall(data)
        except OSError:
            return  # the server has closed it: it left, or could not be understood
        self.sent += data

    def read(self) -> None:
        self.socket.setblocking(False)
        with suppress(OSError):
            self.heard += self.socket.recv(1 << 16)
        self.socket.settimeout(DEADLINE)

    def end(self) -> None:
        """Say no more, and hear the server out: it must close."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
            while data := self.socket.recv(1 << 16):
                self.heard += data
        except ConnectionError:
            pass
        self.socket.close()

    def reset(self) -> None:
        reset_on_close(self.socket)
        self.socket.close()

    def check(self) -> None:
        """Only lines of its language may have been heard. Clients of other protocols are answered in those."""
        assert b"Traceback" not in self.heard
        if not self.sent or self.sent.startswith((*HTTP_BEGINNINGS, b"SSH-", b"HELO ", b"EHLO ")):
            return
        if not self.sent.startswith(b"{") and FirstLine().feed(self.sent):
            return
        *lines, _ = self.heard.decode().split("\n")
        for line in lines:
            if self.sent.startswith(b"{"):
                assert json.loads(line)["type"]
            elif IRC.match(self.sent):
                assert re.match(r"(@\S+ )?(:\S+ )?([A-Z]+|\d{3}) ", line), line
            else:
                assert re.match(r"(MSG\|[^|]+|INFO|ERROR)\|", line), line


# How clients of IRC begin.
IRC = re.compile(rb"(?i:CAP|NICK|USER|PASS) ")

# What somebody who has joined may be sent, whatever the others do.
EVENTS = {"ack", "joined", "left", "renamed", "topic", "away", "role", "notice", "invited"}
EVENTS |= {"edited", "deleted", "reacted"}


class Chat:
    """Two who chat meanwhile, one plain and one JSON, and miss nothing."""

    def __init__(self, server: ServeProcess) -> None:
        self.witness = server.join("witness")
        self.listener = server.connect()
        self.listener.send('{"type":"join","name":"listener"}')
        self.listener.read()
        # What is opened once is open now: one reader for pages, another for searches.
        for request, answer in (
            ('{"type":"history","room":"lobby"}', "history"),
            ('{"type":"search","text":"x"}', "found"),
        ):
            self.listener.send(request)
            while json.loads(self.listener.read())["type"] != answer:
                pass
        self._mark = 0
        self._seq = 0  # the latest message of the room that the listener knows of
        self._own: set[int] = set()

    def check(self) -> None:
        """Each hears the other, and whatever else was said in the room before; the listener counts: there is no gap."""
        self._mark += 1
        mark = f"mark {self._mark}"
        self.witness.send(f"MSG|{mark}")
        while self._hear() != ("witness", mark):
            pass
        self.listener.send(json.dumps({"type": "say", "text": mark, "ref": self._mark}))
        while (line := self.witness.read()) != f"MSG|listener|{mark}":
            assert re.match(r"(MSG\|[^|]+|INFO)\|", line), line
        while len(self._own) < self._mark:  # that it is on disk may be told later than what others say next
            self._hear()

    def _hear(self) -> tuple[str, str] | None:
        """The next that the listener is sent: who says what, where it is a message."""
        event = json.loads(self.listener.read())
        if event["type"] == "ack":
            self._own.add(event["seq"])
        if event["type"] != "message":
            assert event["type"] in EVENTS, event
            return None
        self._seq += 1
        while self._seq in self._own:
            self._seq += 1
        assert event["seq"] == self._seq
        assert len(event["text"].splitlines()) == 1
        return event["sender"], event["text"]


def follow(server: ServeProcess, plan) -> None:
    everybody: list[Client] = []
    try:
        take_steps(server, plan, everybody)
        for client in everybody:
            client.check()
    finally:  # what is left open by one that fails would be blamed on the next test
        for client in everybody:
            client.socket.close()


def take_steps(server: ServeProcess, plan, everybody: list[Client]) -> None:
    clients: dict[int, Client] = {}
    for step, number, data in plan:
        if number not in clients:
            clients[number] = Client(socket.create_connection(("127.0.0.1", server.port), DEADLINE))
            everybody.append(clients[number])
        match step:
            case "send":
                clients[number].send(data)
            case "read":
                clients[number].read()
            case "end":
                clients.pop(number).end()
            case "reset":
                clients.pop(number).reset()
            case "close":
                clients.pop(number).socket.close()
    for client in clients.values():
        client.end()


def fuzz(server: ServeProcess, chat: Chat, number: int) -> None:
    @seeded(number)
    @settings(
        max_examples=PLANS_A_ROUND,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # a live server has a past: a shorter plan would not fail in the same way
        suppress_health_check=list(HealthCheck),
    )
    @given(PLANS)
    def one_round(plan) -> None:
        follow(server, plan)
        chat.check()

    one_round()


def test_whatever_comes_nobody_sees_a_traceback_and_the_chat_goes_on(tmp_path, full, seed):
    (tmp_path / "counter.py").write_text(COUNTER)
    # Nobody who is lost is waited for: what is left over would be told apart from them in a minute only.
    flags = {**UNLIMITED, "limits.join_seconds": 0, "limits.absence_seconds": 0, "limits.resume_seconds": 0}
    arguments = [word for path, value in flags.items() for word in ("--set", f"{path}={value}")]
    with serve_process(tmp_path, "--plugins-dir", str(tmp_path), *arguments) as server, server.connect() as counter:
        process = psutil.Process(server.process.pid)
        chat = Chat(server)
        fuzz(server, chat, seed)  # what is loaded once is loaded now
        before, memory = left_over(server, counter), process.memory_info().rss
        begun, rounds = time.monotonic(), 0
        while time.monotonic() - begun < (FULL_SECONDS if full else SECONDS):
            rounds += 1
            fuzz(server, chat, seed + rounds)
        deadline = time.monotonic() + DEADLINE
        while (after := left_over(server, counter)) != before:
            assert time.monotonic() < deadline, f"left over: {after}; before: {before}"
        assert process.memory_info().rss - memory < 15e6
        assert_all_is_well(server)
        chat.witness.close()
        chat.listener.close()
        _, log = server.stop()
    assert server.process.returncode == 0
    assert not re.findall(r"^.*(?:ERROR|CRITICAL|Traceback).*$", log, re.MULTILINE)
    assert rounds > 0


def assert_all_is_well(server: ServeProcess) -> None:
    """Whoever comes now chats as if nothing had been."""
    with server.join("ada") as ada, server.join("bob") as bob:
        ada.expect("INFO|bob has joined the chat.")
        bob.send("MSG|How are you?")
        ada.expect("MSG|bob|How are you?")
        ada.send("MSG|/me is fine", "LEAVE")
        bob.expect("MSG|ada|* ada is fine", "INFO|ada has left the chat.")
        ada.expect_closed()
