"""Stand-in."""

import os
import subprocess
import sys

from msgspec import Struct, field

from greenchat.server.handover import command

TRIAL = "_GREENCHAT_TRIAL"
TRIAL_SECONDS = 60.0


class TrialAsk(Struct):
    plugins: list[str]


class Finding(Struct):
    ok: bool
    why: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    proven: list[str] = field(default_factory=list)


def prove(ask: TrialAsk) -> Finding:
    import gevent

    why = gevent.get_hub().threadpool.apply(_failed_trial, (ask.plugins,))
    return Finding(not why, [why] if why else [])


def trial(server, plugins: str) -> int:
    """The end of such a process, which has loaded all plugins: its exit code."""
    lost = [plugin for plugin in server.plugins if plugin.off and plugin.name in plugins.split(",")]
    for plugin in lost:
        print(f"The plugin {plugin.name} cannot be loaded: {plugin.off}.", file=sys.stderr)
    return 1 if lost else 0


def _failed_trial(plugins: list[str]) -> str:
    environment = dict(os.environ) | {TRIAL: ",".join(plugins)}
    try:
        done = subprocess.run(command(), env=environment, capture_output=True, text=True, timeout=TRIAL_SECONDS)
    except subprocess.TimeoutExpired:
        return f"The plugins were not loaded within {TRIAL_SECONDS:g} seconds."
    told = done.stderr.strip().splitlines() or ["The plugins cannot be loaded."]
    return told[-1].removeprefix("Error: ") if done.returncode else ""
