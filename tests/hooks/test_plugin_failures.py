"""Whatever a plugin raises, returns or forgets: the chat goes on, and it is told under the plugin's name."""

import contextlib
import json
import logging
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import closing
from pathlib import Path

import gevent
import pytest
from gevent import GreenletExit
from kit.processes import GREENCHAT, serve_process

from greenchat import (
    Answer,
    Command,
    Database,
    JsonCodec,
    Message,
    Notice,
    Reject,
    Topic,
    hookimpl,
)
from greenchat.chat.cascade import DEEPEST
from greenchat.config.load import load
from greenchat.hooks import background, holds, lifecycle
from greenchat.hooks.dispatch import FAILURES
from greenchat.hooks.loader import Plugins, read_off
from greenchat.testing import DEADLINE, serving


class Odd(BaseException):
    """No `Exception`, and none that anybody knows."""


ERRORS = [SystemExit, KeyboardInterrupt, gevent.Timeout, GreenletExit, Odd, RuntimeError]


class Markup(str):
    """As markupsafe has it: a text by all appearances."""

    __slots__ = ()

    def __str__(self):
        return self


class JsonPeer:
    """A client that speaks JSON Lines."""

    def __init__(self, server, name, room="lobby"):
        self.peer = server.connect()
        self.send(type="join", name=name, room=room)
        self.read("welcome")

    def send(self, **frame):
        self.peer.send(json.dumps(frame))

    def read(self, *kinds):
        """The next frame of one of these kinds."""
        while True:
            line = self.peer.read()
            assert line, "the server closed"
            frame = json.loads(line)
            if frame["type"] in kinds:
                return frame


def failures(caplog):
    return [record.getMessage() for record in caplog.records if "failed in" in record.getMessage()]


def plugin_dir(tmp_path: Path, **files: str) -> Path:
    for name, text in files.items():
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(text))
    return tmp_path


def state(plugins, name):
    return next(plugin.state for plugin in plugins if plugin.name == name)


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
        ada = JsonPeer(server, "ada")
        ada.send(type="say", text="keep this", room="lobby", ref=1)
        assert ada.read("ack", "error")["type"] == "ack"
        ada.send(type="history", room="lobby", ref=2)
        assert [event["text"] for event in ada.read("history")["events"]] == ["keep this"]


def test_an_observer_cannot_take_messages_from_those_that_come_after_it():
    class Thief:
        @hookimpl(tryfirst=True)
        def greenchat_messages(self, messages):
            messages.clear()

    with serving(Thief()) as server:
        ada = JsonPeer(server, "ada")
        ada.send(type="say", text="keep this", room="lobby", ref=1)
        ada.read("ack")
        ada.send(type="history", room="lobby", ref=2)
        assert [event["text"] for event in ada.read("history")["events"]] == ["keep this"]


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
        assert list(server.call(lambda: read_off(server.server.data_dir))) == ["Broken"]
        ada, bob = server.join("ada"), server.join("bob")
        ada.expect("INFO|bob has joined the chat.")
        ada.send("MSG|/login ada secret", "MSG|hi")
        assert ada.read().startswith("ERROR|")
        bob.expect("MSG|ada|hi")


def test_the_commands_stay_whatever_fails_in_them(monkeypatch):
    from greenchat_plugins import slash_commands

    def fail(self, session, frame):
        raise RuntimeError("broken")

    monkeypatch.setattr(slash_commands.SlashCommands, "tell_stats", lambda self, session, argument: 1 / 0)
    with serving() as server:
        ada = server.join("ada")
        for _ in range(FAILURES + 5):
            ada.send("MSG|/stats")
            ada.expect("ERROR|/stats has failed. Tell whoever runs the server.")
        ada.send("MSG|/ping")
        ada.expect("INFO|Pong.")
        assert server.call(lambda: read_off(server.server.data_dir)) == {}


