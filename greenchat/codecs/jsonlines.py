"""JSON Lines: one object a line, for clients that want more than plain frames can say.

PROTOCOL.md, "JSON Lines", is the specification. The structs of requests.py, replies.py and events.py are the
vocabulary: what they declare is what goes over the wire.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from greenchat.codecs.advice import BY_CLIENT, in_full
from greenchat.codecs.lines import LineBuffer, fits
from greenchat.codecs.plain import NOT_UTF8, too_long
from greenchat.errors import Reject
from greenchat.protocol import vocabulary
from greenchat.protocol.events import Event
from greenchat.protocol.replies import Ack, Answer, Error
from greenchat.protocol.requests import Edit, Frame, Invalid, Ref, RunCommand, Say, Unknown
from greenchat.protocol.runs import Messages, Says
from greenchat.protocol.text import FORBIDDEN, KEY_LENGTH, in_lines, is_key
from greenchat.protocol.vocabulary import Request, any_of, tags

_REQUESTS = msgspec.json.Decoder(any_of(vocabulary.REQUESTS))
_REPLIES = msgspec.json.Decoder(any_of(vocabulary.SENT))
_REQUEST_TAGS = tags(vocabulary.REQUESTS)
_REPLY_TAGS = tags(vocabulary.SENT)
_ANYTHING = msgspec.json.Decoder()
_ENCODER = msgspec.json.Encoder()


class JsonRequestDecoder:
    """Client bytes to requests."""

    __slots__ = ("_limit", "_lines")

    def __init__(self, frame_bytes: int) -> None:
        self._limit = frame_bytes
        self._lines = LineBuffer(frame_bytes)

    def feed(self, data: bytes) -> Sequence[Request]:
        block, overlong = self._lines.feed(data)
        frames: Sequence[Request] = [] if block is None else self._decode_block(block)
        if overlong:
            return [*frames, *(too_long(self._limit, fatal=fatal) for fatal in overlong)]
        return frames

    def goodbye(self, reason: str) -> bytes:
        return b""

    def state(self) -> bytes:
        return msgspec.msgpack.encode(self._lines.state())

    def restore(self, state: bytes) -> None:
        self._lines.restore(*msgspec.msgpack.decode(state, type=tuple[bytes, int]))

    def _decode_block(self, block: bytes) -> Sequence[Request]:
        newlines = block.count(b"\n")
        # Almost every chunk is an object on each line: decoded in one go at a third of the cost.
        if (
            block[:1] == b"{"
            and block[-1:] == b"}"
            and block.count(b"}\n{") == newlines
            and fits(block, self._limit)
            and (block.isascii() or _is_utf8(block))
        ):
            # A control character could come as an escape, as DEL, or as what is not ASCII; the others are no JSON.
            safe = block.isascii() and b"\\" not in block and b"\x7f" not in block
            try:
                frames: list[Request] = _REQUESTS.decode_lines(block)
            except (msgspec.DecodeError, RecursionError):
                frames = []  # line by line, to tell which of them, and why
            if len(frames) == newlines + 1:  # or there were two objects on one line, which is refused
                return _run(frames, safe) or [
                    frame if safe and not (type(frame) is Say and frame.key) else _checked(frame) for frame in frames
                ]
        return [self._decode(line) for line in _lines(block)]

    def _decode(self, line: bytes) -> Request:
        if self._limit and len(line) > self._limit:
            return too_long(self._limit)
        try:
            if not line.isascii():
                line.decode()  # msgspec does not look into fields that nobody declared
            frame: Request = _REQUESTS.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return _explain(line, error)
        return _checked(frame)


def _checked(frame: Request) -> Request:
    """Line breaks and control codes come as escapes inside a JSON string, so they are looked for once decoded."""
    if isinstance(frame, Say | Edit) and FORBIDDEN.search(frame.text):
        try:
            frame = replace(frame, text=in_lines(frame.text))
        except Reject as verdict:
            told = in_full(verdict, BY_CLIENT)
            return Invalid(told.code, told.text, frame.ref)
    if type(frame) is RunCommand:
        try:
            frame = replace(frame, args={name: _cleaned(value) for name, value in frame.args.items()})
        except Reject as verdict:
            told = in_full(verdict, BY_CLIENT)
            return Invalid(told.code, told.text, frame.ref)
    if type(frame) is Say and frame.key and not is_key(frame.key):
        text = f"A key has 1 to {KEY_LENGTH} characters that can be seen, and no spaces."
        return Invalid("malformed", text, frame.ref)
    return frame


def _cleaned(value: Any) -> Any:
    """What stands for one argument of a command, with its texts as those that are said. Raises `Reject`."""
    if isinstance(value, list):
        return [_cleaned(one) for one in value]
    return in_lines(value) if isinstance(value, str) and FORBIDDEN.search(value) else value


def _run(frames: Sequence[Request], safe: bool) -> Says | None:
    """`frames` as a run, if they are messages of one line for one room, and nothing else. With `safe`, it is known that
    nothing forbidden is in them."""
    first = frames[0]
    if type(first) is not Say:
        return None
    room = first.room
    says = [
        say
        for say in frames
        if type(say) is Say and say.room == room and not (say.conversation or say.to or say.reply_to or say.key)
    ]
    if len(says) != len(frames):
        return None
    texts = [say.text for say in says]
    if not safe and not (together := "".join(texts)).isprintable() and FORBIDDEN.search(together):
        return None
    refs = [say.ref for say in says]
    return Says(texts, room, () if refs.count(None) == len(refs) else refs)


def _is_utf8(block: bytes) -> bool:
    """msgspec does not look into fields that nobody declared."""
    try:
        block.decode()
    except UnicodeDecodeError:
        return False
    return True


def _explain(line: bytes, error: Exception) -> Request:
    """Why `line` is no request; its `ref` is found where there is one, so that the client knows which of its own."""
    try:
        line.decode()
    except UnicodeDecodeError:
        return NOT_UTF8
    try:
        thing: Any = _ANYTHING.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return Invalid("malformed", "This is not a JSON object on one line. See PROTOCOL.md.")
    if not isinstance(thing, dict):
        return Invalid("malformed", 'A frame is a JSON object, such as {"type":"say","text":"hi"}.')
    ref: Ref = thing["ref"] if type(thing.get("ref")) in (str, int) else None  # a bool is an int, but no ref
    kind = thing.get("type")
    if isinstance(kind, str) and kind not in _REQUEST_TAGS:
        return Unknown(kind, line.decode(), ref)
    return Invalid("malformed", f"The frame does not fit: {_reason(error)}.", ref)


def _reason(error: Exception) -> str:
    """msgspec's own words, with `$.text` as `text`."""
    return str(error).replace("`$.", "`").replace(" - at", " at")


