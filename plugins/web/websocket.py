"""WebSockets (RFC 6455): the handshake, and a codec with the vocabulary of JSON Lines, one object a text frame.

What is sent is framed here: a frame of a server is a short head and the bytes themselves, so that a batch is made once
for all who get it. What comes is taken apart by wsproto, but for frames that are one whole message, as almost all are:
that is done here, at a tenth of the cost.

permessage-deflate is not offered. It would take some ten KB for each connection, and messages of a line hardly shrink.
"""

import base64
import struct
from collections.abc import Sequence
from functools import lru_cache

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    RejectConnection,
    TextMessage,
)
from wsproto.events import Ping as WirePing
from wsproto.events import Pong as WirePong
from wsproto.events import Request as Handshake
from wsproto.frame_protocol import CloseReason
from wsproto.handshake import H11Handshake
from wsproto.utilities import ProtocolError, RemoteProtocolError

from greenchat import Ack, Error, Event, Frame, Hangup, JsonCodec, Leave, Messages, Ping, Pong
from greenchat import Request as ChatRequest

from .http import Refusal, Request

# What the two sides call the language they speak; the number rises when old clients could not understand it any more.
SUBPROTOCOL = "greenchat.json.v1"

# A message that is too long is refused at its end. One that is longer than this is no mistake any more: 1 MiB, as with
# lines.
SKIP_BYTES = 1024 * 1024

KEY_BYTES = 16  # of a handshake's key (RFC 6455, 4.1)

# A frame's first byte where it is a whole text message; the bit of its second that says that it is masked; and below
# what its length stands in the other seven, where else 126 or 127 says that two or eight bytes of it follow (5.2).
WHOLE_TEXT = 0x81
MASKED = 0x80
SHORT = 126
LONGEST_HEAD = 8  # with a mask, of those that are read here

PING = b"\x89\x00"

# What a failure is counted as. What else the protocol calls wrong is malformed.
ERROR_CODES = {int(CloseReason.INVALID_FRAME_PAYLOAD_DATA): "not_utf8", int(CloseReason.MESSAGE_TOO_BIG): "too_long"}


# What a closed session is told, by the reason of its end (7.4.1). All others were sent away: 1008, a policy.
NORMAL, GOING_AWAY, POLICY, INTERNAL = 1000, 1001, 1008, 1011
CLOSE_CODES = {
    "left": NORMAL,
    "connection closed": NORMAL,
    "server is shutting down": GOING_AWAY,
    "did not answer a ping": GOING_AWAY,
    "internal error": INTERNAL,
}


class ControlPong(Pong, frozen=True, gc=False, tag="control_pong"):
    """To be sent: a control frame, as it goes over the wire."""

    data: bytes = b""


class ControlPing(Ping, frozen=True, gc=False, tag="control_ping"):
    """A ping of the protocol beneath the chat, and what is to be sent back."""

    answer: bytes = b""

    def pong(self) -> ControlPong:
        return ControlPong(data=self.answer)


class Failed(Leave, frozen=True, gc=False, tag="failed"):
    """Nothing more can be understood, and why: `code` as errors have, and a `text`."""

    code: str = ""
    text: str = ""


def close_frame(code: int, reason: str) -> bytes:
    """A close frame of ours; `reason` is for people, and cut where it is too long for one."""
    return Connection(ConnectionType.SERVER).send(CloseConnection(code, reason))


# --- the handshake ---------------------------------------------------------------------------------------------------


def shake_hands(request: Request) -> bytes:
    """What to answer to a handshake, after which the connection is a WebSocket. Raises `Refusal` where it is none."""
    if request.version != "1.1" or request.method != "GET" or "websocket" not in request.value("upgrade").lower():
        raise Refusal(426, "Here is a WebSocket, to be opened by a chat client.", [("Upgrade", "websocket")])
    if not _is_key(request.value("sec-websocket-key")):
        raise Refusal(400, "The handshake is not right: Sec-WebSocket-Key must be 16 bytes in base64.")
    handshake = H11Handshake(ConnectionType.SERVER)
    try:
        handshake.initiate_upgrade_connection(list(request.headers), request.target)
        asked = next(handshake.events())
    except RemoteProtocolError as error:
        hint = error.event_hint if isinstance(error.event_hint, RejectConnection) else RejectConnection()
        headers = [(name.decode(), value.decode()) for name, value in hint.headers]
        raise Refusal(hint.status_code, f"The handshake is not right: {error}.", headers) from None
    except (ProtocolError, UnicodeError):
        raise Refusal(400, "The handshake cannot be understood.") from None
    assert isinstance(asked, Handshake)
    if asked.subprotocols and SUBPROTOCOL not in asked.subprotocols:
        raise Refusal(400, f"Only the subprotocol {SUBPROTOCOL} is spoken here. Offer it, or none.")
    chosen = SUBPROTOCOL if asked.subprotocols else None
    return handshake.send(AcceptConnection(subprotocol=chosen))


