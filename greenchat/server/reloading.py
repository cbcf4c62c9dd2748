"""Reloading a server: live where only limits and certificates have changed, or by another program in its place.

Whoever asks for it, by SIGHUP, a command or `--watch`, asks the `Reloader`. It has a child prove what is on the disk
first; then the server is frozen, its plugins end, and what is left is handed over. Up to there anything that is wrong
has it go on as it was, and who has asked reads why.
"""

import logging
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import gevent
import msgspec
from gevent.event import Event

from greenchat.config.difference import compare
from greenchat.config.schema import Config
from greenchat.errors import GreenchatError
from greenchat.hooks.ending import Killed
from greenchat.protocol.reload_reports import ReloadReport
from greenchat.protocol.requests import Ref
from greenchat.protocol.text import amount
from greenchat.refusals import explain
from greenchat.server import fingerprints
from greenchat.server.carried_connections import CarriedConnections
from greenchat.server.carried_server import Asked, Beginning, CarriedServer
from greenchat.server.departure import Departure
from greenchat.server.handover import Taken
from greenchat.server.lifecycle import Lifecycle
from greenchat.server.plugin_tries import PluginTries
from greenchat.server.proving import Finding, ask_of, prove
from greenchat.server.steps import Steps
from greenchat.server.systemd import Manager
from greenchat.storage import plugin_choice
from greenchat.storage.plugin_choice import Choice, keep_choice, moved

log = logging.getLogger("greenchat")

Answer = Callable[[ReloadReport], None]


class _Waiting(NamedTuple):
    asked: Asked
    answer: Answer | None


class _NotHandedOver(Exception):  # noqa: N818
    """No other program takes over: the report says why."""

    def __init__(self, report: ReloadReport) -> None:
        super().__init__(report)
        self.report = report


