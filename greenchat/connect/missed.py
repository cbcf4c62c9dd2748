"""What was missed in a place, as it would have been told: to who goes on as if nothing had been."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from greenchat.client import ClientError
from greenchat.protocol.events import Change, Deleted, Edited, Message

# So much of it is put in the order in which it was said at once, in messages; the server tells it by what has become of
# it last.
AT_ONCE = 1000


def as_told(events: Iterable[Message | Deleted], latest: int, until: datetime) -> Iterator[Message | Change]:
    """These, which `Client.catch_up` brings. `latest` is the id of the latest message that was told, and `until` when
    the latest of all had happened: ids rise, over restarts, too. Who has put an emoji where meanwhile is not known.

    Raises what `events` raise, once all has been told that came before.
    """
    batch: list[Message | Deleted] = []
    problem: ClientError | None = None
    try:
        for event in events:
            batch.append(event)
            if len(batch) == AT_ONCE:
                yield from _in_order(batch, latest, until)
                batch = []
    except ClientError as error:
        problem = error
    yield from _in_order(batch, latest, until)
    if problem is not None:
        raise problem


def _in_order(events: list[Message | Deleted], latest: int, until: datetime) -> Iterator[Message | Change]:
    for event in sorted(events, key=lambda event: event.seq):
        if isinstance(event, Deleted) or event.id > latest:
            yield event
        elif event.edited is not None and event.edited > until:
            yield Edited(event.room, event.seq, event.rev, event.text, event.sender, event.edited, event.conversation)