def _is_key(key: str) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == KEY_BYTES
    except ValueError:
        return False


# --- the codec -------------------------------------------------------------------------------------------------------


class WebSocketCodec:
    """See `greenchat.codecs.Codec`."""

    name = "web"
    pings = True
    many_rooms = True
    numbers = True
    tokens = True
    advice = JsonCodec.advice

    def __init__(self) -> None:
        self._json = JsonCodec()

    def request_decoder(self, frame_bytes: int) -> "WebSocketDecoder":
        return WebSocketDecoder(self._json, frame_bytes)

    def encode(self, reply: Event | Frame) -> bytes:
        if type(reply) is ControlPong:
            return reply.data
        if type(reply) is Ping:
            return PING  # browsers answer it by themselves, also while their page sleeps
        text = self._json.encode(reply)[:-1]
        return _head(len(text)) + text

    def refusal(self, error: Error) -> bytes:
        return self.encode(error)

    def encode_run(self, messages: Messages) -> bytes:
        return _frames(self._json.encode_run(messages))

    def encode_acks(self, acks: Sequence[Ack]) -> bytes:
        return _frames(self._json.encode_acks(acks))


def _frames(block: bytes) -> bytes:
    """Lines as text frames."""
    lines = block.split(b"\n")
    lines.pop()  # what is behind the last line: nothing
    return b"".join([_head(len(line)) + line for line in lines])


@lru_cache(maxsize=4096)  # most lengths that there are: each is asked for again and again
def _head(length: int) -> bytes:
    """How a text frame of `length` bytes begins."""
    if length < SHORT:
        return struct.pack("!BB", WHOLE_TEXT, length)
    if length < 1 << 16:
        return struct.pack("!BBH", WHOLE_TEXT, SHORT, length)
    return struct.pack("!BBQ", WHOLE_TEXT, SHORT + 1, length)


