"""A chat client without a user interface: for bots, for tests, and for `greenchat connect`.

    with Client.connect("127.0.0.1", 9999) as chat:
        chat.join("echo")
        for event in chat:
            if isinstance(event, Message):
                chat.say(f"{event.sender} said: {event.text}")

It speaks JSON Lines over one socket, without a thread or an event loop of its own. Nothing is sent or read but inside
its methods: use a client from one thread, and let it `receive` again and again. To wait for other things as well,
watch `fileno()` (for writing too while `backlog` is not 0), and call `receive(0)` when it is ready.
"""

import itertools
import math
import select
import socket
import time
from collections.abc import Callable, Iterator
from types import TracebackType

from greenchat.codecs import ReplyDecoder
from greenchat.codecs.jsonlines import JsonCodec, JsonReplyDecoder
from greenchat.codecs.plain import NOT_UTF8, PlainCodec, too_long
from greenchat.encryption import NOT_READY, Encryption, explain
from greenchat.errors import GreenchatError
from greenchat.events import Event
from greenchat.frames import (
    Ack,
    Error,
    Frame,
    Invalid,
    Join,
    Leave,
    Ping,
    Pong,
    Ref,
    Request,
    Say,
    Stats,
    Status,
    Welcome,
)
from greenchat.text import printable

# A lost first packet is sent again after 1, 3 and 7 seconds: this outlasts two of them, and somebody's patience hardly.
CONNECT_SECONDS = 10.0

# Silence of a server that owes an answer. It answers within milliseconds, unless it is overloaded or stopped.
ANSWER_SECONDS = 30.0

# What is read at once: as much as the server reads, so that neither has to be called more often than the other.
READ_BYTES = 64 * 1024

# A connection that nobody uses is probed by the kernel after a minute of silence, and given up after another: a server
# whose machine has gone without a word is noticed while one still remembers what one was talking about.
KEEPALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}

_JSON = JsonCodec()
_PLAIN = PlainCodec()


class ClientError(GreenchatError):
    """The root of what a client raises: its text is one sentence or two, fit for a user's eyes."""


class UnreachableError(ClientError):
    """There is no greenchat server at that address, or none that answers. Nothing was sent."""


class TurnedAwayError(ClientError):
    """The server refused the connection itself: it is full, say, or bans this address. The text is the server's."""


