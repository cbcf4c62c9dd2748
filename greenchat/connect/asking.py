"""Asking on a terminal for the secrets of a command, which nobody else is to read."""

from collections.abc import Iterable
from typing import Protocol

from greenchat.connect.commands import Lacking, Run
from greenchat.connect.common import Line, clean
from greenchat.connect.sentences import AGAIN, NOT_THE_SAME, NOTHING_SENT


class Asks(Protocol):
    """Who can be asked, and told what came of it."""

    async def read_secret(self, what: str) -> str:
        """See `prompt.Screen`."""

    def show(self, lines: Iterable[Line]) -> None: ...


async def with_secrets(screen: Asks, lacking: Lacking) -> Run | None:
    """The command with the secrets that it lacks; None if one would rather not."""
    answers: dict[str, str] = {}
    for secret in lacking.secrets:
        question = clean(secret.name.replace("_", " ").capitalize())
        answer = await _ask(screen, question)
        if not answer:
            screen.show([NOTHING_SENT])
            return None
        if lacking.is_new(secret) and (again := await _ask(screen, AGAIN)) != answer:
            screen.show([NOT_THE_SAME if again else NOTHING_SENT])
            return None
        answers[secret.name] = answer
    return lacking.with_secrets(answers)


async def _ask(screen: Asks, question: str) -> str:
    """The answer; empty if one would rather not."""
    try:
        return await screen.read_secret(question)
    except (EOFError, KeyboardInterrupt):
        return ""
