"""An account takes away what it has said alone with others: all of that, and nothing else."""

import json

import pytest
from kit.accounts import SECRET
from kit.alone import login, people, say
from kit.machine import mode
from kit.processes import run_greenchat
from kit.programs import Program, says

from greenchat.chat import direct
from greenchat.client import Client, RefusedError

MANY = {"limits.flood_burst": 1000, "limits.flood_rate": 1000}


@pytest.fixture
def chat(tmp_path, monkeypatch):
    monkeypatch.setattr(direct, "PAGE_MESSAGES", 2)
    with people(tmp_path, "ada", "bob", "cy", settings=MANY) as server:
        yield server


def exported(program, **ask):
    """All messages, page by page."""
    found, cursor = [], ""
    while True:
        page = program.request(type="export", cursor=cursor, **ask)
        assert page["type"] == "exported", page
        assert len(page["messages"]) <= direct.PAGE_MESSAGES
        found += page["messages"]
        cursor = page.get("cursor", "")
        if not cursor:
            return found


def test_one_gets_all_of_ones_own_as_it_is_now_and_nothing_of_others(chat, tmp_path):
    ada, bob, cy = (login(chat, name) for name in ("ada", "bob", "cy"))
    talk = say(ada, "one", to="bob")["conversation"]
    for text in ("two", "three", "four", "five"):
        say(bob, text, conversation=talk)
    other = say(ada, "of cy", to="cy")["conversation"]
    say(bob, "of others", to="cy")
    say(ada, "in a room", room="lobby")
    ada.request(type="delete", conversation=talk, seq=1)
    bob.request(type="edit", conversation=talk, seq=2, text="two!")
    ada.request(type="react", conversation=talk, seq=3, emoji="👍")
    found = exported(ada)
    assert sorted(one["text"] for one in found) == ["five", "four", "of cy", "three", "two!"]
    between = [one for one in found if one["conversation"] == talk]
    assert [(one["seq"], one["text"], one["with"]) for one in between][:2] == [(2, "two!", "bob"), (3, "three", "bob")]
    assert between[1]["reactions"] == {"👍": ["ada"]}
    assert [one["text"] for one in exported(ada, conversation=other)] == ["of cy"]
    assert [one["own"] for one in exported(ada, conversation=other)] == [True]
    assert ada.request(type="export", cursor="x:y")["code"] == "cursor_invalid"
    assert cy.request(type="export", conversation=talk)["code"] == "conversation_gone"
    assert talk not in {one["conversation"] for one in exported(cy)}
    # A cursor of another conversation leads nowhere else.
    assert talk not in {one["conversation"] for one in exported(cy)} | {
        one["conversation"] for one in cy.request(type="export", cursor=f"0:{talk}")["messages"]
    }


def test_guests_have_nothing_to_take_away(chat):
    eve = Program(chat, "eve")
    assert eve.request(type="export")["code"] == "not_allowed"
    assert Program(chat).request(type="export")["code"] == "not_joined"


def test_a_client_and_a_shell_write_it_down(chat, tmp_path):
    ada, bob = login(chat, "ada"), login(chat, "bob")
    for text in ("one", "two", "three"):
        talk = say(ada, text, to="bob")["conversation"]
    with Client.connect(chat.host, chat.port) as client:
        client.join("bob", None, login=SECRET)
        assert [message.text for message in client.export()] == ["one", "two", "three"]
        assert [message.with_ for message in client.export(talk)] == ["ada"] * 3
        with pytest.raises(RefusedError):
            list(client.export("nowhere"))
    secret, file = tmp_path / "secret", tmp_path / "alone.jsonl"
    secret.write_text(f"{SECRET}\n")
    command = [
        "export",
        f"{chat.host}:{chat.port}",
        "--name",
        "bob",
        "--login-file",
        str(secret),
        "--output",
        str(file),
    ]
    result = run_greenchat(*command)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "3 messages.\n")
    assert [json.loads(line)["text"] for line in file.read_text().splitlines()] == ["one", "two", "three"]
    assert mode(file) == 0o600
    result = run_greenchat(*command)
    assert result.returncode == 2
    assert "is there already. Name a new file." in result.stderr
    result = run_greenchat("export", f"{chat.host}:{chat.port}", "--name", "bob")
    assert (result.returncode, result.stdout) == (2, "")
    assert "Use --login-file FILE." in result.stderr
    bob.leave()


def test_people_are_told_how(chat):
    ada = chat.connect()
    ada.send(f"MSG|/login ada {SECRET}", "JOIN|ada")
    told = says(ada, "/export")
    assert any("greenchat export HOST:PORT --name ada --output FILE" in line for line in told), told
