"""The cursors of programs, which the server keeps for accounts."""

from datetime import timedelta

from greenchat.chat.room import Member
from greenchat.errors import Reject
from greenchat.protocol.events import EPOCH
from greenchat.protocol.replies import CursorPlace, CursorPlaces
from greenchat.protocol.requests import KeepCursor
from greenchat.protocol.text import FORBIDDEN, is_blank
from greenchat.session.session import Session
from greenchat.storage.cursors import Place
from greenchat.storage.session_store import SessionStore
from greenchat.storage.sqlite import DatabaseError

# Of the name of a cursor, and of an epoch: more than a program is called, and than any epoch has. In characters.
NAME_LENGTH = 32
EPOCH_LENGTH = 64

# Numbers that JSON carries whole in every language: those of the protocol stay below.
MOST_NUMBER = 2**53 - 1

MICROSECOND = timedelta(microseconds=1)


def deal(session: Session, store: SessionStore, asked: KeepCursor) -> None:
    """Tell how far a program has got, or keep it: it is in the file before that is acknowledged. May wait. Raises
    `Reject`."""
    member = session.require_member()
    if not member.account_id:
        text = "The server keeps cursors for accounts alone. Log in first, or keep it in a file of your own."
        raise Reject(text, code="not_allowed")
    _require_sound(asked)
    asks = not (asked.room or asked.conversation or asked.epoch)
    try:
        if asks:
            places = [_told(place) for place in store.cursor(member.account_id, asked.name)]
            session.tell(CursorPlaces(asked.name, places, asked.ref))
            return
        time = (asked.time - EPOCH) // MICROSECOND if asked.time is not None else 0
        place = Place(_place(session, member, asked), asked.epoch, asked.rev, asked.id, time)
        problem = store.keep_cursor(member.account_id, asked.name, place)
    except DatabaseError:
        text = "Cursors cannot be kept at the moment. Try again later, or keep it in a file of your own."
        raise Reject(text, code="cursors_off") from None
    if problem:
        raise Reject(problem, code="too_many_cursors")
    if asked.ref is not None:
        session.acknowledge(asked.ref, None)


def _place(session: Session, member: Member, asked: KeepCursor) -> str:
    if asked.conversation and not asked.epoch:
        return f"@{asked.conversation}"  # nothing is kept of it any more, as where it has ended
    if asked.conversation:
        return f"@{session.chat.conversation(member, asked.conversation).id}"  # no room is called so
    return session.chat.room_name(asked.room) if asked.room else member.room_meant(session).name


def _told(place: Place) -> CursorPlace:
    time = EPOCH + place.time * MICROSECOND if place.time else None
    is_direct = place.place.startswith("@")
    where = ("", place.place[1:]) if is_direct else (place.place, "")
    return CursorPlace(*where, place.epoch, place.rev, place.id, time)


def _require_sound(asked: KeepCursor) -> None:
    name = asked.name
    if is_blank(name) or len(name) > NAME_LENGTH or FORBIDDEN.search(name):
        text = f"A cursor has a name of at most {NAME_LENGTH} characters that can be seen."
        raise Reject(text, code="cursor_invalid")
    numbers = (asked.rev, asked.id)
    if not all(0 <= number <= MOST_NUMBER for number in numbers) or len(asked.epoch) > EPOCH_LENGTH:
        raise Reject("Take epoch, rev and id as a welcome or a page of history has them.", code="cursor_invalid")
