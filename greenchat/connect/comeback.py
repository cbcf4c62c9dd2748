"""Coming back after the connection was lost: again and again, and with what was said meanwhile."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from threading import Thread
from typing import NamedTuple, TypeVar

from greenchat.client import Client, ClientError, RefusedError
from greenchat.client.cursor import Asks
from greenchat.client.places import place_at
from greenchat.connect.commands import table_of
from greenchat.connect.model.marks import Mark, Missed, Now, rooms_of
from greenchat.connect.ticket import Ticket
from greenchat.protocol.events import Deleted, Event, Message
from greenchat.protocol.replies import CommandEntry, Welcome

# What was said meanwhile is fetched by pages, and no more of them than somebody reads.
PAGE_MESSAGES = 100
MOST_PAGES = 10

# Of so many conversations it is fetched, those in which something was said last: of others one is told that there is
# something.
MOST_TALKS = 20

# To who has just come in, so much is shown of what was written to them: as much as a screen holds.
TALKS_SHOWN, SHOWN = 5, 20

# For what stands right behind the welcomes, so long one waits at the most, in seconds.
OVERVIEW_SECONDS = 5.0

# So many messages that were seen before are looked at once more. A server that was killed may have lost the latest, and
# given their numbers to others; and what one has said oneself may be among them.
OVERLAP = 20


T = TypeVar("T")


class Arrival(NamedTuple):
    """`missed` is by places: the rooms that one is in, and conversations. `commands` is the server's table, None where
    it does not tell."""

    client: Client
    welcome: Welcome
    missed: dict[str, Missed]
    commands: list[CommandEntry] | None


async def knock(ticket: Ticket, seen: Mapping[str, Mark]) -> Arrival:
    """Come in once more, having `seen` so much of these places. Raises `ClientError`."""
    ticket = replace(ticket, keys=dict(ticket.keys))
    return await _apart(lambda: _arrive(ticket, seen), lambda arrival: arrival.client.close())


async def back(client: Client) -> None:
    """As `Client.come_back`; nobody else may use the `client` meanwhile."""
    await _apart(client.come_back, lambda _: client.close())


async def _apart(step: Callable[[], T], late: Callable[[T], None]) -> T:
    """What `step` returns, which is done in a thread that nobody waits for at the end: a host that does not answer
    takes its time. It goes to `late` where one has left meanwhile."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()

    def deliver(value: list[T], error: BaseException | None) -> None:
        if result.done():
            for one in value:
                late(one)
        elif error is not None:
            result.set_exception(error)
        else:
            result.set_result(*value)

    def run() -> None:
        value, error = [], None
        try:
            value = [step()]
        except BaseException as problem:
            error = problem
        with suppress(RuntimeError):  # the loop has ended, and with it the program
            loop.call_soon_threadsafe(deliver, value, error)

    Thread(target=run, daemon=True).start()
    return await result


def _arrive(ticket: Ticket, seen: Mapping[str, Mark]) -> Arrival:
    client, welcome = ticket.enter()
    try:
        missed = {room: _missed_in(client, room, seen[room]) for room in rooms_of(welcome) if room in seen}
        missed |= _missed_talks(client, seen)
        commands = table_of(client)
    except BaseException:
        client.close()
        raise
    return Arrival(client, welcome, missed, commands)


def waiting_for(client: Client) -> dict[str, Missed]:
    """What others have written to who has just come in, by conversations: the latest."""
    missed: dict[str, Missed] = {}
    with suppress(ClientError):  # it is still there, to be asked for
        unread = [state for state in client.overview(OVERVIEW_SECONDS).direct if state.unread]
        for state in unread[:TALKS_SHOWN]:
            place = place_at("", state.conversation)
            page = client.history(conversation=state.conversation, after=state.read, before=state.seq + 1, limit=SHOWN)
            missed[place] = Missed([*page.events], gap=page.more)
    return missed


def _missed_in(client: Client, room: str, mark: Mark) -> Missed:
    try:
        if room not in client.rooms:
            client.history(room, limit=1)  # the welcome comes before whatever is asked then
        welcome = client.rooms[room]
        return _missed(partial(client.history, room), mark, Now.of(welcome, welcome.epoch))
    except RefusedError as error:
        return Missed([], kept=error.code == "not_in_room")  # as who is put out in this very moment


def _missed_talks(client: Client, seen: Mapping[str, Mark]) -> dict[str, Missed]:
    """What was said and changed in conversations, those that have begun meanwhile among them."""
    missed: dict[str, Missed] = {}
    told = client.overview()
    for state in told.direct:
        place, now = place_at("", state.conversation), Now.of(state, told.epoch)
        mark = seen.get(place, Mark(seq=state.read))
        if (mark.rev, mark.epoch) != (now.rev, now.epoch) and len(missed) < MOST_TALKS:
            with suppress(RefusedError):  # as when it has ended in this very moment
                missed[place] = _missed(partial(client.history, conversation=state.conversation), mark, now)
    return dict(reversed(missed.items()))  # the latest is next to where one types


def _missed(ask: Asks, mark: Mark, now: Now) -> Missed:
    """What comes after `now`, the server tells by itself. Raises `RefusedError`."""
    events: list[Event] = []
    seen = mark.seq
    newer = _newer(ask, mark) if mark.epoch == now.epoch != "" else None
    if newer is not None:
        return Missed(_until(now.seq, newer))
    # Where the numbers begin anew, those that one has seen say nothing.
    after = max(seen - OVERLAP, 1) if 0 < seen <= now.seq else 0
    for _ in range(MOST_PAGES):
        page = ask(after=after, limit=PAGE_MESSAGES)
        events += page.events
        numbers = [event.seq for event in page.events if isinstance(event, Message)]
        if not page.more or not numbers or not after:
            return Missed(_until(now.seq, events), gap=page.more and not seen)
        after = numbers[-1]
    page = ask(limit=PAGE_MESSAGES)
    return Missed(_until(now.seq, [*page.events]), gap=True)


def _newer(ask: Asks, mark: Mark) -> list[Event] | None:
    """What was said and changed since; None if that is more than somebody reads, or the server cannot tell."""
    events: list[Event] = []
    rev = mark.rev
    for _ in range(MOST_PAGES):
        page = ask(rev=rev, epoch=mark.epoch, limit=PAGE_MESSAGES)
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