@pytest.mark.parametrize(
    ("commands", "why"),
    [
        ([Command("Upper", "", "", print)], "'Upper': nobody could type it"),
        ([Command("two words", "", "", print)], "'two words': nobody could type it"),
        ([Command("/x", "", "", print)], "'/x': nobody could type it"),
        ([Command("", "", "", print)], "'': nobody could type it"),
        ([Command("a\x1bb", "", "", print)], "nobody could type it"),
        ([Command(5, "", "", print)], "a text must be a str, not int"),
        ([Command("x", None, "", print)], "a text must be a str, not NoneType"),
        ([Command("x", "", "\ud800", print)], "surrogates"),
        ([Command("x", "", "\x1b[2J", print)], "control characters"),
        ([Command("x", "", "", "print")], "must be functions"),
        ([Command("x", "", "", print), Command("x", "", "", print)], "two commands /x"),
        (["x"], "which is no Command"),
        ("x", "return a list of Command"),
        (None, "return a list of Command"),
        (5, "return a list of Command"),
    ],
)
def test_a_plugin_with_odd_commands_is_off_with_the_reason_and_the_server_starts(commands, why):
    class Odd:
        @hookimpl
        def greenchat_commands(self):
            return commands

    with serving(Odd()) as server:
        ada = server.join("ada")
        ada.send("MSG|/ping")
        ada.expect("INFO|Pong.")
        assert why in state(server.server.plugins, "Odd")


# --- whatever is returned, or handed in ---


@pytest.mark.parametrize("rewritten", [Markup("safe"), "\ud800", b"bytes", 42, True])
def test_what_a_check_returns_reaches_people_as_plain_text_or_is_refused_and_harms_nobody_else(rewritten, caplog):
    class Rewrites:
        @hookimpl
        def greenchat_check_message(self, session, message):
            return rewritten if session.name == "eve" else None

        @hookimpl
        def greenchat_check_join(self, session, name, room):
            return Markup(name) if name == "mark" else None

    with serving(Rewrites()) as server:
        reader, eve, ada = JsonPeer(server, "reader"), JsonPeer(server, "eve"), JsonPeer(server, "ada")
        mark = JsonPeer(server, "mark")
        for number in range(FAILURES + 2):
            eve.send(type="say", text="x", room="lobby", ref=number)
            ada.send(type="say", text=f"innocent {number}", room="lobby", ref=number)
            assert ada.read("ack", "error")["type"] == "ack"
        texts = []
        while len(texts) < FAILURES + 2:
            text = reader.read("message")["text"]
            if text.startswith("innocent"):
                texts.append(text)
            else:
                assert text == "safe"
        mark.send(type="history", room="lobby", limit=100, ref="h")
        kept = [event["text"] for event in mark.read("history")["events"]]
        assert [text for text in kept if text != "safe"] == texts
    if type(rewritten) is not Markup:
        assert any("plugin Rewrites failed in greenchat_check_message" in line for line in failures(caplog))


class Toy(Answer, frozen=True, kw_only=True, tag="toy"):
    value: object = None


class Own(Reject):
    """As one writes it who has forgotten what it is built on."""

    def __init__(self):
        self.code = 7

    def raised(self):
        raise self


