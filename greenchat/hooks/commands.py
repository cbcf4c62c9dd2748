"""Slash-commands as records. Help is made from them, so that it cannot lie."""

import difflib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from msgspec.structs import replace

from greenchat import values
from greenchat.chat.outlet import Asked
from greenchat.errors import PluginError, Reject
from greenchat.hooks.arguments import Signature
from greenchat.hooks.clock import SystemClock
from greenchat.hooks.ending import Killed
from greenchat.hooks.kinds import Argument
from greenchat.hooks.meters import COMMANDS, Meters
from greenchat.hooks.named import Named
from greenchat.hooks.patterns import SlowPatternError
from greenchat.hooks.rates import Rate, RateLimit
from greenchat.hooks.session import Call, Command, Session
from greenchat.protocol.events import Event
from greenchat.protocol.replies import CommandEntry
from greenchat.protocol.requests import Frame
from greenchat.protocol.text import FORBIDDEN, printable

# Commands of one plugin: nobody reads more in /help, and each client is told of all.
MOST = 1000


class Entry(NamedTuple):
    """A command whose functions fail under the name of its `plugin`. `perform` runs it with values of its arguments."""

    command: Command
    plugin: str
    signature: Signature
    perform: Callable[[Session, dict[str, Any]], None]
    now: Callable[[], datetime]


