"""`greenchat connect --gui`: the server's page in a browser, in a window of its own where Chromium or its like is.

The page is asked for first, because a browser would not say what is wrong in words that help here. It ends with the
codes of `greenchat connect`: DELIVERED once there is a page, whether a browser could be started here or not.
"""

import io
import os
import shutil
import socket
import subprocess
import sys
import time
import webbrowser
from http.client import BadStatusLine, HTTPConnection, HTTPException, HTTPResponse
from typing import TYPE_CHECKING, cast
from urllib.parse import quote, urlencode

import click

from greenchat.client import ClientError, NoAnswerError, TurnedAwayError, UnreachableError
from greenchat.client.client import CONNECT_SECONDS
from greenchat.client.connection import open_socket
from greenchat.codecs.advice import BY_CLIENT
from greenchat.connect.common import DEFAULT_PORT, error_line, exit_code, info_line
from greenchat.connect.options import Exit, Visit
from greenchat.errors import Advice
from greenchat.protocol.address import UNIX
from greenchat.protocol.text import printable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# As `greenchat serve` tells it: what a page remembers, it remembers for the name under which it was opened.
DEFAULT_HOST = "localhost"

# How long the page may take to come, in seconds: the server has it in memory, and somebody waits.
PAGE_SECONDS = 10.0

# How much of what answers is read, in bytes: several times the first file of the page.
PAGE_BYTES = 64 * 1024

# What is read of a refusal, in characters: the longest that the server has to say to a browser.
REFUSAL_LENGTH = 200

# How one knows the page; and who else answers: the plugin signpost where nobody serves the page, the server itself
# where that one is off, too, and the web client where it is under a path that a proxy knows.
TITLE = b"<title>greenchat</title>"
GENERATOR = b'<meta name="generator" content="greenchat">'  # where the operator has given it a title of their own
SIGNPOST = b"This is a greenchat chat server."
NO_HTTP = b"This is a chat server, and no request that it knows."
FRAME = "ERROR|"
WANTS_TLS = b"This server wants TLS."
NOT_HERE = b"There is no such page here."

# The server lets nobody in at the moment, or not under that name: it says itself what is to be done.
REFUSALS = (421, 503)

# Browsers that can show a page as a window of its own: programs, and what macOS calls applications.
APP_BROWSERS = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge", "brave-browser"),
    *(
        f"{place}/{name}.app/Contents/MacOS/{name}"
        for name in ("Chromium", "Google Chrome", "Microsoft Edge", "Brave Browser")
        for place in ("/Applications", os.path.expanduser("~/Applications"))
    ),
)

NO_BROWSER = "No browser can be opened here. Open this address in one, on any machine that can reach it."
DOUBT = "A browser decides for itself whom it trusts, and may warn of the server's certificate."


def open_page(visit: Visit) -> Exit:
    """Print the page's address, and open it with the name and the room of `visit`; returns the exit code.

    Raises `click.UsageError` where the visit has secrets: all on this machine can read what a browser is started with.
    """
    if visit.asks_login or visit.login or visit.key or visit.password or visit.stay:
        raise click.UsageError(
            "With --gui, the page asks for passwords and keys. "
            "Leave --login, --login-file, --stay, --key-file and --password-file out."
        )
    if visit.host is not None and visit.host.startswith(UNIX):
        raise click.UsageError("A browser cannot open a Unix socket. With --gui, name a host, or leave --gui out.")
    host, port = visit.host or DEFAULT_HOST, visit.port or DEFAULT_PORT
    try:
        sock, where = open_socket(host, port, CONNECT_SECONDS, visit.encryption)
        with sock:
            require_page(sock, host, port, where)
    except ClientError as error:
        click.echo(error_line(str(error)), err=True)
        return exit_code(error)
    fields = {key: value for key, value in (("name", visit.name), ("room", visit.room)) if value}
    url = f"{'https' if visit.encryption else 'http'}://{where}/"
    if fields:
        url += f"?{urlencode(fields, quote_via=quote)}"
    click.echo(url)
    if not _start(_command(url)):
        click.echo(info_line(NO_BROWSER), err=True)
    if visit.encryption and (visit.encryption.cafile or visit.encryption.insecure):
        click.echo(info_line(DOUBT), err=True)
    return Exit.DELIVERED


def require_page(sock: socket.socket, host: str, port: int, where: str, seconds: float = PAGE_SECONDS) -> None:
    """Raises a `ClientError` unless the page comes over `sock` within `seconds`. `where` is host and port as shown."""
    stranger = UnreachableError(f"What answers at {where} is no greenchat server. Check host and port.")
    off = TurnedAwayError(f"The web client is switched off at {where}. Join there without --gui.")
    request = HTTPConnection(host, port)
    request.sock = sock
    try:
        request.request("GET", "/", headers={"Connection": "close"})
        answer = HTTPResponse(cast(socket.socket, _Timed(sock, seconds)))
        answer.begin()
        body = answer.read(PAGE_BYTES)
    except TimeoutError:
        raise NoAnswerError(f"{where} has not answered for {seconds:g} seconds. Try again later.") from None
    except BadStatusLine as error:
        raise (off if str(error).startswith(FRAME) else stranger) from None
    except (HTTPException, OSError):
        raise stranger from None
    if answer.status == 200 and (TITLE in body or GENERATOR in body):
        return
    if body.startswith((SIGNPOST, NO_HTTP)):
        raise off
    if body.startswith(NOT_HERE):
        raise TurnedAwayError(f"The web client at {where} is under another path. Open the address that its proxy has.")
    if body.startswith(WANTS_TLS):
        raise TurnedAwayError(f"{WANTS_TLS.decode()} {BY_CLIENT[Advice.TLS]}")
    if answer.status in REFUSALS and answer.getheader("Content-Type", "").startswith("text/plain"):
        raise TurnedAwayError(printable(body.decode(errors="replace").strip(), REFUSAL_LENGTH))
    raise stranger


class _Timed(io.RawIOBase):
    """What comes over a socket within `seconds` in all, where `HTTPResponse` expects the socket itself."""

    def __init__(self, sock: socket.socket, seconds: float) -> None:
        self._socket = sock
        self._deadline = time.monotonic() + seconds

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
        return self._socket.recv_into(buffer)


def _command(url: str) -> list[str]:
    """What opens `url` in a window of its own, or else in the default browser; empty where nobody could see either."""
    if sys.platform == "darwin":
        display = "SSH_CONNECTION" not in os.environ
    else:
        display = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    if display:
        for browser in filter(None, map(shutil.which, APP_BROWSERS)):
            return [browser, f"--app={url}"]
    elif not os.environ.get("BROWSER"):  # which some terminals set to what opens a page on the other side of an ssh
        return []
    try:
        webbrowser.get()
    except webbrowser.Error:
        return []
    # As a process of its own, since some browsers are waited for; -I: whatever modules lie in this directory.
    return [sys.executable, "-I", "-m", "webbrowser", url]


def _start(command: list[str]) -> bool:
    """Have `command` run on without us and our terminal, and in silence; False where that cannot be."""
    if not command:
        return False
    silence = subprocess.DEVNULL
    try:
        subprocess.Popen(command, stdin=silence, stdout=silence, stderr=silence, start_new_session=True)
    except OSError:
        return False
    return True
