"""`greenchat plugins`."""

import sys
from typing import Any

import click

from greenchat.cli.group import main
from greenchat.cli.options import configure, encryption, settings_options, tls_options
from greenchat.cli.shell import data_dir_of


@main.group()
def plugins() -> None:
    """Look at plugins."""


@plugins.command("list")
@click.option("--server", metavar="ADDRESS", help="How much the server that runs there calls them, and how long.")
@settings_options
def list_plugins(server: str | None, **sources: Any) -> None:
    """List the plugins, in the order of calling: name, version, where from, on or off and why.

    A running server tells only who asks from its own machine.
    """
    if server is not None:
        from greenchat.connect.plugins import show_use

        sys.exit(show_use(server))
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


@plugins.command(
    epilog="""\b
Examples:
  greenchat plugins why                              of all rooms, on the server of this machine, port 9999
  greenchat plugins why --room lobby                 of one
  greenchat plugins why --room lobby 42              of one message
Exit codes: 0 it is told; 3 the server cannot be reached; 4 refused; 5 the connection was lost.
"""
)
@click.argument("seq", type=click.IntRange(1), required=False)
@click.option("--room", default="", help="Of this room alone.")
@click.option("--last", type=click.IntRange(1), default=50, show_default=True, help="So many, at most.")
@click.option("--server", metavar="ADDRESS", help="Where the server is: HOST[:PORT] or unix:PATH.")
@tls_options
def why(seq: int | None, room: str, last: int, server: str | None, **tls: Any) -> None:
    """Tell which plugins have refused, changed, taken or delayed messages, when, why, and how long it took.

    Never what was said, and nothing of what is said to one person alone. A server tells only who asks from its own
    machine.
    """
    from greenchat.connect.plugins import show_why

    if seq and not room:
        raise click.UsageError("A message is known by its number in a room. Name that with --room.")
    sys.exit(show_why(server, room, seq or 0, last, encryption(**tls)))
