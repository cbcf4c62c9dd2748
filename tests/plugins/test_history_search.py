"""Searching as people and programs do it, over a real server."""

import json
from datetime import timedelta

import pytest
from greenchat_plugins.history import finder, index, store
from kit.histories import START, index_all, keep, opened, said, verified
from kit.machine import eventually
from kit.programs import Program, owner, says
from kit.schemas import load
from kit.socketless import serving

from greenchat import Reject, hookimpl
from greenchat.protocol.events import Message
from greenchat.storage.sqlite import transaction

QUIET = {"plugins.history.replay": 0}

TALK = said(
    "lobby ada: the roses are out",
    "garden bob: roses, roses: https://example.org/roses",
    "lobby Bob: 今天天气很好",
    "dev eve: C++ and roses 🐎",
    "garden Ada: out of roses",
    "dev bob: rosemary",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("history")
    keep(data_dir, TALK, indexed=False)
    with serving(settings=QUIET, data_dir=data_dir) as running:
        yield running


@pytest.fixture(scope="module")
def ada(server):
    return Program(server, "ada")


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("roses", [5, 4, 2, 1]),
        ("from:bob", [6, 3, 2]),
        ("from:BOB roses", [2]),
        ("from:bob from:eve roses*", [4, 2]),
        ("in:dev", [6, 4]),
        ("in:dev in:garden roses", [5, 4, 2]),
        ("in:#Garden from:ada", [5]),
        ("in:nowhere roses", []),
        ('"roses are"', [1]),
        ('"out of" roses', [5]),
        ("has:link", [2]),
        ("before:2026-01-02", [1]),
        ("after:2026-01-02T00:02Z before:2026-01-02T00:03", [4]),
        ("天气", [3]),
        ("c++ 🐎", [4]),
        ("from:nobody", []),
    ],
)
def test_a_request_understands_what_people_type(ada, text, ids):
    answer = ada.request(type="search", text=text)
    assert answer["text"] == text
    assert [message["id"] for message in answer["messages"]] == ids


def test_fields_hold_besides_what_is_typed(ada):
    def found(**ask):
        answer = ada.request(type="search", **ask)
        return [message["id"] for message in answer["messages"]], answer.get("more", False)

    assert found(text="from:bob", room="garden") == ([2], False)
    assert found(text="roses in:garden", room="dev") == ([], False)
    assert found(text="roses in:garden in:dev", room="DEV") == ([4], False)
    assert found(text="roses", limit=2) == ([5, 4], True)
    assert found(text="roses", before=4, limit=1) == ([2], True)
    assert found(text="after:2020-01-01", before=2) == ([1], False)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("before:tomorrow", "usage"),
        ("has:", "usage"),
        ('in:"no room"', "room_invalid"),
        ("", "empty"),
        ("x " * 17, "too_long"),
    ],
)
def test_a_request_that_cannot_be_understood_is_refused(ada, text, code):
    assert ada.request(type="search", text=text)["code"] == code


def test_people_type_the_same(server):
    bob = server.join("bob")
    assert says(bob, "/search from:bob roses") == [
        "INFO|2026-01-02 00:00 UTC in garden, bob: roses, roses: https://example.org/roses",
        "INFO|1 message with from:bob roses. That is all.",
    ]
    assert says(bob, "/search before:tomorrow") == [
        "ERROR|'tomorrow' is no day. Write it like after:2026-10-01, or with a time like before:2026-10-01T18:00 or "
        "before:2026-10-01T18:00+02:00; without a zone it is UTC."
    ]
    told = "\n".join(says(bob, "/help search"))
    for what in ('"exact words"', "roses*", "from:bob", "in:dev", "after:2026-10-01", "before:2026-11-01", "has:link"):
        assert what in told


# --- who may read ---


def terms_of(data_dir, pattern):
    """The terms like this in the index, in their order."""
    with opened(data_dir) as connection:
        connection.execute("CREATE VIRTUAL TABLE temp.vocab USING fts5vocab(main, words, 'row')")
        found = connection.execute("SELECT term FROM vocab WHERE term GLOB ? ORDER BY term", (pattern,)).fetchall()
        return [term for (term,) in found]