class WebSocketDecoder:
    """Client bytes to requests.

    The stream is cut into frames here. Those that are a whole text message, all there, are read here as well; others
    are handed to wsproto, as far as they have come, so that what is wrong with them is found as soon as it can be.
    """

    __slots__ = ("_ended", "_goodbye", "_head", "_json", "_limit", "_message", "_owed", "_size", "_wire")

    def __init__(self, json: JsonCodec, frame_bytes: int) -> None:
        self._limit = frame_bytes
        self._json = json.request_decoder(frame_bytes)
        self._wire = Connection(ConnectionType.SERVER)
        self._head = b""  # of a frame whose length cannot be told yet, or of a text that is read here once it is whole
        self._owed = 0  # how much is still to come of a frame that wsproto has begun
        self._message: bytearray | None = None  # what wsproto has read of a message that has not ended
        self._size = 0  # of that message so far, with what was not kept
        self._ended = False
        self._goodbye = b""  # the answer to what has ended it

    def goodbye(self, reason: str) -> bytes:
        """A close frame: the answer to the other side's, or our own, which says why it has ended."""
        return self._goodbye or close_frame(CLOSE_CODES.get(reason, POLICY), reason)

    def feed(self, data: bytes) -> Sequence[ChatRequest]:
        """The frames that `data` completes, in order. Never raises; nothing follows once it has ended."""
        run: Sequence[ChatRequest] = []  # what came first, as it came: a run, perhaps
        found: list[ChatRequest] = []
        if self._head:
            data, self._head = self._head + data, b""
        at = 0
        quickly = True
        while at < len(data) and not self._ended:
            if self._owed:
                stop = at + self._owed
            else:
                if quickly and self._message is None:
                    texts, stop = _whole_texts(data, at)
                    lines = _lines(texts)
                    if lines:
                        frames = self._json.feed(lines)
                        if run or found:
                            found.extend(frames)
                        else:
                            run = frames
                        at = stop
                        continue
                    quickly = not texts  # where one is not UTF-8, wsproto finds out which
                stop = _end_of_frame(data, at)
                # In a stream of texts, the last one may not be all there: it waits, so that all are read here.
                if not stop or (run and not found and self._may_wait(data, at, stop)):
                    self._head = data[at:]
                    break
            part = data[at:stop]
            at += len(part)
            self._owed = stop - at
            self._read(part, found)
        return [*run, *found] if found else run

    def _may_wait(self, data: bytes, at: int, stop: int) -> bool:
        """Whether the frame at `at`, which ends at `stop`, is a text that may be kept, and is not all there."""
        most = LONGEST_HEAD + (self._limit or SKIP_BYTES)
        whole_text = data[at] == WHOLE_TEXT and bool(data[at + 1] & MASKED) and self._message is None
        return whole_text and len(data) < stop <= at + most

    def _read(self, part: bytes, found: list[ChatRequest]) -> None:
        """Have wsproto read a part of the stream."""
        self._wire.receive_data(part)
        for event in self._wire.events():
            match event:
                case TextMessage():
                    self._read_text(event, found)
                case BytesMessage():
                    self._fail(CloseReason.UNSUPPORTED_DATA, "Send text frames.", found)
                case WirePing():
                    found.append(ControlPing(answer=self._wire.send(event.response())))
                case WirePong():
                    found.append(Pong())
                case CloseConnection() if self._wire.state is ConnectionState.REMOTE_CLOSING:
                    found.append(Hangup())
                    self._goodbye = self._wire.send(event.response())
                    self._ended = True
                case CloseConnection(CloseReason.INVALID_FRAME_PAYLOAD_DATA):
                    self._fail(CloseReason.INVALID_FRAME_PAYLOAD_DATA, "This is not UTF-8.", found)
                case CloseConnection(code, reason):
                    self._fail(code, f"{reason}.", found)
            if self._ended:
                return

    def _read_text(self, part: TextMessage, found: list[ChatRequest]) -> None:
        text = part.data.encode()
        message = self._message
        if message is None:
            message = self._message = bytearray()
            self._size = 0
        self._size += len(text)
        # Of what is too long, so much is kept that it is seen to be, also behind a white space that does not count.
        message += text[: max(self._limit + 2 - len(message), 0)] if self._limit else text
        if self._limit and self._size > max(SKIP_BYTES, self._limit):
            self._fail(CloseReason.MESSAGE_TOO_BIG, f"The message is longer than {self._limit} bytes.", found)
        elif part.message_finished:
            self._message = None
            found.extend(self._json.feed(_line(bytes(message))))

    def _fail(self, code: int, reason: str, found: list[ChatRequest]) -> None:
        """Understand nothing more."""
        self._goodbye = self._wire.send(CloseConnection(code, reason))
        found.append(Failed(code=ERROR_CODES.get(code, "malformed"), text=reason))
        self._ended = True


def _whole_texts(data: bytes, at: int) -> tuple[list[bytes], int]:
    """The texts of frames in a row from `at` on, as long as each is a whole message, and where the next one begins.
    All others are left to wsproto, among them those that are not as they must be."""
    texts: list[bytes] = []
    add, number, end = texts.append, int.from_bytes, len(data)  # looked up once: this is done for every message
    while at + LONGEST_HEAD <= end and data[at] == WHOLE_TEXT:
        length = data[at + 1] - MASKED
        body = at + 6
        if length == SHORT:
            length = data[at + 2] << 8 | data[at + 3]
            body = at + 8
            if length < SHORT:
                break  # written longer than need be
        elif not 0 <= length < SHORT:
            break
        stop = body + length
        if stop > end:
            break
        # The mask is the four bytes before the payload, again and again (RFC 6455, 5.3).
        mask = (data[body - 4 : body] * (length // 4 + 1))[:length]
        add((number(data[body:stop], "little") ^ number(mask, "little")).to_bytes(length, "little"))
        at = stop
    return texts, at


def _end_of_frame(data: bytes, at: int) -> int:
    """Where the frame at `at` ends, perhaps behind the end of `data`; 0 where too little of it has come to tell."""
    if len(data) < at + 2:
        return 0
    length = data[at + 1] & ~MASKED
    body = at + 2
    if length >= SHORT:
        body += 2 if length == SHORT else 8
        length = int.from_bytes(data[at + 2 : body], "big")
    if data[at + 1] & MASKED:
        body += 4
    return body + length if len(data) >= body else 0


def _lines(texts: Sequence[bytes]) -> bytes:
    """Messages as lines; nothing where one of them is not UTF-8."""
    block = b"\n".join(texts)
    if not block.isascii():
        try:
            block.decode()
        except UnicodeDecodeError:
            return b""
    if block.count(b"\n") >= len(texts):
        return b"".join(map(_line, texts))
    return block + b"\n"


def _line(text: bytes) -> bytes:
    """A message as a line: a line break within JSON is white space."""
    return text.replace(b"\n", b" ") + b"\n"
