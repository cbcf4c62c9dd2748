"""The hooks: their names, arguments and meaning. plugins/README.md is the guide with an example of each.

The kind of a hook, the first word of its docstring, says what happens when an implementation raises (see dispatch.py).
An implementation may leave out arguments that it does not need.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from datetime import datetime

    import click

    from greenchat.chat.accounts import Account
    from greenchat.chat.keys import UsedKey
    from greenchat.chat.log import Alteration, Past
    from greenchat.chat.room import Member, Room
    from greenchat.errors import Reject
    from greenchat.hooks.interfaces import ChatServer, Command, Session
    from greenchat.hooks.order import Order
    from greenchat.hooks.routes import Route
    from greenchat.protocol.events import Event, Message, ModerationAction
    from greenchat.protocol.requests import Say
    from greenchat.protocol.runs import Messages, Says
    from greenchat.protocol.vocabulary import Request

hookspec = pluggy.HookspecMarker("greenchat")
hookimpl = pluggy.HookimplMarker("greenchat")


@hookspec
def greenchat_frame(session: "Session", frame: "Request") -> bool | None:
    """Take: a frame has come in, also one that the core would refuse; return True to handle it yourself."""


@hookspec
def greenchat_says(session: "Session", says: "Says") -> bool | None:
    """Take: messages for a room have come in in a row; return True to handle all of them yourself."""


@hookspec
def greenchat_slash(session: "Session", say: "Say") -> bool | None:
    """Take: a text that begins with a slash has come in; return True to handle it yourself."""


@hookspec
def greenchat_request(session: "Session", frame: "Request") -> bool | None:
    """Take: a frame other than a message has come in; return True to handle it yourself."""


@hookspec
def greenchat_delay_ack(room: "Room", seq: int, rev: int, release: "Callable[[Reject | None], None]") -> bool | None:
    """Take: the message `seq` of `room`, or its change `rev`, is about to be acknowledged; return True to hold that.

    `release` is to be called then, with None, or with why it is not kept."""


@hookspec
def greenchat_order(order: "Order") -> bool | None:
    """Take: a plugin orders that somebody is banned or muted; return True once that is so, or raise Reject("why")."""


@hookspec
def greenchat_check_join(session: "Session", name: str, room: str) -> str | None:
    """Check: somebody wants to come in or change names; return another name, or raise Reject("why")."""


@hookspec
def greenchat_check_message(session: "Session", message: "Message") -> str | None:
    """Check: a message is about to be said; return another text, or raise Reject("why")."""


@hookspec
def greenchat_check_messages(session: "Session", messages: "Messages") -> "Sequence[str | Reject] | None":
    """Check: messages are about to be said in a row; return a text or a Reject for each, or raise Reject("why")."""


@hookspec
def greenchat_check_reaction(session: "Session", room: str, emoji: str) -> None:
    """Check: somebody is about to put an emoji to a message; raise Reject("why")."""


@hookspec
def greenchat_check_enter(session: "Session", name: str, room: str, key: str, since: "datetime | None") -> None:
    """Check: somebody wants to come into a room, or to read what was said there; raise Reject("why")."""


@hookspec
def greenchat_forget_room(room: str) -> None:
    """Check: a room is removed for good, and is empty; forget what you keep of it, or raise Reject("why")."""


@hookspec
def greenchat_messages(messages: "Messages") -> None:
    """Observe: these were said in a row, by one sender in one room, and everybody has been told."""


@hookspec
def greenchat_changed(alteration: "Alteration") -> None:
    """Observe: a message was changed, deleted or reacted to, and everybody has been told."""


@hookspec
def greenchat_room_opened(room: "Room") -> None:
    """Observe: a room comes to be, and nobody is in it yet; restore what you have kept of it."""


@hookspec
def greenchat_entered(session: "Session", room: "Room") -> None:
    """Observe: somebody has come into a room and been welcomed; what you tell them now comes before all else."""


@hookspec
def greenchat_carried(session: "Session") -> None:
    """Observe: the server has been reloaded, and this session goes on; rebuild what you keep for it."""


@hookspec
def greenchat_account(session: "Session") -> None:
    """Observe: a session has logged in to an account, `session.account`, or out of it, where that is empty now."""


@hookspec
def greenchat_acted(act: "ModerationAction") -> None:
    """Observe: somebody has kept order: an operator, the owner of a room, or the server's shell."""


@hookspec
def greenchat_event(event: "Event") -> None:
    """Observe: something has happened and everybody has been told: see events.py for what can."""


@hookspec
def greenchat_connected(session: "Session") -> None:
    """Observe: a connection has said its first bytes; it has no name yet."""


@hookspec
def greenchat_disconnected(session: "Session", reason: str) -> None:
    """Observe: a connection is gone; drop what you kept for it."""


@hookspec
def greenchat_gone(member: "Member") -> None:
    """Observe: somebody is not in the chat any more, by no device, and does not come back as who they were."""


@hookspec
def greenchat_commands() -> "Sequence[Command]":  # type: ignore[empty-body]
    """Provide: slash-commands, at start."""


@hookspec
def greenchat_routes() -> "Sequence[Route]":  # type: ignore[empty-body]
    """Provide: what you answer over HTTP, at start."""


@hookspec
def greenchat_find_message(room: "Room", seq: int) -> "Past | None":
    """Provide: return the message `seq` of `room` as you keep it, or None; raise Reject("why") if it cannot be read."""


@hookspec
def greenchat_find_keys(owner: int | bytes, key: str | None) -> "Sequence[UsedKey] | None":
    """Provide: return what `owner` has said with keys of late, or with this one; raise Reject if nobody can know."""


@hookspec
def greenchat_recall(room: "Room", count: int) -> "Sequence[Past] | None":
    """Provide: return the last `count` messages of `room` as you keep them, all where there are fewer, or None; raise
    Reject("why") if they cannot be read."""


@hookspec
def greenchat_claim(first_bytes: bytes) -> Callable[[Any, str], None] | None:
    """Provide: return who serves a connection that begins so, called with its socket and address, or None."""


@hookspec
def greenchat_cli(group: "click.Group") -> None:
    """Provide: add your own commands to `greenchat`."""


@hookspec
def greenchat_accounts(data_dir: Path) -> "Iterable[Account] | None":
    """Provide: who has registered, by your file in `data_dir`; for command lines, which have no server to ask."""


@hookspec
def greenchat_last_messages(data_dir: Path, room: str, count: int) -> "Sequence[Past] | None":
    """Provide: the last `count` messages of a room, or of all, by your file in `data_dir`; for dry runs of plugins.

    `room` is empty for all rooms. A server may run on `data_dir`, and this may be called in another thread than its
    own: open the file anew, and only read. Nothing that was said alone belongs there."""


@hookspec
def greenchat_shell_acted(data_dir: Path, act: "ModerationAction") -> None:
    """Provide: a command line has changed something in `data_dir`; put that on record there."""


@hookspec
def greenchat_startup(server: "ChatServer") -> None:
    """Provide: the server is about to listen; raise PluginError if you cannot work."""


@hookspec
def greenchat_busy() -> str | None:
    """Provide: the server is to be reloaded; return why that must not be now, or None."""


@hookspec
def greenchat_shutdown(server: "ChatServer") -> None:
    """Provide: everybody has left, or another process goes on with them; finish what you have begun."""
