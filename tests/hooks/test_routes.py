"""Routes: what plugins answer over HTTP, on the chat's own port. By real requests."""

import json
import socket
from http.client import HTTPConnection

import gevent
import pytest
from gevent.event import Event
from kit.machine import eventually

from greenchat import HttpResponse, Reject, Route, hookimpl, http
from greenchat.hooks import routes
from greenchat.hooks.dispatch import FAILURES
from greenchat.testing import DEADLINE, serving


class Site:
    """Some of each kind."""

    def __init__(self):
        self.go_on, self.waiting, self.asked = Event(), 0, []

    @http("POST", "/hooks/{name}")
    def hook(self, request, name, ctx):
        self.asked.append(request)
        return {"name": name, "said": request.json()["text"], "by": ctx.name}

    @http("GET", "/hooks/all")
    def all_of_them(self):
        return ["a", "b"]

    @http("GET", "/hooks/{name}")
    def one(self, name):
        return name

    @http("GET", "/bytes")
    def some_bytes(self):
        return b"\0\1"

    @http("GET", "/page")
    def page(self, request):
        return HttpResponse("<p>" + request.query.get("q", "-"), 203, {"Content-Type": "text/html", "X-More": "yes"})

    @http("DELETE", "/nothing")
    def nothing(self):
        pass

    @http("GET", "/refuses")
    def refuses(self):
        raise Reject("Not you.", code="not_allowed")

    @http("GET", "/refuses-too")
    def refuses_too(self):
        raise Reject("Not so.")

    @http("GET", "/waits")
    def waits(self):
        self.waiting += 1
        self.go_on.wait()
        return "done"

    @http("POST", "/form")
    def form(self, request):
        return request.form()


@pytest.fixture
def site():
    return Site()


@pytest.fixture
def server(site):
    with serving(site) as running:
        yield running
        running.call(site.go_on.set)


def ask(server, method, path, body=None, headers=None, timeout=DEADLINE):
    connection = HTTPConnection("127.0.0.1", server.port, timeout=timeout)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.getheaders(), answer.read()
    finally:
        connection.close()


def status_and_text(answer):
    return answer[0], answer[2].decode()


def header(answer, name):
    return [value for key, value in answer[1] if key.lower() == name]


# --- what is answered ---


def test_a_name_in_the_path_and_the_body_are_what_a_route_gets(server, site):
    body = json.dumps({"text": "hello"})
    answer = ask(server, "POST", "/hooks/caf%C3%A9?x=1&x=2&y=", body, {"X-Two": "a"})
    assert answer[0] == 200
    assert json.loads(answer[2]) == {"name": "café", "said": "hello", "by": "Site"}
    assert header(answer, "content-type") == ["application/json"]
    assert header(answer, "cache-control") == ["no-store"]
    assert header(answer, "x-content-type-options") == ["nosniff"]
    (request,) = site.asked
    assert request.query == {"x": "2", "y": ""}
    assert request.headers["x-two"] == "a"
    assert request.address.startswith("127.0.0.1:")
    assert "hello" not in repr(request)
    assert "caf" not in repr(request)


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        ("/hooks/all", "application/json", b'["a","b"]'),
        ("/hooks/ada", "text/plain; charset=utf-8", b"ada"),
        ("/bytes", "application/octet-stream", b"\0\1"),
    ],
)
def test_what_it_returns_is_sent_as_what_it_is(server, path, kind, body):
    answer = ask(server, "GET", path)
    assert (answer[0], header(answer, "content-type"), answer[2]) == (200, [kind], body)
    empty = ask(server, "HEAD", path)
    assert (empty[0], header(empty, "content-length"), empty[2]) == (200, [str(len(body))], b"")


def test_an_answer_of_its_own(server):
    answer = ask(server, "GET", "/page?q=a%20b")
    assert (answer[0], answer[2], header(answer, "x-more")) == (203, b"<p>a b", ["yes"])
    assert header(answer, "content-type") == ["text/html"]