class RefusedError(ClientError):
    """The server refused a request: `code` is for programs (PROTOCOL.md lists them), the text is the server's."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class DisconnectedError(ClientError):
    """The connection has ended. What was not acknowledged is in `Client.pending`."""


class NoAnswerError(ClientError):
    """The server owes an answer, and has been silent for too long."""


class Client:
    """One connection to a server, made by `connect`.

    `where` is "HOST:PORT". `welcome` is the server's answer to `join`, None before. `pending` holds the messages that
    the server has not answered yet, by their ref, in order. `left` says whether `leave` has been called.
    """

    def __init__(self, sock: socket.socket, where: str) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._poll = select.poll()
        self._decoder: ReplyDecoder | None = None  # the server's first byte chooses it
        self._inbox: list[Event | Frame] = []
        self._outgoing = bytearray()
        self._refs = itertools.count(1)
        self._end = ""  # why the connection has ended, once it has
        self.where = where
        self.welcome: Welcome | None = None
        self.pending: dict[int, str] = {}
        self.left = False

    @classmethod
    def connect(
        cls, host: str, port: int, timeout: float = CONNECT_SECONDS, encryption: Encryption | None = None
    ) -> "Client":
        """Connect, waiting at most `timeout` seconds for each address of `host`. Raises `UnreachableError`."""
        if not 0 < port < 65536:
            raise UnreachableError(f"{port} is no port. Ports are numbers from 1 to 65535.")
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            sock = socket.create_connection((host, port), timeout)
        except (socket.gaierror, UnicodeError):
            problem = f"There is no host called {printable(host)}. Check the spelling, and your network."
        except ConnectionRefusedError:
            problem = f"No server listens at {where}. Start one there with `greenchat serve`, or check host and port."
        except TimeoutError:
            problem = f"{where} does not answer. Check the address, and the firewalls on the way."
        except OSError as error:
            problem = f"{where} cannot be reached: {error.strerror or error}. Check the address, and your network."
        else:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)  # what is typed goes out at once
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, True)
            for option, value in KEEPALIVE.items():
                if hasattr(socket, option):
                    sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
            return cls(sock if encryption is None else _encrypted(sock, encryption, host, where), where)
        raise UnreachableError(problem)

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Event | Frame]:
        """What comes, one by one. Ends with the connection if one has left; else raises `DisconnectedError` then."""
        while True:
            try:
                items = self.receive()
            except DisconnectedError:
                if self.left:
                    return
                raise
            yield from items

    def close(self) -> None:
        """Close the socket at once. For the others in the room the connection is lost, unless one has left before."""
        self._ended("This connection is closed.")
        self._socket.close()

    def fileno(self) -> int:
        """The socket's descriptor, to be watched."""
        return self._socket.fileno()

    @property
    def backlog(self) -> int:
        """How many bytes wait here because the server reads slower than we send."""
        return len(self._outgoing)

    @property
    def patience(self) -> float:
        """How many seconds of silence are too many, while something is pending: a server that slows a flood down
        announces how fast it reads."""
        rate = self.welcome.limits.get("flood_rate", 0) if self.welcome else 0
        return ANSWER_SECONDS + (len(self.pending) / rate if rate else 0)

    def join(self, name: str, room: str = "", timeout: float = CONNECT_SECONDS, password: str = "") -> Welcome:
        """Come in as `name`; an empty `room` is the server's default room, `password` the server's, if it has one.

        Raises `RefusedError` (the name is taken or not valid: one may try another), `TurnedAwayError`,
        `UnreachableError` where something else than a greenchat server answers, `NoAnswerError`, `DisconnectedError`.
        """
        ref = next(self._refs)
        answer = self._first_answer(Join(name, room, ref, password), ref, timeout)
        assert isinstance(answer, Welcome)
        self.welcome = answer
        return answer

    def stats(self, timeout: float = CONNECT_SECONDS) -> Stats:
        """How the server is: it tells who asks from its own machine, also before `join`. Raises as `join` does."""
        ref = next(self._refs)
        answer = self._first_answer(Status(ref), ref, timeout)
        assert isinstance(answer, Stats)
        return answer

    def say(self, text: str) -> int:
        """Say one line, and return the ref of its answer: an `Ack`, or an `Error`, which `receive` brings.

        Does not wait: what the server does not read at once is in `backlog`. Raises `RefusedError` for what cannot be
        sent, and `DisconnectedError`.
        """
        ref = next(self._refs)
        try:
            data = _JSON.encode_request(Say(text, ref=ref))
        except UnicodeEncodeError:
            raise RefusedError(NOT_UTF8.code, NOT_UTF8.text) from None
        # The server could not tell which message it was, having skipped the line.
        limit = int(self.welcome.limits.get("frame_bytes", 0)) if self.welcome else 0
        if limit and len(data) - 1 > limit:
            invalid = too_long(limit)
            raise RefusedError(invalid.code, invalid.text)
        self._send(data)
        self.pending[ref] = text
        return ref

    def confirm(self, ref: int, timeout: float = ANSWER_SECONDS) -> Ack:
        """Wait until the server has dealt with the message `ref`.

        Raises `RefusedError`, `NoAnswerError` and `DisconnectedError`. What else comes meanwhile is kept for `receive`.
        """
        self._wait(lambda: ref not in self.pending, timeout)
        answer = self._take(ref)
        if isinstance(answer, Error):
            raise RefusedError(answer.code, answer.text)
        assert isinstance(answer, Ack)
        return answer

    def leave(self) -> None:
        """Go. The server delivers what was said, and closes: `receive` until `DisconnectedError`. What is `pending`
        then was not delivered."""
        if not self.left:
            self._send(_JSON.encode_request(Leave()))
            self.left = True

    def receive(self, timeout: float | None = None) -> list[Event | Frame]:
        """What has come, in order; empty if nothing has within `timeout` seconds (None: wait for ever).

        Raises `DisconnectedError` when the connection has ended, and all that came before it has been returned.
        """
        deadline = _deadline(timeout)
        while not self._inbox and not self._end and self._exchange(deadline):
            pass
        items, self._inbox = self._inbox, []
        if self._end and not items:
            raise DisconnectedError(self._end)
        return items

    # --- waiting for one answer ---

    def _first_answer(self, request: Request, ref: Ref, timeout: float) -> Event | Frame | None:
        """The answer to what may be the first that one says here, and what listens here no greenchat server."""
        self._send(_JSON.encode_request(request))
        try:
            self._wait(lambda: self._answered(ref) or self._not_in_json(), timeout)
        except DisconnectedError:
            self._explain_door()
            raise
        if not self._answered(ref):
            self._explain_door()
        answer = self._take(ref)
        if isinstance(answer, Error):
            raise RefusedError(answer.code, answer.text)
        return answer

    def _wait(self, done: Callable[[], object], timeout: float) -> None:
        deadline = _deadline(timeout)
        while not done():
            if self._end:
                raise DisconnectedError(self._end)
            if not self._exchange(deadline):
                raise NoAnswerError(f"{self.where} has not answered for {timeout:g} seconds. Try again later.")

    def _answered(self, ref: Ref) -> Event | Frame | None:
        return next((item for item in self._inbox if getattr(item, "ref", None) == ref), None)

    def _take(self, ref: Ref) -> Event | Frame | None:
        answer = self._answered(ref)
        if answer is not None:
            self._inbox.remove(answer)
        return answer

    def _not_in_json(self) -> bool:
        """Whether something has come that is no JSON: who answers so does not know our language."""
        return bool(self._inbox) and not isinstance(self._decoder, JsonReplyDecoder)

    def _explain_door(self) -> None:
        """Raise what the server said, or what seems to listen there, when nobody let us in."""
        for item in self._inbox:
            if isinstance(item, Error):
                raise TurnedAwayError(item.text)
        if self._inbox:
            raise UnreachableError(f"What answers at {self.where} is no greenchat server. Check host and port.")

    # --- the socket ---

    def _exchange(self, deadline: float | None) -> bool:
        """Send what waits and read what has come, once the socket is ready; False if it is not until `deadline`."""
        self._poll.register(self._socket, select.POLLIN | (select.POLLOUT if self._outgoing else 0))
        timeout = None if deadline is None else max(0, math.ceil((deadline - time.monotonic()) * 1000))
        ready = self._poll.poll(timeout)
        for _, events in ready:
            if events & select.POLLOUT:
                self._flush()
            if events & ~select.POLLOUT:
                self._read()
        return bool(ready)

    def _send(self, data: bytes) -> None:
        if self._end:
            raise DisconnectedError(self._end)
        self._outgoing += data
        self._flush()

    def _flush(self) -> None:
        try:
            del self._outgoing[: self._socket.send(self._outgoing)]
        except NOT_READY:
            pass
        except OSError:
            self._outgoing.clear()  # the server has gone; its last words are still to be read

    def _read(self) -> None:
        try:
            data = self._socket.recv(READ_BYTES)
        except NOT_READY:
            return
        except (ConnectionResetError, BrokenPipeError):
            data = b""
        except OSError as error:
            self._ended(f"The connection to the server was lost: {error.strerror}.")
            return
        if not data:
            self._ended("The server has closed the connection.")
            return
        if self._decoder is None:
            # Who is turned away before having said a word may be told so in a plain frame.
            self._decoder = (_JSON if data.startswith(b"{") else _PLAIN).reply_decoder()
        for item in self._decoder.feed(data):
            self._understand(item)

    def _ended(self, why: str) -> None:
        if not self._end:
            self._end = why
            self._outgoing.clear()

    def _understand(self, item: Event | Frame) -> None:
        match item:
            case Ping(ref):
                self._outgoing += _JSON.encode_request(Pong(ref))
                self._flush()
            case Invalid() if self.welcome is not None:
                pass  # a later server's word that this client does not know yet
            case _:
                if isinstance(item, Ack | Error) and isinstance(item.ref, int):
                    self.pending.pop(item.ref, None)
                self._inbox.append(item)


def _encrypted(sock: socket.socket, encryption: Encryption, host: str, where: str) -> socket.socket:
    try:
        context = encryption.context()
    except OSError as error:
        sock.close()
        raise UnreachableError(f"{encryption.cafile} cannot be used: {error.strerror}. Name a PEM file.") from None
    try:
        return context.wrap_socket(sock, server_hostname=host)
    except OSError as error:
        sock.close()
        raise UnreachableError(explain(error, host, where)) from None


def _deadline(timeout: float | None) -> float | None:
    return None if timeout is None else time.monotonic() + timeout
