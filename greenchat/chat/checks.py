"""What has to be so before something is said or shown: by the rules of names and texts, and by the plugins' checks."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

from greenchat.chat.member import Member, Outlet
from greenchat.chat.room import Room
from greenchat.config.schema import Limits
from greenchat.errors import Reject
from greenchat.protocol.events import Event, Message, ModerationAction
from greenchat.protocol.names import require_name
from greenchat.protocol.text import require_text


class Hooks(Protocol):
    """What the chat asks of plugins; None where no plugin has anything to say. See dispatch.py."""

    check_join: Callable[[Outlet, str, str], str] | None
    check_enter: Callable[[Outlet, str, str, str], None] | None
    check_message: Callable[[Outlet, Message], str] | None
    room_opened: Callable[[Room], None] | None
    messages: Callable[[Sequence[Message]], None] | None
    acted: Callable[[ModerationAction], None] | None
    event: Callable[[Sequence[Event]], None] | None


class Checks:
    """Those of one chat, by the `limits` that hold at the moment; `members` are who is in it. A check of a plugin may
    take its time, and others do something meanwhile. Each raises `Reject`."""

    def __init__(self, limits: Limits, hooks: Hooks, members: Mapping[str, Member]) -> None:
        self.limits = limits
        self._hooks = hooks
        self._members = members

    def name(self, outlet: Outlet, name: str, rooms: Sequence[str]) -> tuple[str, str]:
        """`name` as it will be shown, and its key: valid, and let in by the plugins, which may take their time."""
        name, key = require_name(name, self.limits.name_length)
        if self._hooks.check_join is not None:
            for room in rooms:
                checked = self._hooks.check_join(outlet, name, room)
                if checked is not name:
                    name, key = require_name(checked, self.limits.name_length)
        return name, key

    def free_name(self, name: str, member: Member | None = None) -> tuple[str, str]:
        """`name` and its key, if it is nobody else's than `member`'s."""
        name, key = require_name(name, self.limits.name_length)
        if self._members.get(key, member) is not member:
            raise Reject(f"The username {name} is taken. Choose another.", code="name_taken")
        return name, key

    def message(self, member: Member, text: str, room: str, action: bool) -> str:
        """`text` as `member` may say it in `room`, or to one of them (empty), where a plugin has anything to say."""
        check = self._hooks.check_message
        assert check is not None
        draft = Message(room, 0, 0, member.name, text, datetime.now(UTC), action)
        checked = check(member.outlet, draft)
        self.require_present(member)
        return checked if checked is text else require_text(checked)

    def sayable(self, member: Member, text: str, room: str = "") -> str:
        """`text` as `member` may show it to others in `room`, or to one of them (empty)."""
        require_text(text)
        return text if self._hooks.check_message is None else self.message(member, text, room, False)

    def line(self, member: Member, text: str, room: str, what: str) -> str:
        """A topic and the like: it is talk, too."""
        most = self.limits.topic_length
        if most and len(text) > most:
            raise Reject(f"The {what} is longer than {most} characters. Make it shorter.", code="too_long")
        return self.sayable(member, text, room)

    def require_present(self, member: Member) -> None:
        """A check may take its time, and the member may be gone when it answers."""
        if self._members.get(member.key) is not member:
            raise Reject("You have left the chat meanwhile.", code="not_joined")
