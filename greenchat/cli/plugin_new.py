"""`greenchat plugins new`."""

import keyword
import re
import sys
from pathlib import Path
from string import Template

import click

from greenchat.cli.plugins import plugins
from greenchat.version import __version__


@plugins.command(
    epilog="""\b
Examples:
  greenchat plugins new dice                         a package, in greenchat-dice
  greenchat plugins new dice --single-file           dice.py, and test_dice.py beside it
"""
)
@click.argument("name")
@click.option("--single-file", is_flag=True, help="One file and its tests, for a directory of plugins.")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    metavar="DIR",
    help="Where to put it.  [default: here]",
)
def new(name: str, single_file: bool, into: Path) -> None:
    """Begin a plugin, with a command, a check, a timer and their tests."""
    from greenchat.cli import plugin_templates as templates
    from greenchat.errors import GreenchatError

    name = name.replace("-", "_").removeprefix("greenchat_")
    _require_free(name)
    dashed = name.replace("_", "-")
    module = name if single_file else f"greenchat_{name}"
    files = {
        into / f"{name}.py": templates.PLUGIN,
        into / f"test_{name}.py": templates.TESTS,
    }
    home = into / f"greenchat-{dashed}"
    if not single_file:
        files = {
            home / "pyproject.toml": templates.PYPROJECT,
            home / "README.md": templates.README,
            home / ".gitignore": templates.GITIGNORE,
            home / "src" / module / "__init__.py": templates.PLUGIN,
            home / "src" / module / "py.typed": "",
            home / "tests" / f"test_{name}.py": templates.TESTS,
        }
    there = [file for file in files if file.exists()]
    if there:
        raise GreenchatError(f"{there[0]} is there already. Choose another name, or put it elsewhere with --into.")
    title = name.replace("_", " ").capitalize()
    words = {"name": name, "module": module, "dashed": dashed, "title": title, "version": __version__}
    for file, template in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(Template(template).substitute(words), "utf-8")
        click.echo(f"  {file}")
    if single_file:
        click.echo(
            f"\nTry it: greenchat serve --plugins-dir {into} --watch\nTest it: pytest {into / f'test_{name}.py'}"
        )
    else:
        click.echo(f"\nTest it: cd {home} && pip install -e '.[test]' && pytest\nTry it: greenchat serve --watch")


def _require_free(name: str) -> None:
    """Raises `GreenchatError` for what cannot be a plugin's name, and a command's."""
    from greenchat.cli.added import load_plugins
    from greenchat.config.load import load
    from greenchat.errors import GreenchatError

    if not re.fullmatch("[a-z][a-z0-9_]*", name) or keyword.iskeyword(name) or name in sys.stdlib_module_names:
        raise GreenchatError(
            f"A plugin cannot be called {name}. Take a name in lower case that Python can import, such as dice, and "
            "not that of a module of the standard library."
        )
    found = load_plugins(load())
    taken = {plugin.name for plugin in found}
    found.provide("greenchat_commands", lambda plugin, commands: taken.update(command.name for command in commands))
    if name in taken:
        raise GreenchatError(f"There is a plugin or a command called {name} already. Choose another name.")
