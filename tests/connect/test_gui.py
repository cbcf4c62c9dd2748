"""`greenchat connect --gui` as a process: which page it opens in which browser, and what it says where it cannot.

The browser is a stand-in, which tells how it was started.
"""

import http.server
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading

import pytest
import trustme
from kit.machine import needs_ipv6
from kit.processes import GREENCHAT, kept_port

from greenchat.client import NoAnswerError, TurnedAwayError, UnreachableError
from greenchat.connect import Exit, Visit
from greenchat.connect.browser import open_page, require_page
from greenchat.testing import DEADLINE, serving

# Tells its arguments, process, session and streams, and stays open, as browsers do. It ends itself if a test does not.
STAND_IN = """#!{python}
import json, os, signal, sys
print("noise", flush=True)
print("noise", file=sys.stderr, flush=True)
streams = [os.readlink(f"/proc/self/fd/{{number}}") for number in range(3)]
with open({pipe!r}, "w") as pipe:
    json.dump([sys.argv[1:], os.getpid(), os.getsid(0), streams], pipe)
signal.alarm({seconds})
signal.pause()
"""


class StandIn:
    """A browser that is installed under `name`, alone on the PATH."""

    def __init__(self, directory, name):
        self.path = directory / "bin"
        self.path.mkdir()
        pipe = directory / "pipe"
        os.mkfifo(pipe)
        self._pipe = os.open(pipe, os.O_RDWR)  # for writing, too, so that neither side waits for the other to open it
        self.program = self.path / name
        self.program.write_text(STAND_IN.format(python=sys.executable, pipe=str(pipe), seconds=int(DEADLINE)))
        self.program.chmod(0o755)
        self.session = 0

    def arguments(self):
        """What it was started with; it must be out of reach of our terminal, and be still open."""
        ready, _, _ = select.select([self._pipe], [], [], DEADLINE)
        assert ready, "no browser was started"
        arguments, process, self.session, streams = json.loads(os.read(self._pipe, 65536))
        assert streams == ["/dev/null"] * 3
        assert self.session != os.getsid(0)
        os.kill(process, signal.SIGTERM)  # fails if it is not there any more
        return arguments

    def close(self):
        os.close(self._pipe)


@pytest.fixture
def install(tmp_path):
    """Install a stand-in for a browser."""
    installed = []

    def install(name):
        installed.append(StandIn(tmp_path, name))
        return installed[-1]

    yield install
    for browser in installed:
        browser.close()


@pytest.fixture(scope="module")
def server():
    with serving() as running:
        yield running


def gui(host, port, *arguments, path="/nowhere", greenchat=GREENCHAT, **environment):
    """Run it, in an environment of which nothing but this is known."""
    return subprocess.run(
        [*greenchat, "connect", "--gui", *map(str, (host, port, *arguments))],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        stdin=subprocess.DEVNULL,
        env={"PATH": str(path), "HOME": "/nowhere", "LANG": "C.UTF-8", **environment},
    )


# --- which browser ---


@pytest.mark.parametrize(
    ("name", "display"), [("chromium", "DISPLAY"), ("google-chrome", "DISPLAY"), ("brave-browser", "WAYLAND_DISPLAY")]
)
def test_chromium_and_its_like_show_the_page_as_an_app(server, install, name, display):
    browser = install(name)
    run = gui("127.0.0.1", server.port, "--name", "ada", "--room", "tea & söök", path=browser.path, **{display: ":7"})
    url = f"http://127.0.0.1:{server.port}/?name=ada&room=tea%20%26%20s%C3%B6%C3%B6k"
    assert (run.returncode, run.stdout, run.stderr) == (Exit.DELIVERED, f"{url}\n", "")
    assert browser.arguments() == [f"--app={url}"]


def test_the_default_browser_is_taken_where_there_is_none_for_apps(server, install):
    browser = install("xdg-open")
    run = gui("127.0.0.1", server.port, path=browser.path, DISPLAY=":7")
    assert (run.returncode, run.stdout, run.stderr) == (0, f"http://127.0.0.1:{server.port}/\n", "")
    assert browser.arguments() == [f"http://127.0.0.1:{server.port}/"]


