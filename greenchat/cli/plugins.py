"""`greenchat plugins`."""

from typing import Any

import click

from greenchat.cli.group import main
from greenchat.cli.options import configure, settings_options
from greenchat.cli.shell import data_dir_of


@main.group()
def plugins() -> None:
    """Look at plugins."""


@plugins.command("list")
@settings_options
def list_plugins(**sources: Any) -> None:
    """List the plugins, in the order of calling: name, version, where from, on or off and why."""
    from greenchat.cli.added import load_plugins, plugin_commands
    from greenchat.hooks.loader import read_off

    config = configure(**sources)
    switched_off = read_off(data_dir_of(config))
    rows = [("NAME", "VERSION", "FROM", "STATE")]
    found = load_plugins(config)
    added = plugin_commands(found, main.commands)  # what goes wrong there belongs into the table
    for plugin in found:
        plugin.off = plugin.off or switched_off.get(plugin.name, "")
        rows.append((plugin.name, plugin.version, plugin.source, plugin.state))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for name, command in sorted(added.items()):
        click.echo(f"\nA command from a plugin: greenchat {name}. {command.get_short_help_str()}")
