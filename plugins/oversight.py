"""/why tells which plugin has touched a message, /plugin has one called again that was switched off."""

import re
from collections.abc import Sequence

from greenchat import ChatServer, Command, Reject, Session, hookimpl

# A number of a message, as people type it.
NUMBER = re.compile("#?[1-9][0-9]{0,14}")


class Oversight:
    """The commands."""

    @hookimpl
    def greenchat_startup(self, server: ChatServer) -> None:
        self._server = server

    @hookimpl
    def greenchat_commands(self) -> Sequence[Command]:
        return [
            Command(
                "why",
                "[NUMBER]",
                "Tell which plugin has refused what you said last, and why.\n"
                "With the number of a message: which have changed or delayed it. Operators may ask of all in a room.\n"
                "Example: /why 12",
                self.tell_why,
            ),
            Command(
                "plugin",
                "on NAME",
                "Switch a plugin on again that was switched off for failing, or for holding everybody up.\n"
                "Example: /plugin on karma",
                self.switch,
                may_run=is_operator,
            ),
        ]

    def tell_why(self, session: Session, argument: str) -> None:
        member = session.require_member()
        if not argument:
            last = self._server.last_refusal(member)
            session.info(last.line if last else "No plugin has refused anything that you said of late.")
            return
        if not NUMBER.fullmatch(argument):
            raise Reject("Name the message by its number, which /history tells. Type it so: /why 12", code="usage")
        seq = int(argument.lstrip("#"))
        place = session.chat.place_meant(member)
        found = self._server.touches(member, place, seq, all_of_room=is_operator(session))
        for touch in found:
            session.info(touch.line)
        if not found:
            whose = "" if is_operator(session) and not place.conversation else " of yours"
            session.info(f"No plugin has touched a message {seq}{whose} here, as far as is remembered.")

    def switch(self, session: Session, argument: str) -> None:
        word, _, name = argument.partition(" ")
        name = name.strip()
        if word.lower() != "on" or not name:
            raise Reject("Something is missing. Type it so: /plugin on NAME", code="usage")
        self._server.switch_plugin_on(name)
        session.chat.audit(session.name_on_record(), "plugin on", name)
        session.info(f"The plugin {name} is on again.")


def is_operator(session: Session) -> bool:
    return session.role == "operator"


greenchat_plugin = Oversight
