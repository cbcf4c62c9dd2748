"""WebSockets (RFC 6455): the handshake, and a codec with the vocabulary of JSON Lines, one object a text frame.

What is sent is framed here: a frame of a server is a short head and the bytes themselves, so that a batch is made once
for all who get it. What comes is taken apart by wsproto, but for frames that are one whole message, as almost all are:
that is done here, at a tenth of the cost.

permessage-deflate is not offered. It would take some ten KB for each connection, and messages of a line hardly shrink.
"""

import base64
from collections.abc import Sequence

from msgspec import msgpack
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
from .wire import (
    LONGEST_HEAD,
    MASK_BYTES,
    PING,
    TEXT,
    WHOLE_TEXT,
    Head,
    head_of,
    line_of,
    lines_of,
    make_head,
    text_frames,
    text_head,
    unfinished,
    whole_texts,
)

# What the two sides call the language they speak; the number rises when old clients could not understand it any more.
SUBPROTOCOL = "greenchat.json.v1"

# A message that is too long is refused at its end. One that is longer than this is no mistake any more: 1 MiB, as with
# lines.
SKIP_BYTES = 1024 * 1024

# Of a character in UTF-8, in bytes, but for its last.
LONGEST_CHARACTER = 3

# See `WebSocketDecoder.state`.
State = tuple[bytes, bytes, bytes | None, int, bytes, bool, bytes]

KEY_BYTES = 16  # of a handshake's key (RFC 6455, 4.1)

# What a failure is counted as. What else the protocol calls wrong is malformed.
ERROR_CODES = {int(CloseReason.INVALID_FRAME_PAYLOAD_DATA): "not_utf8", int(CloseReason.MESSAGE_TOO_BIG): "too_long"}


# What a closed session is told, by the reason of its end (7.4.1). All others were sent away: 1008, a policy.
NORMAL, GOING_AWAY, POLICY, INTERNAL, COME_BACK = 1000, 1001, 1008, 1011, 1012
CLOSE_CODES = {
    "left": NORMAL,
    "connection closed": NORMAL,
    "server is shutting down": GOING_AWAY,
    "did not answer a ping": GOING_AWAY,
    "internal error": INTERNAL,
    "server is reloading": COME_BACK,
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
    own_requests = (ControlPing, Failed)

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
        return text_head(len(text)) + text

    def refusal(self, error: Error) -> bytes:
        return self.encode(error)

    def encode_run(self, messages: Messages) -> bytes:
        return text_frames(self._json.encode_run(messages))

    def encode_acks(self, acks: Sequence[Ack]) -> bytes:
        return text_frames(self._json.encode_acks(acks))


class WebSocketDecoder:
    """Client bytes to requests.

    The stream is cut into frames here. Those that are a whole text message, all there, are read here as well; others
    are handed to wsproto, as far as they have come, so that what is wrong with them is found as soon as it can be; but
    for control frames, which are short.
    """

    __slots__ = (
        "_ended",
        "_frame",
        "_goodbye",
        "_head",
        "_json",
        "_limit",
        "_message",
        "_owed",
        "_size",
        "_tail",
        "_wire",
    )

    def __init__(self, json: JsonCodec, frame_bytes: int) -> None:
        self._limit = frame_bytes
        self._json = json.request_decoder(frame_bytes)
        self._wire = Connection(ConnectionType.SERVER)
        self._head = b""  # of a frame whose length cannot be told yet, or of one that waits until it is whole
        self._frame: Head | None = None  # of the one that wsproto has begun last
        self._owed = 0  # how much of that is still to come
        self._tail = b""  # with what the message ends that wsproto has read so far: a part of a character, perhaps
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
                    texts, stop = whole_texts(data, at)
                    lines = lines_of(texts)
                    if lines:
                        frames = self._json.feed(lines)
                        if run or found:
                            found.extend(frames)
                        else:
                            run = frames
                        at = stop
                        continue
                    quickly = not texts  # where one is not UTF-8, wsproto finds out which
                head = head_of(data, at)
                stop = at + head.size + head.length if head is not None else 0
                # In a stream of texts, the last one may not be all there: it waits, so that all are read here.
                if head is None or (len(data) < stop and self._may_wait(head, is_run=bool(run and not found))):
                    self._head = data[at:]
                    break
                self._frame = head
            part = data[at:stop]
            at += len(part)
            self._remember(part, stop - at)
            self._read(part, found)
        return [*run, *found] if found else run

    def _may_wait(self, head: Head, *, is_run: bool) -> bool:
        """Whether a frame is one that may be kept until it is all there: a control frame, or a text behind others."""
        if head.is_control():
            return True
        most = LONGEST_HEAD + (self._limit or SKIP_BYTES)
        whole_text = head.first == WHOLE_TEXT and bool(head.mask) and self._message is None
        return is_run and whole_text and head.size + head.length <= most

    def _remember(self, part: bytes, owed: int) -> None:
        """How far wsproto gets with `part`, after which so much of its frame is still to come."""
        head = self._frame
        assert head is not None
        begins = not self._owed
        self._owed = owed
        if head.is_control():
            return
        if begins and head.first & TEXT:
            self._tail = b""
        end = head.length - owed
        ends = part[head.size :] if begins else part
        ends = ends[-LONGEST_CHARACTER:]
        self._tail = (self._tail + head.unmask(ends, end - len(ends)))[-LONGEST_CHARACTER:]

    def state(self) -> bytes:
        message = None if self._message is None else bytes(self._message)
        rest = self._frame.rest(self._owed) if self._frame is not None and self._owed else b""
        return msgpack.encode((self._head, rest, message, self._size, self._tail, self._ended, self._goodbye))

    def restore(self, state: bytes) -> None:
        """wsproto is told the least that has it where it was: the message so far as one frame, with the part of a
        character that it ends with, and the head of a frame that has what is left of the one under way."""
        found = msgpack.decode(state, type=State)
        self._head, rest, message, self._size, self._tail, self._ended, self._goodbye = found
        stream = rest
        if message is not None:
            self._message = bytearray(message)
            part = unfinished(self._tail)
            stream = make_head(TEXT, len(part), bytes(MASK_BYTES)) + part + rest
        self._wire.receive_data(stream)
        for _ in self._wire.events():
            pass
        self._frame = head_of(rest, 0)
        self._owed = self._frame.length if self._frame is not None else 0

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
            found.extend(self._json.feed(line_of(bytes(message))))

    def _fail(self, code: int, reason: str, found: list[ChatRequest]) -> None:
        """Understand nothing more."""
        self._goodbye = self._wire.send(CloseConnection(code, reason))
        found.append(Failed(code=ERROR_CODES.get(code, "malformed"), text=reason))
        self._ended = True