HANDED = {
    "info markup": (lambda session: session.info(Markup("fine")), True),
    "info half a pair": (lambda session: session.info("\ud800"), False),
    "info number": (lambda session: session.info(5), False),
    "tell text": (lambda session: session.tell("text"), False),
    "tell notice": (lambda session: session.tell(Notice(Markup("x"))), False),
    "tell answer": (lambda session: session.tell(Toy(value=object(), lines=["x"])), False),
    "tell lines": (lambda session: session.tell(Toy(lines=["\ud800"])), False),
    "say markup": (lambda session: session.say(Markup("fine")), True),
    "say half a pair": (lambda session: session.say("\udfff"), False),
    "say number": (lambda session: session.say(5), False),
    "post text": (lambda session: room_of(session).post("text"), False),
    "post markup": (lambda session: room_of(session).post(Notice(Markup("x"))), False),
    "post half a pair": (lambda session: room_of(session).post(Notice("\ud800")), False),
    "post number": (lambda session: room_of(session).post(Topic("lobby", 5, "x", None)), False),
    "post message": (lambda session: room_of(session).post(message()), False),
    "post origin": (lambda session: room_of(session).post(Notice("x"), "ada"), False),
    "announce markup": (lambda session: session.chat.announce(Markup("fine")), True),
    "announce number": (lambda session: session.chat.announce(5), False),
    "topic": (lambda session: setattr(room_of(session), "topic", Markup("fine")), True),
    "topic number": (lambda session: setattr(room_of(session), "topic", 5), False),
    "restore": (lambda session: room_of(session).restore("7"), False),
    "record": (lambda session: session.chat.audit("me", 5), False),
    "log in": (lambda session: session.log_in(5), False),
    "role": (lambda session: setattr(session, "role", 5), True),
    "whisper": (lambda session: session.chat.whisper(session.member, "ada", 5), False),
    "reject number": (lambda session: session.refuse(Reject(5, code=7)), True),
    "reject half a pair": (lambda session: session.refuse(Reject("\ud800")), True),
    "reject of its own": (lambda session: session.refuse(Own()), True),
    "raise reject of its own": (lambda session: Own().raised(), True),
    "reject markup": (lambda session: session.refuse(Reject(Markup("no"))), True),
}


def room_of(session):
    return session.chat.rooms["lobby"]


def message():
    from datetime import UTC, datetime

    return Message("lobby", 1, 1, "ada", "forged", datetime.now(UTC))


@pytest.mark.parametrize("what", HANDED)
def test_what_a_plugin_hands_in_is_checked_there_and_harms_nobody_else(what, caplog):
    do, fine = HANDED[what]

    class Hands:
        @hookimpl
        def greenchat_commands(self):
            return [Command("do", "", "Do it.", lambda session, _: do(session))]

    with serving(Hands()) as server:
        reader, ada, eve = JsonPeer(server, "reader"), JsonPeer(server, "ada"), JsonPeer(server, "eve")
        eve.send(type="say", text="/do", room="lobby", ref=1)
        ada.send(type="say", text="innocent", room="lobby", ref=1)
        assert ada.read("ack")["ref"] == 1
        assert reader.read("message" if what != "say markup" else "never", "message")["text"] in ("innocent", "fine")
        eve.send(type="say", text="still here", room="lobby", ref=2)
        while eve.read("ack", "error").get("ref") != 2:
            pass
        newcomer = JsonPeer(server, "newcomer")  # is welcomed with all that is there
        newcomer.send(type="history", room="lobby", ref="h")
        kept = [event["text"] for event in newcomer.read("history")["events"]]
        assert [text for text in kept if text != "fine"] == ["innocent", "still here"]
    assert ("plugin Hands failed in /do" in failures(caplog)) is not fine


@pytest.mark.parametrize("taken", [1, "yes", [], 0])
def test_a_take_that_answers_neither_yes_nor_no_is_told_and_what_it_took_is_not_said(taken, caplog):
    class Takes:
        @hookimpl
        def greenchat_frame(self, session, frame):
            return taken if getattr(frame, "text", "") == "secret" else False

    with serving(Takes()) as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.send("MSG|secret", "MSG|hello")
        if not taken:
            bob.expect("MSG|ada|secret")
        bob.expect("MSG|ada|hello")
    assert failures(caplog) == ["plugin Takes failed in greenchat_frame"]


def test_a_codec_of_a_plugin_that_fails_harms_nobody_else(caplog):
    class Broken(JsonCodec):
        name = "broken"

        def encode(self, reply):
            if isinstance(reply, Message):
                raise SystemExit("no")
            return super().encode(reply)

        def encode_run(self, messages):
            return "text"

    class Serves:
        @hookimpl
        def greenchat_startup(self, server):
            self.server = server

        @hookimpl
        def greenchat_claim(self, first_bytes):
            return self.serve if first_bytes.startswith(b'{"broken') else None

        def serve(self, sock, address):
            sock.recv(len('{"broken":1}\n'))
            self.server.serve_session(sock, address, Broken())

    with serving(Serves()) as server:
        broken = server.connect()
        broken.send('{"broken":1}')
        broken.send(json.dumps({"type": "join", "name": "broken", "room": "lobby"}))
        assert "welcome" in broken.read()
        ada, bob = server.join("ada"), server.join("bob")
        ada.expect("INFO|bob has joined the chat.")
        ada.send("MSG|one", "MSG|two")
        bob.expect("MSG|ada|one", "MSG|ada|two")
        bob.send("MSG|three")
        ada.expect("MSG|bob|three")
    assert "test_plugin_failures" in caplog.text
    assert "cannot be written by" in caplog.text


