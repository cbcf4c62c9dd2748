"""By what a command line shows a server that it may read the server's data directory.

That somebody asks from the same machine shows nothing where a proxy runs there: everybody behind it does.
"""

import hmac
import logging
import secrets
from pathlib import Path

from greenchat.storage.datadir import PROOF_FILE, open_private

log = logging.getLogger("greenchat.server")

# By whom something was done on the server's command line. Nobody can be called so.
SHELL = "shell"

# 128 bits, which nobody guesses.
BYTES = 16


class Proof:
    """That of one server, as long as it runs."""

    def __init__(self) -> None:
        self._word = secrets.token_hex(BYTES)

    def lay_down(self, data_dir: Path) -> None:
        """Write it where who may read the data directory finds it."""
        path = data_dir / PROOF_FILE
        try:
            path.unlink(missing_ok=True)  # one that others could read would stay so
            with open_private(path) as file:
                file.write(self._word)
        except OSError as error:
            log.error(
                "%s cannot be written, so greenchat plugins why and greenchat reload are refused: %s",
                path,
                error.strerror,
            )

    def holds(self, word: str) -> bool:
        return hmac.compare_digest(word.encode(), self._word.encode())


def read_proof(data_dir: Path) -> str:
    """What the server on `data_dir` has laid down; empty where there is none that one may read."""
    try:
        return (data_dir / PROOF_FILE).read_text("utf-8").strip()
    except (OSError, ValueError):
        return ""
