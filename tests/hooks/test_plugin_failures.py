"""Whatever a plugin raises, returns or forgets: the chat goes on, and it is told under the plugin's name."""

import contextlib
import json
import logging
import sys
import time

import gevent
import pytest
from gevent import GreenletExit
from kit.failing import failures, plugin_dir, state
from kit.machine import eventually
from kit.processes import serve_process
from kit.programs import Program

from greenchat import (
    Command,
    Database,
    Reject,
    hookimpl,
)
from greenchat.hooks.dispatch import FAILURES
from greenchat.hooks.loader import read_off
from greenchat.testing import DEADLINE, serving


class Odd(BaseException):
    """No `Exception`, and none that anybody knows."""


ERRORS = [SystemExit, KeyboardInterrupt, gevent.Timeout, GreenletExit, Odd, RuntimeError]


# --- whatever is raised ---


class Raises:
    """Raises `error` in the hook called `where`, and nowhere else."""

    def __init__(self):
        self.where, self.error = "", None

    def at(self, where):
        if self.where == where:
            raise self.error()

    @hookimpl
    def greenchat_frame(self, session, frame):
        self.at("greenchat_frame")

    @hookimpl
    def greenchat_request(self, session, frame):
        self.at("greenchat_request")

    @hookimpl
    def greenchat_delay_ack(self, room, seq, release):
        self.at("greenchat_delay_ack")

    @hookimpl
    def greenchat_check_join(self, session, name, room):
        self.at("greenchat_check_join")

    @hookimpl
    def greenchat_check_enter(self, session, name, room, key):
        self.at("greenchat_check_enter")

    @hookimpl
    def greenchat_check_message(self, session, message):
        self.at("greenchat_check_message")

    @hookimpl
    def greenchat_messages(self, messages):
        self.at("greenchat_messages")

    @hookimpl
    def greenchat_room_opened(self, room):
        self.at("greenchat_room_opened")

    @hookimpl
    def greenchat_entered(self, session, room):
        self.at("greenchat_entered")

    @hookimpl
    def greenchat_account(self, session):
        self.at("greenchat_account")

    @hookimpl
    def greenchat_acted(self, act):
        self.at("greenchat_acted")

    @hookimpl
    def greenchat_event(self, event):
        self.at("greenchat_event")

    @hookimpl
    def greenchat_connected(self, session):
        self.at("greenchat_connected")

    @hookimpl
    def greenchat_disconnected(self, session, reason):
        self.at("greenchat_disconnected")

    @hookimpl
    def greenchat_claim(self, first_bytes):
        self.at("greenchat_claim")
        return self.serve if first_bytes.startswith(b"MINE") else None

    def serve(self, sock, address):
        self.at("serve")

    @hookimpl
    def greenchat_commands(self):
        return [
            Command("fail", "", "Fail.", lambda session, _: self.at("command")),
            Command("guarded", "", "Ask who may.", lambda session, _: None, self.may_run),
            Command("act", "", "Keep order.", lambda session, _: session.chat.audit("me", "test")),
            Command("account", "", "Log in.", lambda session, _: session.log_in("somebody", 1)),
        ]

    def may_run(self, session):
        self.at("may_run")
        return True


HOOKS = [name for name in vars(Raises) if name.startswith("greenchat_") and name != "greenchat_commands"]
LOGGED = {"serve": "greenchat_claim", "command": "/fail", "may_run": "/guarded, asked who may run it"}


def go_through_everything(server, number):
    """What makes each hook be called, by a client of its own, which is back at the end."""
    room = f"room{number}"
    mine = server.connect()
    mine.send("MINE", "LEAVE")
    with contextlib.suppress(ConnectionResetError):  # who serves it has read nothing
        while mine.read():
            pass
    peer = server.connect()
    peer.send(f"JOIN|x{number}|{room}", "MSG|hello", "MSG|/fail", "MSG|/guarded", "MSG|/act", "MSG|/account")
    peer.send("NONSENSE|x", "LEAVE")
    while peer.read():
        pass
    other = server.connect()
    other.send(json.dumps({"type": "join", "name": f"y{number}", "room": room}))
    other.send(json.dumps({"type": "say", "text": "keep this", "room": room, "ref": 1}))
    other.send(json.dumps({"type": "leave"}))
    while other.read():
        pass


