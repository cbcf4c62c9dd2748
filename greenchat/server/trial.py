"""The process that tries what is on disk, and says whether it can take a server's place.

It loads the configuration and all plugins as a server would, and never starts one: no plugin begins, no port is opened,
nothing is written where the server keeps its files. See proving.py for the server's side.
"""

import logging
import os
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from greenchat.config.difference import changes
from greenchat.config.schema import Config
from greenchat.errors import GreenchatError
from greenchat.hooks import finding, loader
from greenchat.hooks.carried import misfits, names_of
from greenchat.hooks.loader import Plugin
from greenchat.protocol.text import amount
from greenchat.server import fingerprints, trial_checks
from greenchat.server.apart import Apart
from greenchat.server.carried_server import KNOWN_FORMATS, packed
from greenchat.server.compiling import compile_loaded
from greenchat.server.guard import Guard
from greenchat.server.listeners import addresses_of
from greenchat.server.proving import TOO_DIFFERENT, Finding, Line, TrialAsk, clean
from greenchat.server.server import ChatServer
from greenchat.storage import datadir

# What a plugin's examples tell otherwise than they say; the number of those that were tried.
Examples = Callable[[Plugin, Config], tuple[int, list[str]]]

# Of the data directory, what plugins do not get to see here: each database is as if there was none.
NOT_SHOWN = ("*.sqlite3*", datadir.LOCK_FILE, datadir.PROOF_FILE, f"{datadir.ADDRESSES_FILE}*")


class Trial:
    """What is tried, step by step; `load` reads the configuration, and says where the data directory is."""

    def __init__(
        self, apart: Apart, load: Callable[[], tuple[Config, Path]], examples: Examples | None, scratch: Path
    ) -> None:
        self._apart = apart
        self._load = load
        self._examples = examples
        self._scratch = scratch
        self._config: dict[str, Any] = {}  # as it is to be, once that is known
        self._packed = b""  # the same
        self._addresses: list[str] = []
        self._problems: list[str] = []
        self._waiting: list[str] = []  # what is well, but for a restart
        self._changed: list[str] = []
        self._proven: list[str] = []

    def run(self) -> Finding:
        self._step("reading what is to be tried")
        try:
            ask = msgspec.json.decode(self._apart.asked, type=TrialAsk)
        except msgspec.MsgspecError:
            return Finding(ok=False, why=[TOO_DIFFERENT])
        try:
            self._try(ask)
        except GreenchatError as error:
            self._problems.append(str(error))
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
            self._problems.append(f"The trial itself has failed, which is a fault of greenchat: {what}")
        found = Finding(
            ok=not self._problems and not self._waiting,
            why=[*self._problems, *self._waiting],
            changed=self._changed,
            proven=self._proven,
            needs_restart=bool(self._waiting) and not self._problems,
            config=self._packed,
            addresses=self._addresses,
            installed=finding.installed(),
        )
        return clean(found, self._config)

    def _try(self, ask: TrialAsk) -> None:
        if ask.format not in KNOWN_FORMATS:
            self._waiting.append(
                f"The greenchat on disk does not know what this one would leave to it (format {ask.format}). "
                "Restart the server to change to it."
            )
        where = Path(ask.data_dir)
        Guard(where)
        self._step("reading the configuration")
        config, data_dir = self._load()
        self._config, self._packed = msgspec.to_builtins(config), packed(config)
        self._addresses = [*addresses_of(config.server)]
        self._changed += changes(ask.config, self._config)
        if data_dir.resolve() != where.resolve():
            self._waiting.append(f"The data directory is another one: {data_dir}. Restart the server to go there.")
        _show(data_dir, self._scratch)
        log = PluginLog(self._step)
        self._step("loading the plugins")
        server = ChatServer(config, self._scratch, choice=ask.choice)
        self._step("looking at what has changed")
        loaded = fingerprints.take(server)
        self._changed += fingerprints.difference(ask.fingerprints, loaded)
        changed = fingerprints.changed_plugins(ask.fingerprints, loaded)
        self._step("adding the plugins' commands")
        server.plugin_lifecycle.try_out(server)
        self._problems += trial_checks.broken(server, ask, changed, log.failures)
        on = server.plugins.on
        self._proven.append(amount(len(on), "plugin") + " loaded")
        self._proven.append(f"settings of {amount(sum(one.settings is not None for one in on), 'plugin')} read")
        self._problems += misfits(ask.states, names_of(server.plugins.on))
        self._step("trying migrations on copies")
        migrated, problems, waiting = trial_checks.databases(server, data_dir, changed)
        self._proven += migrated
        self._problems += problems
        self._waiting += waiting
        if not self._problems:
            self._try_examples(server, config, trial_checks.touched(ask, self._config, changed))
        if ask.compiles and not self._problems and not self._waiting:
            self._step("compiling")
            is_new = fingerprints.is_another_program(ask.fingerprints, loaded)
            compile_loaded([fingerprints.HERE] if is_new else [])

    def _try_examples(self, server: ChatServer, config: Config, names: Iterable[str]) -> None:
        tried = 0
        for plugin in trial_checks.with_examples(server, names) if self._examples is not None else ():
            self._step(f"trying the examples of the plugin {plugin.name}")
            assert self._examples is not None
            count, wrong = self._examples(plugin, config)
            tried += count
            self._problems += [f"Plugin {plugin.name}: {what}." for what in wrong]
        if tried:
            self._proven.append(f"{amount(tried, 'example')} tried")

    def _step(self, what: str) -> None:
        self._apart.tell(msgspec.json.encode(Line(step=what)).decode())


class PluginLog(logging.Handler):
    """What the log would tell of plugins: which is being loaded, for `step`, and which fail, and where."""

    def __init__(self, step: Callable[[str], None]) -> None:
        super().__init__(logging.DEBUG)
        self.failures: dict[str, str] = {}  # the line in each plugin that has failed, as far as it is known
        self._step = step
        logging.getLogger("greenchat").addHandler(self)
        logging.getLogger("greenchat").propagate = False
        logging.getLogger(loader.log.name).setLevel(logging.DEBUG)

    def emit(self, record: logging.LogRecord) -> None:
        plugin = getattr(record, "plugin", "")
        if record.msg == loader.LOADING:
            self._step(f"loading the plugin {plugin}")
        elif plugin and record.levelno >= logging.ERROR:
            self.failures[plugin] = trial_checks.place(record.exc_info[1] if record.exc_info else None)


def run(apart: Apart, load: Callable[[], tuple[Config, Path]], examples: Examples | None = None) -> NoReturn:
    """Try it, and end the process. `examples` are how those of a plugin are tried; None leaves them out."""
    with suppress(Exception), tempfile.TemporaryDirectory() as scratch:
        found = Trial(apart, load, examples, Path(scratch)).run()
        apart.tell(msgspec.json.encode(Line(finding=found)).decode())
    apart.end()


def _show(data_dir: Path, scratch: Path) -> None:
    """Let plugins find in `scratch` what they find in the data directory, but for databases."""
    with suppress(OSError):  # there is none yet
        for path in data_dir.iterdir():
            if not any(path.match(pattern) for pattern in NOT_SHOWN):
                os.symlink(path.resolve(), scratch / path.name)
