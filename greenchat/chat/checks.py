"""What has to be so before something is said or shown: by the rules of names and texts, and by the plugins' checks."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Protocol

from greenchat.chat.keys import UsedKey
from greenchat.chat.log import Alteration, Past
from greenchat.chat.outlet import Outlet
from greenchat.chat.place import Place
from greenchat.chat.room import Member, Room
from greenchat.config.schema import Limits
from greenchat.errors import Reject
from greenchat.protocol.events import Event, Message, ModerationAction
from greenchat.protocol.names import require_name
from greenchat.protocol.runs import Messages
from greenchat.protocol.text import require_line, require_text

# Messages from which on it costs less to check them as one run: to make one, and to look at what comes of it, takes two
# microseconds, and a message alone half of one more than in a run.
SHORTEST_RUN = 4


class Hooks(Protocol):
    """What the chat asks of plugins; None where no plugin has anything to say. See dispatch.py."""

    check_join: Callable[[Outlet, str, str], str] | None
    check_enter: Callable[[Outlet, str, str, str, datetime | None], None] | None
    check_message: Callable[[Outlet, Message], str] | None  # of all plugins that check what is said
    check_quickly: Callable[[Outlet, Message], str] | None  # the same without a clock: for those behind it in a run
    check_messages: Callable[[Outlet, Messages], Sequence[str | Reject]] | None  # as well, if all of them take runs
    check_reaction: Callable[[Outlet, str, str], None] | None
    find_message: Callable[[Room, int], Past | None] | None
    find_keys: Callable[[int | bytes, str | None], Sequence[UsedKey]] | None
    room_opened: Callable[[Room], None] | None
    messages: Callable[[Messages], None] | None
    changed: Callable[[Alteration], None] | None
    gone: Callable[[Member], None] | None
    acted: Callable[[ModerationAction], None] | None
    event: Callable[[Sequence[Event]], None] | None

    def checked_quickly(self, count: int) -> None:
        """So many are checked without a clock."""

    def numbered(self, session: Outlet, seq: int, conversation: str = "", place: int = 0, count: int = 1) -> None:
        """What plugins have changed last for this session was said as `seq`, or from this `place` of a run on."""


Say = Callable[[Member, Sequence[str], Room, Outlet], tuple[int, int]]


class Answers(Protocol):
    """Who is told what becomes of the messages of a run, by their places in it: `said` only where one `asks`."""

    asks: bool

    def said(self, place: int, count: int, seq: int, number: int) -> None:
        """So many were said, the first of them as `seq`, with the id `number`."""

    def refused(self, place: int, verdict: Reject) -> bool:
        """This one was not. Whether to go on with the others."""

    def stopped(self, place: int) -> None:
        """Whoever says them ends here, at this one."""


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

    def message(self, member: Member, origin: Outlet, text: str, room: str, action: bool) -> str:
        """`text` as `member` may say it in `room`, or to one of them (empty), where a plugin has anything to say."""
        text = self.foreign(member, origin, text, room, action)
        self.require_present(member)
        return text

    def foreign(self, member: Member, origin: Outlet, text: str, room: str, action: bool) -> str:
        """As `message`, of who need not be in the chat."""
        check = self._hooks.check_message
        assert check is not None
        draft = Message(room, 0, 0, member.name, text, datetime.now(UTC), action)
        checked = check(origin, draft)
        return checked if checked is text else require_text(checked)

    def say_run(
        self,
        member: Member,
        origin: Outlet,
        texts: Sequence[str],
        room: Room,
        answers: Answers,
        say: Say,
    ) -> None:
        """As `Chat.say_run`, where plugins have anything to say: each text is checked when those before it have been
        said, unless all who check take runs. A check may wait, and by then it may be another who checks."""
        check_all = self._hooks.check_messages
        if check_all is not None and len(texts) >= SHORTEST_RUN:
            self._say_checked(member, origin, texts, room, answers, say, check_all)
            return
        name, now, hooks = room.name, datetime.now(UTC), self._hooks
        if len(texts) > 1:
            hooks.checked_quickly(len(texts) - 1)
        for place, given in enumerate(texts):
            text = given
            try:
                check = (place and hooks.check_quickly) or hooks.check_message
                if check is not None:
                    checked = check(origin, Message(name, 0, 0, member.name, text, now))
                    if checked is not text:
                        text = require_text(checked)
                if member.rooms.get(name) is not room:
                    self.require_in(member, room)
                seq, number = say(member, (text,), room, origin)
                if text is not given:
                    hooks.numbered(origin, seq)
            except Reject as verdict:
                if not answers.refused(place, verdict):
                    return
            except BaseException:
                answers.stopped(place)
                raise
            else:
                if answers.asks:
                    answers.said(place, 1, seq, number)

    def _say_checked(
        self,
        member: Member,
        origin: Outlet,
        texts: Sequence[str],
        room: Room,
        answers: Answers,
        say: Say,
        check: Callable[[Outlet, Messages], Sequence[str | Reject]],
    ) -> None:
        """All of them are checked before the first is said."""
        draft = Messages(room.name, 0, 0, member.name, tuple(texts), datetime.now(UTC))
        try:
            verdicts = [
                verdict if verdict is text or isinstance(verdict, Reject) else _fit(verdict)
                for verdict, text in zip(check(origin, draft), texts, strict=True)
            ]
        except Reject as verdict:
            verdicts = [verdict] * len(texts)
        for are_refused, group in groupby(enumerate(verdicts), lambda found: isinstance(found[1], Reject)):
            found = list(group)
            if not are_refused:
                try:
                    self.require_in(member, room)  # somebody may have gone meanwhile, also for being refused
                    fit = [text for _, text in found if not isinstance(text, Reject)]
                    seq, number = say(member, fit, room, origin)
                    if fit != list(texts[found[0][0] : found[0][0] + len(fit)]):
                        self._hooks.numbered(origin, seq, "", found[0][0], len(fit))
                except Reject as gone:
                    found = [(place, gone) for place, _ in found]
                else:
                    if answers.asks:
                        answers.said(found[0][0], len(fit), seq, number)
            for place, refusal in found:
                if isinstance(refusal, Reject) and not answers.refused(place, refusal):
                    return

    def sayable(self, member: Member, text: str, room: str = "") -> str:
        """`text`, which is one line, as `member` may show it to others in `room`, or to one of them (empty)."""
        text = require_line(text)
        if self._hooks.check_message is None:
            return text
        return require_line(self.message(member, acting(member), text, room, False))

    def line(self, member: Member, text: str, room: str, what: str) -> str:
        """A topic and the like: it is talk, too."""
        most = self.limits.topic_length
        if most and len(text) > most:
            raise Reject(f"The {what} is longer than {most} characters. Make it shorter.", code="too_long")
        return self.sayable(member, text, room)

    def require_in(self, member: Member, place: Place) -> None:
        """As `require_present`, of a room or a conversation."""
        if not place.has(member):
            self.require_present(member)
            raise place.has_gone()

    def require_present(self, member: Member) -> None:
        """A check may take its time, and the member may be gone when it answers."""
        if self._members.get(member.key) is not member:
            raise Reject("You have left the chat meanwhile.", code="not_joined")


def acting(member: Member, origin: Outlet | None = None) -> Outlet:
    """The session by which `member` does something: `origin`, or the one whose request is dealt with. Raises `Reject`
    for who has none any more."""
    session = origin or member.at_hand or next(iter(member.sessions), None)
    if session is None:
        raise Reject("You have left the chat meanwhile.", code="not_joined")
    return session


def _fit(text: str) -> str | Reject:
    """What a plugin has made of a text, if that can be said."""
    try:
        return require_text(text)
    except Reject as verdict:
        return verdict
