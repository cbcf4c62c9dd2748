"""Who may speak in a moderated room: operators, its owner, those who were given a voice, and what plugins move."""

from greenchat import Call, ChatServer, Member, Notice, Reject, Room, Session

from .rights import record, require_right
from .rules import RuleBook


class Voices:
    """/voice and /devoice, and what they are good for. `plugin` has the hooks."""

    _server: ChatServer
    _book: RuleBook

    def __init__(self, plugin: object) -> None:
        self._plugin = plugin

    def begin(self, server: ChatServer, book: RuleBook) -> None:
        self._server, self._book = server, book
        self.rest()

    def rest(self) -> None:
        """Have what is said looked at only where there is a moderated room."""
        for hook in ("greenchat_check_messages", "greenchat_check_reaction"):
            self._server.set_hook_enabled(self._plugin, hook, self._book.has_moderated)

    def check(self, session: Session, room: str) -> None:
        """Raises `Reject` for who may not speak there; all may in private (empty)."""
        there, member = self._server.chat.rooms.get(room) if room else None, session.member
        if there is None or member is None or not self._book.of(there).moderated:
            return
        if not (there.role_of(member) or there.has_voice(member) or member.bot):
            gives = f"Its owner or an operator gives you one by /voice {member.name}."
            raise Reject(f"In {room}, only who has a voice may speak. {gives}", code="moderated")

    def voice(self, call: Call, user: Member) -> None:
        room = self._room(call, user)
        if room.has_voice(user):
            raise Reject(f"{user.name} has a voice already.", code="not_allowed")
        room.voices.add(user.identity)
        self._told(call.session, room, "voice", user, f"{user.name} has a voice in {room.name}")

    def devoice(self, call: Call, user: Member) -> None:
        room = self._room(call, user)
        if not room.has_voice(user):
            raise Reject(f"{user.name} has no voice here.", code="not_allowed")
        room.voices.discard(user.identity)
        self._told(call.session, room, "devoice", user, f"{user.name} has no voice in {room.name} any more")

    def _room(self, call: Call, user: Member) -> Room:
        room = call.member.room
        require_right(call.session, room, "say who has a voice")
        if not room.has(user):
            raise Reject(f"{user.name} is not in {room.name}.", code="not_in_room")
        return room

    def _told(self, session: Session, room: Room, act: str, user: Member, text: str) -> None:
        try:
            self._book.set_voices(room)
        finally:  # it holds, though it may not have been kept
            room.post(Notice(f"{text}, says {session.name}.", room.name, None, act, session.name, user.name))
            record(session, room, act, user.name)
