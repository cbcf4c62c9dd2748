"""What of a server goes on in another program, out of its parts and back into those of the next."""

import logging
from collections import Counter
from functools import partial

from greenchat.chat.carried import attach_carried, carry, reopen, restore, settle
from greenchat.hooks.carried import CarriedPlugins
from greenchat.protocol.reload_reports import ReloadReport
from greenchat.server.carried_server import HANDOVER_FORMAT, Asked, CarriedCounters, CarriedServer
from greenchat.server.pause import Pause, take_up
from greenchat.server.server import ChatServer
from greenchat.server.steps import Steps
from greenchat.session.carried_stays import carry_stays, restore_stays

log = logging.getLogger("greenchat.server")


def collect(
    server: ChatServer,
    pause: Pause,
    plugins: CarriedPlugins,
    froze: float,
    report: ReloadReport,
    asked: list[Asked],
    waiting: list[Asked],
) -> CarriedServer:
    """All of it. Nothing may wait from here on: what is told would be told twice."""
    counters = server.counters
    settle(server.chat)
    chat, index = carry(server.chat)
    plugins.number(index)
    return CarriedServer(
        format=HANDOVER_FORMAT,
        froze=froze,
        connections=pause.carry(index),
        counters=CarriedCounters(counters.started, counters.sessions, dict(counters.refusals)),
        choice=server.choice,
        chat=chat,
        stays=carry_stays(server.stays, index),
        plugins=plugins,
        report=report,
        asked=asked,
        waiting=waiting,
    )


def take_over(server: ChatServer, state: CarriedServer, steps: Steps) -> None:
    """Have `server`, of which nothing has begun yet, be as that one was; nobody is served before `Acceptor.go_on`."""
    members = restore(server.chat, state.chat)
    steps.done("members and rooms are there")
    server.plugin_lifecycle.start(server, state.plugins, partial(reopen, server.chat, state.chat), members)
    steps.done("plugins have begun")
    stays = restore_stays(server.stays, state.stays, members)
    _restore_counters(server, state.counters)
    sessions = []
    for was, session in zip(state.connections.sessions, take_up(server, state.connections), strict=True):
        if session is not None:
            sessions.append(session)
            if was.member >= 0 and server.chat.people.has(member := members[was.member]):
                attach_carried(server.chat, session, member, was.only, was.is_welcome)
                session.joined(member)
                stays.give(session)
            elif was.member >= 0:  # a plugin has put them out at its start
                session.close("put out")
    stays.end()
    steps.done("sessions are there")
    server.plugin_lifecycle.take_over(server, sessions)
    steps.done("plugins know them")


def _restore_counters(server: ChatServer, carried: CarriedCounters) -> None:
    counters = server.counters
    counters.started, counters.sessions = carried.started, carried.sessions
    counters.refusals = Counter(carried.refusals)
