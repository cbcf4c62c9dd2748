"""One finds what one has said alone with others, by what people type everywhere, and nothing of others."""

import pytest
from kit.accounts import SECRET
from kit.alone import direct, login, opened, people, remains, say
from kit.machine import eventually
from kit.programs import Program, says, without_plugins

from greenchat.storage import direct_index, direct_tidy

MANY = {"limits.flood_burst": 1000, "limits.flood_rate": 1000}


@pytest.fixture
def chat(tmp_path):
    with people(tmp_path, "ada", "bob", "cy", settings=MANY) as server:
        yield server


def found(program, text, **ask):
    page = program.request(type="search", text=text, **ask)
    assert page["type"] == "found", page
    return [message["text"] for message in page["messages"]]


def test_one_finds_ones_own_among_rooms_and_nothing_of_others(chat):
    ada, bob, cy = (login(chat, name, room="lobby") for name in ("ada", "bob", "cy"))
    talk = say(ada, "red roses, alone", to="bob")["conversation"]
    say(bob, "white roses\nhttps://example.org/", conversation=talk)
    say(cy, "roses of others", to="bob")
    say(ada, "roses for all", room="lobby")
    assert found(ada, "roses") == ["roses for all", "white roses\nhttps://example.org/", "red roses, alone"]
    assert found(bob, "roses", limit=2) == ["roses for all", "roses of others"]
    assert found(ada, "ros* from:bob") == found(ada, "has:link") == ["white roses\nhttps://example.org/"]
    assert found(ada, "roses in:lobby") == found(ada, "roses", room="lobby") == ["roses for all"]
    assert found(ada, '"red roses"', conversation=talk) == ["red roses, alone"]
    assert found(ada, "before:2020-01-01 roses") == []
    page = ada.request(type="search", text="roses", conversation=talk, limit=1)
    (first,) = page["messages"]
    assert (first["with"], first["conversation"], page["more"]) == ("bob", talk, True)
    assert found(ada, "roses", conversation=talk, before=first["id"]) == ["red roses, alone"]
    assert found(cy, "red") == []
    assert cy.request(type="search", text="red", conversation=talk)["code"] == "conversation_gone"
    assert ada.request(type="search", text="in:lobby", conversation=talk)["code"] == "usage"


def test_what_was_changed_is_found_as_it_is_now_and_what_was_deleted_never(chat, tmp_path):
    ada, bob = login(chat, "ada"), login(chat, "bob")
    talk = say(ada, "tulips", to="bob")["conversation"]
    say(ada, "lilies", conversation=talk)
    assert found(bob, "tulips") == ["tulips"]
    ada.request(type="edit", conversation=talk, seq=1, text="東京の薔薇")
    ada.request(type="delete", conversation=talk, seq=2)
    assert found(bob, "tulips") == found(bob, "lilies") == []
    assert found(bob, "薔薇") == ["東京の薔薇"]
    assert direct(tmp_path, "verify").output.endswith("It is whole.\n")


def test_deleted_words_leave_the_index_as_well(tmp_path, monkeypatch):
    monkeypatch.setattr(direct_tidy, "CLEAN_SECONDS", 0.02)
    monkeypatch.setattr(direct_tidy, "INDEX_SECONDS", 0.01)
    with people(tmp_path, "ada", "bob") as server:
        ada = login(server, "ada")
        talk = say(ada, "xyzzy", to="bob")["conversation"]
        with opened(tmp_path) as connection:
            eventually(lambda: direct_index.missing(connection, 10) == 0)
        ada.request(type="delete", conversation=talk, seq=1)
        eventually(lambda: not remains(tmp_path, "xyzzy"))


def test_an_index_of_other_terms_is_made_anew(tmp_path):
    with people(tmp_path, "ada", "bob") as server:
        ada = login(server, "ada")
        say(ada, "roses", to="bob")
        assert found(ada, "roses") == ["roses"]
    with opened(tmp_path) as connection:
        connection.execute("UPDATE marks SET value = 1 WHERE name = 'terms'")
    with people(tmp_path) as server:
        assert found(login(server, "bob"), "roses") == ["roses"]
    assert direct(tmp_path, "verify").output.endswith("It is whole.\n")


def test_an_index_that_does_not_fit_is_told(tmp_path):
    with people(tmp_path, "ada", "bob") as server:
        ada = login(server, "ada")
        say(ada, "roses", to="bob")
        assert found(ada, "roses") == ["roses"]
    with opened(tmp_path) as connection:
        connection.execute("UPDATE messages SET text = 'lilies'")
    assert "The index of words does not fit what was said" in direct(tmp_path, "verify").output


def test_without_a_history_it_is_found_as_well(tmp_path):
    with people(tmp_path, "ada", "bob", settings=without_plugins("history")) as server:
        ada = login(server, "ada")
        talk = say(ada, "roses", to="bob")["conversation"]
        assert found(ada, "roses") == found(ada, "roses", conversation=talk) == ["roses"]
        assert ada.request(type="search", text="roses", room="lobby")["code"] == "no_history"
        assert Program(server, "eve").request(type="search", text="roses")["code"] == "no_history"


def test_people_search_by_a_command_everywhere_or_where_they_type_it(chat):
    ada = login(chat, "ada", room="lobby")
    talk = say(ada, "roses alone", to="bob")["conversation"]
    say(ada, "roses for all", room="lobby")
    ada.send(type="say", text="/search roses", conversation=talk, ref="s")
    assert [one["text"] for one in ada.read_until("found", ref="s")["messages"]] == ["roses alone"]
    bob = chat.connect()
    bob.send(f"MSG|/login bob {SECRET}", "JOIN|bob")
    lines = says(bob, "/search roses")
    assert any(line.endswith("with ada alone, ada: roses alone") for line in lines), lines
    assert any("in lobby, ada: roses for all" in line for line in lines), lines
