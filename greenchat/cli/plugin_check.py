"""`greenchat plugins check`."""

import sys
from pathlib import Path

import click

from greenchat.cli.plugins import plugins, told_of


@plugins.command(
    epilog="""\b
Examples:
  greenchat plugins check dice.py                    one file, and test_dice.py beside it
  greenchat plugins check .                          the project here
"""
)
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--no-tests", is_flag=True, help="Do not run its tests.")
def check(path: Path, no_tests: bool) -> None:
    """Check a plugin before anybody uses it: a file, a package, a project, or a directory of plugins.

    It is loaded apart, in a chat of its own with an empty data directory, and told what it would do. Its examples and
    its tests are run. Exit code 1 where anything is wrong; what is only known to hurt is a warning."""
    import logging

    from greenchat.testing import checking

    logging.getLogger("greenchat").addHandler(logging.NullHandler())
    logging.getLogger("greenchat").propagate = False  # what goes wrong is told below
    base = path if path.is_dir() else path.parent
    faults, warnings = 0, 0
    for found in checking.find(path):
        checked = checking.check(found, base)
        click.echo(f"{checked.name}")
        if checked.described is not None:
            for line in told_of(checked.described):
                click.echo(f"  {line}")
        if checked.rights:
            told = ", ".join(f'"{right}"' for right in checked.rights)
            click.echo(f"  needs     [plugins.{checked.name}] may = [{told}]")
        if checked.examples:
            click.echo(f"  examples  {checked.examples}")
        faults += _tell("fault", checked.faults)
        warnings += _tell("warning", checked.warnings)
    if not no_tests and not faults:
        failed, held = checking.run_tests(path)
        faults += _tell("fault", failed)
        warnings += _tell("warning", held)
    click.echo(f"{_count(faults, 'fault')}, {_count(warnings, 'warning')}.")
    sys.exit(1 if faults else 0)


def _tell(kind: str, lines: list[str]) -> int:
    for line in lines:
        click.secho(f"{kind}: {line}", fg="red" if kind == "fault" else "yellow")
    return len(lines)


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
