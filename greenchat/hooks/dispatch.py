"""Calling hooks so that a plugin cannot take the chat down.

pluggy stops at the first exception, and passes arguments by name, which costs more than most hooks do. Here each
implementation is called directly, in pluggy's order, with the arguments it declares, and what it raises, of whatever
kind, is dealt with by the kind of its hook:

take     logged; the frame goes on to the next plugin and the core
check    refused: moderation fails closed, and the sender is told
observe  logged; the other plugins still see it

A `Reject` is a verdict, not a failure: it goes to the sender. `Killed` is how the server ends a session while a hook of
it waits: it passes through. What a hook returns is looked at here, so that nothing odd gets further.
"""

import logging
import sys
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from functools import partial
from operator import itemgetter
from typing import Any

import msgspec
import pluggy

from greenchat import values
from greenchat.chat.member import Outlet
from greenchat.chat.room import Room
from greenchat.errors import PluginError, Reject
from greenchat.hooks.ending import Killed
from greenchat.hooks.holds import Held, Holds, Release
from greenchat.hooks.interfaces import Session
from greenchat.protocol.events import Event, Message, ModerationAction
from greenchat.protocol.vocabulary import Request

log = logging.getLogger("greenchat.plugins")

# A plugin that fails this often within so many seconds is broken, not unlucky: it is switched off.
FAILURES = 20
FAILURE_SECONDS = 60.0

Function = Callable[..., Any]
Calls = list[tuple[str, Function]]  # (plugin, function), in the order of calling
Later = Callable[[float, Callable[[], None]], object]  # calls a function after so many seconds