def test_a_room_that_is_given_a_key_has_its_words_apart_from_then_on(tmp_path):
    with serving(settings=QUIET, data_dir=tmp_path) as server:
        bob = owner(server, "bob", "cellar")
        says(bob, "oldsecret")
        eve = Program(server, "eve")
        assert [found["text"] for found in eve.request(type="search", text="*secret oldsecret")["messages"]] == []
        assert [found["text"] for found in eve.request(type="search", text="oldsecret")["messages"]] == ["oldsecret"]
        says(bob, "/room key sesame", "newsecret")
        for text in ("oldsecret", "newsecret", "from:bob", "after:2020-01-01"):
            assert eve.request(type="search", text=text)["messages"] == []
        assert eve.request(type="search", text="oldsecret in:cellar")["code"] == "not_allowed"
        says(bob, "/room limit 1")  # whom the key keeps out, a room that is full does not let read
        assert eve.request(type="search", text="oldsecret")["messages"] == []
        assert eve.request(type="history", room="cellar")["code"] == "not_allowed"
        says(bob, "/room limit off")
        assert any("oldsecret" in line for line in says(bob, "/search oldsecret"))
        assert any("newsecret" in line for line in says(bob, "/search newsecret in:cellar"))
        eventually(lambda: not terms_of(tmp_path, "0.*secret"))
    number = terms_of(tmp_path, "*!?")[-1].partition("!")[0]
    assert terms_of(tmp_path, "*secret") == [f"{number}.newsecret", f"{number}.oldsecret"]
    assert verified(tmp_path) == (0, ["It is whole."])


class Cellar:
    """Only bob comes in there."""

    @hookimpl
    def greenchat_check_enter(self, session, name, room, key):
        if room == "cellar" and name != "bob":
            raise Reject("Only bob may go there.", code="not_allowed")


def test_while_somebody_is_here_who_may_not_come_in_nothing_of_a_room_is_ever_with_the_rest(tmp_path):
    with serving(Cellar, settings=QUIET, data_dir=tmp_path) as server:
        Program(server, "eve")
        bob = Program(server, "bob", "cellar")
        for number in range(20):
            assert bob.request(type="say", text=f"secret{number}", room="cellar")["type"] == "ack"
            assert len(bob.request(type="search", text=f"secret{number}")["messages"]) == 1
    assert terms_of(tmp_path, "0*") == []
    assert len(terms_of(tmp_path, "*.secret*")) == 20


# --- files of before ---


def test_a_server_on_a_file_of_before_starts_at_once_and_searches_once_all_is_indexed(tmp_path, monkeypatch):
    monkeypatch.setattr(finder, "BEHIND", 1000)
    load("history-v3", tmp_path)
    many = 20_000
    with opened(tmp_path) as connection:
        rows = json.dumps([[n, n - 3, f"line {n}"] for n in range(7, many)])
        connection.execute(
            "INSERT INTO messages SELECT value ->> 0, 1, value ->> 1, 1767312240000000, 'ada', value ->> 2, 0, 0, NULL "
            "FROM json_each(?)",
            (rows,),
        )
    with serving(settings=QUIET, data_dir=tmp_path) as server:
        eve = Program(server, "eve")
        asked = []

        def found():
            asked.append(eve.request(type="search", text=f"line {many - 1}"))
            return asked[-1].get("messages")

        assert eventually(found)[0]["seq"] == many - 4
        refused = {answer["text"]: answer["code"] for answer in asked[:-1]}
        assert set(refused) <= {
            "What was said is still being put into the index of words. Search again in some minutes."
        }
        eventually(lambda: not terms_like_old(tmp_path))
    assert verified(tmp_path) == (0, ["It is whole."])


def terms_like_old(data_dir):
    with opened(data_dir) as connection:
        return connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'retired'").fetchall()


def test_what_comes_late_is_indexed_where_it_belongs(tmp_path):
    keep(tmp_path, TALK)
    with opened(tmp_path) as connection:
        transaction(connection, lambda connection: index.set_apart(connection, ["garden"]))
        while transaction(connection, index.clear_more):
            pass
        late = Message("garden", 3, 20, "eve", "later", START + timedelta(hours=1))
        later = Message("garden", 4, 10, "eve", "belated", START + timedelta(hours=1))
        for message in (late, later):
            transaction(connection, lambda connection, message=message: store.write(connection, [[message]]))
            index_all(connection)
    assert terms_of(tmp_path, "0.*late*") == []
    assert len(terms_of(tmp_path, "*.*late*")) == 2
    assert verified(tmp_path) == (0, ["It is whole."])


def test_who_has_gone_while_others_were_asked_ends_no_indexing():
    with serving(settings=QUIET) as server:
        ada, bob = Program(server, "ada"), Program(server, "bob")
        session = server.call(lambda: server.server.chat.find("ada").sessions[0])
        plugin = next(plugin.bearer for plugin in server.server.plugins if plugin.name == "history")
        ada.leave()
        ada.peer.close()
        bob.ask("ada has gone")
        eventually(lambda: server.call(lambda: session.member is None))
        assert server.call(lambda: plugin._indexer._lets_in(session, "lobby"))
        assert bob.request(type="search", text="gone")["messages"][0]["sender"] == "bob"