class CommandTable:
    """The commands of one server. `failed(plugin, where)` is told when one raises what is no `Reject`;
    `require_on(plugin, room, what)` raises one where the plugin is off in the room. `meters` count the calls."""

    def __init__(
        self,
        failed: Callable[[str, str], None],
        clock: Callable[[], float] = time.monotonic,
        require_on: Callable[[str, str, str], None] = lambda plugin, room, what: None,
        meters: Meters | None = None,
    ) -> None:
        self._meters = meters or Meters()
        self._require_on = require_on
        self._commands: dict[str, Entry] = {}
        self._failed = failed
        self._clock = clock

    def __iter__(self) -> Iterator[Command]:
        return (entry.command for _, entry in sorted(self._commands.items()))

    def __bool__(self) -> bool:
        return bool(self._commands)

    def add(self, plugin: str, commands: Iterable[Command], ctx: Any = None) -> list[str]:
        """Add the commands of a plugin, whose context is `ctx`, but for those whose names other plugins have taken;
        these names are returned.

        Raises `PluginError` for what is no command that people could type, and then adds none.
        """
        if isinstance(commands, str) or not isinstance(commands, Iterable):
            raise PluginError(f"greenchat_commands returned {type(commands).__name__}; return a list of Command")
        checked: dict[str, Entry] = {}
        for command in commands:
            if len(checked) == MOST:
                raise PluginError(f"it has more than {MOST} commands; let one take a word instead")
            command = _checked(command)
            if command.name in checked:
                raise PluginError(f"it has two commands /{command.name}; give one of them another name")
            checked[command.name] = self._entry(plugin, command, ctx)
        taken = [name for name in checked if name in self._commands]
        self._commands |= {name: entry for name, entry in checked.items() if name not in taken}
        return taken

    def discard(self, plugin: str) -> None:
        """Drop the commands of a plugin."""
        self._commands = {name: entry for name, entry in self._commands.items() if entry.plugin != plugin}

    def of(self, plugin: str) -> list[Command]:
        """The commands of a plugin."""
        return [entry.command for _, entry in sorted(self._commands.items()) if entry.plugin == plugin]

    def find(self, name: str, *, quotes: bool = True) -> Command:
        """The command called `name`, in any case, with or without its slash. Raises `Reject` with the nearest match,
        which `quotes` the name, or does not."""
        return self._find(name, quotes=quotes).command

    def run(self, session: Session, line: str) -> None:
        """Run `line`, what was typed behind the slash. Raises `Reject` for what is not to be run."""
        name, argument, *_ = [*line.split(maxsplit=1), "", ""]
        # What stands behind a slash and a blank need not be meant as a name: it may be a secret.
        entry = self._find(name, session, quotes=not line[:1].isspace())
        self._require_allowed(session, entry, "\n" in line.strip())
        self._run_text(session, entry, argument.strip())

    def run_with(self, session: Session, name: str, args: Mapping[str, Any]) -> None:
        """Run the command called `name` with arguments by their names, as a program sends them. Raises `Reject`."""
        entry = self._find(name, session)
        self._require_allowed(session, entry, any(isinstance(value, str) and "\n" in value for value in args.values()))
        if entry.command.typed is None:
            given = entry.signature.from_values(args, Named(session, entry.now))
            self._run_text(session, entry, (given.get("text") or "").strip())
        else:
            named = Named(session, entry.now)
            entry.perform(session, self._read(entry, lambda: entry.signature.from_values(args, named)))

    def told_to(self, session: Session) -> list[CommandEntry]:
        """Those that `session` may run, as clients are told of them."""
        return [told(entry) for _, entry in sorted(self._commands.items()) if self._may_run(session, entry)]

    def _find(self, name: str, session: Session | None = None, *, quotes: bool = True) -> Entry:
        name = name.removeprefix("/").lower()
        if name in self._commands:
            return self._commands[name]
        known = [one for one, entry in self._commands.items() if session is None or self._may_run(session, entry)]
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"Did you mean /{near[0]}?" if near else "/help lists the commands."
        what = f"no command /{printable(name)}" if quotes else "no such command"
        raise Reject(f"There is {what}. {hint}", code="unknown_command")

    def _may_run(self, session: Session, entry: Entry) -> bool:
        try:
            return entry.command.may_run(session)
        except Reject:
            return False

    def _require_allowed(self, session: Session, entry: Entry, has_lines: bool) -> None:
        command = entry.command
        self._require_on(entry.plugin, session.room, f"/{command.name}")
        if not command.may_run(session):
            raise Reject(f"You may not use /{command.name}.", code="not_allowed")
        if has_lines and not command.lines:
            # Behind a line that holds a secret there may be one more, or words that were meant for somebody else.
            text = f"/{command.name} is one line alone, so nothing was done. Send the other lines by themselves."
            raise Reject(text, code="usage")

    def _run_text(self, session: Session, entry: Entry, argument: str) -> None:
        command = entry.command
        if command.usage and not argument and not command.usage.startswith("["):
            raise Reject(f"Something is missing. Type it so: {command.line}", code="usage")
        if session.call is not None:
            session.call.argument = argument
        command.run(session, argument)

    def _entry(self, plugin: str, command: Command, ctx: Any) -> Entry:
        """`command`, whose functions fail under the name of `plugin`, whoever calls them: /help asks `may_run`, too."""
        limit = RateLimit(Rate.parse(command.rate), self._clock) if command.rate else None
        signature = signature_of(command)
        meter, lent = self._meters.of(plugin, COMMANDS), self._meters.lent
        now = (SystemClock() if ctx is None else ctx.clock).now

        def guarded(session: Session, work: Callable[[], None]) -> None:
            if limit is not None:
                limit.spend(session, f"/{command.name}")
            try:
                lent.put_down(meter, work)
            except Reject as verdict:
                verdict.by = verdict.by or plugin
                raise
            except Killed:
                raise
            except BaseException:
                raise self._broken(plugin, command.name) from None

        def perform(session: Session, args: dict[str, Any]) -> None:
            call = session.call or Call(session, Asked(), None)
            call.args, call.ctx = args, ctx
            assert command.typed is not None
            typed = command.typed
            guarded(session, lambda: _tell(call, typed(call, dict(args))))

        def run(session: Session, argument: str) -> None:
            if command.typed is not None:
                perform(session, self._read(entry, lambda: signature.parse(argument, Named(session, now))))
                return
            if session.call is not None:
                session.call.ctx = ctx
            guarded(session, lambda: command.run(session, argument))

        def may_run(session: Session) -> bool:
            if command.operator and session.role != "operator":
                return False
            try:
                return bool(command.may_run(session))
            except (Reject, Killed):
                raise
            except BaseException:
                self._failed(plugin, f"/{command.name}, asked who may run it")
                return False

        entry = Entry(replace(command, run=run, may_run=may_run), plugin, signature, perform, now)
        return entry

    def _read(self, entry: Entry, read: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The arguments that `read` makes of what was typed. Raises `Reject`."""
        try:
            return read()
        except SlowPatternError:
            raise self._broken(entry.plugin, entry.command.name) from None

    def _broken(self, plugin: str, name: str) -> Reject:
        self._failed(plugin, f"/{name}")
        return Reject(f"/{name} has failed. Tell whoever runs the server.", code="command_failed")


def signature_of(command: Command) -> Signature:
    """Its arguments; of one by hand, the text behind its name."""
    if command.arguments is not None:
        return Signature(command.arguments, command.name, command.usage)
    optional = not command.usage or command.usage.startswith("[")
    return Signature((Argument("text", "rest", optional=optional),), command.name, command.usage)


def told(entry: Entry) -> CommandEntry:
    command = entry.command
    return CommandEntry(
        name=command.name,
        usage=command.usage,
        help=command.help.partition("\n")[0],
        arguments=[argument.entry for argument in entry.signature.arguments],
        private=command.private,
        lines=command.lines,
        plugin=entry.plugin,
    )


def _tell(call: Call, found: object) -> None:
    """Tell what a typed command has returned. Raises `TypeError` or `ValueError` for what cannot be told."""
    if found is None:
        return
    if isinstance(found, str):
        found = values.text(found).splitlines()
    if isinstance(found, Event | Frame):
        call.reply(found)
    elif isinstance(found, list | tuple) and all(isinstance(line, str) for line in found):
        for line in found:
            call.reply(values.text(line))
    else:
        raise TypeError(f"a command returned {type(found).__name__}; return a text, a list of texts, an answer or None")


def _checked(command: object) -> Command:
    """`command` as it can be typed and shown. Raises `PluginError`."""
    if not isinstance(command, Command):
        raise PluginError(f"greenchat_commands returned {command!r}, which is no Command")
    try:
        name, usage, help_text = values.text(command.name), values.text(command.usage), values.text(command.help)
        examples = tuple((values.text(line), values.text(answer)) for line, answer in command.examples)
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
    if FORBIDDEN.search(usage + help_text.replace("\n", "") + "".join(map("".join, examples)).replace("\n", "")):
        raise PluginError(f"the usage or help of /{name} has control characters")
    if not callable(command.run) or not callable(command.may_run):
        raise PluginError(f"run and may_run of /{name} must be functions")
    if (command.typed is None) != (command.arguments is None) or not callable(command.typed or command.run):
        raise PluginError(f"/{name} needs both: arguments, and the function typed that gets them")
    private = bool(command.private)
    arguments = None if command.arguments is None else tuple(command.arguments)
    if arguments is not None:
        if not all(isinstance(argument, Argument) for argument in arguments):
            raise PluginError(f"the arguments of /{name} must be Arguments")
        signature = Signature(arguments, name, usage or None).checked()
        usage, private = signature.usage, private or signature.secret
    return replace(
        command,
        name=name,
        usage=usage,
        help=help_text,
        lines=bool(command.lines),
        arguments=arguments,
        private=private,
        operator=bool(command.operator),
        examples=examples,
    )
