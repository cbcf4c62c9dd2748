"""All kinds of connections while a server stands still, and when another one goes on."""

import json
import time

import gevent
import pytest
from gevent.event import Event
from kit.authority import Authority, join
from kit.carrying import Client, aside, house
from kit.web_peer import CLOSE, CONTINUATION, PING, PONG, TEXT, WebPeer, frame

from greenchat import HttpRequest, HttpResponse, hookimpl, http
from greenchat.protocol.text import printable
from greenchat.server.turning_away import DOOR_SECONDS
from greenchat.testing import DEADLINE


class Where:
    """Where clients in other threads find a server."""

    def __init__(self, served) -> None:
        self.host, _, port = served.server.addresses[0].rpartition(":")
        self.port = int(port)


# --- the page ---


def test_a_web_socket_goes_on_at_any_byte(tmp_path):
    with house(tmp_path, installed=["web"]) as served:
        bob = served.join("bob")
        web = aside(WebPeer, Where(served))
        aside(web.join, "eve")
        bob.expect("INFO|eve has joined the chat.")
        text = json.dumps({"type": "say", "text": "grüße €"}, ensure_ascii=False).encode()
        stream = frame(TEXT, text[:25], fin=False) + frame(PING, b"x") + frame(CONTINUATION, text[25:])
        for at in range(0, len(stream), 7):
            aside(web.send_bytes, stream[at : at + 7])
            gevent.sleep(0.001)
            served.reload()
        bob.expect("MSG|eve|grüße €")
        assert aside(web.read) == (PONG, b"x")
        bob.send("MSG|hello\n")
        assert aside(web.hear)["text"] == "hello"
        aside(web.send, CLOSE, b"\x03\xe8")
        assert aside(web.read)[0] == CLOSE
        aside(web.close)


