"""Plugins that mean harm, or know no better: what they answer over HTTP, ask others, and do in threads. Whatever they
do, people go on to understand each other, and the log names them."""

import socket
import threading
import time
from contextlib import closing

import gevent
import pytest
from kit.failing import failures
from kit.hostile_plugins import talk_goes_on
from kit.machine import eventually

from greenchat import Command, HttpResponse, Route, command, hookimpl, http
from greenchat.hooks import routes
from greenchat.testing import DEADLINE, serving


class Text(str):
    """Nothing is as it seems."""

    def __str__(self):
        raise SystemExit

    def encode(self, *given):
        return 5

    def strip(self, *given):
        return "a\r\nX-Evil: yes"


class Bytes(bytes):
    def __len__(self):
        return 3

    def __bytes__(self):
        raise SystemExit


ANSWERS = {
    "text": (Text("hello"), 200, b"hello"),
    "bytes": (Bytes(b"hello world"), 200, b"hello world"),
    "header": (HttpResponse("x", headers={"X-A": Text("ok")}), 200, b"x"),
    "header name": (HttpResponse("x", headers={Text("X-A"): "ok"}), 200, b"x"),
    "lines in a header": (HttpResponse("x", headers={"X-A": "a\r\nSet-Cookie: b"}), 500, b""),
    "long header": (HttpResponse("x", headers={"X-A": "a" * 1_000_000}), 500, b""),
    "many headers": (HttpResponse("x", headers={f"X-{number}": "a" for number in range(10_000)}), 500, b""),
    "generator": ((letter for letter in "abc"), 500, b""),
    "surrogate": ("\ud800", 500, b""),
    "status": (HttpResponse("x", 999), 500, b""),
    "headers": (HttpResponse("x", headers=5), 500, b""),
    "too long": (b"x" * (routes.ANSWER_BYTES + 1), 500, b""),
}


def ask(server, path="/it", head=""):
    """The status, the head and the body of what is answered to a request as it stands here."""
    with closing(socket.create_connection((server.host, server.port), DEADLINE)) as sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{head}\r\n".encode("latin-1"))
        data = b""
        while chunk := sock.recv(1 << 20):
            data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head.split()[1]), head, body


class Site:
    def __init__(self, answer):
        self.answer = answer

    @http("GET", "/it")
    def it(self):
        return self.answer() if callable(self.answer) else self.answer

    @http("GET", "/files/{name}")
    def files(self, name):
        return repr(name)

    @http("GET", "/a/../b")
    def dots(self):
        return "dots"


@pytest.mark.parametrize("which", ANSWERS)
def test_what_it_answers_is_one_good_answer(which, caplog):
    answer, status, body = ANSWERS[which]
    with serving(Site(answer)) as server:
        got, head, found = ask(server)
        assert got == status
        assert b"Evil" not in head
        assert b"Set-Cookie" not in head
        assert f"Content-Length: {len(found)}".encode().lower() in head.lower()
        if status == 200:
            assert found == body
        talk_goes_on(server)
    assert len(failures(caplog)) == (status == 500)


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, gevent.GreenletExit, MemoryError, RecursionError])
def test_whatever_it_raises_is_an_answer_and_no_word_of_it_is_told(error, caplog):
    def fails():
        raise error("hunter2")

    with serving(Site(fails)) as server:
        status, _, body = ask(server)
        assert status == 500
        assert b"hunter2" not in body
        talk_goes_on(server)
    assert failures(caplog) == ["plugin Site failed in the route GET /it"]


PATHS = ["/files/..", "/files/%2e%2e", "/files/a%2f..%2fb", "/files/%00", "/files/%ff", "/files//", "//files/a", "/b"]


@pytest.mark.parametrize("path", PATHS)
def test_no_path_leads_out(path, caplog):
    with serving(Site("x")) as server:
        assert ask(server, path)[0] == 404
    assert failures(caplog) == []


