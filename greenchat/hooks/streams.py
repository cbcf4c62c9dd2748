"""Bodies that are too long to be in memory: what is sent to a route, and what it answers, part by part."""

from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct

from greenchat.errors import Reject
from greenchat.hooks.ending import Killed

# How long a body that comes or goes part by part may take, in seconds: 10 MB on a line of 20 kB a second.
STREAM_SECONDS = 600.0

# How many routes of one plugin take or send one at once. Each costs a greenlet and a part, and most of its time it
# waits for a slow line.
STREAMS_AT_ONCE = 100


class Parts(Struct, frozen=True):
    """The body of an answer of so many bytes, as `parts`: they are asked for one after the other, each once the one
    before is sent. To ask may wait, and raises `Reject` where there is no more of it after all."""

    length: int
    parts: Iterable[bytes]


def guarded(body: Parts, failed: Callable[[BaseException], object]) -> Parts:
    """The same, for who sends it: whatever goes wrong in making its parts is told to `failed`, and ends the connection,
    as does a body that is shorter or longer than was said: raised as `OSError`."""
    return Parts(body.length, _guarded(body, failed))


def _guarded(body: Parts, failed: Callable[[BaseException], object]) -> Iterator[bytes]:
    left = body.length
    try:
        parts = iter(body.parts)
        while left > 0:
            part = next(parts, b"")
            if not part or len(part) > left:
                raise ValueError("a route has sent another number of bytes than it has said")
            left -= len(part)
            yield part
    except (GeneratorExit, Killed):
        raise
    except Reject as verdict:
        raise OSError(str(verdict)) from None
    except BaseException as error:
        failed(error)
        raise OSError("the answer ends here") from error
