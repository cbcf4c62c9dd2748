"""Plain frames: `TYPE|arg|...`, one a line, for netcat, for people, and for the clients greenchat grew out of.

PROTOCOL.md, "Plain frames", is the specification. It is frozen.
"""

from collections.abc import Iterator, Sequence

from msgspec import msgpack

from greenchat.codecs.advice import BY_HAND
from greenchat.codecs.http import FirstLine, http_refusal
from greenchat.codecs.lines import LineBuffer, fits
from greenchat.codecs.wording import Line, answering, plain, sender
from greenchat.protocol.events import (
    EPOCH,
    Event,
    Message,
    Notice,
)
from greenchat.protocol.replies import Ack, Error
from greenchat.protocol.requests import Frame, Invalid, Join, Leave, Say, Unknown
from greenchat.protocol.runs import Messages, Says
from greenchat.protocol.text import FORBIDDEN, FORBIDDEN_ASCII, FORBIDDEN_UTF8
from greenchat.protocol.vocabulary import Request

NOT_IN_TEXT = FORBIDDEN_ASCII + b"\n"


def too_long(limit: int, *, fatal: bool = False) -> Invalid:
    return Invalid("too_long", f"The frame is longer than {limit} bytes. Send it in shorter parts.", None, fatal)


NOT_UTF8 = Invalid("not_utf8", "The frame is not valid UTF-8. Set your client or terminal to UTF-8.")
CONTROL = Invalid("control", "The frame has control characters. Send plain text, a frame for each line.")
# Who has sent it is answered in HTTP, and nothing behind it is read.
HTTP = Invalid(
    "http",
    "This is a chat server, and no request that it knows. Join with: greenchat connect, or nc and JOIN|<username>.",
    fatal=True,
)


class PlainRequestDecoder:
    """Client bytes to requests. Works on whole chunks, since a busy room brings hundreds of frames in one read."""

    __slots__ = ("_first_line", "_is_http", "_limit", "_lines")

    def __init__(self, frame_bytes: int) -> None:
        self._limit = frame_bytes
        self._lines = LineBuffer(frame_bytes)
        self._first_line: FirstLine | None = FirstLine()  # while it has not come
        self._is_http = False

    def feed(self, data: bytes) -> Sequence[Request]:
        if self._first_line is not None:
            is_http = self._first_line.feed(data)
            if is_http is not None:
                self._first_line, self._is_http = None, is_http
                if is_http:
                    return [HTTP]
        if self._is_http:
            return []
        block, overlong = self._lines.feed(data)
        frames: Sequence[Request] = [] if block is None else self._decode(block)
        if overlong:
            return [*frames, *(too_long(self._limit, fatal=fatal) for fatal in overlong)]
        return frames

    def goodbye(self, reason: str) -> bytes:
        return b""

    def state(self) -> bytes:
        first = self._first_line.end if self._first_line is not None else None
        return msgpack.encode((*self._lines.state(), first, self._is_http))

    def restore(self, state: bytes) -> None:
        tail, skipped, first, self._is_http = msgpack.decode(state, type=tuple[bytes, int, bytes | None, bool])
        self._lines.restore(tail, skipped)
        self._first_line = FirstLine(first) if first is not None else None

    def _decode(self, block: bytes) -> Sequence[Request]:
        # Almost every chunk is messages only: cut at "\nMSG|" it yields their texts at once, at a fifth of the cost.
        if block.startswith(b"MSG|") and fits(block, self._limit):
            texts = _texts(block)
            if texts is not None:
                return Says(texts)
        return list(self._decode_each(block))

    def _decode_each(self, block: bytes) -> Iterator[Request]:
        for raw in block.split(b"\n"):
            line = raw.removesuffix(b"\r")
            if not line:
                continue
            if self._limit and len(line) > self._limit:
                yield too_long(self._limit)
                continue
            try:
                text = line.decode()
            except UnicodeDecodeError:
                yield NOT_UTF8
                continue
            yield CONTROL if FORBIDDEN.search(text) else parse_request(text)


def _texts(block: bytes) -> list[str] | None:
    """What a block of messages says; None where there is anything else in it, or what must not be."""
    if block.isascii():
        text = block.decode("ascii")
    else:
        try:
            text = block.decode()
        except UnicodeDecodeError:
            return None
        # Few letters begin in UTF-8 as what is forbidden does: to look for these bytes takes less than to search.
        if (b"\xc2" in block or b"\xe2" in block) and FORBIDDEN_UTF8.search(block):
            return None
    texts = text.split("\nMSG|")
    # Nothing but those line breaks is in there that would end a line, or drive a terminal: no \r either.
    if len(block) - len(block.translate(None, NOT_IN_TEXT)) != len(texts) - 1:
        return None
    texts[0] = texts[0][len("MSG|") :]
    return texts


