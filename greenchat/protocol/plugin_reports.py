"""What a server tells of its plugins: how much they are called, and what they have done to messages, but for what was
said."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from msgspec import Struct, field

from greenchat.protocol.requests import Frame, Ref

# Where the slower calls of a hook are counted, in seconds: from what nobody notices to what everybody does. What is
# quicker than the first is counted by itself, and is nearly all there is.
HOOK_SECONDS = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)


class HookUse(Struct, frozen=True, omit_defaults=True):
    """How a plugin's part in one hook has been called since the server's start; or, where `hook` is "commands",
    "routes" or "timers", all that it has of these. `seconds` are all that the calls took, the time in which they waited
    for something included; `longest` the longest. `buckets` are how many of them took up to each of `HOOK_SECONDS`, and
    how many longer. What has failed "elsewhere", in the background, has no calls."""

    plugin: str
    hook: str
    calls: int = 0
    seconds: float = 0.0
    longest: float = 0.0
    failures: int = 0
    buckets: list[int] = field(default_factory=list)


def plugin_rows(uses: Iterable[HookUse], holds: Mapping[str, int], off: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """A label and what there is to say of each plugin, for people: those that took most of the time first."""
    calls, failures = Counter[str](), Counter[str]()
    seconds: defaultdict[str, float] = defaultdict(float)
    for use in uses:
        calls[use.plugin] += use.calls
        seconds[use.plugin] += use.seconds
        failures[use.plugin] += use.failures
    for plugin in sorted({*calls, *holds, *off}, key=lambda plugin: (-seconds[plugin], plugin)):
        facts = [f"{calls[plugin]:,} call{'s' * (calls[plugin] != 1)} in {seconds[plugin]:,.3f} s"]
        if failures[plugin]:
            facts.append(f"{failures[plugin]:,} failed")
        if plugin in holds:
            facts.append(f"held everybody up {holds[plugin]:,} time{'s' * (holds[plugin] != 1)}")
        if plugin in off:
            facts.append(f"switched off: {off[plugin]}")
        yield "plugin", f"{plugin}: {', '.join(facts)}"


class Touch(Struct, frozen=True, omit_defaults=True):
    """What a plugin has done to a message: it has `did` "refused", "changed", "took" or "delayed" it, in a `hook`, and
    spent `seconds` on that, 0 where nobody has measured it. `times` is how often in a row, the last time at `time`.
    `code` and `why` say why, where it has said so. The message is `seq` of the room, 0 where it was never said; what
    was said alone has no room."""

    did: str
    plugin: str
    hook: str
    time: datetime
    seconds: float
    room: str = ""
    seq: int = 0
    sender: str = ""
    code: str = ""
    why: str = ""
    times: int = 1

    @property
    def line(self) -> str:
        """For people."""
        what = f"message {self.seq}" if self.seq else "a message"
        where = f" in {self.room}" if self.room else ""
        by = f" of {self.sender}" if self.sender else ""
        often = f" ({self.times:,} times, the last then)" if self.times > 1 else ""
        code = f"{self.code}: " if self.code and self.why else self.code
        why = f": {code}{self.why}" if code or self.why else ""
        took = f", {self.seconds * 1000:,.1f} ms" if self.seconds else ""
        when = f"{self.time:%Y-%m-%d %H:%M:%S} UTC"
        return f"{when}: plugin {self.plugin} {self.did} {what}{by}{where}{often}, in {self.hook}{took}{why}"


class Why(Frame, frozen=True, gc=False, tag="why"):
    """What have plugins done to messages, in `room` or in all, to the message `seq` there or to all? It tells who
    shows by `proof` that they may read the server's data directory, and nothing of what is said alone."""

    room: str = ""
    seq: int = 0
    limit: int = 50
    ref: Ref = None
    proof: str = ""

    def __repr__(self) -> str:
        return f"Why(room={self.room!r}, seq={self.seq}, ref={self.ref!r})"  # secrets do not get into a log


class Touches(Frame, frozen=True, tag="touches"):
    """The answer to Why, the latest last."""

    touches: list[Touch]
    ref: Ref = None
