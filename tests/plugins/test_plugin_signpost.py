"""signpost: clients of other protocols get an answer that they understand, from a real server."""

import http.client
import socket
import ssl

import greenchat_plugins.signpost
import pytest

from greenchat import hookimpl
from greenchat.testing import DEADLINE, serving

WITHOUT_WEB = {"server.disabled_plugins": ["web"]}


@pytest.fixture
def server():
    """One on which HTTP is nobody else's."""
    with serving(settings=WITHOUT_WEB) as running:
        yield running


def answer_to(server, data: bytes) -> bytes:
    """All that the server says to `data`, until it closes."""
    with socket.create_connection((server.host, server.port), DEADLINE) as sock:
        sock.sendall(data)
        return b"".join(iter(lambda: sock.recv(4096), b""))


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_http_is_told_how_to_join_in_http(server, method):
    connection = http.client.HTTPConnection(server.host, server.port, timeout=DEADLINE)
    connection.request(method, "/", body="some text")
    response = connection.getresponse()
    assert response.status == 400
    assert response.getheader("Content-Type") == "text/plain; charset=utf-8"
    assert response.getheader("Connection") == "close"
    body = response.read()
    assert len(body) == int(response.getheader("Content-Length"))
    text = body.decode()
    assert "This is a greenchat chat server." in text
    assert f"nc HOST {server.port}" in text
    connection.close()


def test_a_head_gets_no_body(server):
    answer = answer_to(server, b"HEAD / HTTP/1.1\r\nHost: chat\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.endswith(b"\r\n\r\n")
    assert answer.count(b"\r\n\r\n") == 1


def test_a_large_upload_does_not_cost_the_answer(server):
    """Closing with bytes unread would reset the connection, and the answer would be lost on its way."""
    size = 2_000_000
    answer = answer_to(server, b"POST / HTTP/1.1\r\nHost: chat\r\nContent-Length: %d\r\n\r\n" % size + bytes(size))
    assert b"This is a greenchat chat server." in answer


def test_tls_fails_with_an_alert_instead_of_a_riddle(server):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((server.host, server.port), DEADLINE) as sock,
        pytest.raises(ssl.SSLError, match=r"(?i)alert handshake failure"),
    ):
        context.wrap_socket(sock)


def test_ssh_is_told_in_a_line_that_is_no_version(server):
    answer = answer_to(server, b"SSH-2.0-OpenSSH_9.9\r\n").decode("ascii")
    assert answer.startswith("This is a greenchat chat server, no SSH.")
    assert answer.endswith("\r\n")
    assert "SSH-" not in answer


@pytest.mark.parametrize("greeting", [b"EHLO mail.example.org\r\n", b"HELO mail.example.org\r\n"])
def test_smtp_is_told_that_there_is_no_such_service(server, greeting):
    answer = answer_to(server, greeting).decode("ascii")
    assert answer.startswith("554 This is a greenchat chat server, no mail server.")
    assert answer.count("\r\n") == 1


@pytest.mark.parametrize(
    "first",
    ["JOIN|ada", "join|ada", "Join|ada", " JOIN|ada", "MSG|GET / HTTP/1.1|", "msg|x", "PING", "G", "GET|x"],
)
def test_a_frame_is_never_taken_for_another_protocol(server, first):
    peer = server.connect()
    peer.send(first, "JOIN|bob")
    assert peer.read().split("|")[0] in ("INFO", "ERROR")
    peer.send("MSG|/ping")
    peer.read_until("INFO|Pong.")


def test_a_single_first_byte_is_let_pass(server):
    """An impatient client may send its first byte alone; what it speaks cannot be known then."""
    peer = server.connect()
    peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    peer.socket.sendall(b"J")
    server.call(lambda: None)
    peer.send("OIN|ada")
    assert peer.read().startswith("INFO|Welcome to lobby, ada.")


def test_who_does_not_hang_up_is_hung_up_on(server, monkeypatch):
    monkeypatch.setattr(greenchat_plugins.signpost, "SECONDS", 0.1)
    with socket.create_connection((server.host, server.port), DEADLINE) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n")
        while sock.recv(4096):
            pass

        def talk_on() -> None:
            while True:
                sock.sendall(b"x" * 1000)

        with pytest.raises(OSError, match=r"(?i)reset|broken pipe"):  # nobody listens there any more
            talk_on()


def test_the_chat_goes_on_beside_it(server):
    ada, bob = server.join("ada"), server.join("bob")
    ada.expect("INFO|bob has joined the chat.")
    answer_to(server, b"GET / HTTP/1.1\r\n\r\n")
    ada.send("MSG|hello")
    bob.expect("MSG|ada|hello")


class Web:
    """A plugin that really speaks HTTP."""

    @hookimpl
    def greenchat_claim(self, first_bytes):
        return self.serve if first_bytes.startswith(b"GET ") else None

    def serve(self, sock, address):
        sock.recv(1000)
        sock.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")


def test_a_plugin_that_speaks_the_protocol_comes_first():
    with serving(Web(), settings=WITHOUT_WEB) as server:
        assert answer_to(server, b"GET / HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 204 ")
        assert answer_to(server, b"HELO there\r\n").startswith(b"554 ")
