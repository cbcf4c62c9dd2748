"""The hooks that observe. Whatever one raises, the others are told all the same: a message that history never saw would
be acknowledged, and lost."""

from collections.abc import Callable, Sequence
from types import UnionType
from typing import Union, get_args, get_origin, get_type_hints

from greenchat.hooks.calls import Calls, Failed, Function
from greenchat.hooks.ending import Killed
from greenchat.hooks.meters import clock
from greenchat.protocol.events import Event, Message
from greenchat.protocol.runs import Messages


def observe(calls: Calls, failed: Failed) -> Function | None:
    def tell(*arguments: object) -> None:
        began = clock()
        for plugin, name, call, _, meter in calls:
            try:
                call(*arguments)
            except BaseException as error:
                if not isinstance(error, Killed):  # the session sees that itself, as soon as all have been told
                    failed(plugin, name, error)
            now = clock()
            meter.add(now - began)
            began = now

    return tell if calls else None


def observe_events(calls: Calls, failed: Failed) -> Callable[[Sequence[Event]], None] | None:
    """Each is called for the kinds of events that it names."""
    wanted = [(call, kinds_of(call.original)) for call in calls]
    by_kind: dict[type, Calls] = {}

    def tell(events: Sequence[Event]) -> None:
        kind = Message if type(events) is Messages else type(events[0])
        chosen = by_kind.get(kind)
        if chosen is None:
            chosen = by_kind[kind] = [call for call, kinds in wanted if issubclass(kind, kinds)]
        began = clock()
        for plugin, name, call, _, meter in chosen:
            for event in events:
                try:
                    call(event)
                except BaseException as error:
                    if not isinstance(error, Killed):
                        failed(plugin, name, error)
            now = clock()
            meter.add_some((now - began) / len(events), len(events))
            began = now

    return tell if calls else None


def kinds_of(function: Function) -> tuple[type, ...]:
    """The kinds of events that an observer names in the annotation of its `event`, such as `event: Joined | Left`; all
    of them where it has none, or one that cannot be understood."""
    try:
        hint = get_type_hints(function).get("event", Event)
    except Exception:  # it names what only type checkers know, or what is not there
        return (Event,)
    hint = getattr(hint, "__value__", hint)  # a type alias
    kinds = get_args(hint) if isinstance(hint, UnionType) or get_origin(hint) is Union else (hint,)
    return kinds if all(isinstance(kind, type) for kind in kinds) else (Event,)
