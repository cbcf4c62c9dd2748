"""Tokens with which somebody comes back without a password: random, rotated with each use, and kept as hashes only.

A fast hash is enough here. argon2 is for what people choose, of which a machine could try all that are likely; a token
has 128 bits of chance, and there is no trying all of these.
"""

import secrets
from base64 import urlsafe_b64encode
from hashlib import blake2b
from hmac import compare_digest

# 128 bits, as RFC 6749 (10.10) asks for at least: nobody guesses one, from however many addresses.
TOKEN_BYTES = 16
TOKEN_LENGTH = 22  # of these, in base64url without padding

# As many as a token has: who has stolen the file finds another text of the same hash no sooner than the token.
HASH_BYTES = 16

SALT_BYTES = 16

# How long the token before the last one is still good once the last one is used, in microseconds: long enough for an
# answer that was lost, and for a second window that has read the token a moment ago.
GRACE = 60 * 1_000_000

Stored = tuple[bytes, bytes, bytes, bytes, bytes, int]


class TokenChain:
    """The token of one device, or of one stay, and those that were it just before: C current, P previous, O older.

    Using C makes a new one. P gives C again, also when it is used twice, by two windows or because an answer was lost:
    each token is derived from the one before by a salt that is kept here, so it need not be kept itself. When C is used
    for the first time, P becomes O, and gives what is current then for a minute longer.

    It has no clock: times are microseconds since 1970. It changes when it is used; `TokenChain.restore(chain.stored)`
    is a copy.
    """

    __slots__ = ("_current", "_older", "_older_salt", "_older_until", "_previous", "_salt")

    def __init__(
        self, current: bytes, previous: bytes, salt: bytes, older: bytes, older_salt: bytes, older_until: int
    ) -> None:
        self._current = current
        self._previous, self._salt = previous, salt  # the salt by which the current one was derived from it
        self._older, self._older_salt, self._older_until = older, older_salt, older_until  # and the previous one

    @classmethod
    def begin(cls, prefix: str) -> tuple["TokenChain", str]:
        """A new chain, and its first token, which begins with `prefix`."""
        token = prefix + _text(secrets.token_bytes(TOKEN_BYTES))
        return cls(cls.hash_of(token), b"", b"", b"", b"", 0), token

    @classmethod
    def restore(cls, stored: Stored) -> "TokenChain":
        return cls(*stored)

    @property
    def stored(self) -> Stored:
        """All of it, for `restore`. No token can be made of this alone."""
        return self._current, self._previous, self._salt, self._older, self._older_salt, self._older_until

    @staticmethod
    def hash_of(token: str) -> bytes:
        """`token` as it is kept, and found by."""
        return blake2b(token.encode("utf-8", "surrogatepass"), digest_size=HASH_BYTES).digest()

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """The hashes by which it is to be found: of all tokens that are, or were just now, good. The current one is
        the first."""
        return tuple(one for one in (self._current, self._previous, self._older) if one)

    def use(self, presented: str, now: int) -> str | None:
        """The token that is good from `now` on, for who has presented a good one; else None, and nothing changes."""
        known = self.hash_of(presented)
        # All three are always looked at, so that the time it takes does not tell which one it was.
        is_current = compare_digest(known, self._current)
        is_previous = compare_digest(known, self._previous)
        is_older = compare_digest(known, self._older)
        if is_current:
            token = self._advance(presented, known, now)
        elif is_previous:
            token = _derived(presented, self._salt)
        elif is_older and now < self._older_until:
            token = _derived(_derived(presented, self._older_salt), self._salt)
        else:
            return None
        return token

    def _advance(self, presented: str, known: bytes, now: int) -> str:
        self._older, self._older_salt, self._older_until = self._previous, self._salt, now + GRACE
        self._previous, self._salt = known, secrets.token_bytes(SALT_BYTES)
        token = _derived(presented, self._salt)
        self._current = self.hash_of(token)
        return token

    def __repr__(self) -> str:
        return "TokenChain()"


def _derived(token: str, salt: bytes) -> str:
    prefix = token[:-TOKEN_LENGTH]  # it is a token of ours: its hash is known
    return prefix + _text(blake2b(token.encode(), key=salt, digest_size=TOKEN_BYTES).digest())


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
