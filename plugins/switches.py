"""Switches plugins on and off in rooms, for their owners: `/plugin on|off NAME`. For operators: on the whole server, by
`/plugin load|unload|reload|enable|disable NAME`, without anybody noticing; and `/reload`, which takes up all that has
changed on the disk."""

import difflib
from collections.abc import Sequence
from contextlib import suppress
from typing import Literal

from msgspec.structs import replace

from greenchat import (
    Call,
    ChatServer,
    Command,
    Context,
    Notice,
    PluginError,
    Reject,
    Room,
    Session,
    hookimpl,
    printable,
    typed_command,
)

Verb = Literal["on", "off", "enable", "disable", "load", "unload", "reload"]

# What goes behind /plugin reload NAME: look first, and take up just what one has looked at.
How = Literal["--try", "--yes"]

# Without these nobody could type any of this any more.
KEPT = ("slash_commands", "switches")

# It takes some seconds until they know more.
TRYING = "What is on the disk now is tried first. You are told what comes of it."

WAITING = "It is tried on what was said last. That takes some seconds."


class Switches:
    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    @property
    def _server(self) -> ChatServer:
        return self._ctx.server

    @hookimpl
    def greenchat_commands(self) -> Sequence[Command]:
        return [self._completing(), typed_command(self._reload, "reload", operator=True)]

    def _completing(self) -> Command:
        """Clients complete the names of the plugins; others, of files that come later, can be typed as well."""
        command = typed_command(self._switch, "plugin", may_run=self._may_run)
        assert command.arguments is not None
        what, plugin, how = command.arguments
        with suppress(PluginError):  # where no server runs, nobody types
            plugin = replace(plugin, offers=tuple(sorted(filter(str.isidentifier, self._server.found_plugins()))))
        return replace(command, arguments=(what, plugin, how))

    def _may_run(self, session: Session) -> bool:
        """Nobody need read of it where there is nothing to switch."""
        return session.role == "operator" or bool(self._server.plugins_in(session.room))

    def _reload(self, call: Call) -> str:
        """Load what is on the disk now: configuration, plugins, greenchat itself. Nobody loses the connection.
        It is tried first. If anything is wrong, nothing happens, and you read why."""
        self._server.reload(call.session.name_on_record(), call.session, call.ref)
        return TRYING

    def _switch(self, call: Call, what: Verb | None = None, plugin: str | None = None, how: How | None = None) -> str:
        """Switch a plugin on or off in a room that is yours, or list those which can be.
        The others are for operators, and for the whole server. disable holds over restarts, until enable;
        unload until load, or a restart; reload takes up its code as it is now: with --try you read first what that
        would have done otherwise to what was said last, and --yes takes it up. on, outside a room or where it
        cannot be switched there, has one called again that the server has switched off.
        Example: /plugin off dice"""
        session = call.session
        if what is None:
            return self._list(session)
        operator = session.role == "operator"
        if what in ("load", "unload", "reload") and not operator:
            raise Reject("Only operators may do that. In a room of yours: /plugin on NAME", code="not_allowed")
        if plugin is None:
            raise Reject(f"Which one? Type it so: /plugin {what} NAME", code="usage")
        if how is not None and what != "reload":
            raise Reject(f"{how} goes with /plugin reload alone.", code="usage")
        if what not in ("on", "off") and operator:
            return self._choose(call, what, plugin, how)
        if what == "on" and operator and _key(plugin) not in map(_key, self._server.plugins_in(session.room)):
            return self._call_again(session, plugin)
        return self._switch_here(call, plugin, on=what in ("on", "enable"))

    # --- in a room ---

    def _list(self, session: Session) -> str:
        here = session.room
        if not here:
            raise Reject("Plugins are switched in rooms. Type it in one.", code="room_required")
        listed = ", ".join(
            f"{plugin} is {'on' if on else 'off'}" for plugin, on in self._server.plugins_in(here).items()
        )
        return f"In {here}: {listed}." if listed else f"There is nothing to switch in {here}."

    def _switch_here(self, call: Call, name: str, *, on: bool) -> str:
        member, here = call.member, call.session.room
        if not here:
            raise Reject("Plugins are switched in rooms. Type it in one.", code="room_required")
        room = call.session.chat.room_of(member, here)
        if not room.role_of(member):
            raise Reject(f"Only the owner of {room.name} and operators may switch plugins there.", code="not_allowed")
        name = _spelt(name, self._server.plugins_in(here))
        if not self._server.switch_plugin(name, room.name, on):
            return f"{name} is {'on' if on else 'off'} in {room.name} already."
        if call.session.role == "operator" and not room.owned_by(member):
            act = f"plugin {'enable' if on else 'disable'}"
            call.session.chat.audit(call.session.name_on_record(), act, name, room.name, "")
        _tell(room, f"{name} is {'on' if on else 'off'} in {room.name} from now on, says {member.name}.")
        return ""

    # --- on the whole server ---

    def _call_again(self, session: Session, name: str) -> str:
        self._server.switch_plugin_on(name)
        session.chat.audit(session.name_on_record(), "plugin on", name)
        return f"The plugin {name} is on again."

    def _choose(self, call: Call, what: Verb, name: str, how: How | None) -> str:
        found = self._server.found_plugins()
        name = _spelt(name, found)
        if name not in found:
            near = difflib.get_close_matches(name, found, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(sorted(found))}."
            raise Reject(f"There is no plugin {printable(name)}. {hint}", code="unknown_plugin")
        _require_sense(what, name, found[name], self._server)
        if how == "--try":
            self._ctx.spawn(self._try, call, name)
            return WAITING
        if how == "--yes":
            self._server.require_tried(name)
        choice = self._server.choice if what == "reload" else self._server.choice.after(what, name)  # type: ignore[arg-type]
        self._server.reload(call.session.name_on_record(), call.session, call.ref, choice)
        return TRYING

    def _try(self, call: Call, name: str) -> None:
        try:
            lines = self._server.try_plugin(name)
        except Reject as verdict:
            call.reply(verdict.text)
            return
        for line in (*lines, f"To take it up: /plugin reload {name} --yes"):
            call.reply(line)


