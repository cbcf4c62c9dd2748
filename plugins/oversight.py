"""/why tells which plugin has touched a message."""

from collections.abc import Sequence
from typing import Annotated

from greenchat import Call, ChatServer, Command, Meta, hookimpl, typed_command


class Oversight:
    """The command."""

    @hookimpl
    def greenchat_startup(self, server: ChatServer) -> None:
        self._server = server

    @hookimpl
    def greenchat_commands(self) -> Sequence[Command]:
        return [typed_command(self._tell_why, "why")]

    def _tell_why(self, call: Call, number: Annotated[int, Meta(ge=1)] | None = None) -> list[str]:
        """Tell which plugin has refused what you said last, and why.
        With the number of a message: which have changed or delayed it. Operators may ask of all in a room.
        Example: /why 12"""
        member, session = call.member, call.session
        if number is None:
            last = self._server.last_refusal(member)
            return [last.line if last else "No plugin has refused anything that you said of late."]
        place, is_operator = call.place, session.role == "operator"
        found = self._server.touches(member, place, number, all_of_room=is_operator)
        if found:
            return [touch.line for touch in found]
        whose = "" if is_operator and not place.conversation else " of yours"
        return [f"No plugin has touched a message {number}{whose} here, as far as is remembered."]


greenchat_plugin = Oversight
