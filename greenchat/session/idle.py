"""How long a client has said nothing, and what follows from it. No clock and no socket here: times are handed in."""

from enum import Enum

from greenchat.config.schema import Limits


class Next(Enum):
    """What to do about a silent client."""

    WAIT = "wait"
    PING = "ping"
    SEND_HOME = "send home"  # it has joined, and says nothing for longer than one may
    GIVE_UP = "give up"  # it used to answer pings, and does so no more


class IdleMonitor:
    """One client's silence. Times are in seconds of any clock that never goes back."""

    __slots__ = ("_heard_at", "_pinged_at", "_spoke_at", "busy", "knows_pings")

    def __init__(self, now: float) -> None:
        self._heard_at = self._spoke_at = now
        self._pinged_at = 0.0
        self.busy = False  # with what it has sent already: nothing is read meanwhile, and no silence counts
        self.knows_pings = False  # it has shown so; a client that does not is left to the kernel's probes

    def state(self) -> tuple[float, float, float, bool]:
        """When something has come, was more than a ping, and a ping was told last; and whether it knows pings."""
        return self._heard_at, self._spoke_at, self._pinged_at, self.knows_pings

    def restore(self, heard_at: float, spoke_at: float, pinged_at: float, knows_pings: bool) -> None:
        self._heard_at, self._spoke_at, self._pinged_at = heard_at, spoke_at, pinged_at
        self.knows_pings = knows_pings

    def heard(self, now: float) -> None:
        """Something has come."""
        self._heard_at = now

    def spoke(self, now: float) -> None:
        """It was more than a ping or its answer."""
        self._spoke_at = now

    def silence(self, now: float) -> float:
        """For how long its user has said nothing."""
        return now - self._spoke_at

    def look(self, now: float, limits: Limits, *, joined: bool, pings: bool) -> Next:
        """What to do `now`; `pings` says whether its codec has a word for that. A PING is told once a silence."""
        if self.busy:
            return Next.WAIT
        if limits.idle_seconds and joined and now - self._spoke_at > limits.idle_seconds:
            return Next.SEND_HOME
        if not limits.ping_seconds or not pings:
            return Next.WAIT
        silence = now - self._heard_at
        if silence > 2 * limits.ping_seconds and self.knows_pings:
            return Next.GIVE_UP
        if silence > limits.ping_seconds and self._pinged_at < self._heard_at:
            self._pinged_at = now
            return Next.PING
        return Next.WAIT
