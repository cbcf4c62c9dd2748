"""The process in which a plugin is tried: `python -m greenchat.testing.dry_child DIRECTORY SECONDS UNTIL`.

It reads what is asked from a file in the directory, gives up what it could do to the world, and writes there what it
has found. See server/dry_run.py for who starts it, and looks after it.
"""

import logging
import os
import signal
import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import msgspec

from greenchat.protocol.dry_runs import MOST, DryAsk, DryMessage, DryReport, HookCost, Outcome
from greenchat.server.dry_run import ASK_FILE, AT_FILE, DATA, REPORT_FILE
from greenchat.storage.plugin_store import store_path
from greenchat.testing.fence import Fence
from greenchat.testing.isolation import isolate

if TYPE_CHECKING:
    from greenchat.testing.dry_chat import DryChat

# How long one message may take, with all that the plugin does for it, in seconds: a server would have interrupted it by
# then, see HELD_SECONDS in server/interrupter.py.
MESSAGE_SECONDS = 10.0

# The part of its time after which it tries no more: what it has found by then is to be told.
PART = 0.8

# Failures after which nothing more is tried: a server would have switched the plugin off.
FAILURES = 20

# What a message is refused with where a check has failed: it is told as that.
FAILED_CHECK = "check_failed"


class Run:
    """One run, in `directory`, which may take so many `seconds`, and is ended at `until`."""

    def __init__(self, directory: Path, seconds: float, until: float) -> None:
        self._directory = directory
        self._ask = msgspec.json.decode((directory / ASK_FILE).read_bytes(), type=DryAsk)
        self._fence = Fence(directory)
        self._at = os.open(directory / AT_FILE, os.O_WRONLY | os.O_CREAT, 0o600)
        self._began = time.monotonic()
        self._until = until - (1 - PART) * seconds
        self._tried = 0
        self._counts: Counter[str] = Counter()
        self._outcomes: list[Outcome] = []
        self._chat: DryChat | None = None
        self._kernel = isolate(directory, seconds)

    def run(self) -> None:
        """Try it, and write the report."""
        self._fence.put_up()
        signal.signal(signal.SIGALRM, self._held)
        problem = ""
        try:
            self._try()
        except BaseException as error:
            problem = self._told(error)
        signal.setitimer(signal.ITIMER_REAL, 0)
        self._write(problem)

    def _try(self) -> None:
        from greenchat.testing.dry_chat import DryChat

        self._note("at its start")
        given, name = self._given()
        table = {key: value for key, value in self._ask.settings.items() if key != "on"}  # it is to be tried, on or off
        settings: dict[str, object] = {f"plugins.{name}": table} if table else {}
        settings |= {"server.default_room": self._ask.default_room, "limits.name_length": 0}
        messages = self._ask.messages
        self._chat = chat = DryChat(name, given, settings, self._directory / DATA, messages[0].time)
        self._keep(chat.begin())
        for message in messages:
            if time.monotonic() > self._until:
                chat.left_out["there was no time left for them"] = len(messages) - self._tried
                break
            self._note(f"at message {message.seq} of {message.room}")
            found = chat.replay(message)
            self._tried += 1
            failed, chat.failed = chat.failed, []
            if failed:
                found = [one for one in found if one.code != FAILED_CHECK]
            self._keep(found)
            self._keep([self._failed(message, error) for error in failed])
            if self._counts["failed"] >= FAILURES:
                raise RuntimeError(f"it failed {FAILURES} times, and was not tried any further")
        self._note("at its end")
        chat.close()

    def _failed(self, message: DryMessage, error: Exception) -> Outcome:
        where = message.room, message.seq, message.sender
        return Outcome("failed", *where, before=message.text, hook=_hook_of(error), why=self._told(error))

    def _given(self) -> tuple[object, str]:
        """What the chat is made with, and how the plugin is called there."""
        from greenchat.errors import GreenchatError
        from greenchat.testing import checking

        if not self._ask.path:
            return self._ask.name, self._ask.name
        every = checking.find(Path(self._ask.path))
        found = next((one for one in every if one.name == self._ask.name), every[0] if len(every) == 1 else None)
        if found is None:
            raise GreenchatError(f"there is no plugin {self._ask.name} in {self._ask.path}")
        plugin = found.load()
        name = checking.name_of(plugin)
        for kind in ("", ".tables"):  # an installed one is called by its entry point, and here by its module
            kept = store_path(self._directory / DATA, self._ask.name, kind)
            if kept.exists():
                kept.rename(store_path(self._directory / DATA, name, kind))
        return plugin, name

    def _keep(self, outcomes: list[Outcome]) -> None:
        for one in outcomes:
            self._counts[one.kind] += 1
            if len(self._outcomes) < MOST:
                self._outcomes.append(one.cleaned())

    def _note(self, where: str) -> None:
        """For who finds that this process has ended; and from now on, one step of it may take so long."""
        text = where.encode()
        os.pwrite(self._at, text, 0)
        os.ftruncate(self._at, len(text))
        signal.setitimer(signal.ITIMER_REAL, MESSAGE_SECONDS)

    def _held(self, number: int, frame: FrameType | None) -> None:
        """A step takes too long: whatever it is that catches exceptions, this is the end."""
        where = os.pread(os.open(self._directory / AT_FILE, os.O_RDONLY), 200, 0).decode()
        self._write(f"it held everybody up for {MESSAGE_SECONDS:g} seconds {where}{_place(_frames(frame), ' in ')}")
        os._exit(1)

    def _told(self, error: BaseException) -> str:
        """What has gone wrong, on a line, with its place in the plugin."""
        from greenchat.errors import GreenchatError
        from greenchat.hooks import finding

        text = finding.told(error)
        if not isinstance(error, GreenchatError) and type(error) is not RuntimeError:
            text = f"{type(error).__name__}: {text}".removesuffix(": ")
        trace = (error.__cause__ or error).__traceback__
        places = [(one.filename, one.lineno or 0) for one in traceback.extract_tb(trace)]
        return f"{text}{_place(places, ' in ')}"

    def _write(self, problem: str) -> None:
        chat = self._chat
        report = DryReport(
            plugin=self._ask.name,
            tried=self._tried,
            seconds=time.monotonic() - self._began,
            left_out=dict(chat.left_out) if chat is not None else {},
            counts=dict(self._counts),
            outcomes=self._outcomes,
            costs=[HookCost.of(hook, times) for hook, times in (chat.times if chat else {}).items() if times],
            problem=problem,
            attempts=dict(self._fence.attempts),
            notes=self._notes(),
            kernel=self._kernel,
        )
        (self._directory / REPORT_FILE).write_bytes(msgspec.json.encode(report))

    def _notes(self) -> list[str]:
        if self._chat is None:
            return []
        return [note for plugin in self._chat.server.plugins for note in plugin.notes]


