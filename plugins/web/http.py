"""HTTP/1.1 on one connection: requests in, answers out, within deadlines. h11 does the parsing.

Requests and answers are small here, so each is a struct. A body is read where somebody wants it, else refused.
"""

import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from email.utils import formatdate
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import h11
from msgspec import Struct

from greenchat import STREAM_SECONDS, Parts, Reject

# The longest request line with all its headers, in bytes: what other servers take, and cookies of other sites on the
# same host may need.
HEAD_BYTES = 16 * 1024

# How long a request's head may take, in seconds, once it has begun: some round trips of a bad line, and no slow attack.
HEAD_SECONDS = 10.0

# How long a connection is kept for the next request, in seconds. A page is loaded within one, on half a dozen
# connections; each counts for the limits of its address, where a whole classroom may be.
KEEP_SECONDS = 2.0

# The longest body, in bytes: what who calls a hook sends, with a picture or two; and how long it may take, in seconds.
BODY_BYTES = 1024 * 1024
BODY_SECONDS = 10.0

# How much of bodies may be in memory at once, in bytes, of all connections: there are thousands. What plugins answer
# counts as well, as long as whoever has asked for it has not taken it.
BODIES_BYTES = 64 * BODY_BYTES

# How long an answer may take to be sent, in seconds: the largest file, on a line as slow as 20 kbit/s.
SEND_SECONDS = 30.0

# Requests on one connection. A page has a dozen parts; who wants thousands of them has to queue at the door again.
REQUESTS = 100

# How long, in seconds, and how much, in bytes, is read of what nobody wants after the last answer: to close with unread
# bytes would reset the connection, and take the answer back.
LINGER_SECONDS = 3.0
LINGER_BYTES = 64 * 1024 * 1024

# What is read at once: no less than what one record of TLS may hold, since nobody is told of the rest of one.
READ_BYTES = 64 * 1024

# On every answer. The page has all it needs from where it came; nothing else gets in, and nobody frames it.
SECURITY = (
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
)

Headers = Sequence[tuple[bytes, bytes]]
Idle = Callable[[], AbstractContextManager[None]]


class Request(Struct, frozen=True):
    """A request's head. Names of headers are in lower case; `target` is as it was sent; `version` such as "1.1"."""

    method: str
    target: str
    headers: Headers
    version: str = "1.1"

    def place(self) -> tuple[str, str]:
        """The authority, HOST[:PORT], which may be empty, and the path it asks for. Raises `Refusal`."""
        if self.target.startswith("/"):
            return self.value("host"), self.target.partition("?")[0]
        try:
            url = urlsplit(self.target)  # as one asks a proxy: what Host says does not count then (RFC 9112, 3.2.2)
        except ValueError:
            raise Refusal(400, "This is no address of a page.") from None
        return url.netloc or self.value("host"), url.path

    def values(self, name: str) -> list[str]:
        """All that the headers called `name` (in lower case) hold, split at commas."""
        found = [value.decode("latin-1") for key, value in self.headers if key == name.encode()]
        return [item.strip() for value in found for item in value.split(",") if item.strip()]

    def value(self, name: str) -> str:
        """What the header called `name` (in lower case) holds; empty where there is none."""
        return ", ".join(self.values(name))


class Response(Struct, frozen=True):
    """An answer; its length and what every answer bears is added when it is sent. One that `is_held` is in memory for
    this connection alone, until it is taken."""

    status: int
    headers: Sequence[tuple[str, str]] = ()
    body: bytes | Parts = b""
    is_held: bool = False

    @property
    def length(self) -> int:
        return self.body.length if isinstance(self.body, Parts) else len(self.body)


class Upgrade(Struct, frozen=True):
    """The answer after which the connection speaks another protocol: `head` is its bytes, `client` who asked."""

    head: bytes
    client: str


