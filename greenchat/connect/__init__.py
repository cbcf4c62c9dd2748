"""`greenchat connect`: the chat in a terminal, or as a part of a pipe.

On a terminal it is a full screen (screen/); with `--line`, and where that does not fit, the line client (line.py).
Where standard input or output is no terminal, or a dumb one, it is a pipe citizen (pipe.py). `greenchat say` (say.py)
and `greenchat tail` (tail.py) do one thing in one place (errand.py). options.py has what all are told, and the codes
with which they end. model/ is what is known of a chat, whoever shows it.
"""

import os
import sys

from greenchat.connect.options import Exit as Exit
from greenchat.connect.options import Visit as Visit
from greenchat.connect.options import visit as visit
from greenchat.errors import ConfigError

# In less, a screen of panes and lines is harder to read than lines alone.
LEAST_COLUMNS, LEAST_ROWS = 40, 15


def run(visit: Visit) -> int:
    """Chat until the user leaves, the input ends or the server goes; returns the exit code. Raises `ConfigError`."""
    # Imported here: Textual and prompt_toolkit take longer than all the rest, and only one of them is needed, if any.
    if _is_terminal() and visit.view != "lines" and _has_room():
        from greenchat.connect.screen.open import chat
    elif _is_terminal():
        from greenchat.connect.line import chat
    elif visit.asks_login:
        raise ConfigError("--login asks for the password on a terminal, and this is none. Use --login-file FILE.")
    elif visit.save:
        raise ConfigError("--save is for a terminal, and this is none. Leave it out.")
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


def _has_room() -> bool:
    """Whether a screen fits into the terminal: it is drawn on standard error."""
    try:
        columns, rows = os.get_terminal_size(sys.stderr.fileno())
    except (OSError, ValueError, AttributeError):
        return False
    return columns >= LEAST_COLUMNS and rows >= LEAST_ROWS
