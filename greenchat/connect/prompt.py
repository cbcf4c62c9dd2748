"""The terminal: lines go above the prompt, questions are asked at it, and what is secret is drawn as stars."""

import asyncio
import os
import re
import select
import shutil
import sys
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import suppress

from prompt_toolkit import PromptSession
from prompt_toolkit.application.current import create_app_session, get_app_session
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.data_structures import Size
from prompt_toolkit.document import Document
from prompt_toolkit.filters import has_selection
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.formatted_text.utils import fragment_list_to_text
from prompt_toolkit.history import DummyHistory, History
from prompt_toolkit.input import Input
from prompt_toolkit.input.typeahead import get_typeahead, store_typeahead
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout.processors import Processor, TabsProcessor, Transformation, TransformationInput
from prompt_toolkit.layout.utils import explode_text_fragments
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.renderer import print_formatted_text
from prompt_toolkit.styles import BaseStyle, DummyStyle, Style

from greenchat.connect.colours import NAMES, of_name
from greenchat.connect.commands import Commands
from greenchat.connect.common import Kind, Line, error_line, info_line
from greenchat.connect.draft import pasted, why_not
from greenchat.connect.graphemes import edges
from greenchat.connect.names import Completed
from greenchat.connect.past import Past
from greenchat.connect.settings import Settings

PROMPT = "> "

# Pasted code is drawn as code.
TABS = TabsProcessor(tabstop=4, char1=" ", char2=" ")

# Before what is not the first line of a message, so that nobody can write what looks like another's.
INDENT = "    "

LINE_BREAKS = re.compile(r"[\r\n]+")

# Names of styles: what is the server's, or was said before, is dim, so that what people say now stands out.
STYLE = {
    "info-head": "dim",
    "info-body": "dim",
    "error-head": "ansired",
    "error-body": "ansired",
    "message-head": "bold",
    "elsewhere-head": "bold",
    "past-head": "dim",
    "past-body": "dim",
    "replayed-head": "dim",
    "replayed-body": "dim",
    "calls": "reverse",
    "status": "dim",
} | {f"name{colour[1:]}": colour for colour in NAMES}


