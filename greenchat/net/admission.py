"""Who may come in: how many there are, in all and from each address, how many tries, who knows the pass phrase.

No socket is known here.
"""

import hmac
import time
from collections import Counter
from collections.abc import Callable

from greenchat.config.schema import Limits
from greenchat.errors import Advice, Reject

# Over how long tries are counted, in seconds. A client that comes back after a minute is not trying again and again.
TRIES_SECONDS = 60.0


class Admission:
    """Counts those inside. `clock` is in seconds and never goes back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._inside: Counter[str] = Counter()
        self._count = 0
        # Since the window began, so that all is forgotten at its end:
        self._tries: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._wrong_tokens: Counter[str] = Counter()
        self._window = clock()

    def enter(self, network: str, limits: Limits) -> None:
        """Let one more in from `network`, who will `leave`. Raises `Reject` where there is no room.

        The empty network is this machine by a Unix socket: files have permissions for who may come, so all may.
        """
        self._look_at_the_clock()
        self._tries[network] += 1
        if limits.connections and self._count >= limits.connections:
            raise Reject("The server is full. Try again later.", code="full")
        if network and limits.connections_per_address and self._inside[network] >= limits.connections_per_address:
            raise Reject(f"There are too many connections from {network}. Close one, and try again.", code="full")
        if network and limits.attempts_per_minute and self._tries[network] > limits.attempts_per_minute:
            raise Reject(f"There were too many connections from {network}. Try again in a minute.", code="full")
        self._inside[network] += 1
        self._count += 1

    def stays(self, network: str) -> None:
        """Count one from `network` who has been let in before, and will `leave`."""
        self._inside[network] += 1
        self._count += 1

    def check_password(self, network: str, given: str, expected: str, limits: Limits) -> None:
        """Raises `Reject` unless `given` is the pass phrase, or where `network` has guessed too often."""
        if not given:
            raise Reject("This chat has a pass phrase.", "password_required", Advice.PASS_PHRASE)
        self._look_at_the_clock()
        if limits.password_failures and self._failures[network] >= limits.password_failures:
            raise Reject("Too many wrong pass phrases. Try again in a minute.", code="password_wrong")
        # In constant time, so that how long it takes tells nothing of how much was right.
        if not hmac.compare_digest(given.encode(), expected.encode()):
            self._failures[network] += 1
            raise Reject("This is not the pass phrase. Ask whoever invited you.", code="password_wrong")

    def require_tries(self, network: str, limits: Limits) -> None:
        """Raises `Reject` where `network` has tried too many tokens that were wrong."""
        self._look_at_the_clock()
        if limits.token_failures and self._wrong_tokens[network] >= limits.token_failures:
            raise Reject("Too many wrong tokens from your address. Try again in a minute.", code="try_later")

    def wrong_token(self, network: str) -> None:
        self._wrong_tokens[network] += 1

    def _look_at_the_clock(self) -> None:
        now = self._clock()
        if now - self._window >= TRIES_SECONDS:
            self._tries.clear()
            self._failures.clear()
            self._wrong_tokens.clear()
            self._window = now

    def leave(self, network: str) -> None:
        self._count -= 1
        self._inside[network] -= 1
        if not self._inside[network]:
            del self._inside[network]