class Dispatcher:
    """The hooks of one server. Each attribute is a function, or None where no plugin implements the hook: such a hook
    costs nothing. `switched_off(plugin, why)` is called when a plugin has failed too often; its checks stay, since a
    message that makes a check fail must not be the way to get rid of it. One that `stays_on`, by an attribute of this
    name, is never switched off."""

    frame: Callable[[Session, Request], bool] | None
    request: Callable[[Session, Request], bool] | None
    delay_ack: Callable[[Room, int, Release], bool] | None
    claim: Callable[[bytes], Function | None] | None
    check_join: Callable[[Outlet, str, str], str] | None
    check_enter: Callable[[Outlet, str, str, str], None] | None
    check_message: Callable[[Outlet, Message], str] | None
    forget_room: Callable[[str], None] | None
    messages: Callable[[Sequence[Message]], None] | None
    room_opened: Callable[[Room], None] | None
    entered: Callable[[Session, Room], None] | None
    account: Callable[[Session], None] | None
    acted: Callable[[ModerationAction], None] | None
    event: Callable[[Sequence[Event]], None] | None
    connected: Function | None
    disconnected: Function | None

    def __init__(self, manager: pluggy.PluginManager, switched_off: Callable[[str, str], None], later: Later) -> None:
        self._manager = manager
        self._switched_off = switched_off
        self._failures: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=FAILURES))
        self._off: set[str] = set()
        self._disabled: set[tuple[int, str]] = set()  # (id of a plugin, which the manager keeps alive; hook)
        self._holds = Holds(later)
        self.bind()

    def failed(self, plugin: str, where: str, error: BaseException | None = None) -> None:
        """Log `error`, or the exception being handled, under the plugin's name, and switch off a plugin that keeps
        failing."""
        log.error("plugin %s failed in %s", plugin, where, exc_info=error or sys.exception(), extra={"plugin": plugin})
        now = time.monotonic()
        failures = self._failures[plugin]
        failures.append(now)
        if len(failures) == FAILURES and now - failures[0] <= FAILURE_SECONDS and plugin not in self._off:
            if getattr(self._manager.get_plugin(plugin), "stays_on", False) is True:
                return
            self._off.add(plugin)
            self.bind()
            why = f"it failed {FAILURES} times within {FAILURE_SECONDS:.0f} seconds, last in {where}"
            log.error("plugin %s is switched off until the next start: %s", plugin, why, extra={"plugin": plugin})
            self._switched_off(plugin, why)

    def serving(self, plugin: str, where: str, serve: Function) -> Function:
        """`serve`, by which `plugin` serves a connection, as it fails for itself."""
        return partial(self._serving, plugin, where, serve)

    def set_enabled(self, plugin: object, hook: str, enabled: bool) -> None:
        """Call `plugin` for `hook`, or leave it out: one that is left out costs nothing."""
        before = len(self._disabled)
        (self._disabled.discard if enabled else self._disabled.add)((id(plugin), hook))
        if len(self._disabled) != before:
            self.bind()

    def bind(self) -> None:
        """Look up who implements what, anew."""
        self.frame = self._take_frame("greenchat_frame")
        self.request = self._take_frame("greenchat_request")
        self.delay_ack = self._delay_ack("greenchat_delay_ack")
        self.claim = self._take_connection("greenchat_claim")
        self.check_join = self._check_join("greenchat_check_join")
        self.check_message = self._check_message("greenchat_check_message")
        self.check_enter = self._check_enter("greenchat_check_enter")
        self.forget_room = self._check_forget_room("greenchat_forget_room")
        self.messages = self._observe_messages("greenchat_messages")
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
            if (check or item.plugin_name not in self._off) and (id(item.plugin), name) not in self._disabled
        ]
        return [(item.plugin_name, direct(item, hook.spec.argnames)) for item in items]

    def _take_frame(self, name: str) -> Callable[[Session, Request], bool] | None:
        calls = self._calls(name)

        def take(session: Session, frame: Request) -> bool:
            for plugin, call in calls:
                try:
                    taken = call(session, frame)
                    if taken is True or (taken is not None and taken is not False and self._odd(plugin, name, taken)):
                        return True
                except Reject as verdict:
                    verdict.by = verdict.by or plugin
                    raise
                except Killed:
                    raise
                except BaseException:
                    self.failed(plugin, name)
            return False

        def take_alone(session: Session, frame: Request) -> bool:
            try:
                taken = call(session, frame)
                if taken is False or taken is None:
                    return False
                return taken is True or self._odd(plugin, name, taken)
            except Reject as verdict:
                verdict.by = verdict.by or plugin
                raise
            except Killed:
                raise
            except BaseException:
                self.failed(plugin, name)
                return False

        if len(calls) == 1:  # as with the bundled plugins alone: every frame comes this way, so the loop is saved
            plugin, call = calls[0]
            return take_alone
        return take if calls else None

    def _odd(self, plugin: str, name: str, taken: object) -> bool:
        """Whether a take that has answered neither yes nor no has taken it: as it would count in an `if`, since what a
        plugin has taken is not to be said by the core. A failure it is either way."""
        self.failed(plugin, name, TypeError(f"{name} returned {type(taken).__name__}; return True, False or None"))
        return bool(taken)

    def _delay_ack(self, name: str) -> Callable[[Room, int, Release], bool] | None:
        calls, holds = self._calls(name), self._holds

        def hold(room: Room, seq: int, release: Release) -> bool:
            for plugin, call in calls:
                held = Held(holds, plugin, release)
                try:
                    taken = call(room, seq, held)
                    if taken is True or (taken is not None and taken is not False and self._odd(plugin, name, taken)):
                        if held.release is not None:
                            holds.keep(held)
                        return True
                except BaseException as error:
                    # What was to be made sure of is not sure: an acknowledgement would be a lie.
                    held(Reject("This was said, but a plugin that keeps it has failed.", code="not_stored"))
                    if isinstance(error, Killed):
                        raise
                    self.failed(plugin, name)
                    return True
            return False

        return hold if calls else None

    def _take_connection(self, name: str) -> Callable[[bytes], Function | None] | None:
        calls = self._calls(name)

        def take(first_bytes: bytes) -> Function | None:
            for plugin, call in calls:
                try:
                    serve: Function | None = call(first_bytes)
                    if serve is None:
                        continue
                    if not callable(serve):
                        raise TypeError(f"{name} returned {type(serve).__name__}; return a function, or None")
                    return self.serving(plugin, name, serve)
                except Killed:
                    raise
                except BaseException:
                    self.failed(plugin, name)
            return None

        return take if calls else None

    def _serving(self, plugin: str, name: str, serve: Function, *arguments: object) -> None:
        try:
            serve(*arguments)
        except Killed:
            raise
        except (ConnectionError, TimeoutError):
            # The client is gone, or silent: no stranger shall be able to have a plugin switched off for that.
            log.debug("plugin %s: a connection was lost", plugin, extra={"plugin": plugin})
        except BaseException:
            self.failed(plugin, name)

    def _check_join(self, name: str) -> Callable[[Outlet, str, str], str] | None:
        calls = self._calls(name, check=True)

        def check(session: Outlet, username: str, room: str) -> str:
            for plugin, call in calls:
                try:
                    new = call(session, username, room)
                    if new is not None:
                        username = _text(name, new)
                except BaseException as error:
                    raise self._verdict(plugin, name, error) from None
            return username

        return check if calls else None

    def _check_enter(self, name: str) -> Callable[[Outlet, str, str, str], None] | None:
        calls = self._calls(name, check=True)

        def check(session: Outlet, username: str, room: str, key: str) -> None:
            for plugin, call in calls:
                try:
                    if call(session, username, room, key) is not None:
                        raise TypeError(f"{name} returned something; return nothing, or raise Reject")
                except BaseException as error:
                    raise self._verdict(plugin, name, error) from None

        return check if calls else None

    def _check_forget_room(self, name: str) -> Callable[[str], None] | None:
        calls = self._calls(name, check=True)

        def check(room: str) -> None:
            for plugin, call in calls:
                try:
                    call(room)
                except BaseException as error:
                    raise self._verdict(plugin, name, error) from None

        return check if calls else None

    def _check_message(self, name: str) -> Callable[[Outlet, Message], str] | None:
        calls = self._calls(name, check=True)

        def check(session: Outlet, message: Message) -> str:
            text = message.text
            for plugin, call in calls:
                try:
                    new = call(session, message)
                    if new is None or new is text:
                        continue
                    if type(new) is not str or not new.isascii():
                        new = _text(name, new)
                except BaseException as error:
                    raise self._verdict(plugin, name, error) from None
                if new != text:
                    fields = {"plugin": plugin, "user": message.sender, "room": message.room}
                    log.debug("plugin %s has rewritten what %s says", plugin, message.sender, extra=fields)
                    text, message = new, msgspec.structs.replace(message, text=new)
            return text

        return check if calls else None

    def _verdict(self, plugin: str, name: str, error: BaseException) -> BaseException:
        """What is to be raised where a check has raised `error`. Whatever goes wrong is a refusal."""
        if isinstance(error, Reject):
            error.by = error.by or plugin
            return error
        if isinstance(error, Killed):
            return error
        self.failed(plugin, name, error)
        return Reject(
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
                    except BaseException as error:
                        self._observer_failed(plugin, name, error)

        return observe if calls else None

    def _observe_messages(self, name: str) -> Callable[[Sequence[Message]], None] | None:
        calls = self._calls(name)

        def observe(messages: Sequence[Message]) -> None:
            messages = tuple(messages)  # so that none of them can take any away from the others
            for plugin, call in calls:
                try:
                    call(messages)
                except BaseException as error:
                    self._observer_failed(plugin, name, error)

        return observe if calls else None

    def _observe(self, name: str) -> Function | None:
        calls = self._calls(name)

        def observe(*arguments: object) -> None:
            for plugin, call in calls:
                try:
                    call(*arguments)
                except BaseException as error:
                    self._observer_failed(plugin, name, error)

        return observe if calls else None

    def _observer_failed(self, plugin: str, name: str, error: BaseException) -> None:
        """The others are told all the same: a message that history never saw would be acknowledged, and lost. Also
        where the session is ended while one of them waits: it sees that itself, as soon as all have been told."""
        if not isinstance(error, Killed):
            self.failed(plugin, name, error)


def _text(name: str, new: object) -> str:
    """What a check makes of a text, as a plain `str`. Raises `TypeError` and `ValueError`."""
    try:
        return values.text(new)
    except TypeError:
        raise TypeError(f"{name} returned {type(new).__name__}; return a str, None, or raise Reject") from None


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
