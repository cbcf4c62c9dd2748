"""What one has said, as it comes back to oneself (IRCv3, echo-message): once it is kept, as it was when it was said.

By when it is kept, a busy room may have forgotten it: so it is looked for before.
"""

from collections.abc import Callable, Sequence

from greenchat import Ack, Message, Messages

from .frames import Context, context_of
from .names import is_channel

WORDS = ("PRIVMSG", "NOTICE")

Find = Callable[[str, str, int], Message | None]
FindRun = Callable[[str, int, int], Messages | None]


class Said(Ack, frozen=True, tag="irc_said"):
    """An acknowledgement, and the words that it is for."""

    message: Message | None = None


class SaidInARow(Ack, frozen=True, tag="irc_said_in_a_row"):
    """As many in one."""

    messages: Messages | None = None


def with_words(acks: Sequence[Ack], wants_echo: bool, find: Find, find_run: FindRun) -> Sequence[Ack]:
    """The same, with what they are for, where something is told of that. `find` tells the message of a target, or a
    conversation, and a number; `find_run` so many messages of a room from a number on, where one has said them all."""
    found = _in_a_row(acks, find_run) if wants_echo and acks else None
    if found is not None:
        return [SaidInARow(acks[-1].ref, messages=found)]
    return [_with_words(ack, context_of(ack.ref), wants_echo, find) for ack in acks]


def _with_words(ack: Ack, context: Context, wants_echo: bool, find: Find) -> Ack:
    is_needed = wants_echo or context.extra or ack.conversation
    if context.verb not in WORDS or not ack.seq or not is_needed:
        return ack
    message = find(context.target, ack.conversation, ack.seq)
    return Said(ack.ref, ack.seq, ack.id, ack.rev, ack.conversation, ack.with_, message)


def _in_a_row(acks: Sequence[Ack], find_run: FindRun) -> Messages | None:
    """Words to one room, if all of them are that, and there is nothing else to be told of them."""
    first, context = acks[0], context_of(acks[0].ref)
    if context != Context("PRIVMSG", context.target) or not is_channel(context.target) or not first.seq:
        return None
    if acks[-1].seq - first.seq != len(acks) - 1 or any(ack.ref != first.ref for ack in acks):
        return None
    found = find_run(context.target, first.seq, len(acks))
    return found if found is not None and not found.action else None


def is_of_words(ack: Ack) -> bool:
    """Whether it is for words, of which nothing more is told to who wants no echo."""
    if not isinstance(ack.ref, str) or ack.conversation:
        return False
    context = context_of(ack.ref)
    return context.verb in WORDS and not context.extra
