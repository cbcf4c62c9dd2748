"""`greenchat connect`, `greenchat status` and `greenchat bench`: clients of a server."""

import sys
from pathlib import Path
from typing import Any

import click

from greenchat.cli.group import main
from greenchat.cli.options import PLACE, encryption, profile_names, tls_options, visitor_options
from greenchat.cli.shell import data_dir_options, server_place

SECRET = click.Path(path_type=Path)


@main.command(
    epilog="""\b
Examples:
  greenchat connect                                  asks for what is missing
  greenchat connect chat.example.org:9999 --name ada
  greenchat connect --name ada --login               asks for the password
  greenchat connect --name ada --stay                asks for it once
  greenchat connect unix:/run/chat.sock              by a socket of this machine
  greenchat connect greenchats://chat.example.org/dev  by a link, with TLS
  greenchat connect chat.example.org --tls --save work   and from then on:
  greenchat connect work                             by a profile
  greenchat connect --line                           lines and a prompt
  greenchat connect --gui                            in a browser
  tail -f app.log | greenchat connect --name app     a pipe citizen
Exit codes: 0 left in good order; 3 the server cannot be reached; 4 refused;
5 the connection was lost; 6 a line was refused, or stood behind /quit.
"""
)
@click.argument("address", required=False, metavar=PLACE, shell_complete=profile_names)
@click.argument("port", required=False)
@click.option("--name", help="Your username.")
@click.option("--room", help="The room to join, instead of the server's default room.")
@visitor_options
@click.option(
    "--stay/--no-stay", default=None, help="Stay logged in on this computer, until /logout. Else you are asked."
)
@click.option("--commands", is_flag=True, help="In a pipe, run lines that begin with / instead of saying them.")
@click.option("--once", is_flag=True, help="In a pipe, end where the connection is lost, instead of coming back.")
@click.option(
    "--line", "view", flag_value="lines", help="Lines and a prompt, as where no full screen fits into the terminal."
)
@click.option("--screen", "view", flag_value="screen", hidden=True)  # for a profile that has it otherwise
@click.option(
    "--save", metavar="NAME", help="Keep where this leads as a profile: `greenchat connect NAME` from then on."
)
@click.option("--gui", is_flag=True, help="Open the web client in a browser instead; an app window, with Chromium.")
@tls_options
def connect(tls: bool, cafile: str | None, insecure: bool, gui: bool, **options: Any) -> None:
    """Join a chat. On a terminal of 40 columns and 15 lines or more it is a full screen: F1 shows all keys, and
    Ctrl-Q, Ctrl-D or /quit leaves. A lost connection comes back by itself.

    A line that begins with / is a command, and //x says /x. What is pasted is said as one message, and never run:
    before a first line that begins with a / one more is put. In a pipe each line is said as it stands, but for blank
    ones; with --commands, those that begin with / are run.
    """
    from greenchat.connect import run, visit

    whom = visit(encryption(tls, cafile, insecure), **options)
    if gui:
        from greenchat.connect.browser import open_page as run
    sys.exit(run(whom))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line instead of a table.")
def profiles(as_json: bool) -> None:
    """List the places that `greenchat connect NAME` leads to.

    They are kept in a file that you may change as you like; its name comes last.
    """
    from greenchat.connect.profile_list import show

    show(as_json=as_json)


@main.command(
    epilog="""\b
Examples:
  greenchat export --name ada > alone.jsonl          asks for the password
  greenchat export chat.example.org:9999 --name ada --login-file secret --output alone.jsonl
Exit codes: 0 it is written; 3 the server cannot be reached; 4 refused; 5 the connection was lost.
"""
)
@click.argument("address", required=False, metavar=PLACE, shell_complete=profile_names)
@click.argument("port", required=False)
@click.option("--name", help="Whose account it is; else that of the profile.")
@click.option("--login-file", type=SECRET, metavar="FILE", help="Its first line is the password; else it is asked for.")
@click.option("--password-file", type=SECRET, metavar="FILE", help="Its first line is the server's pass phrase.")
@click.option("--output", type=SECRET, metavar="FILE", help="Write there, into a new file, which only you can read.")
@tls_options
def export(
    address: str | None,
    port: str | None,
    name: str | None,
    login_file: Path | None,
    password_file: Path | None,
    output: Path | None,
    **tls: Any,
) -> None:
    """Write what you and others have said to each other alone: a JSON object a line.

    Only your own account's, as far as the server keeps it. While it goes on, others see you in the rooms that you had
    not left.
    """
    from greenchat.connect.export import export

    sys.exit(export(address, port, name, login_file, password_file, output, encryption(**tls)))


@main.command(
    epilog="""\b
Examples:
  greenchat status                                   the server of this machine
  greenchat status --data-dir /srv/chat              the one that keeps its files there
  greenchat status 127.0.0.1:9998                    the one that listens there
  greenchat status --json                            for a program
Exit codes: 0 it is well enough to tell; 3 the server cannot be reached; 4 refused; 5 the connection was lost.
"""
)
@click.argument("address", required=False, metavar="[HOST[:PORT]|unix:PATH]")
@click.argument("port", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
@data_dir_options
@tls_options
def status(
    address: str | None, port: str | None, as_json: bool, file: Path | None, data_dir: str | None, **tls: Any
) -> None:
    """Tell how a server is: sessions, rooms, messages, refusals, delays.

    A server tells only who asks from its own machine.
    """
    from greenchat.connect.nearby import Nearby
    from greenchat.connect.status import show

    sys.exit(show(Nearby(address, port, *server_place(file, data_dir, address), encryption(**tls)), as_json=as_json))


@main.command(
    epilog="""\b
Examples:
  greenchat bench                                    a server of its own, 100 clients
  greenchat bench --clients 1000 --messages 2000     a larger hall
  greenchat bench --clients 2000 --idle              the memory of a connection
  greenchat bench --web                              as browsers do it
  greenchat bench --irc                              as clients of IRC do it
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
@click.option("--irc", "language", flag_value="irc", help="Clients speak IRC.")
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
