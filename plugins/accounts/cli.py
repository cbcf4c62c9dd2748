"""`greenchat accounts`: on the data directory, whether a server runs on it or not. A running one notices at once."""

import sqlite3
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO, TypeVar

import click
import msgspec

from greenchat import (
    Reject,
    Shell,
    amount,
    data_dir_from,
    data_dir_options,
    new_account_id,
    open_database,
    plugin_settings,
    require_name,
    transaction,
)

from . import device_store, store
from .device_store import Device
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


@commands.command(
    epilog="""\b
Examples:
  greenchat accounts sessions ada                    where ada stays logged in
  greenchat accounts sessions ada --end 4            not on that device any more
  greenchat accounts sessions ada --json | jq .device
"""
)
@click.argument("name")
@click.option("--end", type=int, metavar="ID", help="Log out on the device with this ID.")
@click.option("--end-all", is_flag=True, help="Log out on all of them.")
@click.option("--json", "as_json", is_flag=True, help="List as JSON Lines, for programs.")
@data_dir_options
def sessions(name: str, end: int | None, end_all: bool, as_json: bool, file: Path | None, data_dir: str | None) -> None:
    """List the devices on which the account NAME stays logged in, or log out there.

    A running server notices within a second, and ends what is connected from these devices.
    """
    directory = data_dir_from(file, data_dir)
    account = look(directory, store.find(_key(name)), None)
    if account is None:
        raise _unknown(name)
    devices: list[Device] = look(directory, device_store.of_account(account.id, _oldest(file)), [])
    if end is None and not end_all:
        _list_devices(account.name, devices, as_json=as_json)
        return
    chosen = [device.id for device in devices if end_all or device.number == end]
    if not chosen and not end_all:
        raise Reject(f"{account.name} has no device {end}. See: greenchat accounts sessions {account.name}")
    shell = Shell(file, data_dir)
    ended = look(shell.data_dir, device_store.remove(account.id, chosen), 0)
    if ended:
        shell.audit("logout", account.name)
    click.echo(f"{account.name} is logged out on {amount(ended, 'device')}.")


def _list_devices(name: str, devices: Sequence[Device], *, as_json: bool) -> None:
    if as_json:
        for device in devices:
            since, used = (datetime.fromtimestamp(time / 1e6, UTC) for time in (device.created, device.last_used))
            line = {"id": device.number, "device": device.name, "since": since, "last_used": used}
            click.echo(msgspec.json.encode(line))
        return
    if not devices:
        click.echo(f"{name} stays logged in on no device.")
        return
    width = max(len("DEVICE"), *(len(device.name) for device in devices))
    click.echo(f"{'ID':>6}  {'DEVICE':{width}}  {'SINCE':20}  LAST USED")
    for device in devices:
        shown = f"{device.number:6}  {device.name:{width}}  {_time(device.created):20}  {_time(device.last_used)}"
        click.echo(shown)


def _oldest(file: Path | None) -> int:
    return device_store.oldest(plugin_settings("accounts", Settings, file).device_days)


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
