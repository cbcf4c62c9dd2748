"""Clients that mean no good, on real sockets: the others do not notice, and nothing of them is left over."""

import itertools
import random
import re
import resource
import select
import socket
import time
from contextlib import ExitStack, closing
from pathlib import Path

import psutil
import pytest
from crowd import Crowd
from faults import connect, drop_what_comes, feed, garbling, never_reading, reset_on_close, resetting, vanishing
from kit.processes import ServeProcess, serve_process
from left_over import COUNTER, left_over

from greenchat.testing import DEADLINE, UNLIMITED, Peer, serving

pytestmark = pytest.mark.alone

# Small enough to be filled soon, and large enough that no good client falls behind so far.
OUTBOX_BYTES = 300_000


class Fortress:
    """A server process that many tests attack, its flood control off: a storm is a storm."""

    def __init__(self, server: ServeProcess, directory: Path, counter: Peer) -> None:
        self.port = server.port
        self.connect = server.connect
        self.join = server.join
        self._log = directory / "stderr.log"
        self._process = psutil.Process(server.process.pid)
        self.holds = lambda: left_over(server, counter)
        self.empty = self.holds()

    def megabytes(self) -> float:
        return self._process.memory_info().rss / 1e6

    def log(self) -> str:
        """The log as it is now."""
        return self._log.read_text()


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    directory = tmp_path_factory.mktemp("fortress")
    (directory / "counter.py").write_text(COUNTER)
    settings = {**UNLIMITED, "limits.outbox_bytes": OUTBOX_BYTES, "limits.join_seconds": 0}
    # Nobody who is lost is waited for: what is left over would be told apart from them in a minute only.
    settings |= {"limits.absence_seconds": 0, "limits.resume_seconds": 0}
    flags = [word for path, value in settings.items() for word in ("--set", f"{path}={value}")]
    with serve_process(directory, "--plugins-dir", str(directory), *flags) as server:
        with server.connect() as counter:
            yield Fortress(server, directory, counter)
        _, log = server.stop()
    assert server.process.returncode == 0
    assert not re.findall(r"^.*(?:ERROR|CRITICAL|Traceback).*$", log, re.MULTILINE)


@pytest.fixture
def fortress(process):
    """The server; once its attackers have gone, no member, session, greenlet or descriptor of theirs may be left."""
    yield process
    deadline = time.monotonic() + DEADLINE
    while (after := process.holds()) != process.empty:
        assert time.monotonic() < deadline, f"left over: {after}; before: {process.empty}"


def exhaust(crowd: Crowd, *faults) -> None:
    """Let the crowd chat until the faults have done what they do."""
    going = list(faults)
    deadline = time.monotonic() + DEADLINE
    while going:
        assert time.monotonic() < deadline, f"{len(going)} go on"
        crowd.turn()
        going = [fault for fault in going if next(fault, "over") is None]


