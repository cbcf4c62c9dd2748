"""What stands at the right of the prompt: how the connection is, what waits, and what is unread elsewhere."""

import math
import time
from collections.abc import Iterable, Iterator

from greenchat.connect.common import clean
from greenchat.connect.link import LAG_SECONDS, Link
from greenchat.connect.model.chats import Chats
from greenchat.connect.model.place import Place
from greenchat.protocol.text import some_of

# So many conversations are named: more would not leave room to type.
PLACES_SHOWN = 3


def status(link: Link, chats: Chats) -> str:
    return " | ".join(_parts(link, chats))


def _parts(link: Link, chats: Chats) -> Iterator[str]:
    if not link.is_up:
        wait = math.ceil(link.retry_at - time.monotonic())
        yield f"next try in {wait} s (Enter: now)" if wait > 0 else "connecting"
    lag = link.lag()
    if lag >= LAG_SECONDS:
        yield f"lag {lag:.0f} s"
    if link.model.waiting and (not link.is_up or lag >= LAG_SECONDS):
        yield f"{link.model.waiting} waiting"
    if told := some_of(_unread(chats.ordered(), chats.current), PLACES_SHOWN):
        yield f"unread: {told}"


def _is_unread(place: Place) -> bool:
    return place.unread > 0 and place.level != "none" and not place.gone


def _unread(places: Iterable[Place], current: str) -> list[str]:
    """Those that call for one come first."""
    unread = [place for place in places if _is_unread(place) and place.id != current]
    unread.sort(key=lambda place: not place.mentions)
    return [f"{clean(place.title)} {place.unread}{' @' * bool(place.mentions)}" for place in unread]
