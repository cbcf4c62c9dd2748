"""`greenchat plugins`: list, show, hooks. `new` and `check` have files of their own."""

import sys
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from greenchat.cli.group import main
from greenchat.cli.options import configure, encryption, settings_options, tls_options
from greenchat.cli.shell import data_dir_of, data_dir_options, server_place

if TYPE_CHECKING:
    from greenchat.hooks.described import Described


@main.group()
def plugins() -> None:
    """Look at plugins, begin one, check one."""


@plugins.command("list")
@click.option(
    "--server",
    is_flag=False,
    flag_value="",
    metavar="[ADDRESS]",
    help="How much the server that runs there, or on the data directory, calls them, and how long.",
)
@settings_options
def list_plugins(server: str | None, **sources: Any) -> None:
    """List the plugins, in the order of calling: name, version, where from, on or off and why.

    A running server tells only who asks from its own machine.
    """
    if server is not None:
        from greenchat.connect.nearby import Nearby
        from greenchat.connect.plugins import show_use

        place = server_place(sources["file"], sources["data_dir"], server)
        sys.exit(show_use(Nearby(server or None, None, *place)))
    from greenchat.cli.added import load_plugins, plugin_commands
    from greenchat.hooks.loader import read_off
    from greenchat.storage.plugin_choice import read_choice

    config = configure(**sources)
    switched_off = read_off(data_dir_of(config))
    rows = [("NAME", "VERSION", "FROM", "STATE")]
    found = load_plugins(config, read_choice(data_dir_of(config)))
    added = plugin_commands(found, main.commands)  # what goes wrong there belongs into the table
    for plugin in found:
        plugin.off = plugin.off or switched_off.get(plugin.name, "")
        rows.append((plugin.name, plugin.version, plugin.source, plugin.state))
    for line in table(rows):
        click.echo(line)
    for name, command in sorted(added.items()):
        click.echo(f"\nA command from a plugin: greenchat {name}. {command.get_short_help_str()}")


@plugins.command(
    epilog="""\b
Examples:
  greenchat plugins show rooms                       one that is installed
  greenchat plugins show dice --plugins-dir ./my-plugins
"""
)
@click.argument("name")
@settings_options
def show(name: str, **sources: Any) -> None:
    """Tell all about a plugin: where it is from, what it does, and its settings with their defaults."""
    from greenchat.cli.added import load_plugins
    from greenchat.errors import GreenchatError
    from greenchat.hooks.described import describe, nearest
    from greenchat.hooks.loader import read_off
    from greenchat.storage.plugin_choice import read_choice

    config = configure(**sources)
    found = load_plugins(config, read_choice(data_dir_of(config)))
    plugin = next((plugin for plugin in found if plugin.name == name), None)
    if plugin is None:
        known = sorted({plugin.name for plugin in found})
        raise GreenchatError(f"There is no plugin {name}. {nearest(name, known, 'Found were')}")
    described = describe(found, plugin)
    plugin.off = plugin.off or read_off(data_dir_of(config)).get(name, "")
    click.echo(f"{plugin.name} {plugin.version}".removesuffix(" -"))
    click.echo(f"  from      {plugin.source}")
    click.echo(f"  state     {plugin.state}")
    for line in told_of(described):
        click.echo(f"  {line}")


@plugins.command()
@click.argument("name", required=False)
def hooks(name: str | None) -> None:
    """List the hooks, by what becomes of what they raise; or tell about the one called NAME."""
    from greenchat.errors import GreenchatError
    from greenchat.hooks.described import hooks as all_hooks
    from greenchat.hooks.described import nearest

    found = {hook.name.removeprefix("greenchat_"): hook for hook in all_hooks()}
    if name is not None:
        hook = found.get(name.removeprefix("greenchat_"))
        if hook is None:
            near = nearest(f"greenchat_{name.removeprefix('greenchat_')}", [one.name for one in found.values()])
            raise GreenchatError(f"There is no hook {name}. {near}")
        click.echo(f"{hook.signature}\n\n{hook.kind.capitalize()}: {hook.meaning}\n\n{KINDS[hook.kind]}")
        if hook.more:
            click.echo(f"\n{hook.more}")
        return
    for kind, meaning in KINDS.items():
        click.echo(f"{kind.upper()}: {meaning}\n")
        for hook in found.values():
            if hook.kind == kind:
                click.echo(f"  {hook.signature}\n      {hook.meaning}")
        click.echo()
    click.echo("plugins/README.md has an example of each; greenchat plugins hooks NAME tells about one.")