class Stars(Processor):
    """Draws the password or key of a command as stars while it is typed."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        fragments = explode_text_fragments(transformation_input.fragments)
        start = self._commands.secret_start(fragment_list_to_text(fragments))
        stars: StyleAndTextTuples = [(style, "*") for style, *_ in fragments[start:]]
        return Transformation([*fragments[:start], *stars])


class Memory(History):
    """What the up-arrow and Ctrl-R bring back: nothing that may hold a password or key."""

    def __init__(self, commands: Commands) -> None:
        super().__init__()
        self.past = Past()
        self._commands = commands

    def append_string(self, string: str) -> None:
        if self._commands.may_keep(string):
            self.past.add(string)

    def get_strings(self) -> list[str]:
        return [*self.past.texts]

    async def load(self) -> AsyncGenerator[str, None]:
        for text in reversed(self.past.texts):
            yield text

    def load_history_strings(self) -> Iterable[str]:
        return reversed(self.past.texts)

    def store_string(self, string: str) -> None:
        pass  # by what it is appended to


class TerminalOutput(Vt100_Output):
    """The terminal tells what is pasted from what is typed, all the time: also between two prompts, and while a line is
    printed above one. Else a paste that came in such a moment would be typed, and run."""

    def __init__(self) -> None:
        super().__init__(
            sys.stdout,
            _terminal_size,
            term=os.environ.get("TERM"),
            default_color_depth=ColorDepth.from_env(),
            # Nothing here needs the cursor's position, and a slow terminal would hold each message up until it answers.
            enable_cpr=False,
        )

    def __enter__(self) -> "TerminalOutput":
        self.enable_bracketed_paste()
        self.flush()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def flush(self) -> None:
        """Where the terminal has gone, nothing is drawn: whoever reads from it finds out. To tell of an error, and wait
        for Enter, as prompt_toolkit would, takes a terminal."""
        with suppress(OSError):
            super().flush()

    def disable_bracketed_paste(self) -> None:
        pass

    def release(self) -> None:
        """Leave the terminal as it was, to whoever has it next."""
        super().disable_bracketed_paste()
        self.flush()


class Aside(Exception):  # noqa: N818  # nothing has gone wrong
    """Ends the prompt for a question; what is typed in it comes back behind that."""


class Screen:
    """What is shown and asked. `read` and `read_secret` raise `EOFError` or `KeyboardInterrupt` where one would rather
    not answer, and `EOFError` after `interrupt`. `commands` are what tells what is secret in what is typed."""

    def __init__(self, output: TerminalOutput, settings: Settings) -> None:
        self._output = output
        self.hold(settings)
        self.commands = Commands()
        self.memory = Memory(self.commands)
        self._chat: PromptSession[str] = PromptSession(
            PROMPT,
            history=self.memory,
            input_processors=[Stars(self.commands), TABS],
            key_bindings=self._chat_keys(),
            rprompt=self._status,
        )
        self.status: Callable[[], str] = lambda: ""  # what stands at the right of the prompt
        self.complete: Callable[[str], Completed] = lambda before: Completed()  # what Tab does behind such a text
        self._draft = self._chat.default_buffer
        self._accept, self._draft.accept_handler = self._draft.accept_handler, self._enter
        self._prompt = self._chat  # the one that is, or was, on the screen
        self._aside: tuple[str, asyncio.Future[str]] | None = None  # what is to be asked before one types on

    def hold(self, settings: Settings) -> None:
        """These hold from now on."""
        colourless = os.environ.get("NO_COLOR") or settings.theme == "none"
        self._style: BaseStyle = DummyStyle() if colourless else Style.from_dict(STYLE)
        self._rings = settings.bell

    @property
    def input(self) -> Input:
        return self._chat.input

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for keys: all that were pressed have been looked at, and the lines that they made taken."""
        app = self._prompt.app
        if not app.is_running or app.is_done or app.key_processor.input_queue:
            return False
        keys = get_typeahead(self.input)
        store_typeahead(self.input, keys)
        return not keys and not select.select([self.input.fileno()], [], [], 0)[0]

    @property
    def is_gone(self) -> bool:
        """Whether the terminal was closed."""
        poll = select.poll()
        poll.register(self.input.fileno(), 0)
        return bool(poll.poll(0))  # which tells of nothing but a hang-up then

    async def read(self) -> str:
        """What one types at the prompt."""
        draft = Document()
        while True:
            if self._aside is not None:
                await self._ask_aside(*self._aside)
            self._prompt = self._chat
            try:
                return await self._chat.prompt_async(default=draft)
            except Aside:
                draft = self._draft.document

    async def ask_aside(self, what: str) -> str:
        """The answer to a question that comes up while one types, and that nobody else is to read; empty if one would
        rather not answer. To be called beside `read`."""
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._aside = what, answer
        app = self._chat.app
        if app.future is not None and not app.future.done():
            app.renderer.erase()
            app.erase_when_done = True
            app.exit(exception=Aside())
        return await answer

    async def _ask_aside(self, what: str, answer: "asyncio.Future[str]") -> None:
        self._chat.app.erase_when_done = False
        self._aside = None
        try:
            told = await self.read_secret(what)
        except (EOFError, KeyboardInterrupt):
            told = ""
            raise
        finally:
            if not answer.done():
                answer.set_result(told)

    async def read_secret(self, what: str) -> str:
        """The answer to a question that nobody else is to read."""
        self._prompt = _question(what, secret=True)
        return await self._prompt.prompt_async()

    def _status(self) -> StyleAndTextTuples:
        """It is no part of what was said, and goes with the prompt."""
        return [] if self._chat.app.is_done else [("class:status", self.status())]

    def redraw(self) -> None:
        """The status is another one by now."""
        self._chat.app.invalidate()

    def show(self, lines: Iterable[Line]) -> None:
        """Print `lines` and draw the prompt again, with what is typed in it."""
        lines = [*lines]
        text: StyleAndTextTuples = [part for line in lines for part in _fragments(line)]
        if not text:
            return
        if self._rings and any(line.calls for line in lines):
            self._output.bell()
        app = self._prompt.app
        # Not `run_in_terminal`: it turns the terminal's echo on for a moment, and what is typed then is drawn twice.
        if app.is_running:
            app.renderer.erase()
        print_formatted_text(self._output, text, self._style)
        app.invalidate()

    def interrupt(self) -> None:
        """End the prompt, if there is one; what is typed stays to be seen."""
        app = self._prompt.app
        if app.future is not None and not app.future.done():
            app.exit(exception=EOFError())

    def _enter(self, draft: Buffer) -> bool:
        """Enter was pressed: what cannot be sent as it stands stays, to be changed."""
        problem = why_not(draft.text, self.commands.has_secret)
        if problem:
            self.show([error_line(problem)])
            return True
        assert self._accept is not None
        return self._accept(draft)

    def _chat_keys(self) -> KeyBindings:
        keys = _keys(self._paste)
        keys.add("tab")(self._tab)
        for key, act in ("backspace", _backspace), ("delete", _delete), ("left", _left), ("right", _right):
            keys.add(key, filter=~has_selection, save_before=lambda event: not event.is_repeat)(act)
        return keys

    def _tab(self, event: KeyPressEvent) -> None:
        draft = event.current_buffer
        before = draft.document.text_before_cursor
        if draft is not self._draft:
            return
        completed = self.complete(before)
        draft.delete_before_cursor(completed.typed)
        draft.insert_text(completed.text)
        if completed.are:
            self.show([info_line(completed.are)])

    def _paste(self, event: KeyPressEvent) -> None:
        draft = event.current_buffer
        if draft is not self._draft:  # one searches what one has said
            _paste_line(event)
            return
        document = draft.document
        paste = pasted(document.text_before_cursor, event.data, document.text_after_cursor, self.commands.has_secret)
        draft.insert_text(paste.text)
        if paste.told:
            self.show([error_line(paste.told) if paste.refused else info_line(paste.told)])