@pytest.mark.parametrize("display", [{"DISPLAY": ":7"}, {}], ids=["display", "no display"])
def test_the_default_browser_may_be_a_variable_and_is_not_waited_for(server, install, display):
    browser = install("my-browser")
    run = gui("127.0.0.1", server.port, BROWSER=str(browser.program), **display)
    assert (run.returncode, run.stdout, run.stderr) == (0, f"http://127.0.0.1:{server.port}/\n", "")
    assert browser.arguments() == [f"http://127.0.0.1:{server.port}/"]


def test_modules_in_the_directory_that_one_is_in_are_nobodys_browser(server, install, tmp_path, monkeypatch):
    (tmp_path / "webbrowser.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(tmp_path)
    browser = install("my-browser")
    as_installed = [sys.executable, "-P", "-m", "greenchat"]
    gui("127.0.0.1", server.port, greenchat=as_installed, BROWSER=str(browser.program))
    assert browser.arguments() == [f"http://127.0.0.1:{server.port}/"]


@pytest.mark.parametrize(("name", "display"), [("chromium", {}), ("a-game", {"DISPLAY": ":7"})])
def test_without_a_browser_or_a_display_the_address_is_told_and_what_to_do_with_it(server, install, name, display):
    run = gui("127.0.0.1", server.port, path=install(name).path, **display)
    assert (run.returncode, run.stdout) == (Exit.DELIVERED, f"http://127.0.0.1:{server.port}/\n")
    assert run.stderr == (
        "[INFO] No browser can be opened here. Open this address in one, on any machine that can reach it.\n"
    )


def test_a_browser_that_cannot_be_started_is_none(server, install):
    browser = install("chromium")
    browser.program.write_text("#!/no/such/interpreter\n")
    run = gui("127.0.0.1", server.port, path=browser.path, DISPLAY=":7")
    assert run.returncode == 0
    assert run.stderr.startswith("[INFO] No browser can be opened here.")


# --- which page ---


def test_the_server_is_the_one_that_serve_tells_of_unless_told_otherwise(server, monkeypatch, capsys):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    assert open_page(Visit(port=server.port)) == Exit.DELIVERED
    assert capsys.readouterr().out == f"http://localhost:{server.port}/\n"


@needs_ipv6
def test_an_ipv6_address_stands_in_brackets():
    with serving(settings={"server.host": "::1"}) as server:
        run = gui("::1", server.port)
    assert (run.returncode, run.stdout) == (0, f"http://[::1]:{server.port}/\n")


def test_passwords_and_keys_are_not_for_a_command_line(server, tmp_path):
    (tmp_path / "secret").write_text("hunter2\n")
    for option in "--login", "--login-file", "--key-file", "--password-file":
        run = gui("127.0.0.1", server.port, option, *([] if option == "--login" else [tmp_path / "secret"]))
        assert (run.returncode, run.stdout) == (2, "")
        assert "With --gui, the page asks for passwords and keys. Leave --login, --login-file," in run.stderr


# --- what is no page ---


def test_nobody_listens():
    with kept_port() as port:
        run = gui("127.0.0.1", port)
    assert (run.returncode, run.stdout) == (Exit.UNREACHABLE, "")
    assert run.stderr == (
        f"[ERROR] No server listens at 127.0.0.1:{port}. Start one there with `greenchat serve`, "
        "or check host and port.\n"
    )


@pytest.mark.parametrize("off", [["web"], ["web", "signpost"]], ids=" and ".join)
def test_the_web_client_is_switched_off(off):
    with serving(settings={"server.disabled_plugins": off}) as server:
        run = gui("127.0.0.1", server.port)
    assert (run.returncode, run.stdout) == (Exit.TURNED_AWAY, "")
    assert run.stderr == (
        f"[ERROR] The web client is switched off at 127.0.0.1:{server.port}. Join there without --gui.\n"
    )


def test_something_else_serves_pages_there(tmp_path):
    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=tmp_path)

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as other:
        threading.Thread(target=other.serve_forever, args=[0.01], daemon=True).start()
        run = gui("127.0.0.1", other.server_port)
        other.shutdown()
    assert (run.returncode, run.stdout) == (Exit.UNREACHABLE, "")
    assert run.stderr == (
        f"[ERROR] What answers at 127.0.0.1:{other.server_port} is no greenchat server. Check host and port.\n"
    )


