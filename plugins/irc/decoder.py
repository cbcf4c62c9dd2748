"""Bytes of a client to requests."""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import msgpack

from greenchat import Invalid, LineBuffer, Request, Say, Says, slash_at

from .asking import IsStill, ask, label_of
from .beside import Beside, unpacked
from .client import Client
from .frames import Context, IrcLine, context_of
from .grammar import CLIENT_TAG_BYTES, LINE_BYTES, TAG_BYTES, parse
from .names import room_of

Expect = Callable[[str, Beside], None]

# What is read as one run: one person's words to one room, without tags, in lines as all clients send them.
_WORDS = b"PRIVMSG #"


class Decoder:
    """The server's reading half of a connection of `client`. `is_still` tells whether the other one in a conversation,
    by its id, is who has a nick now; `expect` is told of messages that are more than their text."""

    __slots__ = ("_client", "_expect", "_is_still", "_lines")

    def __init__(self, client: Client, is_still: IsStill, expect: Expect = lambda text, beside: None) -> None:
        self._client = client
        self._is_still = is_still
        self._expect = expect
        self._lines = LineBuffer(TAG_BYTES + LINE_BYTES)

    def feed(self, data: bytes) -> Sequence[Any]:
        block, overlong = self._lines.feed(data)
        frames: list[Any] = []
        says = None
        if block is not None:
            says = self._says(block) if block.startswith(_WORDS) else None
            if says is None:
                for line in block.split(b"\n"):
                    frames += self._requests(line.removesuffix(b"\r"))
        for fatal in overlong:
            frames.append(_too_long(fatal=fatal))
        if says is None:
            return frames
        return [*says, *frames] if frames else says

    def goodbye(self, reason: str) -> bytes:
        return f"ERROR :Closing link: {reason}\r\n".encode()

    def state(self) -> bytes:
        return msgpack.encode((*self._lines.state(), self._client.state()))

    def restore(self, state: bytes) -> None:
        tail, skipped, client = msgpack.decode(state, type=tuple[bytes, int, bytes])
        self._lines.restore(tail, skipped)
        self._client.restore(client)

    def _requests(self, raw: bytes) -> Sequence[Request | IrcLine]:
        if not raw.strip(b" "):
            return ()
        tags, _, rest = raw.partition(b" ") if raw.startswith(b"@") else (b"", b"", raw)
        if len(rest) > LINE_BYTES - 2 or len(tags) + 1 > CLIENT_TAG_BYTES:
            return [_too_long()]
        if b"\0" in raw or b"\r" in raw:
            return [IrcLine("421", ["*"], ref=Context("").ref)]
        try:
            line = parse(raw.decode())
        except UnicodeDecodeError:
            line = parse(raw.decode(errors="replace"))
            verb, label = line.verb[:20], label_of(self._client, line)
            return [IrcLine("INVALID_UTF8", [verb], ref=Context(verb, "", label).ref)]
        requests = ask(self._client, line, self._is_still) if line.verb else []
        for request in requests:
            if type(request) is Say and (beside := unpacked(context_of(request.ref).extra)) is not None:
                at = slash_at(request.text)  # it is said with one slash less
                self._expect(request.text if at < 0 else request.text[:at] + request.text[at + 1 :], beside)
        return requests

    def _says(self, block: bytes) -> Says | None:
        """What a block of words to one room says; None where there is anything else in it, or what needs a look."""
        client = self._client
        if not client.is_registered or b"\x01" in block or b"\0" in block:
            return None
        head, colon, _ = block.partition(b" :")
        channel = head.removeprefix(b"PRIVMSG ")
        if not colon or b"," in channel or b" " in channel or b"\n" in channel:
            return None
        parts = block.replace(b"\r\n", b"\n").removesuffix(b"\r").split(b"\n" + head + colon)
        parts[0] = parts[0][len(head) + len(colon) :]
        try:
            texts = [part.decode() for part in parts]
            room = room_of(channel.decode())
        except UnicodeDecodeError:
            return None
        longest = LINE_BYTES - 2 - len(head) - len(colon)
        if not room or any(not _is_plain(one, longest) for one in texts):
            return None
        ref = Context("PRIVMSG", f"#{room}").ref
        return Says(texts, room, [ref] * len(texts))


def _is_plain(text: str, longest: int) -> bool:
    """Whether it is said as it stands."""
    if not text or "\n" in text or "\r" in text or len(text.encode()) > longest or slash_at(text) >= 0:
        return False
    return text.isprintable()


def _too_long(*, fatal: bool = False) -> Request | IrcLine:
    if fatal:
        return Invalid("too_long", "The line does not end. This is no IRC.", None, fatal=True)
    return IrcLine("417", ref=Context("").ref)
