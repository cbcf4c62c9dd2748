"""`greenchat direct`: what whoever has the machine can do with what two people say to each other alone."""

import sys
from pathlib import Path

import click

from greenchat.cli.group import main
from greenchat.cli.shell import Shell, data_dir_from, data_dir_options
from greenchat.protocol.text import amount, printable


@main.group("direct")
def direct() -> None:
    """Forget somebody in direct messages, or verify that none is missing."""


@direct.command(
    epilog="""\b
Examples:
  greenchat direct forget --user ada
  greenchat direct forget --user ada --yes           asks nothing
Exit codes: 0 there is nothing of them any more; 1 something is left, or you did not want it.
"""
)
@click.option("--user", required=True, metavar="NAME", help="Whose account it is, or was, however the name is spelt.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@data_dir_options
def forget(user: str, yes: bool, file: Path | None, data_dir: str | None) -> None:
    """Forget what somebody has said to others alone.

    It is as if they had deleted each message of theirs, and taken back each reaction; then it is gone from the bytes of
    the file. That goes for the account of this name, and for those that had it last and were removed. What others have
    said to them stays. A server that uses the file need not be stopped, and tells nothing of it any more after a
    second. `greenchat history forget` does the same, and forgets what they have said in rooms besides.
    """
    from greenchat.storage.direct_forget import Forgetting

    shown, shell = printable(user), Shell(file, data_dir)
    found = Forgetting(_file_in(shell.data_dir).parent, user, shell.accounts)
    if not found.accounts:
        found.forget()  # what was interrupted
        click.echo(f"There is nothing of {shown}.")
        return
    if not yes:
        what, where = amount(found.messages, "message"), amount(found.conversations, "conversation")
        click.echo(f"{shown} has said {what} in {where} of two. What is forgotten cannot be brought back.", err=True)
        if not click.confirm("Forget it?", err=True):
            click.echo("Nothing was changed.", err=True)
            sys.exit(1)
    count = found.forget()
    shell.audit("forget", shown, details=f"{amount(count, 'message')} to others alone")
    click.echo(f"Forgotten: {amount(count, 'message')} of {shown} to others alone.")


@direct.command(
    epilog="""\b
Examples:
  greenchat direct verify
  greenchat direct verify --data-dir /var/lib/greenchat || echo "Look at it."
Exit codes: 0 it is whole; 1 it is not, or cannot be read.
"""
)
@data_dir_options
def verify(file: Path | None, data_dir: str | None) -> None:
    """Tell whether direct messages are whole: the file, their numbers, and between whom they were said.

    It looks at a copy, and changes nothing. The copy is made where TMPDIR says, and needs as much room as the file. No
    words are told.
    """
    from greenchat.storage.direct_verify import examine

    report = examine(_file_in(data_dir_from(file, data_dir)))
    click.echo(report.summary)
    for finding in report.findings:
        click.echo(finding)
    if report.findings:
        sys.exit(1)
    click.echo("It is whole.")


def _file_in(data_dir: Path) -> Path:
    from greenchat.storage.direct_rows import FILE
    from greenchat.storage.sqlite import DatabaseError

    path = data_dir / FILE
    if not path.exists():
        raise DatabaseError(
            f"There are no direct messages in {data_dir}. Say where the server keeps its files with --data-dir."
        )
    return path
