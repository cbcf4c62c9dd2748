"""What two accounts say to each other alone, nobody else finds: every door is tried, by a third account, a guest, an
operator, a plugin that observes all there is, and whoever reads logs, numbers, transcripts and exports."""

import http.client
import inspect
import logging

import pytest
from click.testing import CliRunner
from kit.alone import login, opened, page, people, say, texts
from kit.machine import eventually
from kit.processes import run_greenchat
from kit.programs import Anybody, Program, says

from greenchat import hookimpl
from greenchat.cli import main
from greenchat.hooks import specs
from greenchat.search.query import parse_query
from greenchat.storage import direct_find
from greenchat.storage.direct_rows import FILE
from greenchat.testing import DEADLINE

WORD = "xyzzyplugh"
SETTINGS = {
    "plugins.metrics.address": "127.0.0.1:0",
    "plugins.chatlog.transcript": "chat.log",
    "server.log_level": "debug",
    "limits.flood_rate": 0,
}

# What only looks on: observers of each kind, and what is asked of who keeps messages of rooms.
OBSERVING = [
    name
    for name, hook in vars(specs).items()
    if name.startswith("greenchat_")
    and (hook.__doc__.startswith("Observe:") or name in ("greenchat_find_message", "greenchat_recall"))
]


class Onlooker:
    """Implements them all, and writes down all that it is shown."""

    def __init__(self):
        self.seen = []

    @classmethod
    def made(cls):
        for name in OBSERVING:
            parameters = inspect.signature(getattr(specs, name)).parameters
            scope = {}
            exec(f"def {name}(self, {', '.join(parameters)}): self.look({name!r}, {', '.join(parameters)})", scope)
            setattr(cls, name, hookimpl(scope[name]))
        return cls()

    def look(self, hook, *shown):
        self.seen.append((hook, *(self.spelt(one) for one in shown)))

    @staticmethod
    def spelt(one):
        parts = [repr(one)]
        parts += [repr(list(getattr(one, name))) for name in ("texts",) if hasattr(one, name)]
        parts += [repr(getattr(one, name)) for name in ("past", "conversation", "text") if hasattr(one, name)]
        return " ".join(parts)


@pytest.fixture
def chat(tmp_path, caplog):
    """`words`, said alone by ada and bob, answered, changed, deleted and reacted to; and who has looked on."""
    caplog.set_level(logging.DEBUG)
    onlooker = Onlooker.made()
    with people(tmp_path, "ada", "bob", "eve", "zoe", plugins=(onlooker, Anybody()), settings=SETTINGS) as server:
        ada, bob = (login(server, name, room="lobby") for name in ("ada", "bob"))
        say(ada, "in the open", room="lobby")
        server.talk = say(ada, f"{WORD} one", to="bob", key=f"{WORD}-key")["conversation"]
        say(bob, f"{WORD} https://example.org/{WORD}", conversation=server.talk, reply_to=1)
        say(ada, f"/me {WORD}", conversation=server.talk)
        ada.send(type="say", text=f"/msg bob {WORD} two", ref="m")
        ada.read_until("ack", ref="m")
        bob.request(type="edit", conversation=server.talk, seq=2, text=f"{WORD} changed")
        ada.request(type="react", conversation=server.talk, seq=2, emoji="🦔")
        ada.request(type="delete", conversation=server.talk, seq=1)
        ada.request(type="read", conversation=server.talk, seq=4)
        assert texts(page(bob, server.talk)) == ["ada", f"{WORD} changed", WORD, f"{WORD} two"]
        server.ada, server.bob, server.onlooker = ada, bob, onlooker
        yield server


def secrets(chat):
    return WORD, chat.talk, "🦔"


def clean(chat, text):
    return not any(secret in str(text) for secret in secrets(chat))


def others(chat):
    """A third account, an operator and a guest, who are in the same room."""
    eve, zoe = (login(chat, name, room="lobby") for name in ("eve", "zoe"))
    guest = Program(chat, "guest", "lobby")
    zoe.ask("/crown", "lobby")
    return {"account": eve, "operator": zoe, "guest": guest}


def test_nobody_else_finds_it_by_words_or_by_its_id(chat):
    for who, one in others(chat).items():
        for text in (WORD, f"{WORD[:4]}*", "from:ada", "from:bob has:link", "has:link", f'"{WORD} changed"'):
            answer = one.request(type="search", text=text, limit=200)
            for message in answer["messages"]:
                assert clean(chat, message), (who, text)
                assert "conversation" not in message
        for request in (
            {"type": "history"},
            {"type": "history", "epoch": page(chat.ada, chat.talk)["epoch"]},
            {"type": "search", "text": WORD},
            {"type": "export"},
            {"type": "say", "text": "me, too"},
            {"type": "edit", "seq": 2, "text": "mine"},
            {"type": "delete", "seq": 2},
            {"type": "react", "seq": 2, "emoji": "👍"},
            {"type": "read", "seq": 2},
        ):
            answers = [one.request(**request, conversation=talk) for talk in (chat.talk, "none-such-conver")]
            codes = [answer.pop("code") for answer in answers]
            assert codes[0] == codes[1], (who, request, codes)
            assert codes[0] in ("conversation_gone", "not_allowed"), (who, request, codes)
            for answer in answers:
                answer.pop("ref")
            assert answers[0] == answers[1], "it does not even tell that there is one"
        assert clean(chat, one.conversations)
        if who != "guest":
            assert one.request(type="export", cursor=f"0:{chat.talk}")["messages"] == []
            assert one.request(type="export")["messages"] == []


