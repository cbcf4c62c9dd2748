"""`greenchat bench`: what it counts and says. How fast anything is, is not asserted."""

import json
import os
import re
import socket
import threading
from contextlib import closing

import psutil
import pytest
from greenchat_plugins import web
from greenchat_plugins.web.websocket import WebSocketCodec
from kit.benches import DUE, SMALL, bench, measured, sentence
from kit.processes import kept_port

from greenchat import Reject, hookimpl
from greenchat.bench.crowd import Crowd
from greenchat.bench.languages import BenchError, Hearing, Json, Plain, Web
from greenchat.bench.measure import Load, measure, percentile
from greenchat.bench.server import own_server
from greenchat.codecs.jsonlines import JsonCodec
from greenchat.errors import GreenchatError
from greenchat.protocol.events import EPOCH, Joined, Message, Notice
from greenchat.protocol.requests import Ping
from greenchat.testing import DEADLINE, serving


def noop(done):
    """Whom no progress is shown to."""


# --- what comes out ---


def test_a_server_of_its_own_as_json(tmp_path):
    finished = bench("--json", *SMALL, TMPDIR=str(tmp_path))
    assert (finished.returncode, finished.stderr) == (0, "")
    assert finished.stdout.count("\n") == 1
    report = json.loads(finished.stdout)
    assert set(report) == {
        "server", "language", "clients", "senders", "messages_per_sender", "message_bytes", "join_seconds",
        "throughput", "latency",
    }  # fmt: skip
    assert set(report["throughput"]) == {
        "due", "delivered", "lost", "seconds", "deliveries_per_second", "messages_per_second", "server_cpu_percent",
        "server_cpu_ns_per_delivery", "generator_cpu_percent", "generator_was_the_limit",
    }  # fmt: skip
    assert set(report["latency"]) == {
        "rate_per_second", "due", "delivered", "lost", "p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms",
        "server_cpu_percent", "generator_cpu_percent", "generator_was_the_limit",
    }  # fmt: skip
    assert set(report["server"]) == {
        "address", "version", "own", "pid", "process", "memory_bytes", "memory_bytes_per_connection",
    }  # fmt: skip
    for part in report["throughput"], report["latency"]:
        assert (part["due"], part["delivered"], part["lost"]) == (DUE, DUE, 0)
    latency = report["latency"]
    assert 0 < latency["p50_ms"] <= latency["p90_ms"] <= latency["p99_ms"] <= latency["p999_ms"] <= latency["max_ms"]
    assert report["server"]["own"]
    assert report["server"]["memory_bytes"] > 1_000_000
    assert not psutil.pid_exists(report["server"]["pid"]), "its server is left behind"
    assert list(tmp_path.iterdir()) == [], "its files are left behind"


def test_a_running_server_as_a_table(server):
    finished = bench(f"{server.host}:{server.port}", *SMALL)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert re.fullmatch(
        rf"""Server +greenchat/\S+ at 127\.0\.0\.1:{server.port}, running already
Clients +5 in one room, joined in [\d.]+ s
Throughput +[\d,]+ deliveries/s \([\d,]+ messages/s\)
  load +2 senders x 50 messages of 64 bytes
  delivered +400 of 400 in [\d.]+ s, 0 lost
(?:  server CPU +[\d,]+ ns a delivery, \d+ % of a core
)?  generator CPU  [^\n]+
Latency +at 5,000 messages/s, over 400 deliveries, 0 lost
  p50 +[\d.]+ ms
  p90 +[\d.]+ ms
  p99 +[\d.]+ ms
  p99\.9 +[\d.]+ ms
  max +[\d.]+ ms
(?:  server CPU +\d+ % of a core
)?  generator CPU  [^\n]+
Memory +-?[\d.]+ KB a connection
  in all +[\d.]+ MB
  process +{os.getpid()} \(.+\)
""",
        finished.stdout,
    ), finished.stdout


def test_a_running_server_goes_on_and_nobody_in_it_is_disturbed(server):
    ada = server.join("ada")
    report = measured(server)
    assert report.throughput.delivered == DUE
    assert (report.server.own, report.server.pid) == (False, os.getpid())
    server.join("bob").send("MSG|Still here.")
    ada.expect("INFO|bob has joined the chat.", "MSG|bob|Still here.")


def test_idle_only_joins():
    with serving() as server:  # as people have it, but for the flood control
        report = measured(server, clients=120, idle=True)
    assert (report.clients, report.throughput, report.latency) == (120, None, None)
    assert "KB a connection" in report.table()
    assert "Throughput" not in report.table()


def test_a_server_without_web_sockets():
    settings = {"server.disabled_plugins": ["web"]}
    with (
        serving(web, settings=settings) as server,
        pytest.raises(BenchError, match=r"turned bench\d away: it opens no WebSocket: HTTP/1\.1 400 Bad Request\."),
    ):
        measured(server, language="web")


def test_no_more_senders_than_clients(server):
    report = measured(server, clients=3, senders=10)
    assert report.senders == 3
    assert report.throughput.due == report.throughput.delivered == 3 * 50 * 2


def test_an_ipv6_address():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with serving(settings={"server.host": "::1"}) as server:
        report = measure(f"[::1]:{server.port}", Load(clients=3, senders=1, messages=10, rate=1000))
    assert report.throughput.delivered == 20
    assert report.server.address == f"[::1]:{server.port}"


@pytest.mark.parametrize(
    ("values", "share", "milliseconds"),
    [
        (range(1000, 101_000, 1000), 0.5, 50.0),
        (range(1000, 101_000, 1000), 0.99, 99.0),
        (range(1000, 101_000, 1000), 0.999, 100.0),
        (range(1000, 101_000, 1000), 1, 100.0),
        ([1500], 0.5, 1.5),
        ([], 0.5, 0.0),
    ],
)
def test_percentiles_are_of_the_nearest_rank(values, share, milliseconds):
    assert percentile(values, share) == milliseconds


