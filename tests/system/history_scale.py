"""A large history: what the server makes of it. Run by hand, for a minute or two:

    PYTHONPATH=tests python tests/system/history_scale.py --messages 1000000

It fills a database as the server does, starts a server on it, and prints a table: how long a start, a newcomer, a page
and a search take, and how large the file is. It ends with 1 where one of those is slower than it should be.
"""

import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import accumulate, count, islice
from pathlib import Path

import click
from greenchat_plugins.history import index, store
from kit.processes import ServeProcess, serve_process

from greenchat.client import Client
from greenchat.protocol.events import Message
from greenchat.protocol.replies import Ack, HistoryPage
from greenchat.storage.sqlite import open_database, transaction
from greenchat.testing import DEADLINE

# At most, in milliseconds, for 99 of 100.
PAGE_TARGET = 20.0
SEARCH_TARGET = 100.0

# As users have it, but that a client may ask as fast as it can.
SETTINGS = [
    *("--set", "plugins.history.replay=20", "--set", "limits.flood_rate=0"),
    *("--set", "plugins.rooms.protected_per_address=0"),
]

# Some rooms where much is said, and many where little is.
ROOMS = ["lobby", *(f"room{number}" for number in range(1, 200))]
ROOM_WEIGHTS = [1 / place for place in range(1, 201)]

# Some people say much, and many say little.
PEOPLE = [f"user{number}" for number in range(1000)]
PEOPLE_WEIGHTS = list(accumulate(1 / place for place in range(1, 1001)))

# So much of it is Chinese, where one sign in twenty-five is the most frequent of all; so much has a link.
CHINESE, LINKS = 0.1, 0.03
SIGNS = [chr(0x4E00 + 7 * number) for number in range(2500)]
SIGN_WEIGHTS = list(accumulate(1 / (place + 2) for place in range(1, 2501)))

# Words as languages have them: the second is half as frequent as the first, and so on (Zipf).
WORDS = [f"w{number}" for number in range(1, 50_001)]
WORD_WEIGHTS = list(accumulate(1 / place for place in range(1, 50_001)))
# Messages that are written at once, as by a busy server.
BATCH = 10_000

# So many rooms are closed at the end.
CLOSED = 20

LENGTHS = range(3, 22)  # words a message: about 64 bytes


def talk(messages: int, rng: random.Random) -> Iterator[Message]:
    """So many messages of the last year, in the order in which they were said."""
    seqs = dict.fromkeys(ROOMS, 0)
    begun, pause = datetime.now(UTC) - timedelta(days=365), timedelta(days=365) / messages
    rooms = rng.choices(ROOMS, ROOM_WEIGHTS, k=messages)
    for number, room in enumerate(rooms, 1):
        seqs[room] += 1
        length = rng.choice(LENGTHS)
        if rng.random() < CHINESE:
            text = "".join(rng.choices(SIGNS, cum_weights=SIGN_WEIGHTS, k=2 * length))
        else:
            text = " ".join(rng.choices(WORDS, cum_weights=WORD_WEIGHTS, k=length))
        if rng.random() < LINKS:
            text += f" https://example.org/{number}"
        (sender,) = rng.choices(PEOPLE, cum_weights=PEOPLE_WEIGHTS)
        yield Message(room, seqs[room], number, sender, text, begun + number * pause)


def fill(file: Path, messages: int, rng: random.Random) -> dict[str, str]:
    """Make the database. What there is to tell of it."""
    said, spent = talk(messages, rng), {"written": 0.0, "indexed": 0.0}
    with closing(open_database(file, store.MIGRATIONS, synchronous="NORMAL")) as connection:
        with click.progressbar(length=messages, label="messages", file=sys.stderr) as bar:
            while batch := list(islice(said, BATCH)):
                begun = time.perf_counter()
                runs = store.pack_any(batch)
                transaction(connection, lambda connection, runs=runs: store.write_runs(connection, runs))
                spent["written"] += time.perf_counter() - begun
                bar.update(len(batch))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        plain = file.stat().st_size
        begun = time.perf_counter()
        while transaction(connection, index.index_more):
            pass
        spent["indexed"] = time.perf_counter() - begun
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = file.stat().st_size
    return {
        "written": f"{spent['written'] / messages * 1e6:.1f} us a message",
        "indexed": f"{spent['indexed'] / messages * 1e6:.1f} us a message",
        "size": f"{whole / 1e6:.0f} MB",
        "bytes a message": f"{whole / messages:.0f}, {plain / messages:.0f} of them without the index",
    }


