"""What one has sent, for Up and Ctrl-R: kept in a file of its own for each server, so that what was meant for one is
never brought back at another.

The file is for this user's eyes alone, and has a JSON string in each line, the latest last. Every client appends to it;
who starts with too long a one writes it anew. Where it cannot be used, what was sent is known as long as this runs.
"""

import fcntl
import os
import re
from hashlib import sha256
from pathlib import Path

import msgspec

# So many are brought back by Up, and kept.
REMEMBERED = 500

# No text with more characters is kept in the file: it is a paste, and the file stays small.
LONGEST_KEPT = 4000

# The file is written anew, with the latest, from so many bytes on: it is read before there is a screen.
MOST_BYTES = 1_000_000

DIRECTORY = "sent"


class Past:
    """`texts`, the latest last. Without a `file` none are kept. What may not be remembered does not come here."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self.texts: list[str] = self._load() if file is not None else []

    def add(self, text: str) -> None:
        if self.texts[-1:] == [text]:
            return
        self.texts = [*self.texts, text][-REMEMBERED:]
        if self._file is not None and len(text) <= LONGEST_KEPT:
            self._append(msgspec.json.encode(text) + b"\n")

    def after(self, before: "Past") -> "Past":
        """This one, in the place of the one `before`: what that has is known, but not kept here."""
        self.texts = [*self.texts, *(text for text in before.texts if text not in self.texts)][-REMEMBERED:]
        return self

    def search(self, words: str) -> list[str]:
        """Those with all these words, the latest first, each once."""
        wanted = words.casefold().split()
        found = (text for text in reversed(self.texts) if all(word in text.casefold() for word in wanted))
        return [*dict.fromkeys(found)]

    # --- the file ---

    def _load(self) -> list[str]:
        assert self._file is not None
        try:
            data = self._file.read_bytes()
        except OSError:
            return []
        texts = _texts(data)
        if len(texts) > 2 * REMEMBERED or len(data) > MOST_BYTES:
            self._shorten()
        return texts[-REMEMBERED:]

    def _append(self, line: bytes) -> None:
        """Under a lock: another client may be writing it anew, and then this line is not kept. Nobody waits."""
        assert self._file is not None
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        except OSError:
            return
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.fchmod(descriptor, 0o600)
            os.write(descriptor, line)
        except OSError:
            pass  # a full disk keeps nobody from chatting
        finally:
            os.close(descriptor)

    def _shorten(self) -> None:
        """In place: who has it open already appends to the very same file."""
        assert self._file is not None
        try:
            with self._file.open("rb+") as file:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                lines = [msgspec.json.encode(text) + b"\n" for text in _texts(file.read())[-REMEMBERED:]]
                while sum(map(len, lines)) > MOST_BYTES // 2:
                    del lines[: (len(lines) + 1) // 2]
                file.seek(0)
                file.truncate()
                file.write(b"".join(lines))
        except OSError:
            pass


def _texts(data: bytes) -> list[str]:
    """What is in a file; a line that did not come to its end, or was changed by hand, is left out."""
    texts: list[str] = []
    for line in data.splitlines():
        try:
            texts.append(msgspec.json.decode(line, type=str))
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    return texts


def past_of(server: str, directory: Path | None = None) -> Past:
    """What was sent to this server, as `logins.server_key` calls it."""
    if directory is None:
        import platformdirs  # as in logins.py

        directory = platformdirs.user_state_path("greenchat")
    name = re.sub(r"[^A-Za-z0-9.]+", "-", server).strip("-.")[:60]  # so that one finds it
    return Past(directory / DIRECTORY / f"{name}-{sha256(server.encode()).hexdigest()[:12]}")