# --- bounds ---


@pytest.mark.parametrize(
    "answer",
    [
        lambda bot: bot.say("again"),
        lambda bot: [bot.say("again") for _ in range(10)],
        lambda bot: room_of(bot).post(Notice("again", "lobby")),
        lambda bot: bot.chat.announce("again"),
        lambda bot: gevent.spawn(bot.say, "again"),
        lambda bot: bot.chat.set_topic(bot.member, room_of(bot), f"again {time.monotonic()}"),
        lambda bot: bot.refuse(Reject("again")),
    ],
    ids=["say", "say ten times", "post", "announce", "spawn", "topic", "refuse"],
)
def test_an_observer_that_causes_itself_is_bounded_and_named(answer, caplog):
    class Bot:
        session = None

        @hookimpl
        def greenchat_event(self, event):
            if self.session is not None:
                answer(self.session)

        @hookimpl
        def greenchat_disconnected(self, session):
            if session is self.session:
                self.session = None

        @hookimpl
        def greenchat_commands(self):
            return [Command("start", "", "Start.", self.start)]

        def start(self, session, argument):
            self.session = session

    with serving(Bot()) as server:
        bot = server.connect()
        bot.send("JOIN|bot")
        bot.read()
        ada = server.join("ada")
        bot.send("MSG|/start", "MSG|/ping")
        bot.read_until("INFO|Pong.")
        ada.send("MSG|go", "MSG|/ping")
        ada.read_until("INFO|Pong.")
        eve = server.join("eve")  # they are served on
        eve.send("MSG|/ping")
        eve.read_until("INFO|Pong.")
        deadline = time.monotonic() + DEADLINE
        while not any("plugin Bot failed in" in line for line in failures(caplog)):
            assert time.monotonic() < deadline
            eve.send("MSG|/ping")
            eve.read_until("INFO|Pong.")
    assert "has caused itself" in caplog.text


def test_a_bot_that_answers_others_may_do_so_for_ever():
    class Bot:
        @hookimpl
        def greenchat_event(self, event):
            if type(event) is Message and event.sender != "bot":
                self.session.say(f"{event.sender}: yes")

        @hookimpl
        def greenchat_entered(self, session):
            if session.name == "bot":
                self.session = session

    with serving(Bot()) as server:
        server.join("bot")
        ada = server.join("ada")
        for _ in range(3 * DEEPEST):
            ada.send("MSG|are you there?")
            ada.expect("MSG|bot|ada: yes")


def test_an_acknowledgement_that_is_never_released_becomes_an_error(monkeypatch, caplog):
    monkeypatch.setattr(holds, "HOLD_SECONDS", 0.3)
    monkeypatch.setattr(holds, "DISTRUSTED_SECONDS", 0.1)
    monkeypatch.setattr(holds, "LOOK_SECONDS", 0.1)
    held = []

    class Forgets:
        @hookimpl(tryfirst=True)
        def greenchat_delay_ack(self, room, seq, release):
            held.append(release)
            return True

    with serving(Forgets()) as server:
        ada = JsonPeer(server, "ada")
        for ref in (1, 2):
            ada.send(type="say", text="keep this", room="lobby", ref=ref)
            answer = ada.read("ack", "error")
            assert (answer["type"], answer["code"], answer["ref"]) == ("error", "not_stored", ref)
        server.call(lambda: held[0](None))  # too late: nothing comes of it
        ada.send(type="ping", ref=3)
        assert ada.read("ack", "error", "pong") == {"type": "pong", "ref": 3}
        with pytest.raises(TypeError, match="release takes None or a Reject"):
            server.call(lambda: held[0](RuntimeError()))
    assert "plugin Forgets has not released acknowledgements that it holds: 1" in caplog.text


