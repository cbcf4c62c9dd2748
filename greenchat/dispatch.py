"""Calling hooks so that a plugin cannot take the chat down.

pluggy stops at the first exception, and passes arguments by name, which costs more than most hooks do. Here each
implementation is called directly, in pluggy's order, with the arguments it declares, and what it raises is dealt with
by the kind of its hook:

take     logged; the frame goes on to the next plugin and the core
check    refused: moderation fails closed, and the sender is told
observe  logged; the other plugins still see it

A `Reject` is a verdict, not a failure: it goes to the sender. `GreenletExit` and the event loop's timeouts are no
`Exception`: they pass through, as they must.
"""

import logging
import sys
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import msgspec
import pluggy

from greenchat.errors import PluginError, Reject
from greenchat.events import Acted, Event, Message
from greenchat.frames import Request
from greenchat.room import Outlet, Room

if TYPE_CHECKING:
    from greenchat.session import Session

log = logging.getLogger("greenchat.plugins")

# A plugin that fails this often within so many seconds is broken, not unlucky: it is switched off.
FAILURES = 20
FAILURE_SECONDS = 60.0

Function = Callable[..., Any]
Release = Callable[[Reject | None], None]
Calls = list[tuple[str, Function]]  # (plugin, function), in the order of calling


class Dispatcher:
    """The hooks of one server. Each attribute is a function, or None where no plugin implements the hook: such a hook
    costs nothing. `switched_off(plugin, why)` is called when a plugin has failed too often; its checks stay, since a
    message that makes a check fail must not be the way to get rid of it."""

    frame: "Callable[[Session, Request], bool] | None"
    request: "Callable[[Session, Request], bool] | None"
    hold: Callable[[Room, int, Release], bool] | None
    claim: Callable[[bytes], Function | None] | None
    check_join: Callable[[Outlet, str, str], str] | None
    check_enter: Callable[[Outlet, str, str, str], None] | None
    check_message: Callable[[Outlet, Message], str] | None
    messages: Callable[[Sequence[Message]], None] | None
    room_opened: Callable[[Room], None] | None
    entered: "Callable[[Session, Room], None] | None"
    account: "Callable[[Session], None] | None"
    acted: Callable[[Acted], None] | None
    event: Callable[[Sequence[Event]], None] | None
    connected: Function | None
    disconnected: Function | None

    def __init__(self, manager: pluggy.PluginManager, switched_off: Callable[[str, str], None]) -> None:
        self._manager = manager
        self._switched_off = switched_off
        self._failures: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=FAILURES))
        self._off: set[str] = set()
        self._resting: set[tuple[int, str]] = set()  # (id of a plugin, which the manager keeps alive; hook)
        self.bind()

    def failed(self, plugin: str, where: str) -> None:
        """Log the exception being handled under the plugin's name, and switch off a plugin that keeps failing."""
        log.error("plugin %s failed in %s", plugin, where, exc_info=sys.exception())
        now = time.monotonic()
        failures = self._failures[plugin]
        failures.append(now)
        if len(failures) == FAILURES and now - failures[0] <= FAILURE_SECONDS and plugin not in self._off:
            self._off.add(plugin)
            self.bind()
            why = f"it failed {FAILURES} times within {FAILURE_SECONDS:.0f} seconds, last in {where}"
            log.error("plugin %s is switched off until the next start: %s", plugin, why)
            self._switched_off(plugin, why)

    def rest(self, plugin: object, hook: str, *, resting: bool) -> None:
        """Leave `plugin` out when `hook` is called, or call it again: one that rests costs nothing."""
        before = len(self._resting)
        (self._resting.add if resting else self._resting.discard)((id(plugin), hook))
        if len(self._resting) != before:
            self.bind()

    def bind(self) -> None:
        """Look up who implements what, anew."""
        self.frame = self._take_frame("greenchat_frame")
        self.request = self._take_frame("greenchat_request")
        self.hold = self._hold("greenchat_hold")
        self.claim = self._take_connection("greenchat_claim")
        self.check_join = self._check_join("greenchat_check_join")
        self.check_message = self._check_message("greenchat_check_message")
        self.check_enter = self._check_enter("greenchat_check_enter")
        self.messages = self._observe("greenchat_messages")
        self.room_opened = self._observe("greenchat_room_opened")
        self.entered = self._observe("greenchat_entered")
        self.account = self._observe("greenchat_account")
        self.acted = self._observe("greenchat_acted")
        self.event = self._observe_events("greenchat_event")
        self.connected = self._observe("greenchat_connected")
        self.disconnected = self._observe("greenchat_disconnected")

    def _calls(self, name: str, *, check: bool = False) -> Calls:
        hook = getattr(self._manager.hook, name)
        items = [
            item
            for item in reversed(hook.get_hookimpls())
            if (check or item.plugin_name not in self._off) and (id(item.plugin), name) not in self._resting
        ]
        return [(item.plugin_name, direct(item, hook.spec.argnames)) for item in items]

    def _take_frame(self, name: str) -> "Callable[[Session, Request], bool] | None":
        calls = self._calls(name)

        def take(session: "Session", frame: Request) -> bool:
            for plugin, call in calls:
                try:
                    if call(session, frame):
                        return True
                except Reject:
                    raise
                except Exception:
                    self.failed(plugin, name)
            return False

        def take_alone(session: "Session", frame: Request) -> bool:
            try:
                return call(session, frame)  # type: ignore[no-any-return]
            except Reject:
                raise
            except Exception:
                self.failed(plugin, name)
                return False

        if len(calls) == 1:  # as with the bundled plugins alone: every frame comes this way, so the loop is saved
            plugin, call = calls[0]
            return take_alone
        return take if calls else None

    def _hold(self, name: str) -> Callable[[Room, int, Release], bool] | None:
        calls = self._calls(name)

        def hold(room: Room, seq: int, release: Release) -> bool:
            for plugin, call in calls:
                try:
                    if call(room, seq, release):
                        return True
                except Exception:
                    # What was to be made sure of is not sure: an acknowledgement would be a lie.
                    self.failed(plugin, name)
                    release(Reject("This was said, but a plugin that keeps it has failed.", code="not_stored"))
                    return True
            return False

        return hold if calls else None

    def _take_connection(self, name: str) -> Callable[[bytes], Function | None] | None:
        calls = self._calls(name)

        def take(first_bytes: bytes) -> Function | None:
            for plugin, call in calls:
                try:
                    serve: Function | None = call(first_bytes)
                except Exception:
                    self.failed(plugin, name)
                else:
                    if serve is not None:
                        return partial(self._isolated, plugin, name, serve)
            return None

        return take if calls else None

    def _isolated(self, plugin: str, name: str, function: Function, *arguments: object) -> None:
        try:
            function(*arguments)
        except Exception:
            self.failed(plugin, name)

    def _check_join(self, name: str) -> Callable[[Outlet, str, str], str] | None:
        calls = self._calls(name, check=True)

        def check(session: Outlet, username: str, room: str) -> str:
            for plugin, call in calls:
                username = self._verdict(plugin, name, username, lambda: call(session, username, room))  # noqa: B023
            return username

        return check if calls else None

    def _check_enter(self, name: str) -> Callable[[Outlet, str, str, str], None] | None:
        calls = self._calls(name, check=True)

        def check(session: Outlet, username: str, room: str, key: str) -> None:
            for plugin, call in calls:
                self._verdict(plugin, name, "", lambda: call(session, username, room, key))  # noqa: B023

        return check if calls else None

    def _check_message(self, name: str) -> Callable[[Outlet, Message], str] | None:
        calls = self._calls(name, check=True)

        def check(session: Outlet, message: Message) -> str:
            for plugin, call in calls:
                text = self._verdict(plugin, name, message.text, lambda: call(session, message))  # noqa: B023
                if text is not message.text:
                    message = msgspec.structs.replace(message, text=text)
            return message.text

        return check if calls else None

    def _verdict(self, plugin: str, name: str, old: str, ask: Callable[[], object]) -> str:
        """What a check makes of `old`: another text, or `old` itself. Whatever goes wrong is a refusal."""
        try:
            new = ask()
            if new is None:
                return old
            if isinstance(new, str):
                return new
            raise TypeError(f"{name} returned {type(new).__name__}; return a str, None, or raise Reject")
        except Reject:
            raise
        except Exception:
            self.failed(plugin, name)
        raise Reject(
            "A plugin that checks what comes in has failed, so this was not let through. Tell whoever runs the server.",
            code="check_failed",
        )

    def _observe_events(self, name: str) -> Callable[[Sequence[Event]], None] | None:
        calls = self._calls(name)

        def observe(events: Sequence[Event]) -> None:
            for plugin, call in calls:
                for event in events:
                    try:
                        call(event)
                    except Exception:
                        self.failed(plugin, name)

        return observe if calls else None

    def _observe(self, name: str) -> Function | None:
        calls = self._calls(name)

        def observe(*arguments: object) -> None:
            for plugin, call in calls:
                self._isolated(plugin, name, call, *arguments)

        return observe if calls else None


def direct(item: pluggy.HookImpl, arguments: Sequence[str]) -> Function:
    """An implementation as a function of all the hook's `arguments`, in order, though it declares only some."""
    function: Function = item.function
    positions = [arguments.index(name) for name in item.argnames]
    if positions == list(range(len(arguments))):
        return function
    if not positions:
        return lambda *given: function()
    if len(positions) == 1:
        only = positions[0]
        return lambda *given: function(given[only])
    pick = itemgetter(*positions)
    return lambda *given: function(*pick(given))


def refuse_wrappers(manager: pluggy.PluginManager, plugin: object) -> None:
    """Raise `PluginError` where `plugin` wraps a hook: direct calls know no wrappers, and silence would be worse."""
    for caller in manager.get_hookcallers(plugin) or ():
        for item in caller.get_hookimpls():
            if item.plugin is plugin and (item.wrapper or item.hookwrapper):
                raise PluginError(f"it wraps {caller.name}; hooks of greenchat cannot be wrapped")