# --- what is counted ---


@pytest.mark.parametrize("step", [1, 2, 3, 7, 50])
def test_counting_does_not_depend_on_where_chunks_are_cut(step):
    size, messages = 16, 12
    message = b"MSG|bench0|~" + b"x" * (size - 1) + b"\n"
    lines = [b"INFO|I am an INFO, EIE.\n", message, message, b"INFO|\n", message] * (messages // 3)
    stream = b"".join(lines)

    def serve(listener):
        with listener, listener.accept()[0] as sender, listener.accept()[0] as receiver:
            for client in sender, receiver:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                assert client.recv(100).startswith(b"JOIN|bench")
            for cut in range(0, 13, step):  # the welcome, and the first of the others' joining
                sender.sendall(b"INFO|Welcome\n"[cut : cut + step])
                receiver.sendall(b"INFO|Welcome\n"[cut : cut + step])
            assert sender.recv(100).startswith(b"MSG|~xx")
            for cut in range(0, len(stream), step):
                receiver.sendall(stream[cut : cut + step])
            receiver.recv(1)  # until it has gone

    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=serve, args=(listener,), daemon=True)
    thread.start()
    with closing(Crowd(socket.AF_INET, listener.getsockname(), DEADLINE, Plain())) as crowd:
        crowd.join(2, noop)
        count = crowd.throughput(1, messages, size, noop)
    thread.join(DEADLINE)
    assert (count.due, count.delivered) == (messages, messages)


@pytest.mark.parametrize(("codec", "language"), [(JsonCodec(), Json()), (WebSocketCodec(), Web("localhost"))])
def test_frames_are_counted_wherever_chunks_are_cut(codec, language):
    text, _ = language.begin("bench0", 16)
    noise = [Notice("I am a notice, {not} a message."), Ping(), Joined("bench", "ada", EPOCH)]
    messages = [Message("bench", seq, 10**15 + seq, "bench0", text.decode(), EPOCH) for seq in range(90, 120)]
    events = [*noise, *messages[:20], noise[0], *messages[20:]]
    stream = b"".join(map(codec.encode, events))
    for step in (1, 2, 3, 7, 50, 151, 1000, len(stream)):
        client = Hearing()
        counted = 0
        for start in range(0, len(stream), step):
            chunk = stream[start : start + step]
            counted += language.count(client, bytearray(chunk.ljust(len(stream))), len(chunk))
        assert counted == len(messages), step


# --- what cannot be measured ---


def test_nobody_listens_there():
    with kept_port() as port:
        assert f"No server listens at 127.0.0.1:{port}." in sentence(bench(f"127.0.0.1:{port}", *SMALL))


@pytest.mark.parametrize("address", ["localhost", "localhost:", ":9999", "::1:9999", "[::1]", "a:0", "a:65536", "a:b"])
def test_no_address(address):
    with pytest.raises(GreenchatError, match=r"is no HOST:PORT\. Write it like 127\.0\.0\.1:9999"):
        measure(address, Load())


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"limits.flood_rate": 10}, r"reads 10 messages a second from each client .*--set limits\.flood_rate=0"),
        ({"limits.connections_per_address": 3}, r"turned bench\d away: .*raise .* limits\.connections_per_address"),
        ({"limits.connections": 3}, r"turned bench\d away: .*raise limits\.connections "),
        ({"limits.frame_bytes": 64}, r"Messages of 64 bytes are too large for .* Take --size 60"),
    ],
)
def test_limits_that_stand_in_the_way_are_named(settings, says):
    with serving(settings=settings) as server, pytest.raises(BenchError, match=says):
        measured(server)


def test_a_refused_message_is_told():
    class Censor:
        @hookimpl
        def greenchat_check_message(self, session, message):
            raise Reject("Silence, \x1b[31mplease.")

    with serving(Censor()) as server:
        finished = bench(f"{server.host}:{server.port}", *SMALL)
    assert re.search(r"refused a message of bench[01], .*: Silence, \?\[31mplease\.\n", sentence(finished))
    assert finished.stdout == ""


@pytest.mark.parametrize("language", ["plain", "json", "web", "irc"])
def test_a_lost_connection_is_told(language):
    class Bouncer:
        @hookimpl
        def greenchat_check_message(self, session, message):
            session.close("out")

    with serving(web, Bouncer()) as server, pytest.raises(BenchError, match=r"connection of bench\d was lost"):
        measured(server, language=language)


@pytest.mark.parametrize("language", ["plain", "json", "web", "irc"])
def test_messages_that_are_changed_are_not_counted_wrongly(language):
    class Editor:
        @hookimpl
        def greenchat_check_message(self, session, message):
            return message.text + "!"

    with serving(web, Editor()) as server, pytest.raises(BenchError, match="Not all messages arrive as they were sent"):
        measured(server, language=language)


@pytest.mark.parametrize("language", ["web", "irc"])
def test_a_refusal_is_told_in_other_languages(language):
    class Censor:
        @hookimpl
        def greenchat_check_message(self, session, message):
            raise Reject("Silence, \x1b[31mplease.")

    with (
        serving(web, Censor()) as server,
        pytest.raises(BenchError, match=r"refused a message of bench[01], .*: Silence, \?\[31mplease\."),
    ):
        measured(server, language=language)


def test_a_server_that_does_not_start(monkeypatch):
    monkeypatch.setenv("GREENCHAT_LIMITS_NAME_LENGTH", "long")
    with pytest.raises(BenchError, match=r"did not start: the environment: limits\.name_length"), own_server():
        pass


# --- being ended ---
