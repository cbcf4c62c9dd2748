"""What plugins ask of other servers: beside the event loop, bounded, and with nothing told of what is secret."""

import gzip
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import gevent
import pytest
from kit.processes import kept_port

from greenchat import Context, HttpError, PluginError

SLOW = threading.Event()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/moved":
            return self.answer(302, b"", location="/")
        if self.path == "/round":
            return self.answer(302, b"", location="/round")
        if self.path == "/large":
            return self.answer(200, b"x" * 100_000)
        if self.path == "/bomb":
            return self.answer(200, gzip.compress(b"x" * 50_000_000), content_encoding="gzip")
        if self.path.startswith("/slow"):
            SLOW.wait(10)
        if self.path == "/missing":
            return self.answer(404, b"nothing")
        return self.answer(200, json.dumps({"path": self.path, "agent": self.headers["user-agent"]}).encode())

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.answer(201, body, content_type=self.headers["content-type"] or "", x_token=self.headers["x-token"] or "")

    def answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def url():
    SLOW.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        SLOW.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def http(around):
    ctx = Context("tester", None, around, frozenset({"http"}))
    yield ctx.http
    ctx.end()


def test_get(http, url):
    answer = http.get(f"{url}/weather?town=berlin")
    assert (answer.status, answer.ok) == (200, True)
    assert answer.json()["path"] == "/weather?town=berlin"
    assert answer.json()["agent"].startswith("greenchat/")
    assert http.get(f"{url}/moved").json()["path"] == "/"


def test_post(http, url):
    answer = http.post(url, json={"a": ["ü"]}, headers={"X-Token": "secret"})
    assert (answer.status, answer.json(), answer.headers["content-type"]) == (201, {"a": ["ü"]}, "application/json")
    assert answer.headers["x-token"] == "secret"
    assert http.post(url, data="text").text == "text"


def test_a_status_is_no_error(http, url):
    answer = http.get(f"{url}/missing")
    assert (answer.status, answer.ok, answer.text) == (404, False, "nothing")
    with pytest.raises(HttpError, match="no JSON"):
        answer.json()


@pytest.mark.parametrize("path", ["/large", "/bomb"])
def test_what_is_too_much(http, url, path):
    with pytest.raises(HttpError, match="more than 10000 bytes"):
        http.get(url + path, most_bytes=10_000)


def test_what_takes_too_long_holds_up_nobody_else(http, url):
    meanwhile = []
    gevent.spawn(meanwhile.append, 1)
    with pytest.raises(HttpError, match=r"127\.0\.0\.1 has not answered: read timeout error"):
        http.get(f"{url}/slow?token=secret", timeout=0.1)
    assert meanwhile == [1]


def test_what_fails_tells_no_secret(http, url):
    with kept_port() as port, pytest.raises(HttpError) as error:
        http.get(f"http://user:password@127.0.0.1:{port}/token/secret")
    assert "127.0.0.1 has not answered" in str(error.value)
    assert "secret" not in str(error.value)
    assert "password" not in str(error.value)
    with pytest.raises(HttpError, match="response error"):
        http.get(f"{url}/round")


@pytest.mark.parametrize("url", ["", "ftp://example.org/", "file:///etc/passwd", "http://", "no url at all"])
def test_what_is_no_url(http, url):
    with pytest.raises(HttpError, match="URL"):
        http.get(url)


def test_it_needs_a_right(ctx):
    with pytest.raises(PluginError, match='may = \\["http"\\]'):
        ctx.http.get("http://127.0.0.1/")


def test_nothing_is_imported_for_who_asks_nobody():
    code = "import sys, greenchat.hooks.context; sys.exit('urllib3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