class Hangs:
    @hookimpl
    def greenchat_startup(self):
        self.hang("startup")

    @hookimpl
    def greenchat_shutdown(self):
        self.hang("shutdown")

    def hang(self, where):
        if where == self.where:
            gevent.sleep(DEADLINE)


def test_a_start_that_takes_too_long_leaves_the_plugin_off(monkeypatch, caplog):
    monkeypatch.setattr(lifecycle, "STARTUP_SECONDS", 0.2)
    monkeypatch.setattr(background, "SLOW_SECONDS", 0.1)
    hangs = Hangs()
    hangs.where = "startup"
    with serving(hangs) as server:
        server.join("ada")
        assert state(server.server.plugins, "Hangs") == "off: it was not ready within 0.2 seconds"
    assert "plugin Hangs is still starting" in caplog.text


def test_an_end_that_takes_too_long_is_given_up_and_the_next_plugins_end(monkeypatch, caplog):
    monkeypatch.setattr(lifecycle, "SHUTDOWN_SECONDS", 0.2)
    hangs, ended = Hangs(), []
    hangs.where = "shutdown"

    class Next:
        @hookimpl
        def greenchat_shutdown(self):
            ended.append(True)

    with serving(hangs, Next()):
        pass
    assert ended
    assert "plugin Hangs failed in greenchat_shutdown: it was not ready within 0.2 seconds" in caplog.text


HANG = """
    import time, threading, gevent
    from greenchat import hookimpl
    def busy():
        while True:
            pass
    @hookimpl
    def greenchat_{where}():
        print("hanging", flush=True)
        {how}
"""
HOW = {"gevent": "gevent.sleep(60)", "blocked": "time.sleep(60)", "lock": "threading.Event().wait()", "busy": "busy()"}

# Deadlines that a test can wait for.
SHORT = (
    "import greenchat.server.signals as s, greenchat.hooks.lifecycle as l; "
    "s.SHUTDOWN_SECONDS = l.SHUTDOWN_SECONDS = 1; "
)


def serve_hanging(tmp_path, where, how):
    """`greenchat serve` with a plugin that hangs, up to where it does, and what its log will be in."""
    directory = tmp_path / "plugins"
    directory.mkdir()
    plugin_dir(directory, hangs=HANG.format(where=where, how=HOW[how]))
    command = [sys.executable, "-c", f"{SHORT}from greenchat.cli import main; main()", "serve"]
    options = ["--host", "127.0.0.1", "--port", "0", "--data-dir", str(tmp_path), "--plugins-dir", str(directory)]
    log = tmp_path / "stderr.log"
    with log.open("w") as file:
        return subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=file, text=True), log


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_a_signal_ends_a_start_that_hangs(tmp_path, how, number):
    process, _ = serve_hanging(tmp_path, "startup", how)
    with closing(process.stdout):
        assert process.stdout.readline() == "hanging\n"
        process.send_signal(number)
        assert process.wait(DEADLINE) == 0


@pytest.mark.parametrize("how", HOW)
def test_an_end_that_hangs_is_given_up_and_named(tmp_path, how):
    process, log = serve_hanging(tmp_path, "shutdown", how)
    with closing(process.stdout):
        while not process.stdout.readline().strip().startswith("Stop:"):
            pass
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE) == 0
    assert "plugin hangs failed in greenchat_shutdown" in log.read_text()


def test_a_second_signal_ends_at_once_also_while_a_plugin_holds_the_loop(tmp_path):
    process, log = serve_hanging(tmp_path, "startup", "busy")
    with closing(process.stdout):
        assert process.stdout.readline() == "hanging\n"
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE) == 1
    assert "Stopped at once." in log.read_text()


