"""A `say` that is repeated with its key is said once, and has one answer: also where the server is killed in between,
at whatever moment."""

import json
import random
import socket
import sqlite3
import time
from contextlib import closing, suppress

from kit.processes import serve_process

from greenchat.testing import DEADLINE

KILLS, FULL_KILLS = 8, 150

# So much of one writer is on its way at once; and so much that has its answer already is said again in each life.
WINDOW, AGAIN = 24, 4

PASSWORD = "correct-horse-battery"
SETTINGS = [
    argument
    for setting in (
        "limits.flood_rate=0",
        "limits.connections_per_address=0",
        "plugins.accounts.memory_mib=1",
        "plugins.accounts.passes=1",
    )
    for argument in ("--set", setting)
]


class Writer:
    """Says one text after the other, each with a key, and again in the next life of the server what has no answer. A
    guest comes back by a token: the last one, or the one before, where the server did not live to write it down."""

    def __init__(self, name, chance, *, login=""):
        self.name, self.login, self.chance = name, login, chance
        self.count = 0
        self.open = []  # keys of what has no answer
        self.answers = {}  # by key
        self.tokens = []

    def come(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), DEADLINE)
        self.file = self.socket.makefile("rb")
        joins = [{"token": token} for token in reversed(self.tokens[-2:])] or [{"name": self.name}]
        if self.login:
            joins = [{"name": self.name, "login": self.login}]
        for join in joins:
            self.send(type="join", ref="join", **join)
            if (answer := self.read("join"))["type"] == "welcome":
                break
        assert answer["type"] == "welcome", answer
        if not self.login:
            self.tokens.append(answer["token"])
        known = self.chance.sample(sorted(self.answers), min(AGAIN, len(self.answers)))
        self.asked = [*self.open, *known]
        for key in self.asked:
            self.say(key)

    def send(self, **frame):
        self.socket.sendall(json.dumps(frame).encode() + b"\n")

    def say(self, key):
        self.send(type="say", text=f"text of {key}", room="lobby", key=key, ref=key)

    def read(self, *refs):
        """The next frame with one of these refs; raises `EOFError` at the end."""
        while line := self.file.readline():
            frame = json.loads(line) if line.endswith(b"\n") else {}
            if frame.get("ref") in refs:
                return frame
        raise EOFError

    def write(self):
        """Say one more, and take an answer where enough is under way."""
        self.count += 1
        key = f"{self.name}-{self.count}"
        self.open.append(key)
        self.asked.append(key)
        self.say(key)
        if len(self.asked) >= WINDOW:
            self.take()

    def take(self):
        ack = self.read(*self.asked)
        assert ack["type"] == "ack", ack
        key = ack.pop("ref")
        self.asked.remove(key)
        assert self.answers.setdefault(key, ack) == ack
        with suppress(ValueError):
            self.open.remove(key)

    def end(self):
        """Take what has come before the server was killed."""
        with suppress(EOFError, ConnectionError):
            while self.asked:
                self.take()
        self.file.close()
        self.socket.close()


def test_what_is_said_again_after_a_kill_is_said_once(tmp_path, full, seed):
    chance = random.Random(seed)
    writers = [Writer("ada", chance, login=PASSWORD), Writer("gus", chance)]
    with serve_process(tmp_path, *SETTINGS) as server:
        with closing(server.connect()) as ada:
            ada.send("JOIN|ada", f"MSG|/register {PASSWORD}")
            ada.read_until("INFO|ada is yours now. Next time: /login ada PASSWORD")
        writers[1].come(server.port)
        writers[1].end()
        server.stop()
    for _ in range(FULL_KILLS if full else KILLS):
        with serve_process(tmp_path, *SETTINGS) as server:
            for writer in writers:
                writer.come(server.port)
            live(server, writers, chance)
    with serve_process(tmp_path, *SETTINGS) as server:
        for writer in writers:
            writer.come(server.port)
            while writer.asked:
                writer.take()
            writer.end()
        assert "Traceback" not in server.stop()[1]
    check(tmp_path, writers)


def live(server, writers, chance):
    """The writers write, until the server is killed: after some of that, and some thousandths of a second."""
    with suppress(ConnectionError, EOFError):
        for _ in range(chance.randrange(150)):
            for writer in writers:
                writer.write()
    time.sleep(chance.random() * 0.02)
    server.process.kill()
    server.process.wait()
    for writer in writers:
        writer.end()


def check(data_dir, writers):
    with closing(sqlite3.connect(data_dir / "history.sqlite3")) as connection:
        rows = connection.execute("SELECT seq, id, text FROM messages ORDER BY seq").fetchall()
        kept = dict(connection.execute("SELECT key, seq FROM keys"))
    texts = [text for _, _, text in rows]
    assert sorted(texts) == sorted({f"text of {key}" for writer in writers for key in writer.answers})
    by_text = {text: (seq, number) for seq, number, text in rows}
    for writer in writers:
        assert len(writer.answers) == writer.count > 0
        for key, ack in writer.answers.items():
            assert (ack["seq"], ack["id"]) == by_text[f"text of {key}"]
            assert kept[key] == ack["seq"]
