"""Answers to a line with a label come as one, under this label (IRCv3, labeled-response)."""

from collections.abc import Sequence

from greenchat import Role, Welcome

from .frames import Context, IrcLines, label_in
from .grammar import escape, with_tag
from .names import HOST

# The batch that several lines come in. One is over before the next begins.
BATCH = "l"


class Held:
    """What was told for a line with a label, by the requests that it was, some of which are `left`. They may be
    answered in any order: what is refused is known at once."""

    def __init__(self, count: int) -> None:
        self.left = count
        self.lines: dict[int, list[str]] = {}


class Labels:
    """Of one connection: what waits for the rest of an answer."""

    def __init__(self) -> None:
        self._held: dict[str, Held] = {}
        self._coming: dict[str, Context] = {}

    def part_of(self, reply: object, context: Context) -> Context:
        """What `reply` is an answer to: what one is in a room, which is told once one is in, is part of that."""
        match reply:
            case Welcome(room=room) if room and context.label:
                self._coming[room] = context
            case Role(room=room) if room in self._coming:
                return self._coming[room]
            case IrcLines(is_last=True) if context.verb == "JOIN" and self._coming:
                self._coming = {room: one for room, one in self._coming.items() if one.target != context.target}
        return context

    def told(self, lines: Sequence[str], context: Context, is_last: bool) -> list[str]:
        """What is to be sent now that `lines` are told."""
        label, place, count = label_in(context)
        held = self._held.setdefault(label, Held(count))
        held.lines.setdefault(place, []).extend(lines)
        held.left -= is_last
        if held.left > 0:
            return []
        del self._held[label]
        found = [one for place in sorted(held.lines) for one in held.lines[place]]
        tag = f"label={escape(label)}"
        if not found:
            return [with_tag(f":{HOST} ACK", tag)]
        if len(found) == 1 or _is_batch(found):
            return [with_tag(found[0], tag), *found[1:]]
        inner = [one if "batch=" in one.partition(" ")[0] else with_tag(one, f"batch={BATCH}") for one in found]
        return [with_tag(f":{HOST} BATCH +{BATCH} labeled-response", tag), *inner, f":{HOST} BATCH -{BATCH}"]


def _is_batch(lines: Sequence[str]) -> bool:
    """Whether they are one batch as they are."""
    _, begins, first = lines[0].partition(" BATCH +")
    _, ends, last = lines[-1].rpartition(" BATCH -")
    return bool(begins and ends) and first.partition(" ")[0] == last