# The kinds of hooks, and what becomes of what they raise. See hooks/dispatch.py.
KINDS = {
    "take": "True takes what has come, and nobody else gets it. What raises is logged, and the next is asked.",
    "check": 'raise Reject("why") refuses. What raises anything else refuses, too: it fails closed.',
    "observe": "It has happened, and nobody waits for you. What raises is logged.",
    "provide": "At the start, mostly. Who raises there is off.",
}


def told_of(described: "Described") -> Iterable[str]:
    """What a plugin has, line by line."""
    plugin = described.plugin
    yield from _part("hooks", table([(hook.kind, hook.signature) for hook in described.hooks]))
    yield from _part("commands", table([(command.line, *_marks(command)) for command in described.commands]))
    yield from _part("routes", described.routes)
    yield from _part("timers", described.timers)
    yield from _part("jobs", described.jobs)
    yield from _part("bots", described.bots)
    yield from _part("rooms", [", ".join(plugin.rooms)] if plugin.rooms else [])
    yield from _part("may", [", ".join(sorted(plugin.ctx.may))] if plugin.ctx is not None and plugin.ctx.may else [])
    yield from _part("settings", _settings(described))


def _settings(described: "Described") -> Iterable[str]:
    if described.settings:
        yield f"[plugins.{described.plugin.name}]"
    for setting in described.settings:
        yield from (f"# {line}" for line in textwrap.wrap(setting.description, 90))
        changed = f"  # the default is {_toml(setting.default)}" if setting.value != setting.default else ""
        yield f"{setting.name} = {_toml(setting.value)}{changed}"


def _marks(command: Any) -> tuple[str, str]:
    marks = [name for name in ("operator", "private") if getattr(command, name)]
    return (command.help.partition("\n")[0], ", ".join(marks))


def _part(title: str, lines: Iterable[str]) -> Iterable[str]:
    for number, line in enumerate(lines):
        yield f"{title if number == 0 else '':<10}{line}"


def _toml(value: object) -> str:
    import tomli_w

    return "none" if value is None else tomli_w.dumps({"value": value}).removeprefix("value = ").strip()


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines, each column as wide as it needs."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


@plugins.command(
    epilog="""\b
Examples:
  greenchat plugins why                              of all rooms, on the server of this machine
  greenchat plugins why --room lobby                 of one
  greenchat plugins why --room lobby 42              of one message
Exit codes: 0 it is told; 3 the server cannot be reached; 4 refused; 5 the connection was lost.
"""
)
@click.argument("seq", type=click.IntRange(1), required=False)
@click.option("--room", default="", help="Of this room alone.")
@click.option("--last", type=click.IntRange(1), default=50, show_default=True, help="So many, at most.")
@click.option("--server", metavar="ADDRESS", help="Where the server is: HOST[:PORT] or unix:PATH.")
@data_dir_options
@tls_options
def why(
    seq: int | None, room: str, last: int, server: str | None, file: Path | None, data_dir: str | None, **tls: Any
) -> None:
    """Tell which plugins have refused, changed, taken or delayed messages, when, why, and how long it took.

    Never what was said, and nothing of what is said to one person alone. A server tells only who asks from its own
    machine and may read its data directory.
    """
    from greenchat.connect.nearby import Nearby
    from greenchat.connect.plugins import show_why

    if seq and not room:
        raise click.UsageError("A message is known by its number in a room. Name that with --room.")
    place = server_place(file, data_dir)
    sys.exit(show_why(Nearby(server, None, *place, encryption(**tls)), room, seq or 0, last))
