"""What a connection says first decides how it is spoken to; what is not meant for the chat says nothing in it."""

import contextlib
import socket
import ssl

import pytest
import trustme

from greenchat import Joined, Message, hookimpl
from greenchat.testing import DEADLINE, serving

GREETINGS = {
    "browser": b"GET /chat HTTP/1.1\r\nHost: chat\r\nUpgrade: websocket\r\n\r\n",
    "form": b"POST / HTTP/1.1\r\nHost: chat\r\nContent-Type: text/plain\r\n\r\nJOIN|form\r\nMSG|spam\r\n",
    "ssh": b"SSH-2.0-OpenSSH_9.6\r\n",
    "smtp": b"EHLO mail.example.org\r\nMAIL FROM:<a@example.org>\r\nDATA\r\n.\r\n",
    "irc": b"CAP LS 302\r\nNICK ada\r\nUSER ada 0 * :Ada\r\nJOIN #lobby\r\nPRIVMSG #lobby :hi\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) * 2,
    "redis": b"*1\r\n$4\r\nPING\r\n",
    "postgres": b"\x00\x00\x00\x08\x04\xd2\x16\x2f",
    "rdp": b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00",
    "proxy": b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
    "smb": b"\x00\x00\x00\x85\xffSMBr\x00\x00\x00\x00\x18\x53\xc8",
}

PLUGINS = pytest.mark.parametrize(
    "off", [[], ["web"], ["web", "signpost"]], ids=["as installed", "signpost alone", "bare"]
)


@contextlib.contextmanager
def quiet_chat(off=(), **settings):
    """A server without these plugins, in which nobody may come in or say anything."""
    taken = []

    class Watch:
        @hookimpl
        def greenchat_event(self, event):
            if isinstance(event, Joined | Message):
                taken.append(event)

    with serving(Watch(), settings={"server.disabled_plugins": list(off), **settings}) as server:
        ada = server.join("ada")
        yield server
        server.join("bob")
        ada.expect("INFO|bob has joined the chat.")  # and nothing before
    assert [(type(event), event.name) for event in taken] == [(Joined, "ada"), (Joined, "bob")]


def answer_to(server, *parts):
    """All that the server says to these bytes, sent one after the other, until it closes."""
    with server.connect() as peer:
        peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in parts:
            try:
                peer.socket.sendall(part)
            except OSError:
                break  # it has closed already
            server.call(lambda: None)  # a turn of its loop: the parts come one by one
        with contextlib.suppress(OSError):
            peer.socket.shutdown(socket.SHUT_WR)
        return all_of(peer.socket)


def all_of(sock):
    answer = b""
    try:
        while data := sock.recv(4096):
            answer += data
    except ConnectionResetError:
        pass
    return answer


@PLUGINS
def test_clients_of_other_protocols_say_nothing_in_the_chat(off):
    with quiet_chat(off) as server:
        for greeting in GREETINGS.values():
            with server.connect() as stranger:
                stranger.socket.sendall(greeting)
                stranger.socket.shutdown(socket.SHUT_WR)
                assert b"Traceback" not in all_of(stranger.socket)


# --- what a page can have the browser of its visitor send -------------------------------------------------------------

# Under the name of its own site, which leads here by now, with any method and any body (DNS rebinding).
BEHIND = b"Host: evil.example:9999\r\nContent-Length: 18\r\n\r\n\nJOIN|x\nMSG|hi\nMSG|/me waves\n"
REQUESTS = {
    "unknown method": b"X / HTTP/1.1\r\n",
    "small letters": b"x / http/1.1\r\n",
    "known in small letters": b"post / HTTP/1.1\r\n",
    "method like a frame": b"JOIN|x|lobby /path HTTP/1.1\r\n",
    "method like a message": b"MSG|GET / HTTP/1.1\r\n",
    "method like irc": b"JOIN /x HTTP/1.1\r\n",
    "WebDAV": b"PROPFIND /x HTTP/1.1\r\n",
    "long method": b"X" * 100 + b" / HTTP/1.1\r\n",
    "old version": b"X / HTTP/1.0\r\n",
    "next version": b"PRI * HTTP/2.0\r\n",
    "bare line feed": b"X / HTTP/1.1\n",
    "blanks": b"X  /a\tHTTP/1.1 \t\r\n",
    "empty lines": b"\r\n\n\r\nX / HTTP/1.1\r\n",
    "form": b"POST / HTTP/1.1\r\nContent-Type: text/plain\r\n",
    "form in parts": b"POST / HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=x\r\n",
    "WebSocket": b"GET /chat HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n",
}
# Longer than a frame: also the limit is told.
LONG = b"X /" + b"a" * 10_000 + b" HTTP/1.1\r\n"


