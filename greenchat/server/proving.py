"""Proving, before a hand-over, that what is on disk now can take this server's place: in another process, which loads
it and says what it has found. See trial.py for what happens there.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import gevent
import msgspec
from msgspec import Struct, field

from greenchat.config.load import SECRETS
from greenchat.hooks.carried import names_of
from greenchat.hooks.finding import Installed
from greenchat.protocol.text import printable
from greenchat.refusals import explain
from greenchat.server.carried_server import HANDOVER_FORMAT
from greenchat.server.fingerprints import Fingerprints
from greenchat.server.server import ChatServer
from greenchat.storage.plugin_choice import Choice

if TYPE_CHECKING:
    from greenchat.server.child import Child

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
    off: list[str] = field(default_factory=list)  # those that could not be loaded
    states: dict[str, int] = field(default_factory=dict)  # the versions of the `ctx.state` that is to be taken up
    choice: Choice = Choice()  # of the operators, from now on
    wanted: list[str] = field(default_factory=list)  # plugins that they want on, and did not before
    compiles: bool = False  # what is loaded may be kept compiled

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self.on)} plugins>"


class Finding(Struct, kw_only=True):
    """What was found. All lines are for people; no value of a secret setting is in them.

    `ok` is whether it can take the server's place. If not, `why` says what is wrong and what to do, and
    `needs_restart` whether it is all well but for a restart. `changed` says what is different from what runs now,
    `proven` what was looked at. `config` is the configuration that was proven, as `packed`, which holds secrets, and
    `addresses` are those that it has the server listen on; `installed` are the plugins that are."""

    ok: bool
    why: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    proven: list[str] = field(default_factory=list)
    needs_restart: bool = False
    config: bytes = b""
    addresses: list[str] = field(default_factory=list)
    installed: list[Installed] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} ok={self.ok} why={self.why}>"


def ask_of(server: ChatServer, loaded: Fingerprints, choice: Choice | None = None) -> TrialAsk:
    """What there is to prove of `server`, which had `loaded` this code. `choice` is what operators want from now on, if
    that is something new."""
    before, wanted = server.choice, choice or server.choice
    disabled = server.config.server.disabled_plugins
    return TrialAsk(
        format=HANDOVER_FORMAT,
        data_dir=str(server.data_dir),
        config=msgspec.to_builtins(server.config),
        fingerprints=loaded,
        on=[plugin.name for plugin in server.plugins.on],
        off=[
            plugin.name
            for plugin in server.plugins
            if plugin.off and not plugin.is_spare and not before.off(plugin.name, disabled)
        ],
        states={name: one.version for name, one in names_of(server.plugins.on).items() if one is not None},
        choice=wanted,
        compiles=not sys.dont_write_bytecode,
        wanted=sorted(
            ({*before.disabled, *before.unloaded} - {*wanted.disabled, *wanted.unloaded})
            | ({*wanted.enabled} - {*before.enabled})
        ),
    )


class Line(Struct, omit_defaults=True):
    """What that process tells: where it is, and in the end what it has found."""

    step: str = ""
    finding: Finding | None = None


def prove(ask: TrialAsk, seconds: float = TRIAL_SECONDS) -> Finding:
    """Have another process try it, for so many seconds at most. This greenlet waits, and no other does; if it is
    killed, so is the process, with all that it has started. Raises nothing of its own: what goes wrong is found."""
    from greenchat.server.child import Child  # which takes a while, and not before somebody waits for it

    child = Child(seconds)
    answers: list[Finding] = []

    def take(line: bytes) -> bool:
        told = msgspec.json.decode(line, type=Line)
        child.step = told.step or child.step
        answers.extend([told.finding] if told.finding is not None else [])
        return bool(answers)

    late = f"did not end within {seconds:g} seconds"
    try:
        with gevent.Timeout(seconds, False):
            child.ask(msgspec.json.encode(ask), take)
            late = ""
    except (OSError, RuntimeError) as error:  # the latter where there can be no thread for it
        why = explain(error) if isinstance(error, OSError) else f"{error}."
        answers.append(_no(f"No process can be started that tries what is on disk: {why}"))
    except msgspec.MsgspecError:
        answers.append(_no(TOO_DIFFERENT))
    finally:
        child.end()
    return clean(answers[0] if answers else _unfinished(child, late), ask.config)


# What a greenchat is told to be that answers in another way, or none.
TOO_DIFFERENT = (
    "The greenchat on disk is too old, or too new, to take this one's place. Restart the server to change to it."
)


def _unfinished(child: "Child", late: str) -> Finding:
    """What is found where there is no answer."""
    told = child.told.strip().splitlines()
    last = told[-1].removeprefix("Error: ") if told else ""
    if child.step:
        how = late or f"has ended {child.ended}"
        hint = f" The last that it said: {last}" if last and not late else ""
        return _no(f"The process that tries what is on disk {how}, while {child.step}.{hint}")
    if NOT_KNOWN.search(last):
        return _no(TOO_DIFFERENT)
    what = f"{late}, and has not even begun" if late else last or f"ended {child.ended}"
    return _no(f"What is on disk does not start: {what}")


# What a greenchat says that takes `apart.NO_SERVER` for a setting.
NOT_KNOWN = re.compile(r"server\.trial: there is no such setting")


def _no(why: str) -> Finding:
    return Finding(ok=False, why=[why])


# What is shown of what was found: lines of one kind, and characters of a line.
LINES = 50
LINE_LENGTH = 500

# Shorter secrets are not looked for in what is shown: they would be found in any word.
SECRET_LENGTH = 4


def clean(found: Finding, config: Mapping[str, Any]) -> Finding:
    """`found`, as it can be shown: plugins have had their say in it, and know the secrets of a `config`."""
    hidden = sorted(_secrets(config), key=len, reverse=True)

    def cleaned(lines: list[str]) -> list[str]:
        shown = []
        for line in lines[:LINES]:
            for secret in hidden:
                line = line.replace(secret, "***")
            shown.append(printable(line, LINE_LENGTH))
        return shown if len(lines) <= LINES else [*shown, f"... and {len(lines) - LINES} more."]

    return msgspec.structs.replace(
        found, why=cleaned(found.why), changed=cleaned(found.changed), proven=cleaned(found.proven)
    )


def _secrets(tables: Mapping[str, Any]) -> Iterator[str]:
    """The values of the settings that are never shown."""
    for key, value in tables.items():
        if isinstance(value, Mapping):
            yield from _secrets(value)
        elif key in SECRETS and isinstance(value, str) and len(value) >= SECRET_LENGTH:
            yield value