def _require_sense(what: Verb, name: str, state: str, server: ChatServer) -> None:
    """Raises `Reject` where `what` would change nothing, or what comes of it cannot be meant."""
    chosen, disabled = server.choice, server.config.server.disabled_plugins
    is_on = state.split(";")[0] == "on"
    is_disabled = name in chosen.disabled or (name in disabled and name not in chosen.enabled)
    if what in ("unload", "disable"):
        if name in KEPT:
            raise Reject(f"Without {name} nobody could type /plugin any more.", code="not_allowed")
        if name in server.config.server.required_plugins:
            text = f"{name} is required by the configuration. Take it out of server.required_plugins first."
            raise Reject(text, code="not_allowed")
    problem = ""
    match what:
        case "load" | "reload" if is_disabled:
            problem = f"{name} is disabled. Type /plugin enable {name}"
        case "reload" if name in chosen.unloaded:
            problem = f"{name} is unloaded. Type /plugin load {name}"
        case "load" | "enable" if is_on:
            problem = f"{name} is on already. To take up its code as it is now: /plugin reload {name}"
        case "load" if name not in chosen.unloaded and f"plugins.{name}.on" in state:
            problem = f"{name} is off by the configuration. Type /plugin enable {name}; or /reload, if that has changed"
        case "unload" if is_disabled or name in chosen.unloaded:
            problem = f"{name} is off already."
        case "disable" if is_disabled:
            problem = f"{name} is disabled already."
    if problem:
        raise Reject(problem, code="usage")


def _spelt(name: str, known: Sequence[str] | dict[str, bool] | dict[str, str]) -> str:
    """As it is spelt, in whatever case it was typed."""
    return next((one for one in known if _key(one) == _key(name)), name)


def _key(name: str) -> str:
    return name.casefold()


def _tell(room: Room, text: str) -> None:
    room.post(Notice(text, room.name))


greenchat_plugin = Switches
