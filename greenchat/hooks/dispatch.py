"""Calling hooks so that a plugin cannot take the chat down.

pluggy stops at the first exception. Here each implementation is called directly (see calls.py), and what it raises, of
whatever kind, is dealt with by the kind of its hook (see checks.py and observers.py):

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
from typing import Any

import pluggy

from greenchat.chat.log import Alteration, Past
from greenchat.chat.outlet import Outlet
from greenchat.chat.room import Member, Room
from greenchat.errors import Reject
from greenchat.hooks import checks, takes
from greenchat.hooks.calls import Call, Calls, Failed, Function, direct, implementations
from greenchat.hooks.ending import Cut, Killed
from greenchat.hooks.holds import Held, Holds, Release
from greenchat.hooks.interfaces import Session
from greenchat.hooks.ledger import Ledger
from greenchat.hooks.message_checks import CheckMessage, check_message
from greenchat.hooks.meters import Beat, Meters, Still, clock, timed
from greenchat.hooks.observers import observe, observe_events
from greenchat.hooks.order import Order, keep_order
from greenchat.hooks.provided import provide_past, provide_pasts
from greenchat.protocol.events import Event, ModerationAction
from greenchat.protocol.requests import Say
from greenchat.protocol.runs import Messages, Says
from greenchat.protocol.vocabulary import Request

log = logging.getLogger("greenchat.plugins")

# A plugin that fails this often within so many seconds is broken, not unlucky: it is switched off.
FAILURES = 20
FAILURE_SECONDS = 60.0

# How long ago a plugin may have held the event loop for it to count, in seconds: see `server.plugin_holds`.
HELD_SECONDS = 60.0

# The hooks whose calls are counted around each call; those on the way of messages are by who calls them, see meters.py.
COUNTED_APART = frozenset(
    f"greenchat_{name}"
    for name in (
        "check_join",
        "check_enter",
        "check_reaction",
        "forget_room",
        "find_keys",
        "find_message",
        "recall",
        "claim",
        "order",
    )
)

Adapter = Callable[[str, Function], Function]
Gate = Callable[[str, str, Function, bool], Function]  # a plugin's function for a hook, as it is called in rooms
Later = Callable[[float, Callable[[], None]], object]  # calls a function after so many seconds
Trace = Callable[[str, str, Function], Function]  # a plugin, a hook and its function, as one that tells of its calls


class Dispatcher:
    """The hooks of one server. Each attribute is a function, or None where no plugin implements the hook: such a hook
    costs nothing. `switched_off(plugin, why)` is called when a plugin has failed too often; its checks stay, since a
    message that makes a check fail must not be the way to get rid of it. One that `stays_on`, by an attribute of this
    name, is never switched off. So is one that holds the event loop `holds` times within HELD_SECONDS; 0 is never.

    `meters` count the calls, and the `ledger` has what was done to messages."""

    frame: Callable[[Session, Request], bool] | None
    says: Callable[[Session, Says], bool] | None  # None as well where somebody looks at each frame
    slash: Callable[[Session, Say], bool] | None
    request: Callable[[Session, Request], bool] | None
    delay_ack: Callable[[Room, int, int, Release], bool] | None
    claim: Callable[[bytes], Function | None] | None
    check_join: Callable[[Outlet, str, str], str] | None
    check_enter: checks.CheckEnter | None
    check_message: CheckMessage | None  # of all who check what is said
    check_quickly: CheckMessage | None  # the same, without being timed
    check_messages: checks.CheckMessages | None  # of the same, where all of them take runs
    check_reaction: Callable[[Outlet, str, str], None] | None
    forget_room: Callable[[str], None] | None
    find_message: Callable[[Room, int], Past | None] | None
    find_keys: checks.FindKeys | None
    recall: Callable[[Room, int], Sequence[Past] | None] | None
    changed: Callable[[Alteration], None] | None
    messages: Callable[[Messages], None] | None
    room_opened: Callable[[Room], None] | None
    entered: Callable[[Session, Room], None] | None
    carried: Sequence[tuple[str, Callable[[Session], None]]]  # by plugins
    account: Callable[[Session], None] | None
    gone: Callable[[Member], None] | None
    acted: Callable[[ModerationAction], None] | None
    event: Callable[[Sequence[Event]], None] | None
    connected: Function | None
    disconnected: Function | None

    def __init__(
        self,
        manager: pluggy.PluginManager,
        switched_off: Callable[[str, str], None],
        later: Later,
        *,
        holds: int = 0,
        trace: Trace | None = None,
        turn: Beat | None = None,
        meters: Meters | None = None,
        gated: Gate = lambda plugin, hook, function, check: function,
    ) -> None:
        self._gated = gated
        self._manager = manager
        self._trace = trace
        self._turn = turn or Still()
        self._held: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=max(holds, 1)))
        self._most_holds = holds
        self._switched_off = switched_off
        self._failures: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=FAILURES))
        self._alone: defaultdict[tuple[str, str], deque[float]] = defaultdict(lambda: deque(maxlen=FAILURES))
        self._untold: set[tuple[str, str]] = set()
        self._off: set[str] = set()
        self._disabled: set[tuple[int, str]] = set()  # (id of a plugin, which the manager keeps alive; hook)
        self.ledger, self.meters = Ledger(), meters or Meters()
        self.numbered = self.ledger.numbered
        self._holds = Holds(later, self.ledger)
        self.bind()

    def failed(self, plugin: str, where: str, error: BaseException | None = None) -> None:
        """Log `error`, or the exception being handled, under the plugin's name, and switch off a plugin that keeps
        failing."""
        log.error("plugin %s failed in %s", plugin, where, exc_info=error or sys.exception(), extra={"plugin": plugin})
        self.meters.failed(plugin, where)
        if _again_and_again(self._failures[plugin], FAILURE_SECONDS):
            self._switch_off(
                plugin, f"it failed {FAILURES} times within {FAILURE_SECONDS:.0f} seconds, last in {where}"
            )

    def failed_alone(self, plugin: str, where: str, error: BaseException | None = None) -> None:
        """As `failed`, in what somebody has asked for, and nobody else has to do with: a command, a route, a
        connection. It counts, and it is told to who has asked; but nobody shall be able to switch a plugin off by
        asking. Nor to fill the log."""
        self.meters.failed(plugin, where)
        what, found = (plugin, where), error or sys.exception()
        if not _again_and_again(self._alone[what], FAILURE_SECONDS):
            self._untold.discard(what)
            log.error("plugin %s failed in %s", plugin, where, exc_info=found, extra={"plugin": plugin})
        elif what not in self._untold:
            self._untold.add(what)
            log.error(
                "plugin %s failed in %s %d times within %.0f seconds; more is not told until it does so less often",
                plugin,
                where,
                FAILURES,
                FAILURE_SECONDS,
                exc_info=found,
                extra={"plugin": plugin},
            )

    def _failed_for(self, session: Any) -> Failed:
        """Who has not come in yet is a stranger, by whom no plugin is switched off."""
        return self.failed if session.member is not None else self.failed_alone

    def held(self, plugin: str, is_to_blame: bool) -> None:
        """`plugin` has held the event loop, as the watchdog finds it; or `is_to_blame` for that, as it finds then."""
        if not is_to_blame:
            self.meters.held[plugin] += 1
        elif self._most_holds and _again_and_again(self._held[plugin], HELD_SECONDS):
            self._switch_off(plugin, f"it held everybody up {self._most_holds} times within {HELD_SECONDS:.0f} seconds")

    def checked_quickly(self, count: int) -> None:
        """So many messages were checked by `check_quickly`."""
        for meter in self._checking:
            meter.add_more(count)

    def switch_on(self, plugin: str) -> bool:
        """Call `plugin` again, which was switched off. Whether it was."""
        if plugin not in self._off:
            return False
        self._off.discard(plugin)
        self._failures.pop(plugin, None)
        self._held.pop(plugin, None)
        self.bind()
        return True

    @property
    def left_out(self) -> list[tuple[str, str]]:
        """The hooks that plugins have left out themselves, and theirs, by `set_enabled`."""
        names = {id(bearer): name for name, bearer in self._manager.list_name_plugin()}
        return sorted((names[plugin], hook) for plugin, hook in self._disabled if plugin in names)

    def stay_off(self, plugin: str) -> None:
        """`plugin` was switched off before a reload, and is so still."""
        self._off.add(plugin)
        self.bind()

    def _switch_off(self, plugin: str, why: str) -> None:
        bearer = self._manager.get_plugin(plugin)
        if plugin in self._off or bearer is None or getattr(bearer, "stays_on", False) is True:
            return
        self._off.add(plugin)
        self.bind()
        log.error(
            "plugin %s is switched off until the next start, or /plugin on %s: %s",
            plugin,
            plugin,
            why,
            extra={"plugin": plugin},
        )
        self._switched_off(plugin, why)

    def serving(self, plugin: str, where: str, serve: Function) -> Function:
        """`serve`, by which `plugin` serves a connection, as it fails for itself."""

        # No `partial`, and no `*arguments`: Python would keep 1 KB more of the C stack of each connection that idles.
        def serve_alone(sock: Any, address: str) -> None:
            try:
                serve(sock, address)
            except Killed:
                raise
            except (ConnectionError, TimeoutError):
                # The client is gone, or silent: no stranger shall be able to have a plugin switched off for that.
                log.debug("plugin %s: a connection was lost", plugin, extra={"plugin": plugin})
            except BaseException:
                self.failed_alone(plugin, where)

        return serve_alone

    def set_enabled(self, plugin: object, hook: str, enabled: bool) -> None:
        """Call `plugin` for `hook`, or leave it out: one that is left out costs nothing."""
        before = len(self._disabled)
        (self._disabled.discard if enabled else self._disabled.add)((id(plugin), hook))
        if len(self._disabled) != before:
            self.bind()

    def keep_order(self, order: Order) -> None:
        """Have a plugin that keeps order do what another one orders. Raises `Reject` where none does."""
        keep_order(self._calls("greenchat_order"), self.failed, order)

    def trace_by(self, trace: Trace) -> None:
        """From now on, functions are called as `trace` makes them of those of the plugins."""
        self._trace = trace
        self.bind()

    def bind(self) -> None:
        """Look up who implements what, anew."""
        self.frame = self._take(*self._calls("greenchat_frame", "greenchat_says", one=takes.says_of_one))
        self.says = self._take(*self._calls("greenchat_says"))
        if self._calls("greenchat_frame"):
            self.says = None  # somebody looks at each frame, so that no run is taken as one
        self.slash = self._take(*self._calls("greenchat_slash"))
        self.request = self._take(*self._calls("greenchat_request"))
        self.delay_ack = self._delay_ack("greenchat_delay_ack")
        self.claim = self._take_connection("greenchat_claim")
        self.find_message = provide_past(self._calls("greenchat_find_message"), self.failed)
        self.recall = provide_pasts(self._calls("greenchat_recall"), self.failed)
        self._bind_checks()
        self._bind_observers()

    def _bind_checks(self) -> None:
        def calls(*hooks: str, one: Adapter | None = None) -> Calls:
            return self._calls(*hooks, one=one, check=True)

        self.check_join = checks.check_join(calls("greenchat_check_join"), self._failed_for)
        self.check_enter = checks.check_enter(calls("greenchat_check_enter"), self._failed_for)
        self.forget_room = checks.check_forget_room(calls("greenchat_forget_room"), self.failed)
        self.find_keys = checks.find_keys(calls("greenchat_find_keys"), self.failed)
        self.check_reaction = checks.check_reaction(calls("greenchat_check_reaction"), self.failed)
        both = calls("greenchat_check_message", "greenchat_check_messages", one=checks.of_one)
        self._checking = [call.meter for call in both]
        self.check_message, self.check_quickly = check_message(both, self.failed, self.ledger, self._turn)
        self.check_messages = checks.check_messages(calls("greenchat_check_messages"), self.failed, self.ledger)
        if calls("greenchat_check_message"):
            self.check_messages = None  # somebody looks at each message

    def _bind_observers(self) -> None:
        self.messages = observe(self._calls("greenchat_messages"), self.failed)
        self.changed = observe(self._calls("greenchat_changed"), self.failed)
        self.room_opened = observe(self._calls("greenchat_room_opened"), self.failed)
        self.entered = observe(self._calls("greenchat_entered"), self.failed)
        self.carried = [
            (call.plugin, tell) for call in self._calls("greenchat_carried") if (tell := observe([call], self.failed))
        ]
        self.account = observe(self._calls("greenchat_account"), self.failed)
        self.gone = observe(self._calls("greenchat_gone"), self.failed)
        self.acted = observe(self._calls("greenchat_acted"), self.failed)
        self.event = observe_events(self._calls("greenchat_event"), self.failed)
        self.connected = observe(self._calls("greenchat_connected"), self.failed)
        self.disconnected = observe(self._calls("greenchat_disconnected"), self.failed)

    def _calls(self, *hooks: str, one: Adapter | None = None, check: bool = False) -> Calls:
        """Who implements one of `hooks`, in the order of calling. What implements another one than the first is called
        as `one` makes it of it."""
        return [
            self._call(
                item.plugin_name,
                hook,
                self._gated(
                    item.plugin_name,
                    hooks[0],
                    direct(item, spec) if hook == hooks[0] or one is None else one(hook, direct(item, spec)),
                    check,
                ),
                item.function,
            )
            for hook, spec, item in implementations(self._manager, *hooks)
            if (check or item.plugin_name not in self._off) and (id(item.plugin), hook) not in self._disabled
        ]

    def _call(self, plugin: str, hook: str, function: Function, original: Function) -> Call:
        meter = self.meters.of(plugin, hook)
        if self._trace is not None:
            function = self._trace(plugin, hook, function)
        if hook in COUNTED_APART:
            function = timed(function, meter)
        return Call(plugin, hook, function, original, meter)

    def _take(self, *calls: Call) -> takes.Take | None:
        return takes.take(calls, self._failed_for, self.ledger, self._turn, self.meters.lent)

    def _delay_ack(self, name: str) -> Callable[[Room, int, int, Release], bool] | None:
        calls, holds = self._calls(name), self._holds

        def hold(room: Room, seq: int, rev: int, release: Release) -> bool:
            for plugin, _, call, _, meter in calls:
                held = Held(holds, plugin, release, room.name, seq)
                began = clock()
                try:
                    taken = call(room, seq, rev, held)
                    meter.add(clock() - began)
                    if taken is not True and taken is not None and taken is not False:
                        taken = takes.odd(plugin, name, taken, self.failed)
                    if taken:
                        if held.release is not None:
                            holds.keep(held)
                        return True
                except BaseException as error:
                    # What was to be made sure of is not sure: an acknowledgement would be a lie.
                    held(Reject("This was said, but a plugin that keeps it has failed.", code="not_stored"))
                    if isinstance(error, Cut):
                        return True  # so it is answered
                    if isinstance(error, Killed):
                        raise
                    self.failed(plugin, name)
                    return True
            return False

        return hold if calls else None

    def _take_connection(self, name: str) -> Callable[[bytes], Function | None] | None:
        calls = self._calls(name)

        def take(first_bytes: bytes) -> Function | None:
            for plugin, _, call, _, _ in calls:
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
                    self.failed_alone(plugin, name)
            return None

        return take if calls else None


def _again_and_again(times: deque[float], seconds: float) -> bool:
    """Whether it has happened as often as `times` can hold, this time included, within so many seconds."""
    now = time.monotonic()
    times.append(now)
    return len(times) == times.maxlen and now - times[0] <= seconds