def test_a_signal_stops_a_server_whose_loop_a_plugin_holds(tmp_path):
    directory = tmp_path / "plugins"
    directory.mkdir()
    plugin_dir(
        directory,
        holds="""
            from greenchat import Message, hookimpl
            @hookimpl
            def greenchat_event(event):
                while type(event) is Message:
                    pass
        """,
    )
    with serve_process(tmp_path, "--plugins-dir", str(directory)) as server:
        ada = server.join("ada")
        ada.send("MSG|hold")
        deadline = time.monotonic() + DEADLINE
        while "the event loop is held" not in (tmp_path / "stderr.log").read_text():
            assert time.monotonic() < deadline
        _, log = server.stop()
        assert server.process.returncode == 0
        ada.close()
    assert "plugin holds failed in greenchat_event" in log


@pytest.mark.parametrize("command", ["serve", "plugins list"])
def test_ctrl_c_while_a_plugin_is_being_loaded_is_nothing_that_the_plugin_did(tmp_path, command):
    plugin_dir(tmp_path, slow='import time; print("loading", flush=True); time.sleep(60)')
    process = subprocess.Popen(
        [*GREENCHAT, *command.split(), "--plugins-dir", str(tmp_path), "--data-dir", str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    with closing(process.stdout):
        assert process.stdout.readline() == "loading\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE) == -signal.SIGINT


# --- what is forgotten ---


def found(tmp_path, **flags):
    return Plugins(load(flags={"server.plugins_dirs": [str(tmp_path)], **flags}))


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("def greenchat_event(event): pass", "off: greenchat_event is not called, since it has no @hookimpl"),
        (
            "from greenchat import hookimpl\n@hookimpl\ndef greenchat_event(event): pass\n"
            "def greenchat_entered(): pass",
            "on; greenchat_entered is not called, since it has no @hookimpl",
        ),
        (
            "from greenchat import hookimpl\nclass Bell:\n    @hookimpl\n    def greenchat_event(self, event): pass",
            "off: Bell has hooks, and nothing makes one of it: write greenchat_plugin = Bell",
        ),
        (
            "from greenchat import hookimpl\n@hookimpl\ndef greenchat_entered(): pass\nclass Bell:\n    @hookimpl\n"
            "    def greenchat_event(self, event): pass\ngreenchat_plugin = Bell",
            "on; greenchat_entered is not called, since greenchat_plugin makes what has the hooks: move it in there",
        ),
    ],
)
def test_what_looks_like_a_hook_and_is_none_is_told(tmp_path, caplog, source, told):
    plugin_dir(tmp_path, forgets=source)
    assert state(found(tmp_path), "forgets") == told
    assert told.partition(" ")[2] in caplog.text


def test_packages_in_a_plugins_directory_are_plugins_and_tests_are_not(tmp_path):
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text("from .inner import greenchat_check_message")
    (tmp_path / "pack" / "inner.py").write_text(
        "from greenchat import hookimpl\n@hookimpl\ndef greenchat_check_message(message):\n"
        "    return message.text.upper()"
    )
    (tmp_path / "data").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "__init__.py").write_text("raise RuntimeError")
    plugin_dir(tmp_path, test_pack="raise RuntimeError", pack_test="raise RuntimeError", conftest="raise RuntimeError")
    with serving(settings={"server.plugins_dirs": [str(tmp_path)]}) as server:
        assert [plugin.name for plugin in server.server.plugins if str(tmp_path) in plugin.source] == ["pack"]
        ada, bob = server.join("ada"), server.join("bob")
        ada.send("MSG|hello")
        bob.expect("MSG|ada|HELLO")


def test_a_package_of_the_same_name_in_another_directory_is_another_one(tmp_path):
    for number in ("1", "2"):
        directory = tmp_path / number / "pack"
        directory.mkdir(parents=True)
        (directory / "__init__.py").write_text("from .inner import NUMBER")
        (directory / "inner.py").write_text(f"NUMBER = {number}")
        [pack] = [plugin for plugin in found(tmp_path / number) if plugin.name == "pack"]
        assert str(pack.bearer.NUMBER) == number


