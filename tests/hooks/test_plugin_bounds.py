"""Whatever a plugin forgets, or never ends: it is bounded, under the plugin's name."""

import signal
import subprocess
import time
from contextlib import closing

import gevent
import pytest
from kit.failing import failures, plugin_dir, state
from kit.hanging import serve_hanging
from kit.machine import eventually
from kit.processes import GREENCHAT
from kit.programs import Program

from greenchat import (
    Command,
    Message,
    Notice,
    Reject,
    hookimpl,
)
from greenchat.chat.cascade import DEEPEST
from greenchat.hooks import background, holds, lifecycle
from greenchat.testing import DEADLINE, serving


@pytest.mark.parametrize(
    "answer",
    [
        lambda bot: bot.say("again"),
        lambda bot: [bot.say("again") for _ in range(10)],
        lambda bot: bot.chat.rooms["lobby"].post(Notice("again", "lobby")),
        lambda bot: bot.chat.announce("again"),
        lambda bot: gevent.spawn(bot.say, "again"),
        lambda bot: bot.chat.set_topic(bot.member, bot.chat.rooms["lobby"], f"again {time.monotonic()}"),
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
        ada = Program(server, "ada")
        for ref in (1, 2):
            ada.send(type="say", text="keep this", room="lobby", ref=ref)
            answer = ada.read_until("ack", "error")
            assert (answer["type"], answer["code"], answer["ref"]) == ("error", "not_stored", ref)
        server.call(lambda: held[0](None))  # too late: nothing comes of it
        ada.send(type="ping", ref=3)
        assert ada.read_until("ack", "error", "pong") == {"type": "pong", "ref": 3}
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


def test_a_signal_ends_a_start_that_hangs(tmp_path):
    process, _ = serve_hanging(tmp_path, "startup", "gevent")
    with closing(process.stdout):
        assert process.stdout.readline() == "hanging\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE) == 0


def test_a_second_signal_ends_at_once_also_while_a_plugin_holds_the_loop(tmp_path):
    process, log = serve_hanging(tmp_path, "startup", "busy")
    with closing(process.stdout):
        assert process.stdout.readline() == "hanging\n"
        # Of what comes all at once the process may notice nothing, in the moment in which it takes Python's lock.
        eventually(lambda: process.poll() is not None or process.send_signal(signal.SIGTERM))
        assert process.returncode == 1
    assert "Stopped at once." in log.read_text()


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
