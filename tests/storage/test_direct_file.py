"""direct.sqlite3 in the hands of whoever has the machine: it is verified, words are forgotten and removed."""

import pytest
from kit.accounts import registered
from kit.alone import direct, login, opened, page, people, remains, rows, say, texts
from kit.backups import make, restore
from kit.histories import history
from kit.machine import eventually

from greenchat.storage import direct_rows, direct_tidy
from greenchat.storage.direct_rows import KeyRow, Row, Talk, TalkEnd
from greenchat.storage.epochs import EpochFile
from greenchat.storage.sqlite import transaction

DAY = 24 * 3600 * 1_000_000

TALK = Talk("t1", (TalkEnd(1, "ada", 2, 3), TalkEnd(2, "bob", 1, 0)), 3, 4, 3 * DAY)
ROWS = [
    Row("t1", 1, 1, 11, 1 * DAY, 1, "ada", "one", 0, 0),
    Row("t1", 2, 4, 12, 2 * DAY, 2, "bob", "two", 0, 1, reactions='[["👍", "ada", 1]]'),
    Row("t1", 3, 3, 13, 3 * DAY, 1, "ada", "three", 0, 0),
]


@pytest.fixture
def file(tmp_path):
    with opened(tmp_path) as connection:
        transaction(connection, lambda connection: direct_rows.keep(connection, [TALK], ROWS))
    return tmp_path


def verified(data_dir):
    result = direct(data_dir, "verify")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    first, *rest = result.output.splitlines()
    return first.partition(": ")[2], rest, result.exit_code


def test_what_is_whole_is_told_so_without_any_words(file):
    before = (file / direct_rows.FILE).read_bytes()
    assert verified(file) == ("1 conversation, 3 messages.", ["It is whole."], 0)
    assert (file / direct_rows.FILE).read_bytes() == before


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        ("DELETE FROM messages WHERE seq = 2", "Conversation t1: seq 2 to 2 is missing."),
        ("DELETE FROM messages WHERE seq = 3", "Conversation t1: seq 3 to 3 is missing."),
        ("UPDATE messages SET rev = 1 WHERE seq = 3", "Conversation t1: rev 1 is of 2 messages."),
        ("UPDATE conversations SET rev = 3", "Conversation t1: seq 2 has rev 4, and the last there was is 3."),
        ("UPDATE messages SET account = 7 WHERE seq = 2", "Conversation t1: seq 2 is of somebody else."),
        ("DELETE FROM ends WHERE account = 2", "Conversation t1 is between two accounts, and has 1 ends of theirs."),
        ("UPDATE conversations SET removed = 1", "Conversation t1: seq 1 is there, but all up to 1 was removed."),
        ("UPDATE ends SET read = 9 WHERE account = 1", "Conversation t1: account 1 has read up to 9, and there are 3."),
        ("UPDATE marks SET value = 5 WHERE name = 'id'", "Message 13 is there, but ids go on behind 5."),
    ],
)
def test_what_is_wrong_is_told(file, harm, told):
    with opened(file) as connection:
        connection.execute(harm)
    _, findings, code = verified(file)
    assert told in findings
    assert code == 1


def test_old_messages_are_removed_and_do_not_come_back(file):
    with opened(file) as connection:
        key = KeyRow(1, "k", b"digest", "t1", 1, 1, 11, DAY)
        transaction(connection, lambda connection: direct_rows.keep(connection, [], [], [key]))

        def trimmed(connection):
            return direct_rows.trim(connection, since=2 * DAY + 1, most=1)

        assert transaction(connection, trimmed) == ["t1"]
        assert transaction(connection, trimmed) == ["t1"]
        assert transaction(connection, trimmed) == []
        # Somebody has changed it at that very moment.
        late = [Row("t1", 2, 5, 12, 2 * DAY, 2, "bob", "changed", 0, 0, edited=4 * DAY)]
        talk = Talk("t1", TALK.ends, 3, 5, 3 * DAY)
        transaction(connection, lambda connection: direct_rows.keep(connection, [talk], late))
        assert connection.execute("SELECT text FROM messages").fetchall() == [("three",)]
        assert connection.execute("SELECT count(*) FROM keys").fetchone() == (0,)
        assert direct_rows.unclean(connection)
    assert verified(file) == ("1 conversation, 1 message.", ["It is whole."], 0)


def test_nothing_is_forgotten_of_nobody_and_nothing_where_one_says_no(tmp_path):
    with people(tmp_path, "ada", "bob") as server:
        say(login(server, "ada"), "one", to="bob")
    assert "There is nothing of eve." in direct(tmp_path, "forget", "--user", "eve", "--yes").output
    result = direct(tmp_path, "forget", "--user", "ADA", answer="n\n")
    assert result.exit_code == 1
    assert "ADA has said 1 message in 1 conversation of two." in result.output
    assert rows(tmp_path, "SELECT text FROM messages") == [("one",)]


