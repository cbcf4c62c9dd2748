"""What was told in a row in one room, as events and as bytes: encoded once for each codec."""

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Protocol

from msgspec.structs import replace

from greenchat.chat.cascade import Cause
from greenchat.chat.ignoring import Ignored, Reader
from greenchat.chat.outlet import Outlet
from greenchat.codecs import Codec
from greenchat.protocol.events import Event, Message
from greenchat.protocol.runs import Messages
from greenchat.protocol.vocabulary import WITH_WORDS

log = logging.getLogger("greenchat.fanout")

Deliver = Callable[[Iterable[Any], bytes], None]


class Author(Reader, Protocol):
    """Whose words they are: a member, with the sessions that it has."""

    sessions: list[Any]


class EventBatch:
    """A run of messages, or one event of another kind. The words in it, if there are any, are the `author`'s. Those
    that `skips` holds are not told."""

    __slots__ = ("_encoded", "_own", "author", "cause", "events", "skips")

    def __init__(self, events: Sequence[Event], author: Author | None = None, skips: Collection[Outlet] = ()) -> None:
        self.author = author
        self.skips = skips
        self.events = events
        self.cause: Cause | None = None  # what a plugin was told of, that has made it do this
        self._encoded: dict[Codec, bytes] = {}
        self._own: EventBatch | None = None

    @property
    def has_messages(self) -> bool:
        return type(self.events) is Messages or type(self.events[0]) is Message

    @property
    def apart(self) -> Iterable[Outlet]:
        """Who is not told the same as the others, besides those who ignore somebody."""
        if self.author is not None and self.has_messages:
            return (*self.skips, *self.author.sessions)
        return self.skips

    def encode(self, codec: Codec) -> bytes:
        """The run as bytes; to be called only when nothing is added any more."""
        data = self._encoded.get(codec)
        if data is None:
            events = self.events
            try:
                if type(events) is Messages and not (events.action or events.files):
                    data = codec.encode_run(events)
                else:
                    data = codec.encode(events[0])
                if type(data) is not bytes:
                    raise TypeError(f"a codec has made {type(data).__name__} instead of bytes")
            except BaseException:  # a codec may be a plugin's, and so may be the kind of an event
                data = self._encode_each(codec)
            self._encoded[codec] = data
        return data

    def encode_for(self, outlet: Outlet, reader: Reader, codec: Codec | None = None) -> bytes:
        """The same, as one session of `reader` is told of it: perhaps nothing. It is written by `codec`, or as for all
        others."""
        if outlet in self.skips:
            return b""
        codec = codec or outlet.shared_codec
        if self.author is reader and self.has_messages:
            return self._as_own().encode(codec)
        return b"" if self._is_ignored(reader) else self.encode(codec)

    def _as_own(self) -> "EventBatch":
        """As its author is told of it on other devices."""
        if self._own is None:
            events, first = self.events, self.events[0]
            if type(events) is Messages:
                self._own = EventBatch(events.as_own())
            else:
                assert isinstance(first, Message)
                self._own = EventBatch((replace(first, own=True),))
        return self._own

    def _is_ignored(self, reader: Reader) -> bool:
        if not reader.ignored or self.author is None:
            return False
        has_words = type(self.events) is Messages or isinstance(self.events[0], WITH_WORDS)
        return has_words and reader.ignored.covers(self.author)

    def _encode_each(self, codec: Codec) -> bytes:
        """What can be encoded of it: what cannot be sent is not to take along what others have said in this turn."""
        encoded = []
        for event in self.events:
            try:
                encoded.append(b"" + codec.encode(event))
            except BaseException:
                log.exception("%s cannot be written by %s, and is not sent", _kind(event), _kind(codec))
        return b"".join(encoded)


class QuotingBatch(EventBatch):
    """One event about a message that was said before. Clients that know no numbers are told it in other words: `words`
    quote that message, and are not for those of whom it `is_ignored`: they read `unquoted`."""

    __slots__ = ("_is_ignored_by", "_unquoted", "_words")

    def __init__(
        self,
        events: Sequence[Event],
        author: Author,
        words: Event,
        is_ignored: Callable[[Ignored], bool],
        unquoted: Event,
        skips: Collection[Outlet] = (),
    ) -> None:
        super().__init__(events, author, skips)
        self._words = EventBatch((words,))
        self._is_ignored_by = is_ignored
        self._unquoted = unquoted

    def encode(self, codec: Codec) -> bytes:
        return super().encode(codec) if knows_numbers(codec) else self._words.encode(codec)

    def encode_for(self, outlet: Outlet, reader: Reader, codec: Codec | None = None) -> bytes:
        codec = codec or outlet.shared_codec
        if knows_numbers(codec) or not reader.ignored or not self._is_ignored_by(reader.ignored):
            return super().encode_for(outlet, reader, codec)
        if outlet in self.skips or self._is_ignored(reader) or (self.author is reader and self.has_messages):
            return b""
        return EventBatch((self._unquoted,)).encode(codec)


class MessageBatch(EventBatch):
    """A run of messages, to which its `origin` may add `texts`, until it is closed. The next is said under `next_id`,
    if nobody has said anything else meanwhile, in whatever room."""

    __slots__ = ("messages", "next_id", "origin", "texts")

    def __init__(self, author: Author, origin: Outlet | None, messages: Messages) -> None:
        super().__init__(messages, author, () if origin is None else (origin,))
        self.origin = origin
        self.messages = messages
        self.texts: list[str] = []
        messages.texts = self.texts
        self.next_id = messages.id

    def close(self) -> None:
        """Nothing is added any more: also those who see it cannot do that."""
        self.messages.texts = tuple(self.texts)


def deliver_part(runs: Sequence[EventBatch], outlet: Outlet, reader: Reader, deliver: Deliver) -> None:
    """Deliver to one session what `runs` hold for it."""
    data = b"".join([run.encode_for(outlet, reader) for run in runs])
    if data:
        deliver((outlet.outbox,), data)


def knows_numbers(codec: Codec) -> bool:
    """Whether its clients are told the numbers of messages, and so know which one is meant. Codecs of plugins that do
    not say otherwise do."""
    return getattr(codec, "numbers", True)


def _kind(thing: object) -> str:
    return f"{type(thing).__module__}.{type(thing).__qualname__}"
