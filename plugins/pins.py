"""Pins: /pin keeps a message of a room at hand for all who come there, and /pins tells them.

What is kept is which message it is, and never its words: one that was changed is told as it is now, and one that was
deleted or forgotten is no pin any more.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec.structs import replace

import greenchat
from greenchat import (
    FORGOTTEN,
    Alteration,
    Call,
    ChatServer,
    Command,
    Context,
    Deleted,
    Message,
    Meta,
    Pin,
    Pinned,
    Pins,
    Reject,
    Room,
    Session,
    amount,
    hookimpl,
    printable,
    typed_command,
)

# Characters of a message in a line; programs get all of it.
SHOWN = 200

# Where the pins of a room are in its store, and in the plugin's which rooms have some.
PINS, ROOMS = "pins", "rooms"

Number = Annotated[int, Meta(ge=1)]


class Settings(greenchat.Settings, frozen=True):
    """Messages that are kept at hand."""

    most: Annotated[int, Meta(ge=1, le=100, description="How many a room has: as many as people still read.")] = 20


class Kept(msgspec.Struct, frozen=True):
    """One pin. The numbers of a room may begin anew; `id` tells whether it is still the same message."""

    seq: int
    id: int
    by: str
    time: datetime


class Board:
    """The commands, and what is told of pins to who comes."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    # --- the hooks ---

    @hookimpl
    def greenchat_startup(self, server: ChatServer) -> None:
        self._rest()

    @hookimpl
    def greenchat_commands(self) -> Sequence[Command]:
        return [
            typed_command(
                self.pin,
                help="Keep a message of this room at hand: the last, or the one with this number.\n"
                "For its owner and operators. Example: /pin 12",
            ),
            typed_command(self.unpin, help="Take a message off the pins of this room.\nExample: /unpin 12"),
            typed_command(self.pins, help="Tell what is pinned in this room, the latest first.", rate="20/1m"),
        ]

    @hookimpl
    def greenchat_entered(self, session: Session, room: Room) -> None:
        kept = self._kept(room.name)
        if kept and getattr(session.codec, "numbers", False):
            session.tell(Pins(room=room.name, pins=[_told(one) for one in reversed(kept)]))

    @hookimpl
    def greenchat_changed(self, alteration: Alteration) -> None:
        change = alteration.change
        if isinstance(change, Deleted) and change.room:
            gone = next((one for one in self._kept(change.room) if one.seq == change.seq), None)
            if gone is not None:
                self._drop(change.room, [gone], change.by)

    # --- the commands ---

    def pin(self, call: Call, number: Number | None = None) -> None:
        room, chat, member = _kept_in_order_by(call), self._ctx.chat, call.member
        seq = number or chat.last_message(member, room)
        message = chat.message(room, seq)
        kept = self._kept(room.name)
        if any(one.seq == seq and one.id == message.id for one in kept):
            raise Reject(f"Message {seq} is pinned already. /pins tells it.", code="pinned")
        kept = [one for one in kept if one.seq != seq]
        most = self._ctx.settings.most
        if len(kept) >= most:
            text = f"{amount(most, 'message')} are pinned here, as many as may be. /unpin NUMBER makes room."
            raise Reject(text, code="too_many_pins")
        now = self._ctx.clock.now()
        new = Kept(seq, message.id, member.name, now)
        self._keep(room.name, [*kept, new])
        room.post(Pinned(room.name, seq, member.name, True, now, message.sender))

    def unpin(self, call: Call, number: Number) -> None:
        room = _kept_in_order_by(call)
        found = [one for one in self._kept(room.name) if one.seq == number]
        if not found:
            raise Reject(f"Message {number} is not pinned here. /pins tells what is.", code="not_pinned")
        self._drop(room.name, found, call.member.name)

    def pins(self, call: Call) -> Pins:
        room, told = call.member.room, list[Pin]()
        for one in reversed(self._kept(room.name)):
            message = self._message(room, one)
            if message is None:
                self._drop(room.name, [one], "")
            else:
                told.append(replace(_told(one), message=message))
        lines = [_line(one) for one in told]
        return Pins(room=room.name, pins=told, lines=lines or ["Nothing is pinned here."])

    # --- what there is ---

    def _kept(self, room: str) -> list[Kept]:
        """The earliest first."""
        kept: list[Kept] = msgspec.convert(self._ctx.store.room(room).get(PINS, []), list[Kept])
        return kept

    def _message(self, room: Room, kept: Kept) -> Message | None:
        """It, as it is now; None where it is gone. May wait. Raises `Reject` where nobody can know."""
        try:
            message: Message = self._ctx.chat.message(room, kept.seq)
        except Reject as verdict:
            if verdict.code != "unknown_message":
                raise
            return None
        is_same = message.id == kept.id and message.sender != FORGOTTEN
        return replace(message, reactions=None) if is_same else None

    def _keep(self, room: str, kept: list[Kept]) -> None:
        store, rooms = self._ctx.store, {*self._rooms()}
        if kept:
            store.room(room)[PINS] = msgspec.to_builtins(kept)
            rooms.add(room)
        else:
            with suppress(KeyError):
                del store.room(room)[PINS]
            rooms.discard(room)
        store[ROOMS] = sorted(rooms)
        self._rest()

    def _drop(self, name: str, gone: list[Kept], by: str) -> None:
        """These are no pins any more, which all in the room are told where `by` has taken them off."""
        self._keep(name, [one for one in self._kept(name) if one not in gone])
        room = self._ctx.rooms.get(name)
        if room is None or not by:
            return
        for one in gone:
            room.post(Pinned(name, one.seq, by, False, self._ctx.clock.now()))

    def _rooms(self) -> list[str]:
        found: Any = self._ctx.store.get(ROOMS, [])
        return list(found)

    def _rest(self) -> None:
        """What happens is looked at only while something is pinned."""
        for hook in ("greenchat_entered", "greenchat_changed"):
            self._ctx.server.set_hook_enabled(self, hook, bool(self._rooms()))


def _kept_in_order_by(call: Call) -> Room:
    """The room, for who keeps order there. Raises `Reject`."""
    member = call.member
    room = member.room
    if not room.role_of(member):
        raise Reject(f"Only the owner of {room.name} and operators pin messages there.", code="not_allowed")
    return room


def _told(kept: Kept) -> Pin:
    return Pin(kept.seq, kept.by, kept.time)


def _line(pin: Pin) -> str:
    message = pin.message
    assert message is not None
    text = printable(" ".join(message.text.split()), SHOWN)
    said = f"* {message.sender} {text}" if message.action else f"{message.sender}: {text}"
    return f"{pin.seq}. {said} (pinned by {pin.by})"


def greenchat_plugin(settings: Settings, ctx: Context) -> Board:
    return Board(ctx)