@pytest.mark.parametrize("command", [direct, history])
def test_who_is_forgotten_is_read_no_more_by_an_open_server_either(tmp_path, command):
    with people(tmp_path, "ada", "bob") as server:
        ada, bob = login(server, "ada"), login(server, "bob")
        talk = say(ada, "xyzzy-one", to="bob", key="k1")["conversation"]
        say(bob, "of bob", conversation=talk)
        say(ada, "xyzzy-two", conversation=talk)
        ada.request(type="react", conversation=talk, seq=2, emoji="👍")
        before = page(bob, talk)
        result = command(tmp_path, "forget", "--user", "ada", "--yes")
        assert result.exit_code == 0, result.output
        assert "2 messages" in result.output
        assert not remains(tmp_path, "xyzzy")
        after = eventually(lambda: (found := page(bob, talk))["epoch"] != before["epoch"] and found)
        assert texts(after) == ["(forgotten user)", "of bob", "(forgotten user)"]
        assert "reactions" not in after["events"][1]
        bob.request(type="react", conversation=talk, seq=2, emoji="🐎")
        assert bob.request(type="react", conversation=talk, seq=1, emoji="🐎")["code"] == "unknown_message"
        caught = page(bob, talk, rev=before["rev"], epoch=before["epoch"])
        assert caught["anew"]
        assert texts(caught) == texts(after)
        assert (say(ada, "from now on", conversation=talk)["seq"], after["with"]) == (4, "ada")
        assert texts(page(bob, talk))[-1] == "from now on"
    assert verified(tmp_path)[1] == ["It is whole."]


def test_an_account_that_is_gone_is_forgotten_by_its_last_name(tmp_path):
    with people(tmp_path, "ada", "bob") as server:
        ada, bob = login(server, "ada"), login(server, "bob")
        talk = say(bob, "xyzzy", to="ada")["conversation"]
        bob.ask("/unregister correct-horse-battery")
        ada.read_until("ended")
        assert direct(tmp_path, "forget", "--user", "bob", "--yes").exit_code == 0
        found = eventually(lambda: (read := page(ada, talk))["with"] != "bob" and read)
        assert (found["with"], texts(found)) == ("(forgotten user)", ["(forgotten user)"])
        ada.request(type="read", conversation=talk, seq=1)
        bob.leave()
        registered(server, "bob").send("LEAVE")
        say(login(server, "bob"), "of another", to="ada")
    assert rows(tmp_path, "SELECT DISTINCT name FROM ends ORDER BY 1") == [("(forgotten user)",), ("ada",), ("bob",)]


def test_retention_is_off_the_loop_and_told_nobody(tmp_path, monkeypatch):
    monkeypatch.setattr(direct_tidy, "TRIM_SECONDS", 0.02)
    monkeypatch.setattr(direct_tidy, "CLEAN_SECONDS", 0.02)
    with people(tmp_path, "ada", "bob", settings={"server.direct_days": 1e-6}) as server:
        ada, bob = login(server, "ada"), login(server, "bob")
        talk = say(ada, "xyzzy-secret", to="bob")["conversation"]
        eventually(lambda: page(bob, talk)["events"] == [])
        eventually(lambda: not remains(tmp_path, "xyzzy"))
        assert ada.request(type="edit", conversation=talk, seq=1, text="late")["code"] == "unknown_message"
        assert say(ada, "more", conversation=talk)["seq"] == 2
    assert verified(tmp_path)[1] == ["It is whole."]


def test_a_backup_has_it_and_one_that_is_put_back_begins_a_new_time(tmp_path):
    data, copies = tmp_path / "data", [tmp_path / "open", tmp_path / "closed"]
    data.mkdir(0o700)
    with people(data, "ada", "bob") as server:
        ada = login(server, "ada")
        talk = say(ada, "one", to="bob")["conversation"]
        epoch = page(ada, talk)["epoch"]
        make(data, copies[0])
        say(ada, "two", conversation=talk)
    make(data, copies[1])
    with people(data) as server:
        assert page(login(server, "ada"), talk)["epoch"] == epoch
    for copy, said in zip(copies, (["one"], ["one", "two"]), strict=True):
        restore(copy, data)
        with people(data) as server:
            found = page(login(server, "bob"), talk, rev=2, epoch=epoch)
        assert texts(found) == said
        assert found["anew"]
        assert found["epoch"] != epoch
        with opened(data) as connection:
            assert EpochFile.name_of(EpochFile.found(connection)) == found["epoch"]
