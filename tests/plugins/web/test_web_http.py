"""The web plugin over HTTP: files, what it refuses, who may ask, and what stands before the WebSocket."""

import gzip
import http.client
import re
import socket
import ssl
from contextlib import closing
from pathlib import Path

import pytest
import trustme
from greenchat_plugins import web
from greenchat_plugins.web import http as web_http
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kit.web_peer import ACCEPT, CLOSE, HANDSHAKE, TEXT, WebPeer, frame

from greenchat.errors import ConfigError
from greenchat.testing import DEADLINE, serving

STATIC = Path(web.__file__).parent / "static"

SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
NOTHING_FOREIGN = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}


@pytest.fixture(scope="module")
def server():
    with serving(web) as running:
        yield running


def get(server, path="/", method="GET", **headers):
    """The answer, and its body as it was sent."""
    with closing(http.client.HTTPConnection(server.host, server.port, timeout=DEADLINE)) as connection:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer, answer.read()


def talk(server, data: bytes) -> bytes:
    """All that the server says to `data`, until it closes."""
    with socket.create_connection((server.host, server.port), DEADLINE) as sock:
        sock.sendall(data)
        return b"".join(iter(lambda: sock.recv(1 << 16), b""))


# --- files -----------------------------------------------------------------------------------------------------------


def test_the_page(server):
    answer, body = get(server)
    assert answer.status == 200
    assert answer.getheader("Content-Type") == "text/html; charset=utf-8"
    assert answer.getheader("Cache-Control") == "no-cache"
    assert body == (STATIC / "index.html").read_bytes()
    assert len(body) == int(answer.getheader("Content-Length"))
    assert get(server, "/?room=dev&name=ada")[1] == get(server, "/index.html")[1] == body


@pytest.mark.parametrize(
    "file", sorted(path for path in STATIC.rglob("*") if path.is_file()), ids=lambda path: path.name
)
def test_every_file_of_the_page_is_served_with_its_type(server, file):
    kinds = {
        ".html": "text/html; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".css": "text/css; charset=utf-8",
        ".svg": "image/svg+xml",
        ".png": "image/png",
        ".ico": "image/x-icon",
        ".webmanifest": "application/manifest+json",
    }
    answer, body = get(server, f"/{file.relative_to(STATIC)}")
    assert answer.status == 200
    lines = file.read_bytes().splitlines()
    if file.suffix in (".css", ".js"):  # without what only readers of the source need; in the same lines
        assert all(line.strip().startswith(sent) for sent, line in zip(body.splitlines(), lines, strict=True))
        assert b"\n//" not in body
        assert b"/*" not in body
    else:
        assert body.splitlines() == lines
    assert answer.getheader("Content-Type") == kinds[file.suffix]


def test_a_head_is_a_get_without_its_body(server):
    whole, body = get(server)
    head, nothing = get(server, method="HEAD")
    assert (head.status, nothing) == (200, b"")
    without_date = [[item for item in answer.getheaders() if item[0] != "Date"] for answer in (whole, head)]
    assert without_date[0] == without_date[1]
    assert int(head.getheader("Content-Length")) == len(body)
    assert talk(server, b"HEAD /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").endswith(b"\r\n\r\n")


@pytest.mark.parametrize("accepted", ["gzip", "deflate, gzip, br", "gzip;q=0.1", "*", "x-gzip", "GZIP"])
def test_compressed_where_that_is_taken(server, accepted):
    plain, body = get(server)
    packed, data = get(server, Accept_Encoding=accepted)
    assert packed.getheader("Content-Encoding") == "gzip"
    assert gzip.decompress(data) == body
    assert len(data) < len(body)
    assert packed.getheader("ETag") != plain.getheader("ETag"), "other bytes, another strong tag"
    assert packed.getheader("Vary") == plain.getheader("Vary") == "Accept-Encoding"


@pytest.mark.parametrize("accepted", ["", "identity", "br", "gzip;q=0", "gzip; q=0.0, *", "*;q=0", "gzip;q=x"])
def test_not_compressed_where_that_is_not_taken(server, accepted):
    answer, body = get(server, Accept_Encoding=accepted)
    assert answer.getheader("Content-Encoding") is None
    assert body == (STATIC / "index.html").read_bytes()


