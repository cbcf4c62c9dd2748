"""Opening the screen, and what is told once it is closed."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterable
from typing import Any

import click

from greenchat.client import ClientError
from greenchat.connect.client_file import ClientFile
from greenchat.connect.common import Line, error_line, exit_code, no_way_in, undelivered
from greenchat.connect.link import Link
from greenchat.connect.login_flow import LoginFlow
from greenchat.connect.logins import server_key
from greenchat.connect.model.model import Model
from greenchat.connect.options import Exit, Visit
from greenchat.connect.past import past_of
from greenchat.connect.screen.app import ChatApp
from greenchat.connect.screen.collecting import Collecting
from greenchat.connect.screen.crash import crashed
from greenchat.connect.screen.theme import look
from greenchat.connect.screen.window_title import TITLE_BACK
from greenchat.connect.settings import read


class Told:
    """What is told before there is a screen."""

    def show(self, lines: Iterable[Line]) -> None:
        for line in lines:
            click.echo(str(line))


def chat(visit: Visit) -> Exit:
    """Ask for what is missing, and chat; returns the exit code."""
    told = Told()
    try:
        entrance = LoginFlow(told, visit)
        client, welcome = entrance.enter()
    except ClientError as error:
        told.show([no_way_in(error, visit.host)])
        return exit_code(error)
    except (EOFError, KeyboardInterrupt):
        return Exit.DELIVERED  # before anything was said
    model = Model()

    def connect(app: ChatApp) -> Link:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, app.action_leave)
        loop.add_signal_handler(signal.SIGHUP, _hang_up, app)
        Collecting(lambda: app.typed_at).begin()
        loop.set_exception_handler(lambda loop, told: _mistaken(app, loop, told))
        return Link(client, welcome, entrance.ticket, entrance.logins, model, app)

    file, ticket = ClientFile(), entrance.ticket
    settings = read(file).settings
    app = ChatApp(model, connect, look(settings.theme), settings, file)
    app.choosing.past = lambda: past_of(server_key(ticket.host, ticket.port, ticket.encryption))
    code = app.run()
    if app.window_title.is_set:
        sys.stderr.write(TITLE_BACK)
        sys.stderr.flush()
    sys.stdout.flush()
    if app.crash is not None:
        told.show([error_line(crashed(app.crash))])
    if app.error is not None:
        told.show([error_line(why)] if (why := app.link.sent_away) else [])
        told.show([error_line(str(app.error))])
    if model.sender.waiting:
        told.show([undelivered(model.sender.waiting)])
    return Exit.FAILED if code is None else code


def _hang_up(app: ChatApp) -> None:
    """The window was closed. What is still drawn goes nowhere: Textual would wait for ever for who writes it."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nowhere, stream)
    app.action_leave(hung_up=True)


def _mistaken(app: ChatApp, loop: asyncio.AbstractEventLoop, told: dict[str, Any]) -> None:
    """What the loop has called has failed, such as what looks at what has come: nothing would be heard any more."""
    if "handle" in told and isinstance(error := told.get("exception"), Exception):
        app.crashed(error)
    else:
        loop.default_exception_handler(told)
