"""Who may come into a protected room: operators, its owner, who was invited, who is in it, and who knows the key."""

import hmac
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from weakref import WeakSet

from greenchat import ChatServer, Member, Reject, Session, host_of, network_of

from .rules import RuleBook
from .settings import members
from .store import Rules

# Over how long wrong keys are counted, in seconds; as with the server's pass phrase. Past `limits.password_failures` of
# them one has to wait.
FAILURE_SECONDS = 60.0


class Access:
    """`clock` is in seconds and never goes back."""

    def __init__(self, server: ChatServer, book: RuleBook, clock: Callable[[], float] = time.monotonic) -> None:
        self._server = server
        self._book = book
        self._clock = clock
        # By members, not by their names: a name may be somebody else's by the time one comes.
        self._invitations: dict[Member, WeakSet[Rules]] = {}
        # Since the window began, so that all is forgotten at its end:
        self._failures: Counter[str] = Counter()
        self._window = clock()

    # --- over a reload ---

    @property
    def state(self) -> dict[str, Any]:
        """Who is invited where, and who has to wait. See `go_on`."""
        names = {id(self._book.of(room)): name for name, room in self._server.chat.rooms.items()}
        names = {id(rules): name for name, rules in self._book.lasting.items()} | names
        invited = [
            [member, [names[id(one)] for one in rules if id(one) in names]]
            for member, rules in self._invitations.items()
        ]
        return {"invited": invited, "failures": self._failures, "window": self._window}

    def go_on(self, state: Mapping[str, Any]) -> None:
        """From there, once the rooms are open again. Who is None is gone."""
        self._failures.update(state.get("failures", {}))
        self._window = state.get("window", self._window)
        for member, rooms in state.get("invited", ()):
            for room in rooms if member is not None else ():
                there = self._server.chat.rooms.get(room)
                rules = self._book.of(there) if there is not None else self._book.lasting.get(room)
                if rules is not None:
                    self.invite(member, rules)

    # --- who may come in ---

    def rules_of(self, room: str) -> Rules:
        """What holds for the room of this name, be there somebody in it or not."""
        there = self._server.chat.rooms.get(room)
        return self._book.of(there) if there is not None else self._book.lasting.get(room) or Rules()

    def may_see(self, session: Session, room: str) -> bool:
        """Whether `session` may know of the room, and come in without a key."""
        rules = self.rules_of(room)
        if rules.removed:
            return False
        if not rules.protected or session.role == "operator" or room == self._server.chat.default_room:
            return True
        there = self._server.chat.rooms.get(room)
        owner = there.owner if there is not None else rules.owner
        if session.account_id and session.account_id == owner:
            return True
        member = session.member
        if member is not None and room in member.rooms:
            return True
        return any(rules in self._invitations.get(one, ()) for one in self._invited_as(session))

    def _invited_as(self, session: Session) -> list[Member]:
        """Who `session` is; before it has joined, who is here by the same account."""
        if session.member is not None:
            return [session.member]
        return [member for member in self._invitations if 0 != member.account_id == session.account_id]

    def check(self, session: Session, room: str, key: str, since: datetime | None) -> None:
        """Raises `Reject` where `session` may not come into the room with this key; empty: with none. With `since`, it
        comes back into a room that it had not left, and was in last then."""
        if not self._book.usable and room not in self._server.chat.rooms and room != self._server.chat.default_room:
            raise Reject(
                "It is not known at the moment who may come into which room. Tell whoever runs the server.", "not_kept"
            )
        rules = self.rules_of(room)
        if rules.removed:
            raise Reject(f"The room {room} is being removed. Try again later, or make another.", code="room_removed")
        if not (self.may_see(session, room) or (since is not None and since.timestamp() > rules.tightened)):
            if rules.invite_only:
                text = f"{room} is for those who are invited. Ask its owner to /invite you."
                raise Reject(text, code="room_invite_only")
            if not key:
                raise Reject(f"{room} needs a key. Once you are in the chat, type /join {room} KEY", code="room_key")
            self._check_key(session, room, key, rules.key)
        # Last: whoever hears that a room is full could come in otherwise, and so may read what was said there.
        if since is None:
            self._check_space(session, room, rules)

    def invite(self, member: Member, rules: Rules) -> None:
        """Let `member` in, once."""
        self._invitations.setdefault(member, WeakSet()).add(rules)

    def used(self, member: Member, rules: Rules) -> None:
        """`member` has come in: an invitation is good for once."""
        self._invitations.get(member, WeakSet()).discard(rules)

    def gone(self, member: Member) -> None:
        """`member` has left the chat."""
        self._invitations.pop(member, None)

    def _check_space(self, session: Session, room: str, rules: Rules) -> None:
        """Raises `Reject` where the room has as many members as it takes. Whose it is comes in, and who is invited."""
        there = self._server.chat.rooms.get(room)
        if not rules.limit or there is None or len(there.members) < rules.limit or session.role == "operator":
            return
        if session.account_id and session.account_id == there.owner:
            return
        if any(room in one.rooms or rules in self._invitations.get(one, ()) for one in self._invited_as(session)):
            return
        raise Reject(f"{room} takes {members(rules.limit)}, and is full. Try again later.", code="room_full")

    def _check_key(self, session: Session, room: str, given: str, expected: str) -> None:
        now = self._clock()
        if now - self._window >= FAILURE_SECONDS:
            self._failures.clear()
            self._window = now
        network = network_of(host_of(session.address))
        most = self._server.config.limits.password_failures
        if most and self._failures[network] >= most:
            raise Reject("There were too many wrong keys. Try again in a minute.", code="room_key")
        # In constant time, so that how long it takes tells nothing of how much was right.
        if not hmac.compare_digest(given.encode(), expected.encode()):
            self._failures[network] += 1
            raise Reject(f"This is not the key of {room}. Ask for it, and type /join {room} KEY", code="room_key")
