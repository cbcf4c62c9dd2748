"""The examples of commands, which help shows, as tests."""

from collections.abc import Sequence
from typing import Protocol

from greenchat.server.server import ChatServer
from greenchat.testing.person import Person


class Stage(Protocol):
    """Where they are tried: a chat without sockets."""

    server: ChatServer
    people: list[Person]

    def join(self, name: str, room: str = "", *, kind: str = "plain", operator: bool = False) -> Person: ...


def wrong_examples(stage: Stage, plugins: Sequence[str]) -> list[str]:
    """Type each example of the commands of these plugins, one after the other, and tell what is answered otherwise than
    they say. One without an answer must only not be refused."""
    wrong = []
    for plugin in plugins:
        for command in stage.server.commands.of(plugin):
            for line, told in command.examples:
                person = stage.join(f"example-{len(stage.people)}", operator=command.operator)
                person.says(line)
                heard = [_text(frame) for frame in person.heard]
                refused = [text for text, is_error in heard if is_error]
                texts = [text for text, _ in heard]
                if told and texts != told.split("\n"):
                    wrong.append(f"the example {line} is to tell {told!r}, and tells {' / '.join(texts) or 'nothing'}")
                elif not told and refused:
                    wrong.append(f"the example {line} is refused: {refused[0]}")
                if person.session.closing is None:
                    person.leaves()
    return wrong


def _text(frame: str) -> tuple[str, bool]:
    """What a plain frame says, and whether it is an error."""
    kind, _, text = frame.partition("|")
    return (text.partition("|")[2] if kind == "MSG" else text), kind == "ERROR"