class Reloader:
    """That of one server. `handed` is set once it is to go on in another program: see `finish`."""

    def __init__(self, lifecycle: Lifecycle, configure: Callable[[], Config], manager: Manager) -> None:
        """`configure` reads the configuration again. The service `manager` is told of reloads."""
        self._lifecycle = lifecycle
        self._server = lifecycle.server
        self._configure = configure
        self._manager = manager
        self._waiting: deque[_Waiting] = deque()
        self._worker: gevent.Greenlet | None = None
        self._leaving: Departure | None = None  # the server has begun to end: it goes on in another program
        self._report = ReloadReport(ok=True, how="handover")
        self._asked: list[Asked] = []
        self._proven = Finding(ok=False)  # with what it goes on
        self._is_over = False
        self._loaded = fingerprints.take(self._server)
        self.handed = Event()
        self._server.tries = self._tries = PluginTries(self._server, configure)
        self._server.reload_asks.begin(self)

    def ask(
        self, by: str, answer: Answer | None, session_id: int = 0, ref: Ref = None, choice: Choice | None = None
    ) -> None:
        """See `interfaces.Reloads`."""
        self._waiting.append(_Waiting(Asked(by, session_id, ref, choice), answer))
        if self._worker is None and not self._is_over:
            self._worker = gevent.spawn(self._work)

    def finish(self) -> bool:
        """Reload nothing any more. Whether it is too late for that: then the server is to be handed over."""
        self._is_over = True
        self._tries.end()
        if self._leaving is not None:
            self.handed.wait()
        elif self._worker is not None:
            self._worker.kill(Killed)
        return self._leaving is not None

    def collect(self) -> CarriedServer:
        """What is handed over. Nothing may wait from here on, up to the end of the program or `give_away`."""
        assert self._leaving is not None
        return self._leaving.collect(self._report, self._asked, [one.asked for one in self._waiting])

    def beginning(self, connections: CarriedConnections) -> Beginning:
        """What the next program begins with, in any case."""
        places = [listener.address for listener in connections.acceptor.listeners]
        proven = self._proven
        return Beginning(proven.config, str(self._server.data_dir), places, installed=proven.installed)

    @property
    def steps(self) -> Steps:
        """Those of what goes on."""
        assert self._leaving is not None
        return self._leaving.steps

    def leave_behind(self) -> CarriedConnections:
        """What is left where that fails."""
        assert self._leaving is not None
        return self._leaving.leave_behind()

    def give_away(self) -> None:
        """What was collected goes on in this very process."""
        assert self._leaving is not None
        self._leaving.give_away()

    # --- in a greenlet of its own ---

    def _work(self) -> None:
        try:
            while self._waiting and self._leaving is None:
                batch = [self._waiting.popleft()]
                while self._waiting and self._waiting[0].asked.choice is None:
                    batch.append(self._waiting.popleft())
                self._reload(batch)
        except Killed:
            pass
        finally:
            self._worker = None

    def _reload(self, batch: list[_Waiting]) -> None:
        self._manager.reloading()
        by = ", ".join(dict.fromkeys(one.asked.by for one in batch))
        try:
            self._try(batch, by)
            return
        except _NotHandedOver as refused:
            report = refused.report
        except GreenchatError as error:
            report = ReloadReport(ok=False, why=[str(error)])
        except Exception as error:
            log.exception("the reload has failed")
            report = ReloadReport(ok=False, why=[f"It has failed: {type(error).__name__}. The log has more."])
        self._manager.ready()
        self._tell(report, by)
        for one in batch:
            if one.answer is not None:
                one.answer(report)

    def _tell(self, report: ReloadReport, by: str) -> None:
        if report.ok:
            what = "; ".join(report.changed) or "nothing has changed"
            log.info("the configuration was read again: %s", what)
        else:
            log.error("asked by %s, nothing was reloaded: %s", by, " ".join(report.why))
        self._server.chat.audit(by, "reload", details=_details(report))

    def _try(self, batch: list[_Waiting], by: str) -> None:
        """Reload; or raise why not, as `_NotHandedOver` or `GreenchatError`, when nothing has changed."""
        choice = next((one.asked.choice for one in batch), None)
        now = fingerprints.take(self._server)
        new = self._new_configuration(is_ours=now.greenchat == self._loaded.greenchat)
        if choice is None and now == self._loaded and new is not None:
            outcome = compare(self._server.config, new)
            if not outcome.waiting:
                self._lifecycle.reconfigure(outcome.config)
                logging.getLogger().setLevel(outcome.config.server.log_level.upper())
                how = "live" if outcome.changed else "nothing"
                raise _NotHandedOver(ReloadReport(ok=True, how=how, changed=outcome.changed))
        log.debug("reload: another process tries what is on the disk")
        finding = prove(ask_of(self._server, self._loaded, choice))
        before = self._server.choice
        changed = [*plugin_choice.difference(before, choice or before), *finding.changed]
        if not finding.ok:
            raise _NotHandedOver(ReloadReport(ok=False, why=finding.why, changed=changed, proven=finding.proven))
        report = ReloadReport(ok=True, how="handover", changed=changed, proven=finding.proven)
        log.info("asked by %s, another program takes over: %s", by, "; ".join(report.changed) or "all is loaded anew")
        self._proven = finding
        self._server.acceptor.listeners.open_ahead(finding.addresses)
        try:
            self._hand_over(batch, report, choice)
        finally:
            if self._leaving is None:
                self._server.acceptor.listeners.close_ahead()

    def _new_configuration(self, *, is_ours: bool) -> Config | None:
        """None where it may be right for another version of greenchat, which is on the disk, unless it `is_ours`."""
        try:
            return self._configure()
        except GreenchatError as error:
            if not is_ours:
                return None
            why = f"the configuration cannot be used, and the old one stays in force: {error}"
            raise _NotHandedOver(ReloadReport(ok=False, why=[why])) from None

    def _hand_over(self, batch: list[_Waiting], report: ReloadReport, choice: Choice | None) -> None:
        departure = Departure(self._lifecycle)
        self._tries.end()
        try:
            departure.freeze()
        except BaseException:
            self._tries.go_on()
            raise
        try:
            if choice is not None:
                keep_choice(self._server.data_dir, choice)
        except OSError as error:
            departure.thaw()
            self._tries.go_on()
            raise GreenchatError(f"It cannot be kept which plugins are on: {explain(error)}") from None
        if choice is not None:
            self._choose(choice)
        self._report, self._asked = report, [one.asked for one in batch]
        self._leaving = departure  # from here on, nothing leads back
        try:
            departure.end(fingerprints.changed_plugins(self._loaded, fingerprints.take(self._server)))
        except Exception:
            log.exception("something has not come to its end")
        finally:
            self.handed.set()

    def _choose(self, choice: Choice) -> None:
        """It holds from now on. Who waits has chosen something beside what held before, and means no more than that."""
        before, self._server.choice = self._server.choice, choice
        for place, (asked, answer) in enumerate(self._waiting):
            if asked.choice is not None:
                then = moved(asked.choice, before, choice)
                self._waiting[place] = _Waiting(msgspec.structs.replace(asked, choice=then), answer)

    # --- in the program that has taken over ---

    def took_over(self, taken: Taken) -> None:
        """Tell who has asked for it, the log and the audit trail."""
        state = taken.state
        if state is None:
            return
        report = msgspec.structs.replace(
            state.report, pause_seconds=taken.paused, sessions=len(state.connections.sessions)
        )
        if any(line.startswith("brand.") for line in report.changed):
            self._lifecycle.tell_brand()
        by = ", ".join(dict.fromkeys(asked.by for asked in state.asked))
        count = amount(report.sessions, "connection")
        told = (by, count, taken.paused * 1000)
        if report.ok:
            log.info("asked by %s, another program goes on with %s: nobody was served for %.0f ms", *told)
        else:
            why = "; ".join(report.why)
            log.error("asked by %s, nothing was reloaded, with %s: nobody was served for %.0f ms: %s", *told, why)
        self._server.chat.audit(by, "reload", details=_details(report))
        for asked in state.asked:
            self._server.reload_asks.tell(asked.session_id, asked.ref, report, asked.by)
        for asked in state.waiting:
            self.ask(asked.by, self._answer_for(asked), asked.session_id, asked.ref, asked.choice)

    def _answer_for(self, asked: Asked) -> Answer:
        return partial(self._server.reload_asks.tell, asked.session_id, asked.ref, by=asked.by)


def _details(report: ReloadReport) -> str:
    """For the audit trail."""
    return " ".join(report.lines)
