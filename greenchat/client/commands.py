"""The commands of the server, run by their typed arguments instead of by lines of text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from greenchat.client.saying import ANSWER_SECONDS
from greenchat.client.unwaited import Unwaited
from greenchat.protocol.events import Event, Notice
from greenchat.protocol.replies import Ack, Answer, CommandEntry, CommandList
from greenchat.protocol.requests import Frame, ListCommands, Ref, RunCommand, Value

# What an argument may be: of one that is repeated it is a list; None is left out.
Argument = Value | Sequence[Value] | None


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a command. `told` is all that it told: a `Notice` for each line, or the `Answer`, page or welcome
    with its fields. `ack` is the server's answer: its `seq` and `id` are those of the message that the command has
    said, and 0 where it said none."""

    told: list[Event | Frame]
    ack: Ack

    @property
    def lines(self) -> list[str]:
        """The same as people read it, as far as it is text."""
        lines: list[str] = []
        for item in self.told:
            if isinstance(item, Notice):
                lines.append(item.text)
            elif isinstance(item, Answer):
                lines += item.lines
        return lines


class Commanding(Unwaited):
    """`commands` and `command` wait for the answer; `ask_commands` and `run` do not, and `receive` brings it."""

    def commands(self, timeout: float = ANSWER_SECONDS) -> list[CommandEntry]:
        """The commands that one may run as what one is now, with their arguments; also before `join`. It is another
        table once one has logged in or out, or has become an operator or an owner.

        Raises `RefusedError` (code `unknown_type` where the server is too old to tell), `NoAnswerError`,
        `DisconnectedError`.
        """
        return self._ask(ListCommands(next(self._refs)), CommandList, timeout).commands

    def command(
        self,
        name: str,
        args: Mapping[str, Argument] | None = None,
        /,
        *,
        room: str = "",
        conversation: str = "",
        to: str = "",
        reply_to: int = 0,
        timeout: float = ANSWER_SECONDS,
        **more: Argument,
    ) -> Ran:
        """Run the command called `name`, and return what it has told and said:

            chat.command("topic", room="dev", text="Roses")
            chat.command("invite", {"user": "bob", "room": "garden"}, room="dev")

        Its arguments are named as in `commands`; those that are called as a parameter of this method, such as `room`,
        go into `args`. Where it is run is one of `room`, `conversation` and `to`, as in `say`. It is run each time:
        after a loss nobody says it again.

        Raises `RefusedError` (with the code of the refusal: `usage` for arguments that do not fit, `unknown_command`,
        `unknown_type` where the server is too old), `NoAnswerError`, `DisconnectedError`, and `ValueError` for more
        than one place.
        """
        ref = self.run(name, {**(args or {}), **more}, room=room, conversation=conversation, to=to, reply_to=reply_to)
        ack = self.confirm(ref, timeout)
        told = [item for item in self._inbox if getattr(item, "ref", None) == ref]
        self._inbox[:] = [item for item in self._inbox if item not in told]
        return Ran(told, ack)

    def run(
        self,
        name: str,
        args: Mapping[str, Argument] | None = None,
        *,
        room: str = "",
        conversation: str = "",
        to: str = "",
        reply_to: int = 0,
    ) -> int:
        """As `command`, without waiting: returns the ref of the answer, as `say` does. All that it tells bears it."""
        if bool(room) + bool(conversation) + bool(to) > 1:
            raise ValueError("one command is run in a room, in a conversation, or with one person")
        ref = next(self._refs)
        values = {key: _value(value) for key, value in (args or {}).items()}
        return self._put(RunCommand(name, values, room, ref, conversation, to, reply_to), ref, f"/{name}")

    def ask_commands(self) -> Ref:
        """As `commands`, without waiting: returns the ref of the answer, a `CommandList` or an `Error`."""
        ref = next(self._refs)
        self._send(ListCommands(ref))
        return ref


def _value(value: Argument) -> Value | list[Value] | None:
    return value if value is None or isinstance(value, str | int | float | bool) else list(value)
