"""Reloading: who asks for it, and what they read of it in the end."""

from collections.abc import Iterator

from msgspec import Struct, field
from msgspec.structs import asdict

from greenchat.protocol.replies import Answer
from greenchat.protocol.requests import Frame, Ref


class ReloadReport(Struct, frozen=True, omit_defaults=True):
    """What came of a reload. It is `ok` if all holds now as it is on the disk. `how` that came: "live", of settings
    that hold at once; by a "handover", a new process in the place of the old one; or "nothing" has happened. `changed`
    are lines such as "limits.flood_rate = 5.0 (was 10.0)", without secrets; `proven` what was tried before, such as
    "12 plugins loaded"; `why` sentences that tell what was wrong and what to do. Nobody was served for `pause_seconds`;
    so many `sessions` were carried over."""

    ok: bool
    how: str = "nothing"
    changed: list[str] = field(default_factory=list)
    proven: list[str] = field(default_factory=list)
    why: list[str] = field(default_factory=list)
    pause_seconds: float = 0.0
    sessions: int = 0

    @property
    def lines(self) -> list[str]:
        """For people."""
        return list(self._lines())

    def _lines(self) -> Iterator[str]:
        if not self.ok:
            yield "Nothing was reloaded, and all goes on as it was." if self.how == "nothing" else "The reload failed."
        elif self.how == "nothing":
            yield "Nothing has changed, so nothing was reloaded."
        elif self.how == "live":
            yield "The configuration was read again, and holds at once."
        else:
            milliseconds, kept = self.pause_seconds * 1000, f"{self.sessions:,} connection{'s' * (self.sessions != 1)}"
            yield f"The server was reloaded: nobody was served for {milliseconds:,.0f} ms, and {kept} went on."
        yield from self.why
        yield from (f"{'Changed' if self.ok else 'Would change'}: {line}" for line in self.changed)
        yield from (f"Proven: {line}" for line in self.proven)


class Reload(Frame, frozen=True, gc=False, tag="reload"):
    """Load what is on the disk now: configuration, plugins, greenchat. `proof` shows that one may read the server's
    data directory. It is answered once that is done, behind the answers to what one asks meanwhile."""

    ref: Ref = None
    proof: str = ""

    def __repr__(self) -> str:
        return f"Reload(ref={self.ref!r})"  # secrets do not get into a log


class Reloaded(Answer, frozen=True, kw_only=True, tag="reloaded"):
    """The answer to Reload, and what operators are told who have asked by a command: fields as in `ReloadReport`."""

    ok: bool
    how: str = "nothing"
    changed: list[str] = field(default_factory=list)
    proven: list[str] = field(default_factory=list)
    why: list[str] = field(default_factory=list)
    pause_seconds: float = 0.0
    sessions: int = 0

    @classmethod
    def of(cls, report: ReloadReport, ref: Ref = None) -> "Reloaded":
        return cls(**asdict(report), lines=report.lines, ref=ref)

    @property
    def report(self) -> ReloadReport:
        return ReloadReport(**{name: getattr(self, name) for name in ReloadReport.__struct_fields__})


class Reconnect(Frame, frozen=True, gc=False, tag="reconnect"):
    """The server is reloaded, and this connection cannot be carried over: come back at once, with the token. It is
    closed behind this."""
