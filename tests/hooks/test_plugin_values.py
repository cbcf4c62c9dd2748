"""Whatever a plugin returns, or hands in: it reaches people as plain text, or is refused, under the plugin's name."""

import json
import subprocess
import sys

import pytest
from kit.failing import Markup, failures, plugin_dir, state
from kit.machine import eventually
from kit.processes import GREENCHAT
from kit.programs import Program

from greenchat import (
    Answer,
    Command,
    JsonCodec,
    Message,
    Notice,
    Reject,
    Topic,
    hookimpl,
)
from greenchat.hooks.dispatch import FAILURES
from greenchat.testing import serving


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
        reader, eve, ada = Program(server, "reader"), Program(server, "eve"), Program(server, "ada")
        mark = Program(server, "mark")
        for number in range(FAILURES + 2):
            eve.send(type="say", text="x", room="lobby", ref=number)
            ada.send(type="say", text=f"innocent {number}", room="lobby", ref=number)
            assert ada.read_until("ack", "error")["type"] == "ack"
        texts = []
        while len(texts) < FAILURES + 2:
            text = reader.read_until("message")["text"]
            if text.startswith("innocent"):
                texts.append(text)
            else:
                assert text == "safe"
        mark.send(type="history", room="lobby", limit=100, ref="h")
        kept = [event["text"] for event in mark.read_until("history")["events"]]
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
        reader, ada, eve = Program(server, "reader"), Program(server, "ada"), Program(server, "eve")
        eve.send(type="say", text="/do", room="lobby", ref=1)
        ada.send(type="say", text="innocent", room="lobby", ref=1)
        assert ada.read_until("ack")["ref"] == 1
        assert reader.read_until("message")["text"] in ("innocent", "fine")
        eve.send(type="say", text="still here", room="lobby", ref=2)
        while eve.read_until("ack", "error").get("ref") != 2:
            pass
        newcomer = Program(server, "newcomer")  # is welcomed with all that is there
        newcomer.send(type="history", room="lobby", ref="h")
        kept = [event["text"] for event in newcomer.read_until("history")["events"]]
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
    assert __name__ in caplog.text
    assert "cannot be written by" in caplog.text


@pytest.mark.parametrize(
    ("goodbye", "last"),
    [
        (lambda self, reason: f'{{"bye":"{reason}"}}\n'.encode(), ['{"bye":"left"}']),
        (lambda self, reason: sys.exit("no"), []),
        (lambda self, reason: "text", []),
    ],
    ids=["said", "raises", "odd"],
)
def test_how_a_codec_of_a_plugin_says_goodbye(caplog, goodbye, last):
    class Polite(JsonCodec):
        def request_decoder(self, frame_bytes):
            decoder = type("Decoder", (type(super().request_decoder(0)),), {"goodbye": goodbye, "__module__": __name__})
            return decoder(frame_bytes)

    class Serves:
        @hookimpl
        def greenchat_startup(self, server):
            self.server = server

        @hookimpl
        def greenchat_claim(self, first_bytes):
            return self.serve if first_bytes.startswith(b"{") else None

        def serve(self, sock, address):
            self.server.serve_session(sock, address, Polite())

        @hookimpl(trylast=True)
        def greenchat_disconnected(self, session):
            session.info("all else")

    with serving(Serves()) as server:
        ada = server.connect()
        ada.send('{"type":"leave"}')
        assert ada.read() == '{"type":"notice","text":"all else"}'
        for line in last:
            assert ada.read() == line
        ada.expect_closed()
        server.join("bob")
    assert ("unexpected error" in caplog.text) == (not last)


ODD = {
    "raise SystemExit(3)": "SystemExit: 3",
    "group.add_command(click.Command('serve'))": "there is a command already: greenchat serve",
    "group.add_command(click.Command('Two Words'))": "there cannot be a command: greenchat Two Words",
    "group.commands['odd'] = 5": "there cannot be a command: greenchat odd",
}


def test_plugins_that_add_odd_commands_to_the_shell_take_no_others_away(tmp_path, monkeypatch):
    head = "import click\nfrom greenchat import hookimpl\n@hookimpl\ndef greenchat_cli(group):\n    "
    plugin_dir(tmp_path, **{f"odd{number}": head + body for number, body in enumerate(ODD)})
    monkeypatch.setenv("GREENCHAT_SERVER_PLUGINS_DIRS", json.dumps([str(tmp_path)]))
    listed = subprocess.run([*GREENCHAT, "plugins", "list"], capture_output=True, text=True, timeout=60)
    assert listed.returncode == 0, listed.stderr
    for number, why in enumerate(ODD.values()):
        assert f"off: {why}" in listed.stdout
        assert f"plugin odd{number} is off: {why}" in listed.stderr
    assert "greenchat accounts" in listed.stdout
    served = subprocess.run([*GREENCHAT, "serve", "--help"], capture_output=True, text=True, timeout=60)
    assert "Start a chat server" in served.stdout


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
        eventually(lambda: "unexpected error" in caplog.text)
        with pytest.raises((ConnectionError, AssertionError)):  # it was never told anything
            assert mute.read()
        ada.send("MSG|/ping")
        ada.expect("INFO|Pong.")
        other = server.connect()
        other.send("MUTE")
    assert ended
