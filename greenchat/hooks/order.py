"""Keeping order, as plugins may by rights that the operator has granted: what the core does by itself, and what it has
done by a plugin that keeps order."""

from typing import Literal

from msgspec import Struct

from greenchat import values
from greenchat.chat.chat import Chat
from greenchat.chat.room import Member, Room
from greenchat.errors import Reject
from greenchat.hooks.calls import Calls, Failed
from greenchat.hooks.ending import Killed
from greenchat.hooks.moments import seconds_of
from greenchat.protocol.events import Notice
from greenchat.protocol.text import require_line


class Order(Struct, frozen=True, kw_only=True):
    """A `plugin` orders that who is called `name` is banned or muted, in `room`, or everywhere where that is empty, for
    so many `seconds`, None for good. `by` is as whom it is to go on record, and to be shown to people."""

    act: Literal["ban", "mute"]
    name: str
    room: str
    seconds: float | None
    why: str
    plugin: str

    @property
    def by(self) -> str:
        return name_of(self.plugin)


def name_of(plugin: str) -> str:
    """What a plugin is called where it keeps order. Nobody can be called so: there are blanks in it."""
    return f"the plugin {plugin}"


def put_out(chat: Chat, plugin: str, member: Member, why: str, room: Room | None) -> None:
    """Out of `room`, or of the chat where that is None; it goes on record as the plugin's doing. Raises `Reject`."""
    why = line_of(why)
    because = f": {why}" if why else "."
    if not chat.people.has(member):
        raise Reject(f"{member.name} has left the chat.", code="unknown_user")
    if member.role == "operator":
        raise Reject(f"{member.name} is an operator, whom no plugin puts out.", code="operator")
    by = name_of(plugin)
    if room is None:
        rooms, where = list(member.rooms.values()), "the chat"
    elif room.has(member):
        rooms, where = [room], room.name
    else:
        raise Reject(f"{member.name} is not in {room.name}.", code="unknown_user")
    chat.audit(by, "kick", member.name, "" if room is None else room.name, why)
    for one in rooms:
        one.post(Notice(f"{member.name} was put out of {where} by {by}{because}", one.name), origin=member)
    verdict = Reject(f"You were put out of {where} by {by}{because}", code="kicked")
    if room is not None:
        member.refuse(verdict)
        chat.part(member, room, "kicked")
    if room is None or not member.sessions:
        sessions = list(member.sessions)
        chat.leave(member, "kicked")
        for session in sessions:
            session.end(verdict, "kicked")


def line_of(why: str) -> str:
    """A reason as one line. Raises `Reject`."""
    return require_line(values.text(why)) if why else ""


def ordered(
    chat: Chat,
    plugin: str,
    act: Literal["ban", "mute"],
    who: Member | str,
    why: str,
    duration: object,
    room: str | Room,
) -> Order:
    """What a plugin orders by its context. Raises `Reject`, and `PluginError` for what is no duration."""
    seconds = None if duration is None else seconds_of(duration)
    where = room.name if isinstance(room, Room) else chat.room_name(room) if room else ""
    return Order(act=act, name=named(chat, who), room=where, seconds=seconds, why=line_of(why), plugin=plugin)


def named(chat: Chat, who: Member | str) -> str:
    """By which name an order means `who`. Raises `Reject` where it would mean somebody else by now."""
    if not isinstance(who, Member):
        return values.text(who)
    if chat.people.has(who):
        return who.name
    if who.account_id:
        account = chat.accounts.by_id(who.account_id)
        if account is not None:
            return account.name
    elif who.key not in chat.members and chat.accounts.find(who.key) is None:
        return who.name
    raise Reject(f"{who.name} has left the chat, and is not to be known again.", code="unknown_user")


def keep_order(calls: Calls, failed: Failed, order: Order) -> None:
    """Have one of `calls` do it. Raises `Reject` where none does."""
    for plugin, name, call, _, _ in calls:
        try:
            taken = call(order)
            if taken is True:
                return
            if taken is not None and taken is not False:
                raise TypeError(f"{name} returned {type(taken).__name__}; return True, False or None")
        except Reject as verdict:
            verdict.by = verdict.by or plugin
            raise
        except Killed:
            raise
        except BaseException as error:
            failed(plugin, name, error)
            text = f"The plugin {plugin}, which keeps order, has failed. Tell whoever runs the server."
            raise Reject(text, code="check_failed") from None
    raise Reject(f"No plugin that is on here can {order.act} anybody: see moderation.", code="not_allowed")
