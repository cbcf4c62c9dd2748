"""Flood control: what a client has sent is handled in parts, and no faster than it may send. It counts frames, each
line of what is said as one, and what they cost the others: who asks for dear things is slowed down, instead of
everybody else."""

import time
from collections.abc import Callable, Iterator, Sequence

import gevent

from greenchat.chat.room import Member, Room
from greenchat.config.schema import Limits
from greenchat.hooks.token_bucket import TokenBucket
from greenchat.net.backlog import LOOK_SECONDS, Backlog
from greenchat.net.turns import Turns
from greenchat.protocol.requests import Edit, RunCommand, Say
from greenchat.protocol.runs import Says
from greenchat.protocol.vocabulary import Request

# What is read at once: three hundred short messages. Smaller reads make shorter runs, which cost two people who talk
# alone more; with larger ones ten senders to a hundred bring more in a turn than the processor's cache holds, readers
# fall behind, and the loop's turns become longer than 25 ms. Measured: 16 to 64 KB.
READ_BYTES = 24 * 1024

# How many frames are handled before it is asked whether what they brought should go out already. Receivers then work
# while we do: with two in a room that sends in one go, 128 made it a third faster than all of a read at once.
PART_FRAMES = 128

# Where there is no flood control, frames a second that everybody may send into a room whose readers fall behind.
LEAST_RATE = Limits().flood_rate

# How long the event loop may work for one frame, in seconds of processor time, at the price of one. Messages and most
# commands take a tenth of it; what takes longer costs so much more. That others have had the processor meanwhile costs
# nothing: on a busy machine a tenth of a second is soon gone, and who had just said a word would stand still for a
# minute for it.
FRAME_SECONDS = 0.0005


# What is said once more with its key costs so much of a frame: no plugin is asked, and nobody else is told of it. Who
# comes back says all again that has no answer, and is not to wait for that.
REPEATED = 0.1