@PLUGINS
def test_nothing_behind_a_request_of_http_is_a_frame(off):
    with quiet_chat(off) as server:
        for name, request_line in REQUESTS.items():
            answer = answer_to(server, request_line + BEHIND)
            assert answer.startswith(b"HTTP/1.1 4"), name
            assert b"\r\nConnection: close\r\n" in answer, name
            assert b"INFO|" not in answer, name


def test_however_its_bytes_come():
    data = REQUESTS["unknown method"] + BEHIND
    with quiet_chat() as server:
        for cut in range(1, len(REQUESTS["unknown method"]) + 2):
            assert answer_to(server, data[:cut], data[cut:]).startswith(b"HTTP/1.1 400 "), data[:cut]
        assert answer_to(server, *(bytes([byte]) for byte in data)).startswith(b"HTTP/1.1 400 ")
        # Of a method that is known, but cut within the word, the web client does not hear.
        assert answer_to(server, b"G", b"ET / HTTP/1.1\r\n" + BEHIND).startswith(b"HTTP/1.1 4")


def test_however_long_it_is():
    with quiet_chat(**{"limits.frame_bytes": 512}) as server:
        for parts in [LONG + BEHIND], [LONG[:300], LONG[300:] + BEHIND], [LONG[:3000], LONG[3000:], BEHIND]:
            answer = answer_to(server, *parts)
            assert b"HTTP/1.1 400 Bad Request\r\n" in answer
            assert b"INFO|" not in answer


def test_requests_behind_one_that_the_web_client_takes():
    get = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with quiet_chat() as server:
        answer = answer_to(server, get + REQUESTS["unknown method"] + BEHIND)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"INFO|" not in answer
        answer = answer_to(server, get, b"JOIN|x\nMSG|hi\n\n")
        assert answer.count(b"HTTP/1.1 400 ") == 1
        assert b"INFO|" not in answer


@PLUGINS
def test_inside_tls(off, tmp_path):
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    files = {"tls.cert": str(tmp_path / "cert.pem"), "tls.key": str(tmp_path / "key.pem")}
    hello = b"\x16\x03\x01\x00\x20\nJOIN|x\nMSG|hi\n"
    with quiet_chat(off, **files) as server:
        for parts in (
            [REQUESTS["unknown method"] + BEHIND],
            [b"X", b" / HTTP/1.1\r\n" + BEHIND],
            [b"\nX / HT", b"TP/1.1\r\n\n"],
        ):
            with (
                socket.create_connection((server.host, server.port), DEADLINE) as sock,
                context.wrap_socket(sock, server_hostname="127.0.0.1") as peer,
            ):
                for part in parts:
                    peer.sendall(part)
                assert all_of(peer).startswith(b"HTTP/1.1 400 ")
        with (
            socket.create_connection((server.host, server.port), DEADLINE) as sock,
            context.wrap_socket(sock, server_hostname="127.0.0.1") as peer,
        ):
            peer.sendall(hello)
            assert b"INFO|" not in all_of(peer)


@PLUGINS
def test_what_a_tls_client_keeps_for_another_server_is_no_frame_here(off):
    """A ticket, say, which it sends in clear text: whoever has given it has chosen its bytes."""
    hello = b"\x16\x03\x01\x00\x80\x01\x00\x00\x7c\x03\x03" + bytes(32) + b"\nJOIN|x\nMSG|hi\n"
    with quiet_chat(off) as server:
        for parts in [hello], [hello[:1], hello[1:]]:
            assert b"INFO|" not in answer_to(server, *parts)


@pytest.mark.parametrize(
    "first", ["HELLO|x", "HELLO", "GET|x", "HTTP/1.1", "x HTTP/1.1 x", "MSG|see HTTP/1.1.", "HTTP/1.1|x y"]
)
def test_plain_clients_that_say_something_else_first_come_in(first):
    with serving() as server:
        peer = server.connect()
        peer.send("", first, "JOIN|ada")
        assert peer.read().startswith("ERROR|")
        assert peer.read().startswith("INFO|Welcome to lobby, ada.")
        bob = server.join("bob")
        peer.expect("INFO|bob has joined the chat.")
        peer.send("MSG|GET / HTTP/1.1", "X / HTTP/1.1", "MSG|hi")
        bob.expect("MSG|ada|GET / HTTP/1.1", "MSG|ada|hi")
