"""When to try again once the connection was lost, and when not to: of asyncio nothing is known here."""

import random
from collections.abc import Iterator

from greenchat.client import ClientError, RefusedError

# The first try comes when a restarted server may be there again; the last ones so that thousands of clients do not keep
# a server busy that has trouble enough. In seconds; each is made longer or shorter by half, lest they all come at once.
FIRST_SECONDS = 0.5
LONGEST_SECONDS = 30.0

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


def pauses() -> Iterator[float]:
    """How many seconds to wait before each try."""
    pause = FIRST_SECONDS
    while True:
        yield min(pause * random.uniform(0.5, 1.5), LONGEST_SECONDS)
        pause = min(pause * 2, LONGEST_SECONDS)


def is_passing(error: ClientError) -> bool:
    """Whether trying again may help."""
    return not isinstance(error, RefusedError) or error.code in PASSING
