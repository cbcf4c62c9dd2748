"""Switches plugins on and off in rooms, for their owners: `/plugin enable|disable NAME`."""

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

    def _switch(self, call: Call, what: Literal["enable", "disable"] | None = None, name: str | None = None) -> str:
        """Switch a plugin on or off in a room that is yours, or list those which can be.
        Example: /plugin disable dice"""
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


greenchat_plugin = Switches
