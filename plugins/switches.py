"""Switches plugins on and off in rooms, for their owners: `/plugin enable|disable NAME`; and, for operators, those on
again that the server has switched off: `/plugin on NAME`."""

from collections.abc import Sequence
from typing import Literal

from greenchat import Call, ChatServer, Command, Notice, Reject, Session, hookimpl, typed_command


class Switches:
    _server: ChatServer

    @hookimpl
    def greenchat_startup(self, server: ChatServer) -> None:
        self._server = server

    @hookimpl
    def greenchat_commands(self) -> Sequence[Command]:
        return [typed_command(self._switch, "plugin", may_run=self._may_run)]

    def _may_run(self, session: Session) -> bool:
        """Nobody need read of it where there is nothing to switch."""
        return session.role == "operator" or bool(self._server.plugins_in(session.room))

    def _switch(
        self, call: Call, what: Literal["enable", "disable", "on"] | None = None, name: str | None = None
    ) -> str:
        """Switch a plugin on or off in a room that is yours, or list those which can be.
        /plugin on NAME is for operators: one that the server has switched off is on again.
        Example: /plugin disable dice"""
        if what == "on":
            return self._switch_on(call.session, name)
        member, here = call.member, call.session.room
        if not here:
            raise Reject("Plugins are switched in rooms. Type it in one.", code="room_required")
        found = self._server.plugins_in(here)
        if what is None:
            listed = ", ".join(f"{plugin} is {'on' if on else 'off'}" for plugin, on in found.items())
            return f"In {here}: {listed}." if listed else f"There is nothing to switch in {here}."
        if name is None:
            raise Reject(f"Which one? Type it so: /plugin {what} NAME", code="usage")
        room = call.session.chat.room_of(member, here)
        if not room.role_of(member):
            raise Reject(f"Only the owner of {room.name} may switch plugins there.", code="not_allowed")
        on = what == "enable"
        name = next((plugin for plugin in found if plugin.casefold() == name.casefold()), name)
        if not self._server.switch_plugin(name, room.name, on):
            return f"{name} is {'on' if on else 'off'} in {room.name} already."
        if call.session.role == "operator" and not room.owned_by(member):
            call.session.chat.audit(call.session.name_on_record(), f"plugin {what}", name, room.name, "")
        told = f"{name} is {'on' if on else 'off'} in {room.name} from now on, says {member.name}."
        room.post(Notice(told, room.name))
        return ""

    def _switch_on(self, session: Session, name: str | None) -> str:
        if session.role != "operator":
            raise Reject("Only operators may do that. In a room of yours: /plugin enable NAME", code="not_allowed")
        if name is None:
            raise Reject("Which one? Type it so: /plugin on NAME", code="usage")
        self._server.switch_plugin_on(name)
        session.chat.audit(session.name_on_record(), "plugin on", name)
        return f"The plugin {name} is on again."


greenchat_plugin = Switches
