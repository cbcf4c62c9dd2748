"""What two people say to each other alone: between whom, and for how long.

A conversation is between two accounts, or a guest's stay and an account or another stay. It never follows a name: where
somebody else has that by now, what one writes must not go to them. Between accounts it is kept, and waits for who is
away; with a guest in it, it lasts as long as their stay.
"""

import secrets
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from msgspec.structs import replace

from greenchat.chat.accounts import AccountDirectory
from greenchat.chat.batch import Deliver, EventBatch, QuotingBatch, knows_numbers
from greenchat.chat.directory import Directory
from greenchat.chat.ends import End, Entry
from greenchat.chat.ignoring import Ignored
from greenchat.chat.log import Alteration, Past
from greenchat.chat.outlet import Outlet
from greenchat.chat.place import Place, Quoting
from greenchat.chat.room import Member
from greenchat.errors import Reject
from greenchat.protocol.events import Deleted, Ended, File, Message, Notice, Read
from greenchat.protocol.requests import History
from greenchat.protocol.runs import Key, Messages

# An account's id; or the member itself, for a guest.
Identity = int | Member

# How many a guest may have begun that have not ended: more than anybody has partners, and some hundred KB at the most.
MOST_OPEN = 1000

# Messages that are remembered of a conversation that is kept: what is older is read where it is kept.
RECENT_KEPT = 100

ID_BYTES = 12  # of chance: nobody guesses the conversation of others


class Keeper(Protocol):
    """Who keeps the conversations of accounts. What reads may wait, and raises `Reject` where that cannot be; nothing
    else waits. All that it gives numbers to is of one `epoch`."""

    @property
    def epoch(self) -> str: ...

    def between(self, one: int, other: int) -> "Conversation | None": ...

    def find(self, conversation: str) -> "Conversation | None": ...

    def keep(self, conversation: "Conversation", past: Past | None, key: Key | None = None) -> None:
        """Keep the conversation as it is now, and this message of it, which was said with a key perhaps."""

    def hold(self, release: Callable[[Reject | None], None]) -> None:
        """Call `release` once all that was given so far is kept, or with why it will not be."""

    def message(self, conversation: str, seq: int) -> Past | None: ...

    def page(self, conversation: str, ask: History) -> tuple[list[Past], bool]:
        """At most `ask.limit` messages, and whether there are more."""

    def newer(self, conversation: str, rev: int, most: int) -> list[Past] | None:
        """All that is newer, by its rev; None where that is more than `most`."""

    def export(self, account_id: int, conversation: str, after: tuple[str, int], most: int) -> list[Past]:
        """The first of what is behind `after`, a conversation and a message of it, in those of an account, or in this
        one; without what was deleted."""

    def of(self, account_id: int) -> tuple[list[Entry], bool]:
        """Those of an account, and whether there are more."""

    def waiting(self, account_id: int, most: int) -> tuple[list[Past], int, list[str]]:
        """The last of what was said to an account and it has not read; how much that is in all; and in
        which conversations."""


