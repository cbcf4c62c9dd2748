"""Sees to it that what the rules say is so: roles are given, who is banned is put out, who is muted is not heard.

All of it is about people: neither another device nor coming back is a way out. A session is looked at by itself as long
as it has not joined.
"""

import math
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from msgspec.structs import replace

from greenchat import ChatServer, Member, Notice, Reject, Room, Session, in_units, is_guest_name, require_name

from .rules import Mark, Rules, Sanction
from .terms import address_of, because

# Who somebody is, where that is to be remembered: a member, or a session by its id, be it joined or not.
Who: TypeAlias = Member | int


class Enforcement:
    """`rules` is what is in force."""

    def __init__(self, server: ChatServer) -> None:
        self.rules = Rules()
        self._server = server
        self._chat = server.chat
        self._accounts = server.accounts
        # As whom somebody was banned or muted: another name, or no account, is no way out of it.
        self._marked: dict[Who, frozenset[Mark]] = {}
        self._meant: set[Who] = set()  # who was there when somebody was banned or muted, and was that one
        self._sent_home: set[int] = set()  # sessions that are closed already, and have been told why
        # When somebody said something in a slow room, by their marks, by who they are and by their session's number,
        # below 0: neither another name, nor another connection, nor another account makes it faster. The latest is the
        # last.
        self._said: defaultdict[str, dict[Mark | Member, float]] = defaultdict(dict)
        self._until = 0.0  # of which moment everybody is who is carried over; 0 once all of them are here

    # --- what holds for somebody ---

    def marks(self, session: Session, name: str = "") -> set[Mark]:
        """All by which `session` may be known, in a sentence; `name` is the key of one that it would like to have."""
        found: set[Mark] = {session.account_id, session.account, name, *self._marked.get(session.id, ())}
        return self._completed(found, session.member)

    def marks_of(self, member: Member) -> set[Mark]:
        """All by which `member` may be known, by whatever session."""
        found: set[Mark] = set()
        for session in sessions_of(member):
            found.update(self._marked.get(session.id, ()))
        return self._completed(found, member)

    def _completed(self, found: set[Mark], member: Member | None) -> set[Mark]:
        if member is not None:
            found.update((member.key, member.account_id, member.account), self._marked.get(member, ()))
        found -= {0, ""}
        return found | self.held_by(mark for mark in found if isinstance(mark, str))

    def held_by(self, keys: Iterable[str]) -> set[Mark]:
        """The accounts whose sentences hold these names: their own, and those of accounts that are gone. While it is
        not known who has registered, nobody is let off."""
        found: set[Mark] = set()
        for key in keys:
            account = self._accounts.find(key) if key in self.rules.held else None
            ids = self.rules.held.get(key, ())
            found.update(held for held in ids if account is None or account.id == held)
        return found

    def apply(self, rules: Rules) -> None:
        """From now on, `rules` is in force: look at everybody."""
        before, self.rules = self.rules, rules
        if not self._until:
            self._look_at_all(rules.marks_beside(before))

    def _look_at_all(self, fresh: set[Mark]) -> None:
        """`fresh` are those for whom something was ordered just now."""
        rules = self.rules
        for session in list(self._server.sessions.values()):
            was = session.role
            self.give_role(session)
            if session.role != was and session.member is not None:
                self._chat.tell_role(session.member)
            if fresh and not fresh.isdisjoint(self.marks(session)):
                self._meant.update(_whos(session))
            self.look_at(session)
            self._server.turns.breathe()
        for member in [one for one in self._chat.members.values() if one.bot or not one.sessions]:
            self._look_at_absent(member, fresh)
        for room in self._said.keys() - rules.slow.keys():
            del self._said[room]

    # --- over a reload ---

    @property
    def state(self) -> dict[str, Any]:
        """Who is known as whom, and who has to wait. See `go_on`."""
        return {
            "until": time.time(),
            "marked": [[who, list(marks)] for who, marks in self._marked.items()],
            "meant": list(self._meant),
            "sent_home": list(self._sent_home),
            "said": {room: [list(one) for one in said.items()] for room, said in self._said.items()},
        }

    def go_on(self, state: Mapping[str, Any]) -> None:
        """From there. Whoever is there still has no session, until `all_are_here`. Who is None is gone."""
        self._until = state.get("until", 0.0)
        self._marked = {who: frozenset(marks) for who, marks in state.get("marked", ()) if who is not None}
        self._meant = {who for who in state.get("meant", ()) if who is not None}
        self._sent_home = set(state.get("sent_home", ()))
        for room, said in state.get("said", {}).items():
            self._said[room] = {who: at for who, at in said if who is not None}

    def all_are_here(self) -> None:
        """Look at everybody, if that is to be done still; as at those who were there when something was ordered, where
        that has happened since."""
        until, self._until = self._until, 0.0
        if until:
            here = self._server.sessions.keys()
            self._marked = {who: marks for who, marks in self._marked.items() if isinstance(who, Member) or who in here}
            self._look_at_all(self.rules.marks_since(until))

    def give_role(self, session: Session) -> None:
        session.role = self._role_of(session.account_id)

    def _role_of(self, account_id: int) -> str:
        return "operator" if account_id in self.rules.operators else ""

    def look_at(self, session: Session) -> None:
        """Put `session` out of where it may not be."""
        rules, now = self.rules, time.time()
        marks = self.marks(session)
        self._remember(marks, *_whos(session))
        if session.role == "operator" or not rules.bans or session.id in self._sent_home:
            return
        ban = rules.ban_of(marks, "", now) or rules.ban_of_address(address_of(session.address), now)
        if ban is not None:
            self._put_out_of_chat(session, ban, now)
        elif session.member is not None:
            self._look_at_rooms(session.member, marks, now)

    def _look_at_absent(self, member: Member, fresh: set[Mark]) -> None:
        """Who is away for a moment, and may come back, is none the less somebody; so is a bot, without a connection."""
        now, marks = time.time(), self.marks_of(member)
        was, member.login.role = member.role, self._role_of(member.account_id)
        if member.role != was:
            self._chat.tell_role(member)
        if not fresh.isdisjoint(marks):
            self._meant.add(member)
        self._remember(marks, member)
        if member.role == "operator":
            return
        ban = self.rules.ban_of(marks, "", now)
        if ban is not None:
            self._put_out_member(member, ban, now)
        else:
            self._look_at_rooms(member, marks, now)

    def _look_at_rooms(self, member: Member, marks: set[Mark], now: float) -> None:
        for room in list(member.rooms.values()):
            ban = self.rules.ban_of(marks, room.name, now)
            if ban is not None:
                verdict = Reject(f"You are banned from {room.name} {ban.terms(now)}", code="banned")
                notice = f"{member.name} was banned from {room.name} by {ban.by} {ban.terms(now)}"
                told = Notice(notice, room.name, None, "ban", ban.by, member.name, ban.why)
                self.put_out(member, room, verdict, told, ban.why)

    def forget(self, session: Session) -> None:
        """A connection is over."""
        self._marked.pop(session.id, None)
        self._meant.discard(session.id)
        self._sent_home.discard(session.id)
        for said in self._said.values():
            said.pop(-session.id, None)

    def gone(self, member: Member) -> None:
        """`member` will not come back."""
        self._marked.pop(member, None)
        self._meant.discard(member)
        for said in self._said.values():
            said.pop(member, None)

    def following(self, session: Session) -> dict[str, list[Sanction]]:
        """The bans and mutes that the account of `session` is to have as well: it is known by now whose they are. Else
        another connection of the account would be a way out. Not where somebody only has the name of another."""
        account_id, now, found = session.account_id, time.time(), dict[str, list[Sanction]]()
        if not account_id or self._meant.isdisjoint(_whos(session)) or session.role == "operator":
            return found
        marks = self.marks(session) - {account_id}
        for table, sanctions in (("bans", self.rules.bans), ("mutes", self.rules.mutes)):
            theirs = {one.room for one in sanctions if one.kind == "account" and one.mark == account_id}
            found[table] = [
                replace(one, kind="account", what=str(account_id), key=session.account)
                for one in sanctions
                if one.kind != "network" and one.mark in marks and one.room not in theirs and one.is_in_force(now)
            ]
        return {table: sanctions for table, sanctions in found.items() if sanctions}

    # --- who may come in ---

    def check_address(self, session: Session) -> None:
        """Raises `Reject` for who is on a banned network."""
        now = time.time()
        ban = self.rules.ban_of_address(address_of(session.address), now)
        if ban is not None and session.role != "operator":
            raise Reject(f"Your address is banned from this chat {ban.terms(now)}", code="banned")

    def check_name(self, session: Session, name: str) -> None:
        """Raises `Reject` where `name` is banned, or who comes with it."""
        if session.role == "operator":
            return
        self.check_address(session)
        now = time.time()
        ban = self.rules.ban_of(self.marks(session, require_name(name, 0)[1]), "", now)
        if ban is not None:
            raise Reject(f"{name} is banned from this chat {ban.terms(now)}", code="banned")

    def check_room(self, session: Session, name: str, room: str) -> None:
        """Raises `Reject` for who may not come into `room`."""
        if session.role == "operator":
            return
        now = time.time()
        ban = self.rules.ban_of(self.marks(session, require_name(name, 0)[1]), room, now)
        # What a guest has ordered ends with the room; where that is gone, another one of its name is to be made.
        if ban is not None and (ban.account or room in self._chat.rooms):
            raise Reject(f"You are banned from {room} {ban.terms(now)}", code="banned")

    # --- who may talk ---

    def check_rename(self, session: Session, name: str, room: str) -> None:
        """Raises `Reject` for who may not talk in `room`, and so may not show another name there, either. In a slow
        room it counts as something said."""
        if is_guest_name(name):
            return  # it says nothing, and may be what the server calls somebody who has lost a name
        self.check_talk(session, room)
        self.has_talked(session, room)

    def check_talk(self, session: Session, room: str) -> None:
        """Raises `Reject` for who may not talk now, in `room` or in private (empty)."""
        rules = self.rules
        self.check_mute(session, room)
        if room in rules.slow and not self._is_exempt(session, room):
            seconds, said = rules.slow[room].seconds, self._said[room]
            last = max(said.get(mark, -math.inf) for mark in self._who(session))
            left = last + seconds - time.monotonic()
            if left > 0:
                raise Reject(
                    f"One may say something every {in_units(seconds)} in {room}. Wait {in_units(left)}.", code="slow"
                )

    def check_mute(self, session: Session, room: str) -> None:
        """Raises `Reject` for who is not to be heard, in `room` or in private (empty)."""
        rules, member = self.rules, session.member
        # On the way of each message as long as anybody is muted: who is not named in the rules is let through at once.
        if not self._marked.keys().isdisjoint(_whos(session)) or (member is not None and member.key in rules.names):
            now = time.time()
            mute = rules.mute_of(self.marks(session), room, now)
            if mute is not None and session.role != "operator":
                raise Reject(f"You are muted{in_room(mute.room)} {mute.terms(now)}", code="muted")

    def has_talked(self, session: Session, room: str) -> None:
        """Count a message that was let through."""
        if room not in self.rules.slow or self._is_exempt(session, room):
            return
        said, now, seconds = self._said[room], time.monotonic(), self.rules.slow[room].seconds
        for mark in self._who(session):
            said.pop(mark, None)
            said[mark] = now
        while said[first := next(iter(said))] + seconds <= now:  # never all: the latest is of this moment
            del said[first]

    def _who(self, session: Session) -> list[Mark | Member]:
        return [-session.id, session.require_member(), *self.marks(session)]

    def _is_exempt(self, session: Session, room: str) -> bool:
        """Whether `session` may talk in the slow `room` as it likes."""
        there, member = self._chat.rooms.get(room), session.member
        is_owner = there is not None and member is not None and there.owned_by(member)
        return session.role == "operator" or is_owner

    # --- put out ---

    def put_out(self, member: Member, room: Room, verdict: Reject, told: Notice, why: str) -> None:
        """Let `member` out of `room`, be it the only one that it is in, as `told` to the others. It is done when this
        returns, and nothing waits on the way: between two orders, nobody is half in and half out."""
        if room.name not in member.rooms:
            return
        room.post(told, origin=member)
        member.refuse(verdict)
        reason = f"{'banned' if told.act == 'ban' else 'put out'} by {told.by}{f': {why}' if why else ''}"
        self._chat.part(member, room, reason, put_out_by=told.by)
        if not member.sessions:  # who is put out while they are lost does not come back
            self._chat.leave(member, reason)

    def _put_out_of_chat(self, session: Session, ban: Sanction, now: float) -> None:
        """All of a person; of who comes from a banned network, this connection, and the person where it is the last."""
        member = session.member
        others = [] if member is None else [one for one in member.sessions if one is not session]
        if member is None or (ban.kind == "network" and others):
            self._send_home(session, ban, now)
        else:
            self._put_out_member(member, ban, now)

    def _put_out_member(self, member: Member, ban: Sanction, now: float) -> None:
        for room in member.rooms.values():
            notice = f"{member.name} was banned by {ban.by} {ban.terms(now)}"
            room.post(Notice(notice, room.name), origin=member)
        sessions = sessions_of(member)
        self._chat.leave(member, _reason(ban))  # now, and not once their greenlets come to it
        for session in sessions:
            self._send_home(session, ban, now)

    def _send_home(self, session: Session, ban: Sanction, now: float) -> None:
        self._sent_home.add(session.id)
        who = "Your address is" if ban.kind == "network" else "You are"
        session.refuse(Reject(f"{who} banned from this chat {ban.terms(now)}", code="banned"))
        session.close(_reason(ban))

    def _remember(self, marks: set[Mark], *whos: Who) -> None:
        found = self.rules.marks.intersection(marks)
        for who in whos:
            if found:
                self._marked[who] = found
            else:
                self._marked.pop(who, None)


def in_room(room: str) -> str:
    return f" in {room}" if room else ""


def sessions_of(member: Member) -> list[Session]:
    return [one for one in member.sessions if isinstance(one, Session)]


def _whos(session: Session) -> list[Who]:
    return [session.id] if session.member is None else [session.id, session.member]


def _reason(ban: Sanction) -> str:
    """For those who log."""
    return f"banned by {ban.by}{because(ban.why)}"
