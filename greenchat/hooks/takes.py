"""The hooks that take. Whatever one raises, the frame goes on to the next plugin and the core."""

from collections.abc import Callable, Sequence
from typing import Any

from greenchat.errors import Reject
from greenchat.hooks.calls import Call, Failed, FailedFor, Function
from greenchat.hooks.ending import Killed
from greenchat.hooks.interfaces import Session
from greenchat.hooks.ledger import Ledger
from greenchat.hooks.meters import SAMPLE, Beat, Lent, clock
from greenchat.protocol.requests import Say
from greenchat.protocol.runs import Says
from greenchat.protocol.vocabulary import Request

Take = Callable[[Session, Any], bool]

SAID = (Say, Says)  # what says something, of what comes in


def take(calls: Sequence[Call], failed_for: FailedFor, ledger: Ledger, turn: Beat, lent: Lent) -> Take | None:
    """Whether one of the plugins takes a frame, or a run. They are timed as checks are: see meters.py."""
    quickly = [(call.plugin, call.hook, call.function) for call in calls]
    last: float | None = None  # the turn in which a call was timed
    since = 0  # calls since one was
    most = SAMPLE - 1

    def ask(session: Session, frame: Any) -> bool:
        nonlocal last, since
        since += 1
        began = turn.began
        if began is not last or not since & most:
            count, since, last = since, 0, began
            return ask_timed(session, frame, count)
        for plugin, name, call in quickly:
            try:
                taken = call(session, frame)
                if taken is True or (
                    taken is not None and taken is not False and odd(plugin, name, taken, failed_for(session))
                ):
                    if type(frame) in SAID:
                        ledger.took(session, plugin, name, frame, 0.0)
                    return True
            except Reject as verdict:
                verdict.by = verdict.by or plugin
                if type(frame) in SAID:
                    ledger.turned_down(session, plugin, name, frame, verdict, 0.0)
                raise
            except Killed:
                raise
            except BaseException as error:
                failed_for(session)(plugin, name, error)
        return False

    def ask_timed(session: Session, frame: Any, count: int) -> bool:
        if lent.some:
            lent.take()  # by frames that nobody has timed
        began = clock()
        for plugin, name, call, _, meter in calls:
            try:
                taken = call(session, frame)
                if taken is True or (
                    taken is not None and taken is not False and odd(plugin, name, taken, failed_for(session))
                ):
                    spent = clock() - began - (lent.take() if lent.some else 0.0)
                    meter.add_some(spent, count)
                    if type(frame) in SAID:
                        ledger.took(session, plugin, name, frame, spent)
                    return True
            except Reject as verdict:
                verdict.by = verdict.by or plugin
                spent = clock() - began - (lent.take() if lent.some else 0.0)
                meter.add_some(spent, count)
                if type(frame) in SAID:
                    ledger.turned_down(session, plugin, name, frame, verdict, spent)
                raise
            except Killed:
                raise
            except BaseException as error:
                failed_for(session)(plugin, name, error)
            now = clock()
            meter.add_some(now - began - (lent.take() if lent.some else 0.0), count)
            began = now
        return False

    return ask if calls else None


def odd(plugin: str, name: str, taken: object, failed: Failed) -> bool:
    """Whether a take that has answered neither yes nor no has taken it: as it would count in an `if`, since what a
    plugin has taken is not to be said by the core. A failure it is either way."""
    failed(plugin, name, TypeError(f"{name} returned {type(taken).__name__}; return True, False or None"))
    return bool(taken)


def says_of_one(hook: str, call: Function) -> Function:
    """A function that takes runs as one that takes frames."""

    def take_one(session: Session, frame: Request) -> object:
        if type(frame) is not Say or frame.conversation or frame.to:
            return False
        return call(session, Says((frame.text,), frame.room, () if frame.ref is None else (frame.ref,)))

    return take_one
