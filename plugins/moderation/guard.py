"""Sees to it that what the book says is so: roles are given, who is banned is put out, who is muted is not heard."""

import math
import time
from collections import defaultdict
from contextlib import suppress

from greenchat import ChatServer, Member, Notice, Reject, Room, Session, require_name

from .book import Book, Sentence
from .terms import address_of, because, duration


class Guard:
    """`book` is what is in force."""

    def __init__(self, server: ChatServer) -> None:
        self.book = Book()
        self._server = server
        self._chat = server.chat
        # The names under which a session was banned or muted: another name, or none, is no way out of it.
        self._names: dict[int, frozenset[str]] = {}
        self._leaving: set[int] = set()  # sessions that are on their way out: of a room, or of the chat
        # When somebody said something in a slow room, by both the key of their name and their session's number:
        # neither another name nor another connection makes it faster. The latest is the last.
        self._said: defaultdict[str, dict[str | int, float]] = defaultdict(dict)

    # --- what holds for a session ---

    def names(self, session: Session) -> set[str]:
        """All keys by which `session` may be known."""
        found = {session.account, *self._names.get(session.id, ())} - {""}
        if session.member is not None:
            found.add(session.member.key)
        return found

    def apply(self, book: Book) -> None:
        """From now on, `book` is in force: look at everybody."""
        self.book = book
        for session in list(self._server.sessions.values()):
            was = session.role
            self.give_role(session)
            if session.role != was and session.member is not None:
                self._chat.tell_role(session.member)
            self.look_at(session)
        for room in self._said.keys() - book.slow.keys():
            del self._said[room]

    def give_role(self, session: Session) -> None:
        session.role = "operator" if session.account in self.book.operators else ""

    def look_at(self, session: Session) -> None:
        """Put `session` out of where it may not be."""
        book, now = self.book, time.time()
        self._remember(session)
        if session.role == "operator" or not book.bans or session.id in self._leaving:
            return
        names = self.names(session)
        ban = book.ban_of(names, "", now) or book.ban_of_address(address_of(session.address), now)
        if ban is not None:
            self._put_out_of_chat(session, ban, now)
        elif session.member is not None:
            for room in list(session.member.rooms.values()):
                ban = book.ban_of(names, room.name, now)
                if ban is not None:
                    verdict = Reject(f"You are banned from {room.name} {ban.terms(now)}", code="banned")
                    notice = f"{session.name} was banned from {room.name} by {ban.by} {ban.terms(now)}"
                    self.put_out(session.member, room, verdict, notice, f"banned by {ban.by}")

    def forget(self, session: Session) -> None:
        self._names.pop(session.id, None)
        self._leaving.discard(session.id)
        for said in self._said.values():
            said.pop(session.id, None)

    # --- who may come in ---

    def check_address(self, session: Session) -> None:
        """Raises `Reject` for who is on a banned network."""
        now = time.time()
        ban = self.book.ban_of_address(address_of(session.address), now)
        if ban is not None and session.role != "operator":
            raise Reject(f"Your address is banned from this chat {ban.terms(now)}", code="banned")

    def check_name(self, session: Session, name: str) -> None:
        """Raises `Reject` where `name` is banned, or who comes with it."""
        if session.role == "operator":
            return
        self.check_address(session)
        now = time.time()
        ban = self.book.ban_of({require_name(name, 0)[1], *self.names(session)}, "", now)
        if ban is not None:
            raise Reject(f"{name} is banned from this chat {ban.terms(now)}", code="banned")

    def check_room(self, session: Session, name: str, room: str) -> None:
        """Raises `Reject` for who may not come into `room`."""
        if session.role == "operator":
            return
        now = time.time()
        ban = self.book.ban_of({require_name(name, 0)[1], *self.names(session)}, room, now)
        # What a guest has ordered ends with the room; where that is gone, another one of its name is to be made.
        if ban is not None and (ban.account or room in self._chat.rooms):
            raise Reject(f"You are banned from {room} {ban.terms(now)}", code="banned")

    # --- who may talk ---

    def check_talk(self, session: Session, room: str) -> None:
        """Raises `Reject` for who may not talk now, in `room` or in private (empty)."""
        book, member = self.book, session.member
        # On the way of each message as long as anybody is muted: who is not named in the book is let through at once.
        if session.id in self._names or (member is not None and member.key in book.names):
            now = time.time()
            mute = book.mute_of(self.names(session), room, now)
            if mute is not None and session.role != "operator":
                raise Reject(f"You are muted{in_room(mute.room)} {mute.terms(now)}", code="muted")
        if room in book.slow and not self._is_exempt(session, room):
            seconds, said = book.slow[room].seconds, self._said[room]
            last = max(said.get(name, -math.inf) for name in self._marks(session))
            left = last + seconds - time.monotonic()
            if left > 0:
                raise Reject(
                    f"One may say something every {duration(seconds)} in {room}. Wait {duration(left)}.", code="slow"
                )

    def has_talked(self, session: Session, room: str) -> None:
        """Count a message that was let through."""
        if room not in self.book.slow or self._is_exempt(session, room):
            return
        said, now, seconds = self._said[room], time.monotonic(), self.book.slow[room].seconds
        for name in self._marks(session):
            said.pop(name, None)
            said[name] = now
        while said[first := next(iter(said))] + seconds <= now:  # never all: the latest is of this moment
            del said[first]

    def _marks(self, session: Session) -> list[str | int]:
        return [session.id, *self.names(session)]

    def _is_exempt(self, session: Session, room: str) -> bool:
        """Whether `session` may talk in the slow `room` as it likes."""
        there, member = self._chat.rooms.get(room), session.member
        is_owner = there is not None and member is not None and there.owned_by(member)
        return session.role == "operator" or is_owner

    # --- put out ---

    def put_out(self, member: Member, room: Room, verdict: Reject, notice: str, reason: str) -> None:
        """Let `member` out of `room`: into the default room, where it is in no other; out of the chat, where it cannot
        be in that one. `reason` is for those who log. May wait."""
        session = session_of(member)
        if session.id in self._leaving or room.name not in member.rooms:
            return
        self._leaving.add(session.id)
        room.post(Notice(notice, room.name), origin=member)
        session.refuse(verdict)
        try:
            with suppress(Reject):  # it may not be able to be there, either
                if len(member.rooms) == 1 and room.name != self._chat.default_room:
                    session.enter(self._chat.default_room, move=True)
        finally:
            self._leaving.discard(session.id)
        if room.name in member.rooms:
            if len(member.rooms) == 1:
                self._leaving.add(session.id)
                session.close(reason)
                return
            self._chat.part(member, room, reason)

    def _put_out_of_chat(self, session: Session, ban: Sentence, now: float) -> None:
        self._leaving.add(session.id)
        if session.member is not None:
            for room in session.member.rooms.values():
                notice = f"{session.name} was banned by {ban.by} {ban.terms(now)}"
                room.post(Notice(notice, room.name), origin=session.member)
        who = "You are" if ban.kind == "name" else "Your address is"
        session.refuse(Reject(f"{who} banned from this chat {ban.terms(now)}", code="banned"))
        session.close(f"banned by {ban.by}{because(ban.why)}")

    def _remember(self, session: Session) -> None:
        names = self.book.names.intersection(self.names(session))
        if names:
            self._names[session.id] = names
        else:
            self._names.pop(session.id, None)


def in_room(room: str) -> str:
    return f" in {room}" if room else ""


def session_of(member: Member) -> Session:
    assert isinstance(member.outlet, Session)
    return member.outlet
