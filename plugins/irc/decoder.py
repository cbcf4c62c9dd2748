"""Bytes of a client to requests."""

from collections.abc import Callable, Sequence
from time import time
from typing import Any

from msgspec import msgpack

from greenchat import Invalid, LineBuffer, Request, RunCommand, Say, Says, slash_at

from .asking import ask, label_of
from .bearers import IsStill
from .beside import Beside, unpacked
from .client import Client
from .frames import Context, IrcLine, context_of
from .grammar import CLIENT_TAG_BYTES, LINE_BYTES, TAG_BYTES, parse
from .names import room_of, source

Expect = Callable[[Say | RunCommand, str, Beside], None]

# What is read as one run: one person's words to one room, without tags, in lines as all clients send them.
_TO = b"PRIVMSG "
_WORDS = b"PRIVMSG #"

# No client sends that.
ENDLESS = Invalid("too_long", "The line is too long for IRC", None, fatal=True)

# What is not said as it stands, and ends a line.
_CONTROLS = bytes([*range(32), 127])


class Decoder:
    """The server's reading half of a connection of `client`. `is_still` tells whether the other one in a conversation,
    by its id, is who has a nick now; `expect` is told of messages that are more than their text."""

    __slots__ = ("_client", "_expect", "_is_still", "_lines")

    def __init__(self, client: Client, is_still: IsStill, expect: Expect = lambda request, text, beside: None) -> None:
        self._client = client
        self._is_still = is_still
        self._expect = expect
        self._lines = LineBuffer(TAG_BYTES + LINE_BYTES)

    def feed(self, data: bytes) -> Sequence[Any]:
        client = self._client
        client.heard = time()
        if client.is_registered:
            client.since = 0.0  # it was told all that it had missed; of rooms into which it comes now, it is told all
        block, overlong = self._lines.feed(data)
        frames: list[Any] = []
        says = None
        if block is not None:
            says = self._says(block) if block.startswith(_WORDS) else None
            if says is None:
                for line in block.split(b"\n"):
                    frames += self._requests(line.removesuffix(b"\r"))
        if overlong:
            frames.append(ENDLESS)
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
        if len(raw) > TAG_BYTES + LINE_BYTES:
            return [ENDLESS]
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
            said = _said(request)
            if said is not None and (beside := unpacked(context_of(request.ref).extra)) is not None:
                self._expect(*said, beside)
        return requests

    def _says(self, block: bytes) -> Says | None:
        """What a block of words to one room says; None where there is anything else in it, or what needs a look."""
        head, colon, _ = block.partition(b" :")
        channel = head.removeprefix(_TO)
        if not self._client.is_registered or not colon or b"," in channel or b" " in channel:
            return None
        end = "\r\n" if block.endswith(b"\r") else "\n"
        try:
            texts = block.decode().removesuffix("\r").split(f"{end}{head.decode()} :")
            room = room_of(channel.decode())
        except UnicodeDecodeError:
            return None
        # The ends of these lines, but for the \n of the last, are all that is no sign to be shown.
        if len(block) - len(block.translate(None, _CONTROLS)) != len(texts) * len(end) - 1:
            return None
        head += colon
        texts[0] = texts[0][len(head.decode()) :]
        before = len(f":{source(self._client.shown)} ".encode()) + len(head)  # as others get it, see is_told_whole
        if not room or not _are_plain(texts, LINE_BYTES - 2 - before):
            return None
        return Says(texts, room, [Context("PRIVMSG", channel.decode()).ref] * len(texts))


def _are_plain(texts: Sequence[str], longest: int) -> bool:
    """Whether all of them, which have no control characters of ASCII, are said as they stand."""
    first, all_of_it = min(texts), "".join(texts)
    if not first or (first < "0" and any(slash_at(one) >= 0 for one in texts)):
        return False
    if all_of_it.isascii():
        return max(map(len, texts)) <= longest
    return all_of_it.isprintable() and all(len(one.encode()) <= longest for one in texts)


def _said(request: Request | IrcLine) -> tuple[Say | RunCommand, str] | None:
    """A request that says something, and its words, as they are said."""
    if isinstance(request, RunCommand) and request.name == "me":
        return request, str(request.args["text"])
    if not isinstance(request, Say):
        return None
    at = slash_at(request.text)  # it is said with one slash less
    return request, request.text if at < 0 else request.text[:at] + request.text[at + 1 :]


def _too_long() -> IrcLine:
    return IrcLine("417", ref=Context("").ref)