@pytest.mark.parametrize("accepted", ["identity", "gzip"])
def test_what_a_browser_has_already_is_not_sent_again(server, accepted):
    first, _ = get(server, Accept_Encoding=accepted)
    tag = first.getheader("ETag")
    assert tag.startswith('"'), "a strong one"
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again, body = get(server, Accept_Encoding=accepted, If_None_Match=known)
        assert (again.status, body) == (304, b"")
        assert again.getheader("ETag") == tag
        assert again.getheader("Cache-Control") == "no-cache"
        assert again.getheader("Content-Type") is None
    assert get(server, Accept_Encoding=accepted, If_None_Match='"other"')[0].status == 200
    assert get(server, method="HEAD", Accept_Encoding=accepted, If_None_Match=tag)[0].status == 304


def test_escapes_in_a_path_are_understood(server):
    assert get(server, "/%69ndex.html")[0].status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/../__init__.py",
        "/..%2f__init__.py",
        "/%2e%2e/http.py",
        "//etc/passwd",
        "/index.html/",
        "/static/",
        "/%ff",
    ],
)
def test_nothing_else_can_be_had(server, path):
    answer, body = get(server, path)
    assert (answer.status, body) == (404, b"There is no such page here.\n")


# --- methods, and what is no good HTTP -------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
@pytest.mark.parametrize("path", ["/", "/chat", "/nowhere"])
def test_other_methods_are_told_which_there_are(server, method, path):
    answer, body = get(server, path, method)
    assert (answer.status, answer.getheader("Allow")) == (405, "GET, HEAD")
    assert method.encode() in body


def test_a_connect_is_no_proxy_s(server):
    request = b"CONNECT example.org:443 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert talk(server, request).startswith(b"HTTP/1.1 405 ")


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n\r\n",  # without a Host
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: user@localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nno header\r\n\r\n",
        b"GET / HTTP/1.1\r\n Host: localhost\r\n\r\n",
        b"GET / HTTP/9.9 and more\r\nHost: localhost\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET \x80\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_what_is_no_good_http_is_told_so(server, head):
    head = head.removesuffix(b"\r\n") + b"Connection: close\r\n\r\n"
    answer = talk(server, head)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"Traceback" not in answer
    assert b"\r\nContent-Security-Policy: " in answer


@pytest.mark.parametrize("header", ["Content-Length: 2000000", "Transfer-Encoding: chunked"])
def test_bodies_are_not_taken_and_do_not_cost_the_answer(server, header):
    answer = talk(server, f"POST / HTTP/1.1\r\nHost: localhost\r\n{header}\r\n\r\n".encode() + bytes(2_000_000))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert answer.endswith(b"Nothing can be sent here.\n")


def test_heads_have_a_limit(server):
    head = b"GET / HTTP/1.1\r\nHost: localhost\r\nCookie: %s\r\n\r\n"
    assert talk(server, head % (b"x" * 15_000) + b"GET bye\r\n\r\n").startswith(b"HTTP/1.1 200 ")
    assert talk(server, head % (b"x" * 20_000)).startswith(b"HTTP/1.1 431 ")
    assert talk(server, b"GET /" + b"x" * 100_000).startswith(b"HTTP/1.1 431 ")


def test_a_head_has_to_come_in_time(server, monkeypatch):
    monkeypatch.setattr(web_http, "HEAD_SECONDS", 0.1)
    answer = talk(server, b"GET / HTTP/1.1\r\nHost: local")
    assert answer.startswith(b"HTTP/1.1 408 ")


HEADERS = {"Host": "localhost", **HANDSHAKE, "Origin": "http://localhost", "X-Forwarded-For": "203.0.113.5, ::1"}
HEADERS |= {"Sec-WebSocket-Protocol": "greenchat.json.v1", "If-None-Match": 'W/"x"', "Accept-Encoding": "*;q=1"}
HEAD = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
PIECES = st.binary(max_size=4) | st.sampled_from(
    [b"\r\n", b"\n", b":", b"http://", b"[", b"]", b"%00", b"xn--a.", b"HTTP/1.0"]
)
DAMAGE = st.lists(st.tuples(st.integers(0, len(HEAD)), st.integers(0, 8), PIECES), min_size=1, max_size=4)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from([b"/chat", b"/", b"/index.html", b"//", b"*", b"http://localhost/chat"]), damage=DAMAGE)
def test_whatever_is_asked_is_answered(server, caplog, path, damage):
    head = HEAD.encode()
    for place, length, piece in damage:
        head = head[:place] + piece + head[place + length :]
    data = b"GET " + path + b" HTTP/1.1\r\n" + head + b"\r\n" + frame(CLOSE)
    with socket.create_connection((server.host, server.port), DEADLINE) as sock:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: sock.recv(1 << 16), b""))
    assert re.match(rb"HTTP/1\.1 (101|200|304|400|403|404|405|413|421|426|431|501) ", answer)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_security_is_on_every_answer(server):
    answers = [
        get(server)[0],
        get(server, If_None_Match="*")[0],
        get(server, "/nowhere")[0],
        get(server, method="POST")[0],
        get(server, "/chat")[0],
        get(server, Host="evil.example")[0],
    ]
    assert [answer.status for answer in answers] == [200, 304, 404, 405, 426, 421]
    for answer in answers:
        assert {name: answer.getheader(name) for name in SECURITY} == SECURITY
        policy = dict(part.strip().split(" ", 1) for part in answer.getheader("Content-Security-Policy").split(";"))
        assert policy == NOTHING_FOREIGN


