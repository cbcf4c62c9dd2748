"""The terminal: lines go above the prompt, questions are asked at it, and what is secret is drawn as stars."""

import os
import shutil
from collections.abc import Iterable, Iterator

from prompt_toolkit import PromptSession
from prompt_toolkit.data_structures import Size
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.formatted_text.utils import fragment_list_to_text
from prompt_toolkit.history import DummyHistory, InMemoryHistory
from prompt_toolkit.input import Input
from prompt_toolkit.layout.processors import Processor, Transformation, TransformationInput
from prompt_toolkit.layout.utils import explode_text_fragments
from prompt_toolkit.output import Output
from prompt_toolkit.renderer import print_formatted_text
from prompt_toolkit.styles import DummyStyle, Style

from greenchat.terminal.common import Line
from greenchat.terminal.secrets import is_secret, secret_start

PROMPT = "> "

# Names of styles: what is the server's, or was said before, is dim, so that what people say now stands out.
STYLE = {
    "info-head": "dim",
    "info-body": "dim",
    "error-head": "ansired",
    "error-body": "ansired",
    "message-head": "bold",
    "past-head": "dim",
    "past-body": "dim",
    "replayed-head": "dim",
    "replayed-body": "dim",
}


class Stars(Processor):
    """Draws the password or key of a command as stars while it is typed."""

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        fragments = explode_text_fragments(transformation_input.fragments)
        start = secret_start(fragment_list_to_text(fragments))
        stars: StyleAndTextTuples = [(style, "*") for style, *_ in fragments[start:]]
        return Transformation([*fragments[:start], *stars])


class Forgetful(InMemoryHistory):
    """What the up-arrow brings back: nothing that holds a password or key."""

    def append_string(self, string: str) -> None:
        if not any(map(is_secret, string.splitlines())):
            super().append_string(string)


class Screen:
    """What is shown and asked. `read` and `read_secret` raise `EOFError` or `KeyboardInterrupt` where one would rather
    not answer, and `EOFError` after `interrupt`."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._style = DummyStyle() if os.environ.get("NO_COLOR") else Style.from_dict(STYLE)
        self._chat: PromptSession[str] = PromptSession(
            PROMPT, enable_suspend=True, history=Forgetful(), input_processors=[Stars()]
        )
        self._prompt = self._chat  # the one that is, or was, on the screen

    @property
    def input(self) -> Input:
        return self._chat.input

    async def read(self) -> str:
        """What one types at the prompt."""
        self._prompt = self._chat
        return await self._chat.prompt_async()

    async def read_secret(self, what: str) -> str:
        """The answer to a question that nobody else is to read."""
        self._prompt = _question(what, secret=True)
        return await self._prompt.prompt_async()

    def show(self, lines: Iterable[Line]) -> None:
        """Print `lines` and draw the prompt again, with what is typed in it."""
        text: StyleAndTextTuples = [part for line in lines for part in _fragments(line)]
        if not text:
            return
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


def ask(what: str, default: str = "", *, secret: bool = False, may_be_empty: bool = False) -> str:
    """One answer, before there is a chat. Raises `EOFError` or `KeyboardInterrupt` if one would rather not."""
    session = _question(f"{what} [{default}]" if default else what, secret=secret)
    while True:
        answer = session.prompt()
        answer = (answer if secret else answer.strip()) or default
        if answer or may_be_empty:
            return answer


def terminal_size() -> Size:
    columns, rows = shutil.get_terminal_size()
    return Size(rows=rows, columns=columns)


def _question(what: str, *, secret: bool) -> "PromptSession[str]":
    return PromptSession(f"{what}: ", enable_suspend=True, is_password=secret, history=DummyHistory())


def _fragments(line: Line) -> Iterator[tuple[str, str]]:
    yield f"class:{line.kind.value}-head", line.head
    yield f"class:{line.kind.value}-body", f" {line.body}"
    yield "", "\n"
