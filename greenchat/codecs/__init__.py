"""Bytes to frames and back, for server and client alike. Nothing here does I/O or knows who asks.

A codec is stateless and shared, but for those that know their connection (see `shared_of`); a decoder belongs to one
direction of one connection.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeGuard

from greenchat.errors import Advice
from greenchat.protocol.events import Event
from greenchat.protocol.replies import Ack, Error
from greenchat.protocol.requests import Frame
from greenchat.protocol.runs import Messages
from greenchat.protocol.vocabulary import Request


class RequestDecoder(Protocol):
    """The server's reading half of one connection."""

    def feed(self, data: bytes) -> Sequence[Request]:
        """The frames that `data` completes, in order. Never raises: what cannot be understood is an `Invalid`."""

    def goodbye(self, reason: str) -> bytes:
        """What the connection is sent last, behind all that waits for it, when it ends for `reason`. Mostly nothing:
        what there is to say to people has been said."""


class CarriedDecoder(Protocol):
    """What a `RequestDecoder` has as well whose connections outlast the process, wherever in a frame they are."""

    def state(self) -> bytes:
        """What it has been fed, as far as that matters to what comes next."""

    def restore(self, state: bytes) -> None:
        """Go on where another one was, which has told its `state`; to be called before it is fed. Raises `ValueError`
        for what is none."""


def can_be_carried(decoder: RequestDecoder) -> TypeGuard[CarriedDecoder]:
    """Whether it is a `CarriedDecoder` too. `isinstance` takes twenty times as long, for each of all connections."""
    return hasattr(decoder, "state") and hasattr(decoder, "restore")


class ReplyDecoder(Protocol):
    """The client's reading half of one connection."""

    def feed(self, data: bytes) -> Sequence[Event | Frame]:
        """The frames that `data` completes, in order. What cannot be understood is an `Invalid`."""


class Refusals(Protocol):
    """How connections of a kind are turned away. `advice` is what people are told to do there: see advice.py."""

    advice: Mapping[Advice, str]

    def refusal(self, error: Error) -> bytes:
        """All that a connection is sent which is refused before it has a session."""


class Codec(Refusals, Protocol):
    """One way to write the chat down, as far as the server needs it. Those that clients of ours speak can also
    `encode_request`, and make a `reply_decoder`.

    Who comes in is greeted with what it makes of a `Welcome`; the decoder says how the connection is bid goodbye.
    """

    name: str
    pings: bool  # whether its clients may be sent a ping
    many_rooms: bool  # whether its clients can be in several rooms at once
    tokens: bool  # whether its clients are told tokens, with which they come back after the connection was lost

    # It may have `quits`: true where its clients are told once that somebody has left the chat, and not for each room.
    # `wants_acks`: false where they are told only what was refused of what they said in a row, whatever refs that has.
    # And `with_words(acks)`: asked at once, where what it tells of acks has what was said in it. It gives back what
    # `encode_acks` gets once all is kept, and rooms may have forgotten it.

    @property
    def numbers(self) -> bool:
        """Whether its clients are told which number a message has, and what becomes of it by that."""

    def request_decoder(self, frame_bytes: int) -> RequestDecoder: ...

    def encode(self, reply: Event | Frame) -> bytes:
        """One event or answer as bytes; empty where this codec has no word for it."""

    def encode_run(self, messages: Messages) -> bytes:
        """What one person said in a row, and no action."""

    def encode_acks(self, acks: Sequence[Ack]) -> bytes:
        """As `encode`, of each."""


def shared_of(codec: Codec) -> Codec:
    """By what the rooms' events are written for a connection that speaks `codec`: mostly by that. One that knows its
    connection, and so answers it otherwise than others, has a `shared` one: what is told to many is written once for
    all whose shared one is the same object."""
    shared: Codec = getattr(codec, "shared", codec)
    return shared


def for_one_more(codec: Codec) -> Codec:
    """What one more connection of the kind of `codec` speaks: mostly the same. One that knows its connection has
    `another` for each."""
    another = getattr(codec, "another", None)
    return codec if another is None else another()