class Conversation(Place):
    """`ends` are the two identities, which are the same one for somebody who talks to themselves. `keeper` keeps it, if
    anybody does, and `has_ended` what has to do with it for good."""

    __slots__ = ("__weakref__", "_all", "conversation", "ends", "facts", "has_ended", "keeper")

    def __init__(
        self, every: "Conversations", ends: Sequence[Identity], number: str = "", keeper: Keeper | None = None
    ) -> None:
        super().__init__(recent=RECENT_KEPT) if keeper is not None else super().__init__()
        self._all = every
        self.conversation = number or secrets.token_urlsafe(ID_BYTES)
        self.ends = (ends[0], ends[-1])
        self.facts: dict[Identity, End] = {end: End() for end in self.ends}
        self.keeper = keeper
        self.has_ended = False
        if keeper is not None:
            self.epoch = keeper.epoch

    @property
    def id(self) -> str:
        return self.conversation

    def other_end(self, one: Identity) -> Identity:
        return self.ends[1] if self.ends[0] == one else self.ends[0]

    def has(self, member: Member) -> bool:
        return not self.has_ended and member.identity in self.ends and self._all.who(member.identity) is member

    def has_gone(self) -> Reject:
        return gone()

    def role_of(self, member: Member) -> str:
        return ""

    def partner(self, member: Member) -> Member | None:
        """Whom `member` has it with, if they are here."""
        return self._all.who(self.other_end(member.identity))

    def with_for(self, member: Member) -> str:
        return self._all.name_of(self.other_end(member.identity), self)

    def as_read_by(self, member: Member, past: Past, told: Message | Deleted) -> Message | Deleted:
        if isinstance(told, Deleted):
            return told
        return replace(told, with_=self.with_for(member), own=past.is_by(member))

    def look_up(self, seq: int) -> Past | None:
        return self.keeper.message(self.conversation, seq) if self.keeper is not None else None

    def require_heard(self, member: Member) -> None:
        end = self.other_end(member.identity)
        other = self._all.who(end)
        ignored = other.ignored if other is not None else self._all.ignored_by(end) if isinstance(end, int) else None
        if ignored is not None and ignored.covers(member):
            raise Reject(f"{self.with_for(member)} does not take messages from you.", code="ignored")

    # --- what is said here ---

    def say(
        self,
        member: Member,
        text: str,
        number: int,
        action: bool = False,
        origin: Outlet | None = None,
        key: Key | None = None,
        files: list[File] | None = None,
    ) -> Messages:
        """Tell it to all sessions of both but `origin`, at once."""
        run = self._run(member, (text,), number, action)
        run.files = files
        return self._said(run, member, origin, None, key)

    def answer(
        self,
        member: Member,
        text: str,
        number: int,
        origin: Outlet | None,
        reply_to: int,
        words: Quoting,
        action: bool = False,
        key: Key | None = None,
    ) -> Messages:
        return self._said(self._run(member, (text,), number, action, reply_to), member, origin, words, key)

    def tell_change(self, alteration: Alteration, member: Member, words: Quoting) -> None:
        self.rev = alteration.change.rev
        told, unquoted = (Notice(one) for one in words[:2])
        batch = QuotingBatch(alteration, member, told, words.is_ignored, unquoted)
        for reader in self._readers():
            self._deliver(batch, reader)
        self._keep(alteration.past)

    def _said(
        self, run: Messages, member: Member, origin: Outlet | None, words: Quoting | None, key: Key | None
    ) -> Messages:
        self.seq += 1
        self.rev += 1
        own = self.facts[member.identity]
        own.name, own.said, own.read = member.name, own.said + 1, self.seq  # who answers has read what was before
        message, skips = run[0], () if origin is None else (origin,)
        for reader in self._readers():
            seen = replace(message, with_=self.with_for(reader))
            if words is None:
                self._deliver(EventBatch((seen,), member, skips), reader)
            else:
                draft = Message("", 0, 0, member.name, words.words, run.time, conversation=self.conversation)
                unquoted = replace(draft, text=words.unquoted)
                self._deliver(QuotingBatch((seen,), member, draft, words.is_ignored, unquoted, skips), reader)
            facts = self.facts[reader.identity]
            told = self._all.shown_by(reader)
            if facts.read == self.seq - 1 and any(not knows_numbers(one.codec) for one in told):
                facts.read = self.seq  # a plain client has told it
                self._deliver(EventBatch((Read("", self.seq, self.conversation),)), reader)
        self._keep(self.log.find(run.seq), key)
        return run

    def mark_read(self, member: Member, seq: int) -> bool:
        """`member` has read it up to this message, or to the last that there is. Whether that is news."""
        facts, seq = self.facts[member.identity], min(seq, self.seq)
        if facts.read >= seq:
            return False
        facts.read = seq
        self._keep(None)
        return True

    def unread_by(self, member: Member) -> int:
        """How many messages `member` has not read, as far as they are remembered."""
        behind = self.facts[member.identity].read
        said = [past for past in self.log.newer(0) if past.message.seq > behind and isinstance(past.message, Message)]
        return sum(not past.is_by(member) for past in said)

    def _keep(self, past: Past | None, key: Key | None = None) -> None:
        for end, facts in self.facts.items():
            facts.name = self._all.name_of(end, self)
        if self.keeper is not None:
            self.keeper.keep(self, past, key)

    def _readers(self) -> list[Member]:
        found = dict.fromkeys(self._all.who(end) for end in self.ends)
        return [member for member in found if member is not None]

    def _deliver(self, batch: EventBatch, reader: Member) -> None:
        for session in self._all.shown_by(reader):
            if data := batch.encode_for(session, reader, session.codec):
                self._all.deliver([session.outbox], data)


