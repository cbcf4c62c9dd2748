"""`greenchat accounts`: on the data directory, whether a server runs on it or not. A running one notices at once."""

import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO, TypeVar

import click

from greenchat import (
    Reject,
    Shell,
    data_dir_from,
    data_dir_options,
    new_account_id,
    open_database,
    plugin_settings,
    require_name,
    transaction,
)

from . import store
from .passwords import check_password, normalized
from .settings import Settings

T = TypeVar("T")


@click.group("accounts")
def commands() -> None:
    """Look after registered names."""


@commands.command("list")
@data_dir_options
def list_accounts(file: Path | None, data_dir: str | None) -> None:
    """List the registered names: since when, and when they were logged in to last."""
    found: list[store.Entry] = look(data_dir_from(file, data_dir), store.entries, [])
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
  greenchat accounts add ada                         asks for the password, twice
  pwgen 20 1 | greenchat accounts add ada            takes the first line
"""
)
@click.argument("name")
@click.option("--password-file", type=click.File(), metavar="FILE", help="Its first line is the password.")
@data_dir_options
def add(name: str, password_file: TextIO | None, file: Path | None, data_dir: str | None) -> None:
    """Make the account NAME, as /register does, also where that is closed.

    Who has the name at the moment, without the account, is called guest-1 or so.
    """
    shell = Shell(file, data_dir)
    settings = plugin_settings("accounts", Settings, file)
    shown, key = require_name(name, shell.config.limits.name_length)
    taken = Reject(f"{shown} belongs to somebody already. See: greenchat accounts list")
    if look(shell.data_dir, store.find(key), None) is not None:
        raise taken
    password = _password(password_file)
    check_password(password, shown, settings.password_length)
    account = store.Account(shown, settings.hasher().hash(normalized(password)), store.now(), new_account_id())
    with closing(open_database(shell.data_dir / store.FILE, store.MIGRATIONS)) as connection:
        if not transaction(connection, store.add(key, account)):
            raise taken
    shell.audit("register", shown)
    click.echo(f"{shown} has an account.")


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
    shell = Shell(file, data_dir)
    settings = plugin_settings("accounts", Settings, file)
    key = _key(name)
    account = look(shell.data_dir, store.find(key), None)
    if account is None:
        raise _unknown(name)
    password = _password(password_file)
    check_password(password, account.name, settings.password_length)
    hashed = settings.hasher().hash(normalized(password))
    if not look(shell.data_dir, store.set_password(key, hashed, store.now(), account.password_set), False):
        raise Reject(f"The account {account.name} has changed meanwhile. Try again.")
    shell.audit("passwd", account.name)
    click.echo(f"{account.name} has a new password.")


@commands.command()
@click.argument("name")
@data_dir_options
def remove(name: str, file: Path | None, data_dir: str | None) -> None:
    """Remove the account NAME: anybody can have the name then. Whoever is logged in to it is logged out.

    What it was allowed ends with it: an operator's is none any more, and its rooms are nobody's, until an operator
    gives them away.
    """
    shell, key = Shell(file, data_dir), _key(name)
    account = look(shell.data_dir, store.find(key), None)
    if account is None or not look(shell.data_dir, store.remove(key), False):
        raise _unknown(name)
    shell.audit("unregister", account.name)
    click.echo(f"Anybody can have the name {account.name} now. What it was allowed has ended with the account.")


def look(data_dir: Path, work: Callable[[sqlite3.Connection], T], nothing: T) -> T:
    """What `work` returns; `nothing` where no file was ever made, which looking is no reason to do."""
    path = data_dir / store.FILE
    if not path.exists():
        return nothing
    connection = open_database(path, store.MIGRATIONS)
    try:
        return transaction(connection, work)
    finally:
        connection.close()


def _password(file: TextIO | None) -> str:
    """The first line of `file`, or of what is piped in; or else as it is typed, twice."""
    if file is None and sys.stdin.isatty():
        typed: str = click.prompt("New password", hide_input=True, confirmation_prompt=True)
        return typed
    line = (file or sys.stdin).readline().rstrip("\r\n")
    if not line:
        raise Reject("There is no password in the first line.")
    return line


def _key(name: str) -> str:
    return require_name(name, 0)[1]


def _unknown(name: str) -> Reject:
    return Reject(f"Nobody has registered {name}. See: greenchat accounts list")


def _time(microseconds: int | None) -> str:
    return f"{datetime.fromtimestamp(microseconds / 1e6, UTC):%Y-%m-%d %H:%M} UTC" if microseconds else "never"
