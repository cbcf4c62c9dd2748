"""What becomes of messages that were said: they are answered, changed, deleted, and reacted to.

Whatever is not allowed raises `Reject`, and then nothing has happened.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime

from greenchat.chat import log
from greenchat.chat.cascade import one_step
from greenchat.chat.checks import acting
from greenchat.chat.ignoring import Ignored
from greenchat.chat.log import Alteration, Past
from greenchat.chat.outlet import Login, Outlet
from greenchat.chat.place import Place, Quoting
from greenchat.chat.presence import Presence
from greenchat.chat.room import Member, Room
from greenchat.chat.telling import Telling
from greenchat.codecs.wording import answering, changed
from greenchat.errors import Reject
from greenchat.protocol.events import Change, Deleted, Edited, Message, ModerationAction, Reacted, require_sound
from greenchat.protocol.names import key_of
from greenchat.protocol.replies import HistoryPage
from greenchat.protocol.requests import History
from greenchat.protocol.runs import Key, Messages
from greenchat.protocol.text import require_emoji, require_text

# Who is further behind than so many does better with the latest page: more than that, nobody scrolls back.
BEHIND = 1000

# How far back one's last message may be, to be meant by who names none: some pages of talk.
LAST = 100


class Changes(Presence):
    """The messages of rooms and conversations, by their numbers. `origin` is the session by which `member` asks for it;
    else it is the one whose request is dealt with. Each returns the `rev` of the message then."""

    @one_step
    def edit(self, member: Member, place: Place, seq: int, text: str, origin: Outlet | None = None) -> int:
        """Have a message of `member`'s own say `text` from now on, which passes all that new words pass. May wait."""
        past, message = self._own(member, place, seq)
        log.require_in_time(message, self._limits.edit_seconds, datetime.now(UTC))
        text = require_text(text)
        if text == message.text:
            return message.rev
        place.require_heard(member)
        if self._hooks.check_message is not None:
            session = acting(member, origin)
            given, text = text, self._checks.message(member, session, text, place.name, message.action)
            if text is not given:
                self._hooks.numbered(session, seq, place.conversation)
        self._checks.require_in(member, place)
        past, message = self._own(member, place, seq)  # somebody may have deleted it meanwhile
        now, where = datetime.now(UTC), place.conversation
        edited = Edited(place.name, seq, place.rev + 1, text, member.name, now, where)
        return self._change(member, place, past, edited)

    @one_step
    def delete(self, member: Member, place: Place, seq: int) -> int:
        """Take a message away: one's own, or of others where one keeps order, which goes on record. May wait."""
        past, _ = self._there(place, seq)
        self._checks.require_in(member, place)
        is_own = past.is_by(member)
        if not is_own and not place.role_of(member):
            others = "" if place.conversation else ", the owner of the room and operators"
            raise Reject(f"This message is not yours. Its sender{others} may delete it.", code="not_allowed")
        return self._delete(member, place, past, member.name, "" if is_own else member.name_on_record)

    @one_step
    def delete_as(self, by: str, room: Room, seq: int) -> int:
        """Take a message of a room away, whoever has said it, for `by`, who keeps order and is nobody in the chat. It
        goes on record. May wait."""
        past, _ = self._there(room, seq)
        if self.rooms.get(room.name) is not room:
            raise Reject(f"Nobody is in {room.name} any more.", code="unknown_room")
        return self._delete(Member(by, by.lower(), Login()), room, past, by, by)

    @one_step
    def react(
        self, member: Member, place: Place, seq: int, emoji: str, on: bool = True, origin: Outlet | None = None
    ) -> int:
        """Put an emoji to a message, or take one's own away. May wait."""
        emoji = require_emoji(emoji)
        if on:
            place.require_heard(member)
        if on and self._hooks.check_reaction is not None:
            self._hooks.check_reaction(acting(member, origin), place.name, emoji)
        past, message = self._there(place, seq)
        self._checks.require_in(member, place)
        if log.has_reacted(past, member, emoji) is on:
            return message.rev
        if on:
            log.require_one_more(past, member, emoji)
        now, where = datetime.now(UTC), place.conversation
        reacted = Reacted(place.name, seq, place.rev + 1, member.name, emoji, on, now, where)
        return self._change(member, place, past, reacted)

    def has_reacted(self, member: Member, place: Place, seq: int, emoji: str) -> bool:
        """Whether `member` has put this emoji to a message. May wait."""
        return log.has_reacted(self._there(place, seq)[0], member, emoji)

    def message(self, place: Place, seq: int) -> Message:
        """The message `seq` of `place`, as it is now. May wait."""
        return self._there(place, seq)[1]

    def last_message(self, member: Member, place: Place, *, own: bool = False) -> int:
        """The number of the last message in `place`, or of the last of `member`'s own, as far as it is one of the last
        that were said. May wait."""
        for seq in range(place.seq, max(place.seq - LAST, 0), -1):
            with suppress(Reject):
                past, _ = self._there(place, seq)
                if not own or past.is_by(member):
                    return seq
        what = "You have said nothing here lately." if own else "Nothing was said here lately."
        raise Reject(f"{what} Name the message by its number, which /history tells.", code="unknown_message")

    def catch_up(self, member: Member, place: Place, ask: History) -> HistoryPage:
        """All that is newer than what `member` knows, as far as it is remembered and they were there when it was
        said."""
        since, limit = place.log.may_read_from(member), max(ask.limit, 1)
        known = ask.epoch == place.epoch and 0 <= place.rev - ask.rev <= BEHIND
        anew = since is None or not known or ask.rev < max(since, place.log.oldest - 1)
        found = [] if since is None else place.log.newer(since if anew else max(ask.rev, since))
        if anew:
            found = sorted(found, key=lambda past: past.message.seq)
            more, found, rev = len(found) > limit, found[-limit:], place.rev
        else:
            more, found = len(found) > limit, found[:limit]
            rev = found[-1].message.rev if more else place.rev
        which = place.conversation, place.with_for(member)
        events = self.as_told(found, member, place)
        return HistoryPage(place.name, [*events], more, ask.ref, rev, place.epoch, anew, *which)

    def as_told(self, messages: Iterable[Past], reader: Member, place: Place | None = None) -> list[Message | Deleted]:
        """Messages as `reader` is told of them now: see `Telling`. They are of a room, or of `place`."""
        telling = Telling(self.people, self.accounts, reader, self.files)
        if place is None or not place.conversation:
            return [*map(telling.told, messages)]
        return [place.as_read_by(reader, past, telling.told(past)) for past in messages]

    # --- the steps ---

    def _answer(
        self,
        member: Member,
        text: str,
        action: bool,
        number: int,
        place: Place,
        origin: Outlet,
        past: Past,
        answered: Message,
        key: Key | None,
    ) -> Messages:
        """Say it now, as an answer."""
        now, where = datetime.now(UTC), place.conversation
        draft = Message(place.name, 0, 0, member.name, text, now, action, reply_to=answered.seq, conversation=where)
        quoting = Quoting(answering(draft, answered), answering(draft), _ignoring(past, answered))
        return place.answer(member, text, number, origin, answered.seq, quoting, action, key)

    def _there(self, place: Place, seq: int) -> tuple[Past, Message]:
        """The message `seq` of `place`, if there is one. May wait."""
        past = place.log.find(seq) if 0 < seq <= place.seq else None
        if past is None and 0 < seq <= place.seq:
            if isinstance(place, Room):
                found = self._hooks.find_message(place, seq) if self._hooks.find_message is not None else None
            else:
                found = place.look_up(seq)
            past = found and place.log.remember(seq, found)
        if past is None or isinstance(past.message, Deleted):
            where = place.name or "this conversation"
            raise Reject(f"There is no message {seq} in {where}, or not any more.", code="unknown_message")
        return past, past.message

    def _own(self, member: Member, place: Place, seq: int) -> tuple[Past, Message]:
        past, message = self._there(place, seq)
        self._checks.require_in(member, place)
        if not past.is_by(member):
            raise Reject("This message is not yours: only its sender may change it.", code="not_allowed")
        return past, message

    def _delete(self, member: Member, place: Place, past: Past, by: str, on_record: str) -> int:
        """Now. It goes on record as done by `on_record`, if that is somebody."""
        message, now, where = past.message, datetime.now(UTC), place.conversation
        assert isinstance(message, Message)
        rev = self._change(member, place, past, Deleted(place.name, message.seq, place.rev + 1, by, now, where))
        self.files.deleted(message)
        if on_record and self._hooks.acted is not None:
            details = f"message {message.seq}"
            act = ModerationAction(on_record, "delete", message.sender, place.name, details, datetime.now(UTC))
            self._hooks.acted(require_sound(act))
        return rev

    def _change(self, member: Member, place: Place, past: Past, change: Change) -> int:
        message = past.message
        assert isinstance(message, Message)
        quoting = Quoting(changed(change, message), changed(change), _ignoring(past, message))
        place.tell_change(Alteration(change, place.log.change(past, change, member), place.seq), member, quoting)
        return change.rev


def _ignoring(past: Past, message: Message) -> Callable[[Ignored], bool]:
    """Whether somebody ignores who has said it, whatever they are called by now."""
    author = past.author() if past.author is not None else None
    key = key_of(message.sender)
    return lambda ignored: ignored.covers_past(author, past.account_id, key)
