"""Slash-commands as records. Help is made from them, so that it cannot lie."""

import difflib
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from msgspec import Struct

from greenchat.errors import PluginError, Reject
from greenchat.text import printable

if TYPE_CHECKING:
    from greenchat.session import Session


class Command(Struct, frozen=True):
    """One slash-command.

    `run(session, argument)` gets everything behind the name, stripped; what it refuses it raises as `Reject`. It may be
    asked for before JOIN: `session.require_member()` refuses that. `usage` is what follows the name, such as
    "USER TEXT", with optional parts in brackets: where nothing is in brackets, the command is refused without an
    argument. `help` is a line for the list, and more lines, if any, for who asks for this command's help.
    `may_run(session)` says who may; by default everybody.
    """

    name: str
    usage: str
    help: str
    run: "Callable[[Session, str], None]"
    may_run: "Callable[[Session], bool]" = lambda session: True

    @property
    def line(self) -> str:
        """As one types it: `/msg USER TEXT`."""
        return f"/{self.name} {self.usage}".rstrip()


class CommandTable:
    """The commands of one server. `failed(plugin, where)` is told when one raises what is no `Reject`."""

    def __init__(self, failed: Callable[[str, str], None]) -> None:
        self._commands: dict[str, tuple[Command, str]] = {}
        self._failed = failed

    def __iter__(self) -> Iterator[Command]:
        return (command for _, (command, _) in sorted(self._commands.items()))

    def __bool__(self) -> bool:
        return bool(self._commands)

    def add(self, plugin: str, commands: Iterable[Command]) -> list[str]:
        """Add the commands of a plugin, but for those whose names are taken already; these names are returned.

        Raises `PluginError` for what is no command, and then adds none.
        """
        commands = list(commands)
        for command in commands:
            if not isinstance(command, Command):
                raise PluginError(f"greenchat_commands returned {command!r}, which is no Command")
        taken = [command.name for command in commands if command.name in self._commands]
        self._commands |= {command.name: (command, plugin) for command in commands if command.name not in taken}
        return taken

    def discard(self, plugin: str) -> None:
        """Drop the commands of a plugin."""
        self._commands = {name: entry for name, entry in self._commands.items() if entry[1] != plugin}

    def find(self, name: str) -> Command:
        """The command called `name`, in any case, with or without its slash. Raises `Reject` with the nearest match."""
        return self._find(name)[0]

    def run(self, session: "Session", line: str) -> None:
        """Run `line`, what was typed behind the slash. Raises `Reject` for what is not to be run."""
        # Behind a slash and a blank stands no name: it is not to be quoted, as it may be anything.
        name, argument, *_ = [*line.split(maxsplit=1), "", ""] if line[:1].strip() else ("", line)
        command, plugin = self._find(name)
        if not command.may_run(session):
            raise Reject(f"You may not use /{command.name}.", code="not_allowed")
        argument = argument.strip()
        if command.usage and not argument and not command.usage.startswith("["):
            raise Reject(f"Something is missing. Type it so: {command.line}", code="usage")
        try:
            command.run(session, argument)
        except Reject:
            raise
        except Exception:
            self._failed(plugin, f"/{command.name}")
            raise Reject(f"/{command.name} has failed. Tell whoever runs the server.", code="command_failed") from None

    def _find(self, name: str) -> tuple[Command, str]:
        name = name.removeprefix("/").lower()
        if name in self._commands:
            return self._commands[name]
        near = difflib.get_close_matches(name, self._commands, n=1, cutoff=0.5)
        hint = f"Did you mean /{near[0]}?" if near else "/help lists the commands."
        raise Reject(f"There is no command /{printable(name)}. {hint}", code="unknown_command")