def test_nothing_is_an_answer_as_well_and_the_connection_goes_on(server):
    connection = HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE)
    for _ in range(2):
        connection.request("DELETE", "/nothing")
        answer = connection.getresponse()
        assert (answer.status, answer.read(), answer.getheader("content-length")) == (204, b"", None)
    connection.request("POST", "/form", "a=1&b=%C3%A9")
    assert connection.getresponse().read() == '{"a":"1","b":"é"}'.encode()
    connection.close()


def test_a_refusal_is_told_in_its_words(server):
    assert status_and_text(ask(server, "GET", "/refuses")) == (403, "Not you.\n")
    assert status_and_text(ask(server, "GET", "/refuses-too")) == (400, "Not so.\n")
    assert status_and_text(ask(server, "POST", "/hooks/a", "{")) == (400, "The body is no JSON.\n")
    assert status_and_text(ask(server, "POST", "/form", b"\xff")) == (400, "The body is no text in UTF-8.\n")


# --- what is nobody's ---


@pytest.mark.parametrize(
    "path", ["/hooks", "/hooks/", "/hooks/a/b", "/hooks/..", "/hooks/%2e%2e", "/hooks/a%2Fb", "/h"]
)
def test_another_path_is_nobodys(server, path):
    assert ask(server, "GET", path)[0] == 404


def test_another_method_is_told_which_there_are(server):
    answer = ask(server, "PUT", "/hooks/ada", "x")
    assert (answer[0], header(answer, "allow")) == (405, ["GET, HEAD, POST"])
    answer = ask(server, "OPTIONS", "/bytes")
    assert (answer[0], header(answer, "allow")) == (405, ["GET, HEAD"])


def test_the_page_is_where_it_was_and_takes_no_bodies(server):
    assert ask(server, "GET", "/")[0] == 200
    assert ask(server, "POST", "/", "x")[0] == 413
    assert ask(server, "POST", "/nowhere", "x")[0] == 413


def test_no_plugin_takes_the_page_away():
    class Thief:
        @http("GET", "/")
        def page(self):
            return "mine"

        @http("GET", "/chat")
        def chat(self):
            return "mine"

    with serving(Thief()) as server:
        assert b"mine" not in ask(server, "GET", "/")[2]
        assert ask(server, "GET", "/chat")[0] == 426


def test_a_page_elsewhere_cannot_have_a_browser_send_something(server, site):
    evil = {"Origin": "http://evil.example"}
    assert ask(server, "POST", "/hooks/a", '{"text": "x"}', evil)[0] == 403
    assert site.asked == []
    ours = {"Origin": f"http://127.0.0.1:{server.port}"}
    assert ask(server, "POST", "/hooks/a", '{"text": "x"}', ours)[0] == 200


def test_below_a_prefix(site):
    with serving(site, settings={"plugins.web.prefix": "/talk"}) as server:
        assert ask(server, "GET", "/talk/hooks/ada")[2] == b"ada"


# --- bounds ---


def test_a_body_is_bounded_and_may_come_in_chunks_or_after_a_while(server):
    text = "x" * 900_000
    answer = ask(server, "POST", "/hooks/a", iter([b'{"text": "', text.encode(), b'"}']))
    assert (answer[0], len(json.loads(answer[2])["said"])) == (200, len(text))
    assert ask(server, "POST", "/form", "a" * (1024 * 1024 + 1))[0] == 413
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as peer:
        head = b"POST /form HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
        peer.sendall(head)
        assert peer.recv(100).startswith(b"HTTP/1.1 100 ")
        peer.sendall(b"a=1")
        assert b'{"a":"1"}' in peer.recv(10_000)


def test_who_sends_no_more_of_a_body_is_cut_off(server, monkeypatch):
    monkeypatch.setattr("greenchat_plugins.web.http.BODY_SECONDS", 0.05)
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as peer:
        peer.sendall(b"POST /form HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\na")
        assert peer.recv(10_000).startswith(b"HTTP/1.1 408 ")