# Where greenchat's own code is: what has gone wrong there has been begun elsewhere.
_HERE = f"{Path(__file__).resolve().parents[1]}{os.sep}"


def _place(places: list[tuple[str, int]], before: str) -> str:
    """The innermost place that is a plugin's; empty where there is none."""
    own = [one for one in places if not one[0].startswith((_HERE, sys.base_prefix, sys.prefix, "<"))]
    return f"{before}{Path(own[-1][0]).name}:{own[-1][1]}" if own else ""


def _frames(frame: FrameType | None) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    while frame is not None:
        found.insert(0, (frame.f_code.co_filename, frame.f_lineno))
        frame = frame.f_back
    return found


def _hook_of(error: BaseException) -> str:
    """Where a plugin has failed, as the log tells: see testing/failures.py."""
    notes: list[Any] = getattr(error, "__notes__", [])
    return str(notes[-1]).rpartition(" failed in ")[2] if notes else ""


def main(arguments: list[str]) -> None:
    directory, seconds, until = Path(arguments[0]), float(arguments[1]), float(arguments[2])
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # who writes too much is told by an error
    logging.getLogger("greenchat").addHandler(logging.NullHandler())
    logging.getLogger("greenchat").propagate = False  # what goes wrong is in the report
    Run(directory, seconds, until).run()
    os._exit(0)  # threads of the plugin may hang


if __name__ == "__main__":
    main(sys.argv[1:])
