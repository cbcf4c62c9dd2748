"""What was told in a row in one room, as events and as bytes: encoded once for each codec."""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from greenchat.chat.cascade import Cause
from greenchat.chat.ignoring import Reader
from greenchat.codecs import Codec
from greenchat.protocol.events import Event
from greenchat.protocol.runs import Messages
from greenchat.protocol.vocabulary import WITH_WORDS

log = logging.getLogger("greenchat.fanout")

Deliver = Callable[[Iterable[Any], bytes], None]


class EventBatch:
    """A run of messages, or one event of another kind. `origin` does not get them back; the words in them, if there are
    any, are the `author`'s."""

    __slots__ = ("_encoded", "author", "cause", "events", "origin")

    def __init__(self, origin: Reader | None, events: Sequence[Event], author: Reader | None = None) -> None:
        self.origin = origin
        self.author = author or origin
        self.events = events
        self.cause: Cause | None = None  # what a plugin was told of, that has made it do this
        self._encoded: dict[Codec, bytes] = {}

    def encode(self, codec: Codec) -> bytes:
        """The run as bytes; to be called only when nothing is added any more."""
        data = self._encoded.get(codec)
        if data is None:
            events = self.events
            try:
                if type(events) is Messages and not events.action:
                    data = codec.encode_run(events)
                else:
                    data = codec.encode(events[0])
                if type(data) is not bytes:
                    raise TypeError(f"a codec has made {type(data).__name__} instead of bytes")
            except BaseException:  # a codec may be a plugin's, and so may be the kind of an event
                data = self._encode_each(codec)
            self._encoded[codec] = data
        return data

    def _encode_each(self, codec: Codec) -> bytes:
        """What can be encoded of it: what cannot be sent is not to take along what others have said in this turn."""
        encoded = []
        for event in self.events:
            try:
                encoded.append(b"" + codec.encode(event))
            except BaseException:
                log.exception("%s cannot be written by %s, and is not sent", _kind(event), _kind(codec))
        return b"".join(encoded)


class MessageBatch(EventBatch):
    """A run of messages, to which its origin may add `texts`, until it is closed. The next is said under `next_id`, if
    nobody has said anything else meanwhile, in whatever room."""

    __slots__ = ("messages", "next_id", "texts")

    def __init__(self, member: Reader, messages: Messages) -> None:
        super().__init__(member, messages)
        self.messages = messages
        self.texts: list[str] = []
        messages.texts = self.texts
        self.next_id = messages.id

    def close(self) -> None:
        """Nothing is added any more: also those who see it cannot do that."""
        self.messages.texts = tuple(self.texts)


def deliver_part(runs: Sequence[EventBatch], member: Reader, deliver: Deliver) -> None:
    """Deliver to one member what `runs` hold for it: all but its own, and what those say whom it ignores."""
    data = b"".join(
        [run.encode(member.codec) for run in runs if run.origin is not member and not _is_ignored(run, member)]
    )
    if data:
        deliver((member.outbox,), data)


def _is_ignored(run: EventBatch, member: Reader) -> bool:
    if not member.ignored or run.author is None:
        return False
    return (type(run.events) is Messages or isinstance(run.events[0], WITH_WORDS)) and member.ignored.covers(run.author)


def _kind(thing: object) -> str:
    return f"{type(thing).__module__}.{type(thing).__qualname__}"
