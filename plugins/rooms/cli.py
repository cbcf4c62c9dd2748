"""`greenchat rooms`: what lasts of rooms, on the data directory, whether a server runs on it or not."""

import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import click

from greenchat import (
    AccountDirectory,
    Reject,
    Shell,
    data_dir_from,
    data_dir_options,
    open_database,
    printable,
    require_room,
    transaction,
)

from . import store
from .store import Rules


@click.group("rooms")
def commands() -> None:
    """Look after rooms that last: protected ones, and those that operators keep."""


@commands.command("list")
@data_dir_options
def list_rooms(file: Path | None, data_dir: str | None) -> None:
    """List the rooms that last when nobody is in them: whose they are, what protects them, when they were used last.

    Other rooms are there as long as somebody is in them: see /rooms in the chat. Keys are not told.
    """
    found = _read(data_dir_from(file, data_dir))
    if not found:
        click.echo("No room is protected or kept.")
        return
    accounts = Shell(file, data_dir).accounts
    rows = [("NAME", "OWNER", "PROTECTED BY", "KEPT", "LAST USED")]
    for name, rules in found.items():
        protection = " and ".join(
            filter(None, ["a key" if rules.key else "", "invitation" if rules.invite_only else ""])
        )
        used = f"{datetime.fromtimestamp(rules.used, UTC):%Y-%m-%d}"
        state = "being removed" if rules.removed else used
        rows.append((printable(name), _owner(rules, accounts), protection or "-", "yes" if rules.kept else "-", state))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@commands.command(
    epilog="""\b
Examples:
  greenchat rooms remove cellar
  greenchat rooms remove cellar --yes                asks nothing
Exit codes: 0 it is removed; 1 there is no such room, or you did not want it.
"""
)
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@data_dir_options
def remove(name: str, yes: bool, file: Path | None, data_dir: str | None) -> None:
    """Remove the room NAME: its key, its owner, its topic, and all that was said there.

    A running server puts out who is in there, within a second; else it is done with the next start. Until all is
    forgotten nobody comes in, and then anybody can make a room of this name.
    """
    shell = Shell(file, data_dir)
    room = require_room(name, 0)
    if room == require_room(shell.config.server.default_room, 0):
        raise Reject(f"Everybody comes into {room} first: it cannot be removed.")
    rules = _read(shell.data_dir).get(room)
    unknown = Reject(f"Nothing lasts of {printable(name)}: it is neither protected nor kept. See: greenchat rooms list")
    if rules is None:
        raise unknown
    if not yes:
        owner = _owner(rules, shell.accounts)
        click.echo(f"{printable(room)} (owner: {owner}) and all that was said there cannot be brought back.", err=True)
        if not click.confirm("Remove it?", err=True):
            click.echo("Nothing was changed.", err=True)
            sys.exit(1)
    with closing(open_database(shell.data_dir / store.FILE, store.MIGRATIONS)) as connection:
        if not transaction(connection, store.mark_removed(room)):
            raise unknown
    shell.audit("remove", room=room)
    click.echo(f"{printable(room)} is closed, and goes within a second, or with the next start of the server.")


def _read(data_dir: Path) -> dict[str, Rules]:
    path = data_dir / store.FILE
    if not path.exists():
        return {}
    with closing(open_database(path, store.MIGRATIONS)) as connection:
        return transaction(connection, store.load, writes=False)


def _owner(rules: Rules, accounts: AccountDirectory) -> str:
    if not accounts.known and (rules.owner or rules.owner_key):
        return "not known"
    account = accounts.heir_of(rules.owner_key) if rules.owner_key else accounts.by_id(rules.owner)
    return account.name if account is not None else "nobody"
