"""What a plugin would have done to what was said: what is asked, what is found, and how people read it.

It is asked of a child process, and what that answers is not trusted: `DryReport.cleaned` makes it fit to be shown.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct, field
from msgspec.structs import asdict, replace

from greenchat.protocol.text import amount, printable

# Characters of a text in a line for people: as much as fits beside the rest on a screen.
QUOTED = 80
# ... and in a report: a paragraph, by which one knows what it is about.
TEXT_LENGTH = 500

# Outcomes of one report: some MB, and never more than a file of the child may have. What comes beyond that is counted,
# and not told one by one.
MOST = 10_000

# How many of each kind people see unless they ask for all: one page in all.
FIRST = 10

# What may become of a message, in the order in which it is told.
KINDS = {
    "failed": "it failed",
    "refused": "refused",
    "kept out": "kept out, so not said",
    "changed": "changed",
    "took": "taken, and not said",
    "said": "said by the plugin",
    "told": "told somebody alone",
    "did": "done otherwise",
}


class DryMessage(Struct, frozen=True, array_like=True):
    """A message of a room, as it was kept."""

    room: str
    seq: int
    id: int
    sender: str
    text: str
    time: datetime
    action: bool = False
    reply_to: int = 0
    account_id: int = 0


class DryAsk(Struct, frozen=True):
    """Try the plugin called `name` at `path`, an installed one where that is empty, with the `settings` of its table,
    over `messages`, the earliest first."""

    name: str
    path: str
    settings: dict[str, Any]
    messages: list[DryMessage]
    default_room: str = "lobby"


class Outcome(Struct, frozen=True, omit_defaults=True):
    """What would have become of the message `seq` of `room`, or for it: one of KINDS. `before` is its text, `after`
    what would have been said instead; or what was said for it `by` somebody in the room `where`, or told `to` one
    person alone. `why` and its `code` are those of a refusal, or how it has failed in `hook`."""

    kind: str
    room: str = ""
    seq: int = 0
    sender: str = ""
    before: str = ""
    after: str = ""
    by: str = ""
    to: str = ""
    where: str = ""
    hook: str = ""
    code: str = ""
    why: str = ""

    @property
    def message(self) -> str:
        """Which message it is, for people."""
        return f"message {self.seq} of {self.sender} in {self.room}" if self.seq else "at its start"

    @property
    def what(self) -> str:
        """What becomes of it, for people."""
        match self.kind:
            case "refused" | "kept out":
                return f"{self.kind} ({self.code}): {quoted(self.before)}: {shortened(self.why)}"
            case "changed":
                return f"{quoted(self.before)} -> {quoted(self.after)}"
            case "took":
                return f"taken: {quoted(self.before)}"
            case "said":
                return f"{self.by or 'the server'} says in {self.where}: {quoted(self.after)}"
            case "told":
                return f"{self.to} alone is told: {quoted(self.after)}"
            case "failed":
                return f"{self.hook or 'it'} fails: {shortened(self.why, 2 * QUOTED)}"
        return shortened(self.after)

    @property
    def line(self) -> str:
        """For people."""
        return f"{self.message}: {self.what}"

    def cleaned(self) -> "Outcome":
        """The same without control codes, and bounded."""
        texts = {name: _clean(one) for name, one in asdict(self).items() if isinstance(one, str)}
        return replace(self, **texts)


class HookCost(Struct, frozen=True):
    """What the plugin takes in one hook, in seconds: half of the `calls` take `p50` at most, and 99 of 100 `p99`."""

    hook: str
    calls: int
    p50: float
    p99: float
    longest: float
    total: float

    @staticmethod
    def of(hook: str, seconds: Sequence[float]) -> "HookCost":
        """From the time of each call."""
        times = sorted(seconds)
        last = len(times) - 1
        return HookCost(hook, len(times), times[last // 2], times[last * 99 // 100], times[-1], sum(times))


class DryReport(Struct, frozen=True, omit_defaults=True):
    """What was found: `tried` messages were run through the plugin; `left_out` is how many were not, and why. `counts`
    are how many outcomes there are of each kind, `outcomes` the first MOST of all. `problem` says why it has not come
    to its end, or not begun. `attempts` are what the plugin was kept from, and how often; `printed` is what it wrote
    where a server has its log. `kernel` are those bounds that the system itself keeps, and not Python alone."""

    plugin: str
    tried: int = 0
    seconds: float = 0.0
    left_out: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    costs: list[HookCost] = field(default_factory=list)
    problem: str = ""
    attempts: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    printed: str = ""
    kernel: list[str] = field(default_factory=list)

    @property
    def has_failed(self) -> bool:
        """Whether the plugin has: it raised what it should not, held everybody up, or ended the process."""
        return bool(self.problem or self.counts.get("failed"))

    def cleaned(self) -> "DryReport":
        """The same without control codes, and bounded: whatever a plugin has made of its process."""
        return replace(
            self,
            left_out=_cleaned_counts(self.left_out),
            counts={kind: number for kind, number in self.counts.items() if kind in KINDS},
            outcomes=[one.cleaned() for one in self.outcomes[:MOST] if one.kind in KINDS],
            costs=[replace(one, hook=printable(one.hook)) for one in self.costs[:FIRST_HOOKS]],
            problem=_clean(self.problem),
            attempts=_cleaned_counts(self.attempts),
            notes=[_clean(note) for note in self.notes[:FIRST]],
            printed=_clean(self.printed),
            kernel=[printable(one) for one in self.kernel[:FIRST]],
        )

    def lines(self, *, is_all: bool = False) -> Iterator[str]:
        """For people: what was found, the first of each kind, or all of it."""
        yield f"{self.plugin}: {amount(self.tried, 'message')} in {self.seconds:.1f} s"
        for why, number in self.left_out.items():
            yield f"  left out  {number:,}: {why}"
        if self.problem:
            yield f"  problem   {self.problem}"
        for kind, told in KINDS.items():
            if number := self.counts.get(kind, 0):
                yield f"  {number:,} {told}"
                found = [one for one in self.outcomes if one.kind == kind]
                shown = found if is_all else found[:FIRST]
                yield from (f"    {one.line}" for one in shown)
                if number > len(shown):
                    yield f"    and {number - len(shown):,} more{'' if is_all else ': --all'}"
        if not any(self.counts.values()) and not self.problem:
            yield "  it would have done nothing to any of them, and said nothing"
        yield from self._besides()

    def _besides(self) -> Iterator[str]:
        for attempt, number in self.attempts.items():
            yield f"  kept from {attempt}{f' ({number:,} times)' if number > 1 else ''}"
        if self.printed:
            yield f"  printed   {shortened(self.printed, 4 * QUOTED)}"
        yield from (f"  note      {note}" for note in self.notes)
        if self.costs:
            width = max(len(cost.hook) for cost in self.costs)
            yield f"  {'HOOK'.ljust(width)}  {'CALLS':>7}  {'P50':>9}  {'P99':>9}  {'LONGEST':>9}  {'TOTAL':>9}"
            for cost in self.costs:
                times = "  ".join(f"{_duration(one):>9}" for one in (cost.p50, cost.p99, cost.longest, cost.total))
                yield f"  {cost.hook.ljust(width)}  {cost.calls:>7,}  {times}"


# Hooks of a report at most: there are fewer.
FIRST_HOOKS = 100


def quoted(text: str) -> str:
    return f'"{shortened(text)}"'


def shortened(text: str, length: int = QUOTED) -> str:
    """On one line."""
    return printable(text.replace("\n", " / "), length)


def _duration(seconds: float) -> str:
    if seconds < 0.001:
        return f"{seconds * 1_000_000:,.1f} us"
    return f"{seconds * 1000:,.1f} ms" if seconds < 1 else f"{seconds:,.1f} s"


def _clean(text: str) -> str:
    """It may have several lines."""
    if len(text) <= TEXT_LENGTH and text.isprintable():
        return text
    return "\n".join(printable(line, TEXT_LENGTH) for line in text[:TEXT_LENGTH].split("\n"))


def _cleaned_counts(counts: dict[str, int]) -> dict[str, int]:
    return {shortened(what, 2 * QUOTED): number for what, number in [*counts.items()][:FIRST]}


# --- what differs between two of them --------------------------------------------------------------------------------


# Outcomes of one message that a line of differences has: what it refuses, changes and says.
TOLD_OF_ONE = 3


class Difference(Struct, frozen=True):
    """A message of which the plugin makes `now` something else than the one that is `on`, each in words."""

    message: str
    on: str
    now: str

    @property
    def line(self) -> str:
        return f"{self.message}: {self.on}; and then: {self.now}"


def differences(on: DryReport, new: DryReport) -> list[Difference]:
    """Where `new` does something else than what is `on`, over the same messages: by rooms, and in their order there."""
    before, after = _by_message(on.outcomes), _by_message(new.outcomes)
    found = []
    for key in sorted({*before, *after}):
        old, now = before.get(key, []), after.get(key, [])
        if [_as_compared(one) for one in old] != [_as_compared(one) for one in now]:
            found.append(Difference((now or old)[0].message, _in_words(old), _in_words(now)))
    return found


def told_differences(on: DryReport, new: DryReport, *, is_all: bool = False) -> Iterator[str]:
    """For people: what would become of messages that becomes of them otherwise now, and what the new one costs."""
    found = differences(on, new)
    if on.problem:
        yield f"What is on could not be tried: {on.problem}"
    if new.problem:
        yield f"The new one could not be tried to its end: {new.problem}"
    what = f"otherwise to {amount(len(found), 'message')} of {new.tried:,}" if found else "the same"
    yield f"{new.plugin}: over {amount(new.tried, 'message')} it would do {what}."
    shown = found if is_all else found[:FIRST]
    yield from (f"  {one.line}" for one in shown)
    if len(found) > len(shown):
        yield f"  and {len(found) - len(shown):,} more"
    for attempt in new.attempts.keys() - on.attempts.keys():
        yield f"  it was kept from {attempt}"
    yield f"  a message takes {_duration(_each(new))}, and did {_duration(_each(on))}"
    yield "  (what was refused then is in no history, and what was changed then is there as it was said)"


def _each(report: DryReport) -> float:
    return sum(cost.total for cost in report.costs) / max(report.tried, 1)


def _by_message(outcomes: Iterable[Outcome]) -> dict[tuple[str, int], list[Outcome]]:
    found: dict[tuple[str, int], list[Outcome]] = {}
    for one in outcomes:
        found.setdefault((one.room, one.seq), []).append(one)
    return found


def _as_compared(outcome: Outcome) -> Outcome:
    """Where in a file it has failed does not matter, nor which hook it was."""
    return replace(outcome, hook="", why="" if outcome.kind == "failed" else outcome.why)


def _in_words(outcomes: Sequence[Outcome]) -> str:
    return "; ".join(one.what for one in outcomes[:TOLD_OF_ONE]) if outcomes else "said as it was"
