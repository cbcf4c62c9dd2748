"""What the server tells, and what of `Chats` is another one by that."""

from greenchat.client.places import place_at
from greenchat.codecs import wording
from greenchat.connect.model.chats import ENDED, Chats
from greenchat.connect.model.marks import Now
from greenchat.connect.model.place import Member, Place
from greenchat.protocol.events import (
    Away,
    Change,
    Deleted,
    Edited,
    Ended,
    Event,
    Joined,
    Left,
    Message,
    Pinned,
    Reacted,
    Read,
    Renamed,
    Role,
    Topic,
)
from greenchat.protocol.reload_reports import Reconnect
from greenchat.protocol.replies import Ack, Branded, Conversations, Error, HistoryPage, Pins, Welcome
from greenchat.protocol.requests import Frame, Invalid, Pong
from greenchat.protocol.vocabulary import room_of

LEFT_ELSEWHERE = "You have left {} by another device. /join {} takes you back."
OUT = "You are not in {} any more: {}. /join {} takes you back."


def feed(chats: Chats, item: Event | Frame, about: Place | None = None) -> None:
    """`about` is where one has asked for what `item` answers."""
    match item:
        case Message():
            chats.heard(chats.where(item), item)
        case Edited() | Deleted() | Reacted():
            _changed(chats, item)
        case Welcome():
            welcomed(chats, item)
        case Branded():
            if chats.show_brand(item):
                _tell(chats, item, chats.place)
        case Conversations():
            _listed(chats, item)
        case HistoryPage(ref=None):
            _replayed(chats, item)
        case Joined() | Left() | Renamed() | Away() | Role():
            _of_people(chats, item)
        case Topic(room=room, topic=topic):
            place = chats.places.get(room)
            if place is not None:
                place.topic = topic
                chats.revision += 1
                _tell(chats, item, place)
        case Pinned() | Pins():
            _pinned(chats, item)
            _tell(chats, item, about or chats.places.get(item.room))
        case Read(seq=seq):
            place = chats.known(item)
            if place is not None:
                chats.has_read(place, seq)
                if place.mark is not None and not place.unread and place.id != chats.current:
                    place.mark = None
        case Ended(conversation=conversation):
            place = chats.places.get(place_at("", conversation))
            if place is not None:
                place.gone = ENDED
                _tell(chats, item, place)
                chats.revision += 1
        case Ack() | Pong() | Invalid() | Reconnect():
            pass
        case _:
            _tell(chats, item, about or chats.places.get(room_of(item)))


def _tell(chats: Chats, item: Event | Frame, place: Place | None) -> None:
    for text, _, error in wording.rich(item):
        chats.tell(place, text, error=error or isinstance(item, Error))


def welcomed(chats: Chats, welcome: Welcome) -> Place | None:
    """One is in this room, or in none."""
    chats.me, chats.account = welcome.name, welcome.account
    chats.server = chats.server or welcome.server
    for name in welcome.rooms:
        chats.room(name)
    if not welcome.room:
        chats.revision += 1
        return None
    place = chats.room(welcome.room)
    members = [
        Member(name, welcome.roles.get(name, ""), welcome.away.get(name, ""), name in welcome.bots)
        for name in welcome.members
    ]
    place.members.fill(members, welcome.members_more)
    place.topic, place.pins = welcome.topic, set()
    chats.come_into(place, Now.of(welcome, welcome.epoch), welcome.read, welcome.unread, welcome.mentions)
    if not chats.current:
        chats.show(place.id)
    return place


def _pinned(chats: Chats, item: Pinned | Pins) -> None:
    place = chats.places.get(item.room)
    if place is None:
        return
    if isinstance(item, Pins):
        place.pins = {pin.seq for pin in item.pins}
    elif item.on:
        place.pins.add(item.seq)
    else:
        place.pins.discard(item.seq)
    chats.revision += 1


def _listed(chats: Chats, told: Conversations) -> None:
    chats.direct_epoch = told.epoch
    chats.end_others(told)
    for state in reversed(told.direct):
        known = place_at("", state.conversation) in chats.places
        place = chats.direct(state.conversation, state.with_)
        missed = known and place.reach.rev != state.rev
        chats.come_into(place, Now.of(state, told.epoch), state.read, state.unread, state.unread)
        if not known or missed:
            chats.touch(place)


def _replayed(chats: Chats, page: HistoryPage) -> None:
    place = chats.places.get(place_at(page.room, page.conversation))
    if place is not None and not place.timeline.newer:
        chats.add_page(place, page.events, older=False)


def _changed(chats: Chats, change: Change) -> None:
    place = chats.known(change)
    if place is None:
        return
    place.move(rev=change.rev)
    before = place.timeline.changed(change)
    if before is not None and before.seq > place.read:
        item = place.timeline.item(change.seq)
        was = not chats.is_mine(before)
        still = item is not None and isinstance(item.what, Message)
        if was and not still:
            place.unread = max(0, place.unread - 1)
            place.mentions = min(place.mentions, place.unread)
    chats.revision += 1


def _of_people(chats: Chats, item: Joined | Left | Renamed | Away | Role) -> None:
    chats.revision += 1
    match item:
        case Joined(room=room, name=name, role=role, bot=bot):
            place = chats.places.get(room)
            if place is not None:
                place.members.add(Member(name, role, bot=bot))
                place.move(time=item.time)
                place.timeline.add(item)
        case Left(room=room, name=name, reason=reason):
            place = chats.places.get(room)
            if place is None:
                return
            place.members.drop(name)
            chats.doubt(name)
            place.move(time=item.time)
            if name == chats.me:
                by_oneself = reason.partition(": ")[0] == "left"
                place.gone = LEFT_ELSEWHERE.format(room, room) if by_oneself else OUT.format(room, reason, room)
            else:
                place.timeline.add(item)
        case Renamed():
            _renamed(chats, item)
        case Away(room=room, name=name, why=why):
            for place in chats.shared(room, name):
                if (member := place.members.find(name)) is not None:
                    member.away = why
        case Role(room=room, name=name, role=role):
            for place in chats.shared(room, name):
                member = place.members.find(name)
                if member is not None and (place.id == room or "operator" in (role, member.role)):
                    member.role = role
            _tell(chats, item, chats.places.get(room))


def _renamed(chats: Chats, item: Renamed) -> None:
    if item.name == chats.me:
        chats.me = item.new_name
    for place in [*chats.shared(item.room, item.name)]:
        place.members.rename(item.name, item.new_name)
        place.move(time=item.time)
        place.timeline.add(item)
    for place in chats.places.values():
        place.timeline.renamed(item)
    chats.follow(item)
