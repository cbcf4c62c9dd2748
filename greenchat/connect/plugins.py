"""`greenchat plugins list --server` and `greenchat plugins why`: what a running server tells of its plugins, for a
shell."""

from collections.abc import Callable, Sequence
from typing import Any

import click

from greenchat.client import Client, ClientError
from greenchat.connect.common import clean, exit_code
from greenchat.connect.nearby import Nearby
from greenchat.connect.options import Exit
from greenchat.storage.proof import read_proof


def show_use(server: Nearby) -> Exit:
    """Print how much the plugins of a server are called, and how long that takes; returns the exit code.

    Raises `ConfigError`.
    """

    def show(client: Client) -> None:
        stats = client.stats()
        rows = [("PLUGIN", "HOOK", "CALLS", "SECONDS", "MEAN MS", "LONGEST MS", "FAILED")]
        for use in sorted(stats.plugins, key=lambda use: (use.plugin, -use.seconds)):
            mean = 1000 * use.seconds / use.calls if use.calls else 0.0
            times = f"{use.seconds:,.3f}", f"{mean:,.4f}", f"{1000 * use.longest:,.1f}"
            rows.append((clean(use.plugin), use.hook, f"{use.calls:,}", *times, f"{use.failures:,}"))
        _table(rows)
        for plugin, count in sorted(stats.plugin_holds.items()):
            click.echo(f"{clean(plugin)} has held everybody up for more than a tenth of a second: {count:,}")
        for plugin, why in sorted(stats.plugins_off.items()):
            click.echo(f"{clean(plugin)} is switched off: {clean(why)}. Operators type /plugin on {clean(plugin)}")

    return _asking(server, show)


def show_why(server: Nearby, room: str, seq: int, limit: int) -> Exit:
    """Print what plugins have done to messages; returns the exit code. Raises `ConfigError`."""

    def show(client: Client) -> None:
        touches = client.why(room, seq, limit, proof=read_proof(server.data_dir))
        for touch in touches:
            click.echo(clean(touch.line))
        if not touches:
            click.echo("No plugin has touched such a message, as far as is remembered.")

    return _asking(server, show)


def _asking(server: Nearby, show: Callable[[Client], Any]) -> Exit:
    try:
        with server.connect() as client:
            show(client)
    except ClientError as error:
        click.echo(f"Error: {clean(str(error))}", err=True)
        return exit_code(error)
    return Exit.DELIVERED


def _table(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        texts = [cell.ljust(width) for cell, width in zip(row[:2], widths, strict=False)]
        numbers = [cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True)]
        click.echo("  ".join([*texts, *numbers]).rstrip())