# --- connections -----------------------------------------------------------------------------------------------------


def test_one_connection_for_many_requests(server):
    with closing(http.client.HTTPConnection(server.host, server.port, timeout=DEADLINE)) as connection:
        connection.connect()
        sock = connection.sock
        for path in ("/", "/nowhere", "/index.html"):
            connection.request("GET", path)
            connection.getresponse().read()
            assert connection.sock is sock


def test_requests_that_come_all_at_once_are_answered_in_order(server):
    paths = [b"/", b"/nowhere", b"/index.html", b"/chat"]
    data = b"".join(b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path for path in paths)
    data += b"HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    answers = talk(server, data)
    body = (STATIC / "index.html").read_bytes()
    assert [part[:4] for part in answers.split(b"HTTP/1.1 ")[1:]] == [b"200 ", b"404 ", b"200 ", b"426 ", b"200 "]
    assert answers.count(body) == 2


def test_a_connection_has_so_many_requests_and_then_ends(server):
    request = b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    answers = talk(server, request * (web_http.REQUESTS + 1))
    assert answers.count(b"HTTP/1.1 200 ") == web_http.REQUESTS
    assert answers.count(b"Connection: close") == 1


def test_http_1_0(server):
    answer = talk(server, b"GET / HTTP/1.0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith((STATIC / "index.html").read_bytes())


def test_an_idle_connection_is_closed_after_a_while(server, monkeypatch):
    monkeypatch.setattr(web_http, "KEEP_SECONDS", 0.05)
    assert talk(server, b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n").startswith(b"HTTP/1.1 200 ")


def test_a_stop_does_not_wait_for_idle_browsers(monkeypatch):
    monkeypatch.setattr(web_http, "KEEP_SECONDS", 60.0)
    with serving(web, settings={"server.grace_seconds": 60.0}) as server:
        connection = http.client.HTTPConnection(server.host, server.port, timeout=DEADLINE)
        connection.request("GET", "/")
        connection.getresponse().read()
        server.stop()
        with closing(connection):
            assert connection.sock.recv(1) == b""


def test_who_is_turned_away_is_told_in_http():
    with serving(web, settings={"limits.connections": 1}) as server:
        server.join("ada")
        answer, body = get(server)
        assert answer.status == 503
        assert body == b"The server is full. Try again later.\n"


def test_other_protocols_are_served_beside_it(server):
    assert b"no SSH" in talk(server, b"SSH-2.0-OpenSSH_9.9\r\n")
    peer = server.join("plain")
    peer.send("MSG|GET / HTTP/1.1", "MSG|/ping")
    peer.read_until("INFO|Pong.")


# --- who may ask -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "localhost:9999", "LOCALHOST", "localhost.", "chat.localhost", "127.0.0.1", "192.168.1.5:9999",
        "[::1]", "[fe80::1]:9999", "myhost", "myhost.local:9999", "nas.lan", "chat.internal", "pi.home.arpa",
        socket.gethostname(),
    ],
)  # fmt: skip
def test_names_that_can_only_be_meant_are_known(server, host):
    assert get(server, Host=host)[0].status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:9999", "localhost.evil.example", "127.0.0.1.evil.example"]
)
@pytest.mark.parametrize("path", ["/", "/chat", "/nowhere"])
def test_names_that_somebody_may_have_pointed_here_are_not(server, host, path):
    answer, body = get(server, path, Host=host, **HANDSHAKE)
    assert answer.status == 421
    name = host.partition(":")[0]
    text = f"This server is not known as {name}. If it is yours, add that name to the setting plugins.web.hosts.\n"
    assert body.decode() == text