def test_a_request_of_http_is_let_out_first_and_what_is_idle_ends(tmp_path):
    begun, may_end = Event(), Event()

    class Page:
        @http("GET", "/slow")
        def slow(self, ctx, request: HttpRequest) -> HttpResponse:
            begun.set()
            may_end.wait()
            return HttpResponse(body=b"done")

    with house(tmp_path, lambda: (Page(),), installed=["web"]) as served:
        idle, asking = served.connect(), served.connect()
        idle.send("GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert "404" in idle.line()
        asking.send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert begun.wait(DEADLINE)
        pause = served.freeze()
        assert not pause.settle(0.05)
        may_end.set()
        assert pause.settle(DEADLINE)
        served.reload()
        assert "200" in asking.line()
        for client in idle, asking:
            assert client.line()
            while client.line():
                pass  # to the end of the connection


def test_what_takes_too_long_of_http_is_cut(tmp_path):
    with house(tmp_path, installed=["web"]) as served:
        upload = served.connect()
        upload.send("POST /nothing HTTP/1.1\r\nHost: loc")
        while not served.server.acceptor.under_way([]):
            gevent.sleep(0.001)
        pause = served.freeze()
        assert not pause.settle(0.05)
        assert pause.cut()
        served.reload()
        assert upload.line() == ""


# --- TLS ---


@pytest.mark.parametrize("language", ["plain", "json", "web"])
def test_tls_is_told_to_come_back_and_nobody_else_notices(tmp_path, language):
    authority = Authority(tmp_path)
    with house(tmp_path / "data", settings=authority.settings, installed=["web"]) as served:
        ada = served.join("ada")
        sock = aside(authority.connect, Where(served).port)
        if language == "web":
            peer = aside(WebPeer, sock)
            aside(peer.join, "eve")
        elif language == "json":
            lines = sock.makefile("r", newline="\n")
            sock.sendall(b'{"type":"join","name":"eve"}\n')
            token = json.loads(aside(lines.readline))["token"]
            aside(lines.readline)
        else:
            lines = aside(join, sock, "eve")
        ada.expect("INFO|eve has joined the chat.")
        pause = served.freeze()
        assert pause.settle(DEADLINE)
        leaving = gevent.spawn(pause.send_away, DEADLINE)
        if language == "web":
            assert aside(peer.hear)["type"] == "reconnect"
            aside(peer.expect_close, 1012)
            aside(peer.close)
        else:
            line = aside(lines.readline)
            assert "reconnect" in line if language == "json" else line.startswith("INFO|")
            assert aside(lines.readline) == ""
            lines.close()
            sock.close()
        leaving.join()
        served.reload()
        ada.send("MSG|still here\n")
        if language == "json":
            again = aside(authority.connect, Where(served).port)
            again.sendall(json.dumps({"type": "join", "token": token}).encode() + b"\n")
            with again.makefile("r", newline="\n") as answers:
                assert json.loads(aside(answers.readline))["type"] == "welcome"
            again.close()
            served.join("carol")
            ada.expect("INFO|carol has joined the chat.")


# --- those that end, and those that have not begun ---


def test_who_has_left_still_gets_what_was_on_its_way(tmp_path):
    with house(tmp_path, settings={"limits.outbox_bytes": 0}) as served:
        ada, bob = served.join("ada"), served.join("bob")
        ada.expect("INFO|bob has joined the chat.")
        count, filling = 3000, "x" * 1000
        bob.send("".join(f"MSG|{number} {filling}\n" for number in range(count)))
        while served.server.chat.rooms["lobby"].seq < count:
            gevent.sleep(0.001)
        ada.send("LEAVE\n")
        bob.expect("INFO|ada has left the chat.")
        was = served.reload()
        assert [session.drains for session in was.connections.sessions] == [True, False]
        assert len(served.server.chat.members) == 1
        ada.expect(*(f"MSG|bob|{number} {filling}" for number in range(count)), "")


def test_who_is_put_out_meanwhile_goes(tmp_path):
    with house(tmp_path) as served:
        ada, bob = served.join("ada"), served.join("bob")
        ada.expect("INFO|bob has joined the chat.")
        pause = served.freeze()
        assert pause.settle(DEADLINE)
        session = next(one for one in served.server.sessions.values() if one.name == "bob")
        session.close("was put out")
        served.reload()
        ada.expect("INFO|bob has left the chat.")
        assert bob.line() == ""


def test_who_does_not_join_in_time_is_closed_all_the_same(tmp_path):
    with house(tmp_path, settings={"limits.join_seconds": 0.6}) as served:
        late = served.connect()
        late.send("MSG|too early\n")
        late.line()
        served.reload()
        assert late.line() == "ERROR|You have not joined in time. Connect again and send JOIN|<username>."
        assert late.line() == ""


def test_who_says_nothing_at_all_is_closed_all_the_same_however_often_all_is_reloaded(tmp_path):
    with house(tmp_path, settings={"limits.first_frame_seconds": 1.0}) as served:
        began = time.monotonic()
        silent = served.connect()
        while not served.server.acceptor._silent:
            gevent.sleep(0.001)
        closed = gevent.spawn(silent.line)
        while not closed.ready() and time.monotonic() - began < DEADLINE:
            served.reload()
            gevent.sleep(0.3)
        assert closed.ready()  # and told why, unless all was reloaded in that very moment


def test_who_does_not_answer_pings_is_given_up_all_the_same(tmp_path):
    limits = {"limits.ping_seconds": 0.3, "limits.absence_seconds": 0.01}
    with house(tmp_path, settings=limits) as served:
        ada, bob = served.join("ada"), served.connect()
        bob.send('{"type":"join","name":"bob"}\n{"type":"ping"}\n')
        ada.expect("INFO|bob has joined the chat.")
        while json.loads(bob.line())["type"] != "pong":
            pass
        served.reload()
        ada.expect("INFO|bob has left the chat.")


def test_listeners_of_plugins_go_on_and_who_has_come_by_them(tmp_path):
    class Echo:
        @hookimpl
        def greenchat_startup(self, server):
            self.address = server.listen_also("127.0.0.1:0", self.serve)

        def serve(self, sock, address):
            sock.sendall(printable(f"echo {sock.recv(100).decode().strip()}").encode() + b"\n")

    echoes = []

    def plugins():
        echoes.append(Echo())
        return (echoes[-1],)

    with house(tmp_path, plugins) as served:
        clients = [Client(echoes[0].address) for _ in range(2)]
        served.clients.extend(clients)
        while len(served.server.acceptor._silent) < 2:
            gevent.sleep(0.001)
        served.reload()
        assert echoes[1].address == echoes[0].address
        for client in clients:
            client.send("hi\n")
            client.expect("echo hi", "")


def test_who_is_turned_away_and_stays_holds_nobody_up(tmp_path):
    with house(tmp_path, settings={"limits.connections": 1}) as served:
        served.join("ada")
        refused = served.connect()
        refused.send("JOIN|bob\n")
        assert refused.line() == "ERROR|The server is full. Try again later."
        assert served.server.acceptor.under_way(served.server.sessions.values())
        began = time.monotonic()
        pause = served.freeze()
        assert pause.settle(DEADLINE)
        assert time.monotonic() - began < DOOR_SECONDS / 2
        served.reload()
        assert refused.line() == ""


def test_connections_count_for_their_address_all_the_same(tmp_path):
    with house(tmp_path, settings={"limits.connections_per_address": 2}) as served:
        ada, silent = served.join("ada"), served.connect()
        while not served.server.acceptor._silent:
            gevent.sleep(0.001)
        served.reload()
        assert served.connect().line().startswith("ERROR|There are too many connections")
        silent.close()
        while served.server.acceptor._silent:
            gevent.sleep(0.001)
        served.join("bob")
        ada.expect("INFO|bob has joined the chat.")


def test_what_nobody_speaks_any_more_is_closed_and_nothing_else(tmp_path):
    with house(tmp_path, installed=["web"]) as served:
        bob = served.join("bob")
        web = aside(WebPeer, Where(served))
        aside(web.join, "eve")
        bob.expect("INFO|eve has joined the chat.")
        served.installed = []
        served.reload()
        with pytest.raises(EOFError):
            aside(web.read)
        aside(web.close)
        served.join("carol")
        bob.expect("INFO|carol has joined the chat.")
