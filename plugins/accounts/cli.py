"""`greenchat accounts`: on the data directory, whether a server runs on it or not. A running one notices at once."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import click

from greenchat import (
    Reject,
    data_dir_from,
    data_dir_options,
    open_database,
    plugin_settings,
    require_name,
    transaction,
)

from . import store
from .passwords import check_password, normalized
from .settings import Settings


@click.group("accounts")
def commands() -> None:
    """Look after registered names."""


@commands.command("list")
@data_dir_options
def list_accounts(file: Path | None, data_dir: str | None) -> None:
    """List the registered names: since when, and when they were logged in to last."""
    found = _work(data_dir_from(file, data_dir), store.entries, [])
    if not found:
        click.echo("Nobody has registered a name yet.")
        return
    width = max(len("NAME"), *(len(entry.name) for entry in found))
    click.echo(f"{'NAME':{width}}  {'REGISTERED':20}  LAST LOGIN")
    for entry in found:
        click.echo(f"{entry.name:{width}}  {_time(entry.created):20}  {_time(entry.last_login)}")


@commands.command(
    epilog="""\b
Examples:
  greenchat accounts passwd ada                      asks for the new password, twice
  pwgen 20 1 | greenchat accounts passwd ada --password-file -
"""
)
@click.argument("name")
@click.option("--password-file", type=click.File(), metavar="FILE", help="Its first line is the new password.")
@data_dir_options
def passwd(name: str, password_file: TextIO | None, file: Path | None, data_dir: str | None) -> None:
    """Give the account NAME another password. Whoever is logged in to it is logged out."""
    directory = data_dir_from(file, data_dir)
    settings = plugin_settings("accounts", Settings, file)
    key = _key(name)
    account = _work(directory, store.find(key), None)
    if account is None:
        raise _unknown(name)
    if password_file is not None:
        password = password_file.readline().rstrip("\r\n")
    else:
        password = click.prompt("New password", hide_input=True, confirmation_prompt=True)
    check_password(password, account.name, settings.password_length)
    hashed = settings.hasher().hash(normalized(password))
    if not _work(directory, store.set_password(key, hashed, store.now()), False):
        raise _unknown(name)
    click.echo(f"{account.name} has a new password.")


@commands.command()
@click.argument("name")
@data_dir_options
def remove(name: str, file: Path | None, data_dir: str | None) -> None:
    """Remove the account NAME: anybody can have the name then. Whoever is logged in to it is logged out."""
    if not _work(data_dir_from(file, data_dir), store.remove(_key(name)), False):
        raise _unknown(name)
    click.echo(f"Anybody can have the name {name} now. If it was an operator's: greenchat operators remove {name}")


def _work(data_dir: Path, work: Any, nothing: Any) -> Any:
    """What `work` returns; `nothing` where no file was ever made, which looking is no reason to do."""
    path = data_dir / store.FILE
    if not path.exists():
        return nothing
    connection = open_database(path, store.MIGRATIONS)
    try:
        return transaction(connection, work)
    finally:
        connection.close()


def _key(name: str) -> str:
    return require_name(name, 0)[1]


def _unknown(name: str) -> Reject:
    return Reject(f"Nobody has registered {name}. See: greenchat accounts list")


def _time(microseconds: int | None) -> str:
    return f"{datetime.fromtimestamp(microseconds / 1e6, UTC):%Y-%m-%d %H:%M} UTC" if microseconds else "never"
