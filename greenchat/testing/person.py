"""Somebody in a chat without sockets: what they say, and what they hear."""

import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from greenchat.codecs.jsonlines import JsonCodec
from greenchat.codecs.plain import PlainCodec, parse_reply
from greenchat.protocol.events import Message
from greenchat.protocol.requests import Join, Leave, Say

if TYPE_CHECKING:
    from greenchat.testing.seat import Seat

CODECS: dict[str, PlainCodec | JsonCodec] = {"plain": PlainCodec(), "json": JsonCodec()}


class Heard:
    """What `hears` has found, or what was heard instead; as a condition, whether it was found."""

    def __init__(self, found: Any, told: str) -> None:
        self.found = found
        self._told = told

    def __bool__(self) -> bool:
        return self.found is not None

    def __repr__(self) -> str:
        return self._told


class Person:
    """`heard` is what they were told and nobody has asked for yet: lines such as "INFO|1" and "MSG|ada|hello" for who
    speaks plain frames, dicts for who speaks JSON. `welcomed` is what they were told on coming in by `Chat.join`.
    `session` is their session, as plugins see it."""

    def __init__(self, name: str, session: "Seat", run: Callable[[Callable[[], object]], object]) -> None:
        self.name = name
        self.session = session
        self._run = run
        self._heard: list[Any] = []
        self.welcomed: list[Any] = []
        self._refs = 0

    def __repr__(self) -> str:
        return f"<{self.name or 'somebody'}: {self.heard}>"

    # --- speak ---

    def says(self, text: str, *, room: str = "", to: str = "", conversation: str = "", reply_to: int = 0) -> None:
        """Type `text` and send it: a message, or a command. When this returns, all that it causes has happened, but for
        what waits for a clock. Who speaks plain frames names no room, and nobody."""
        if self._is_plain and (room or to or conversation or reply_to):
            raise ValueError('plain frames have no word for that: join by chat.join(name, kind="json")')
        self._refs += not self._is_plain
        ref = None if self._is_plain else self._refs
        self._send(CODECS[self.session.codec.name].encode_request(Say(text, room, ref, conversation, to, reply_to)))

    def asks(self, line: str) -> str:
        """Type `line`, mostly a command: what they are told for it, texts and refusals alike, line by line. What was
        told before stays to be heard."""
        before = list(self.heard)
        self._heard = []
        self.says(line)
        told, self._heard = self.heard, before
        return "\n".join(text for frame in told for text in _texts(frame))

    def sends(self, *frames: str | Mapping[str, object]) -> None:
        """Send frames as a client writes them: lines for who speaks plain frames, "JOIN|ada" say, objects for who
        speaks JSON."""
        lines = [frame if isinstance(frame, str) else json.dumps(frame) for frame in frames]
        self._send("".join(f"{line}\n" for line in lines).encode())

    def joins(self, name: str, room: str = "", **more: Any) -> None:
        """Ask to come in; whether that is granted is to be heard."""
        self.name = name
        ref = None if self._is_plain else 0
        self._send(CODECS[self.session.codec.name].encode_request(Join(name, room, ref=ref, **more)))

    def leaves(self) -> None:
        """Leave the chat, as people do who say so."""
        self._send(CODECS[self.session.codec.name].encode_request(Leave()))

    def vanishes(self) -> None:
        """Lose the connection: others notice it after a while, or never."""
        self._run(self.session.vanish)

    # --- hear ---

    @property
    def heard(self) -> list[Any]:
        data = b"".join(self.session.outbox.data)
        self.session.outbox.data.clear()
        lines = data.decode().splitlines()
        self._heard += lines if self._is_plain else [json.loads(line) for line in lines]
        return self._heard

    def hears(self, text: "str | re.Pattern[str] | None" = None, *, by: str = "", **fields: object) -> Heard:
        """Whether they were told this, and nobody has asked for it yet: by what is said there, the whole frame, or a
        pattern; `by` somebody; with these `fields`, for who speaks JSON."""
        heard = self.heard
        for place, frame in enumerate(heard):
            if _fits(frame, text, by, fields):
                del heard[place]
                return Heard(frame, repr(frame))
        asked = [*([repr(text)] if text is not None else []), *([f"by {by}"] if by else []), *map(repr, fields.items())]
        return Heard(None, f"{self.name} has not heard {', '.join(asked)}, but: {heard}")

    @property
    def is_in(self) -> bool:
        """Whether they are in the chat at this moment, with this session."""
        return self.session.member is not None

    @property
    def _is_plain(self) -> bool:
        return self.session.codec.name == "plain"

    def _send(self, data: bytes) -> None:
        if self.session.closing is not None:
            raise AssertionError(f"{self.name} is not connected any more: {self.session.closing}")
        self._run(lambda: self.session.take(data))


def _texts(frame: Any) -> list[str]:
    """What people read of it."""
    if isinstance(frame, str):
        return [getattr(parse_reply(frame), "text", frame)]
    return [text for text in (frame.get("text", ""), *frame.get("lines", ())) if text]


def _fits(frame: Any, text: "str | re.Pattern[str] | None", by: str, fields: Mapping[str, object]) -> bool:
    if isinstance(frame, str):
        if fields:
            raise ValueError('plain frames have no fields: join by chat.join(name, kind="json")')
        reply = parse_reply(frame)
        sender = reply.sender if isinstance(reply, Message) else ""
        texts = [frame, getattr(reply, "text", "")]
    else:
        sender = frame.get("sender", "")
        texts = [frame.get("text", ""), *frame.get("lines", ())]
    if by and sender != by:
        return False
    if any(frame.get(name) != value for name, value in fields.items()):
        return False
    if isinstance(text, re.Pattern):
        return any(text.search(one) for one in texts)
    return text is None or text in texts
