"""Standard output and error, and signals, for what runs in a shell without a screen."""

import math
import os
import select
import signal
from collections.abc import Iterable
from io import TextIOWrapper
from typing import TextIO

from greenchat.connect.common import Kind, Line
from greenchat.connect.options import Exit
from greenchat.errors import GreenchatError
from greenchat.refusals import explain


class Stopped(BaseException):
    """A signal has stopped the process."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def end(self) -> Exit:
        """The exit code; or the end of the process, as who started it expects of one that was stopped."""
        if self.number != signal.SIGINT:
            signal.signal(self.number, signal.SIG_DFL)
            os.kill(os.getpid(), self.number)
        return Exit.INTERRUPTED


class Stops:
    """Signals that stop the process raise `Stopped`: at once, or behind what is done `with` this. Else it would not be
    known how much of a line is sent, and one could not even say goodbye."""

    def __init__(self) -> None:
        self._waits = False
        self._number = 0
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
                signal.signal(number, self._come)

    def __enter__(self) -> None:
        self._waits = True

    def __exit__(self, *_: object) -> None:
        self._waits = False
        if self._number:
            raise Stopped(self._number)

    def _come(self, number: int, _frame: object) -> None:
        self._number = number
        if not self._waits:
            raise Stopped(number)


class Outlet:
    """Standard output and error; None for one that the shell has closed (`>&-`): then nothing is written there.

    `closed`: who read the output does so no more, as in `greenchat connect | head -1`. Whatever shows something raises
    `GreenchatError` where the output cannot be written, as on a full disk.
    """

    def __init__(self, output: TextIO | None, errors: TextIO | None) -> None:
        for stream in (output, errors):
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors="replace")  # what this locale cannot write is no reason to stop
        self._output = output
        self._errors = errors
        self.closed = False

    def show(self, lines: Iterable[Line]) -> None:
        for line in lines:
            stream = self._output if line.kind is Kind.MESSAGE else self._errors
            if line.kind not in (Kind.REPLAYED, Kind.ELSEWHERE):
                self._print(str(line), stream)

    def wait(self, descriptor: int, *, writing: bool = False) -> None:
        """Until there is something to read, or to write, or nobody reads the output any more."""
        poll = select.poll()
        poll.register(descriptor, select.POLLIN | (select.POLLOUT if writing else 0))
        self._poll(poll)

    def rest(self, seconds: float) -> None:
        """For so long, or until nobody reads the output any more."""
        self._poll(select.poll(), math.ceil(seconds * 1000))

    def _poll(self, poll: "select.poll", milliseconds: int | None = None) -> None:
        output = self._output.fileno() if self._output is not None else -1
        if output >= 0:
            poll.register(output, 0)  # what is told unasked: that its other end has gone
        if any(ready == output for ready, _ in poll.poll(milliseconds)):
            self.closed = True

    def put(self, text: str) -> None:
        """A line for the output."""
        self._print(text, self._output)

    def _print(self, text: str, stream: TextIO | None) -> None:
        if stream is None:
            return
        try:
            print(text, file=stream, flush=True)
        except OSError as error:
            # What is still in the stream goes nowhere: else Python would try once more at its end, and complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            self.closed = self.closed or stream is self._output
            if stream is self._output and not isinstance(error, BrokenPipeError):
                raise GreenchatError(f"Standard output: {explain(error)}") from None
