"""The history plugin where its database cannot be used, and where the server ends as suddenly as can be."""

import resource

import pytest
from greenchat_plugins.history import store
from kit.outages import OFF, ON, numbered, serve, stored

from greenchat.client import RefusedError


def test_a_file_that_is_moved_away_while_it_is_used_is_noticed(tmp_path):
    file, away = tmp_path / store.FILE, tmp_path / "away" / store.FILE
    away.parent.mkdir()
    with serve(tmp_path) as people:
        ada = people.join("ada")
        assert ada.ack("one") == 1
        assert ada.reads() == numbered("one")
        file.rename(away)
        ada.not_stored("two")
        ada.until(ON)
        assert ada.ack("three") == 3
        assert ada.reads() == [(2, "two"), (3, "three")]
    assert stored(tmp_path) == [(2, "two"), (3, "three")]
    assert stored(away.parent) == numbered("one")


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs Linux")
def test_a_full_disk(tmp_path):
    with serve(tmp_path) as people:
        ada, bob = people.join("ada"), people.join("bob")
        pid, limit = people.process.process.pid, resource.RLIMIT_FSIZE
        _, hard = resource.prlimit(pid, limit)
        written = max(file.stat().st_size for file in tmp_path.glob(f"{store.FILE}*"))
        resource.prlimit(pid, limit, (written + 50_000, hard))
        texts, refused = [], None
        while refused is None:
            texts.append(f"{len(texts) + 1}{' word' * 100}")
            try:
                assert ada.ack(texts[-1]) == len(texts)
            except RefusedError as error:
                refused = error.code
        assert refused == "not_stored"
        assert len(texts) > 3
        bob.until(OFF)
        texts.append("more")
        ada.not_stored("more")
        resource.prlimit(pid, limit, (hard, hard))
        bob.until(ON)
        texts.append("last")
        assert ada.ack("last") == len(texts)
    assert stored(tmp_path) == numbered(*texts)