def ask(what: str, default: str = "", *, secret: bool = False, may_be_empty: bool = False) -> str:
    """One answer, before there is a chat. Raises `EOFError` or `KeyboardInterrupt` if one would rather not."""
    if not isinstance(get_app_session().output, TerminalOutput):  # as before a screen
        with TerminalOutput() as output, create_app_session(output=output):
            return ask(what, default, secret=secret, may_be_empty=may_be_empty)
    session = _question(f"{what} [{default}]" if default else what, secret=secret)
    while True:
        answer = session.prompt()
        answer = (answer if secret else answer.strip()) or default
        if answer or may_be_empty:
            return answer


def _terminal_size() -> Size:
    columns, rows = shutil.get_terminal_size()
    return Size(rows=rows, columns=columns)


def _question(what: str, *, secret: bool) -> "PromptSession[str]":
    return PromptSession(f"{what}: ", is_password=secret, history=DummyHistory(), key_bindings=_keys(_paste_line))


def _paste_line(event: KeyPressEvent) -> None:
    """An answer is one line: what is copied from elsewhere often ends with a line break."""
    event.current_buffer.insert_text(LINE_BREAKS.sub(" ", event.data.strip("\r\n")))


def _keys(paste: Callable[[KeyPressEvent], None]) -> KeyBindings:
    """What keys do here that they do not do everywhere."""
    keys = KeyBindings()
    keys.add(Keys.BracketedPaste)(paste)
    keys.add("c-z")(_suspend)
    return keys


def _suspend(event: KeyPressEvent) -> None:
    if isinstance(event.app.output, TerminalOutput):
        event.app.output.release()
    event.app.suspend_to_background()


def _backspace(event: KeyPressEvent) -> None:
    event.current_buffer.delete_before_cursor(_signs_before(event.current_buffer.document) or 1)


def _delete(event: KeyPressEvent) -> None:
    event.current_buffer.delete(_signs_behind(event.current_buffer.document) or 1)


def _left(event: KeyPressEvent) -> None:
    event.current_buffer.cursor_left(_signs_before(event.current_buffer.document))


def _right(event: KeyPressEvent) -> None:
    event.current_buffer.cursor_right(_signs_behind(event.current_buffer.document))


def _signs_before(document: Document) -> int:
    """Of so many code points is what stands before the cursor and is seen as one; none at the start of a line."""
    at = document.cursor_position_col
    return at - max((edge for edge in edges(document.current_line) if edge < at), default=at)


def _signs_behind(document: Document) -> int:
    at = document.cursor_position_col
    return min((edge for edge in edges(document.current_line) if edge > at), default=at) - at


def _fragments(line: Line) -> Iterator[tuple[str, str]]:
    style = f"class:{line.kind.value}-head"
    if line.who and line.kind not in (Kind.PAST, Kind.REPLAYED):
        style += f" class:name{of_name(line.who)[1:]}"
    yield style + " class:calls" * line.calls, line.head
    body = line.body.replace("\n", f"\n{INDENT}")
    yield f"class:{line.kind.value}-body", f" {body}"
    yield "", "\n"