class Times:
    """How long something took, again and again."""

    def __init__(self, target: float) -> None:
        self.target = target
        self.taken: list[float] = []

    def take(self, step: Callable[[], object]) -> None:
        begun = time.perf_counter()
        step()
        self.taken.append(1000 * (time.perf_counter() - begun))

    def at(self, share: float) -> float:
        ranked = sorted(self.taken)
        return ranked[int((len(ranked) - 1) * share)]

    @property
    def met(self) -> bool:
        return self.at(0.99) <= self.target

    def __str__(self) -> str:
        verdict = "" if self.met else f", which is more than {self.target:g} ms"
        return f"p50 {self.at(0.5):.1f} ms, p99 {self.at(0.99):.1f} ms, most {self.at(1):.1f} ms{verdict}"


def page_on_joining(client: Client) -> None:
    """Read up to the page that comes unasked."""
    while not any(isinstance(item, HistoryPage) for item in client.receive(DEADLINE)):
        pass


def measure(server: ServeProcess, messages: int, rounds: int, rng: random.Random) -> dict[str, Times]:
    names = (f"guest{number}" for number in count())

    def join(room: str) -> Client:
        client = Client.connect("127.0.0.1", server.port)
        client.join(next(names), room)
        page_on_joining(client)
        return client

    def ask(target: float, request: Callable[[], object]) -> Times:
        times = Times(target)
        for _ in range(rounds):
            times.take(request)
        return times

    rows = {"join a room": Times(PAGE_TARGET), "join a room that is empty": Times(PAGE_TARGET)}
    with join("lobby") as me:
        for _ in range(rounds):
            rows["join a room"].take(lambda: join("lobby").close())
            rows["join a room that is empty"].take(lambda: join(rng.choice(ROOMS[1:])).close())
        top = me.history(limit=1).events[0].seq
        year = datetime.now(UTC) - timedelta(days=365)
        day = timedelta(days=1)
        pages = {
            "the last page": lambda: me.history(),
            "a page of 200 before any": lambda: me.history(before=rng.randrange(1, top), limit=200),
            "a page after any": lambda: me.history(after=rng.randrange(top)),
            "a page of any room": lambda: me.history(rng.choice(ROOMS), before=rng.randrange(1, top)),
            "a page by time": lambda: me.history(rng.choice(ROOMS), since=year + day * rng.randrange(365)),
        }
        searches = {name: partial(_search, me, ask) for name, ask in asks(rng, messages).items()}
        rows |= {f"page: {name}": ask(PAGE_TARGET, page) for name, page in pages.items()}
        rows |= {f"search: {name}": ask(SEARCH_TARGET, search) for name, search in searches.items()}
        with closing_rooms(server):
            rows |= {
                f"search: {name}, some rooms closed": ask(SEARCH_TARGET, searches[name])
                for name in ("the most common word", "a common word", "a rare word", "three common words")
            }
    return rows


def _search(client: Client, ask: Callable[[], dict[str, object]]) -> None:
    client.search(**ask())  # type: ignore[arg-type]