@pytest.mark.parametrize("where", [*HOOKS, *LOGGED])
def test_whatever_a_plugin_raises_is_logged_under_its_name_and_the_chat_goes_on(where, caplog):
    plugin = Raises()
    plugin.stays_on = True
    with serving(plugin) as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.expect("INFO|bob has joined the chat.")
        for number, error in enumerate(ERRORS):
            caplog.clear()
            plugin.error, plugin.where = error, where
            go_through_everything(server, number)
            server.call(lambda: setattr(plugin, "where", ""))
            told = [record for record in caplog.records if "plugin Raises failed in" in record.getMessage()]
            assert {record.getMessage() for record in told} == {
                f"plugin Raises failed in {LOGGED.get(where, where)}"
            }, error
            assert all(record.exc_info[0] is error for record in told)
        ada.send("MSG|still here")
        bob.expect("MSG|ada|still here")


@pytest.mark.parametrize("error", ERRORS)
def test_an_acknowledged_message_is_in_the_history_whatever_another_plugin_raises(error):
    class Loud:
        @hookimpl(tryfirst=True)
        def greenchat_messages(self, messages):
            raise error

        @hookimpl(tryfirst=True)
        def greenchat_event(self, event):
            raise error

    with serving(Loud()) as server:
        ada = Program(server, "ada")
        ada.send(type="say", text="keep this", room="lobby", ref=1)
        assert ada.read_until("ack", "error")["type"] == "ack"
        ada.send(type="history", room="lobby", ref=2)
        assert [event["text"] for event in ada.read_until("history")["events"]] == ["keep this"]


def test_an_observer_cannot_take_messages_from_those_that_come_after_it():
    class Thief:
        @hookimpl(tryfirst=True)
        def greenchat_messages(self, messages):
            messages.clear()

    with serving(Thief()) as server:
        ada = Program(server, "ada")
        ada.send(type="say", text="keep this", room="lobby", ref=1)
        ada.read_until("ack")
        ada.send(type="history", room="lobby", ref=2)
        assert [event["text"] for event in ada.read_until("history")["events"]] == ["keep this"]


@pytest.mark.parametrize("hook", ["greenchat_check_message", "greenchat_frame", "greenchat_entered"])
def test_a_session_that_the_server_ends_while_a_hook_of_it_waits_ends_and_is_no_failure(hook, caplog):
    waiting = gevent.event.Event()

    class Waits:
        def wait(self, session):
            if session.name == "eve" and not waiting.is_set():
                waiting.set()
                gevent.sleep(DEADLINE)

        if hook == "greenchat_check_message":

            @hookimpl
            def greenchat_check_message(self, session, message):
                self.wait(session)

        elif hook == "greenchat_frame":

            @hookimpl
            def greenchat_frame(self, session, frame):
                self.wait(session)

        else:

            @hookimpl
            def greenchat_entered(self, session, room):
                self.wait(session)

    with serving(Waits()) as server:
        ada = server.join("ada")
        eve = server.connect()
        eve.send("JOIN|eve", "MSG|hello")
        ada.expect("INFO|eve has joined the chat.")
        server.call(lambda: gevent.spawn(close_once_waiting, server.server, waiting))
        began = time.monotonic()
        ada.expect("INFO|eve has left the chat.")
        assert time.monotonic() - began < DEADLINE / 2
    assert failures(caplog) == []


def close_once_waiting(server, waiting):
    waiting.wait()
    next(session for session in server.sessions.values() if session.name == "eve").close("sent away")


