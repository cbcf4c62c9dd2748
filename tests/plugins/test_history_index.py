"""The index of words: its scopes, how it is brought up to date, and what becomes of an earlier one."""

import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest
from greenchat_plugins.history import index, retention, search, store
from greenchat_plugins.history.search import Reach
from kit.histories import START, found, history, index_all, keep, opened, remains, said, verified
from kit.schemas import load

from greenchat.protocol.events import Message
from greenchat.search import terms
from greenchat.search.query import parse_query as parse
from greenchat.storage.sqlite import transaction

TALK = said(
    "lobby ada: roses and tulips https://example.org/roses",
    "cellar bob: roses for the cellar",
    "garden eve: roses",
    "cellar bob: wine",
    "garden Ada: no flowers",
)


def number(connection, room):
    return {name: number for number, name in store.rooms(connection)}[room]


def ids(connection, text, reach, before=0, limit=100):
    return [past.message.id for past in search.search(connection, parse(text), reach, before, limit)]


def rest(connection):
    while transaction(connection, index.clear_more):
        pass


def reach_of(connection, *readable):
    """That of somebody who may read these rooms, as the server makes it."""
    scopes = index.all_scopes(connection, None).rooms
    return Reach(
        True,
        tuple(room.number for room in scopes if room.apart and room.name in readable),
        tuple(room.number for room in scopes if room.shared and room.name not in readable),
    )


# --- operators ---


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from:ada", [5, 1]),
        ("from:ADA roses", [1]),
        ("from:ada from:eve", [5, 3, 1]),
        ("from:nobody", []),
        ("has:link", [1]),
        ("has:link from:bob", []),
        ("after:2026-01-02", [5, 4, 3, 2]),
        ("before:2026-01-02", [1]),
        ("after:2026-01-02T00:01 before:2026-01-02T00:03", [4, 3]),
        ("after:2027-01-01", []),
        ("before:2025-01-01", []),
        ("before:0001-01-01", []),
        ("after:0001-01-01 before:9999-12-31", [5, 4, 3, 2, 1]),
        ("roses after:2026-01-02T00:01", [3]),
        ('"and tulips"', [1]),
        ('"tulips and"', []),
    ],
)
def test_what_is_asked_for_besides_words(tmp_path, text, expected):
    keep(tmp_path, TALK)
    assert found(tmp_path, text) == expected


def test_days_are_found_though_a_clock_was_put_back(tmp_path):
    """Ids go on rising, and times of one room do, but not those of all rooms."""
    minutes = [0, 50, 20, 80, 30, 60, 140, 100]
    messages = [
        Message(f"room{n}", 1, n, "ada", "roses", START + timedelta(minutes=minute))
        for n, minute in enumerate(minutes, 1)
    ]
    keep(tmp_path, messages)
    for minute in range(0, 150, 10):
        time = START + timedelta(minutes=minute)
        late = [message.id for message in reversed(messages) if message.time >= time]
        assert found(tmp_path, f"roses after:{time:%Y-%m-%dT%H:%M}") == late
        early = [message.id for message in reversed(messages) if message.time < time]
        assert found(tmp_path, f"before:{time:%Y-%m-%dT%H:%M}") == early


# --- scopes ---


@pytest.mark.parametrize("step", [1, 100])
def test_a_room_that_is_set_apart_is_found_by_who_may_read_it_all_the_time(tmp_path, step):
    keep(tmp_path, TALK)
    with opened(tmp_path) as connection:
        transaction(connection, lambda connection: index.set_apart(connection, ["cellar", "nowhere"]))
        while True:
            everything = reach_of(connection, "lobby", "cellar", "garden")
            outside = reach_of(connection, "lobby", "garden")
            assert ids(connection, "roses", everything) == [3, 2, 1]
            assert ids(connection, "roses", outside) == [3, 1]
            assert ids(connection, "from:bob", outside) == ids(connection, "wine", outside) == []
            assert ids(connection, "from:bob", everything) == [4, 2]
            assert ids(connection, "roses", everything, limit=1) == [3]
            assert ids(connection, "roses", everything, before=3, limit=1) == [2]
            if not transaction(connection, lambda connection: index.move_more(connection, step)):
                break
        assert everything == Reach(True, (number(connection, "cellar"),))
        assert outside == Reach(True, ())
        more = [Message("cellar", 3, 6, "bob", "more roses", START), Message("lobby", 2, 7, "bob", "roses!", START)]
        transaction(connection, lambda connection: store.write(connection, [more]))
        index_all(connection)
        assert ids(connection, "roses", everything) == [7, 6, 3, 2, 1]
        assert ids(connection, "roses", outside) == [7, 3, 1]
    assert verified(tmp_path) == (0, ["It is whole."])


@pytest.mark.parametrize("look", [10, 1000])
def test_a_large_room_is_moved_in_steps_and_verified_in_between(tmp_path, monkeypatch, look):
    monkeypatch.setattr(index, "LOOK", look)
    lines = ["cellar bob: roses", "lobby ada: roses", "lobby ada: roses"] * 50
    keep(tmp_path, said(*lines))
    with opened(tmp_path) as connection:
        transaction(connection, lambda connection: index.set_apart(connection, ["cellar"]))
        for _ in range(3):
            assert transaction(connection, lambda connection: index.move_more(connection, 7))
        assert verified(tmp_path) == (0, ["It is whole."])
        outside, inside = reach_of(connection, "lobby"), reach_of(connection, "lobby", "cellar")
        assert len(ids(connection, "roses", outside, limit=200)) == 100
        assert len(ids(connection, "roses", inside, limit=200)) == 150
        for room in ("cellar", "lobby"):  # what is removed meanwhile is found in either
            step = number(connection, room)
            transaction(connection, lambda connection, step=step: retention.trim(connection, step, 5, None))
        assert history(tmp_path, "forget", "--user", "bob", "--yes").exit_code == 0
        rest(connection)
        assert ids(connection, "roses", reach_of(connection, "lobby", "cellar")) == ids(connection, "from:ada", outside)
        assert len(ids(connection, "forgotten", reach_of(connection, "cellar"))) == 5
    assert verified(tmp_path) == (0, ["It is whole."])


