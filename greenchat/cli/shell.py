"""What commands share that work on a server's data directory, whether a server runs on it or not."""

import os
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from greenchat.errors import ConfigError, GreenchatError, PluginError
from greenchat.storage import datadir
from greenchat.storage.proof import SHELL as SHELL

if TYPE_CHECKING:
    from greenchat.chat.accounts import AccountDirectory
    from greenchat.config.schema import Config, Settings
    from greenchat.hooks.loader import Plugins

S = TypeVar("S", bound="Settings")


def data_dir_options(command: Any) -> Any:
    """The options that say where a server's data is: `file` and `data_dir`, for `data_dir_from` and `Shell`."""
    path = click.Path(path_type=Path, dir_okay=False)
    for option in reversed(
        [
            click.option("--config", "file", type=path, metavar="FILE.toml", help="Read settings from this file."),
            click.option("--data-dir", metavar="DIR", help="Where the server keeps its files."),
        ]
    ):
        command = option(command)
    return command


def data_dir_of(config: "Config") -> Path:
    """Where plugins keep their files: as configured, or this system's place for application data."""
    import platformdirs

    return Path(config.server.data_dir or platformdirs.user_data_dir("greenchat"))


def data_dir_from(file: Path | None, data_dir: str | None, *, missing_ok: bool = False) -> Path:
    """The data directory that the options of `data_dir_options` mean. Raises `ConfigError` where there is none."""
    config = _configured(file, data_dir)
    return data_dir_of(config) if missing_ok else _existing(config)


def server_place(file: Path | None, data_dir: str | None, address: str | None = None) -> tuple[Path, bool]:
    """The data directory that these options mean, which need not be there; and whether it was named, by them or by
    the configuration. With an `address`, that alone matters, and none is looked for."""
    if address:
        return Path(), False
    config = _configured(file, data_dir)
    return data_dir_of(config), bool(config.server.data_dir)


def plugin_settings(plugin: str, struct: type[S], file: Path | None = None) -> S:
    """The settings of `plugin`, for its own commands: `[plugins.NAME]` of `file`, then the environment.

    Raises `ConfigError`, which a command need not catch.
    """
    from greenchat.config.grants import split
    from greenchat.config.load import convert, load

    table, _ = split(load(file, os.environ).plugins.get(plugin, {}), plugin, struct)
    return convert(table, struct, f"plugins.{plugin}", "the configuration")


class Shell:
    """A data directory for commands that change something in it. Plugins do not know each other: by this, one asks who
    has an account, and has put on record what it did."""

    def __init__(self, file: Path | None, data_dir: str | None) -> None:
        """`file` and `data_dir` are those of `data_dir_options`. Raises `ConfigError` where no server has ever kept
        anything: a mistyped directory must not come to look like a chat."""
        self.config = _configured(file, data_dir)
        self.data_dir = _existing(self.config)
        if not datadir.is_used(self.data_dir):
            raise ConfigError(
                f"{self.data_dir} is no data directory of a chat: no server has run on it. "
                "Say where the server keeps its files with --data-dir."
            )

    @cached_property
    def accounts(self) -> "AccountDirectory":
        """Who has registered. Raises `GreenchatError` where that cannot be read; nothing is known where no plugin keeps
        accounts."""
        from greenchat.chat.accounts import Account, AccountDirectory

        directory = AccountDirectory()
        told = [list(found) for found in self._each("greenchat_accounts", data_dir=self.data_dir) if found is not None]
        accounts = [account for found in told for account in found]
        if not all(isinstance(account, Account) for account in accounts):
            raise PluginError("a plugin has told of accounts, in greenchat_accounts, that are none")
        if told:
            directory.replace(accounts)
        return directory

    def audit(self, act: str, target: str = "", room: str = "", details: str = "") -> None:
        """Put on record what was done, which must not hold a secret. Raises `GreenchatError` where that cannot be."""
        from greenchat.protocol.events import ModerationAction

        acted = ModerationAction(SHELL, act, target, room, details, datetime.now(UTC))
        try:
            self._each("greenchat_shell_acted", data_dir=self.data_dir, act=acted)
        except GreenchatError as error:
            raise GreenchatError(f"It was done, but is not on record everywhere. {error}") from error

    @cached_property
    def _plugins(self) -> "Plugins":
        from greenchat.hooks.loader import Plugins

        return Plugins(self.config, data_dir=data_dir_of(self.config))

    def _each(self, hook: str, **arguments: object) -> list[Any]:
        """What the implementations of a hook return. What one raises ends the command, once all have been called."""
        results, problems = [], list[GreenchatError]()
        for call in reversed(getattr(self._plugins.manager.hook, hook).get_hookimpls()):
            try:
                results.append(call.function(*(arguments[name] for name in call.argnames)))
            except GreenchatError as error:
                problems.append(error)
            except (Exception, SystemExit) as error:
                what = f"{type(error).__name__}: {error}"
                problems.append(PluginError(f"The plugin {call.plugin_name} has failed in {hook}: {what}"))
        if problems:
            raise problems[0]
        return results


def _configured(file: Path | None, data_dir: str | None) -> "Config":
    from greenchat.config.load import load

    return load(file, os.environ, (), {"server.data_dir": data_dir})


def _existing(config: "Config") -> Path:
    found = data_dir_of(config)
    if not found.is_dir():
        raise ConfigError(f"There is no directory {found}. Say where the server keeps its files with --data-dir.")
    return found
