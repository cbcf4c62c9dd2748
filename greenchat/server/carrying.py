"""What of a server goes on in another program, out of its parts and back into those of the next."""

from collections import Counter

from greenchat.chat.carried import carry
from greenchat.hooks.carried import CarriedPlugins
from greenchat.protocol.reload_reports import ReloadReport
from greenchat.server.carried import HANDOVER_FORMAT, Asked, CarriedCounters, CarriedServer
from greenchat.server.server import ChatServer


def collect(
    server: ChatServer, plugins: CarriedPlugins, froze: float, report: ReloadReport, asked: list[Asked]
) -> CarriedServer:
    """All of it. From here on `server` has no sockets any more."""
    counters = server.counters
    chat, index = carry(server.chat)
    return CarriedServer(
        format=HANDOVER_FORMAT,
        froze=froze,
        listeners=server.acceptor.carry(),
        counters=CarriedCounters(counters.started, counters.sessions, dict(counters.refusals)),
        choice=server.choice,
        chat=chat,
        plugins=plugins,
        report=report,
        asked=asked,
    )


def restore_counters(server: ChatServer, carried: CarriedCounters) -> None:
    counters = server.counters
    counters.started, counters.sessions = carried.started, carried.sessions
    counters.refusals = Counter(carried.refusals)
