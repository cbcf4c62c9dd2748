"""A soak: good clients chat at a steady rate, first alone, then among bad ones. Run by hand, for minutes:

    PYTHONPATH=tests python tests/system/soak.py --minutes 3

It prints a table, and ends with 1 where a client that behaved has lost something, heard it twice or in another order,
or where the server has logged an error.
"""

import random
import re
import sys
import tempfile
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import psutil
from crowd import Crowd
from faults import Injector
from kit.processes import ServeProcess, serve_process

from greenchat.config.schema import Limits
from greenchat.testing import DEADLINE

# The loopback is one address, so what is limited for each address is left out. All other limits are as users have them.
NO_ADDRESS_LIMITS = ("--set", "limits.connections_per_address=0", "--set", "limits.attempts_per_minute=0")


@contextmanager
def keeping_time(seconds: float, label: str) -> Iterator[Callable[[], bool]]:
    """A function that says whether there is time left, and moves a progress bar."""
    begun = time.monotonic()
    with click.progressbar(length=round(seconds * 10), label=f"{label:<20}", file=sys.stderr, show_pos=False) as bar:

        def time_left() -> bool:
            gone = time.monotonic() - begun
            bar.update(min(round(gone * 10), bar.length) - bar.pos)
            return gone < seconds

        yield time_left


def percentiles(latencies: "array[float]") -> str:
    ranked = sorted(latencies)
    if not ranked:
        return "nothing heard"
    p50, p99 = (1000 * ranked[int((len(ranked) - 1) * share)] for share in (0.5, 0.99))
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms"


def megabytes(process: psutil.Process) -> float:
    return process.memory_info().rss / 1e6


@click.command()
@click.option("--minutes", default=3.0, help="How long, in all: a quarter of it without faults.", show_default=True)
@click.option("--clients", default=40, help="Good clients, half of them JSON.", show_default=True)
@click.option("--rate", default=50.0, help="Messages a second that they say together.", show_default=True)
@click.option("--faults", default=10.0, help="Faults a second that are begun.", show_default=True)
@click.option("--mutes", default=20, help="Clients that never read, at any time.", show_default=True)
@click.option("--seed", default=2026, help="Of the faults.", show_default=True)
def main(minutes: float, clients: int, rate: float, faults: float, mutes: int, seed: int) -> None:
    """Let good clients chat among bad ones, on a server of its own, and tell what came of it."""
    if rate / clients >= Limits().flood_rate:
        raise click.UsageError("The server would slow down clients that say so much. Ask for more, or a lower rate.")
    with tempfile.TemporaryDirectory() as directory, serve_process(Path(directory), *NO_ADDRESS_LIMITS) as server:
        soak(
            server,
            minutes * 60,
            Crowd(server.port, clients, rate),
            Injector(server.port, faults, mutes, random.Random(seed)),
        )


def soak(server: ServeProcess, seconds: float, crowd: Crowd, injector: Injector) -> None:
    process = psutil.Process(server.process.pid)
    with crowd:
        with keeping_time(seconds / 4, "without faults") as time_left:
            while time_left():
                crowd.turn()
        begun, descriptors, memory = time.monotonic(), process.num_fds(), megabytes(process)
        most, said = memory, crowd.sent
        quiet, crowd.latencies = crowd.latencies, array("d")
        with keeping_time(seconds * 3 / 4, "with faults") as time_left:
            while time_left():
                injector.turn()
                crowd.turn()
                most = max(most, megabytes(process))
        held = (crowd.sent - said) / (time.monotonic() - begun)
        injector.end()
        crowd.settle()
        wait_for(lambda: process.num_fds() <= descriptors)
        left_over, memory_after = process.num_fds() - descriptors, megabytes(process)
    _, log = server.stop()
    errors = re.findall(r"^.*(?:ERROR|CRITICAL|Traceback).*$", log, re.MULTILINE)
    rows = {
        "load held": f"{held:.1f} messages a second",
        "clients that stayed": f"{len(crowd.stayed)} of {len(crowd.clients)}",
        "faults injected": f"{injector.begun.total()}: "
        + ", ".join(f"{number} {kind}" for kind, number in sorted(injector.begun.items())),
        "closed as too slow": str(len(re.findall(r" left \S+: reads too slowly", log))),
        "messages sent": str(crowd.sent),
        "delivered": str(crowd.delivered),
        "lost": str(crowd.lost),
        "duplicated": str(crowd.duplicated),
        "out of order": str(crowd.out_of_order),
        "unacknowledged": str(crowd.unacknowledged),
        "latency, no faults": percentiles(quiet),
        "latency, faults": percentiles(crowd.latencies),
        "memory": f"{memory:.1f} MB at the start, {most:.1f} MB at most, {memory_after:.1f} MB at the end",
        "descriptors left": str(left_over),
        "complaints": "; ".join(crowd.complaints[:5]) or "none",
        "errors in the log": "; ".join(errors[:5]) or "none",
    }
    for name, value in rows.items():
        click.echo(f"{name:<20}  {value}")
    wrong = crowd.lost or crowd.duplicated or crowd.out_of_order or crowd.unacknowledged or crowd.complaints
    sys.exit(1 if wrong or errors or left_over > 0 or server.process.returncode else 0)


def wait_for(condition: Callable[[], bool]) -> None:
    """Look again and again until it holds, or the deadline has passed."""
    deadline = time.monotonic() + DEADLINE
    while not condition() and time.monotonic() < deadline:
        pass


if __name__ == "__main__":
    main()