def chat_among(crowd: Crowd, seconds: float, *faults, close: bool = True) -> None:
    """Let the crowd chat for some seconds, while the faults go on; then they are closed."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        crowd.turn()
        for fault in faults:
            next(fault, None)
    for fault in faults if close else ():
        fault.close()


def all_heard(crowd: Crowd) -> None:
    crowd.settle()
    crowd.check()
    assert crowd.delivered == crowd.sent * (len(crowd.clients) - 1) > 0


# --- storms ----------------------------------------------------------------------------------------------------------


def test_vanishing_resetting_and_garbling_clients_cost_the_others_nothing(fortress):
    rng = random.Random(1)
    with Crowd(fortress.port, 6, rate=100) as crowd:
        faults = [
            kind(fortress.port, f"bad{number}", rng)
            for number in range(60)
            for kind in (vanishing, resetting, garbling)
        ]
        chat_among(crowd, 1, *faults)
        all_heard(crowd)


def test_a_storm_of_connections_that_say_nothing_or_one_byte_passes(fortress):
    def storm():
        for number in range(600):
            with socket.create_connection(("127.0.0.1", fortress.port), DEADLINE) as sock:
                sock.sendall((b"", b"{", b"M", b"\n", b"\x16")[number % 5])
                if number % 2:
                    reset_on_close(sock)
            if number % 20 == 0:
                yield

    with Crowd(fortress.port, 6, rate=100) as crowd:
        exhaust(crowd, storm())
        all_heard(crowd)


def test_who_resets_in_the_middle_of_a_batch_takes_nothing_from_the_others(fortress):
    texts = [f"MSG|{number} {'x' * 200}" for number in range(2000)]
    with fortress.join("ada") as ada, fortress.join("bob") as bob, ExitStack() as crowd:
        victims = [crowd.enter_context(fortress.join(f"victim{number}")) for number in range(20)]
        for peer in (bob, *victims[:-1]):
            peer.read_until("INFO|victim19 has joined the chat.")
        ada.send(*texts[:1000])
        for victim in victims:
            victim.read()
            reset_on_close(victim.socket)
            victim.close()
        ada.send(*texts[1000:])
        heard = [bob.read() for _ in range(2000 + len(victims))]
    assert [line.removeprefix("MSG|ada|") for line in heard if line.startswith("MSG|")] == [
        text.removeprefix("MSG|") for text in texts
    ]
    gone = [line for line in heard if line.startswith("INFO|")]
    assert sorted(gone) == sorted(f"INFO|victim{number} has left the chat." for number in range(20))


def test_a_storm_of_joins_and_leaves_is_told_once_each_and_the_name_is_free_again(fortress):
    with fortress.join("witness") as witness:
        for number in range(300):
            with socket.create_connection(("127.0.0.1", fortress.port), DEADLINE) as sock:
                sock.sendall(b"JOIN|yoyo\nMSG|%d\nLEAVE\n" % number)
                answer = sock.makefile("rb").read()
            assert answer.startswith(b"INFO|Welcome to lobby, yoyo."), answer
            witness.expect("INFO|yoyo has joined the chat.", f"MSG|yoyo|{number}", "INFO|yoyo has left the chat.")


def test_of_a_hundred_who_want_one_name_at_once_one_gets_it(fortress):
    with ExitStack() as crowd:
        peers = [crowd.enter_context(fortress.connect()) for _ in range(100)]
        for peer in peers:
            peer.send("JOIN|highlander")
        answers = [peer.read() for peer in peers]
    assert sum(answer.startswith("INFO|Welcome to lobby, highlander.") for answer in answers) == 1
    assert answers.count("ERROR|The username highlander is taken. Choose another.") == 99


def endless(port: int, data: bytes):
    """A fault: the same bytes again and again, as fast as the server takes them."""
    with closing(connect(port)) as sock:
        while drop_what_comes(sock) and feed(sock, data):
            yield


@pytest.mark.parametrize("first", [b"MSG|", b'{"type":"say","text":"'], ids=["plain", "json"])
def test_an_endless_line_is_closed_and_fills_no_memory(fortress, first):
    before = fortress.megabytes()
    with Crowd(fortress.port, 4, rate=100) as crowd:
        exhaust(crowd, *(endless(fortress.port, first + b"x" * 65536) for _ in range(20)))
        all_heard(crowd)
    assert fortress.megabytes() - before < 20  # 20 endless lines of 1 MiB each were sent


@pytest.mark.parametrize("empty", [b"\n", b"\r\n", b"{}\n\n\n"], ids=repr)
def test_endless_empty_frames_fill_no_memory_and_the_others_are_served(fortress, empty):
    before = fortress.megabytes()
    with Crowd(fortress.port, 4, rate=50) as crowd:
        chat_among(crowd, 0.5, *(endless(fortress.port, empty * 8192) for _ in range(3)))
        all_heard(crowd)
    assert fortress.megabytes() - before < 20


def test_who_reads_nothing_costs_the_others_nothing_and_is_closed_with_the_reason(fortress):
    """Forty such, and the good ones hear everything; what waits for the forty stays within their bounds."""
    before = fortress.megabytes()
    with Crowd(fortress.port, 4, rate=50) as crowd:
        mutes = [never_reading(fortress.port, f"mute{number}", random.Random()) for number in range(40)]
        talk = talking(fortress.port)
        deadline = time.monotonic() + DEADLINE
        most = before
        try:
            # What is logged of connections of one address is limited; what is told of people is not.
            while len(closed := re.findall(r"mute\d+ left lobby: reads too slowly: more", fortress.log())) < 40:
                assert time.monotonic() < deadline, f"{len(closed)} were closed"
                chat_among(crowd, 0.05, *mutes, talk, close=False)
                most = max(most, fortress.megabytes())
        finally:
            for fault in (*mutes, talk):
                fault.close()
        all_heard(crowd)
    assert most - before < 40 * OUTBOX_BYTES / 1e6 + 10


def talking(port: int):
    """A fault of sorts: says long messages, and reads what comes."""
    with closing(connect(port)) as sock:
        feed(sock, b"JOIN|talker\n")
        while drop_what_comes(sock) and feed(sock, (b"MSG|" + b"x" * 4000 + b"\n") * 20):
            yield


RUBBISH = {
    "json": b"{}\n" * 21_000,
    "plain": b"x\n" * 32_000,
    "empty": b"\n" * 64_000,
    "long names": (b"JOIN|" + "א".encode() * 2000 + b"\n") * 16,
}


@pytest.mark.parametrize("data", RUBBISH.values(), ids=RUBBISH)
def test_rubbish_takes_little_memory_and_little_of_the_processor(tmp_path, data):
    """From 40 clients, a buffer full, at the limits that users have."""
    with serve_process(tmp_path, "--set", "limits.attempts_per_minute=0") as server, ExitStack() as crowd:
        process = psutil.Process(server.process.pid)
        with Crowd(server.port, 4, rate=20) as good:
            memory, busy = process.memory_info().rss, sum(process.cpu_times()[:2])
            rubbish = [crowd.enter_context(closing(connect(server.port))) for _ in range(40)]
            for sock in rubbish:
                feed(sock, data)
            chat_among(good, 0.7)
            all_heard(good)
            assert process.memory_info().rss - memory < 25e6
            assert sum(process.cpu_times()[:2]) - busy < 0.7


# --- on the doorstep -------------------------------------------------------------------------------------------------


def test_a_frame_that_drips_in_byte_by_byte_does_not_keep_the_door_open():
    with serving(settings={"limits.join_seconds": 0.4}) as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.expect("INFO|bob has joined the chat.")
        slow = {server.connect(): itertools.cycle(frame) for frame in [b"JOIN|sloth", b'{"type":"join"', b"\xf0"] * 10}
        said = {}
        deadline = time.monotonic() + DEADLINE
        while slow:
            assert time.monotonic() < deadline
            for peer, dripping in slow.items():
                peer.socket.sendall(bytes([next(dripping)]))
            ada.send("MSG|still here")
            bob.expect("MSG|ada|still here")
            readable, _, _ = select.select([peer.socket for peer in slow], [], [], 0.02)
            for peer in [peer for peer in slow if peer.socket in readable]:
                said[peer] = peer.read()
                del slow[peer]
        assert all("You have not joined in time." in line for line in said.values())
        assert len(said) == 30


# --- names -----------------------------------------------------------------------------------------------------------


def test_a_thousand_spellings_of_a_name_are_one_name(fortress):
    spellings = ["".join(letters) for letters in itertools.product(*((c, c.upper()) for c in "greenfoxes"))][1:1001]
    with fortress.join("greenfoxes"), fortress.connect() as peer:
        for start in range(0, 1000, 100):
            part = spellings[start : start + 100]
            peer.send(*(f"JOIN|{name}" for name in part))
            peer.expect(*(f"ERROR|The username {name} is taken. Choose another." for name in part))


@pytest.fixture
def many_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if 0 < hard < 4096 else max(soft, 4096), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_descriptors")
def test_a_thousand_near_identical_names_are_a_thousand_people(fortress):
    names = ["".join(letters) for letters in itertools.product("l1i", repeat=7)][:1000]
    with ExitStack() as crowd, fortress.join("witness") as witness:
        people = {}
        for name in names:
            people[name] = crowd.enter_context(fortress.connect())
            people[name].send(f"JOIN|{name}")
        assert {witness.read() for _ in names} == {f"INFO|{name} has joined the chat." for name in names}
        witness.send(f"MSG|/msg {names[500]} psst", "MSG|all")
        witness.expect(f"INFO|To {names[500]}: psst")
        private = "MSG|witness (private)|psst"
        assert private in people[names[500]].read_until("MSG|witness|all")
        for name in (names[499], names[501]):
            assert private not in people[name].read_until("MSG|witness|all")
