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
from greenchat.chat.outlet import Outlet
from greenchat.chat.presence import Presence
from greenchat.chat.room import Member, Quoting, Room
from greenchat.chat.telling import Telling
from greenchat.codecs.wording import answering, changed
from greenchat.errors import Reject
from greenchat.protocol.events import Change, Deleted, Edited, Message, ModerationAction, Reacted, require_sound
from greenchat.protocol.names import require_name
from greenchat.protocol.replies import HistoryPage
from greenchat.protocol.requests import History
from greenchat.protocol.runs import Key, Messages
from greenchat.protocol.text import require_emoji, require_text

# Who is further behind than so many does better with the latest page: more than that, nobody scrolls back.
BEHIND = 1000

# How far back one's last message may be, to be meant by who names none: some pages of talk.
LAST = 100


class Changes(Presence):
    """The messages of rooms, by their numbers. `origin` is the session by which `member` asks for it; else it is the
    one whose request is dealt with. Each returns the `rev` of the message then."""

    @one_step
    def edit(self, member: Member, room: Room, seq: int, text: str, origin: Outlet | None = None) -> int:
        """Have a message of `member`'s own say `text` from now on, which passes all that new words pass. May wait."""
        past, message = self._own(member, room, seq)
        log.require_in_time(message, self._limits.edit_seconds, datetime.now(UTC))
        text = require_text(text)
        if text == message.text:
            return message.rev
        if self._hooks.check_message is not None:
            text = self._checks.message(member, acting(member, origin), text, room.name, message.action)
            self._checks.require_in(member, room)
            past, message = self._own(member, room, seq)  # somebody may have deleted it meanwhile
        return self._change(
            member, room, past, Edited(room.name, seq, room.rev + 1, text, member.name, datetime.now(UTC))
        )

    @one_step
    def delete(self, member: Member, room: Room, seq: int) -> int:
        """Take a message away: one's own, or of others where one keeps order, which goes on record. May wait."""
        past, message = self._there(room, seq)
        self._checks.require_in(member, room)
        is_own = past.is_by(member)
        if not is_own and not room.role_of(member):
            text = "This message is not yours. Its sender, the owner of the room and operators may delete it."
            raise Reject(text, code="not_allowed")
        rev = self._change(member, room, past, Deleted(room.name, seq, room.rev + 1, member.name, datetime.now(UTC)))
        if not is_own and self._hooks.acted is not None:
            by, details = member.name_on_record, f"message {seq}"
            act = ModerationAction(by, "delete", message.sender, room.name, details, datetime.now(UTC))
            self._hooks.acted(require_sound(act))
        return rev

    @one_step
    def react(
        self, member: Member, room: Room, seq: int, emoji: str, on: bool = True, origin: Outlet | None = None
    ) -> int:
        """Put an emoji to a message, or take one's own away. May wait."""
        emoji = require_emoji(emoji)
        if on and self._hooks.check_reaction is not None:
            self._hooks.check_reaction(acting(member, origin), room.name, emoji)
        past, message = self._there(room, seq)
        self._checks.require_in(member, room)
        if log.has_reacted(past, member, emoji) is on:
            return message.rev
        if on:
            log.require_one_more(past, member, emoji)
        return self._change(
            member, room, past, Reacted(room.name, seq, room.rev + 1, member.name, emoji, on, datetime.now(UTC))
        )

    def has_reacted(self, member: Member, room: Room, seq: int, emoji: str) -> bool:
        """Whether `member` has put this emoji to a message. May wait."""
        return log.has_reacted(self._there(room, seq)[0], member, emoji)

    def message(self, room: Room, seq: int) -> Message:
        """The message `seq` of `room`, as it is now. May wait."""
        return self._there(room, seq)[1]

    def last_message(self, member: Member, room: Room, *, own: bool = False) -> int:
        """The number of the last message in `room`, or of the last of `member`'s own, as far as it is one of the last
        that were said. May wait."""
        for seq in range(room.seq, max(room.seq - LAST, 0), -1):
            with suppress(Reject):
                past, _ = self._there(room, seq)
                if not own or past.is_by(member):
                    return seq
        what = "You have said nothing here lately." if own else "Nothing was said here lately."
        raise Reject(f"{what} Name the message by its number, which /history tells.", code="unknown_message")

    def catch_up(self, member: Member, room: Room, ask: History) -> HistoryPage:
        """All that is newer than what `member` knows, as far as it is remembered and they were there when it was
        said."""
        since, limit = room.log.may_read_from(member), max(ask.limit, 1)
        known = ask.epoch == room.epoch and 0 <= room.rev - ask.rev <= BEHIND
        anew = since is None or not known or ask.rev < max(since, room.log.oldest - 1)
        found = [] if since is None else room.log.newer(since if anew else max(ask.rev, since))
        if anew:
            found = sorted(found, key=lambda past: past.message.seq)
            more, found, rev = len(found) > limit, found[-limit:], room.rev
        else:
            more, found = len(found) > limit, found[:limit]
            rev = found[-1].message.rev if more else room.rev
        return HistoryPage(room.name, [*self.as_told(found, member)], more, ask.ref, rev, room.epoch, anew)

    def as_told(self, messages: Iterable[Past], reader: Member) -> list[Message | Deleted]:
        """Messages as `reader` is told of them now: see `Telling`."""
        return [*map(Telling(self.people, self.accounts, reader).told, messages)]

    # --- the steps ---

    def _answer(
        self,
        member: Member,
        text: str,
        action: bool,
        number: int,
        room: Room,
        origin: Outlet,
        past: Past,
        answered: Message,
        key: Key | None,
    ) -> Messages:
        """Say it now, as an answer."""
        draft = Message(room.name, 0, 0, member.name, text, datetime.now(UTC), action, reply_to=answered.seq)
        quoting = Quoting(answering(draft, answered), answering(draft), _ignoring(past, answered))
        return room.answer(member, text, number, origin, answered.seq, quoting, action, key)

    def _there(self, room: Room, seq: int) -> tuple[Past, Message]:
        """The message `seq` of `room`, if there is one. May wait."""
        past = room.log.find(seq) if 0 < seq <= room.seq else None
        if past is None and 0 < seq <= room.seq and self._hooks.find_message is not None:
            found = self._hooks.find_message(room, seq)
            past = found and room.log.remember(seq, found)
        if past is None or isinstance(past.message, Deleted):
            raise Reject(f"There is no message {seq} in {room.name}, or not any more.", code="unknown_message")
        return past, past.message

    def _own(self, member: Member, room: Room, seq: int) -> tuple[Past, Message]:
        past, message = self._there(room, seq)
        self._checks.require_in(member, room)
        if not past.is_by(member):
            raise Reject("This message is not yours: only its sender may change it.", code="not_allowed")
        return past, message

    def _change(self, member: Member, room: Room, past: Past, change: Change) -> int:
        message = past.message
        assert isinstance(message, Message)
        quoting = Quoting(changed(change, message), changed(change), _ignoring(past, message))
        room.tell_change(Alteration(change, room.log.change(past, change, member), room.seq), member, quoting)
        return change.rev


def _ignoring(past: Past, message: Message) -> Callable[[Ignored], bool]:
    """Whether somebody ignores who has said it, whatever they are called by now."""
    author = past.author() if past.author is not None else None
    key = message.sender
    with suppress(Reject):
        key = require_name(key, 0)[1]
    return lambda ignored: ignored.covers_past(author, past.account_id, key)
