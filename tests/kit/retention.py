"""Histories that have grown too large."""

import random
import time

from greenchat_plugins.history import retention

from greenchat.storage.sqlite import transaction
from kit.histories import keep, kept, opened, said
from kit.machine import eventually

KEEP = 2_000_000
SETTINGS = {"plugins.history.keep_bytes": KEEP, "plugins.accounts.memory_mib": 1, "plugins.accounts.passes": 1}


def fill(data_dir, **rooms):
    """Rooms with so many messages, of a kilobyte in `flood`, and said beside each other."""
    rng = random.Random(1)
    order = [room for room, count in rooms.items() for _ in range(count)]
    rng.shuffle(order)
    lines = (f"{room} {room}er: {rng.randbytes(500).hex() if room == 'flood' else 'hello there'}" for room in order)
    keep(data_dir, said(*lines))


def warned_long_ago(data_dir):
    with opened(data_dir) as connection:
        transaction(connection, lambda file: retention.warn(file, time.time() - 2 * retention.GRACE_SECONDS, 10 * KEEP))


def in_use(data_dir):
    with opened(data_dir) as connection:
        return retention.used(connection)


def counts(data_dir):
    found = {}
    for message in kept(data_dir):
        found[message.room] = found.get(message.room, 0) + 1
    return found


def wait_for_log(caplog, text):
    eventually(lambda: text in caplog.text, caplog.text)
