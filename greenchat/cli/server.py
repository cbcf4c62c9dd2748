"""`greenchat serve`, `greenchat reload`, and `greenchat config`."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from greenchat.cli.group import main
from greenchat.cli.options import configure, encryption, settings_options, tls_options
from greenchat.cli.shell import data_dir_of, data_dir_options, server_place

if TYPE_CHECKING:
    from pathlib import Path

    from greenchat.config.schema import Config


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
@click.option("--trace-plugins", is_flag=True, help="Log each call of a plugin's hook, without what was said.")
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
@click.option("--watch", is_flag=True, help="For who works on a plugin: reload when one of its files has changed.")
def serve(
    host: str | None,
    port: int | None,
    listen: tuple[str, ...],
    tls_cert: str | None,
    tls_key: str | None,
    password: str | None,
    log_format: str | None,
    trace_plugins: bool,
    verbose: bool,
    watch: bool,
    **sources: Any,
) -> None:
    """Start a chat server. Ctrl-C stops it; SIGHUP and greenchat reload have it load what has changed."""

    def read() -> "Config":
        flags = {
            "server.host": host,
            "server.port": port,
            "server.listen": list(listen) or None,
            "server.log_format": log_format,
            "server.log_level": "debug" if verbose else None,
            "server.trace_plugins": trace_plugins or None,
            "tls.cert": tls_cert,
            "tls.key": tls_key,
            "server.password": password,
        }
        return configure(**sources, flags=flags)

    from greenchat.server import apart

    if (trying := apart.enter(os.environ)) is not None:
        from greenchat.server import trial
        from greenchat.testing.examples_apart import tried

        def load() -> "tuple[Config, Path]":
            config = read()
            return config, data_dir_of(config)

        trial.run(trying, load, tried)
    from greenchat.server.run import serve

    sys.exit(serve(read, data_dir_of, watch=watch, file=sources["file"]))


@main.command(
    epilog="""\b
Examples:
  greenchat reload                                   the server of this machine
  greenchat reload --data-dir /srv/chat              the one that keeps its files there
  greenchat reload unix:/run/chat.sock               the one that listens there
  greenchat reload --json                            for a program
Exit codes: 0 all holds now as it is on the disk; 1 something is wrong there, and all goes on as it was;
3 the server cannot be reached; 4 refused; 5 the connection was lost.
"""
)
@click.argument("address", required=False, metavar="[HOST[:PORT]|unix:PATH]")
@click.argument("port", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of sentences.")
@data_dir_options
@tls_options
def reload(
    address: str | None, port: str | None, as_json: bool, file: Path | None, data_dir: str | None, **tls: Any
) -> None:
    """Have a server load what is on the disk now: its configuration, its plugins, greenchat itself.

    It is tried first, in a process of its own: if anything is wrong, nothing happens, and you read why. Then a new
    process takes over all that the old one had. Nobody loses the connection, but for TLS: those come back within a
    second. A server is reloaded only by who asks from its own machine and may read its data directory, where it has
    laid down by which address.
    """
    from greenchat.connect.nearby import Nearby
    from greenchat.connect.reloading import reload

    server = Nearby(address, port, *server_place(file, data_dir), encryption(**tls))
    sys.exit(reload(server, as_json=as_json))


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
    from msgspec import structs

    from greenchat.cli.added import load_plugins
    from greenchat.config.grants import Grants
    from greenchat.config.load import as_toml

    loaded = configure(**sources)
    found = load_plugins(loaded)
    settings = {plugin.name: plugin.settings for plugin in found if plugin.settings}
    granted = {plugin.name: plugin.grants for plugin in found if plugin.grants != Grants()}
    for plugin in found:
        if plugin.opt_in:
            granted[plugin.name] = structs.replace(plugin.grants, on=plugin.grants.on is True)
    click.echo(as_toml(loaded, settings, granted), nl=False)