def look_at(answer, **options):
    """Look for a page where all that is said is `answer`."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(answer)
        require_page(ours, "chat.example.org", 80, "chat.example.org:80", **options)


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.7\r\n",
        b"\x00\x01\x02\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 33\r\n\r\n<title>greenchat</title> not here",
        b"HTTP/1.1 503 No\r\nContent-Type: text/html\r\nContent-Length: 8\r\n\r\n<p>Oh no",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno number\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + bytes(100_000),
    ],
    ids=["ssh", "noise", "404", "503", "not http", "endless"],
)
def test_something_else_answers(answer):
    with pytest.raises(UnreachableError, match=r"^What answers at chat\.example\.org:80 is no greenchat server\."):
        look_at(answer)


def test_somebody_who_says_too_little_is_not_waited_for():
    with pytest.raises(NoAnswerError, match=r"^chat\.example\.org:80 has not answered for 0\.1 seconds\."):
        look_at(b"", seconds=0.1)


def test_somebody_who_never_gets_to_an_end_is_not_waited_for():
    ours, theirs = socket.socketpair()
    done = threading.Event()

    def drip():
        while not done.wait(0.01):
            theirs.sendall(b"H")

    dripping = threading.Thread(target=drip)
    with ours, theirs:
        dripping.start()
        with pytest.raises(NoAnswerError):
            require_page(ours, "chat.example.org", 80, "chat.example.org:80", seconds=0.2)
        done.set()
        dripping.join(DEADLINE)


def test_a_server_that_is_not_known_by_that_name_says_what_to_do(server):
    with (
        socket.create_connection((server.host, server.port), DEADLINE) as sock,
        pytest.raises(
            TurnedAwayError, match=r"not known as chat\.example\.org\. If it is yours, .* plugins\.web\.hosts"
        ),
    ):
        require_page(sock, "chat.example.org", server.port, "chat.example.org")


def test_a_page_that_is_under_a_path_of_a_proxy():
    with serving(settings={"plugins.web.prefix": "/talk"}) as server:
        run = gui("127.0.0.1", server.port)
    assert (run.returncode, run.stdout) == (Exit.TURNED_AWAY, "")
    assert "is under another path. Open the address that its proxy has." in run.stderr


# --- TLS ---


def test_tls(tmp_path):
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    ca, cert, key = (str(tmp_path / name) for name in ("ca.pem", "cert.pem", "key.pem"))
    authority.cert_pem.write_to_path(ca)
    issued.cert_chain_pems[0].write_to_path(cert)
    issued.private_key_pem.write_to_path(key)
    with serving(settings={"tls.cert": cert, "tls.key": key, "tls.required": True}) as server:
        trusted = gui("127.0.0.1", server.port, "--tls", "--cafile", ca)
        strange = gui("127.0.0.1", server.port, "--tls")
        anybody = gui("127.0.0.1", server.port, "--tls", "--insecure")
        clear = gui("127.0.0.1", server.port)
    for run in trusted, anybody:
        assert (run.returncode, run.stdout) == (0, f"https://127.0.0.1:{server.port}/\n")
        assert "may warn of the server's certificate" in run.stderr
    assert (strange.returncode, strange.stdout) == (Exit.UNREACHABLE, "")
    assert "does not prove to be 127.0.0.1: unable to get local issuer certificate." in strange.stderr
    assert (clear.returncode, clear.stdout) == (Exit.TURNED_AWAY, "")
    assert clear.stderr == "[ERROR] This server wants TLS. Connect with: greenchat connect --tls\n"
