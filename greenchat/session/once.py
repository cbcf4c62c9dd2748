"""What comes with a key: whose that is, and what it gets whose first time it is not. What is known of keys is in
chat/keys.py."""

from collections.abc import Callable
from weakref import ref

from msgspec.structs import replace

from greenchat.chat.keys import Owner, Use, Wake, digest, place_of
from greenchat.chat.room import Room
from greenchat.protocol.events import Message
from greenchat.protocol.replies import Ack
from greenchat.protocol.requests import Say
from greenchat.session.session import Session


def begin(connection: Session, say: Say) -> Use | None:
    """It may be said now; or, None, it was said before, and is answered. May wait for the answer of the first time.
    Raises `Reject`."""
    server, member, stay = connection.server, connection.require_member(), connection.stay
    owner: Owner = member.account_id or (stay.id if stay is not None else ref(member))
    place = ""
    if say.conversation:
        place = place_of(say.conversation)
    elif not say.to and (room := say.room or connection.only):
        place = server.chat.room_name(room)
    turns = server.turns

    def wait(tell: Callable[[Wake], object]) -> None:
        turns.wait_for(lambda wake: tell(lambda: turns.at_end(wake)))

    is_new = not member.account_id and stay is not None and stay.is_new
    said = digest(say.text, say.reply_to, say.to.casefold())
    found = server.chat.keys.use(owner, say.key, said, place, wait, is_new=is_new)
    if isinstance(found, Use):
        return found
    connection.repeated()
    if say.ref is not None:
        connection.tell(replace(found, ref=say.ref))
    return None


def said(connection: Session, use: Use, room: Room, seq: int, number: int) -> None:
    """It was said just now, and is answered again once it is kept."""
    hold = connection.server.hooks.delay_ack
    is_kept = connection.server.hooks.find_keys is not None
    use.done(room.name, Ack(None, seq, number, room.rev), is_kept=is_kept)
    if hold is None or not hold(room, seq, room.rev, use.settled):
        use.settled(None)


def said_to_one(connection: Session, use: Use, said: Message) -> None:
    """It was said to one person alone."""
    chat = connection.server.chat
    ack = Ack(None, said.seq, said.id, said.rev, conversation=said.conversation, with_=said.with_)
    talk = chat.open_conversation(said.conversation)
    is_kept = talk is not None and talk.keeper is not None and bool(connection.account_id)
    use.done(place_of(said.conversation), ack, is_kept=is_kept)
    if talk is None or not chat.hold(talk, said.seq, said.rev, use.settled):
        use.settled(None)
