"""`greenchat plugins try`."""

import sys
from collections.abc import Container, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from greenchat.cli.options import configure, settings_options
from greenchat.cli.plugins import plugins
from greenchat.cli.shell import data_dir_of

if TYPE_CHECKING:
    from greenchat.config.schema import Config
    from greenchat.protocol.dry_runs import DryAsk, DryMessage, DryReport

# Messages that may be asked for: some minutes of work. What is asked is in memory.
MOST_MESSAGES = 100_000


@plugins.command(
    "try",
    epilog="""\b
Examples:
  greenchat plugins try gentle.py                    over the last 1,000 messages of all rooms
  greenchat plugins try . --room lobby --history 5000 --all
  greenchat plugins try moderation --set 'plugins.moderation.words=["damn"]'
  greenchat plugins try new/gentle.py --against old/gentle.py
Exit codes: 0 the plugin has not failed; 1 it has, or could not be tried; 2 a setting or an option is wrong.
""",
)
@click.argument("path", metavar="PATH|NAME")
@click.option(
    "--history",
    "count",
    type=click.IntRange(1, MOST_MESSAGES),
    default=1000,
    show_default=True,
    metavar="N",
    help="Over so many messages, the last.",
)
@click.option("--room", default="", help="Over those of this room alone.")
@click.option("--against", metavar="PATH", help="Tell what differs from another state of the plugin.")
@click.option("--all", "is_all", is_flag=True, help="Show all, and not the first of each kind.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a plugin, for programs.")
@click.option("--seconds", type=click.FloatRange(1), default=60, show_default=True, help="It may take so long in all.")
@settings_options
def try_plugin(
    path: str,
    count: int,
    room: str,
    against: str | None,
    is_all: bool,
    as_json: bool,
    seconds: float,
    **sources: Any,
) -> None:
    """Tell what a plugin would have done to what was said: refused, changed, said; and what it costs a message.

    PATH is a file, a package, a project, or a directory of plugins; NAME one that is installed. What was said is what
    the history of the data directory has, of rooms alone, never of direct conversations; a server may run on it. The
    plugin has the settings that it would have in that server.

    It is tried in a process of its own: in a chat without sockets, with a copy of its own store and database, which is
    thrown away. Nobody is told anything, nothing is kept. It has no network, starts no process, sends no signal, and
    writes no file elsewhere; memory and time are bounded. On Linux the system sees to the network and to files, where
    it lets us, and the last line says so; the rest is refused by Python, which binds what is written in Python alone.
    It may read whatever you may: a plugin is code, and this is no place for one that you do not trust.

    Nobody is an operator there, no other plugin is on but the one that runs commands, and timers and jobs do not ring.
    Commands are in no history, nor what was refused then; what was changed then is there as it was said. Time is that
    of then in `message.time` and `ctx.clock`, and nowhere else.
    """
    from greenchat.protocol.names import require_room

    config = configure(**sources)
    data_dir, room = data_dir_of(config), require_room(room, 0) if room else ""
    tried = dict(_meant(path))
    messages = _said(config, data_dir, room, count, tried)
    failed = False
    for name, where in tried.items():
        ask = _ask(config, name, where, messages)
        report = _tried(ask, data_dir, seconds)
        failed = failed or report.has_failed
        if against is not None:
            failed = _tell_difference(report, ask, against, data_dir, seconds, is_all, as_json) or failed
        else:
            _tell(report, is_all, as_json)
    sys.exit(1 if failed else 0)


def _meant(path: str) -> Iterator[tuple[str, str]]:
    """The names of the plugins that are meant, and where each is; empty for one that is installed."""
    from greenchat.errors import GreenchatError
    from greenchat.hooks.described import nearest
    from greenchat.testing import checking

    if Path(path).exists():
        for one in checking.find(Path(path)):
            yield one.name, path
        return
    known = sorted(checking.installed())
    if path not in known:
        raise GreenchatError(f"There is no file {path}, and no plugin of this name. {nearest(path, known)}")
    yield path, ""


def _said(config: "Config", data_dir: Path, room: str, count: int, tried: Container[str]) -> "list[DryMessage]":
    """What was said, by whoever keeps it. What is `tried` is not loaded for that."""
    from msgspec.structs import replace

    from greenchat.cli.added import load_plugins
    from greenchat.errors import GreenchatError
    from greenchat.hooks.kept_messages import last_messages

    others = {name: table for name, table in config.plugins.items() if name not in tried}
    found = load_plugins(replace(config, plugins=others))
    messages = last_messages(found.manager, data_dir, room, count)
    if not messages:
        what = f"Nothing was said in {room}" if room else "There is no history"
        raise GreenchatError(f"{what} in {data_dir}. Say where the server keeps its files with --data-dir.")
    return messages


def _ask(config: "Config", name: str, where: str, messages: "list[DryMessage]") -> "DryAsk":
    from greenchat.protocol.dry_runs import DryAsk

    return DryAsk(name, where, config.plugins.get(name, {}), messages, config.server.default_room)


def _tried(ask: "DryAsk", data_dir: Path, seconds: float) -> "DryReport":
    from greenchat.server.dry_run import try_out

    own = () if ask.path else (f"{ask.name}.sqlite3",)
    return try_out(ask, data_dir, own_files=own, seconds=seconds)


def _tell(report: "DryReport", is_all: bool, as_json: bool) -> None:
    from msgspec.json import encode

    if as_json:
        click.echo(encode(report))
        return
    for line in report.lines(is_all=is_all):
        click.echo(line)
    click.echo(f"  bounds    kept by the system: {', '.join(report.kernel) or 'none, so by Python alone'}")


def _tell_difference(
    report: "DryReport", ask: "DryAsk", against: str, data_dir: Path, seconds: float, is_all: bool, as_json: bool
) -> bool:
    """Whether the other state could not be tried."""
    from msgspec.json import encode
    from msgspec.structs import replace

    from greenchat.protocol.dry_runs import differences, told_differences

    before = _tried(replace(ask, path=against), data_dir, seconds)
    if as_json:
        click.echo(encode({"before": before, "after": report, "differences": differences(before, report)}))
    else:
        for line in told_differences(before, report, is_all=is_all):
            click.echo(line)
    return bool(before.problem)
