"""`greenchat serve --trace-plugins`: each call of a hook in the log, for who writes a plugin, or wonders what one does.

It tells of what kind things are, whose, how many and how long; never what was said, typed or told.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from greenchat.chat.room import Member, Room
from greenchat.errors import Reject
from greenchat.hooks.interfaces import Session
from greenchat.hooks.meters import clock
from greenchat.protocol.events import Event
from greenchat.protocol.runs import Messages, Says

log = logging.getLogger("greenchat.trace")

Function = Callable[..., Any]


def traced(plugin: str, hook: str, function: Function) -> Function:
    """`function`, whose calls are told: what it was given, what it made of that, and how long it took."""

    def call(*given: Any) -> Any:
        began = clock()
        try:
            result = function(*given)
        except BaseException as error:
            _tell(plugin, hook, given, clock() - began, _raised(error))
            raise
        _tell(plugin, hook, given, clock() - began, _outcome(given, result))
        return result

    return call


def _tell(plugin: str, hook: str, given: Sequence[Any], seconds: float, outcome: str) -> None:
    what = ", ".join(map(shape, given))
    log.info("plugin %s: %s(%s) -> %s, %.3f ms", plugin, hook, what, outcome, seconds * 1000, extra={"plugin": plugin})


def shape(thing: Any) -> str:
    """What `thing` is, without any words in it: a text may be a secret, and a name a pass phrase in the wrong place."""
    if thing is None or isinstance(thing, bool | int | float):
        return str(thing)
    if isinstance(thing, str | bytes):
        return type(thing).__name__  # a key may be guessed sooner by its length
    if isinstance(thing, Session):
        return f"#{thing.id}"
    if isinstance(thing, Room):
        return f"Room {thing.name}"
    if isinstance(thing, Member):
        return "Member"
    if isinstance(thing, Messages | Says):
        count = len(thing)
        return f"{type(thing).__name__} of {count} in {thing.room or 'no room'}"
    if isinstance(thing, Struct):
        return _shape_of_struct(thing)
    if isinstance(thing, list | tuple | set | dict):
        return f"{type(thing).__name__} of {len(thing)}"
    return type(thing).__name__


def _shape_of_struct(thing: Struct) -> str:
    """An event, a request, an answer: where it is, and how long its text."""
    facts = []
    room = getattr(thing, "room", "")
    if isinstance(thing, Event) and isinstance(room, str) and room:
        facts.append(f"in {room}")
    seq, text = getattr(thing, "seq", 0), getattr(thing, "text", None)
    if isinstance(seq, int) and seq:
        facts.append(f"seq {seq}")
    if isinstance(text, str):
        facts.append(f"text of {len(text)}")
    return " ".join([type(thing).__name__, *facts])


def _outcome(given: Sequence[Any], result: Any) -> str:
    if isinstance(result, str):
        texts = [getattr(thing, "text", None) for thing in given]
        return "the same text" if result in texts else f"another text, of {len(result)}"
    return shape(result)


def _raised(error: BaseException) -> str:
    return f"Reject {error.code}" if isinstance(error, Reject) else f"raised {type(error).__name__}"
