"""Slash-commands as records. Help is made from them, so that it cannot lie."""

import difflib
from collections.abc import Callable, Iterable, Iterator

from msgspec.structs import replace

from greenchat import values
from greenchat.errors import PluginError, Reject
from greenchat.hooks.ending import Killed
from greenchat.hooks.interfaces import Command, Session
from greenchat.protocol.text import FORBIDDEN, printable


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
        """Add the commands of a plugin, but for those whose names other plugins have taken; these names are returned.

        Raises `PluginError` for what is no command that people could type, and then adds none.
        """
        if isinstance(commands, str) or not isinstance(commands, Iterable):
            raise PluginError(f"greenchat_commands returned {type(commands).__name__}; return a list of Command")
        checked: dict[str, Command] = {}
        for command in commands:
            command = _checked(command)
            if command.name in checked:
                raise PluginError(f"it has two commands /{command.name}; give one of them another name")
            checked[command.name] = self._guarded(plugin, command)
        taken = [name for name in checked if name in self._commands]
        self._commands |= {name: (command, plugin) for name, command in checked.items() if name not in taken}
        return taken

    def discard(self, plugin: str) -> None:
        """Drop the commands of a plugin."""
        self._commands = {name: entry for name, entry in self._commands.items() if entry[1] != plugin}

    def find(self, name: str, *, quotes: bool = True) -> Command:
        """The command called `name`, in any case, with or without its slash. Raises `Reject` with the nearest match,
        which `quotes` the name, or does not."""
        name = name.removeprefix("/").lower()
        if name in self._commands:
            return self._commands[name][0]
        near = difflib.get_close_matches(name, self._commands, n=1, cutoff=0.5)
        hint = f"Did you mean /{near[0]}?" if near else "/help lists the commands."
        what = f"no command /{printable(name)}" if quotes else "no such command"
        raise Reject(f"There is {what}. {hint}", code="unknown_command")

    def run(self, session: Session, line: str) -> None:
        """Run `line`, what was typed behind the slash. Raises `Reject` for what is not to be run."""
        name, argument, *_ = [*line.split(maxsplit=1), "", ""]
        # What stands behind a slash and a blank need not be meant as a name: it may be a secret.
        command = self.find(name, quotes=not line[:1].isspace())
        if not command.may_run(session):
            raise Reject(f"You may not use /{command.name}.", code="not_allowed")
        if "\n" in line.strip() and not command.lines:
            # Behind a line that holds a secret there may be one more, or words that were meant for somebody else.
            text = f"/{command.name} is one line alone, so nothing was done. Send the other lines by themselves."
            raise Reject(text, code="usage")
        argument = argument.strip()
        if command.usage and not argument and not command.usage.startswith("["):
            raise Reject(f"Something is missing. Type it so: {command.line}", code="usage")
        if session.call is not None:
            session.call.argument = argument
        command.run(session, argument)

    def _guarded(self, plugin: str, command: Command) -> Command:
        """`command`, whose functions fail under the name of `plugin`, whoever calls them: /help asks `may_run`, too."""

        def run(session: Session, argument: str) -> None:
            try:
                command.run(session, argument)
            except Reject as verdict:
                verdict.by = verdict.by or plugin
                raise
            except Killed:
                raise
            except BaseException:
                self._failed(plugin, f"/{command.name}")
                raise Reject(
                    f"/{command.name} has failed. Tell whoever runs the server.", code="command_failed"
                ) from None

        def may_run(session: Session) -> bool:
            try:
                return bool(command.may_run(session))
            except (Reject, Killed):
                raise
            except BaseException:
                self._failed(plugin, f"/{command.name}, asked who may run it")
                return False

        return replace(command, run=run, may_run=may_run)


def _checked(command: object) -> Command:
    """`command` as it can be typed and shown. Raises `PluginError`."""
    if not isinstance(command, Command):
        raise PluginError(f"greenchat_commands returned {command!r}, which is no Command")
    try:
        name, usage, help_text = values.text(command.name), values.text(command.usage), values.text(command.help)
    except (TypeError, ValueError) as error:
        raise PluginError(f"a command is called {command.name!r}, and its texts are none: {error}") from None
    if (
        not name
        or name != name.lower()
        or name.startswith("/")
        or any(map(str.isspace, name))
        or not name.isprintable()
    ):
        raise PluginError(
            f"there cannot be a command {name!r}: nobody could type it. Names are in lower case, without blanks"
        )
    if FORBIDDEN.search(usage + help_text.replace("\n", "")):
        raise PluginError(f"the usage or help of /{name} has control characters")
    if not callable(command.run) or not callable(command.may_run):
        raise PluginError(f"run and may_run of /{name} must be functions")
    return Command(name, usage, help_text, command.run, command.may_run, bool(command.lines))
