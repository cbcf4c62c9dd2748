"""The hooks: their names, arguments and meaning. plugins/README.md is the guide with an example of each.

The kind of a hook, the first word of its docstring, says what happens when an implementation raises (see dispatch.py).
An implementation may leave out arguments that it does not need.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    import click

    from greenchat.commands import Command
    from greenchat.events import Event, Message
    from greenchat.frames import Request
    from greenchat.server import ChatServer
    from greenchat.session import Session

hookspec = pluggy.HookspecMarker("greenchat")
hookimpl = pluggy.HookimplMarker("greenchat")


@hookspec
def greenchat_frame(session: "Session", frame: "Request") -> bool | None:
    """Take: a frame has come in, also one that the core would refuse; return True to handle it yourself."""


@hookspec
def greenchat_check_join(session: "Session", name: str, room: str) -> str | None:
    """Check: somebody wants to come in or change names; return another name, or raise Reject("why")."""


@hookspec
def greenchat_check_message(session: "Session", message: "Message") -> str | None:
    """Check: a message is about to be said; return another text, or raise Reject("why")."""


@hookspec
def greenchat_event(event: "Event") -> None:
    """Observe: something has happened and everybody has been told: Message, Joined, Left, Renamed, Notice, Refused."""


@hookspec
def greenchat_connected(session: "Session") -> None:
    """Observe: a connection has said its first bytes; it has no name yet."""


@hookspec
def greenchat_disconnected(session: "Session", reason: str) -> None:
    """Observe: a connection is gone; drop what you kept for it."""


@hookspec
def greenchat_commands() -> "Sequence[Command]":  # type: ignore[empty-body]
    """Provide: slash-commands, at start."""


@hookspec
def greenchat_claim(first_bytes: bytes) -> Callable[[Any, str], None] | None:
    """Provide: return who serves a connection that begins so, called with its socket and address, or None."""


@hookspec
def greenchat_cli(group: "click.Group") -> None:
    """Provide: add your own commands to `greenchat`."""


@hookspec
def greenchat_startup(server: "ChatServer") -> None:
    """Provide: the server is about to listen; raise PluginError if you cannot work."""


@hookspec
def greenchat_shutdown(server: "ChatServer") -> None:
    """Provide: everybody has left; finish what you have begun."""
