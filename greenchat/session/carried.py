"""A session as it is carried from one process to the next: plain data, of which another process makes it again."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct, json

from greenchat.codecs import Codec
from greenchat.protocol.requests import Hangup, Invalid, Ref, Unknown
from greenchat.protocol.runs import Says
from greenchat.protocol.vocabulary import REQUESTS, Request, any_of


class CarriedSession(Struct, array_like=True):
    """`descriptor` is its socket's, which stays open. `member` is the place of its member among all that are carried,
    -1 for none; `network` is what its connection counts for. `decoder` is the state of its decoder, `frames` what that
    has read and nobody has handled, `outbox` what it has been told and the kernel has not taken. Times are those of a
    clock that does not stop, in seconds; `join_seconds` is how long it may still take to join. `tokens` is what flood
    control has left for who shares that with no member. With `closing`, it ends; with `drains`, it has ended but for
    what is on its way."""

    id: int
    descriptor: int
    address: str
    network: str | None
    codec: str
    decoder: bytes
    frames: bytes
    outbox: bytes
    since: datetime
    member: int
    account: str
    account_id: int
    role: str
    only: str
    is_welcome: bool
    replay: bool
    trusted: bool
    device: str
    device_id: int
    device_token: str
    heard_at: float
    spoke_at: float
    pinged_at: float
    knows_pings: bool
    join_seconds: float
    tokens: float | None
    closing: str | None
    is_lost: bool
    drains: bool

    def __repr__(self) -> str:
        return f"CarriedSession(id={self.id}, codec={self.codec!r})"  # what is said does not get into a log


class Run(Struct, tag_field="type", tag="run"):
    """Messages in a row: see `Says`."""

    texts: list[str]
    room: str
    refs: list[Ref]


def encode_frames(frames: Sequence[Request]) -> bytes:
    """Requests as they are carried."""
    if not frames:
        return b""
    # As JSON: a ref may be a number that is larger than msgpack has.
    if isinstance(frames, Says):
        return json.encode([Run(list(frames.texts), frames.room, list(frames.refs))])
    return json.encode(frames)


def decode_frames(data: bytes, codec: Codec) -> Sequence[Request]:
    """The other way round, for a session that speaks `codec`, which may have kinds of its own. Raises `ValueError`."""
    if not data:
        return []
    own: tuple[type[Struct], ...] = getattr(codec, "own_requests", ())
    found: list[Any] = json.decode(data, type=list[any_of((*REQUESTS, Hangup, Unknown, Invalid, Run, *own))])  # type: ignore[misc]
    first = found[0] if found else None
    return Says(first.texts, first.room, first.refs) if isinstance(first, Run) else found
