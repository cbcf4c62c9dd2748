"""Readers that are slower than others talk: what waits for them is bounded, and rooms do not run away from them."""

import socket
import threading
import time
from contextlib import ExitStack

import pytest
from kit.hall import Hall
from kit.machine import eventually

from greenchat import hookimpl
from greenchat.config.schema import Limits
from greenchat.net.backlog import DEAD_SECONDS, LATE_BYTES, Backlog
from greenchat.testing import DEADLINE, Peer, serving

MARK = b"mark"
TEXT = f"{MARK.decode()} " + "x" * 1000

# Of a reader whose line is slow, in bytes a second: 10 Mbit/s.
LINE = 1_250_000


class Watch:
    """A plugin that remembers why connections ended."""

    def __init__(self):
        self.reasons = {}

    @hookimpl
    def greenchat_disconnected(self, session, reason):
        self.reasons[session.name] = reason

    @property
    def lost(self):
        """Who was given up for reading too slowly."""
        return [name for name, reason in self.reasons.items() if "slowly" in reason]


def connect_from(server, address, name, received=0):
    """A plain client with an address of its own, which has joined; `received` is the size of its kernel's buffer."""
    sock = socket.socket()
    if received:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, received)
    sock.settimeout(DEADLINE)
    sock.bind((address, 0))
    sock.connect((server.host, server.port))
    peer = Peer.__new__(Peer)
    peer.socket, peer._file = sock, sock.makefile("rb")
    peer.send(f"JOIN|{name}")
    assert peer.read().startswith("INFO|Welcome")
    return peer


class SlowLine(threading.Thread):
    """Reads what comes to a peer as fast as its line brings it, in bytes a second: how many `messages` there were."""

    def __init__(self, peer, line=LINE):
        super().__init__(daemon=True)
        self.peer, self.line, self.messages = peer, line, 0
        self.start()

    def run(self):
        began, read, rest = time.monotonic(), 0, b""
        try:
            while data := self.peer.socket.recv(16 * 1024):
                self.messages += (rest + data).count(MARK)
                rest = data[1 - len(MARK) :]
                read += len(data)
                time.sleep(max(began + read / self.line - time.monotonic(), 0))
        except OSError:
            pass


