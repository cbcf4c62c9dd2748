"""Reading history beside people who read as much as they can."""

import json
import random
import time
from contextlib import ExitStack

import pytest
from kit.histories import index_all, opened
from kit.programs import Program

from greenchat.search.query import parse_query as parse
from greenchat.storage.sqlite import transaction
from greenchat.testing import serving

MESSAGES = 60_000

# How many others search all the time, for a beginning that very many words have.
GREEDY = 20
BEGINNINGS = " ".join(f"ros{letter}*" for letter in ["", *"abcdef", *(f"a{second}" for second in "abcdef")])
ASK = json.dumps({"type": "search", "text": BEGINNINGS, "ref": 1}) + "\n"


@pytest.fixture(scope="module")
def long_history(tmp_path_factory):
    """A history in which such a search takes a good part of a second."""
    data_dir = tmp_path_factory.mktemp("history")
    rng = random.Random(1)
    words = ["ros" + "".join(rng.choices("abcdef", k=6)) for _ in range(20_000)]

    def fill(connection):
        connection.execute("INSERT INTO rooms (name) VALUES ('lobby')")
        rows = ((n, 1, n, n * 1_000_000, "ada", " ".join(rng.choices(words, k=8)), 0) for n in range(1, MESSAGES + 1))
        connection.executemany("INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, 0, NULL)", rows)
        connection.execute("UPDATE messages SET text = text || ' needle' WHERE id = ?", (MESSAGES,))

    with opened(data_dir) as connection:
        transaction(connection, fill)
        index_all(connection)
    return data_dir


def test_a_search_that_takes_too_long_is_given_up_and_the_next_one_is_not(long_history):
    with serving(settings={"plugins.history.search_seconds": 0.002}, data_dir=long_history) as server:
        ada = Program(server, "ada")
        for _ in range(2):
            ada.send(type="search", text=BEGINNINGS, ref="much")
            answer = ada.read_until("error", ref="much")
            assert answer["code"] == "too_slow"
            assert answer["text"].startswith("That takes too long to look for. Write words in full")
            ada.send(type="search", text="needle", ref="little")
            assert [found["id"] for found in ada.read_until("found", ref="little")["messages"]] == [MESSAGES]


def test_the_same_word_twice_is_looked_for_once():
    assert parse("ros* hill ros* hill") == parse("ros* hill")


def test_who_searches_all_the_time_does_not_keep_others_from_reading(long_history):
    settings = {"plugins.history.search_seconds": 0.5, "limits.outbox_bytes": 0}
    with serving(settings=settings, data_dir=long_history) as server, ExitStack() as stack:
        greedy = [Program(server, f"greedy{number}", address="127.0.0.1") for number in range(GREEDY)]
        bob = Program(server, "bob", address="127.0.0.2")
        for one in greedy:
            one.peer.socket.sendall(ASK.encode() * 20)
            stack.callback(one.peer.close)
        greedy[0].read()  # they are at it
        began = time.monotonic()
        bob.send(type="history", ref="page")
        assert len(bob.read_until("history", ref="page")["events"]) > 10
        read = time.monotonic()
        bob.send(type="search", text="needle", ref="words")
        assert bob.read_until("found", ref="words")["messages"]
        found = time.monotonic()
        # One after the other, the greedy would take a multiple of that.
        assert read - began < 1.5
        assert found - read < 3
