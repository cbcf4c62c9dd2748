"""How often one person may run a command, and how often anybody may do what a plugin counts itself."""

import re
import time
from collections.abc import Callable, Hashable
from typing import NamedTuple
from weakref import WeakKeyDictionary

from greenchat.chat.room import Member
from greenchat.errors import PluginError, Reject
from greenchat.hooks.session import Session
from greenchat.hooks.token_bucket import TokenBucket
from greenchat.protocol.durations import Duration, in_units

_RATE = re.compile(r"([1-9][0-9]{0,5})/(\S+)", re.ASCII)

# Accounts and connections of which it is known how often they have run it of late: of more, those whose bucket is full
# are forgotten.
MOST_KEPT = 1000


class Rate(NamedTuple):
    """So many in so many seconds."""

    times: int
    seconds: float

    @classmethod
    def parse(cls, text: str) -> "Rate":
        """What `text`, such as 3/10s, means. Raises `PluginError`."""
        match = _RATE.fullmatch(text)
        try:
            duration = None if match is None else Duration.parse(match[2])
        except Reject:
            duration = None
        if match is None or duration is None:
            raise PluginError(f"{text!r} is no rate: write how many in how long, such as 3/10s")
        return cls(int(match[1]), duration.total_seconds())


class Buckets:
    """Token buckets of one rate, one for each `who`, whatever that is."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst, self._rate = float(rate.times), rate.times / rate.seconds
        self._clock = clock
        self._most = MOST_KEPT
        self._buckets: dict[Hashable, TokenBucket] = {}

    def new(self) -> TokenBucket:
        return TokenBucket(self._burst, self._clock)

    def spend(self, bucket: TokenBucket) -> float:
        """Count one; or nothing, and return after how many seconds there is one more."""
        return bucket.spend(1.0, self._burst, self._rate)

    def of(self, who: Hashable) -> TokenBucket:
        if who not in self._buckets:
            if len(self._buckets) >= self._most:
                self._forget()
            self._buckets[who] = self.new()
        return self._buckets[who]

    def _forget(self) -> None:
        """Drop the full buckets: a new one is as good."""
        for who, bucket in list(self._buckets.items()):
            bucket.spend(0.0, self._burst, self._rate)
            if bucket.left >= self._burst:
                del self._buckets[who]
        self._most = max(MOST_KEPT, 2 * len(self._buckets))


class RateLimit:
    """The token buckets of one command, one for each person: an account, whatever device it is on; a guest's stay; or
    before JOIN, a connection."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self._buckets = Buckets(rate, clock)
        self._guests: WeakKeyDictionary[Member, TokenBucket] = WeakKeyDictionary()

    def spend(self, session: Session, line: str) -> None:
        """Count that `session` runs the command that is typed as `line`. Raises `Reject` where that is too often."""
        seconds = self._buckets.spend(self._bucket(session))
        if seconds:
            raise Reject(f"That is too often. {line} again in {in_units(seconds)}.", code="try_later")

    def _bucket(self, session: Session) -> TokenBucket:
        member = session.member
        if member is not None and not member.account_id:
            return self._guests.setdefault(member, self._buckets.new())
        return self._buckets.of(("session", session.id) if member is None else ("account", member.account_id))


class Allowances:
    """What one plugin counts itself, by its rate."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._rates: dict[str, Buckets] = {}

    def allows(self, rate: str, who: Hashable) -> bool:
        """Whether `who` has not done it more often than `rate` of late; if so, it is counted. Raises `PluginError`."""
        if rate not in self._rates:
            self._rates[rate] = Buckets(Rate.parse(rate), self._clock)
        buckets = self._rates[rate]
        return not buckets.spend(buckets.of(who))
