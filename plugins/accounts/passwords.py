"""Passwords: which are good enough, how they are kept, and how often one may guess. Nothing here keeps or shows one."""

import base64
import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import lru_cache
from hashlib import blake2b
from typing import Any, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from greenchat import FairQueue, Reject, Session, host_of, network_of

from .refusals import unavailable

log = logging.getLogger("greenchat.accounts")

T = TypeVar("T")

# The longest password, in characters: longer than what anybody types or a program makes, and quick to look at.
LONGEST = 1000

# Passwords that are hashed at the same time: so many times `memory_mib` is taken at most, and two cores are kept busy.
HASHED_AT_ONCE = 2

# Over how long failed logins are counted, in seconds.
FAILURE_SECONDS = 60.0

# argon2's sizes, in bytes, as RFC 9106 (4.) recommends them.
SALT_BYTES, TAG_BYTES = 16, 32


def normalized(password: str) -> str:
    """`password` in the one form that all its spellings share: RFC 8265, OpaqueString. Raises `ValueError`.

    Another keyboard, or system, may send the same letters as other characters.
    """
    if password.isascii() and password.isprintable() and password:
        return password  # as the profile would have it
    enforced: str = _profile().enforce(password)
    return enforced


@lru_cache(maxsize=1)  # made for the first password that is not ASCII: its tables cost 8 MB, unless names have them
def _profile() -> Any:
    from precis_i18n import get_profile

    return get_profile("OpaqueString")


def check_password(password: str, name: str, shortest: int) -> None:
    """Raises `Reject` unless `password` is good enough for the account `name`."""

    def refusal(why: str) -> Reject:
        return Reject(f"This password {why}", code="password_invalid")

    if len(password) > LONGEST:
        raise refusal(f"is longer than {LONGEST} characters. Choose a shorter one.")
    try:
        password = normalized(password)
    except ValueError:
        raise refusal("has characters that cannot be typed everywhere. Use letters, digits and signs.") from None
    if any(character.isspace() for character in password):
        # So that /login and /passwd can tell where one ends.
        raise refusal("has spaces. Write the words together, or with signs between them.")
    if len(password) < shortest:
        raise refusal(f"is too short. Take at least {shortest} characters.")
    if password.casefold() == normalized(name).casefold():
        raise refusal("is your name. Choose one that nobody can guess.")


class Hashing:
    """argon2id in threads, by `in_thread`, so that the loop goes on meanwhile. Whoever wants to `hash` or ask what
    `is_right` waits for a turn, and looks again then whether it is still wanted: `with hashing.turn(...)`. Both raise
    `Reject` where that cannot be done."""

    def __init__(self, hasher: PasswordHasher, in_thread: Callable[[Callable[[], Any]], Any]) -> None:
        self._queue = FairQueue(HASHED_AT_ONCE)
        self._hasher = hasher
        self._in_thread = in_thread
        # Looks like a hash made under these settings, and is none of any password: to compare with takes as long.
        salt, tag = (_base64(secrets.token_bytes(size)) for size in (SALT_BYTES, TAG_BYTES))
        self._nobodys = (
            f"$argon2id$v=19$m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}${salt}${tag}"
        )

    def turn(self, session: Session, key: str) -> AbstractContextManager[None]:
        """A turn for `session`, about the account `key`: between those of other addresses, and of other accounts."""
        return self._queue.turn(network_of(host_of(session.address)), key)

    def hash(self, password: str) -> str:
        """What to keep of `password`, which `check_password` has let pass."""
        return self._run(lambda: self._hasher.hash(normalized(password)))

    def is_right(self, password: str, hashed: str | None) -> bool:
        """Whether `password`, as it was typed, is the one that `hashed` was made of; None is nobody's, and takes as
        long."""
        if len(password) > LONGEST:
            return False
        try:
            password = normalized(password)
        except ValueError:
            return False
        return self._run(lambda: self._matches(hashed or self._nobodys, password))

    def is_outdated(self, hashed: str) -> bool:
        """Whether it was made under other settings than now."""
        return self._hasher.check_needs_rehash(hashed)

    def _matches(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except VerifyMismatchError:
            return False

    def _run(self, work: Callable[[], T]) -> T:
        try:
            done: T = self._in_thread(work)
        except Exception as error:
            log.error("a password cannot be checked: %s: %s", type(error).__name__, error)
            raise unavailable() from None
        return done


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")


class Tally:
    """Counts, for each of many, what happened since the window of `seconds` began; then all is forgotten.

    Whom it counts for is kept as a hash, of a key that nobody knows: a password that was typed in the place of a name
    is kept nowhere.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._window = clock()
        self._key = secrets.token_bytes(TAG_BYTES)
        self._counts: Counter[str] = Counter()

    def __getitem__(self, who: str) -> int:
        self._look_at_the_clock()
        return self._counts[self._hash(who)]

    def add(self, who: str) -> None:
        """Count one more for `who`."""
        self._look_at_the_clock()
        self._counts[self._hash(who)] += 1

    @property
    def state(self) -> list[Any]:
        """All of it, for a reload: see `go_on`."""
        self._look_at_the_clock()
        return [self._window, self._key.hex(), self._counts]

    def go_on(self, state: list[Any] | None) -> None:
        """Count on from there; None is from nothing."""
        if state is not None:
            self._window, self._key, self._counts = state[0], bytes.fromhex(state[1]), Counter(state[2])

    def _hash(self, who: str) -> str:
        return blake2b(who.encode("utf-8", "replace"), digest_size=8, key=self._key).hexdigest()

    def _look_at_the_clock(self) -> None:
        now = self._clock()
        if now - self._window >= self._seconds:
            self._counts.clear()
            self._window = now
