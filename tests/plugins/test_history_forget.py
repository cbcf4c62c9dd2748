"""`greenchat history forget`: nothing of somebody is left, and nothing else is gone."""

import random
import sqlite3
import threading

import pytest
from greenchat_plugins.history import commands, forget, index, retention, store
from kit.histories import MOVES, START, found, history, index_all, keep, kept, opened, remains, said, verified

from greenchat.errors import Reject
from greenchat.protocol.events import Message
from greenchat.protocol.names import require_name
from greenchat.storage.sqlite import transaction
from greenchat.testing import DEADLINE

DIARY = said(
    "lobby ada: my secret is xylophone",
    "lobby bob: ada told me",
    "garden Ada: in the garden",
    "lobby ａｄａ: wide",
    "lobby * ada confesses",
    "lobby adam: I am somebody else",
)


def test_all_that_somebody_said_is_replaced_however_the_name_was_spelt_and_nothing_else(tmp_path):
    keep(tmp_path, DIARY, MOVES)
    result = history(tmp_path, "forget", "--user", "ADA", "--yes")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "Forgotten: 4 messages and 4 comings and goings of ADA.\n"
    for before, after in zip(DIARY, kept(tmp_path), strict=True):
        if before.sender in ("bob", "adam"):
            assert after == before
        else:
            time = before.time
            assert after == Message(
                before.room, before.seq, before.id, "(forgotten user)", "(forgotten)", time, rev=before.rev
            )
    with opened(tmp_path) as connection:
        moves = [event for _, event in store.comings(connection, "lobby", 0, 100, 100)]
        assert moves == [event for _, event in (MOVES[1], MOVES[4], MOVES[6])]
    assert history(tmp_path, "verify").exit_code == 0


@pytest.mark.parametrize("indexed", [True, False])
def test_search_finds_nothing_of_it_any_more_and_the_rest_as_before(tmp_path, indexed):
    keep(tmp_path, DIARY, indexed=indexed)
    assert history(tmp_path, "forget", "--user", "ada", "--yes").exit_code == 0
    assert found(tmp_path, "xylophone") == found(tmp_path, "xyl*") == found(tmp_path, "confesses") == []
    assert found(tmp_path, "told") == [2]
    assert found(tmp_path, "forgotten") == [5, 4, 3, 1]
    assert history(tmp_path, "verify").exit_code == 0


def diary(many):
    """Many messages of three people, long and short, with a word in each that is nowhere else."""
    rng = random.Random(many)
    lines = []
    for number in range(many):
        who = rng.choice(["ada", "bob", "cy"]) if number < many * 0.8 else "ada"
        rest = " ".join(rng.choices(["the", "of", "green", "blue", "table"], k=int(rng.paretovariate(0.8)) % 1500))
        lines.append(f"room{rng.randrange(3)} {who}: {who}said{number:06} {rest}")
    return said(*lines)


def test_nothing_of_it_is_left_in_the_bytes_of_any_file(tmp_path):
    messages = diary(10_000)
    with opened(tmp_path) as connection:
        for start in range(0, len(messages), 500):
            runs = [[message] for message in messages[start : start + 500]]
            transaction(connection, lambda connection, runs=runs: store.write(connection, runs))
            index_all(connection)
            for room, _ in store.rooms(connection):  # pages of the file get emptier and are put together
                transaction(connection, lambda connection, room=room: retention.trim(connection, room, 3000, None))
    before = kept(tmp_path)
    assert remains(tmp_path, "adasaid") > 1000
    assert history(tmp_path, "forget", "--user", "ada", "--yes").exit_code == 0
    assert remains(tmp_path, "adasaid") == 0
    after = kept(tmp_path)
    assert [(message.room, message.seq, message.id) for message in after] == [
        (message.room, message.seq, message.id) for message in before
    ]
    assert [message for message in after if message.sender == "bob"] == [
        message for message in before if message.sender == "bob"
    ]
    assert words(tmp_path, "ada%") == 0
    assert words(tmp_path, "bob%") > 1000
    assert history(tmp_path, "verify").exit_code == 0


def words(data_dir, pattern):
    """How many words like this are in the index."""
    with opened(data_dir) as connection:
        connection.execute("CREATE VIRTUAL TABLE temp.terms USING fts5vocab(main, words, 'row')")
        return connection.execute("SELECT count(*) FROM terms WHERE term LIKE ?", (f"0.{pattern}",)).fetchone()[0]


def test_it_asks_before(tmp_path):
    keep(tmp_path, DIARY, MOVES)
    result = history(tmp_path, "forget", "--user", "ada", answer="n\n")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(
        "There are 4 messages and 4 comings and goings of ADA, Ada, ada, ａｄａ. They cannot be brought back.\n"
    )
    assert result.stderr.endswith("Nothing was changed.\n")
    assert history(tmp_path, "forget", "--user", "ada", answer="").exit_code == 1
    assert kept(tmp_path) == DIARY
    assert history(tmp_path, "forget", "--user", "ada", answer="y\n").exit_code == 0
    assert kept(tmp_path)[0].text == "(forgotten)"


