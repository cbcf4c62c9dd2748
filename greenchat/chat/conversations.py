"""What two people say to each other alone: between whom, and for how long. No codec and no room is known here.

A conversation is between two accounts, or a guest's stay and an account or another stay. It never follows a name: where
somebody else has that by now, what one writes must not go to them.
"""

import secrets
from collections import defaultdict

from greenchat.chat.directory import Directory
from greenchat.chat.room import Member
from greenchat.errors import Reject

# An account's id; or the member itself, for a guest.
Identity = int | Member

# How many one may have begun that have not ended: more than anybody has partners, and some hundred KB at the most.
MOST_OPEN = 1000

ID_BYTES = 12  # of chance: nobody guesses the conversation of others


class Conversation:
    """`ends` are the two identities, which are the same one for somebody who talks to themselves."""

    __slots__ = ("ends", "id")

    def __init__(self, one: Identity, other: Identity) -> None:
        self.id = secrets.token_urlsafe(ID_BYTES)
        self.ends = (one, other)

    def other_end(self, one: Identity) -> Identity:
        return self.ends[1] if self.ends[0] == one else self.ends[0]


class Conversations:
    """All of a chat. `people` are those who are in it."""

    def __init__(self, people: Directory) -> None:
        self._people = people
        self._by_id: dict[str, Conversation] = {}
        self._by_ends: dict[frozenset[Identity], Conversation] = {}
        self._of: defaultdict[Identity, set[Conversation]] = defaultdict(set)

    def between(self, member: Member, other: Member) -> Conversation:
        """The conversation of these two, begun where there is none. Raises `Reject`."""
        ends = (member.identity, other.identity)
        found = self._by_ends.get(frozenset(ends))
        if found is None:
            if len(self._of[ends[0]]) >= MOST_OPEN:
                text = f"You have {MOST_OPEN} conversations with people who are here, as many as one may."
                raise Reject(text, code="too_many_conversations")
            found = Conversation(*ends)
            self._by_id[found.id] = self._by_ends[frozenset(ends)] = found
            for end in ends:
                self._of[end].add(found)
        return found

    def partner(self, member: Member, conversation: str) -> tuple[Conversation, Member]:
        """The conversation of this id, and with whom `member` has it. Raises `Reject` where it has ended, was never
        `member`'s, or where the other one is not here."""
        found = self._by_id.get(conversation)
        if found is None or member.identity not in found.ends:
            raise Reject("This conversation has ended. Write to them by name to begin another.", "conversation_gone")
        end = found.other_end(member.identity)
        other = self._who(end)
        if other is None or not self._people.has(other):
            raise Reject("They are not here at the moment, so this was not said.", code="unknown_user")
        return found, other

    def went(self, member: Member, account_id: int) -> list[tuple[Conversation, Member]]:
        """`member` is not here any more as who it was: as `account_id`, or as a guest where that is 0. The
        conversations that end with it, each with who is left in it."""
        if not account_id:
            return self._end(member)
        if self._people.of_account(account_id) is None:
            for conversation in list(self._of.get(account_id, ())):  # what two accounts have waits for one of them
                other = conversation.other_end(account_id)
                if isinstance(other, int) and self._people.of_account(other) is None:
                    self._drop(conversation)
        return []

    def _who(self, end: Identity) -> Member | None:
        return end if isinstance(end, Member) else self._people.of_account(end)

    def _end(self, guest: Member) -> list[tuple[Conversation, Member]]:
        ended = []
        for conversation in list(self._of.get(guest, ())):
            self._drop(conversation)
            end = conversation.other_end(guest)
            other = self._who(end)
            if other is not None and other is not guest:
                ended.append((conversation, other))
        return ended

    def _drop(self, conversation: Conversation) -> None:
        del self._by_id[conversation.id], self._by_ends[frozenset(conversation.ends)]
        for end in set(conversation.ends):
            of = self._of[end]
            of.discard(conversation)
            if not of:
                del self._of[end]