def test_all_bodies_together_are_bounded(server, monkeypatch):
    monkeypatch.setattr("greenchat_plugins.web.http.BODIES_BYTES", 10)
    assert ask(server, "POST", "/form", "a=" + "1" * 20)[0] == 503
    assert ask(server, "POST", "/form", "a=1")[0] == 200  # and nothing of it is counted on


def test_so_many_at_once_and_the_chat_goes_on(server, site, monkeypatch):
    monkeypatch.setattr(routes, "ROUTES_AT_ONCE", 2)
    peers = []
    for _ in range(2):
        peer = socket.create_connection(("127.0.0.1", server.port), DEADLINE)
        peer.sendall(b"GET /waits HTTP/1.1\r\nHost: localhost\r\n\r\n")
        peers.append(peer)
    eventually(lambda: site.waiting == 2)
    answer = ask(server, "GET", "/hooks/ada")
    assert (answer[0], header(answer, "retry-after")) == (503, ["1"])
    ada, bob = server.join("ada"), server.join("bob")
    ada.send("MSG|hello")
    bob.expect("MSG|ada|hello")
    server.call(site.go_on.set)
    for peer in peers:
        assert b"done" in peer.recv(10_000)
        peer.close()
    eventually(lambda: ask(server, "GET", "/hooks/ada")[0] == 200)


def test_one_that_never_answers_is_cut_and_named(server, site, monkeypatch, caplog):
    monkeypatch.setattr(routes, "ROUTE_SECONDS", 0.05)
    answer = ask(server, "GET", "/waits")
    assert status_and_text(answer) == (504, "This takes too long. Try again later.\n")
    assert "plugin Site failed in the route GET /waits" in caplog.text
    assert ask(server, "GET", "/hooks/ada")[0] == 200


class Stubborn:
    """A route that does not let itself be ended."""

    def __init__(self):
        self.go_on = False

    @http("GET", "/")
    def nothing(self):
        """It stands where the page does."""

    @http("GET", "/stubborn")
    def stubborn(self):
        while not self.go_on:
            try:
                gevent.sleep(0.01)
            except BaseException:
                continue
        return "late"


def test_one_that_cannot_be_ended_counts_on(monkeypatch):
    monkeypatch.setattr(routes, "ROUTE_SECONDS", 0.05)
    monkeypatch.setattr(routes, "ROUTES_AT_ONCE", 1)
    plugin = Stubborn()
    with serving(plugin) as server:
        assert ask(server, "GET", "/stubborn")[0] == 504
        assert ask(server, "GET", "/stubborn")[0] == 503
        plugin.go_on = True
        eventually(lambda: ask(server, "GET", "/stubborn")[0] == 200)


# --- failures ---


def broken(answer):
    class Broken:
        @http("GET", "/broken")
        def broken(self):
            if isinstance(answer, BaseException):
                raise answer
            return answer

    return Broken()


@pytest.mark.parametrize(
    "answer",
    [
        ValueError("the secret"),
        SystemExit("the secret"),
        KeyboardInterrupt("the secret"),
        gevent.Timeout(1),
        gevent.GreenletExit("the secret"),
        7,
        {"a": object()},
        "\ud800",
        HttpResponse("a", 99),
        HttpResponse("a", 999),
        HttpResponse("a", "200"),
        HttpResponse("a", 204),
        HttpResponse("a", headers={"X": "a\r\nSet-Cookie: b"}),
        HttpResponse("a", headers={"X Y": "a"}),
        HttpResponse("a", headers={"X": 1}),
        HttpResponse("a", headers={"Content-Length": "5"}),
        HttpResponse("a", headers={"Connection": "close"}),
        HttpResponse("a", headers=7),
        HttpResponse(7),
        "x" * (routes.ANSWER_BYTES + 1),
    ],
    ids=lambda answer: type(answer).__name__,
)
def test_what_goes_wrong_is_the_plugins_and_nobody_else_reads_of_it(answer, caplog):
    with serving(broken(answer)) as server:
        status, _, body = ask(server, "GET", "/broken")
        assert (status, body) == (500, b"Something went wrong here. Whoever runs this server finds it in the log.\n")
        assert "plugin Broken failed in the route GET /broken" in caplog.text
        assert ask(server, "GET", "/")[0] == 200


