"""TLS beside clear text on one port, with real certificates of an authority made for the test."""

import json
import signal
import ssl
import time

import pytest
from kit.authority import Authority, join
from kit.machine import eventually
from kit.processes import serve_process

from greenchat import hookimpl
from greenchat.client import Client, UnreachableError
from greenchat.config.schema import Tls
from greenchat.errors import ConfigError
from greenchat.net.encryption import Encryption
from greenchat.net.tls import load
from greenchat.protocol.events import Message
from greenchat.testing import DEADLINE, serving


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def test_one_chat_in_tls_and_in_clear_text_in_both_languages(authority):
    with serving(settings=authority.settings) as server:
        clear = server.join("clear")
        with authority.connect(server.port) as plain, authority.connect(server.port) as bot:
            lines = join(plain, "plain")
            clear.expect("INFO|plain has joined the chat.")
            bot.sendall(b'{"type":"join","name":"bot"}\n')
            answers = bot.makefile("r", newline="\n")
            told = [json.loads(answers.readline())["type"] for _ in range(2)]
            assert told == ["welcome", "conversations"]
            clear.send("MSG|grüß euch")
            assert lines.readline() == "INFO|bot has joined the chat.\n"
            assert lines.readline() == "MSG|clear|grüß euch\n"
            assert json.loads(answers.readline())["text"] == "grüß euch"
            plain.sendall(b"MSG|secret\n")
            clear.expect("INFO|bot has joined the chat.", "MSG|plain|secret")
            plain.sendall(b"LEAVE\n")
            assert lines.readline() == "", "the server says goodbye in TLS"


def test_where_tls_is_required_clear_text_is_told_what_to_do(authority):
    with serving(settings=authority.settings | {"tls.required": True}) as server:
        peer = server.connect()
        peer.send("JOIN|ada")
        peer.expect("ERROR|This server wants TLS. Connect with: greenchat connect --tls")
        peer.expect_closed()
        bot = server.connect()
        bot.send('{"type":"join","name":"ada"}')
        assert json.loads(bot.read())["code"] == "tls_required"
        with authority.connect(server.port) as sock:
            join(sock, "ada")


def test_only_modern_tls(authority):
    with serving(settings=authority.settings) as server, authority.connect(server.port) as sock:
        assert sock.version() in ("TLSv1.2", "TLSv1.3")
    assert load(Tls(cert=authority.cert, key=authority.key)).minimum_version >= ssl.TLSVersion.TLSv1_2


def test_a_plugin_claims_connections_inside_tls_too(authority):
    class Health:
        @hookimpl
        def greenchat_claim(self, first_bytes):
            return self.serve if first_bytes.startswith(b"HEALTH") else None

        def serve(self, sock, address):
            assert sock.recv(100) == b"HEALTH\n"
            sock.sendall(b"OK\n")

    with serving(Health(), settings=authority.settings) as server, authority.connect(server.port) as sock:
        sock.sendall(b"HEALTH\n")
        assert sock.recv(100) == b"OK\n"


def test_many_silent_and_broken_handshakes_do_not_disturb_the_chat_and_end(authority):
    with serving(settings=authority.settings | {"limits.handshake_seconds": 0.3}) as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.expect("INFO|bob has joined the chat.")
        silent = [server.connect() for _ in range(200)]
        for peer in silent:
            peer.socket.sendall(b"\x16\x03\x01")  # the beginning of a hello
        broken = server.connect()
        broken.socket.sendall(b"\x16\x03\x01\x00\x05garbage that is no hello")
        ada.send("MSG|still here")
        bob.expect("MSG|ada|still here")
        for peer in silent:
            assert peer.socket.recv(1000) == b""  # closed by the server
        server.join("cy")


def test_serve_says_how_to_join_with_tls(authority, tmp_path):
    keys = ("--tls-cert", authority.cert, "--tls-key", authority.key)
    with serve_process(tmp_path, *keys) as server:
        out, _ = server.stop()
    assert f"Join:     https://localhost:{server.port} in a browser\n" in out
    assert f"greenchat connect 127.0.0.1 {server.port}, or nc" in out  # clear text is taken, too
    with serve_process(tmp_path, *keys, "--set", "tls.required=true") as server:
        out, _ = server.stop()
    assert f"greenchat connect --tls 127.0.0.1 {server.port}\n" in out
    assert "nc" not in out.split()


def test_a_certificate_is_renewed_without_a_restart(authority, tmp_path):
    with serve_process(tmp_path, "--tls-cert", authority.cert, "--tls-key", authority.key) as server:
        renewed = authority.issue()
        with authority.connect(server.port) as sock:
            assert sock.getpeercert(binary_form=True) != renewed
        server.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + DEADLINE
        while True:
            with authority.connect(server.port) as sock:
                if sock.getpeercert(binary_form=True) == renewed:
                    break
            assert time.monotonic() < deadline
        (tmp_path / "key.pem").write_text("nonsense")
        server.process.send_signal(signal.SIGHUP)
        with authority.connect(server.port) as sock:
            join(sock, "ada")
    eventually(lambda: "nothing was reloaded: tls.cert:" in (tmp_path / "stderr.log").read_text())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tls.key": "key.pem"}, r"tls\.cert: a certificate is missing"),
        ({"tls.required": True}, r"tls\.cert: a certificate is missing"),
        ({"tls.cert": "/nowhere.pem"}, r"tls\.cert: /nowhere\.pem cannot be read: No such file"),
        ({"tls.cert": __file__, "tls.key": __file__}, r"do not go together"),
    ],
)
def test_a_certificate_that_cannot_be_used_is_told_in_a_sentence(settings, message):
    with pytest.raises(ConfigError, match=message), serving(settings=settings):
        pass


# --- the client ---


def test_the_client_verifies_and_explains(authority, tmp_path):
    with serving(settings=authority.settings) as server:
        trusting = Encryption(cafile=authority.file)
        with Client.connect(server.host, server.port, encryption=trusting) as ada:
            ada.join("ada")
            bob = server.join("bob")
            bob.send("MSG|hi")
            ada.confirm(ada.say("x" * 4000))
            items = []
            while not any(isinstance(item, Message) and item.text == "hi" for item in items):
                items += ada.receive(DEADLINE) or pytest.fail("the message has not come")
        with pytest.raises(UnreachableError, match=r"does not prove to be 127\.0\.0\.1: .*--cafile"):
            Client.connect(server.host, server.port, encryption=Encryption())
        with Client.connect(server.host, server.port, encryption=Encryption(insecure=True)) as eve:
            eve.join("eve")
        with pytest.raises(UnreachableError, match=r"nowhere\.pem cannot be used"):
            Client.connect(server.host, server.port, encryption=Encryption(cafile=str(tmp_path / "nowhere.pem")))
    with serving() as clear, pytest.raises(UnreachableError, match="leave --tls out"):
        Client.connect(clear.host, clear.port, encryption=trusting)


def test_a_certificate_for_another_host_is_not_taken(authority):
    authority.issue("elsewhere.example")
    with (
        serving(settings=authority.settings) as server,
        pytest.raises(UnreachableError, match=r"does not prove to be 127\.0\.0\.1"),
    ):
        Client.connect(server.host, server.port, encryption=Encryption(cafile=authority.file))
