"""Keyrings for the library `keyring`: one that is a file, and one that waits for its owner for ever."""

import json
import os
import threading
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError

# Where the file is, for a process of its own.
PLACE = "KIT_KEYRING"


class FileKeyring(KeyringBackend):
    priority = 5

    def __init__(self, path=None):
        super().__init__()
        self.path = Path(path or os.environ[PLACE])

    @property
    def items(self):
        return json.loads(self.path.read_text()) if self.path.exists() else {}

    def get_password(self, service, username):
        return self.items.get(f"{service}: {username}")

    def set_password(self, service, username, password):
        self._write(self.items | {f"{service}: {username}": password})

    def delete_password(self, service, username):
        items = self.items
        if items.pop(f"{service}: {username}", None) is None:
            raise PasswordDeleteError("not there")
        self._write(items)

    def _write(self, items):
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(items))
        new.replace(self.path)


class Locked(KeyringBackend):
    """Opens a window, so to speak; `asked` is set by then, and nobody looks at it."""

    priority = 5

    def __init__(self):
        super().__init__()
        self.asked, self.never = threading.Event(), threading.Event()

    def get_password(self, *_):
        self.asked.set()
        self.never.wait()

    set_password = delete_password = get_password


class Careless(FileKeyring):
    """Keeps secrets in clear, and its library does not recommend it."""

    priority = 0.5
