"""The process in which something is tried, before anything else in it: its descriptors, its signals, its answer.

A server that is to try what is on disk starts its own command once more, with `TRIAL` in the environment. What plugins
print there goes to standard error; what was found goes to where standard output was, in lines that nobody else can
write, as each begins with a word that only the two processes know.
"""

import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import NoReturn

# In the environment of such a process: the word, and for how many seconds it may live.
TRIAL = "_GREENCHAT_TRIAL"

# ... and what a greenchat that does not know the former takes for a setting that it has not: it ends by that. A server
# must not come up beside the one that asks.
NO_SERVER = "GREENCHAT_SERVER_TRIAL"

# ... and what all processes have that it starts: by that they are found, wherever they have gone.
MARK = "_GREENCHAT_TRIAL_MARK"

# What its lines begin with, before the word.
LINE = "greenchat-trial"

# What the directory is called that it has for its temporary files, by TMPDIR.
SCRATCH = "greenchat-trial-"

# Where its answer goes: above what programs take for granted.
OUT_OF_THE_WAY = 64

# It gives way to the chat, which goes on beside it: about a third of the processor where both want all of it.
NICE = 5

# What the system ends first where memory runs out: this process, and not the server.
FIRST_TO_GO = "1000"


class Apart:
    """This process, once it is set apart. `asked` is what it was asked."""

    def __init__(self, word: str, seconds: int) -> None:
        self._word = word
        self._process = os.getpid()
        self._scratch = Path(os.environ.get("TMPDIR", ""))
        sys.dont_write_bytecode = True
        _reset_signals()
        signal.alarm(seconds)  # it does not outlive a server that was killed
        with contextlib.suppress(OSError):
            os.nice(NICE)
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
            file.write(FIRST_TO_GO)
        self._answer = _out_of_the_way(1)
        os.register_at_fork(after_in_child=self._forked)
        self._send('{"step": "starting"}')
        self.asked = _read_all(0)
        with open(os.devnull) as nothing:
            os.dup2(nothing.fileno(), 0)
        os.dup2(2, 1)

    def tell(self, line: str) -> None:
        """Let the other process know, in JSON, on one line."""
        if os.getpid() != self._process:
            os._exit(1)  # a plugin has forked here, and this is the copy
        self._send(line)

    def end(self) -> NoReturn:
        """Whatever plugins have begun here does not go on, and is not asked."""
        with contextlib.suppress(BaseException):
            sys.stderr.flush()
        os._exit(0)

    def _send(self, line: str) -> None:
        data = f"{LINE} {self._word} {line}\n".encode()
        try:
            while data:
                data = data[os.write(self._answer, data) :]
        except OSError:  # nobody is there any more, who would clean up
            if self._scratch.name.startswith(SCRATCH):
                shutil.rmtree(self._scratch, ignore_errors=True)
            os._exit(1)

    def _forked(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self._answer)


def enter(environ: MutableMapping[str, str]) -> Apart | None:
    """Set this process apart, if it is there to try something; None if it is not."""
    word, _, seconds = environ.pop(TRIAL, "").partition(" ")
    environ.pop(NO_SERVER, None)
    return Apart(word, int(seconds)) if word and seconds.isdecimal() else None


def _reset_signals() -> None:
    """As a process has them that nobody has told otherwise; but for what Python ignores in any case."""
    for number in signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ}:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _out_of_the_way(descriptor: int) -> int:
    import fcntl

    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, OUT_OF_THE_WAY)


def _read_all(descriptor: int) -> bytes:
    parts = []
    while part := os.read(descriptor, 1 << 16):
        parts.append(part)
    return b"".join(parts)


def marked(mark: str) -> Iterator[int]:
    """The processes that have `mark` in their environment: wherever they are, they were started by who had it."""
    wanted = f"{MARK}={mark}".encode()
    for path in Path("/proc").glob("[0-9]*/environ"):  # nothing, on a system without
        with contextlib.suppress(OSError):
            if wanted in path.read_bytes():
                yield int(path.parent.name)
