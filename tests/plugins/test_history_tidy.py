"""What is done with a history on the side goes on, whatever happens."""

from greenchat_plugins.history import tidy
from kit.histories import TALK, keep, opened
from kit.machine import eventually

from greenchat.testing import serving

FAILED = "history: a step of tidying up has failed"
INDEXED = "SELECT value FROM marks WHERE name = 'indexed'"


def test_indexing_goes_on_after_a_step_that_has_failed(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(tidy, "FAULT_SECONDS", 0.01)
    keep(tmp_path, TALK, indexed=False)
    with opened(tmp_path) as connection:
        connection.execute("DELETE FROM marks WHERE name = 'indexed'")  # of which a step of indexing knows nothing
        with serving(data_dir=tmp_path):
            eventually(lambda: FAILED in caplog.text)
            connection.execute("INSERT INTO marks VALUES ('indexed', 0)")
            eventually(lambda: connection.execute(INDEXED).fetchone() == (len(TALK),))


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
