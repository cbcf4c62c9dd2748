"""What the bars of the screen say: where one is, what one answers, and how the connection is."""

import math
import time
from typing import Protocol

from textual.geometry import Size

from greenchat.connect.link import LAG_SECONDS, Link
from greenchat.connect.model.model import Model
from greenchat.connect.model.place import Place
from greenchat.connect.screen.bars import Part
from greenchat.connect.screen.choosing import Choosing
from greenchat.connect.screen.log import Log
from greenchat.connect.screen.panes import count_of, style_of
from greenchat.connect.screen.theme import Look
from greenchat.connect.screen.wrapping import cut, width_of

# So many conversations with something unread are told above the one that is looked at, each by so much of its name.
MOST_TOLD = 3
SHORT_TITLE = 10


class Shown(Protocol):
    """What it needs of the screen."""

    model: Model
    look: Look
    link: Link
    log_pane: Log
    notice: str
    is_error: bool

    @property
    def size(self) -> Size: ...
    @property
    def choosing(self) -> Choosing: ...
    @property
    def lists_conversations(self) -> bool: ...


def is_short(notice: str, width: int) -> bool:
    """Whether it has room in the line in which all else of the connection is told."""
    return width_of(notice) <= width - 2


def topic(app: Shown) -> list[Part]:
    place = app.model.chats.place
    if place is None:
        return [("No conversation: /join ROOM takes you to one", app.look.strong)]
    return [
        (f"{place.sign}{place.title}", app.look.strong),
        *elsewhere(app, place),
        (f"{len(place.pins)} pinned: /pins" if place.pins else "", app.look.dim),
        (place.gone or place.topic, app.look.text),
    ]


def elsewhere(app: Shown, here: Place) -> list[Part]:
    """What is unread in other conversations: how much, or where, if there is no list of them beside it."""
    places = [*enumerate(app.model.chats.ordered(), 1)]
    unread = [(at, one) for at, one in places if one.unread and one is not here and one.level != "none"]
    if app.lists_conversations:
        count = sum(one.unread for _, one in unread)
        return [(f"({count} unread elsewhere)" if count else "", app.look.unread)]
    calling = sorted(unread, key=lambda one: not (one[1].mentions or one[1].is_direct))
    return [
        (
            f"{f'{at}:' if at <= 9 else ''}{one.sign}{cut(one.title, SHORT_TITLE)} {count_of(one)}",
            style_of(one, app.look),
        )
        for at, one in calling[:MOST_TOLD]
    ]


def about(app: Shown) -> list[Part]:
    place = app.model.chats.place
    about = place.draft.about if place is not None else None
    if place is None or about is None:
        return []
    message = place.timeline.message(about.seq)
    quoted = f"{message.sender}: {message.text}" if message is not None else ""
    return [("Answer to" if about.kind == "reply" else "Change", app.look.strong), (quoted, app.look.dim)]


def status(app: Shown) -> list[Part]:
    look, link = app.look, app.link
    parts: list[Part] = []
    if not link.is_up:
        wait = max(0, math.ceil(link.retry_at - time.monotonic()))
        parts.append((f"not connected, next try in {wait} s (Enter: now)" if wait else "connecting …", look.error))
    if app.notice and is_short(app.notice, app.size.width):
        parts.append((app.notice, look.error if app.is_error else look.strong))
    if not app.log_pane.follows:
        place = app.model.chats.place
        new = f", {place.unread} new" if place is not None and place.unread else ""
        parts.append((f"reading back{new}{f': {key}' if (key := app.choosing.key('latest')) else ''}", look.calling))
    if app.log_pane.selected_row is not None:
        parts.append(("Enter: what to do with it", look.calling))
    if link.lag() >= LAG_SECONDS:
        parts.append((f"lag {link.lag():.0f} s", look.error))
    if app.model.sender.waiting:
        parts.append((f"{app.model.sender.waiting} waiting", look.unread))
    if not app.notice and not link.is_up:
        parts.append((link.error, look.dim))
    name = app.model.chats.brand.name
    where = f"{name and f'{name}, '}{link.where}{' TLS' if link.is_encrypted else ''}"
    keys = f"{key} keys" if (key := app.choosing.key("help")) else "/set keys"
    parts += [(app.model.chats.me, look.of_name(app.model.chats.me)), (where, look.dim), (keys, look.dim)]
    return parts
