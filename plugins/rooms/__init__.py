"""Rooms: go from one to another, look who is where, invite, and say who may come in.

What is set for a room goes with it, unless an operator keeps it: such rooms are in rooms.sqlite3 in the data directory.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import gevent

from greenchat import (
    AccountDirectory,
    Call,
    ChatServer,
    Command,
    Context,
    DatabaseError,
    Member,
    Messages,
    Reject,
    Rest,
    Role,
    Room,
    Secret,
    Session,
    hookimpl,
    some_of,
    typed_command,
)

from . import store
from .access import Access
from .answers import Listed, NameList, RoomList
from .listing import Listing
from .quota import Quota
from .quota import Settings as Settings
from .removal import Removal
from .renames import rename_stored_rooms
from .rights import record, require_right
from .rules import RuleBook
from .settings import HELP, RoomCommand
from .voices import Voices

if TYPE_CHECKING:
    import click

# Names in a line of /names: as many as somebody looks through. The rest is counted.
NAMES_SHOWN = 100

# From one try to read the rules to the next, in seconds, while their file cannot be used.
RETRY_SECONDS = 1.0


# The files of the data directory that it keeps: their migrations are tried before a reload.
DATABASES = {store.FILE: store.MIGRATIONS}


class Rooms:
    """The commands, and the rules of the rooms."""

    _book: RuleBook
    _access: Access
    _listing: Listing
    _reading: Any = None  # the greenlet that reads the rules, where they could not be read at once
    _accounts: AccountDirectory
    _quota: Quota
    _removal: Removal | None = None

    def __init__(self, settings: Settings, ctx: Context) -> None:
        self._settings = settings
        self._state = ctx.carry_state()
        self._voices = Voices(self)

    @hookimpl(tryfirst=True)  # no other plugin has opened its file yet
    def greenchat_startup(self, server: ChatServer) -> None:
        self._book = RuleBook(server.data_dir / store.FILE)
        self._access = Access(server, self._book)
        self._listing = Listing(server, self._book, self._access)
        self._accounts = server.accounts
        self._quota = Quota(self._book, self._settings)
        # A default room that was written with a # is the one that is stored so.
        default_room = "" if server.config.server.default_room.startswith("#") else server.chat.default_room
        length = server.config.limits.name_length
        try:
            rename_stored_rooms(server.data_dir, default_room, length)
        except DatabaseError as error:
            self._book.give_up(error)  # until the next start: others have their files open by then
        else:
            if not self._book.read():
                self._reading = gevent.spawn(self._read_again)
        self._book.go_on(self._state.get("rules", {}), server.chat.rooms)
        self._access.go_on(self._state)
        self._state.clear()
        server.accounts.watch(self._settle)
        self._voices.begin(server, self._book)
        self._removal = Removal(server, self._book, self._settings.unused_days)
        self._removal.start()

    def _read_again(self) -> None:
        """Read the rules as soon as that can be."""
        while not self._book.read():
            gevent.sleep(RETRY_SECONDS)
        self._settle()

    def _settle(self) -> None:
        """Find out whose rooms those are that were kept by name."""
        if self._accounts.known:
            self._book.settle(self._accounts)

    @hookimpl
    def greenchat_shutdown(self, server: ChatServer) -> None:
        if self._reading is not None:
            self._reading.kill()
        if self._removal is not None:
            self._removal.stop()
            self._state.update(self._access.state, rules=self._book.state(server.chat.rooms))
        self._book.close()

    @hookimpl
    def greenchat_cli(self, group: "click.Group") -> None:
        from .cli import commands

        group.add_command(commands)

    @hookimpl
    def greenchat_commands(self) -> Sequence[Command]:
        return [
            typed_command(join, help="Go into a room, which is made where there is none.\nExample: /join garden"),
            typed_command(part, help="Go out of a room.\nExample: /part garden"),
            typed_command(
                self.list_rooms, "rooms", "List the rooms: how many are in, and what about.\nExample: /rooms"
            ),
            typed_command(self.names, help="Tell who is in a room, as what, and who is away.\nExample: /names garden"),
            typed_command(
                self.topic,
                help="Tell what the room is about, or set it.\n/topic - clears it.\nExample: /topic Tulips and roses",
            ),
            typed_command(
                self.invite,
                help="Ask somebody into a room that you are in.\n"
                "It lets them in once, also where a key or an invitation is needed.\nExample: /invite bob",
            ),
            typed_command(self.settings, "room", HELP, usage="[SETTING VALUE]"),
            typed_command(
                self._voices.voice,
                help="Have somebody speak in a room that is moderated.\nExample: /voice bob",
            ),
            typed_command(self._voices.devoice, help="The other way round.\nExample: /devoice bob"),
        ]

    # --- who comes in ---

    @hookimpl(trylast=True)  # that a room is full is told to those whom nothing else keeps out
    def greenchat_check_enter(self, session: Session, room: str, key: str, since: datetime | None) -> None:
        self._access.check(session, room, key, since)

    @hookimpl
    def greenchat_room_opened(self, room: Room) -> None:
        self._book.opened(room)
        self._voices.rest()

    @hookimpl(tryfirst=True)  # another plugin may wait, and the second one here must not be taken for the first
    def greenchat_entered(self, session: Session, room: Room) -> None:
        member = session.require_member()
        rules = self._book.of(room)
        self._access.used(member, rules)
        self._book.touch(room.name)
        if rules.entered or room.name == session.chat.default_room or room.name not in member.rooms:
            return
        rules.entered = True
        room.owner = session.account_id or member
        room.tell_role(member, set(member.sessions))
        if session.codec.many_rooms:
            session.tell(Role(room.name, member.name, room.role_of(member), datetime.now(UTC)))
        else:  # people are told what that is good for
            session.info("You have made this room: /room shows what you may set.")

    @hookimpl
    def greenchat_account(self, session: Session) -> None:
        """What somebody has made as a guest is their account's, once they have logged in."""
        member = session.member
        if member is not None and session.account_id:
            for room in member.rooms.values():
                if room.owner is member:
                    room.owner = session.account_id
                    self._book.set_owner(room, session.account_id)
                if member in room.voices:
                    room.voices = {session.account_id, *room.voices} - {member}
                    self._book.note_voices(room)

    @hookimpl
    def greenchat_gone(self, member: Member) -> None:
        self._access.gone(member)

    # --- who speaks ---

    @hookimpl
    def greenchat_check_messages(self, session: Session, messages: Messages) -> None:
        self._voices.check(session, messages.room)

    @hookimpl
    def greenchat_check_reaction(self, session: Session, room: str) -> None:
        self._voices.check(session, room)

    # --- commands ---

    def list_rooms(self, call: Call) -> RoomList:
        call.session.require_member()
        found, more = self._listing.seen_by(call.session)
        lines = [_line(listed) for listed in found]
        return RoomList(rooms=found, more=more, lines=[*lines, f"... and {more} more."] if more else lines)

    def names(self, call: Call, room: str = "") -> NameList:
        member, chat = call.member, call.session.chat
        name = chat.room_name(room) if room else member.room.name
        found = chat.rooms.get(name)
        if found is None and name not in self._book.kept:
            raise Reject(f"There is no room {name}. /rooms lists them.", code="unknown_room")
        if not chat.may_enter(call.session, member, name):
            raise Reject(f"Who is in {name} is told to those who may come in.", code="not_allowed")
        members = found.some_members(member) if found is not None else []
        more = len(found.members) - len(members) if found is not None else 0
        roles = {other.name: role for other in members if found is not None and (role := found.role_of(other))}
        away = {other.name: other.away for other in members if other.away and not member.ignores(other)}
        names = [other.name for other in members]
        voiced = [other.name for other in members if found is not None and found.has_voice(other)]
        shown = []
        for other in names:
            marks = [
                roles.get(other),
                "voiced" if other in voiced else "",
                f"away: {away[other]}" if other in away else "",
            ]
            what = ", ".join(filter(None, marks))
            shown.append(f"{other} ({what})" if what else other)
        line = f"In {name} ({len(names) + more}): {some_of(shown, NAMES_SHOWN, more) or 'nobody'}"
        return NameList(
            room=name, members=names, members_more=more, roles=roles, away=away, voiced=voiced, lines=[line]
        )

    def topic(self, call: Call, text: Rest = "") -> str | None:
        session, member = call.session, call.member
        room = member.room
        if not text:
            is_there = f"The topic of {room.name} is: {room.topic}"
            return is_there if room.topic else f"{room.name} has no topic. Set one by /topic TEXT"
        restricted = self._book.of(room).topic_by == "owner"
        if restricted:
            require_right(session, room, "set its topic")
        session.chat.set_topic(member, room, "" if text == "-" else text)
        if restricted:
            record(session, room, "topic", details=room.topic)
        self._book.set(room, "topic", room.topic)
        return None

    def settings(self, call: Call, setting: str = "", value: Secret = "") -> None:
        try:
            RoomCommand(self._book, self._accounts, self._quota).run(call.session, setting, str(value))
        finally:  # it may hold, though it could not be kept
            self._voices.rest()

    def invite(self, call: Call, user: Member, room: str = "") -> str:
        session, member, guest = call.session, call.member, user
        where = session.chat.room_of(member, room)
        rules = self._book.of(where)
        if rules.protected:
            require_right(session, where, "invite, as it is not open to all")
        if where.name in guest.rooms:
            raise Reject(f"{guest.name} is in {where.name} already.", code="already_joined")
        if guest.ignores(member):
            raise Reject(f"{guest.name} does not take messages from you.", code="ignored")
        if rules.protected or (rules.limit and where.role_of(member)):
            self._access.invite(guest, rules)
            record(session, where, "invite", guest.name)
        session.chat.invite(member, guest, where)
        return f"You have invited {guest.name} to {where.name}."


def join(call: Call, room: str, key: Secret = "") -> None:
    call.session.enter(room, str(key))


def part(call: Call, room: str = "") -> str | None:
    session, member, chat = call.session, call.member, call.session.chat
    left = chat.room_of(member, room)
    chat.part(member, left, "left", session)
    if session.codec.many_rooms:  # who can be in several is told in its own way
        return None
    where = "" if member.rooms else ", and in no room"
    return f"You are out of {left.name}{where}. /join ROOM leads into one, /quit out of the chat."


def _line(listed: Listed) -> str:
    marks = [str(listed.members), "protected" if listed.protected else "", "kept" if listed.kept else ""]
    line = f"{listed.name} ({', '.join(filter(None, marks))})"
    return f"{line}: {listed.topic}" if listed.topic else line


greenchat_plugin = Rooms
