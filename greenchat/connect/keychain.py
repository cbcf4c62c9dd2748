"""Tokens in the keyring of the desktop, where the library `keyring` is installed and has one that works.

Nobody waits for it who need not: a thread of its own asks, since a keyring that is locked may open a window, and wait
for its owner.
"""

import atexit
from collections.abc import Callable
from importlib.util import find_spec
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any

SERVICE = "greenchat"

# How long a token is waited for, and at the end what is still to be kept, in seconds: a keyring that is open answers
# within some hundredths, and without a token one is asked for the password.
SECONDS = 3.0

# From this on it is one that its library recommends: one below keeps its secrets in clear, or none.
RECOMMENDED = 1.0


class Keychain:
    """Items are texts that its owner may read beside the secrets."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._thread: Thread | None = None
        self._hangs = False
        self._keyring: Any = None  # once it is looked for: the one that works, False for none

    def get(self, item: str) -> str:
        """The secret; empty where it is not there, or not in time."""
        found: list[str] = []
        if not self._hangs and self._do(lambda keyring: found.append(keyring.get_password(SERVICE, item) or "")):
            self.settle()
        return found[0] if found else ""

    def put(self, item: str, secret: str, kept: Callable[[], None]) -> None:
        """Keep it, some time soon; `kept` is called by another thread once it is."""

        def step(keyring: Any) -> None:
            keyring.set_password(SERVICE, item, secret)
            if keyring.get_password(SERVICE, item) == secret:
                kept()

        self._do(step)

    def drop(self, item: str) -> None:
        """Keep it no more."""
        self._do(lambda keyring: keyring.delete_password(SERVICE, item))

    def _do(self, step: Callable[[Any], None]) -> bool:
        """Have it done behind all that is to be done; whether there may be a keyring."""
        if self._keyring is False or find_spec("keyring") is None:
            return False

        def job() -> None:
            try:
                keyring = self._found()
                if keyring:
                    step(keyring)
            except Exception:  # whatever goes wrong in there: what is to be kept is in the file as well
                pass

        self._jobs.put(job)
        if self._thread is None:
            self._thread = Thread(target=self._work, name="keyring", daemon=True)
            self._thread.start()
            atexit.register(self.settle)
        return True

    def _work(self) -> None:
        while True:
            self._jobs.get()()

    def settle(self) -> None:
        """Wait until all is done that is to be done, but not for ever."""
        done = Event()
        self._jobs.put(done.set)
        if not self._hangs and not done.wait(self._seconds):
            self._hangs = True

    def _found(self) -> Any:
        if self._keyring is None:
            found: Any = None
            try:
                import keyring  # in this thread, as it takes a while

                found = keyring.get_keyring()
            finally:
                self._keyring = found if found is not None and found.priority >= RECOMMENDED else False
        return self._keyring


KEYCHAIN = Keychain()