def test_no_command_tells_it(chat):
    for who, one in others(chat).items():
        one.ask(f"/highlight add {WORD}", "lobby")
        for line in (
            "/who",
            "/whois ada",
            "/whois bob",
            "/names",
            "/rooms",
            "/room",
            "/topic",
            "/history 50",
            f"/search {WORD}",
            "/search from:ada",
            "/messages ada",
            "/messages bob 50",
            "/export",
            "/sessions",
            "/stats",
            "/bans",
            "/audit",
            "/mentions 50",
            "/pin 2",
            "/pins",
            "/report 2 Why?",
            "/reports",
            "/help",
            "/re 2 me, too",
            "/delete 2",
        ):
            told = one.ask(line, "lobby")
            assert clean(chat, [frame for frame in told if frame.get("text") != WORD]), (who, line)
    with_netcat = chat.join("nosy")
    assert clean(chat, says(with_netcat, "/messages ada", "/history 50", "/whois ada", "/search from:ada"))


def test_a_search_does_the_same_work_whatever_others_have_said(chat, tmp_path):
    """Steps of SQLite's machine, which depend on nothing but what it looks at."""
    eve = login(chat, "eve")
    say(eve, "of eve", to="zoe")
    assert eve.request(type="search", text=WORD)["messages"] == []  # it is in the index by now
    assert chat.ada.request(type="search", text=WORD)["messages"] != []
    eve_id = chat.call(lambda: chat.server.accounts.find("eve").id)

    def steps(connection, word):
        count = 0

        def step():
            nonlocal count
            count += 1

        connection.set_progress_handler(step, 1)
        try:
            for conversation in ("", chat.talk):
                found = direct_find.search(connection, eve_id, parse_query(word), conversation, 0, 21)
                assert found == []
        finally:
            connection.set_progress_handler(None, 0)
        return count

    with opened(tmp_path) as connection:
        steps(connection, "warm")  # the first one reads what the index consists of
        said, unsaid, begun, unbegun = (
            steps(connection, word) for word in (WORD, "nosuchword", f"{WORD[:4]}*", "nosu*")
        )
    assert said == unsaid
    assert begun == unbegun


def test_who_looks_on_sees_nothing_of_it(chat, tmp_path, caplog):
    for one in others(chat).values():
        assert one.request(type="history", conversation=chat.talk)["code"] == "conversation_gone"
    bearer = next(plugin for plugin in chat.server.plugins if plugin.name == "metrics").bearer
    connection = http.client.HTTPConnection(*bearer.address, timeout=DEADLINE)
    connection.request("GET", "/metrics")
    assert clean(chat, connection.getresponse().read().decode())
    connection.close()
    assert clean(chat, run_greenchat("status", f"{chat.host}:{chat.port}", "--json").stdout)
    for command in (
        ["history", "export"],
        ["history", "export", "--format", "text"],
        ["history", "export", "--format", "html"],
        ["history", "verify"],
        ["direct", "verify"],
        ["audit"],
        ["accounts", "list"],
        ["rooms", "list"],
    ):
        result = CliRunner().invoke(main, [*command, "--data-dir", str(tmp_path)])
        assert result.exit_code == 0, (command, result.output)
        assert clean(chat, result.output), command
    assert clean(chat, CliRunner().invoke(main, ["direct", "forget", "--user", "ada"], input="n\n").output)
    transcript = tmp_path / "chat.log"
    assert eventually(lambda: "in the open" in transcript.read_text())
    seen = chat.onlooker.seen
    assert any("in the open" in str(one) for one in seen)
    hooks = {hook for hook, *_ in seen}
    assert {"greenchat_messages", "greenchat_event", "greenchat_entered", "greenchat_account"} <= hooks
    assert [one for one in seen if not clean(chat, one)] == []
    assert "was refused: conversation_gone" in caplog.text
    assert clean(chat, caplog.text)
    files = [path for path in tmp_path.rglob("*") if path.is_file() and not path.name.startswith(FILE)]
    assert {"chat.log", "history.sqlite3", "sessions.sqlite3"} <= {path.name for path in files}
    for path in files:
        data = path.read_bytes()
        assert not any(secret.encode() in data for secret in secrets(chat)), path
    assert WORD.encode() in (tmp_path / FILE).read_bytes() + (tmp_path / f"{FILE}-wal").read_bytes()