class JsonReplyDecoder:
    """Server bytes to events and answers."""

    __slots__ = ("_lines",)

    def __init__(self) -> None:
        self._lines = LineBuffer(0)  # a client trusts the server it chose

    def feed(self, data: bytes) -> Sequence[Event | Frame]:
        block, _ = self._lines.feed(data)
        return [] if block is None else [self._decode(line) for line in _lines(block)]

    def _decode(self, line: bytes) -> Event | Frame:
        try:
            reply: Event | Frame = _REPLIES.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return _answer(line) or Invalid("malformed", str(error))
        return reply


class _Lines(msgspec.Struct):
    """What every `Answer` has, whatever else the plugin that declared it has put into it."""

    type: str
    lines: list[str]
    ref: Ref = None


_LINES = msgspec.json.Decoder(_Lines)


def _answer(line: bytes) -> Answer | None:
    """The answer of a command, of a type that some plugin has declared: what it says to people."""
    try:
        answer = _LINES.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return None if answer.type in _REPLY_TAGS else Answer(lines=answer.lines, ref=answer.ref)


def _lines(block: bytes) -> Iterable[bytes]:
    """The lines of a block that are not empty; JSON itself takes a `\\r` at the end for white space."""
    return filter(None, (line.removesuffix(b"\r") for line in block.split(b"\n")))


class JsonCodec:
    """See `greenchat.codecs.Codec`."""

    name = "json"
    pings = True
    many_rooms = True
    tokens = True
    numbers = True
    advice = BY_CLIENT

    def request_decoder(self, frame_bytes: int) -> JsonRequestDecoder:
        return JsonRequestDecoder(frame_bytes)

    def reply_decoder(self) -> JsonReplyDecoder:
        return JsonReplyDecoder()

    def encode_request(self, frame: Request) -> bytes:
        """A client's request. Raises `ValueError` for an `Invalid`, which is none."""
        if isinstance(frame, Invalid):
            raise ValueError("an Invalid is not a request")
        line = frame.body.encode() if isinstance(frame, Unknown) else _ENCODER.encode(frame)
        return line + b"\n"

    def encode(self, reply: Event | Frame) -> bytes:
        return _ENCODER.encode(reply) + b"\n"

    def refusal(self, error: Error) -> bytes:
        return self.encode(error)

    def encode_run(self, messages: Messages) -> bytes:
        return _ENCODER.encode_lines(list(messages))

    def encode_acks(self, acks: Sequence[Ack]) -> bytes:
        return _ENCODER.encode_lines(acks)
