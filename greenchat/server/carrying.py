"""What of a server goes on in another program, out of its parts and back into those of the next."""

from collections import Counter

from greenchat.protocol.reload_reports import ReloadReport
from greenchat.server.carried import HANDOVER_FORMAT, Asked, CarriedCounters, CarriedServer
from greenchat.server.server import ChatServer


def collect(server: ChatServer, froze: float, report: ReloadReport, asked: list[Asked]) -> CarriedServer:
    """All of it. From here on `server` has no sockets any more."""
    counters = server.counters
    return CarriedServer(
        format=HANDOVER_FORMAT,
        froze=froze,
        listeners=server.acceptor.carry(),
        counters=CarriedCounters(counters.started, counters.sessions, dict(counters.refusals)),
        choice=server.choice,
        report=report,
        asked=asked,
    )


def restore_counters(server: ChatServer, carried: CarriedCounters) -> None:
    counters = server.counters
    counters.started, counters.sessions = carried.started, carried.sessions
    counters.refusals = Counter(carried.refusals)