def test_an_address_in_the_request_counts_instead_of_the_host(server):
    request = b"GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert talk(server, request).startswith(b"HTTP/1.1 421 ")
    assert talk(server, request.replace(b"evil.example", b"localhost")).startswith(b"HTTP/1.1 200 ")


def test_hosts_that_are_configured():
    with serving(web, settings={"plugins.web.hosts": ["chat.example.org", "*.example.net"]}) as server:
        assert get(server, Host="chat.example.org:80")[0].status == 200
        assert get(server, Host="Any.Example.Net")[0].status == 200
        assert get(server, Host="example.org")[0].status == 421


def test_over_tls_any_name_is_known_that_has_a_certificate(tmp_path):
    authority = trustme.CA()
    certificate = authority.issue_cert("chat.example.org")
    pem = tmp_path / "chat.pem"
    certificate.private_key_and_cert_chain_pem.write_to_path(pem)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with serving(web, settings={"tls.cert": str(pem)}) as server:
        with socket.create_connection((server.host, server.port), DEADLINE) as sock:
            tls = context.wrap_socket(sock, server_hostname="chat.example.org")
            tls.sendall(b"GET / HTTP/1.1\r\nHost: chat.example.org\r\nConnection: close\r\n\r\n")
            assert b"".join(iter(lambda: tls.recv(1 << 16), b"")).startswith(b"HTTP/1.1 200 ")
            tls.close()
        sock = socket.create_connection((server.host, server.port), DEADLINE)
        with WebPeer(context.wrap_socket(sock, server_hostname="chat.example.org"), Host="chat.example.org") as ada:
            ada.join("ada")
            bob = server.join("bob")
            assert ada.hear()["name"] == "bob"
            ada.say(type="say", text="x" * 4000)
            bob.expect(f"MSG|ada|{'x' * 4000}")
            ada.say(type="leave")
            ada.expect_close(1000, "left")


def test_where_tls_is_required_a_browser_is_told_so(tmp_path):
    pem = tmp_path / "chat.pem"
    trustme.CA().issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(pem)
    with serving(web, settings={"tls.cert": str(pem), "tls.required": True}) as server:
        answer, body = get(server)
        assert answer.status == 503
        assert body == b"This server wants TLS. Open it with https://.\n"


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://localhost:9999", "localhost:9999"),
        ("http://localhost", "localhost"),
        ("http://localhost", "localhost:80"),
        ("https://localhost", "localhost"),  # behind a proxy that speaks TLS
        ("https://localhost:443", "localhost"),
        ("HTTP://LOCALHOST:9999", "localhost:9999"),
        ("http://[::1]:9999", "[::1]:9999"),
        ("", "localhost:9999"),  # no browser
    ],
)
def test_our_own_page_may_connect(server, origin, host):
    with WebPeer(server, Origin=origin, Host=host) as peer:
        assert peer.status == 101


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example", "http://evil.example:9999", "http://localhost:8080", "http://localhost",
        "http://localhost:9999.evil.example", "null", "file://", "chrome-extension://abc", "http://localhost:9999@evil",
        "http://127.0.0.1:9999", "nonsense", "http://[::1", "http://",
    ],
)  # fmt: skip
def test_other_pages_may_not(server, origin):
    with WebPeer(server, Origin=origin, Host="localhost:9999") as peer:
        assert peer.status == 403
        assert b"plugins.web.origins" in peer.body


def test_origins_that_are_configured():
    origins = ["https://chat.example.org", "null"]
    with serving(web, settings={"plugins.web.origins": origins}) as server:
        for origin in ("https://chat.example.org", "HTTPS://Chat.Example.Org", "null"):
            with WebPeer(server, Origin=origin) as peer:
                assert peer.status == 101
        with WebPeer(server, Origin="http://chat.example.org") as peer:
            assert peer.status == 403
    with serving(web, settings={"plugins.web.origins": ["*"]}) as server, WebPeer(server, Origin="http://a.b") as peer:
        assert peer.status == 101


# --- the handshake ---------------------------------------------------------------------------------------------------


def test_the_handshake(server):
    with WebPeer(server, Sec_WebSocket_Extensions="permessage-deflate; client_max_window_bits") as peer:
        assert peer.status == 101
        assert peer.headers["Upgrade"].lower() == "websocket"
        assert peer.headers["Connection"].lower() == "upgrade"
        assert peer.headers["Sec-WebSocket-Accept"] == ACCEPT
        assert "Sec-WebSocket-Protocol" not in peer.headers
        assert "Sec-WebSocket-Extensions" not in peer.headers