def test_too_many_routes_are_none():
    many = [Route("GET", f"/{number}", lambda request: "x") for number in range(routes.MOST + 1)]

    class Many:
        @hookimpl
        def greenchat_routes(self):
            return iter(many)

        @hookimpl
        def greenchat_commands(self):
            return [Command("many", "", "Many.", lambda session, argument: None)]

    with serving(Many) as server:
        assert ask(server, "/1")[0] == 404
        found = server.call(lambda: [one.state for one in server.server.plugins if one.name == "Many"])
        assert "more than 1000 routes" in found[0]
        talk_goes_on(server)


def test_very_many_requests_at_once_to_one_that_never_answers(caplog, monkeypatch):
    monkeypatch.setattr(routes, "ROUTE_SECONDS", 0.5)
    statuses = []

    def never():
        gevent.sleep(1000)

    with serving(Site(never)) as server:
        askers = [threading.Thread(target=lambda: statuses.append(ask(server)[0])) for _ in range(60)]
        for asker in askers:
            asker.start()
        talk_goes_on(server)
        for asker in askers:
            asker.join(DEADLINE)
        assert len(statuses) == 60
        assert set(statuses) <= {503, 504, 404}
        assert statuses.count(504) <= 2 * routes.ROUTES_AT_ONCE
        talk_goes_on(server)


class Threads:
    def __init__(self, ctx):
        self.ctx = ctx
        self.go_on = threading.Event()
        Threads.last = self

    @command
    def hang(self, call):
        "Hang in a thread."
        self.ctx.spawn(self.ctx.in_thread, self.go_on.wait, 60)

    @command
    def ask_itself(self, call, port: int):
        "Ask the chat itself, over and over."
        self.ctx.spawn(self.ask, port)

    def ask(self, port):
        self.ctx.http.get(f"http://127.0.0.1:{port}/again", timeout=0.3)

    @http("GET", "/again")
    def again(self, request):
        port = int(request.headers["host"].rpartition(":")[2])
        return self.ctx.http.get(f"http://127.0.0.1:{port}/again", timeout=0.3).body

    @http("GET", "/round")
    def around(self, request):
        return HttpResponse("", 302, {"Location": "/round"})

    @http("GET", "/circle")
    def circle(self, request):
        return self.ctx.http.get(f"http://{request.headers['host']}/round").body


def test_its_threads_are_its_own(tmp_path):
    with serving(Threads, data_dir=tmp_path) as server:
        ada = server.join("ada")
        for _ in range(20):
            ada.send("MSG|/hang")
        ada.send("MSG|/register correct-horse-battery-staple", "MSG|hello", "MSG|/history")
        assert "ada is yours now" in ada.read()
        assert "last message in lobby" in ada.read()
        talk_goes_on(server)
        began = time.monotonic()
    assert time.monotonic() - began < DEADLINE / 2
    Threads.last.go_on.set()


def test_asking_itself_ends(caplog):
    with serving(Threads, settings={"plugins.Threads.may": ["http"]}) as server:
        ada = server.join("ada")
        ada.send(f"MSG|/ask-itself {server.port}")
        eventually(lambda: "Threads failed" in caplog.text)
        talk_goes_on(server)
        assert ask(server, "/circle", "X: y\r\n")[0] == 500
    assert "too many redirects" in caplog.text or "max retry" in caplog.text or "has not answered" in caplog.text


def test_answers_that_nobody_takes_are_bounded_in_memory(monkeypatch):
    """Whoever asks for much and reads nothing keeps it in the server's memory, and others could do that with them."""
    monkeypatch.setattr("greenchat_plugins.web.http.BODIES_BYTES", routes.ANSWER_BYTES * 3 // 2)

    class Generous:
        @http("GET", "/much")
        def much(self):
            return b"x" * routes.ANSWER_BYTES

    with serving(Generous) as server, closing(socket.create_connection((server.host, server.port), DEADLINE)) as idle:
        idle.sendall(b"GET /much HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert idle.recv(4) == b"HTTP"
        assert ask(server, "/much")[0] == 503
        talk_goes_on(server)
        while idle.recv(1 << 20):
            pass
        eventually(lambda: ask(server, "/much")[0] == 200)
