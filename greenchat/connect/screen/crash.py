"""A mistake of ours ends the screen: a sentence says so, and where it happened is written down.

Only where: what the error itself says, and what variables hold, may be what somebody has typed, a password among it.
"""

import os
import sys
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import platformdirs

from greenchat.version import __version__

FILE = "crash.log"


def crashed(error: BaseException, directory: Path | None = None) -> str:
    """What whoever chats is told of it. It is in the file `FILE` then, if that can be written: the last one alone."""
    kind = type(error).__name__
    begin = f"The screen has come to an end by a mistake of greenchat's ({kind})."
    again = "Whoever connects again within two minutes is back where they were; --line does without the screen."
    try:
        file = _write(_report(error), directory or platformdirs.user_state_path("greenchat"))
    except OSError:
        return f"{begin} {again}"
    return f"{begin} Please report it, with {file}. {again}"


def _report(error: BaseException) -> str:
    """Where it happened, and where what has led to it did."""
    python = ".".join(map(str, sys.version_info[:3]))
    parts = [f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} greenchat {__version__}, Python {python}, {sys.platform}\n"]
    one: BaseException | None = error
    seen: set[int] = set()
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        parts += [f"\n{type(one).__module__}.{type(one).__qualname__}\n", *traceback.format_tb(one.__traceback__)]
        one = one.__cause__ or one.__context__
    return "".join(parts)


def _write(report: str, directory: Path) -> Path:
    """For one's own eyes alone. Raises `OSError`."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = directory / FILE
    with suppress(FileNotFoundError):
        file.unlink()  # whoever may read that one
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as log:
        log.write(report)
    return file