def parse_request(line: str) -> Request:
    """One line, without its end, as a request. Types may be typed in lower case: people do, on netcat."""
    kind, _, body = line.partition("|")
    match kind.strip(" \t").lower():  # upper() would make an S of more letters than s
        case "msg":
            return Say(body)
        case "join":
            name, _, room = body.partition("|")
            return Join(name, room)
        case "leave":
            return Leave()
    return Unknown(kind, body)


class PlainReplyDecoder:
    """Server bytes to what a plain client can know: messages, notices and errors."""

    __slots__ = ("_lines",)

    def __init__(self) -> None:
        self._lines = LineBuffer(0)  # a client trusts the server it chose

    def feed(self, data: bytes) -> Sequence[Event | Frame]:
        block, _ = self._lines.feed(data)
        if block is None:
            return []
        lines = (line.removesuffix("\r") for line in block.decode("utf-8", "replace").split("\n"))
        return [parse_reply(line) for line in lines if line]


def parse_reply(line: str) -> Event | Frame:
    kind, _, body = line.partition("|")
    match kind:
        case "MSG":
            sender, _, text = body.partition("|")
            return Message("", 0, 0, sender, text, EPOCH)
        case "INFO":
            return Notice(body)
        case "ERROR":
            return Error("", body)
    return Invalid("unknown_type", line)


class PlainCodec:
    """See `greenchat.codecs.Codec`."""

    name = "plain"
    pings = False
    many_rooms = False
    tokens = False
    numbers = False
    advice = BY_HAND

    def request_decoder(self, frame_bytes: int) -> PlainRequestDecoder:
        return PlainRequestDecoder(frame_bytes)

    def reply_decoder(self) -> PlainReplyDecoder:
        return PlainReplyDecoder()

    def encode_request(self, frame: Request) -> bytes:
        """A client's request. Raises `ValueError` for what plain frames cannot ask."""
        match frame:
            case Say(text):
                line = f"MSG|{text}"
            case Join(name, "" | None):
                line = f"JOIN|{name}"
            case Join(name, room):
                line = f"JOIN|{name}|{room}"
            case Leave():
                line = "LEAVE"
            case Unknown(kind, body):
                line = f"{kind}|{body}" if body else kind
            case _:
                raise ValueError(f"plain frames have no word for {type(frame).__name__}")
        if FORBIDDEN.search(line) or (type(frame) is Join and "|" in frame.name):
            raise ValueError("this would be another frame, or none: it has a line break, a control character or a pipe")
        return f"{line}\n".encode()

    def encode(self, reply: Event | Frame) -> bytes:
        if type(reply) is Error and reply.code == HTTP.code:
            return http_refusal("400 Bad Request", reply.text)
        if type(reply) is Message:  # of which there are more than of all others
            return b"" if reply.own else _written(Line(answering(reply), sender(reply))).encode()
        return "".join(map(_written, plain(reply))).encode()

    def refusal(self, error: Error) -> bytes:
        return self.encode(error)

    def encode_run(self, messages: Messages) -> bytes:
        if messages.own:
            return b""  # plain clients are promised that nothing comes back
        head, texts = f"MSG|{messages.sender}|", messages.texts
        if "\n" in "".join(texts):  # looking at each of them takes five times as long
            texts = "\n".join(texts).split("\n")  # a frame each
        # One join for the whole run: half the cost of formatting each message, on the way of every message.
        return f"{head}{f'{chr(10)}{head}'.join(texts)}\n".encode()

    def encode_acks(self, acks: Sequence[Ack]) -> bytes:
        return b""  # it has no word for that


def _written(line: Line) -> str:
    """A line as a frame, and several that somebody has said as a frame each. What people say was checked when it came
    in; this is the fence for what plugins write."""
    if line.sender is not None and "\n" in line.text:
        return "".join(_written(line._replace(text=one)) for one in line.text.split("\n"))
    kind = "ERROR" if line.error else "INFO" if line.sender is None else f"MSG|{line.sender}"
    return f"{FORBIDDEN.sub('?', f'{kind}|{line.text}')}\n"
