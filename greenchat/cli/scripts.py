"""`greenchat say` and `greenchat tail`: the chat, from a script."""

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from greenchat.cli.group import main
from greenchat.cli.options import PLACE, encryption, profile_names, tls_options, visitor_options

if TYPE_CHECKING:
    from greenchat.connect.options import Visit


def moment(text: str) -> datetime:
    """A time, as people write it, or how long ago it was."""
    from greenchat.errors import GreenchatError
    from greenchat.protocol.durations import EXAMPLES, Duration
    from greenchat.protocol.text import printable

    try:
        ago = Duration.parse(text)
        time = datetime.fromisoformat(text) if ago is None else datetime.now(UTC) - ago
        return time.astimezone(UTC)
    except GreenchatError as error:
        raise click.BadParameter(str(error)) from None
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"{printable(text)!r} is no time. Write how long ago it was, like {EXAMPLES}, or when, like 2026-01-31 or "
            "2026-01-31T18:00; without a zone it is this machine's time."
        ) from None


def place_options(command: Any) -> Any:
    """Where the server is, and as whom one comes to it."""
    for option in reversed(
        [
            click.argument("address", required=False, metavar=PLACE, shell_complete=profile_names),
            click.argument("port", required=False),
            click.option(
                "--name",
                help="Your username; else who stays logged in on this computer, or a guest by your name on it.",
            ),
            visitor_options,
            tls_options,
        ]
    ):
        command = option(command)
    return command


class _Say(click.Command):
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            if "extra argument" not in error.message:
                raise
            from greenchat.connect.say import QUOTES

            raise click.UsageError(f"{error.message}. {QUOTES}", ctx) from None


@main.command(
    cls=_Say,
    epilog="""\b
Examples:
  greenchat say ops "The backup is done."
  greenchat say ops "It is green." chat.example.org:9999 --name ci --login-file secret
  greenchat say @ada "Your build is red." --name ci
  df -h | greenchat say ops -                        what it reads, as one message
Exit codes: 0 it was said; 2 a wrong command line; 3 the server cannot be reached; 4 not let in, or not in the room;
5 it is not known whether it was said; 6 it was refused; 130 Ctrl-C.
""",
)
@click.argument("room")
@click.argument("text")
@place_options
@click.option(
    "--wait",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="For so long go on trying, also to reach a server that is not there yet. Else it ends at once where there is "
    "none, and goes on for a minute where the connection is lost, or no answer comes.",
)
def say(room: str, text: str, wait: float | None, **options: Any) -> None:
    """Say one message in ROOM, or to one person: @NAME. It is said once, and as it stands: nothing in it is run.

    TEXT of several words is put in quotes; behind --, it may begin with -. With - alone it is read from standard input.
    An empty ROOM ('') is that of the profile or link, or the server's default one. Nothing is printed unless something
    goes wrong.
    """
    from greenchat.connect.say import QUOTES, say
    from greenchat.protocol.text import printable

    port = options["port"]
    if port is not None and not port.isdigit():
        raise click.UsageError(f"{printable(port)!r} is no port. {QUOTES}")
    sys.exit(say(_visit(room, options), text, wait))


@main.command(
    epilog="""\b
Examples:
  greenchat tail ops                                 the last 10 messages, and what is said from now on
  greenchat tail ops --since 1h --no-follow          what was said within the last hour
  greenchat tail ops --json | jq -r .text            for a program
  greenchat tail @ada --name ci --login-file secret  what ada and ci say alone
Exit codes: 0 nobody reads it any more, or with --no-follow, all is told; 2 a wrong command line; 3 the server cannot be
reached; 4 not let in, or put out of the room; 5 the session was ended, or the connection before all was told;
130 Ctrl-C.
"""
)
@click.argument("room")
@place_options
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line: messages, and what becomes of them.")
@click.option("--since", type=moment, metavar="TIME", help="Begin there: 1h, 2d, 2026-01-31 or 2026-01-31T18:00.")
@click.option(
    "-n", "--lines", type=click.IntRange(0), default=10, show_default=True, help="Begin with so many messages."
)
@click.option(
    "-f", "--follow/--no-follow", default=True, help="Go on with what is said from now on. It does so anyway."
)
def tail(room: str, as_json: bool, since: datetime | None, lines: int, follow: bool, **options: Any) -> None:
    """Tell what is said in ROOM, or with one person alone: @NAME. It comes back by itself, and misses nothing.

    Standard output is what people say, with the time; what the server tells, and what is changed later, goes to
    standard error, but with --json. An empty ROOM ('') is that of the profile or link, or the server's default one.
    """
    from greenchat.connect.tail import Wanted, tail

    sys.exit(tail(_visit(room, options), Wanted(since, lines, follow, as_json)))


def _visit(room: str, options: dict[str, Any]) -> "Visit":
    """What the options say, a password that is asked for included. Raises `ConfigError`."""
    from dataclasses import replace

    from greenchat.connect.common import login_name
    from greenchat.connect.options import asked_password, visit

    secure = encryption(options.pop("tls"), options.pop("cafile"), options.pop("insecure"))
    whom = visit(secure, room=room, commands=False, **options)
    if not whom.asks_login:
        return whom
    return replace(whom, login=asked_password(whom.name or login_name()))