@pytest.mark.parametrize("error", ["SystemExit(3)", "KeyboardInterrupt()", "GreenletExit()", "Timeout(1)"])
@pytest.mark.parametrize(
    "where", ["import", "factory", "greenchat_startup", "greenchat_commands", "greenchat_shutdown"]
)
def test_whatever_a_plugin_raises_at_its_start_or_end_it_alone_is_off(tmp_path, caplog, error, where):
    hook = where if where.startswith("greenchat_") else "greenchat_startup"
    plugin_dir(
        tmp_path,
        broken=f"""
            from gevent import GreenletExit, Timeout
            from greenchat import hookimpl
            def fail(where):
                if where == "{where}":
                    raise {error}
            fail("import")
            class Broken:
                def __init__(self):
                    fail("factory")
                @hookimpl
                def {hook}(self):
                    fail("{hook}")
            greenchat_plugin = Broken
        """,
    )
    with serving(settings={"server.plugins_dirs": [str(tmp_path)]}) as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.send("MSG|hello")
        bob.expect("MSG|ada|hello")
        told = state(server.server.plugins, "broken")
    kind = error.partition("(")[0]
    if where == "greenchat_shutdown":
        assert any(f"plugin broken failed in {where}: {kind}" in line for line in failures(caplog))
    else:
        assert told.startswith(f"off: {kind}")


def test_sys_exit_in_a_command_and_at_import_end_no_server(tmp_path):
    (tmp_path / "plugins").mkdir()
    directory = plugin_dir(
        tmp_path / "plugins",
        exits="import sys; sys.exit(3)",
        parses="""
            import argparse
            from greenchat import Command, hookimpl
            def parse(session, argument):
                argparse.ArgumentParser().parse_args(["--nonsense"])
            @hookimpl
            def greenchat_commands():
                return [Command("parse", "", "Parse.", parse)]
        """,
    )
    with serve_process(tmp_path, "--plugins-dir", str(directory)) as server:
        ada = server.join("ada")
        ada.send("MSG|/parse", "MSG|/ping")
        ada.expect("ERROR|/parse has failed. Tell whoever runs the server.", "INFO|Pong.")
        ada.close()
        _, log = server.stop()
        assert server.process.returncode == 0
    assert "plugin exits is off: SystemExit: 3" in log
    assert "plugin parses failed in /parse" in log


# --- commands ---


def test_a_plugin_whose_may_run_fails_is_blamed_and_no_stranger_gets_rid_of_the_commands():
    class Broken:
        @hookimpl
        def greenchat_commands(self):
            return [Command("mine", "", "Mine.", lambda session, _: None, lambda session: 1 / 0)]

    with serving(Broken()) as server:
        stranger = server.connect()
        for _ in range(FAILURES + 5):
            stranger.send("MSG|/help")
        stranger.send("MSG|/ping")
        assert not any("/mine" in line for line in stranger.read_until("INFO|Pong."))
        assert server.call(lambda: read_off(server.server.data_dir)) == {}
        ada, bob = server.join("ada"), server.join("bob")
        ada.expect("INFO|bob has joined the chat.")
        ada.send("MSG|/login ada secret", "MSG|hi")
        assert ada.read().startswith("ERROR|")
        bob.expect("MSG|ada|hi")


def test_the_commands_stay_whatever_fails_in_them(monkeypatch):
    from greenchat_plugins import slash_commands

    def fail(self, session, frame):
        raise RuntimeError("broken")

    monkeypatch.setattr(slash_commands.SlashCommands, "tell_stats", lambda self, call: 1 / 0)
    with serving() as server:
        ada = server.join("ada")
        for _ in range(FAILURES + 5):
            ada.send("MSG|/stats")
            ada.expect("ERROR|/stats has failed. Tell whoever runs the server.")
        ada.send("MSG|/ping")
        ada.expect("INFO|Pong.")
        assert server.call(lambda: read_off(server.server.data_dir)) == {}


# --- who it was ---