def work(connection, text, reach):
    """How many steps SQLite takes for a search."""
    steps = 0

    def step():
        nonlocal steps
        steps += 1

    connection.set_progress_handler(step, 1)
    try:
        ids(connection, text, reach)
    finally:
        connection.set_progress_handler(None, 0)
    return steps


def test_what_was_said_where_one_may_not_read_costs_no_more_than_what_nobody_said(tmp_path):
    lines = [f"cellar bob: secret{n % 7} mystery https://example.org/{n}" for n in range(5000)]
    talk = [f"lobby ada: roses and tulips {n}" for n in range(1000)]
    keep(tmp_path, said(*talk, *lines, *talk, "garden eve: tulips"))
    with opened(tmp_path) as connection:
        nowhere = ["secretx", "mysterx", "from:rob", "myst*", '"mysterx https"', "secretx mysterx", "mysterx tulips"]
        hidden = ["secret1", "mystery", "from:bob", "mysx*", '"mystery https"', "secret1 mystery", "mystery tulips"]
        before = reach_of(connection, "lobby", "garden")
        assert work(connection, "mystery", before) > work(connection, "mysterx", before)
        transaction(connection, lambda connection: index.set_apart(connection, ["cellar"]))
        rest(connection)
        outside, inside = reach_of(connection, "lobby", "garden"), reach_of(connection, "cellar")
        assert ids(connection, "mystery", outside) == []
        for words, others in zip(hidden, nowhere, strict=True):
            assert work(connection, words, outside) == work(connection, others, outside), words
        assert work(connection, "mystery", inside) > work(connection, "mysterx", inside)


# --- an index of an earlier version ---


def fill_old(tmp_path, messages=5000):
    """A file of the version before, with an index of many pages."""
    path = load("history-v3", tmp_path)
    with closing(sqlite3.connect(path)) as connection:
        rows = [(n, 1, n - 3, 1767312240000000 + n, "ada", f"oldword{n} and others") for n in range(7, messages + 7)]
        connection.executemany("INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, 0)", rows)
        connection.execute("INSERT INTO words (rowid, text, room) SELECT id, text, room FROM messages WHERE id > 6")
        connection.execute("UPDATE marks SET value = ? WHERE name = 'indexed'", (messages + 6,))
        connection.commit()


def old_pages(connection):
    return connection.execute("SELECT count(*) FROM retired_data").fetchone()[0]


def test_an_earlier_index_goes_in_steps_and_the_file_is_whole_at_each(tmp_path, monkeypatch):
    monkeypatch.setattr(index, "OLD_PAGES", 5)
    monkeypatch.setattr(index, "OLD_ENTRIES", 1000)
    fill_old(tmp_path)
    with opened(tmp_path) as connection:
        pages = old_pages(connection)
        assert pages > 20
        steps = 0
        while transaction(connection, index.retire_more):
            steps += 1
            transaction(connection, index.index_more)
            if steps < pages / 5:
                assert old_pages(connection) <= pages - 5 * steps + 5
                assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert steps > pages / 5
        assert not connection.execute("SELECT 1 FROM sqlite_master WHERE name LIKE 'retired%'").fetchone()
    assert found(tmp_path, "oldword77") == [77]
    assert found(tmp_path, "roses") == [3, 2]
    assert verified(tmp_path) == (0, ["It is whole."])


def test_who_is_forgotten_is_not_left_in_an_earlier_index(tmp_path):
    fill_old(tmp_path)
    assert remains(tmp_path, "oldword7") > 100
    assert history(tmp_path, "forget", "--user", "ada", "--yes").exit_code == 0
    assert remains(tmp_path, "ldword") == 0
    assert verified(tmp_path) == (0, ["It is whole."])
    assert found(tmp_path, "have") == [6]


def test_where_terms_are_made_otherwise_all_is_indexed_anew(tmp_path, monkeypatch):
    keep(tmp_path, TALK)
    with opened(tmp_path) as connection:
        transaction(connection, lambda connection: index.set_apart(connection, ["cellar"]))
    monkeypatch.setattr(terms, "VERSION", terms.VERSION + 1)
    monkeypatch.setattr(terms, "WORD", "~")
    assert verified(tmp_path) == (0, ["It is whole."])
    with opened(tmp_path) as connection:
        assert index.missing(connection, 100) == len(TALK)
        transaction(connection, lambda connection: retention.trim(connection, number(connection, "lobby"), 0, None, 1))
        index_all(connection)
        assert index.missing(connection, 100) == 0
        assert ids(connection, "roses", reach_of(connection, "lobby", "garden", "cellar")) == [3, 2, 1]
        assert ids(connection, "roses", reach_of(connection, "lobby", "garden")) == [3, 1]
        while transaction(connection, index.retire_more):
            pass
    assert verified(tmp_path) == (0, ["It is whole."])
