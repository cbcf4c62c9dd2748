"""Nobody switches a plugin off for all by asking it for something that it cannot do."""

from kit.machine import eventually
from kit.programs import Program

from greenchat import Command, Unknown, hookimpl
from greenchat.hooks.dispatch import FAILURES
from greenchat.hooks.loader import read_off
from greenchat.testing import serving


def test_no_stranger_switches_a_plugin_off_by_what_it_cannot_serve():
    class Serves:
        @hookimpl
        def greenchat_claim(self, first_bytes):
            if first_bytes.startswith(b"ODD"):
                raise ValueError("odd")
            return self.serve if first_bytes.startswith(b"MINE") else None

        def serve(self, sock, address):
            raise RuntimeError("broken")

        @hookimpl
        def greenchat_frame(self, session, frame):
            if session.member is None and type(frame) is Unknown:
                raise RuntimeError("broken")

        @hookimpl
        def greenchat_check_join(self, session, name):
            if name == "odd":
                raise RuntimeError("broken")

    with serving(Serves()) as server:
        for _ in range(FAILURES + 1):
            peer = server.connect()
            peer.send("MINE")
            peer.expect_closed()
            server.connect().send("ODD")
        stranger = server.connect()
        for _ in range(FAILURES + 1):
            stranger.send("HUH|", "JOIN|odd")
            assert stranger.read().startswith("ERROR|")
            assert stranger.read().startswith("ERROR|A plugin that checks what comes in has failed")
        assert server.call(lambda: read_off(server.server.data_dir)) == {}
        uses = {use.hook: use.failures for use in server.call(server.server.stats).plugins if use.plugin == "Serves"}
        assert uses["greenchat_check_join"] == FAILURES + 1
        assert min(uses["greenchat_frame"], uses["greenchat_claim"]) > FAILURES


def test_no_one_switches_a_plugin_off_by_naming_its_bot(caplog):
    class Bot:
        def __init__(self, ctx):
            self.bot = ctx.bot("helper", ["lobby"], self.answer)

        @hookimpl
        def greenchat_startup(self):
            pass

        def answer(self, message):
            raise ValueError("odd")

    with serving(Bot) as server:
        ada = server.join("ada")
        for number in range(FAILURES + 5):
            ada.send(f"MSG|helper, {number}")
        ada.send("MSG|/ping")
        ada.read_until("INFO|Pong.")
        eventually(lambda: "more is not told until it does so less often" in caplog.text)
        assert server.call(lambda: read_off(server.server.data_dir)) == {}
        assert Program(server, "bob").welcome["bots"] == ["helper"]


def test_no_one_switches_a_plugin_off_by_a_command_that_fails():
    class Fails:
        @hookimpl
        def greenchat_commands(self):
            return [Command("fail", "", "Fail.", lambda session, _: 1 / 0)]

        @hookimpl
        def greenchat_check_message(self, message):
            return message.text.upper()

    with serving(Fails()) as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.read()
        for _ in range(FAILURES + 5):
            ada.send("MSG|/fail")
            ada.expect("ERROR|/fail has failed. Tell whoever runs the server.")
        ada.send("MSG|hello")
        bob.expect("MSG|ada|HELLO")
        assert server.call(lambda: read_off(server.server.data_dir)) == {}
