"""`greenchat plugins list --server` and `greenchat plugins why`: what a running server tells of its plugins, for a
shell."""

from collections.abc import Callable, Sequence
from typing import Any

import click

from greenchat.client import Client, ClientError
from greenchat.connect.common import DEFAULT_HOST, DEFAULT_PORT, clean, exit_code
from greenchat.connect.options import Exit, where
from greenchat.net.encryption import Encryption


def show_use(address: str | None, encryption: Encryption | None = None) -> Exit:
    """Print how much the plugins of the server at `address` are called, and how long that takes; returns the exit code.

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

    return _asking(address, encryption, show)


def show_why(
    address: str | None, proof: str, room: str, seq: int, limit: int, encryption: Encryption | None = None
) -> Exit:
    """Print what plugins have done to messages; returns the exit code. `proof`: see storage/proof.py. Raises
    `ConfigError`."""

    def show(client: Client) -> None:
        touches = client.why(room, seq, limit, proof=proof)
        for touch in touches:
            click.echo(clean(touch.line))
        if not touches:
            click.echo("No plugin has touched such a message, as far as is remembered.")

    return _asking(address, encryption, show)


def _asking(address: str | None, encryption: Encryption | None, show: Callable[[Client], Any]) -> Exit:
    host, number = where(address, None)
    try:
        with Client.connect(host or DEFAULT_HOST, number or DEFAULT_PORT, encryption=encryption) as client:
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