def test_the_subprotocol_is_chosen_where_it_is_offered(server):
    with WebPeer(server, Sec_WebSocket_Protocol="other, greenchat.json.v1") as peer:
        assert peer.status == 101
        assert peer.headers["Sec-WebSocket-Protocol"] == "greenchat.json.v1"


def test_who_speaks_only_others_is_refused(server):
    with WebPeer(server, Sec_WebSocket_Protocol="other, greenchat.json.v2") as peer:
        assert peer.status == 400
        assert b"greenchat.json.v1" in peer.body


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"Upgrade": ""}, 426),
        ({"Upgrade": "h2c"}, 426),
        ({"Connection": "keep-alive"}, 400),
        ({"Sec_WebSocket_Version": ""}, 400),
        ({"Sec_WebSocket_Version": "8"}, 426),
        ({"Sec_WebSocket_Key": ""}, 400),
        ({"Sec_WebSocket_Key": "dG9vIHNob3J0"}, 400),
        ({"Sec_WebSocket_Key": "no base64 at all!!!!!!!!"}, 400),
    ],
)
def test_what_is_no_handshake(server, changed, status):
    with WebPeer(server, **changed) as peer:
        assert peer.status == status
        if "Sec_WebSocket_Version" in changed and status == 426:
            assert peer.headers["Sec-WebSocket-Version"] == "13"


def test_other_upgrades_are_ignored(server):
    answer, body = get(server, Connection="Upgrade, HTTP2-Settings", Upgrade="h2c", HTTP2_Settings="AAMAAABk")
    assert answer.status == 200
    assert body == (STATIC / "index.html").read_bytes()


# --- where it is served ----------------------------------------------------------------------------------------------


def connect_to(address: str) -> socket.socket:
    if address.startswith("unix:"):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(DEADLINE)
        sock.connect(address.removeprefix("unix:"))
        return sock
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), DEADLINE)


def own_addresses(server) -> list[str]:
    plugin = next(plugin for plugin in server.server.plugins if plugin.name == "web")
    return plugin.bearer.addresses


def test_addresses_of_its_own(tmp_path):
    settings = {"plugins.web.listen": ["127.0.0.1:0", f"unix:{tmp_path}/web"], "plugins.web.chat_port": False}
    with serving(web, settings=settings) as server:
        assert b"This is a greenchat chat server. It does not speak HTTP." in talk(server, b"GET / HTTP/1.1\r\n\r\n")
        for name, address in zip(("ada", "bob"), own_addresses(server), strict=True):
            with connect_to(address) as sock:
                sock.sendall(b"JOIN|carl\n\n")
                assert sock.recv(100).startswith(b"HTTP/1.1 400 "), "the chat itself is not there"
            with connect_to(address) as sock:
                sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert sock.recv(100).startswith(b"HTTP/1.1 200 ")
            with WebPeer(connect_to(address)) as peer:
                peer.join(name)
    assert not (tmp_path / "web").exists()


def test_on_the_chat_s_port_as_well(tmp_path):
    with serving(web, settings={"plugins.web.listen": ["127.0.0.1:0"]}) as server:
        assert get(server)[0].status == 200
        with connect_to(own_addresses(server)[0]) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert sock.recv(100).startswith(b"HTTP/1.1 200 ")


def test_nowhere():
    with serving(web, settings={"plugins.web.chat_port": False}) as server:
        assert get(server)[0].status == 400
        plugin = next(plugin for plugin in server.server.plugins if plugin.name == "web")
        assert plugin.state == "on; has nothing to do with these settings"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"plugins.web.listen": ["nonsense"]}, r"plugins\.web\.listen: nonsense is no address\. Write HOST:PORT"),
        ({"plugins.web.trusted_proxies": ["proxy"]}, r"plugins\.web\.trusted_proxies: 'proxy' .* Write addresses"),
        ({"plugins.web.prefix": "talk"}, r"plugins\.web\.prefix"),
    ],
)
def test_wrong_settings_are_named(settings, says):
    with pytest.raises(ConfigError, match=says), serving(web, settings=settings):
        pass


