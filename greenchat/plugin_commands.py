"""The commands that plugins add to the command line."""

import re
from collections.abc import Callable, Container

import click

from greenchat.config import Config
from greenchat.ending import dying_of_interrupts
from greenchat.errors import PluginError
from greenchat.plugins import Plugins


def load_plugins(config: Config) -> Plugins:
    """The plugins of a command, which runs without a server. Raises `ConfigError` and `PluginError`."""
    with dying_of_interrupts():
        return Plugins(config)


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