def test_an_installed_plugin_that_a_file_shadows_is_told_in_the_log(tmp_path, caplog):
    plugin_dir(tmp_path, accounts="")
    found(tmp_path)
    assert f"another plugin of this name comes first: {tmp_path / 'accounts.py'}" in caplog.text


def test_a_module_that_is_given_and_installed_is_one_plugin_under_its_installed_name(tmp_path, monkeypatch):
    (tmp_path / "greenchat_dice.py").write_text(
        "from greenchat import hookimpl\n@hookimpl\ndef greenchat_check_message(message):\n"
        "    return message.text + '!'"
    )
    package = tmp_path / "greenchat_dice-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: greenchat-dice\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[greenchat]\ndice = greenchat_dice\n")
    monkeypatch.syspath_prepend(tmp_path)
    import greenchat_dice

    with serving(greenchat_dice) as server:
        assert [plugin.name for plugin in server.server.plugins if "dice" in plugin.name] == ["dice"]
        ada, bob = server.join("ada"), server.join("bob")
        ada.send("MSG|hello")
        bob.expect("MSG|ada|hello!")
    by_name = Plugins(load(flags={"server.plugins": ["greenchat_dice"]}))
    assert [plugin.state for plugin in by_name if "dice" in plugin.name] == ["on"]
    sys.modules.pop("greenchat_dice")


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
        deadline = time.monotonic() + DEADLINE
        while not server.call(lambda: read_off(server.server.data_dir)):
            assert time.monotonic() < deadline
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


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("group.add_command(click.Command('serve'))", "there is a command already: greenchat serve"),
        ("group.add_command(click.Command('Two Words'))", "there cannot be a command: greenchat Two Words"),
        ("group.commands['odd'] = 5", "there cannot be a command: greenchat odd"),
    ],
)
def test_a_plugin_that_adds_odd_commands_to_the_shell_takes_no_others_away(tmp_path, monkeypatch, body, why):
    plugin_dir(
        tmp_path,
        odd=f"import click\nfrom greenchat import hookimpl\n@hookimpl\ndef greenchat_cli(group):\n    {body}",
    )
    monkeypatch.setenv("GREENCHAT_SERVER_PLUGINS_DIRS", json.dumps([str(tmp_path)]))
    listed = subprocess.run([*GREENCHAT, "plugins", "list"], capture_output=True, text=True, timeout=60)
    assert listed.returncode == 0, listed.stderr
    assert f"off: {why}" in listed.stdout
    assert f"plugin odd is off: {why}" in listed.stderr
    assert "greenchat accounts" in listed.stdout
    served = subprocess.run([*GREENCHAT, "serve", "--help"], capture_output=True, text=True, timeout=60)
    assert "Start a chat server" in served.stdout


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


def test_a_codec_that_cannot_even_say_goodbye_holds_up_neither_the_others_nor_the_end(caplog):
    class Mute(JsonCodec):
        name = "mute"

        def encode(self, reply):
            raise SystemExit("no")

    ended = []

    class Serves:
        @hookimpl
        def greenchat_startup(self, server):
            self.server = server

        @hookimpl
        def greenchat_claim(self, first_bytes):
            return self.serve if first_bytes.startswith(b"MUTE") else None

        def serve(self, sock, address):
            self.server.serve_session(sock, address, Mute())

        @hookimpl
        def greenchat_shutdown(self):
            ended.append(True)

    with serving(Serves(), settings={"limits.ping_seconds": 0.1}) as server:
        mute = server.connect()
        mute.send("MUTE")
        ada = server.join("ada")
        ada.send("MSG|/ping")
        ada.expect("INFO|Pong.")
        deadline = time.monotonic() + DEADLINE
        while "unexpected error" not in caplog.text:
            assert time.monotonic() < deadline
        with pytest.raises((ConnectionError, AssertionError)):  # it was never told anything
            assert mute.read()
        ada.send("MSG|/ping")
        ada.expect("INFO|Pong.")
        other = server.connect()
        other.send("MUTE")
    assert ended
