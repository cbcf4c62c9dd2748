"""Coming back after the connection was lost: again and again, and with what was said meanwhile."""

import asyncio
import random
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from threading import Thread
from typing import NamedTuple

from greenchat.client import Client, ClientError, RefusedError
from greenchat.connect.conversation import rooms_of
from greenchat.connect.seen import Mark
from greenchat.connect.telling import Missed
from greenchat.connect.ticket import Ticket
from greenchat.protocol.events import Deleted, Event, Message
from greenchat.protocol.replies import Welcome

# The first try comes when a restarted server may be there again; the last ones so that thousands of clients do not keep
# a server busy that has trouble enough. In seconds; each is made longer or shorter by half, lest they all come at once.
FIRST_SECONDS = 0.5
LONGEST_SECONDS = 30.0

# What was said meanwhile is fetched by pages, and no more of them than somebody reads.
PAGE_MESSAGES = 100
MOST_PAGES = 10

# So many messages that were seen before are looked at once more. A server that was killed may have lost the latest, and
# given their numbers to others; and what one has said oneself may be among them.
OVERLAP = 20

# Why one was sent away: who came back by themselves would be a nuisance, or put another session out for ever.
SENT_AWAY = frozenset(
    {"banned", "idle", "logged_in_elsewhere", "logged_out", "name_reserved", "resumed_elsewhere", "too_many_sessions"}
)

# What is refused to who has no token and no password, or not this one any more.
NEEDS_PASSWORD = frozenset({"login_failed", "name_reserved"})

# Refusals of a join that pass: the name is still our own lost connection's, or the server has trouble.
PASSING = frozenset(
    {"name_taken", "room_full", "full", "try_again", "try_later", "accounts_unavailable", "moderation_off", "not_kept"}
)


class Arrival(NamedTuple):
    """`missed` is by the rooms that one is in."""

    client: Client
    welcome: Welcome
    missed: dict[str, Missed]


def pauses() -> Iterator[float]:
    """How many seconds to wait before each try."""
    pause = FIRST_SECONDS
    while True:
        yield min(pause * random.uniform(0.5, 1.5), LONGEST_SECONDS)
        pause = min(pause * 2, LONGEST_SECONDS)


async def knock(ticket: Ticket, seen: Mapping[str, Mark]) -> Arrival:
    """Come in once more, having `seen` so much of these rooms. Raises `ClientError`.

    It is done in a thread that nobody waits for at the end: a host that does not answer takes its time.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[Arrival] = loop.create_future()
    ticket = replace(ticket, keys=dict(ticket.keys))

    def deliver(arrival: Arrival | None, error: BaseException | None) -> None:
        if not result.done():
            if arrival is not None:
                result.set_result(arrival)
            elif error is not None:
                result.set_exception(error)
        elif arrival is not None:
            arrival.client.close()  # one has left meanwhile

    def run() -> None:
        arrival = error = None
        try:
            arrival = _arrive(ticket, seen)
        except BaseException as problem:
            error = problem
        with suppress(RuntimeError):  # the loop has ended, and with it the program
            loop.call_soon_threadsafe(deliver, arrival, error)

    Thread(target=run, daemon=True).start()
    return await result


def _arrive(ticket: Ticket, seen: Mapping[str, Mark]) -> Arrival:
    client, welcome = ticket.enter()
    try:
        missed = {room: _missed(client, room, seen[room]) for room in rooms_of(welcome) if room in seen}
    except BaseException:
        client.close()
        raise
    return Arrival(client, welcome, missed)


def _missed(client: Client, room: str, mark: Mark) -> Missed:
    """What comes after the welcome, the server tells by itself."""
    events: list[Event] = []
    seen = mark.seq
    try:
        if room not in client.rooms:
            client.history(room, limit=1)  # the welcome comes before whatever is asked then
        welcome = client.rooms[room]
        newer = _newer(client, room, mark) if mark.epoch == welcome.epoch != "" else None
        if newer is not None:
            return Missed(_until(welcome.seq, newer))
        # Where the numbers begin anew, those that one has seen say nothing.
        after = max(seen - OVERLAP, 1) if 0 < seen <= welcome.seq else 0
        for _ in range(MOST_PAGES):
            page = client.history(room, after=after, limit=PAGE_MESSAGES)
            events += page.events
            numbers = [event.seq for event in page.events if isinstance(event, Message)]
            if not page.more or not numbers or not after:
                return Missed(_until(welcome.seq, events), gap=page.more and not seen)
            after = numbers[-1]
        page = client.history(room, limit=PAGE_MESSAGES)
        return Missed(_until(welcome.seq, [*page.events]), gap=True)
    except RefusedError as error:
        return Missed([], kept=error.code == "not_in_room")  # as who is put out in this very moment


def _newer(client: Client, room: str, mark: Mark) -> list[Event] | None:
    """What was said and changed since; None if that is more than somebody reads, or the server cannot tell."""
    events: list[Event] = []
    rev = mark.rev
    for _ in range(MOST_PAGES):
        page = client.history(room, rev=rev, epoch=mark.epoch, limit=PAGE_MESSAGES)
        if page.anew or page.epoch != mark.epoch:
            return None
        events += page.events
        if not page.more:
            return sorted(events, key=_by_seq)
        rev = page.rev
    return None


def _by_seq(event: Event) -> int:
    return event.seq if isinstance(event, Message | Deleted) else 0


def _until(seq: int, events: list[Event]) -> list[Event]:
    return [event for event in events if not isinstance(event, Message) or event.seq <= seq]


def is_passing(error: ClientError) -> bool:
    """Whether trying again may help."""
    return not isinstance(error, RefusedError) or error.code in PASSING
