"""Proving, before a hand-over, that what is on disk now can take this server's place: in another process, which loads
it and says what it has found. See trial.py for what happens there.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct, field

from greenchat.server.fingerprints import Fingerprints
from greenchat.server.server import ChatServer
from greenchat.storage.plugin_choice import Choice

# How long it may take, in seconds: it takes less than two with a dozen plugins, and some import what is large.
TRIAL_SECONDS = 60.0


class TrialAsk(Struct, kw_only=True, repr_omit_defaults=True):
    """What the other process is to know. It goes there by a pipe, by the names of its fields, of which another version
    of greenchat may know fewer or more. The configuration holds secrets."""

    format: int  # in which the state is going to be written
    data_dir: str
    config: dict[str, Any]  # as it is in force, in plain values
    fingerprints: Fingerprints
    on: list[str]  # plugins that are on
    off: list[str] = field(default_factory=list)  # those that were found and are off, for whatever reason
    states: dict[str, int] = field(default_factory=dict)  # the versions of the `ctx.state` that is to be taken up
    choice: Choice = Choice()  # of the operators, from now on
    wanted: list[str] = field(default_factory=list)  # plugins that they want on, and did not before

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self.on)} plugins>"


class Finding(Struct, kw_only=True):
    """What was found. All lines are for people; no value of a secret setting is in them.

    `ok` is whether it can take the server's place. If not, `why` says what is wrong and what to do, and
    `needs_restart` whether it is all well but for a restart. `changed` says what is different from what runs now,
    `proven` what was looked at."""

    ok: bool
    why: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    proven: list[str] = field(default_factory=list)
    needs_restart: bool = False


def ask_of(
    server: ChatServer,
    loaded: Fingerprints,
    state_format: int,
    states: Mapping[str, int],
    choice: Choice | None = None,
) -> TrialAsk:
    """What there is to prove of `server`, which had `loaded` this code. `states` are the versions of what its plugins
    carry; `choice` is what operators want from now on, if that is something new."""
    before, wanted = server.choice, choice or server.choice
    return TrialAsk(
        format=state_format,
        data_dir=str(server.data_dir),
        config=msgspec.to_builtins(server.config),
        fingerprints=loaded,
        on=[plugin.name for plugin in server.plugins.on],
        off=[plugin.name for plugin in server.plugins if plugin.off],
        states=dict(states),
        choice=wanted,
        wanted=sorted(
            ({*before.disabled, *before.unloaded} - {*wanted.disabled, *wanted.unloaded})
            | ({*wanted.enabled} - {*before.enabled})
        ),
    )


def prove(ask: TrialAsk, seconds: float = TRIAL_SECONDS) -> Finding:
    """Have another process try it, for so many seconds at most. This greenlet waits, and no other does; if it is
    killed, so is the process, with all that it has started. Raises nothing of its own: what goes wrong is found."""
    raise NotImplementedError
