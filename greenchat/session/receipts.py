"""What one session alone is told, in the order of its requests: what waits to be sure holds up what comes after it."""

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from operator import attrgetter
from typing import Any

from gevent.event import Event as Signal

from greenchat.chat.place import Place
from greenchat.codecs import Codec
from greenchat.errors import Reject
from greenchat.net.outbox import deliver
from greenchat.protocol.replies import Ack, Error
from greenchat.protocol.requests import Ref, Say
from greenchat.protocol.runs import Says
from greenchat.protocol.vocabulary import Request

Hold = Callable[[Any, int, int, Callable[[Reject | None], None]], bool]


rev_of = attrgetter("rev")


class Waiting:
    """Answers that are not to be sent yet; `data` is there once they are."""

    __slots__ = ("acks", "data", "words")

    def __init__(self, acks: Sequence[Ack] = (), words: Sequence[Ack] = (), data: bytes | None = None) -> None:
        self.acks = acks
        self.words = words  # the same, as the codec tells of them
        self.data = data


class Receipts:
    """`hold` is the hook of this name, or None: who keeps messages makes acknowledgements wait until they are kept."""

    __slots__ = ("_codec", "_none_waiting", "_outbox", "_waiting", "_with_words")

    def __init__(self, codec: Codec, outbox: Any) -> None:
        self._codec = codec
        self._with_words: Callable[[Sequence[Ack]], Sequence[Ack]] | None = getattr(codec, "with_words", None)
        self._outbox = outbox
        self._waiting: deque[Waiting] | None = None
        self._none_waiting: Signal | None = None

    def tell(self, data: bytes) -> None:
        if self._waiting:
            self._waiting.append(Waiting(data=data))
        else:
            deliver((self._outbox,), data)

    def acknowledge(self, acks: Sequence[Ack], place: Place | None, hold: Hold | None) -> None:
        """Send `acks`, of messages in `place` (None: of none), or of changes to those, once they may be sent."""
        last = acks[-1] if acks[-1].rev else max(acks, key=rev_of)  # they rise, but for the answers of commands
        seq = last.seq
        words = acks if self._with_words is None else self._with_words(acks)
        if hold is None or place is None or not seq:
            self.tell(self._codec.encode_acks(words))
            return
        if self._waiting is None:
            self._waiting = deque()
        waiting = Waiting(acks, words)
        self._waiting.append(waiting)
        release = partial(self._release, waiting)
        if not hold(place, seq, last.rev, release):
            release(None)

    @property
    def is_waiting(self) -> bool:
        """Whether something is not sent yet."""
        return bool(self._waiting)

    def all_sent(self, timeout: float) -> None:
        """Wait until nothing waits any more, at most `timeout` seconds."""
        if self._waiting:
            self._none_waiting = Signal()
            self._none_waiting.wait(timeout)

    def _release(self, waiting: Waiting, problem: Reject | None) -> None:
        """Send what `waiting` holds, or the `problem` instead, and what waits behind it. Nothing the second time."""
        if waiting.data is not None or self._waiting is None:
            return
        if problem is None:
            waiting.data = self._codec.encode_acks(waiting.words)
        else:  # without a seq, it is the answer of a command, which has said nothing
            waiting.data = b"".join(
                self._codec.encode(Error(problem.code, problem.text, ack.ref) if ack.seq else ack)
                for ack in waiting.acks
            )
        ready = []
        while self._waiting and (data := self._waiting[0].data) is not None:
            ready.append(data)
            self._waiting.popleft()
        if data := b"".join(ready):
            deliver((self._outbox,), data)
        if not self._waiting and self._none_waiting is not None:
            self._none_waiting.set()


def refs_of(taken: Request | Says) -> Sequence[Ref]:
    """Which acknowledgements are due once a plugin has taken this."""
    if isinstance(taken, Says):
        return [ref for ref in taken.refs if ref is not None]
    return (taken.ref,) if type(taken) is Say and taken.ref is not None else ()