def test_one_is_not_many(tmp_path):
    keep(tmp_path, said("lobby ada: hello"), MOVES[:1])
    result = history(tmp_path, "forget", "--user", "ada", "--yes")
    assert result.stdout == "Forgotten: 1 message and 1 coming or going of ada.\n"


@pytest.mark.parametrize("name", ["eva", "server", "two words", "", "a" * 500])
def test_somebody_who_never_said_a_word(tmp_path, name):
    keep(tmp_path, DIARY)
    result = history(tmp_path, "forget", "--user", name)
    assert (result.exit_code, result.stdout[:20]) == (0, f"There is nothing of {name}"[:20])
    assert kept(tmp_path) == DIARY


def test_a_name_that_nobody_can_choose(tmp_path):
    message = Message("lobby", 1, 1, "weather bot", "It rains.", START)
    keep(tmp_path, [message])
    assert history(tmp_path, "forget", "--user", "weather bot", "--yes").exit_code == 0
    assert kept(tmp_path)[0].sender == "(forgotten user)"


def test_nobody_can_be_called_like_the_forgotten_and_they_are_not_forgotten_twice(tmp_path):
    with pytest.raises(Reject):
        require_name(forget.FORGOTTEN, 0)
    keep(tmp_path, DIARY)
    history(tmp_path, "forget", "--user", "ada", "--yes")
    assert history(tmp_path, "forget", "--user", "ada", "--yes").stdout == "There is nothing of ada.\n"
    result = history(tmp_path, "forget", "--user", forget.FORGOTTEN, "--yes")
    assert result.stdout == "There is nothing of (forgotten user).\n"


def test_more_than_is_replaced_at_once_with_some_not_in_the_index_yet(tmp_path):
    many = 2 * index.STEP + 1
    keep(tmp_path, said(*["lobby ada: zebra"] * many), indexed=False)
    with opened(tmp_path) as connection:
        transaction(connection, index.index_more)
    result = history(tmp_path, "forget", "--user", "ada", "--yes")
    assert result.stdout == f"Forgotten: {many:,} messages and 0 comings and goings of ada.\n"
    assert {message.text for message in kept(tmp_path)} == {"(forgotten)"}
    assert history(tmp_path, "verify").exit_code == 0
    assert found(tmp_path, "zebra") == []


def test_what_was_interrupted_is_told_and_brought_to_its_end_the_next_time(tmp_path):
    keep(tmp_path, DIARY)
    with opened(tmp_path) as connection:
        connection.execute("PRAGMA secure_delete = OFF")
        forget.replace(connection, ["ada", "Ada", "ａｄａ"])
    assert remains(tmp_path, "my secret") > 0
    result = history(tmp_path, "verify")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[1:] == [
        "What was forgotten may still be in the file's unused parts: run `greenchat history forget` again."
    ]
    result = history(tmp_path, "forget", "--user", "ada")
    assert (result.exit_code, result.stdout) == (0, "Forgotten: 0 messages and 0 comings and goings of ada.\n")
    assert remains(tmp_path, "my secret") == 0
    assert history(tmp_path, "verify").exit_code == 0


def test_who_writes_all_the_time_gets_its_turn(tmp_path):
    keep(tmp_path, said(*["lobby ada: zebra"] * 5000))
    stop, written, troubles = threading.Event(), [], []

    def write():
        with opened(tmp_path) as connection:
            number = 5000
            while not stop.is_set():
                number += 1
                message = Message("lobby", number, number, "bob", f"new{number}", START, rev=number)
                try:
                    transaction(connection, lambda connection, m=message: store.write(connection, [[m]]))
                    transaction(connection, index.index_more)
                except sqlite3.Error as error:
                    troubles.append(error)
                written.append(message)
                stop.wait(0.002)  # others get a chance, as with a server that has to wait for its clients

    writer = threading.Thread(target=write)
    writer.start()
    try:
        result = history(tmp_path, "forget", "--user", "ada", "--yes")
    finally:
        stop.set()
        writer.join(DEADLINE)
    assert (result.exit_code, troubles) == (0, [])
    assert len(written) > 2
    assert kept(tmp_path)[5000:] == written
    assert words(tmp_path, "zebra") == 0
    assert history(tmp_path, "verify").exit_code == 0


def test_who_reads_all_the_time_is_told_of_and_what_is_missing_is_done_the_next_time(tmp_path, monkeypatch):
    keep(tmp_path, DIARY)
    monkeypatch.setattr(commands, "PATIENCE", 0.05)
    with opened(tmp_path) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM messages").fetchone()
        result = history(tmp_path, "forget", "--user", "ada", "--yes")
        reader.execute("ROLLBACK")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"Error: {tmp_path / store.FILE} is in use by another program all the time. End that, and run this again.\n"
    )
    assert found(tmp_path, "xylophone") == []
    assert verified(tmp_path)[0] == 1
    assert history(tmp_path, "forget", "--user", "ada").exit_code == 0
    assert verified(tmp_path) == (0, ["It is whole."])
    assert remains(tmp_path, "my secret") == 0
