"""Calling the hooks by which plugins hand in what was said: the next is asked where one fails, or knows nothing."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from greenchat.chat.log import Past
from greenchat.chat.room import Room
from greenchat.errors import Reject
from greenchat.hooks.calls import Calls, Failed
from greenchat.hooks.ending import Killed
from greenchat.protocol.events import require_sound

T = TypeVar("T")


def provide_past(calls: Calls, failed: Failed) -> Callable[[Room, int], Past | None] | None:
    """For `greenchat_find_message`."""

    def required(name: str, found: object) -> Past:
        if not isinstance(found, Past):
            raise TypeError(f"{name} returned {type(found).__name__}; return a Past, or None")
        return found

    return _provide(calls, failed, required)


def provide_pasts(calls: Calls, failed: Failed) -> Callable[[Room, int], Sequence[Past] | None] | None:
    """For `greenchat_recall`."""

    def required(name: str, found: object) -> Sequence[Past]:
        if not isinstance(found, list | tuple) or not all(isinstance(past, Past) for past in found):
            raise TypeError(f"{name} returned {type(found).__name__}; return a list of Past, or None")
        for past in found:
            require_sound(past.message)
        return found

    return _provide(calls, failed, required)


def _provide(
    calls: Calls, failed: Failed, required: Callable[[str, object], T]
) -> Callable[[Room, int], T | None] | None:
    def ask(room: Room, number: int) -> T | None:
        for plugin, name, call, _, _ in calls:
            try:
                found: Any = call(room, number)
                if found is not None:
                    return required(name, found)
            except (Reject, Killed):
                raise
            except BaseException as error:
                failed(plugin, name, error)
        return None

    return ask if calls else None
