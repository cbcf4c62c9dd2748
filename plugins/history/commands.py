"""The command line of the history: `greenchat history`. Each command works with or without a server on the file."""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from greenchat import (
    AccountDirectory,
    ConfigError,
    DatabaseError,
    Forgetting,
    PluginError,
    Reject,
    Shell,
    amount,
    as_database_error,
    data_dir_from,
    data_dir_options,
    open_database,
    printable,
    require_room,
)

from . import export as exports
from . import forget as forgetting
from . import store
from . import verify as verifying

# Rooms that are named to whoever has mistyped one.
ROOMS_SHOWN = 10

# How long `forget` waits for its turn, in seconds, each of the many times that it writes: a server with much to write
# leaves others only short moments in which they may, and nobody is in a hurry here.
PATIENCE = 60.0


def moment(text: str) -> datetime:
    """A time, as people write it."""
    try:
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"{printable(text)!r} is no time. Write it like 2026-01-31, 2026-01-31T18:00 or "
            "2026-01-31T18:00+01:00; without a zone it is UTC."
        ) from None


@click.group("history")
def history() -> None:
    """Export what was said, forget somebody, or verify that nothing is missing."""


@history.command(
    epilog="""\b
Examples:
  greenchat history export > chat.jsonl              everything, for programs
  greenchat history export --format text | less      for people
  greenchat history export --room lobby --format html --since 2026-01-01 > lobby.html
Exit codes: 0 it is written; 1 there is no history, or it cannot be read.
"""
)
@click.option("--room", help="Only this room.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "text", "html"]),
    default="jsonl",
    show_default=True,
    help="As JSON clients get it, as readable lines, or as one web page.",
)
@click.option("--since", type=moment, metavar="TIME", help="From this time on: 2026-01-31, or 2026-01-31T18:00.")
@click.option("--until", type=moment, metavar="TIME", help="Before this time.")
@data_dir_options
def export(
    room: str | None,
    form: str,
    since: datetime | None,
    until: datetime | None,
    file: Path | None,
    data_dir: str | None,
) -> None:
    """Write what was said to standard output.

    Of one room in the order in which it was said there; of all rooms in the order of the whole chat, but for a web
    page, which has them one after the other. Times are UTC.
    """
    with _opened(_file_in(data_dir_from(file, data_dir))) as connection:
        room = _known_room(connection, room) if room else ""
        wanted = exports.Wanted(room, since, until, _accounts(file, data_dir))
        out = sys.stdout.buffer
        for part in exports.FORMATS[form](connection, wanted):
            out.write(part)
        out.flush()


@history.command(
    epilog="""\b
Examples:
  greenchat history forget --user ada
  greenchat history forget --user ada --yes          asks nothing
Exit codes: 0 there is nothing of them any more; 1 something is left, or you did not want it.
"""
)
@click.option("--user", required=True, metavar="NAME", help="Whose words these are, however the name was spelt.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@data_dir_options
def forget(user: str, yes: bool, file: Path | None, data_dir: str | None) -> None:
    """Forget what somebody has said.

    Their messages are replaced by "(forgotten)", without a name, and their comings and goings are removed: from the
    tables, from the index of words, and from the bytes of the file. A server that uses it need not be stopped. It may
    tell the last of what they said to newcomers for another second, and what is said at the end waits to be written
    while the file is written anew, for about a second for a million messages. The disk needs room for a copy
    of it. What they say from now on is kept as ever.

    So it is with what their account has said to others alone, as by `greenchat direct forget`.

    What others wrote about them stays, and what is not in this file: an account, the records of moderation, the logs
    of chatlog, exports, backups.
    """
    path = _file_in(data_dir_from(file, data_dir))
    shown, shell = printable(user), Shell(file, data_dir)
    direct = Forgetting(path.parent, user, shell.accounts)
    alone = direct.messages
    with _opened(path, busy_seconds=PATIENCE) as connection:
        found = forgetting.find(connection, user)
        unclean = forgetting.unclean(connection)
        if not found.names and not unclean and not alone:
            direct.forget()  # what of it was begun, and not ended
            click.echo(f"There is nothing of {shown}.")
            return
        what = f"{_count(found.messages, 'message')} and {_count(found.moves, 'coming or going', 'comings and goings')}"
        if (found.names or alone) and not yes:
            spelt = ", ".join(map(printable, found.names)) or shown
            besides = f", and {_count(alone, 'message')} to others alone" if alone else ""
            click.echo(f"There are {what} of {spelt}{besides}. They cannot be brought back.", err=True)
            if not click.confirm("Forget them?", err=True):
                click.echo("Nothing was changed.", err=True)
                sys.exit(1)
        messages, moves = forgetting.replace(connection, found.names)
        forgetting.clean(connection, path, PATIENCE)
        what = f"{_count(messages, 'message')} and {_count(moves, 'coming or going', 'comings and goings')}"
        alone = direct.forget()
        shell.audit("forget", shown, details=amount(messages + alone, "message"))
        click.echo(f"Forgotten: {what} of {shown}.")
        if alone:
            click.echo(f"Forgotten as well: {_count(alone, 'message')} to others alone.")


@history.command(
    epilog="""\b
Examples:
  greenchat history verify
  greenchat history verify --data-dir /var/lib/greenchat || echo "Look at it."
Exit codes: 0 it is whole; 1 it is not, or cannot be read.
"""
)
@data_dir_options
def verify(file: Path | None, data_dir: str | None) -> None:
    """Tell whether the history is whole: the file, the numbers of the messages, and the index of words.

    It looks at a copy, and changes nothing. The copy is made where TMPDIR says, and needs as much room as the file. Of
    what people say to each other alone tells `greenchat direct verify`.
    """
    report = verifying.examine(_file_in(data_dir_from(file, data_dir)))
    click.echo(report.summary)
    for finding in report.findings:
        click.echo(finding)
    if report.findings:
        sys.exit(1)
    click.echo("It is whole.")


def _accounts(file: Path | None, data_dir: str | None) -> AccountDirectory:
    """Who has registered; nobody, where that cannot be read: what was said is there all the same."""
    try:
        return Shell(file, data_dir).accounts
    except (ConfigError, DatabaseError, PluginError) as error:
        click.echo(f"Accounts are not named: {error}", err=True)
        return AccountDirectory()


def _file_in(data_dir: Path) -> Path:
    path = data_dir / store.FILE
    if not path.exists():
        raise DatabaseError(f"There is no history in {data_dir}. Say where the server keeps its files with --data-dir.")
    return path


@contextmanager
def _opened(path: Path, **options: Any) -> Iterator[sqlite3.Connection]:
    connection = open_database(path, store.MIGRATIONS, **options)
    try:
        yield connection
    except sqlite3.Error as error:
        raise as_database_error(error, path) from error
    finally:
        connection.close()


def _known_room(connection: sqlite3.Connection, room: str) -> str:
    """The room's name in its one form. Raises `Reject` where there is none."""
    name = require_room(room, 0)
    names = sorted(known for _, known in store.rooms(connection))
    if name not in names:
        some = ", ".join(map(printable, names[:ROOMS_SHOWN])) + ", ..." * (len(names) > ROOMS_SHOWN)
        raise Reject(f"Nothing was said in {printable(name)}. There is: {some or 'no room yet'}.")
    return name


def _count(number: int, one: str, more: str = "") -> str:
    return f"{number:,} {one if number == 1 else more or one + 's'}"
