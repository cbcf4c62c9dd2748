"""`greenchat files`: files that people have sent, on the data directory, whether a server runs on it or not."""

import hashlib
import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click

from greenchat import (
    Report,
    amount,
    data_dir_from,
    data_dir_options,
    open_to_read,
    printable,
    transaction,
    wrong,
)
from greenchat import examine as examining

from . import store
from .names import clean_name

# What should not be, and the SQL that finds it.
_WRONG = {
    "File {} has nothing in it: {} is not there.": """
        SELECT id, hash FROM files WHERE hash NOT IN (SELECT hash FROM parts) ORDER BY 1
    """,
    "File {} has no small copy: {} is not there.": """
        SELECT id, small FROM files WHERE small <> '' AND small NOT IN (SELECT hash FROM parts) ORDER BY 1
    """,
    "There is what no file has: {}.": """
        SELECT DISTINCT hash FROM parts WHERE hash NOT LIKE 'coming %'
        AND hash NOT IN (SELECT hash FROM files) AND hash NOT IN (SELECT small FROM files) ORDER BY 1
    """,
}


@click.group("files")
def files() -> None:
    """Look after the files that people have sent."""


@files.command(
    epilog="""\b
Examples:
  greenchat files verify
Exit codes: 0 they are whole; 1 they are not, or cannot be read.
"""
)
@data_dir_options
def verify(file: Path | None, data_dir: str | None) -> None:
    """Tell whether all files are as they were sent: what is in each is compared with its SHA-256.

    It looks at a copy, and changes nothing. The copy is made where TMPDIR says, and needs as much room as the file.
    """
    report = examine(_file_in(data_dir_from(file, data_dir)))
    click.echo(report.summary)
    for finding in report.findings:
        click.echo(finding)
    if report.findings:
        sys.exit(1)
    click.echo("They are whole.")


@files.command(
    epilog="""\b
Examples:
  greenchat files export ./files
"""
)
@click.argument("directory", type=click.Path(path_type=Path))
@data_dir_options
def export(directory: Path, file: Path | None, data_dir: str | None) -> None:
    """Write the files of all rooms into a new DIRECTORY: each by the id that messages name it by, and its name.

    What two people have sent to each other alone is not among them.
    """
    path = _file_in(data_dir_from(file, data_dir))
    try:
        directory.mkdir(mode=0o700)
    except OSError as error:
        raise click.ClickException(f"{directory} cannot be made: {error.strerror}. Name a new directory.") from None
    with closing(open_to_read(path, store.MIGRATIONS)) as connection:
        count = transaction(connection, lambda connection: _write_all(connection, directory), writes=False)
    click.echo(f"{amount(count, 'file')} in {directory}.")


def examine(path: Path) -> Report:
    """Look at the file as it is at this moment. Raises `DatabaseError` where it cannot be read at all."""
    return examining(path, store.MIGRATIONS, _summary, _findings)


def _summary(connection: sqlite3.Connection) -> str:
    count, size = connection.execute("SELECT count(*), coalesce(sum(stored), 0) FROM files").fetchone()
    return f"{amount(count, 'file')}, {size / 1e6:,.1f} MB."


def _findings(connection: sqlite3.Connection) -> Iterator[str]:
    yield from wrong(connection, _WRONG)
    for (found,) in connection.execute("SELECT DISTINCT hash FROM parts WHERE hash NOT LIKE 'coming %'").fetchall():
        digest = hashlib.sha256()
        for part in store.parts(connection, found):
            digest.update(part)
        if digest.hexdigest() != found:
            yield f"{printable(found, 64)} is not what it was."


def _write_all(connection: sqlite3.Connection, directory: Path) -> int:
    count = 0
    for kept in store.of_rooms(connection):
        target = directory / f"{clean_name(kept.id)} {clean_name(kept.name)}"
        with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            for part in store.parts(connection, kept.hash):
                out.write(part)
        os.utime(target, times=(kept.time, kept.time))
        count += 1
    return count


def _file_in(data_dir: Path) -> Path:
    path = data_dir / store.FILE
    if not path.exists():
        raise click.ClickException(f"There are no files in {data_dir}.")
    return path
