"""What is done with a history on the side goes on, whatever happens."""

from functools import partial

from greenchat_plugins.history import changes, finder, store, tidy
from greenchat_plugins.history.changes import Change, More
from kit.histories import TALK, keep, opened, remains, said
from kit.machine import eventually
from kit.programs import Program
from kit.socketless import serving

from greenchat.storage.sqlite import transaction

# Nothing is written unless somebody waits for it.
LAZY = {"plugins.history.replay": 20, "plugins.history.commit_seconds": 3600}

FAILED = "history: a step of tidying up has failed"
INDEXED = "SELECT value FROM marks WHERE name = 'indexed'"
LATEST = "SELECT max(id) FROM messages"


def test_indexing_goes_on_after_a_step_that_has_failed(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(tidy, "FAULT_SECONDS", 0.01)
    keep(tmp_path, TALK, indexed=False)
    with opened(tmp_path) as connection:
        connection.execute("DELETE FROM marks WHERE name = 'indexed'")  # of which a step of indexing knows nothing
        with serving(data_dir=tmp_path):
            eventually(lambda: FAILED in caplog.text)
            connection.execute("INSERT INTO marks VALUES ('indexed', 0)")
            eventually(lambda: connection.execute(INDEXED).fetchone() == (len(TALK),))


def test_after_a_burst_it_is_indexed_though_nobody_says_anything_any_more(tmp_path, monkeypatch):
    monkeypatch.setattr(tidy, "CALM", 10)
    monkeypatch.setattr(finder, "BEHIND", 10)
    many = 100
    with serving(data_dir=tmp_path) as server, opened(tmp_path) as connection:
        ada = Program(server, "ada")
        ada.send(type="say", text="la", times=many)
        eventually(lambda: connection.execute("SELECT count(*) FROM messages").fetchone() == (many,))
        eventually(lambda: connection.execute(INDEXED).fetchone() == connection.execute(LATEST).fetchone())
        assert len(ada.request(type="search", text="la", limit=200)["messages"]) == many


def test_guests_change_what_they_said_though_another_program_has_written_to_the_file(tmp_path):
    """What is not on disk yet is not there as it is here: that is no work of others."""
    keep(tmp_path, said("garden eve: roses"))
    with serving(settings=LAZY, data_dir=tmp_path) as server, opened(tmp_path) as connection:
        bob, ada = Program(server, "bob", "garden"), Program(server, "ada")
        assert ada.request(type="say", text="one", room="lobby")["seq"] == 1
        ada.send(type="edit", seq=1, text="ONE", room="lobby")
        ada.send(type="say", text="two", room="lobby")
        ada.request(type="ping")
        connection.execute("UPDATE messages SET text = 'tulips' WHERE text = 'roses'")

        def told():
            with Program(server, "cy", "garden") as cy:
                (message,) = cy.read_until("history")["events"]
                cy.leave()
            return message["text"] == "tulips"

        assert eventually(told)
        for seq in (1, 2):
            assert ada.request(type="edit", seq=seq, text="mine", room="lobby")["type"] == "ack"
        assert bob.request(type="edit", seq=1, text="mine", room="garden")["code"] == "not_allowed"


def test_deleted_words_are_not_left_between_those_of_others_either(tmp_path):
    """SQLite leaves some there when it moves rows from page to page, as it does with many messages and their words."""
    number, every = 4000, 7
    keep(
        tmp_path, said(*(f"lobby ada: {'public' if seq % every else 'hushed'}{seq:06}" for seq in range(1, number + 1)))
    )
    gone = range(every, number + 1, every)
    deleted = [
        Change("lobby", rev, number, seq, "", More(deleted=("ada", 0))) for rev, seq in enumerate(gone, number + 1)
    ]
    with opened(tmp_path) as connection:
        for change in deleted:
            transaction(connection, partial(store.write_items, items=[change]))
    with serving(data_dir=tmp_path), opened(tmp_path) as connection:
        assert eventually(lambda: changes.unclean(connection) == 0)
    assert remains(tmp_path, "public") >= number - len(gone)
    assert remains(tmp_path, "hushed") == 0


def test_what_is_done_again_and_again_is_done_again_after_it_has_failed(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(tidy, "CLEAN_SECONDS", 0.01)
    keep(tmp_path, TALK)
    marked = "SELECT value FROM marks WHERE name = 'changed'"
    with opened(tmp_path) as connection:
        connection.execute("INSERT INTO marks VALUES ('changed', 'much')")
        with serving(data_dir=tmp_path):
            eventually(lambda: FAILED in caplog.text)
            connection.execute("UPDATE marks SET value = 1 WHERE name = 'changed'")
            eventually(lambda: connection.execute(marked).fetchone() is None)
