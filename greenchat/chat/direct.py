"""What is said to one person alone, who may be away if both have accounts.

Whatever is not allowed raises `Reject`, and then nothing has happened.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from weakref import WeakKeyDictionary, ref

from msgspec.structs import replace

from greenchat.chat.batch import Deliver
from greenchat.chat.changes import BEHIND, Changes
from greenchat.chat.checks import Hooks, acting
from greenchat.chat.conversations import Conversation, Identity
from greenchat.chat.fanout import Turns
from greenchat.chat.ids import MessageIds
from greenchat.chat.keys import Keys
from greenchat.chat.log import Past
from greenchat.chat.outlet import Asked, Outlet
from greenchat.chat.place import Place
from greenchat.chat.room import Member
from greenchat.config.schema import Limits
from greenchat.errors import Reject
from greenchat.protocol.events import Deleted, File, Message
from greenchat.protocol.names import require_name
from greenchat.protocol.replies import DirectState, Exported, HistoryPage
from greenchat.protocol.requests import Export, History
from greenchat.protocol.runs import Key
from greenchat.protocol.text import printable, require_text

# Messages of one page: as many as somebody scrolls through at once.
PAGE_MESSAGES = 200

# As long as the number of a message gets.
SEQ_DIGITS = 18

# Within so many seconds there are so many new conversations of one person: see `limits.new_conversations`.
BEGIN_SECONDS = 3600.0


class Direct(Changes):
    """Conversations of two. `origin` is the session by which `member` says something; else it is the one whose request
    is dealt with. What is said is returned as `member` reads it elsewhere."""

    def __init__(self, limits: Limits, default_room: str, hooks: Hooks, turns: Turns, deliver: Deliver) -> None:
        super().__init__(limits, default_room, hooks, turns, deliver)
        self.ids = MessageIds()
        self.keys = Keys(hooks)
        # When they have begun conversations of late.
        self._begun: dict[int, deque[float]] = {}
        self._begun_by_guests: WeakKeyDictionary[Member, deque[float]] = WeakKeyDictionary()

    # --- say ---

    def whisper(
        self,
        member: Member,
        to: str,
        text: str,
        *,
        action: bool = False,
        origin: Outlet | None = None,
        reply_to: int = 0,
    ) -> Message:
        """Say `text` to who is called `to` at this moment, in whatever room they are, or to the account of this name.
        May wait. Raises `Reject`."""
        return self._converse(member, self._with(member, self._end(to)), text, action, origin, reply_to)

    def converse(
        self,
        member: Member,
        conversation: str,
        text: str,
        *,
        action: bool = False,
        origin: Outlet | None = None,
        reply_to: int = 0,
    ) -> Message:
        """Say `text` in the conversation of this id: to the person whom it was begun with, or to nobody. May wait.
        Raises `Reject`."""
        found = self.conversations.of(member, conversation)
        return self._converse(member, found, text, action, origin, reply_to)

    def say_to_one(
        self,
        member: Member,
        text: str,
        asked: Asked,
        *,
        action: bool = False,
        origin: Outlet | None = None,
        reply_to: int = 0,
        key: Key | None = None,
    ) -> Message:
        """Say `text` to the one person whom a request names, in whichever way. May wait. Raises `Reject`."""
        reply_to = reply_to or asked.reply_to
        if bool(asked.room) + bool(asked.conversation) + bool(asked.to) > 1:
            raise Reject("Say where: in a room, in a conversation, or to somebody. Not in two of them.", "malformed")
        if asked.conversation:
            found = self.conversations.of(member, asked.conversation)
        else:
            found = self._with(member, self._end(asked.to))
        return self._converse(member, found, text, action, origin, reply_to, key)

    def _converse(
        self,
        member: Member,
        found: Conversation,
        text: str,
        action: bool,
        origin: Outlet | None,
        reply_to: int,
        key: Key | None = None,
        files: list[File] | None = None,
    ) -> Message:
        origin = acting(member, origin)
        text = given = require_text(text)
        self._checks.require_in(member, found)
        if reply_to:
            self.message(found, reply_to)
        self._require_here(found, member)
        found.require_heard(member)
        if self._hooks.check_message is not None:
            text = self._checks.message(member, origin, text, "", action)
            self._checks.require_in(member, found)  # somebody may have gone meanwhile
        past, answered = self._there(found, reply_to) if reply_to else (None, None)
        self._checks.require_in(member, found)
        other = self._require_here(found, member)
        if not found.seq:
            self._count_new(member.identity)
        number = self.ids.next
        self.ids.next = number + 1
        if other is not None:
            other.last_writer = member.name, ref(found)
        if past is None or answered is None:
            told = None if files else origin  # who sends a file is told of it as on other devices
            said = found.say(member, text, number, action, told, key, self.files.told(files, given, text))[-1]
        else:
            said = self._answer(member, text, action, number, found, origin, past, answered, key)[-1]
        if text is not given:
            self._hooks.numbered(origin, said.seq, found.conversation)
        return replace(said, own=True, with_=found.with_for(member))

    def _require_here(self, found: Conversation, member: Member) -> Member | None:
        """Whom `member` writes to, if they are here. Raises `Reject` where they are not, and nothing may wait for
        them, or nothing more."""
        other = found.partner(member)
        if other is not None and other.bot:
            text = (
                f"{other.name} is a bot, and reads nothing that is said to it alone. Name it in a room that it is in."
            )
            raise Reject(text, code="unknown_user")
        if other is not None:
            return other
        end = found.other_end(member.identity)
        if not member.account_id or not isinstance(end, int) or not self._waits:
            raise Reject("They are not here at the moment, so this was not said.", code="unknown_user")
        most = self._limits.unanswered_messages
        if most and not found.facts[end].said and found.facts[member.identity].said >= most:
            text = f"{found.with_for(member)} is away and has never answered you: {most} messages are enough for now."
            raise Reject(text, code="too_many_unanswered")
        return None

    @property
    def _waits(self) -> bool:
        """Whether what is said waits for who is away."""
        return self.conversations.keeper is not None

    def begun(self, member: Member, name: str) -> Conversation:
        """The conversation with who is called so, begun where there is none. May wait. Raises `Reject`."""
        return self._with(member, self._end(name))

    # --- find ---

    def find(self, name: str) -> Member:
        """Who is called `name`, however it is spelt. Raises `Reject` where nobody is."""
        with suppress(KeyError, Reject):
            return self.members[require_name(name, self._limits.name_length)[1]]
        raise _nobody(name)

    def conversation(self, member: Member, conversation: str) -> Conversation:
        """The one with this id, if it is `member`'s; it may have ended. May wait. Raises `Reject`."""
        return self.conversations.of(member, conversation)

    def conversation_with(self, member: Member, name: str) -> Conversation:
        """The one with who is called so, if there is one. May wait. Raises `Reject`."""
        found = self.conversations.known(member.identity, self._end(name))
        if found is None:
            raise Reject(f"You and {printable(name)} have said nothing to each other yet.", code="unknown_message")
        return found

    def open_conversation(self, conversation: str) -> Conversation | None:
        """The one with this id, if somebody has it who is here."""
        return self.conversations.open(conversation)

    def hold(self, conversation: Conversation, seq: int, rev: int, release: Callable[[Reject | None], None]) -> bool:
        """Call `release` once what has this rev is kept, or with why it will not be. False where it is not kept."""
        if conversation.keeper is None:
            return False
        conversation.keeper.hold(release)
        return True

    def place_meant(self, member: Member, asked: Asked | None = None) -> Place:
        """The room or conversation that is meant, by what a request names; else by the one with which this greenlet
        deals. May wait. Raises `Reject`."""
        session = member.at_hand
        asked = asked or (session.asked if session is not None else None)
        if asked is not None and asked.conversation:
            return self.conversation(member, asked.conversation)
        if asked is not None and asked.to:
            return self.conversation_with(member, asked.to)
        return member.room

    def _end(self, name: str) -> Identity:
        """Who is called so: somebody who is here, or else the account of this name. Raises `Reject`."""
        with suppress(Reject):
            _, key = require_name(name, self._limits.name_length)
            there = self.members.get(key)
            if there is not None:
                return there.identity
            account = self.accounts.find(key)
            if account is not None:
                return account.id
        raise _nobody(name)

    def _with(self, member: Member, end: Identity) -> Conversation:
        """The conversation of `member` with this one, begun where there is none. May wait. Raises `Reject`."""
        conversations = self.conversations
        if isinstance(end, int) and conversations.who(end) is None:
            name = self.accounts.name_of(end)
            if not self._waits:
                raise _nobody(name)
            if not member.account_id:
                text = f"{name} is away. Only who has an account can write to who is away."
                raise Reject(text, code="unknown_user")
        found = conversations.known(member.identity, end)
        self._checks.require_present(member)
        return found or conversations.begin(member.identity, end)

    def _count_new(self, identity: Identity) -> None:
        """Raises `Reject` where somebody has begun as many conversations of late as one may."""
        most, now = self._limits.new_conversations, time.monotonic()
        if not most:
            return
        for end in [end for end, times in self._begun.items() if times[-1] <= now - BEGIN_SECONDS]:
            del self._begun[end]
        if isinstance(identity, Member):
            times = self._begun_by_guests.setdefault(identity, deque())
        else:
            times = self._begun.setdefault(identity, deque())
        while times and times[0] <= now - BEGIN_SECONDS:
            times.popleft()
        if len(times) >= most:
            text = f"You have begun {most} conversations within the last hour, as many as one may. Try again later."
            raise Reject(text, code="too_many_conversations")
        times.append(now)

    # --- read ---

    def conversations_of(self, member: Member) -> tuple[list[DirectState], bool]:
        """The conversations of `member`, those in which something was said last first; and whether there may be more.
        May wait."""
        keeper = self.conversations.keeper
        try:
            kept, more = keeper.of(member.account_id) if keeper is not None and member.account_id else ([], False)
        except Reject:
            kept, more = [], True  # they cannot be read at the moment
        listed = []
        for one in kept:
            there = self.people.of_account(one.account_id)
            name = there.name if there is not None else self.accounts.name_of(one.account_id) or one.name
            listed.append(DirectState(one.conversation, name, one.seq, one.rev, one.read, one.unread))
        here = [one for one in self.conversations.of_identity(member.identity) if one.keeper is None]
        for talk in sorted(here, key=lambda talk: talk.time, reverse=True):
            read, unread = talk.facts[member.identity].read, talk.unread_by(member)
            listed.append(DirectState(talk.id, talk.with_for(member), talk.seq, talk.rev, read, unread))
        return listed, more

    def read_direct(self, member: Member, conversation: str, seq: int) -> int:
        """`member` has read a conversation up to this message: up to which, if that is news, or else 0. May wait.
        Raises `Reject`."""
        found = self.conversations.of(member, conversation)
        return found.facts[member.identity].read if found.mark_read(member, seq) else 0

    @property
    def direct_epoch(self) -> str:
        """The epoch of conversations that are kept; empty where none are."""
        keeper = self.conversations.keeper
        return keeper.epoch if keeper is not None else ""

    def waiting(self, member: Member, most: int) -> tuple[list[Past], int, list[str]]:
        """See `Keeper.waiting`. May wait. Raises `Reject`."""
        keeper = self.conversations.keeper
        return keeper.waiting(member.account_id, most) if keeper is not None else ([], 0, [])

    def read_conversation(self, member: Member, ask: History) -> HistoryPage:
        """What was said in a conversation of `member`'s: a page, or what they have missed. May wait. Raises
        `Reject`."""
        found = self.conversations.of(member, ask.conversation)
        ask = replace(ask, limit=min(max(ask.limit, 1), PAGE_MESSAGES))
        if not ask.epoch:
            return self._page(member, found, ask)
        if found.keeper is None:
            return self.catch_up(member, found, ask)
        newer = None
        if ask.epoch == found.epoch:
            newer = found.keeper.newer(found.id, ask.rev, BEHIND)
        if newer is None or ask.rev > found.rev or ask.epoch != found.epoch:
            return replace(self._page(member, found, History(limit=ask.limit, ref=ask.ref)), anew=True)
        more = len(newer) > ask.limit
        said = newer[: ask.limit]
        rev = said[-1].message.rev if more else found.rev
        return self._told(member, found, ask, said, more, rev)

    def export(self, member: Member, ask: Export) -> Exported:
        """A page of all that `member` has said alone with others, and they with them, as far as it is kept. May wait.
        Raises `Reject`."""
        keeper = self.conversations.keeper
        if keeper is None or not member.account_id:
            raise Reject("Only of accounts it is kept what they say to each other alone.", code="not_allowed")
        if ask.conversation:
            self.conversations.of(member, ask.conversation)
        seq, _, reached = ask.cursor.partition(":")
        if ask.cursor and not (seq.isascii() and seq.isdecimal() and len(seq) <= SEQ_DIGITS):
            raise Reject("Take the `cursor` as the page before has it.", code="cursor_invalid")
        after = (reached, int(seq or 0))
        said = keeper.export(member.account_id, ask.conversation, after, PAGE_MESSAGES + 1)
        told = self.told_alone(member, said[:PAGE_MESSAGES])
        last = said[PAGE_MESSAGES - 1].message if len(said) > PAGE_MESSAGES else None
        return Exported(told, f"{last.seq}:{last.conversation}" if last is not None else "", ask.ref)

    def told_alone(self, member: Member, said: Iterable[Past]) -> list[Message]:
        """Messages of conversations of `member`'s as they read them now, without those that were deleted. May wait.
        Raises `Reject`."""
        told: list[Message] = []
        known: dict[str, Conversation] = {}
        for past in said:
            number = past.message.conversation
            if number not in known:
                known[number] = self.conversations.of(member, number)
            now = self.as_told([known[number].log.now(past)], member, known[number])
            told += [message for message in now if isinstance(message, Message)]
        return told

    def _page(self, member: Member, found: Conversation, ask: History) -> HistoryPage:
        rev = found.rev  # what comes meanwhile is told again by who catches up from here
        if found.keeper is not None:
            said, more = found.keeper.page(found.id, ask)
        else:
            said, more = _page_of(found, ask)
        return self._told(member, found, ask, said, more, rev)

    def _told(
        self, member: Member, found: Conversation, ask: History, said: list[Past], more: bool, rev: int
    ) -> HistoryPage:
        events = self.as_told(map(found.log.now, said), member, found)
        which = found.id, found.with_for(member)
        return HistoryPage("", [*events], more, ask.ref, rev, found.epoch, False, *which)


def _page_of(found: Conversation, ask: History) -> tuple[list[Past], bool]:
    """What is asked for of what is remembered, and whether there is more."""
    said = sorted(found.log.newer(0), key=lambda past: past.message.seq)
    fits = [past for past in said if _fits(past.message, ask)]
    forward = bool(ask.after or ask.since) and not (ask.before or ask.until)
    return (fits[: ask.limit] if forward else fits[-ask.limit :]), len(fits) > ask.limit


def _fits(said: Message | Deleted, ask: History) -> bool:
    if said.seq <= ask.after or (ask.before and said.seq >= ask.before):
        return False
    return (ask.since is None or said.time >= ask.since) and (ask.until is None or said.time < ask.until)


def _nobody(name: str) -> Reject:
    return Reject(f"Nobody here is called {printable(name)}. Look with /who.", code="unknown_user")