class FloodControl:
    """One client's, by the `limits` that hold when it comes. `read_bytes` is how much to read of it at once. It `rests`
    while nothing is being handled of what was read, and some of that waits."""

    __slots__ = (
        "_allowance",
        "_backlog",
        "_began",
        "_burst",
        "_paid",
        "_rate",
        "_rest",
        "_turn",
        "_turns",
        "breathes",
        "read_bytes",
    )

    def __init__(self, limits: Limits, turns: Turns, backlog: Backlog) -> None:
        self._backlog = backlog
        self._turns = turns
        self._turn = 0  # of the event loop, in which work for this client has begun, at `_began`
        self._began = 0.0
        self._rate = limits.flood_rate
        self._burst = max(limits.flood_burst, 1)
        self._allowance = TokenBucket(self._burst)
        self._rest: tuple[Sequence[Request], int] | None = None  # what waits while it rests, from which place on
        self.breathes = False  # between two frames, it waits for nothing but its turn
        self._paid = 0  # of what the next of them costs
        # Who is slowed down is read in small sips: what is read waits here, decoded, until its turn comes.
        slow = self._rate and limits.frame_bytes
        self.read_bytes = min(READ_BYTES, limits.frame_bytes + 2) if slow else READ_BYTES

    def share_with(self, member: Member) -> None:
        """Whoever has several connections may send no more than with one."""
        if member.allowance is None:
            member.allowance = self._allowance
        self._allowance = member.allowance

    def decoded(self, feed: Callable[[bytes], Sequence[Request]], data: bytes) -> Sequence[Request]:
        """What `data` asks for, as `feed` decodes it. That is work, too, for which frames pay: much of it for what asks
        for nothing is not free."""
        if not self._rate:
            return feed(data)
        self._begin()
        frames = feed(data)
        self._charge(max(len(frames), 1))
        return frames

    def parts(self, frames: Sequence[Request], size: int) -> Iterator[Sequence[Request]]:
        """`frames`, which came as `size` bytes, in parts, each when its time has come. Meanwhile nothing is read, so
        that TCP pushes back and nothing is lost. Bytes that make no frame, such as empty lines, are not free either:
        as many as are read at once count as one."""
        turns = self._turns
        if not self._rate:
            for start in range(0, len(frames), PART_FRAMES):
                if turns.is_frozen:
                    self._stand_still(frames, start)
                yield frames[start : start + PART_FRAMES]
            return
        if not frames:
            self._spend(size / self.read_bytes, frames, 0)
        further = _further_lines(frames)
        done = 0
        while done < len(frames):
            if turns.is_frozen:
                self._stand_still(frames, done)
            self._spend(1, frames, done)
            if further:
                self._spend_lines(further[done], frames, done)
                more = 0
            else:
                more = min(int(self._allowance.left), PART_FRAMES - 1, len(frames) - done - 1)
                self._spend(more, frames, done)
            self._begin()
            yield frames[done : done + 1 + more]
            done += 1 + more
            self._charge(1 + more)

    def breathe(self) -> None:
        """Between two frames of a part: let the others have their turn, where this one is long."""
        if self._turns.is_long():
            self._charge(0)
            self.breathes = True
            try:
                self._turns.wait()
            finally:
                self.breathes = False
            self._begin()

    def repeated(self) -> None:
        """What was just handled was said before."""
        if self._rate:
            self._allowance.left += 1 - REPEATED

    def charge(self, frames: float) -> None:
        """What was just handled costs so much more."""
        if self._rate:
            self._allowance.left -= frames

    def flush_if_large(self, room: Room, frames: int) -> None:
        """After so many frames of which some were said in `room`: wait until what was told there has gone out; and
        where many of its readers fall behind, say no more than anybody may at all times, until they have caught up.
        People who type notice nothing of it."""
        room.fanout.flush_if_large()
        if room.fanout.is_busy:
            self._turns.wait_for(room.fanout.when_calm)
        if self._backlog.is_ahead(room):
            until = time.monotonic() + frames / (self._rate or LEAST_RATE)
            while (left := until - time.monotonic()) > 0 and self._backlog.is_ahead(room):
                if self._turns.is_frozen:
                    break  # it says no more for now
                gevent.sleep(min(left, LOOK_SECONDS))

    # --- a hand-over ---

    @property
    def rests(self) -> bool:
        return self._rest is not None

    def left(self) -> Sequence[Request]:
        """What waits while it rests."""
        if self._rest is None:
            return []
        frames, done = self._rest
        return frames[done:]

    def tokens(self) -> float:
        """How much may be sent, with what was paid in advance for what is left."""
        return self._allowance.left + self._paid

    def restore(self, frames: Sequence[Request], tokens: float | None) -> None:
        """It rests, with these `frames` left; with `tokens`, unless it shares them with a member."""
        self._rest = (frames, 0)
        if tokens is not None:
            self._allowance.left = tokens

    def take_left(self) -> Sequence[Request]:
        """What waits, to be handled now."""
        frames, self._rest = self.left(), None
        return frames

    def _stand_still(self, frames: Sequence[Request], done: int, seconds: float = 0.0) -> None:
        """Wait so many seconds before `frames` are handled from the place `done` on, and as long as turns are
        frozen."""
        self._rest = frames, done
        try:
            if seconds:
                gevent.sleep(seconds)
            self._turns.stand_still()
        finally:
            self._rest = None

    def _begin(self) -> None:
        self._began, self._turn = time.thread_time(), self._turns.number

    def _charge(self, paid: int) -> None:
        """Take what the work since `_begin` has cost, `paid` frames have paid for some of it. Where there was a pause
        in it, it is not known how much was for this client."""
        if self._rate and self._turn == self._turns.number:
            self._allowance.left -= max((time.thread_time() - self._began) / FRAME_SECONDS - paid, 0.0)

    def _spend(self, cost: float, frames: Sequence[Request], done: int) -> None:
        """Wait until this client may send `cost` frames more, for those of `frames` from the place `done` on."""
        while seconds := self._allowance.spend(cost, self._burst, self._rate):
            self._stand_still(frames, done, seconds)

    def _spend_lines(self, count: int, frames: Sequence[Request], done: int) -> None:
        """As `_spend`, where it may be more than can be saved up."""
        self._paid = 1
        while count:
            part = min(count, int(self._burst))
            self._spend(part, frames, done)
            self._paid += part
            count -= part
        self._paid = 0


def _further_lines(frames: Sequence[Request]) -> list[int]:
    """For each frame how many lines it says beyond the first; empty where all that is said is one line."""
    if type(frames) is Says:
        return []
    further = [_lines_of(frame) for frame in frames]
    return further if any(further) else []


def _lines_of(frame: Request) -> int:
    if isinstance(frame, RunCommand):
        return sum(value.count("\n") for value in frame.args.values() if isinstance(value, str))
    return frame.text.count("\n") if isinstance(frame, Say | Edit) else 0
