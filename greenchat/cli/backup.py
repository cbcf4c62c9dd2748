"""`greenchat backup` and `greenchat restore`."""

from pathlib import Path

import click

from greenchat.cli.group import main
from greenchat.cli.shell import data_dir_from, data_dir_options
from greenchat.protocol.text import printable

# Names that are told of what a backup leaves out.
NAMES_SHOWN = 10


@main.command(
    epilog="""\b
Examples:
  greenchat backup /backup/greenchat-$(date +%F)
  greenchat backup /backup/now --data-dir /var/lib/greenchat
Exit codes: 0 it is there, whole; 1 there is none.
"""
)
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@data_dir_options
def backup(directory: Path, file: Path | None, data_dir: str | None) -> None:
    """Back up all databases into the new directory DIR, as they are at one moment.

    The server may run meanwhile. Each copy is verified, and DIR is there wholly or not at all; only you can read it. It
    holds what people said, to one person alone, too, where that is kept, and hashes of their passwords.
    """
    from greenchat.storage.backup import make

    source = data_dir_from(file, data_dir)
    made = make(source, directory)
    for name, entry in made.manifest.databases.items():
        click.echo(f"{name}  {entry.bytes:,} bytes")
    click.echo(f"Backed up to {directory}, as it was at {made.manifest.time:%Y-%m-%d %H:%M:%S} UTC.")
    if made.left_out:
        more = f" and {len(made.left_out) - NAMES_SHOWN} more" if len(made.left_out) > NAMES_SHOWN else ""
        shown = ", ".join(map(printable, made.left_out[:NAMES_SHOWN]))
        click.echo(f"Left out, as these are no databases: {shown}{more}.", err=True)


@main.command(
    epilog="""\b
Examples:
  greenchat restore /backup/greenchat-2026-01-31
  greenchat restore /backup/now --data-dir /var/lib/greenchat
Exit codes: 0 it is put back; 1 nothing was changed.
"""
)
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@data_dir_options
def restore(directory: Path, file: Path | None, data_dir: str | None) -> None:
    """Put the backup in DIR back. No server may run on the data directory.

    All of it is verified first. The databases that are there now go into a directory beside the new ones.
    """
    from greenchat.storage.backup import restore as put_back

    done = put_back(directory, data_dir_from(file, data_dir, missing_ok=True))
    if done.aside is not None:
        click.echo(f"What was there is in {done.aside}. Remove it once you are sure.")
    names = ", ".join(done.manifest.databases)
    click.echo(f"Put back: {names}, as of {done.manifest.time:%Y-%m-%d %H:%M:%S} UTC.")
