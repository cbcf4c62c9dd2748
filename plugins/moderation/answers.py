"""What the commands of moderation answer: structs for programs, with lines for people."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Self

from msgspec import Struct

from greenchat import Answer, ModerationAction, in_units

from .enforcement import in_room
from .rules import Rules, Sanction, Slow
from .terms import because, when

# Lines in one answer: more than anybody reads at once. A program gets as many.
SHOWN = 200


class Entry(Struct, frozen=True, omit_defaults=True):
    """A ban or a mute. Without a room it holds in the whole chat, without an end for good."""

    what: str
    by: str
    since: datetime
    room: str = ""
    why: str = ""
    until: datetime | None = None

    @classmethod
    def of(cls, sanction: Sanction) -> Self:
        until = None if sanction.until is None else datetime.fromtimestamp(sanction.until, UTC)
        since = datetime.fromtimestamp(sanction.since, UTC)
        return cls(sanction.shown, sanction.by, since, sanction.room, sanction.why, until)

    def line(self, state: str) -> str:
        end = "for good" if self.until is None else f"until {when(self.until.timestamp())}"
        since = when(self.since.timestamp())
        return f"{self.what} is {state}{in_room(self.room)} {end}, by {self.by} since {since}{because(self.why)}"


class SlowRoom(Struct, frozen=True):
    """A room in which one may say one message in so many seconds."""

    room: str
    seconds: float


class BanList(Answer, frozen=True, kw_only=True, tag="bans"):
    """The answer to /bans, the latest first. `more`: how many there are besides."""

    bans: list[Entry]
    mutes: list[Entry]
    slow: list[SlowRoom]
    more: int = 0

    @classmethod
    def of(cls, rules: Rules, now: float, room: str | None) -> Self:
        """All that is in force: in the whole chat, or of what was ordered in `room` alone."""

        def chosen(sanctions: Sequence[Sanction]) -> tuple[list[Entry], int]:
            found = [
                one
                for one in reversed(sanctions)
                if one.is_in_force(now) and room in (None, one.room) and not one.follows
            ]
            return [Entry.of(one) for one in found[:SHOWN]], max(len(found) - SHOWN, 0)

        (bans, more_bans), (mutes, more_mutes) = chosen(rules.bans), chosen(rules.mutes)
        slow = [_slow(one) for one in rules.slow.values() if room in (None, one.room)]
        more = more_bans + more_mutes + max(len(slow) - SHOWN, 0)
        slow = slow[:SHOWN]
        lines = [
            *(ban.line("banned") for ban in bans),
            *(mute.line("muted") for mute in mutes),
            *(f"{one.room} is slow: one message every {in_units(one.seconds)}." for one in slow),
        ]
        if more:
            lines.append(f"... and {more} more.")
        return cls(bans=bans, mutes=mutes, slow=slow, more=more, lines=lines or ["Nobody is banned or muted."])


class Audit(Answer, frozen=True, kw_only=True, tag="audit"):
    """The answer to /audit: the latest acts, the earliest of them first."""

    acts: list[ModerationAction]

    @classmethod
    def of(cls, acts: Sequence[ModerationAction]) -> Self:
        lines = list(lines_of(acts)) or ["Nobody has done anything yet."]
        return cls(acts=list(acts), lines=lines)


def lines_of(acts: Iterable[ModerationAction]) -> Iterable[str]:
    """An act as a line: when, who, what, to whom, where, and why."""
    for act in acts:
        what = " ".join(filter(None, [act.act, act.target])) + in_room(act.room)
        yield f"{when(act.time.timestamp())} {act.by}: {what}{f' ({act.details})' if act.details else ''}"


def _slow(slow: Slow) -> SlowRoom:
    return SlowRoom(slow.room, slow.seconds)