def flood(server, writers, frames):
    """`frames` messages by each of so many at once, who read what comes; in how many seconds all were taken."""

    def write(number):
        with server.connect() as peer:
            peer.send(f"JOIN|w{number}")
            reader = SlowLine(peer, line=1e9)
            peer.send(*(f"MSG|{TEXT}" for _ in range(frames)), "LEAVE")
            reader.join(4 * DEADLINE)

    began = time.monotonic()
    threads = [threading.Thread(target=write, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(6 * DEADLINE)
    return time.monotonic() - began


PATIENCE = 2 * DEADLINE  # for much that is read slowly


def test_a_flood_by_many_is_slowed_down_before_readers_with_slow_lines_are_lost():
    watch = Watch()
    with serving(watch) as server, ExitStack() as peers:
        slow = [peers.enter_context(connect_from(server, f"127.0.0.{2 + n}", f"slow{n}", 65536)) for n in range(4)]
        lines = [SlowLine(peer) for peer in slow]
        flood(server, writers=5, frames=800)  # 4 MB: three times what may wait for them, here and in the kernel
        eventually(
            lambda: all(line.messages == 4000 for line in lines) or watch.lost,
            "not all was read",
            patience=PATIENCE,
        )
    assert not watch.lost


@pytest.mark.parametrize("addresses", [["127.0.0.2"], ["127.0.0.2"] * 4], ids=["one", "several of one address"])
def test_who_reads_slowly_alone_slows_nobody_down(addresses):
    watch = Watch()
    with serving(watch, settings={"limits.outbox_bytes": 400_000}) as server, ExitStack() as peers:
        slow = [
            peers.enter_context(connect_from(server, address, f"slow{n}", 65536)) for n, address in enumerate(addresses)
        ]
        lines = [SlowLine(peer, line=50_000) for peer in slow]
        seconds = flood(server, writers=2, frames=1000)
        eventually(
            lambda: len([name for name in watch.reasons if "slow" in name]) == len(lines),
            watch.reasons,
            patience=PATIENCE,
        )
    # At the rate that everybody may keep, 1000 messages would take 100 seconds.
    assert seconds < 50
    assert all("reads too slowly" in watch.reasons[f"slow{number}"] for number in range(len(lines)))


def test_what_waits_for_all_is_bounded_and_those_furthest_behind_go_first():
    watch = Watch()
    settings = {"limits.outbox_bytes": 0, "limits.outboxes_bytes": 3_000_000}
    with serving(watch, settings=settings) as server, ExitStack() as peers:
        first = peers.enter_context(connect_from(server, "127.0.0.1", "first", 65536))
        reader = server.join("reader")
        SlowLine(reader, line=1e9)
        ada = server.join("ada")
        ada.send(*[f"MSG|{TEXT}"] * 1500)
        eventually(
            lambda: server.call(lambda: server.server.backlog.bytes) > 300_000, "nothing waits", patience=PATIENCE
        )
        second = peers.enter_context(connect_from(server, "127.0.0.1", "second", 65536))
        while not watch.reasons:
            ada.send(*[f"MSG|{TEXT}"] * 60)
            assert server.call(lambda: server.server.backlog.bytes) < 3_300_000
        assert list(watch.reasons) == ["first"]
        assert watch.reasons["first"] == "reads too slowly: too much waited for all who do"
        assert server.call(lambda: server.server.stats().waiting_bytes) < 3_000_000
        assert first.socket.fileno() != second.socket.fileno()


# --- when a room is ahead of its readers -----------------------------------------------------------------------------


class Box:
    """An outbox as the backlog sees it."""

    def __init__(self, waiting, took_at):
        self.bytes_waiting, self.took_at = waiting, took_at


def is_ahead(readers, members):
    """`readers`: the address, what waits, and how many seconds ago something of it was taken."""
    hall, backlog = Hall(*(f"p{number}" for number in range(members))), Backlog(Limits())
    now = time.monotonic()
    for number, person in enumerate(hall.people.values()):
        person.address = f"10.0.{number // 200}.{number % 200}:5000"
        person.outbox = Box(0, 0.0)
    for number, (address, waiting, ago) in enumerate(readers):
        hall.people[f"p{number}"].address = f"{address}:5000"
        box = hall.people[f"p{number}"].outbox = Box(waiting, now - ago)
        if waiting:
            backlog.begins(box)
    return backlog.is_ahead(hall.chat.rooms["lobby"])


LATE = LATE_BYTES + 1


@pytest.mark.parametrize(
    ("readers", "members", "ahead"),
    [
        ([("192.0.2.1", LATE, 0.1), ("192.0.2.2", LATE, 0.1), ("192.0.2.3", LATE, 0.1)], 30, True),
        ([("192.0.2.1", LATE, 0.1), ("192.0.2.2", LATE, 0.1), ("192.0.2.3", LATE, 0.1)], 31, False),
        ([("192.0.2.1", LATE, 0.1), ("192.0.2.2", LATE, 0.1)], 2, False),
        ([("192.0.2.1", LATE, 0.1), ("192.0.2.2", LATE, 0.1), ("192.0.2.2", LATE, 0.1)], 3, False),
        ([("192.0.2.1", LATE, 0.1), ("192.0.2.2", LATE, 0.1), ("192.0.2.3", LATE, DEAD_SECONDS + 1)], 3, False),
        ([("192.0.2.1", LATE, 0.1), ("192.0.2.2", LATE, 0.1), ("192.0.2.3", LATE_BYTES, 0.1)], 3, False),
    ],
    ids=["a tenth", "less than a tenth", "two", "two addresses", "one of three is dead", "one of three is not late"],
)
def test_a_room_waits_for_a_tenth_of_its_readers_three_at_least(readers, members, ahead):
    assert is_ahead(readers, members) is ahead