def test_what_is_logged_of_a_refusal_or_a_rewrite_names_the_plugin_and_not_the_words(caplog):
    caplog.set_level(logging.DEBUG)

    class Words:
        @hookimpl
        def greenchat_check_message(self, message):
            if "secret" in message.text:
                raise Reject(f"You may not say {message.text}.", code="words")
            return message.text.replace("colour", "color")

        @hookimpl
        def greenchat_commands(self):
            return [Command("no", "TEXT", "Refuse.", self.refuse)]

        def refuse(self, session, argument):
            raise Reject(f"{argument} is wrong.", code="wrong")

    with serving(Words()) as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.send("MSG|my secret", "MSG|a colour of mine", "MSG|/no secret", "MSG|/me has a secret")
        bob.expect("MSG|ada|a color of mine")
        ada.send("MSG|/ping")
        ada.read_until("INFO|Pong.")
    ours = [
        record.getMessage() for record in caplog.records if record.name in ("greenchat.plugins", "greenchat.server")
    ]
    assert "#1 was refused: words, by plugin Words" in ours
    assert "#1 was refused: wrong, by plugin Words" in ours
    assert "plugin Words has rewritten what ada says" in ours
    assert not any("secret" in line or "colour" in line for line in ours)


def background_failures():
    import functools

    def fail(*arguments):
        raise SystemExit(3)

    def timer(fail):
        timer = gevent.get_hub().loop.timer(0)
        timer.start(fail)
        return timer

    return {
        "spawn": lambda: gevent.spawn(fail),
        "partial": lambda: gevent.spawn(functools.partial(fail, 1)),
        "later": lambda: gevent.spawn_later(0, fail),
        "raw": lambda: gevent.spawn_raw(fail),
        "timer": lambda: timer(fail),
        "callback": lambda: gevent.get_hub().loop.run_callback(fail),
        "somebody else's function": lambda: gevent.spawn(int, "no number"),
    }


@pytest.mark.parametrize("how", background_failures())
def test_what_fails_in_the_background_is_put_down_to_the_plugin_that_has_started_it(how, caplog):
    start = background_failures()[how]
    kept = []

    class Spawns:
        @hookimpl
        def greenchat_commands(self):
            return [Command("spawn", "", "Spawn.", lambda session, _: kept.append(start()))]

    with serving(Spawns()) as server:
        ada = server.join("ada")
        for _ in range(FAILURES):
            ada.send("MSG|/spawn")
        ada.send("MSG|/ping")
        ada.expect("INFO|Pong.")
        eventually(lambda: server.call(lambda: read_off(server.server.data_dir)))
        assert list(server.call(lambda: read_off(server.server.data_dir))) == ["Spawns"]
        ada.send("MSG|/ping")
        ada.expect("INFO|Pong.")
    assert "plugin Spawns failed in what it does in the background" in caplog.text


def test_a_client_that_goes_while_a_plugin_serves_it_is_no_failure_of_the_plugin(caplog):
    class Serves:
        @hookimpl
        def greenchat_claim(self, first_bytes):
            return self.serve if first_bytes.startswith(b"MINE") else None

        def serve(self, sock, address):
            raise ConnectionResetError("gone")

    with serving(Serves()) as server:
        for _ in range(FAILURES + 1):
            peer = server.connect()
            peer.send("MINE")
            peer.expect_closed()
        assert server.call(lambda: read_off(server.server.data_dir)) == {}
    assert failures(caplog) == []


def test_work_on_a_database_that_exits_is_told_and_nobody_waits_for_it(caplog):
    class Keeps:
        @hookimpl
        def greenchat_startup(self, server):
            self.database = Database(server.data_dir / "kept.sqlite3", ("CREATE TABLE kept (x)",))

        @hookimpl
        def greenchat_shutdown(self):
            self.database.close()

        @hookimpl
        def greenchat_commands(self):
            return [Command("keep", "", "Keep.", lambda session, _: self.database.run(lambda connection: sys.exit(3)))]

    with serving(Keeps()) as server:
        ada = server.join("ada")
        ada.send("MSG|/keep", "MSG|/ping")
        ada.expect("ERROR|/keep has failed. Tell whoever runs the server.", "INFO|Pong.")
    assert "plugin Keeps failed in /keep" in failures(caplog)
    assert "the work was ended by SystemExit" in caplog.text
