"""Who has asked for a reload, and has to be told what came of it: also where their connection did not outlast it."""

import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from greenchat.errors import Reject
from greenchat.hooks.interfaces import Reloads, Session
from greenchat.protocol.reload_reports import Reload, Reloaded, ReloadReport
from greenchat.protocol.requests import Ref
from greenchat.storage.plugin_choice import Choice
from greenchat.storage.proof import SHELL, Proof

if TYPE_CHECKING:
    from collections.abc import Mapping

    from greenchat.session.served import Served


# So long, in seconds, it is of interest to who comes back later.
UNTOLD_SECONDS = 120.0


class ReloadAsks:
    """Those of one server, which serves `sessions`."""

    def __init__(self, sessions: "Mapping[int, Served]", proof: Proof) -> None:
        self._reloads: Reloads | None = None  # what reloads this process; None where none can be
        self._early: list[Callable[[Reloads], None]] | None = None  # asked before that is there, but will be
        self._sessions = sessions
        self._proof = proof
        self._expected: dict[str, int] = {}  # which session is to be told, by the ref that a program has chosen
        self._last: tuple[Ref, ReloadReport] | None = None
        self._untold: dict[str, tuple[float, ReloadReport]] = {}  # who is to be told, and until when

    def ask(self, by: str, session: int = 0, ref: Ref = None, choice: Choice | None = None) -> None:
        """Raises `Reject` where there is nothing to be reloaded."""

        def ask(reloads: Reloads) -> None:
            reloads.ask(by, partial(self.tell, session, ref, by=by), session, ref, choice)

        if self._reloads is not None:
            ask(self._reloads)
        elif self._early is not None:
            self._early.append(ask)
        else:
            raise Reject("This server runs inside another program: restart that.", code="cannot_reload")

    def ask_by_proof(self, session: int, asked: Reload) -> None:
        """A program asks. One that lost its connection asks again by the same text as `ref`, and gets the answer of the
        first time. Raises `Reject`."""
        if not self._proof.holds(asked.proof):
            text = "Only who may read the server's data directory may do that: name it with --data-dir."
            raise Reject(text, code="not_allowed")
        if isinstance(asked.ref, str):
            if self._last is not None and self._last[0] == asked.ref:
                self._tell(session, asked.ref, self._last[1])
                return
            known = asked.ref in self._expected
            self._expected[asked.ref] = session
            if known:
                return
        try:
            self.ask(SHELL, session, asked.ref)
        except Reject:
            self._expected.pop(str(asked.ref), None)
            raise

    def expect(self, refs: Iterable[Ref]) -> None:
        """This was asked before the program was there that runs now, and will be told: see `tell`. What is asked until
        `begin` waits for that."""
        self._early = []
        self._expected |= {ref: 0 for ref in refs if isinstance(ref, str)}

    def begin(self, reloads: Reloads) -> None:
        """From now on, `reloads` does it."""
        self._reloads = reloads
        early, self._early = self._early, None
        for ask in early or ():
            ask(reloads)

    def tell(self, session: int, ref: Ref, report: ReloadReport, by: str = "") -> None:
        """Tell the session of this number what came of it; or who has asked again by the same `ref`, or will. Where it
        is gone, and an operator has asked who is `by` on record, it is any session of theirs, or the next."""
        if isinstance(ref, str):
            session = self._expected.pop(ref, 0) or session
            self._last = ref, report
        if self._tell(session, ref, report) or not session or by in ("", SHELL):
            return
        self._untold[by] = time.monotonic() + UNTOLD_SECONDS, report
        for one in list(self._sessions.values()):
            self.welcomed(one)

    def welcomed(self, session: Session) -> None:
        """It has come in: perhaps it is theirs who have lost the connection by what they have asked for."""
        if not self._untold or session.member is None or session.role != "operator" or session.closing is not None:
            return
        until, report = self._untold.pop(session.name_on_record(), (0.0, None))
        if report is not None and time.monotonic() < until:
            session.tell(Reloaded.of(report))

    def _tell(self, session: int, ref: Ref, report: ReloadReport) -> bool:
        """Whether it is there."""
        asker = self._sessions.get(session)
        if asker is None or asker.closing is not None:
            return False
        asker.tell(Reloaded.of(report, ref))
        return True
