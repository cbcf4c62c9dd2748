"""`/upload PATH`: files on their way to the server, each in a thread of its own, beside what one types."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from greenchat.client import Cancelled, Client, ClientError, put_file
from greenchat.client.returning import Door
from greenchat.codecs.wording import in_bytes
from greenchat.connect.commands import UploadRun
from greenchat.errors import ConfigError
from greenchat.protocol.replies import ArgumentEntry, CommandEntry, UploadPlace
from greenchat.protocol.text import printable
from greenchat.refusals import explain

NAME = "/upload"

COMMAND = CommandEntry(
    "upload",
    "[PATH] [TEXT]",
    "Send a file or a picture here, and TEXT with it. Alone, it tells what is on its way.",
    [
        ArgumentEntry("path", "word", optional=True),
        ArgumentEntry("text", "rest", optional=True),
    ],
)

CANCEL = "cancel"
NOTHING = "Nothing is on its way."
CANCELLED = "{} is not sent."
BEGUN = "{} ({}) is being sent. /upload tells how far it is, /upload cancel ends it."
FAILED = "{} was not sent: {}{} Type /upload and its path to send it again."
ENDINGS = ".!?"

# Signs of a path that is told.
PATH_LENGTH = 60


class _Upload:
    """One that is on its way."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size
        self.sent = 0
        self.is_cancelled = False

    @property
    def shown(self) -> str:
        return printable(self.path.name, PATH_LENGTH)

    def progress(self, sent: int) -> None:
        """In its thread. Raises `Cancelled`."""
        if self.is_cancelled:
            raise Cancelled
        self.sent = sent

    def __str__(self) -> str:
        return f"{self.shown}: {100 * self.sent // max(self.size, 1)} % of {in_bytes(self.size)}"


class Uploads:
    """`tell` is told what becomes of them, in the thread of the event loop, and whether that went wrong."""

    def __init__(self, tell: Callable[[str, bool], None]) -> None:
        self._tell = tell
        self._all: list[_Upload] = []

    def take(self, line: str) -> UploadRun | None:
        """What is to be run for `line`, which begins with `/upload`; None where that was done here. Raises
        `ConfigError`."""
        words, text = _words(line)
        if words == CANCEL and self._all:
            for upload in self._all:
                upload.is_cancelled = True  # which is told once its thread has seen it
            return None
        if not words or words == CANCEL:
            self._tell("\n".join(map(str, self._all)) or NOTHING, False)
            return None
        path = Path(words).expanduser()
        try:
            if not path.is_file():
                raise ConfigError(
                    f"{printable(words, PATH_LENGTH)} is no file. Check the path; one with spaces is quoted."
                )
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
        except OSError as error:
            raise ConfigError(f"{printable(words, PATH_LENGTH)} cannot be read: {explain(error)}") from None
        if not size:
            raise ConfigError(f"{printable(words, PATH_LENGTH)} is empty.")
        name = quote(path.name, safe="", errors="replace")
        return UploadRun("upload", {"name": name, "size": size, "text": text}, f"{NAME} {name} {size}", path)

    def begin(self, run: UploadRun, place: UploadPlace, client: Client) -> None:
        """The server has said where to send it. To be called in the event loop."""
        import asyncio  # which has been loaded where files are sent: pipes need none of it

        door, loop = client.door, asyncio.get_running_loop()
        if door is None:
            return
        upload = _Upload(run.path, run.args["size"])
        self._all.append(upload)
        self._tell(BEGUN.format(upload.shown, in_bytes(upload.size)), False)

        def work() -> None:
            why = _why_not(upload, door, place.put)
            loop.call_soon_threadsafe(self._ended, upload, why)

        threading.Thread(target=work, daemon=True).start()

    def _ended(self, upload: _Upload, why: str) -> None:
        self._all.remove(upload)
        if upload.is_cancelled:
            self._tell(CANCELLED.format(upload.shown), False)
        elif why:
            stop = "" if why[-1] in ENDINGS else "."  # a refusal may end with what one types
            self._tell(FAILED.format(upload.shown, why, stop), True)


def is_upload(line: str) -> bool:
    return line.split(maxsplit=1)[0].lower() == NAME


def _why_not(upload: _Upload, door: Door, url: str) -> str:
    """Send it; why that could not be done, or nothing. In a thread."""
    try:
        with upload.path.open("rb") as source:
            put_file(door, url, source, upload.progress)
    except Cancelled:
        return ""
    except ClientError as error:
        return str(error)
    except OSError as error:
        return f"it cannot be read: {explain(error)}"
    return ""


def _words(line: str) -> tuple[str, str]:
    """The path, which may be quoted or have a backslash before a space, and what follows it."""
    rest = line.split(maxsplit=1)[1].strip() if len(line.split(maxsplit=1)) > 1 else ""
    if rest[:1] in ("'", '"') and rest[0] in rest[1:]:
        path, _, text = rest[1:].partition(rest[0])
        return path, text.strip()
    path, at = "", 0
    while at < len(rest) and not rest[at].isspace():
        at += rest[at] == "\\" and at + 1 < len(rest)
        path += rest[at]
        at += 1
    return path, rest[at:].strip()
