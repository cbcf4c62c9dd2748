"""`greenchat connect`: the chat in a terminal, or as a part of a pipe.

On a terminal it is the line client (line.py); where standard input or output is no terminal, or a dumb one, it is a
pipe citizen (pipe.py). Both end with one of these codes:

| code | name            | meaning                                                                                 |
|------|-----------------|-----------------------------------------------------------------------------------------|
| 0    | DELIVERED       | left in good order, and everything was delivered; on a terminal also after Ctrl-C       |
| 1    | FAILED          | something else went wrong                                                               |
| 2    | (click's)       | the command line was not understood                                                     |
| 3    | UNREACHABLE     | no greenchat server could be reached there                                              |
| 4    | TURNED_AWAY     | not let in: the name is taken or not valid, or the server turned the connection away    |
| 5    | LOST            | the connection ended before everything was delivered, or before one wanted to leave     |
| 6    | REFUSED         | a line was refused (in a pipe only: on a terminal one has read why)                     |
| 130  | INTERRUPTED     | Ctrl-C, in a pipe                                                                       |
"""

import os
import sys
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from greenchat.encryption import Encryption


class Exit(IntEnum):
    """The exit codes of `greenchat connect`; the table above says what they mean."""

    DELIVERED = 0
    FAILED = 1
    UNREACHABLE = 3
    TURNED_AWAY = 4
    LOST = 5
    REFUSED = 6
    INTERRUPTED = 130


def run(
    host: str | None,
    port: int | None,
    name: str | None,
    room: str | None,
    encryption: "Encryption | None" = None,
    password: str = "",
) -> int:
    """Chat until the user leaves, the input ends or the server goes; returns the exit code. What is None is asked for
    on a terminal, and has its default elsewhere; without `encryption` there is none; `password` is the server's, if it
    has one."""
    # Imported here: the line client's prompt_toolkit takes longer than all the rest, and a pipe does not need it.
    if _is_terminal():
        from greenchat.terminal.line import chat
    else:
        from greenchat.terminal.pipe import chat
    return chat(host, port, name, room, encryption, password)


def _is_terminal() -> bool:
    streams = (sys.stdin, sys.stdout)
    if any(stream is None or not stream.isatty() for stream in streams):
        return False
    return os.environ.get("TERM", "").lower() not in ("dumb", "unknown")  # these cannot move the cursor