def asks(rng: random.Random, messages: int) -> dict[str, Callable[[], dict[str, object]]]:
    """What is searched for, each time something else."""
    common, rare, small = WORDS[:100], WORDS[1000:], ROOMS[-50:]

    def any_of(words: list[str], count: int = 1) -> str:
        return " ".join(rng.sample(words, count))

    def somebody(words: list[str]) -> str:
        return f"from:{rng.choice(words)}"

    def days(count: int) -> str:
        first = datetime.now(UTC) - timedelta(days=rng.randrange(count, 365))
        return f"after:{first:%Y-%m-%d} before:{first + timedelta(days=count):%Y-%m-%d}"

    def chinese(count: int, most: int) -> str:
        return "".join(rng.choices(SIGNS[:most], k=count))

    loud, quiet = PEOPLE[:5], PEOPLE[-100:]
    return {
        "the most common word": lambda: {"text": "w1"},
        "a common word": lambda: {"text": any_of(common)},
        "a rare word": lambda: {"text": any_of(rare)},
        "three common words": lambda: {"text": any_of(common, 3)},
        "six words, seldom together": lambda: {"text": any_of(WORDS[:1000], 6)},
        "a common word in a small room": lambda: {"text": any_of(common), "room": rng.choice(small)},
        "a rare word in the largest room": lambda: {"text": f"{any_of(rare)} in:lobby"},
        "the beginning of a word": lambda: {"text": f"w{rng.randrange(10, 500)}*"},
        "a common word, far back": lambda: {"text": any_of(common), "before": rng.randrange(1, messages)},
        "what nobody has said": lambda: {"text": "tulips"},
        "exact words": lambda: {"text": f'"{any_of(common[:20])} {any_of(common[:20])}"'},
        "from a common sender": lambda: {"text": somebody(loud)},
        "from a rare sender": lambda: {"text": somebody(quiet)},
        "a common word from a common sender": lambda: {"text": f"{somebody(loud)} {any_of(common)}"},
        "a common word from a rare sender": lambda: {"text": f"{somebody(quiet)} {any_of(common)}"},
        "a rare word from a common sender": lambda: {"text": f"{somebody(loud)} {any_of(rare)}"},
        "from a rare sender in a small room": lambda: {"text": f"{somebody(quiet)} in:{rng.choice(small)}"},
        "has:link from a rare sender": lambda: {"text": f"has:link {somebody(quiet)}"},
        "a day": lambda: {"text": days(1)},
        "a common word in a month": lambda: {"text": f"{any_of(common)} {days(30)}"},
        "a rare word in a month": lambda: {"text": f"{any_of(rare)} {days(30)}"},
        "all filters at once": lambda: {
            "text": f"{somebody(loud)} {somebody(loud)} {days(90)} has:link in:lobby in:room1 {any_of(common)}"
        },
        "one Chinese sign": lambda: {"text": chinese(1, 2500)},
        "two Chinese signs": lambda: {"text": chinese(2, 300)},
        "six Chinese signs": lambda: {"text": chinese(6, 300)},
    }


@contextmanager
def closing_rooms(server: ServeProcess) -> Iterator[None]:
    """While this lasts, some of the smaller rooms are closed. The first search finds that out, and the next ones are
    made while what was said there is moved."""
    with ExitStack() as stack:
        for room in ROOMS[-CLOSED:]:
            keeper = stack.enter_context(Client.connect("127.0.0.1", server.port))
            keeper.join(f"keeper-of-{room}", room)
            page_on_joining(keeper)
            ref = keeper.say("/room key sesame", room)
            while not any(isinstance(item, Ack) and item.ref == ref for item in keeper.receive(DEADLINE)):
                pass
        yield


@click.command()
@click.option("--messages", default=1_000_000, help="How many there are.", show_default=True)
@click.option("--rounds", default=300, help="How often each thing is asked.", show_default=True)
@click.option("--seed", default=2026, help="Of what is said, and asked.", show_default=True)
def main(messages: int, rounds: int, seed: int) -> None:
    """Tell what a large history costs."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as empty, tempfile.TemporaryDirectory() as full:
        rows: dict[str, object] = {}
        starts = {}
        for name, directory in (("empty", empty), ("full", full)):
            if directory is full:
                rows |= fill(Path(full) / store.FILE, messages, rng)
            starts[name] = Times(0)
            for _ in range(5):
                starts[name].take(lambda: start(Path(directory)))  # noqa: B023
        rows["start"] = f"{starts['full'].at(0.5):.0f} ms; {starts['empty'].at(0.5):.0f} ms without any history"
        with serve_process(Path(full), *SETTINGS) as server:
            measured = measure(server, messages, rounds, rng)
    for name, value in (rows | measured).items():
        click.echo(f"{name:<48}  {value}")
    sys.exit(0 if all(times.met for times in measured.values()) else 1)


def start(data_dir: Path) -> None:
    with serve_process(data_dir) as server:
        server.stop()


if __name__ == "__main__":
    main()
