"""The command line of moderation: what the word list makes of a text, who are operators, and what they did."""

import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import click

from greenchat import (
    SHELL,
    JsonCodec,
    ModerationAction,
    Shell,
    data_dir_from,
    data_dir_options,
    open_database,
    plugin_settings,
    printable,
    require_name,
    transaction,
)

from .answers import lines_of
from .records import (
    FILE,
    MIGRATIONS,
    add_operator,
    is_settled,
    read_acts,
    read_operators,
    remove_operator,
    settle,
    write_acts,
)
from .rules import Operator
from .settings import Settings, words_of
from .terms import when

T = TypeVar("T")


@click.group("moderation")
def moderation() -> None:
    """Look at what is moderated."""


@moderation.command(
    "try",
    epilog="""\b
Examples:
  greenchat moderation try --config chat.toml "Is this said here?"
Exit codes: 0 it passes; 1 it is refused.
""",
)
@click.argument("text")
@click.option(
    "--config",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.toml",
    help="Read settings from this file.",
)
def try_words(text: str, file: Path | None) -> None:
    """Tell what the word list makes of TEXT."""
    settings = plugin_settings("moderation", Settings, file)
    words = words_of(settings)
    if text not in words:
        click.echo("It passes." if words else "It passes: the word list is empty.")
    elif settings.action == "mask":
        click.echo(f"It passes as: {words.mask(text)}")
    elif settings.action == "warn":
        click.echo("It passes, and its sender is warned.")
    else:
        click.echo("It is refused.")
        sys.exit(1)


@click.group(
    epilog="""\b
Examples:
  greenchat operators add ada
  greenchat operators list
What a running server is told so, it knows within a second.
"""
)
def operators() -> None:
    """Say who keeps order in the chat: accounts, once they are logged in."""


@operators.command("add")
@click.argument("name")
@data_dir_options
def add(name: str, file: Path | None, data_dir: str | None) -> None:
    """Make the account NAME an operator.

    The right is the account's, not the name's: it ends with the account, and nobody can have it before there is one.
    """
    shell, (shown, key) = Shell(file, data_dir), require_name(name, 0)
    if not shell.accounts.known:
        raise click.ClickException("No plugin keeps accounts here, so nobody can be an operator. Switch accounts on.")
    account = shell.accounts.find(key)
    if account is None:
        raise click.ClickException(
            f"Nobody has registered {shown}, so nobody would be an operator but whoever does so first. "
            f"Have {shown} /register, and run this again. Who has: greenchat accounts list"
        )
    operator = Operator(account.id, account.name, time.time(), SHELL)
    if _change(shell, "op", account.name, lambda connection: add_operator(connection, operator)):
        click.echo(f"{account.name} is an operator from now on, when logged in.")
    else:
        click.echo(f"{account.name} is an operator already.")


@operators.command(
    "remove",
    epilog="Exit codes: 0 done; 1 there was no such operator.",
)
@click.argument("name")
@data_dir_options
def remove(name: str, file: Path | None, data_dir: str | None) -> None:
    """Let NAME be an operator no more."""
    shell, (shown, key) = Shell(file, data_dir), require_name(name, 0)
    account = shell.accounts.find(key)

    def work(connection: sqlite3.Connection) -> int:
        """Its account's right, and those of accounts that are gone and had this name."""
        gone = (one for one in read_operators(connection) if not shell.accounts.name_of(one.account))
        ids = [one.account for one in gone if require_name(one.name, 0)[1] == key]
        if account is not None:
            ids.append(account.id)
        return sum(remove_operator(connection, account_id) for account_id in ids)

    if not _change(shell, "deop", shown, work):
        raise click.ClickException(f"{shown} is no operator. See: greenchat operators list")
    click.echo(f"{shown} is no operator any more.")


@operators.command("list")
@data_dir_options
def list_operators(file: Path | None, data_dir: str | None) -> None:
    """List the operators, since when they are, and who made them."""
    found = _look(file, data_dir, read_operators)
    if not found:
        click.echo("There are no operators yet. Add one: greenchat operators add NAME")
        return
    accounts = Shell(file, data_dir).accounts
    width = max(len(operator.name) for operator in found)
    for operator in found:
        gone = accounts.known and not accounts.name_of(operator.account)
        end = "; the account is gone, and with it the right" if gone else ""
        click.echo(f"{operator.name:{width}}  since {when(operator.since)}, by {operator.by}{end}")


@click.command(
    epilog="""\b
Examples:
  greenchat audit --limit 100
  greenchat audit --json | jq 'select(.act == "ban")'
"""
)
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many of the latest.")
@click.option("--json", "as_json", is_flag=True, help="As JSON Lines, for programs.")
@data_dir_options
def audit(limit: int, as_json: bool, file: Path | None, data_dir: str | None) -> None:
    """Tell what operators, owners of rooms and this command line have done, the latest last."""
    acts = _look(file, data_dir, lambda connection: read_acts(connection, limit))
    if as_json:
        for act in acts:
            click.echo(JsonCodec().encode(act), nl=False)
        return
    for line in lines_of(acts) if acts else ["Nobody has done anything yet."]:
        click.echo(printable(line, len(line)))


def keep(data_dir: Path, act: ModerationAction) -> None:
    """Put `act` into the audit trail."""
    with closing(open_database(data_dir / FILE, MIGRATIONS)) as connection:
        transaction(connection, lambda connection: write_acts(connection, [act]))


def _change(shell: Shell, act: str, target: str, work: Callable[[sqlite3.Connection], int]) -> int:
    """Do `work` on the file and put it down in the audit trail, unless it changes nothing."""

    accounts = shell.accounts

    def both(connection: sqlite3.Connection) -> int:
        if accounts.known and not is_settled(connection):
            settle(connection, accounts.heirs())
        count = work(connection)
        if count:
            write_acts(connection, [ModerationAction(SHELL, act, target, "", "", datetime.now(UTC))])
        return count

    with closing(open_database(shell.data_dir / FILE, MIGRATIONS)) as connection:
        return transaction(connection, both)


def _look(file: Path | None, data_dir: str | None, work: Callable[[sqlite3.Connection], list[T]]) -> list[T]:
    """What `work` finds in the file; nothing where there is none yet."""
    path = data_dir_from(file, data_dir) / FILE
    if not path.exists():
        return []
    with closing(open_database(path, MIGRATIONS)) as connection:
        accounts = Shell(file, data_dir).accounts
        if accounts.known and not is_settled(connection):
            transaction(connection, lambda connection: settle(connection, accounts.heirs()))
        return transaction(connection, work, writes=False)
