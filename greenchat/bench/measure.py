"""The order of a measurement: a server, a first client that looks around, then the crowd and its parts, one by one."""

import contextlib
import math
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from types import FrameType
from typing import Any

import click
import msgspec

from greenchat.bench.crowd import Crowd, Progress
from greenchat.bench.irc import Irc
from greenchat.bench.languages import ROOM, BenchError, Json, Language, Plain, Web
from greenchat.bench.report import BUSY_PERCENT, Latency, Report, Server, Throughput
from greenchat.bench.server import ServerProcess, find_process, own_server
from greenchat.client import Client, RefusedError
from greenchat.protocol.address import parse_address
from greenchat.protocol.replies import Welcome
from greenchat.protocol.text import printable

# How long messages are sent for the latency, at the most: some hundred of them make a p99 that stays the same.
LATENCY_SECONDS = 4.0

# Descriptors besides those of the clients: the streams, the event loop, log files, modules being imported.
SPARE_DESCRIPTORS = 64

# Another process's time is counted in hundredths of a second: of less than this nothing can be told.
CPU_SECONDS = 0.1

# More often nobody can see the progress change, and drawing it takes time from the load.
PROGRESS_SECONDS = 0.1


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of the server.

    `senders` of `clients` in one room send `messages` each, of `size` bytes; then as many, `rate` a second in all and
    for some seconds at the most, for the latency. `seconds` is how long any part may take. `idle`: only join.
    `language` is what the clients speak: "plain", "json", "web", which is JSON over WebSockets, or "irc".
    """

    clients: int = 100
    senders: int = 10
    messages: int = 20_000
    size: int = 64
    rate: int = 200
    seconds: int = 60
    idle: bool = False
    language: str = "plain"


class Meter:
    """What the server and this process use of their processors, from its making to `stop`."""

    def __init__(self, server: ServerProcess) -> None:
        self._process = server
        self._server_began = server.cpu_seconds()
        self._began = time.monotonic()
        self._generator_began = time.process_time()
        self.server_seconds: float | None = None
        self.server_percent: float | None = None
        self.generator_percent = 0.0

    def stop(self) -> None:
        seconds = time.monotonic() - self._began
        self.generator_percent = round((time.process_time() - self._generator_began) / seconds * 100, 1)
        server_ended = self._process.cpu_seconds()
        if self._server_began is not None and server_ended is not None and seconds >= CPU_SECONDS:
            self.server_seconds = server_ended - self._server_began
            self.server_percent = round(self.server_seconds / seconds * 100, 1)


def run(address: str | None, load: Load, *, as_json: bool = False) -> None:
    """Measure the server at `address` ("HOST:PORT"), or one of our own, and print the report on standard output.

    Raises `BenchError` where it cannot be measured, also, after printing, where not all that was due arrived; and
    `ClientError` where nobody can be reached.
    """
    report = measure(address, load)
    click.echo(msgspec.json.encode(report) if as_json else report.table())
    if report.missing:
        raise BenchError(report.missing)


def measure(address: str | None, load: Load) -> Report:
    """See `run`."""
    with ExitStack() as stack:
        stack.enter_context(_end_in_order())
        _allow_descriptors(load.clients + SPARE_DESCRIPTORS)
        pid: int | None
        if address is None:
            host = "127.0.0.1"
            port, pid = stack.enter_context(own_server())
        else:
            host, port = parse_address(address)
            pid = None
        language = _language(load.language, f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        welcome, family, peer, is_here = _look_around(host, port, load, language)
        if address is not None and is_here:
            pid = find_process(port)
        process = ServerProcess(pid)
        before = process.memory_bytes()
        crowd = stack.enter_context(closing(Crowd(family, peer, load.seconds, language)))
        with _progress("Joining", load.clients) as progress:
            join_seconds = crowd.join(load.clients, progress)
        after = process.memory_bytes()
        senders = min(load.senders, load.clients)
        throughput = None if load.idle else _throughput(crowd, load, senders, process)
        # What is still under way would arrive in the midst of the latency part.
        go_on = throughput is not None and not throughput.lost
        latency = _latency(crowd, load, senders, process) if go_on else None
        server = Server(
            address=address or f"{host}:{port}",
            version=printable(welcome.server),
            own=address is None,
            pid=process.pid,
            process=process.name,
            memory_bytes=after,
            memory_bytes_per_connection=None if before is None or after is None else (after - before) // load.clients,
        )
    return Report(
        server=server,
        language=language.name,
        clients=load.clients,
        senders=senders,
        messages_per_sender=load.messages,
        message_bytes=load.size,
        join_seconds=round(join_seconds, 3),
        throughput=throughput,
        latency=latency,
    )


def _language(name: str, address: str) -> Language:
    match name:
        case "json":
            return Json()
        case "web":
            return Web(address)
        case "irc":
            return Irc()
    return Plain()


def _throughput(crowd: Crowd, load: Load, senders: int, process: ServerProcess) -> Throughput:
    with _progress("Throughput", senders * load.messages * (load.clients - 1)) as progress:
        meter = Meter(process)
        count = crowd.throughput(senders, load.messages, load.size, progress)
        meter.stop()
    per_delivery = None
    if meter.server_seconds is not None and count.delivered:
        per_delivery = round(meter.server_seconds / count.delivered * 1e9, 1)
    return Throughput(
        due=count.due,
        delivered=count.delivered,
        lost=count.due - count.delivered,
        seconds=round(count.seconds, 3),
        deliveries_per_second=round(count.delivered / count.seconds),
        messages_per_second=round(count.delivered / (load.clients - 1) / count.seconds),
        server_cpu_percent=meter.server_percent,
        server_cpu_ns_per_delivery=per_delivery,
        generator_cpu_percent=meter.generator_percent,
        generator_was_the_limit=meter.generator_percent > BUSY_PERCENT,
    )


def _latency(crowd: Crowd, load: Load, senders: int, process: ServerProcess) -> Latency:
    messages = max(1, min(senders * load.messages, int(load.rate * LATENCY_SECONDS)))
    with _progress("Latency", messages * (load.clients - 1)) as progress:
        meter = Meter(process)
        count, microseconds = crowd.latency(senders, messages, load.size, load.rate, progress)
        meter.stop()
    p50, p90, p99, p999, longest = (percentile(microseconds, share) for share in (0.5, 0.9, 0.99, 0.999, 1))
    return Latency(
        rate_per_second=load.rate,
        due=count.due,
        delivered=count.delivered,
        lost=count.due - count.delivered,
        p50_ms=p50,
        p90_ms=p90,
        p99_ms=p99,
        p999_ms=p999,
        max_ms=longest,
        server_cpu_percent=meter.server_percent,
        generator_cpu_percent=meter.generator_percent,
        generator_was_the_limit=meter.generator_percent > BUSY_PERCENT,
    )


def percentile(microseconds: Sequence[int], share: float) -> float:
    """The milliseconds that `share` of the sorted `microseconds` do not exceed; 0 of none (the nearest-rank method)."""
    return microseconds[math.ceil(len(microseconds) * share) - 1] / 1000 if microseconds else 0.0


def _look_around(host: str, port: int, load: Load, language: Language) -> tuple[Welcome, int, Any, bool]:
    """A first client: what it is told of the server, the address that answered, and whether that is this machine.

    It warms the server up as well: what the first join loads is no other client's memory.
    """
    if language.most and load.size > language.most:
        raise BenchError(
            f"Messages of {load.size} bytes do not fit into a line of IRC. Take --size {language.most} at the most."
        )
    with Client.connect(host, port) as client:
        try:
            welcome = client.join(ROOM, ROOM)
        except RefusedError as refusal:
            raise BenchError(
                f"{client.where} does not let clients of a measurement in: {printable(str(refusal), 300)}"
            ) from None
        frame_bytes = welcome.limits.get("frame_bytes", 0)
        largest = int(frame_bytes) - language.overhead
        if frame_bytes and load.size > largest:
            raise BenchError(
                f"Messages of {load.size} bytes are too large for {client.where}. "
                f"Take --size {largest} at the most, or raise limits.frame_bytes there."
            )
        rate = welcome.limits.get("flood_rate", 0)
        if rate and not load.idle:
            raise BenchError(
                f"{client.where} reads {rate:g} messages a second from each client (limits.flood_rate), so a "
                "measurement would show that limit alone. Start it with --set limits.flood_rate=0, or take --idle."
            )
        with socket.socket(fileno=os.dup(client.fileno())) as sock:
            peer = sock.getpeername()
            return welcome, sock.family, peer, peer[0] == sock.getsockname()[0]


def _allow_descriptors(wanted: int) -> None:
    """Let this process, and those it starts, have as many open files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return
    raise BenchError(
        f"{wanted - SPARE_DESCRIPTORS:,} clients need {wanted:,} open files, and this system allows {hard:,} "
        f"(ulimit -Hn). Raise that, or ask for {max(hard - SPARE_DESCRIPTORS, 0):,} --clients at the most."
    )


@contextmanager
def _end_in_order() -> Iterator[None]:
    """Being terminated is no reason to leave a server behind. (Ctrl-C raises already; what is ignored stays so.)"""

    def end(number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)

    numbers = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) is signal.SIG_DFL]
    for number in numbers:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def _progress(label: str, length: int) -> Iterator[Progress]:
    """A bar on standard error, where that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    with click.progressbar(length=length, label=f"{label:<10}", file=sys.stderr) as bar:
        shown = 0.0

        def show(done: int) -> None:
            nonlocal shown
            now = time.monotonic()
            if done >= length or now - shown >= PROGRESS_SECONDS:
                bar.update(done - bar.pos)
                shown = now

        yield show