def test_no_stranger_switches_a_plugin_off_or_fills_the_log(caplog):
    with serving(broken(ValueError())) as server:
        for _ in range(FAILURES + 5):
            assert ask(server, "GET", "/broken")[0] == 500
        assert server.call(lambda: server.server.plugin_lifecycle.off) == {}
        (use,) = [use for use in server.call(server.server.stats).plugins if use.plugin == "Broken"]
        assert (use.hook, use.calls, use.failures) == ("routes", FAILURES + 5, FAILURES + 5)
    assert caplog.text.count("plugin Broken failed in the route GET /broken") == FAILURES
    assert "more is not told until it does so less often" in caplog.text


def test_the_routes_of_a_plugin_that_is_off_are_gone():
    with serving(broken("fine")) as server:
        assert ask(server, "GET", "/broken")[0] == 200
        hooks = server.server.plugin_lifecycle.hooks
        server.call(lambda: [hooks.failed("Broken", "greenchat_event", ValueError()) for _ in range(FAILURES)])
        assert ask(server, "GET", "/broken")[0] == 404


# --- the hook ---


class ByHook:
    def __init__(self, *found):
        self.found = found

    @hookimpl
    def greenchat_routes(self):
        return list(self.found)


def state(server, name):
    return next(plugin.state for plugin in server.server.plugins if plugin.name == name)


def test_the_hook_itself():
    with serving(ByHook(Route("GET", "/{a}/x", lambda request: request.names["a"]))) as server:
        assert ask(server, "GET", "/b/x")[2] == b"b"


def test_of_two_plugins_the_first_has_it_and_the_other_one_is_told():
    class Other(ByHook):
        pass

    first = ByHook(Route("GET", "/{a}", lambda request: "first"))
    second = Other(Route("GET", "/{b}", lambda request: "second"), Route("GET", "/own/b", lambda request: "own"))
    with serving(first, second) as server:
        assert ask(server, "GET", "/x")[2] == b"first"
        assert ask(server, "GET", "/own/b")[2] == b"own"
        assert state(server, "Other") == "on; GET /{b}: another plugin comes first with that"


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (["GET"], "which is no Route"),
        ([Route("get", "/", print)], "a route is asked by one of"),
        ([Route("GET", "x", print)], "begins with a slash"),
        ([Route("GET", "/x", None)], "needs a function"),
        ([Route("GET", "/x", print), Route("GET", "/x", print)], "two routes GET /x"),
    ],
)
def test_what_is_no_route_is_told(found, why):
    with serving(ByHook(*found)) as server:
        assert state(server, "ByHook").startswith("off: ")
        assert why in state(server, "ByHook")


def test_without_who_speaks_http_it_is_told_that_nobody_is_answered(site, caplog):
    with serving(site, settings={"server.disabled_plugins": ["web"]}) as server:
        assert "its routes are not served, since no plugin that is on speaks HTTP: see web" in state(server, "Site")
    assert "plugin Site: its routes are not served" in caplog.text


def test_the_end_of_the_server_waits_for_none_of_them(site):
    with serving(site, settings={"server.grace_seconds": 0.05}) as server:
        peer = socket.create_connection(("127.0.0.1", server.port), DEADLINE)
        peer.sendall(b"GET /waits HTTP/1.1\r\nHost: localhost\r\n\r\n")
        eventually(lambda: site.waiting == 1)
    peer.close()
