"""Where files are to be read: addresses that are signed, and hold for some hours. Who has one may read that file."""

import hmac
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import quote

# An address of the same file is the same for so large a part of the time for which it holds, so that browsers keep what
# they have read.
STEADY = 4

# Enough that nobody guesses a signature.
SIGN_BYTES = 16


class Links:
    """`base` tells the address of this server, with a slash at its end. They hold for `seconds` at least, and for a
    quarter of that longer at most. `secret` is what they are signed by."""

    def __init__(self, base: Callable[[], str], secret: bytes, seconds: float) -> None:
        self._base = base
        self._secret = secret
        self._seconds = seconds

    def __repr__(self) -> str:
        return "<Links>"

    def to(self, number: str, name: str, *, small: bool = False) -> str:
        """Where the file with this id is; or a small copy of it."""
        step = max(int(self._seconds / STEADY), 1)
        until = (int(time.time() + self._seconds) // step + 1) * step
        query = f"until={until:x}&by={self._sign(number, until)}{'&small=1' if small else ''}"
        return f"{self._base()}files/{number}/{quote(name, safe='')}?{query}"

    def holds(self, number: str, until: str, by: str) -> bool:
        """Whether this is one, and holds still."""
        try:
            moment = int(until, 16)
        except ValueError:
            return False
        return hmac.compare_digest(by.encode(), self._sign(number, moment).encode()) and time.time() < moment

    def _sign(self, number: str, until: int) -> str:
        said = f"{number} {until:x}".encode()
        return urlsafe_b64encode(hmac.digest(self._secret, said, "sha256")[:SIGN_BYTES]).decode().rstrip("=")
