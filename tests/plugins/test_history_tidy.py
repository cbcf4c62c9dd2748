"""What is done with a history on the side goes on, whatever happens."""

from greenchat_plugins.history import finder, tidy
from kit.histories import TALK, keep, opened
from kit.machine import eventually
from kit.programs import Program

from greenchat.testing import serving

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
        ada.peer.socket.sendall(b"".join(b'{"type":"say","text":"la"}\n' for _ in range(many)))
        eventually(lambda: connection.execute("SELECT count(*) FROM messages").fetchone() == (many,))
        eventually(lambda: connection.execute(INDEXED).fetchone() == connection.execute(LATEST).fetchone())
        assert len(ada.request(type="search", text="la", limit=200)["messages"]) == many


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