@pytest.mark.parametrize("prefix", ["/talk", "/talk/", "/a/b"])
def test_a_path_below_which_it_is(prefix):
    place = prefix.rstrip("/")
    with serving(web, settings={"plugins.web.prefix": prefix}) as server:
        assert get(server, f"{place}/")[1] == (STATIC / "index.html").read_bytes()
        assert get(server, f"{place}/index.html")[0].status == 200
        answer, _ = get(server, place)
        assert (answer.status, answer.getheader("Location")) == (308, f"{place}/")
        for path in ("/", "/index.html", "/chat", f"{place}x/"):
            assert get(server, path)[0].status == 404
        with WebPeer(server, f"{place}/chat") as peer:
            peer.join("ada")


# --- behind a proxy --------------------------------------------------------------------------------------------------


def addresses_of_sessions(server) -> list[str]:
    return server.call(lambda: [session.address for session in server.server.sessions.values()])


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("203.0.113.5", "203.0.113.5:0"),
        ("198.51.100.1, 203.0.113.5", "203.0.113.5:0"),  # the first one can be made up
        ("203.0.113.5, 10.1.2.3", "203.0.113.5:0"),  # two proxies in a row
        ("203.0.113.5:4711", "203.0.113.5:0"),
        ("2001:db8::5", "[2001:db8::5]:0"),
        ('"[2001:db8::5]:4711"', "[2001:db8::5]:0"),
        ("::ffff:203.0.113.5", "203.0.113.5:0"),
    ],
)
def test_a_trusted_proxy_tells_whose_a_session_is(forwarded, address):
    with serving(web, settings={"plugins.web.trusted_proxies": ["127.0.0.1", "10.0.0.0/8"]}) as server:
        with WebPeer(server, X_Forwarded_For=forwarded) as peer:
            peer.join("ada")
            assert addresses_of_sessions(server) == [address]
            peer.say(type="status", ref=1)
            assert peer.hear()["code"] == "not_allowed", "it is not on the server's own machine"
        with WebPeer(server) as peer:
            peer.join("bob")
            assert addresses_of_sessions(server)[-1].startswith("127.0.0.1:"), "it is the proxy itself"


@pytest.mark.parametrize("forwarded", ["unknown", "203.0.113.5, nonsense", ""])
def test_what_a_proxy_tells_must_make_sense(forwarded):
    with (
        serving(web, settings={"plugins.web.trusted_proxies": ["127.0.0.1"]}) as server,
        WebPeer(server, X_Forwarded_For=forwarded) as peer,
    ):
        peer.join("ada")
        assert addresses_of_sessions(server)[0].startswith("127.0.0.1:")


def test_others_are_not_believed(server):
    with WebPeer(server, X_Forwarded_For="203.0.113.5") as peer:
        peer.join("eve")
        assert not any(address.startswith("203") for address in addresses_of_sessions(server))
    assert get(server, Host="evil.example", X_Forwarded_Proto="https")[0].status == 421


def test_a_proxy_that_was_asked_over_tls_has_seen_to_the_name():
    with serving(web, settings={"plugins.web.trusted_proxies": ["127.0.0.1"]}) as server:
        assert get(server, Host="chat.example.org", X_Forwarded_Proto="https")[0].status == 200
        assert get(server, Host="chat.example.org", X_Forwarded_Proto="http")[0].status == 421


def test_clients_of_a_proxy_count_by_themselves():
    settings = {"plugins.web.trusted_proxies": ["127.0.0.1"], "limits.connections_per_address": 2}
    with serving(web, settings=settings) as server:
        peers = [WebPeer(server, X_Forwarded_For=f"203.0.113.{number}") for number in (1, 2, 3, 1)]
        assert [peer.status for peer in peers] == [101] * 4
        with WebPeer(server, X_Forwarded_For="203.0.113.1") as refused:
            assert refused.status == 503
            assert refused.body == b"There are too many connections from 203.0.113.1. Close one, and try again.\n"
        peers[0].send_bytes(frame(CLOSE))
        peers[0].expect_close(None)
        with WebPeer(server, X_Forwarded_For="203.0.113.4", first=frame(TEXT, b'{"type":"ping"}')) as another:
            assert another.hear() == {"type": "pong"}
        for peer in peers:
            peer.close()


def test_a_proxy_may_come_by_a_unix_socket(tmp_path):
    settings = {"plugins.web.trusted_proxies": ["unix"], "plugins.web.listen": [f"unix:{tmp_path}/web"]}
    with (
        serving(web, settings=settings) as server,
        WebPeer(connect_to(f"unix:{tmp_path}/web"), X_Forwarded_For="203.0.113.5") as peer,
    ):
        peer.join("ada")
        assert addresses_of_sessions(server) == ["203.0.113.5:0"]
