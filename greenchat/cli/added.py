"""The commands that plugins add to the command line."""

import contextlib
import logging
import os
import re
import sys
from collections.abc import Callable, Container

import click

from greenchat.cli import listing
from greenchat.cli.options import configure
from greenchat.cli.shell import data_dir_of
from greenchat.config.schema import Config
from greenchat.errors import GreenchatError, PluginError
from greenchat.hooks.ending import dying_of_interrupts
from greenchat.hooks.loader import Plugins
from greenchat.storage.plugin_choice import Choice


def load_plugins(config: Config, choice: Choice | None = None) -> Plugins:
    """The plugins of a command, which runs without a server; with a `choice`, those on a server are off that operators
    have switched off there. Raises `ConfigError` and `PluginError`."""
    with dying_of_interrupts():
        return Plugins(config, data_dir=data_dir_of(config), choice=choice)


def plugin_commands(plugins: Plugins, ours: Container[str]) -> dict[str, click.Command]:
    """What plugins add, by names. One that would take the place of one of `ours`, or of another plugin's, is off."""
    added: dict[str, click.Command] = {}
    scratch = click.Group()

    def call(plugin: object, step: Callable[[], object]) -> None:
        scratch.commands.clear()
        step()
        for name, command in scratch.commands.items():
            if not isinstance(command, click.Command) or not re.fullmatch("[a-z0-9][a-z0-9_-]*", name):
                raise PluginError(f"there cannot be a command: greenchat {name}")
            if name in ours or name in added:
                raise PluginError(f"there is a command already: greenchat {name}")
        added.update(scratch.commands)

    plugins.provide("greenchat_cli", call=call, group=scratch)
    return added


def commands_of_plugins(ours: Container[str]) -> dict[str, click.Command]:
    """The commands of plugins as configured by the environment: flags of a command come too late here. Raises
    `ConfigError` and `PluginError`."""
    added = plugin_commands(load_plugins(configure(None, None, (), (), (), ())), ours)
    mark = listing.fingerprint(os.environ)
    if mark:
        listing.keep(mark, _texts(added), os.environ)
    return added


def ask_plugins(ours: Container[str]) -> dict[str, str]:
    """What each command of plugins is for. Nothing else is to be seen of their being loaded; where that cannot be, it
    is what the bundled ones add."""
    logging.disable(logging.CRITICAL)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return _texts(commands_of_plugins(ours))
    except GreenchatError:
        return listing.bundled(os.environ)
    finally:
        logging.disable(logging.NOTSET)


def _texts(commands: dict[str, click.Command]) -> dict[str, str]:
    return {name: command.get_short_help_str(1000) for name, command in commands.items() if not command.hidden}
