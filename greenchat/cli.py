"""The command line. Each command imports what it needs when it runs, so that `greenchat --help` is quick."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import click

from greenchat import __version__
from greenchat.errors import ConfigError, GreenchatError
from greenchat.shell import data_dir_of

if TYPE_CHECKING:
    from greenchat.config import Config
    from greenchat.encryption import Encryption
    from greenchat.plugins import Plugins

SECRET = click.Path(path_type=Path)


class SettingError(click.ClickException):
    """A wrong setting, told like a wrong option."""

    exit_code = 2


class Commands(click.Group):
    """The built-in commands, and those that plugins add: plugins are loaded only when one of theirs is asked for."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        command = super().get_command(ctx, cmd_name)
        if command is None:
            _add_plugin_commands(self)
            command = super().get_command(ctx, cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. What it raises on purpose becomes a sentence on standard error, and exit code 1 or 2."""
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            raise SettingError(str(error)) from None
        except GreenchatError as error:
            raise click.ClickException(str(error)) from None


EXAMPLES = """\b
Examples:
  greenchat serve                          a chat on port 9999
  greenchat connect                        join it
  echo done | greenchat connect --name ci  say one line from a script

Plugins may add commands: greenchat plugins list.
"""


@click.group(cls=Commands, epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", message="greenchat %(version)s")
def main() -> None:
    """A chat server that you bend with plugins."""


def settings_options(command: Any) -> Any:
    """The options that say where the settings come from."""
    path = click.Path(path_type=Path, dir_okay=False)
    for option in reversed(
        [
            click.option("--config", "file", type=path, metavar="FILE.toml", help="Read settings from this file."),
            click.option("--data-dir", metavar="DIR", help="Where plugins keep their files."),
            click.option(
                "--set", "assignments", multiple=True, metavar="KEY=VALUE", help="One setting: limits.flood_rate=0."
            ),
            click.option("--plugin", "modules", multiple=True, metavar="MODULE", help="Load this module as a plugin."),
            click.option(
                "--plugins-dir", "directories", multiple=True, metavar="DIR", help="Load each file and package in DIR."
            ),
            click.option("--disable-plugin", "disabled", multiple=True, metavar="NAME", help="Leave a plugin out."),
        ]
    ):
        command = option(command)
    return command


def tls_options(command: Any) -> Any:
    """The options that say whether and how a client encrypts."""
    for option in reversed(
        [
            click.option("--tls", is_flag=True, help="Encrypt, and verify whom one talks to."),
            click.option(
                "--cafile", type=click.Path(), metavar="FILE", help="With --tls: trust these certificates (PEM)."
            ),
            click.option(
                "--insecure", is_flag=True, help="With --tls: do not verify. Anybody in between can read along."
            ),
        ]
    ):
        command = option(command)
    return command


def _encryption(tls: bool, cafile: str | None, insecure: bool) -> "Encryption | None":
    from greenchat.encryption import Encryption

    if (cafile or insecure) and not tls:
        raise click.UsageError("--cafile and --insecure are for --tls. Add it.")
    return Encryption(cafile, insecure) if tls else None


def _configure(
    file: Path | None,
    data_dir: str | None,
    assignments: tuple[str, ...],
    modules: tuple[str, ...],
    directories: tuple[str, ...],
    disabled: tuple[str, ...],
    flags: Mapping[str, object] = MappingProxyType({}),
) -> "Config":
    """The configuration, from the options of `settings_options` and more `flags`, by their paths."""
    from greenchat import settings

    common = {
        "server.data_dir": data_dir,
        "server.plugins": list(modules) or None,
        "server.plugins_dirs": list(directories) or None,
        "server.disabled_plugins": list(disabled) or None,
    }
    return settings.load(file, os.environ, assignments, common | dict(flags))


@main.command(
    epilog="""\b
Examples:
  greenchat serve --port 0                           any free port
  greenchat serve --host 127.0.0.1                   this machine only
  greenchat serve --listen [::]:9999 --listen unix:/run/chat.sock
  greenchat serve --plugins-dir ./my-plugins         with plugins of your own
  greenchat serve --set limits.flood_rate=0          no flood control
  greenchat config > chat.toml && greenchat serve --config chat.toml
"""
)
@click.option("--host", help="The address to listen on.  [default: 0.0.0.0]")
@click.option("--port", type=int, help="The port; 0 takes a free one.  [default: 9999]")
@click.option("--listen", multiple=True, metavar="ADDRESS", help="Instead of both: HOST:PORT, [IPv6]:PORT, unix:/path.")
@click.option("--tls-cert", metavar="FILE", help="Take TLS as well, with this certificate (PEM).")
@click.option("--tls-key", metavar="FILE", help="The certificate's private key (PEM).")
@click.option("--password", metavar="PHRASE", help="Who joins must know this. Others on this machine can see it here.")
@settings_options
@click.option("--log-format", type=click.Choice(["text", "json"]), help="How the log on standard error is written.")
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
def serve(
    host: str | None,
    port: int | None,
    listen: tuple[str, ...],
    tls_cert: str | None,
    tls_key: str | None,
    password: str | None,
    log_format: str | None,
    verbose: bool,
    **sources: Any,
) -> None:
    """Start a chat server. Ctrl-C stops it; SIGHUP has it read its configuration again."""

    def configure() -> "Config":
        flags = {
            "server.host": host,
            "server.port": port,
            "server.listen": list(listen) or None,
            "server.log_format": log_format,
            "server.log_level": "debug" if verbose else None,
            "tls.cert": tls_cert,
            "tls.key": tls_key,
            "server.password": password,
        }
        return _configure(**sources, flags=flags)

    config = configure()
    from greenchat.serve import serve

    sys.exit(serve(config, data_dir_of(config), configure))


@main.command(
    epilog="""\b
Examples:
  greenchat connect                                  asks for what is missing
  greenchat connect chat.example.org:9999 --name ada
  greenchat connect --name ada --login               asks for the password
  greenchat connect unix:/run/chat.sock              by a socket of this machine
  greenchat connect --gui                            in a browser
  tail -f app.log | greenchat connect --name app     a pipe citizen
Exit codes: 0 left in good order; 3 the server cannot be reached; 4 refused;
5 the connection was lost; 6 a line was refused, or stood behind /quit.
"""
)
@click.argument("address", required=False, metavar="[HOST[:PORT]|unix:PATH]")
@click.argument("port", required=False)
@click.option("--name", help="Your username.")
@click.option("--room", help="The room to join, instead of the server's default room.")
@click.option("--login", is_flag=True, help="Log in to the account of that name: its password is asked for.")
@click.option("--login-file", type=SECRET, metavar="FILE", help="The same; the password is its first line.")
@click.option("--key-file", type=SECRET, metavar="FILE", help="Its first line is the room's key.")
@click.option("--password-file", type=SECRET, metavar="FILE", help="Its first line is the server's pass phrase.")
@click.option("--commands", is_flag=True, help="In a pipe, run lines that begin with / instead of saying them.")
@click.option("--plain", is_flag=True, help="Speak plain frames, as it does by itself where a server knows no others.")
@click.option("--gui", is_flag=True, help="Open the web client in a browser instead; an app window, with Chromium.")
@tls_options
def connect(tls: bool, cafile: str | None, insecure: bool, gui: bool, **options: Any) -> None:
    """Join a chat. Ctrl-D, Ctrl-C or /quit leaves it. A lost connection comes back by itself, but in a pipe.

    A line that begins with / is a command, and //x says /x. What is pasted is said line by line, and never run: before
    a first line that begins with a / one more is put. In a pipe each line is said as it stands, but for blank ones;
    with --commands, those that begin with / are run.
    """
    from greenchat.terminal import run, visit

    whom = visit(_encryption(tls, cafile, insecure), **options)
    if gui:
        from greenchat.browser import open_page as run
    sys.exit(run(whom))


@main.command(
    epilog="""\b
Examples:
  greenchat config > chat.toml                       a template with every setting
  greenchat config --config chat.toml                what is in force
"""
)
@settings_options
def config(**sources: Any) -> None:
    """Print the whole configuration in force as commented TOML."""
    from greenchat.settings import as_toml

    loaded = _configure(**sources)
    found = _load_plugins(loaded)
    click.echo(as_toml(loaded, {plugin.name: plugin.settings for plugin in found if plugin.settings}), nl=False)


@main.group()
def plugins() -> None:
    """Look at plugins."""


@plugins.command("list")
@settings_options
def list_plugins(**sources: Any) -> None:
    """List the plugins, in the order of calling: name, version, where from, on or off and why."""
    from greenchat.plugin_commands import plugin_commands
    from greenchat.plugins import read_off

    config = _configure(**sources)
    switched_off = read_off(data_dir_of(config))
    rows = [("NAME", "VERSION", "FROM", "STATE")]
    found = _load_plugins(config)
    added = plugin_commands(found, main.commands)  # what goes wrong there belongs into the table
    for plugin in found:
        plugin.off = plugin.off or switched_off.get(plugin.name, "")
        rows.append((plugin.name, plugin.version, plugin.source, plugin.state))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for name, command in sorted(added.items()):
        click.echo(f"\nA command from a plugin: greenchat {name}. {command.get_short_help_str()}")


@main.command(
    epilog="""\b
Examples:
  greenchat status                                   the server on this machine, port 9999
  greenchat status 127.0.0.1:9998                    another one
  greenchat status --json                            for a program
Exit codes: 0 it is well enough to tell; 3 the server cannot be reached; 4 refused; 5 the connection was lost.
"""
)
@click.argument("address", required=False, metavar="[HOST[:PORT]|unix:PATH]")
@click.argument("port", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
@tls_options
def status(address: str | None, port: str | None, as_json: bool, **tls: Any) -> None:
    """Tell how a server is: sessions, rooms, messages, refusals, delays.

    A server tells only who asks from its own machine.
    """
    from greenchat.terminal.status import show

    sys.exit(show(address, port, _encryption(**tls), as_json=as_json))


@main.command(
    epilog="""\b
Examples:
  greenchat bench                                    a server of its own, 100 clients
  greenchat bench --clients 1000 --messages 2000     a larger hall
  greenchat bench --clients 2000 --idle              the memory of a connection
  greenchat bench --web                              as browsers do it
  greenchat bench --json > bench.json                for a program
  greenchat bench 127.0.0.1:9999                     a server that runs already
"""
)
@click.argument("address", required=False, metavar="[HOST:PORT]")
@click.option("--clients", type=click.IntRange(2, 20_000), default=100, show_default=True, help="Clients in the room.")
@click.option("--senders", type=click.IntRange(1), default=10, show_default=True, help="How many send, at most.")
@click.option("--messages", type=click.IntRange(1), default=20_000, show_default=True, help="Messages of each sender.")
@click.option("--size", type=click.IntRange(16, 4_000), default=64, show_default=True, help="Bytes of a message.")
@click.option("--rate", type=click.IntRange(1), default=200, show_default=True, help="Messages a second for latency.")
@click.option("--seconds", type=click.IntRange(1), default=60, show_default=True, help="Give up a part that is slower.")
@click.option("--idle", is_flag=True, help="Only join: how long that takes, and the memory of a connection.")
@click.option("--web", "language", flag_value="web", help="Clients speak over WebSockets, as browsers do.")
@click.option("--json-lines", "language", flag_value="json", help="Clients speak JSON Lines, instead of plain frames.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def bench(address: str | None, as_json: bool, idle: bool, language: str | None, **load: int) -> None:
    """Measure how fast a room is: deliveries a second, latency, processor time and memory.

    Without HOST:PORT it starts a server of its own, with all limits off and the plugins that are configured. A server
    that runs already must have limits.flood_rate and limits.connections_per_address off.

    The clients run in this one process. On a machine of two cores they may well be what is slower: the table says how
    busy they were, and whether they were the limit.
    """
    from greenchat.bench import Load, run

    run(address, Load(**load, idle=idle, language=language or "plain"), as_json=as_json)


def _load_plugins(config: "Config") -> "Plugins":
    from greenchat.plugin_commands import load_plugins

    return load_plugins(config)


def _add_plugin_commands(group: click.Group) -> None:
    """Let plugins add to the command line, as configured by the environment: flags of a command come too late here."""
    from greenchat.plugin_commands import plugin_commands

    loaded = _load_plugins(_configure(None, None, (), (), (), ()))
    group.commands.update(plugin_commands(loaded, group.commands))


from greenchat import cli_backup as cli_backup  # noqa: E402  its commands join `main`