class Refusal(Exception):  # noqa: N818  (it is an answer)
    """A request gets this answer instead: `text` is a sentence or two for people. `fatal`: nothing can follow it."""

    def __init__(self, status: int, text: str, headers: Sequence[tuple[str, str]] = (), *, fatal: bool = False) -> None:
        super().__init__(text)
        self.fatal = fatal
        kind = ("Content-Type", "text/plain; charset=utf-8")
        self.response = Response(status, [kind, ("Cache-Control", "no-store"), *headers], f"{text}\n".encode())


class Bodies:
    """How many `bytes` of bodies are in memory, of all connections."""

    __slots__ = ("bytes",)

    def __init__(self) -> None:
        self.bytes = 0


class HttpConnection:
    """One connection of gevent's. `idle()` is entered while nothing has come of the next request. Its methods raise
    `OSError` where the other side has gone, or is too slow to take an answer."""

    def __init__(self, sock: Any, idle: Idle, bodies: Bodies) -> None:
        self._socket = sock
        self._idle = idle
        self._bodies = bodies
        self._has_body = False  # that nobody has read yet
        self._parser = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES)
        self._left = REQUESTS
        self._method = b""

    def read(self) -> Request | None:
        """The next request; None where none comes. Raises `Refusal` where it is none that could be answered."""
        first = self._left == REQUESTS
        self._left -= 1
        self._method = b""
        head = self._next_event(HEAD_SECONDS if first else KEEP_SECONDS)
        if not isinstance(head, h11.Request):
            return None
        self._method = head.method
        if len(head.target) + sum(len(name) + len(value) for name, value in head.headers) > HEAD_BYTES:
            raise Refusal(431, "The request is too long.", fatal=True)  # it came faster than h11 looked at it
        self._has_body = any(
            name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
            for name, value in head.headers
        )
        if not self._has_body:
            self._next_event(HEAD_SECONDS)  # that it has ended
        method, target, version = (part.decode("ascii") for part in (head.method, head.target, head.http_version))
        return Request(method, target, list(head.headers), version)

    def require_room(self, length: int) -> None:
        """Raises `Refusal` where an answer so long would be too much in memory."""
        if self._bodies.bytes + length > BODIES_BYTES:
            raise Refusal(503, "Too much is asked for at once. Try again in a moment.", fatal=True)

    def refuse_body(self) -> None:
        """Raises `Refusal` where the request that was read has a body, which nobody wants."""
        if self._has_body:
            raise Refusal(413, "Nothing can be sent here.", fatal=True)

    def body(self) -> bytes:
        """The body of the request that was read. Raises `Refusal` where it is too long, or takes too long."""
        if not self._has_body:
            return b""
        too_long = Refusal(413, f"At most {BODY_BYTES} bytes can be sent here.", fatal=True)
        deadline = time.monotonic() + BODY_SECONDS
        parts: list[bytes] = []
        taken = 0
        try:
            if self._parser.they_are_waiting_for_100_continue:
                self._send(self._parser.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
            while True:
                event = self._next_event(0, deadline)
                if not isinstance(event, h11.Data):
                    break
                parts.append(bytes(event.data))
                taken += len(parts[-1])
                self._bodies.bytes += len(parts[-1])
                if taken > BODY_BYTES:
                    raise too_long
                if self._bodies.bytes > BODIES_BYTES:
                    raise Refusal(503, "Too much is sent here at once. Try again in a moment.", fatal=True)
            if not isinstance(event, h11.EndOfMessage):
                raise Refusal(408, "The request took too long.", fatal=True)
        finally:
            self._bodies.bytes -= taken
        self._has_body = False
        return b"".join(parts)

    def stream(self) -> Iterator[bytes]:
        """The body of the request that was read, part by part. Raises `Reject` where the rest does not come."""
        until = time.monotonic() + STREAM_SECONDS
        try:
            while self._has_body:
                if self._parser.they_are_waiting_for_100_continue:
                    self._send(self._parser.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
                event = self._next_event(0, min(time.monotonic() + BODY_SECONDS, until))
                if isinstance(event, h11.EndOfMessage):
                    self._has_body = False
                elif isinstance(event, h11.Data):
                    yield bytes(event.data)
                else:
                    raise Reject("The rest of it did not come.", code="cut")
        except Refusal as refusal:
            code = "too_slow" if refusal.response.status == HTTPStatus.REQUEST_TIMEOUT else "malformed"
            raise Reject(str(refusal), code=code) from None
        except OSError:
            raise Reject("The rest of it did not come.", code="cut") from None

    def _next_event(self, patience: float, deadline: float | None = None) -> Any:
        """What comes next; None where nothing comes for `patience` seconds, or where the other side has closed. Once it
        has begun there is a `deadline`."""
        while True:
            try:
                event = self._parser.next_event()
            except h11.RemoteProtocolError as error:
                raise Refusal(error.error_status_hint, f"This is no good HTTP: {error}.", fatal=True) from None
            if event is not h11.NEED_DATA:
                return event
            begun = deadline is not None or bool(self._parser.trailing_data[0])
            if begun and deadline is None:
                deadline = time.monotonic() + HEAD_SECONDS
            data = self._receive(patience if deadline is None else deadline - time.monotonic(), begun=begun)
            if data is None:
                if begun:
                    raise Refusal(408, "The request took too long.", fatal=True)
                return None
            self._parser.receive_data(data)

    def _receive(self, seconds: float, *, begun: bool) -> bytes | None:
        """What comes within `seconds`, empty at the end of the connection; None where nothing does."""
        self._socket.settimeout(max(seconds, 0.001))
        try:
            if begun:
                return self._socket.recv(READ_BYTES)  # type: ignore[no-any-return]
            with self._idle():
                return self._socket.recv(READ_BYTES)  # type: ignore[no-any-return]
        except TimeoutError:
            return None

    def answer(self, response: Response, *, last: bool = False) -> bool:
        """Send `response`, the `last` one or not; whether another request may follow. None does behind a body that
        nobody has read."""
        headers = [*response.headers, *SECURITY, ("Date", formatdate(usegmt=True))]
        if response.status not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
            headers.append(("Content-Length", str(response.length)))
        if last or not self._left or self._has_body:
            headers.append(("Connection", "close"))
        head = h11.Response(
            status_code=response.status, headers=headers, reason=HTTPStatus(response.status).phrase.encode()
        )
        data = self._parser.send(head) or b""
        if self._method != b"HEAD":
            if isinstance(response.body, Parts):
                self._send(data)
                data = self._send_parts(response.body)
            else:
                data += self._parser.send(h11.Data(data=response.body)) or b""
        data += self._parser.send(h11.EndOfMessage()) or b""
        length = len(data) if response.is_held else 0
        self._bodies.bytes += length
        try:
            self._send(data)
        finally:
            self._bodies.bytes -= length
        if self._parser.our_state is not h11.DONE or self._parser.their_state is not h11.DONE:
            return False
        self._parser.start_next_cycle()
        return True

    def upgrade(self, upgrade: Upgrade) -> bytes:
        """Send the answer, and let go of the connection; what has come already in the other protocol."""
        self._send(upgrade.head)
        self._socket.settimeout(None)
        return self._parser.trailing_data[0]

    def _send_parts(self, body: Parts) -> bytes:
        """All but the last part, which is returned."""
        until, data = time.monotonic() + STREAM_SECONDS, b""
        for part in body.parts:
            self._send(data)
            data = self._parser.send(h11.Data(data=part)) or b""
            if time.monotonic() > until:
                raise OSError("the other side is too slow")
        return data

    def _send(self, data: bytes) -> None:
        self._socket.settimeout(SEND_SECONDS)
        self._socket.sendall(data)

    def linger(self) -> None:
        """Say that nothing more comes, and drop what still does, until the other side has understood."""
        self._socket.shutdown(socket.SHUT_WR)
        deadline, taken = time.monotonic() + LINGER_SECONDS, 0
        with self._idle():
            while taken < LINGER_BYTES and (left := deadline - time.monotonic()) > 0:
                self._socket.settimeout(left)
                data = self._socket.recv(READ_BYTES)
                if not data:
                    return
                taken += len(data)
