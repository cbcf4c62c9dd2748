"""`greenchat connect`: the chat in a terminal, or as a part of a pipe.

On a terminal it is the line client (line.py); where standard input or output is no terminal, or a dumb one, it is a
pipe citizen (pipe.py). options.py has what both are told, and the codes with which they end.
"""

import os
import sys

from greenchat.connect.options import Exit as Exit
from greenchat.connect.options import Visit as Visit
from greenchat.connect.options import visit as visit
from greenchat.errors import ConfigError


def run(visit: Visit) -> int:
    """Chat until the user leaves, the input ends or the server goes; returns the exit code. Raises `ConfigError`."""
    # Imported here: the line client's prompt_toolkit takes longer than all the rest, and a pipe does not need it.
    if _is_terminal():
        from greenchat.connect.line import chat
    elif visit.asks_login:
        raise ConfigError("--login asks for the password on a terminal, and this is none. Use --login-file FILE.")
    elif visit.stay:
        raise ConfigError("--stay is for a terminal, and this is none. Leave it out, and use --login-file FILE.")
    else:
        from greenchat.connect.pipe import chat
    return chat(visit)


def _is_terminal() -> bool:
    streams = (sys.stdin, sys.stdout)
    if any(stream is None or not stream.isatty() for stream in streams):
        return False
    return os.environ.get("TERM", "").lower() not in ("dumb", "unknown")  # these cannot move the cursor