class Conversations:
    """All of a chat that somebody has who is here. `people` are those who are in it, and `keeper` has those of
    accounts; without one, they last as long as one of the two is here."""

    keeper: Keeper | None = None

    def __init__(self, people: Directory, accounts: AccountDirectory, deliver: Deliver) -> None:
        self._people = people
        self.accounts = accounts
        self.deliver = deliver
        self._by_id: dict[str, Conversation] = {}
        self._by_ends: dict[frozenset[Identity], Conversation] = {}
        self._of: defaultdict[Identity, set[Conversation]] = defaultdict(set)
        self.ignored_by: Callable[[int], Ignored | None] = lambda account_id: None

    # --- find and begin ---

    def known(self, one: Identity, other: Identity) -> Conversation | None:
        """The conversation of these two, if there is one. May wait. Raises `Reject`."""
        ends = frozenset((one, other))
        found = self._by_ends.get(ends)
        if found is None and self.keeper is not None and isinstance(one, int) and isinstance(other, int):
            found = self._restored(self.keeper.between(one, other)) or self._by_ends.get(ends)  # begun meanwhile
        return found

    def begin(self, one: Identity, other: Identity) -> Conversation:
        """A new one. Raises `Reject`."""
        keeper = self.keeper if isinstance(one, int) and isinstance(other, int) else None
        if keeper is None and len(self._of.get(one, ())) >= MOST_OPEN:
            text = f"You have {MOST_OPEN} conversations with people who are here, as many as one may."
            raise Reject(text, code="too_many_conversations")
        found = Conversation(self, (one, other), keeper=keeper)
        for end in found.ends:
            who = self.who(end)
            if keeper is None and who is not None:
                found.log.came(who, 0)
        self._add(found)
        return found

    def of(self, member: Member, conversation: str) -> Conversation:
        """The one with this id, if it is one of `member`'s, to be read: it may have ended. May wait. Raises
        `Reject`."""
        found = self._by_id.get(conversation)
        if found is None and self.keeper is not None and member.account_id and conversation:
            found = self._restored(self.keeper.find(conversation))
        if found is None or member.identity not in found.ends:
            raise gone()
        return found

    @property
    def all(self) -> list[Conversation]:
        """Those that somebody has who is here."""
        return [*self._by_id.values()]

    def open(self, conversation: str) -> Conversation | None:
        return self._by_id.get(conversation)

    def of_identity(self, one: Identity) -> list[Conversation]:
        """Those that are known here."""
        return [*self._of.get(one, ())]

    # --- who is in one ---

    def who(self, end: Identity) -> Member | None:
        """Who is here as this identity."""
        if isinstance(end, Member):
            return end if self._people.has(end) else None
        return self._people.of_account(end)

    def shown_by(self, member: Member) -> list[Outlet]:
        """The sessions that show what is said to `member` alone: those that have been welcomed, since others are told
        all of it once they are."""
        return [session for session in member.sessions if session.is_welcome]

    def name_of(self, end: Identity, conversation: Conversation) -> str:
        """What they are called, or were last."""
        who = end if isinstance(end, Member) else self._people.of_account(end)
        if who is not None:
            return who.name
        assert isinstance(end, int)
        return self.accounts.name_of(end) or conversation.facts[end].name

    def is_gone(self, end: Identity) -> bool:
        """Whether the account is known to be there no more."""
        return isinstance(end, int) and self.accounts.known and self.accounts.by_id(end) is None

    # --- end ---

    def went(self, member: Member, account_id: int, why: str) -> None:
        """`member` is not here any more as who it was: as `account_id`, or as a guest where that is 0. What ends with
        it is told to both."""
        if not account_id:
            for conversation in list(self._of.get(member, ())):
                self._end(conversation, why)
        elif self._people.of_account(account_id) is None:
            for conversation in list(self._of.get(account_id, ())):  # what two accounts have waits for one of them
                if all(isinstance(end, int) and self.who(end) is None for end in conversation.ends):
                    self._drop(conversation)

    def accounts_gone(self, gone: Collection[int]) -> None:
        """Conversations with an account that is gone have ended; they can still be read."""
        for account_id in gone:
            for conversation in list(self._of.get(account_id, ())):
                if not conversation.has_ended:
                    name = conversation.facts[account_id].name
                    self._tell_end(conversation, f"The account {name} was removed.")

    def set_epoch(self, epoch: str) -> None:
        """From now on, numbers of those that are kept hold in this one, as they are in the file."""
        for conversation in self.kept():
            conversation.epoch = epoch
            conversation.log.forget()

    def kept(self) -> list[Conversation]:
        """Those that are known here and are kept."""
        return [one for one in self._by_id.values() if one.keeper is not None]

    def _end(self, conversation: Conversation, why: str) -> None:
        self._drop(conversation)
        self._tell_end(conversation, why)

    def _tell_end(self, conversation: Conversation, why: str) -> None:
        conversation.has_ended = True
        for end in dict.fromkeys(conversation.ends):
            who = self.who(end)
            other = conversation.other_end(end)
            if who is not None and (other != end):
                told = EventBatch((Ended(conversation.id, self.name_of(other, conversation), why),))
                for session in self.shown_by(who):
                    if data := told.encode(session.codec):
                        self.deliver([session.outbox], data)

    def _restored(self, found: Conversation | None) -> Conversation | None:
        """What was read just now; or the one that there is by now, which another was faster to look for."""
        if found is None:
            return None
        there = self._by_id.get(found.id)
        if there is None:
            found.has_ended = any(map(self.is_gone, found.ends))
            if any(self.who(end) is not None for end in found.ends):
                self._add(found)
        return there or found

    def _add(self, found: Conversation) -> None:
        self._by_id[found.id] = self._by_ends[frozenset(found.ends)] = found
        for end in found.ends:
            self._of[end].add(found)

    def _drop(self, conversation: Conversation) -> None:
        self._by_id.pop(conversation.id, None)
        self._by_ends.pop(frozenset(conversation.ends), None)
        for end in set(conversation.ends):
            of = self._of[end]
            of.discard(conversation)
            if not of:
                del self._of[end]


def gone() -> Reject:
    return Reject("This conversation has ended. Write to them by name to begin another.", "conversation_gone")
