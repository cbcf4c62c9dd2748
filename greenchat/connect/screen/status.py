"""What the bars of the screen say: where one is, what one answers, and how the connection is."""

import time
from typing import Protocol

from greenchat.connect.link import LAG_SECONDS, Link
from greenchat.connect.model.model import Model
from greenchat.connect.screen.bars import Part
from greenchat.connect.screen.log import Log
from greenchat.connect.screen.theme import Look


class Shown(Protocol):
    """What it needs of the screen."""

    model: Model
    look: Look
    link: Link
    log_pane: Log
    notice: str
    is_error: bool


def topic(app: Shown) -> list[Part]:
    place = app.model.chats.place
    if place is None:
        return [("No conversation: /join ROOM takes you to one", app.look.strong)]
    unread = sum(one.unread for one in app.model.chats.places.values() if one is not place and one.level != "none")
    more = f"({unread} unread elsewhere)" if unread else ""
    return [
        (f"{place.sign}{place.title}", app.look.strong),
        (place.topic or place.gone, app.look.text),
        (more, app.look.unread),
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
        wait = max(0, round(link.retry_at - time.monotonic()))
        parts.append((f"not connected, next try in {wait} s" if wait else "connecting …", look.error))
    if not app.log_pane.follows:
        parts.append(("reading back: Ctrl-End", look.calling))
    if app.log_pane.selected:
        parts.append(("Enter: what to do with it", look.calling))
    if link.lag() >= LAG_SECONDS:
        parts.append((f"lag {link.lag():.0f} s", look.error))
    if app.model.sender.waiting:
        parts.append((f"{app.model.sender.waiting} waiting", look.unread))
    if app.notice:
        parts.append((app.notice, look.error if app.is_error else look.strong))
    elif not link.is_up:
        parts.append((link.error, look.dim))
    where = f"{link.where}{' TLS' if link.is_encrypted else ''}"
    parts += [(app.model.chats.me, look.of_name(app.model.chats.me)), (where, look.dim), ("F1 keys", look.dim)]
    return parts
