"""Functions that check one message, as such that check what was said in a row.

A plugin that looks at single messages takes runs apart for all (see `Dispatcher`). So a function that needs nothing but
the message is called here for each, within the run; and of all of them that look at the same run, only the first has
its messages made.
"""

from collections.abc import Callable, Sequence
from typing import Any

from greenchat.chat.outlet import Outlet
from greenchat.errors import Reject
from greenchat.hooks.ending import Killed
from greenchat.protocol.events import Message
from greenchat.protocol.runs import Messages

Verdict = str | Reject | BaseException  # what becomes of a message: its text, or why it is not said
CheckRun = Callable[[Outlet, Messages], Sequence[Verdict] | None]

# An attribute of a function that checks runs: the one that it is of, for where there is one message.
OF_ONE = "of_one"


def of_messages(check: Callable[[Message], Any]) -> CheckRun:
    """`check`, which is given the message alone."""

    def check_run(session: Outlet, messages: Messages) -> Sequence[Verdict] | None:
        return _checked(check, messages.made(), messages.texts)

    def check_one(session: Outlet, message: Message) -> Any:
        return check(message)

    setattr(check_run, OF_ONE, check_one)
    return check_run


def of_texts(check: Callable[[str], Any]) -> CheckRun:
    """`check`, which is given the text alone."""

    def check_run(session: Outlet, messages: Messages) -> Sequence[Verdict] | None:
        return _checked(check, messages.texts, messages.texts)

    def check_one(session: Outlet, message: Message) -> Any:
        return check(message.text)

    setattr(check_run, OF_ONE, check_one)
    return check_run


def _checked(check: Callable[[Any], Any], given: Sequence[Any], texts: Sequence[str]) -> Sequence[Verdict] | None:
    """What `check` makes of each; None where that is nothing. What it raises is told for the one alone: the others of
    the run are none the worse for it."""
    verdicts: list[Verdict] | None = None
    for place, thing in enumerate(given):
        try:
            new = check(thing)
        except Killed:
            raise
        except BaseException as error:
            new = error
        if new is not None:
            if verdicts is None:
                verdicts = list(texts)
            if isinstance(new, str | BaseException):
                verdicts[place] = new
            else:
                verdicts[place] = TypeError(f"it returned {type(new).__name__}; return a str, None, or raise Reject")
    return verdicts
