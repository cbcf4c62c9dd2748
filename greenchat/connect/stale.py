"""Which commands mean somebody or something else later: what they name, the server looks up when it runs them.

Who types one means what they see. Where it has waited for the connection, the last message may be another one, and a
name somebody else's. Whoever only asks is answered as it is by then, and an own name or a room stays what it is.
"""

import re

from greenchat.protocol.text import slash_at

# The first word is whom they are done to, or from whom on; also where that is told as a word like others.
_TO_SOMEBODY = frozenset(
    {"msg", "invite", "ignore", "unignore", "op", "deop", "kick", "ban", "unban", "mute", "unmute"}
)

# Commands for the last message, if not for one with a number.
_TO_A_MESSAGE = frozenset({"re", "edit", "react", "delete", "pin", "unpin", "report"})

# Those that need no more words than the number.
_BY_NUMBER_ALONE = frozenset({"delete", "pin", "unpin"})

# One only asks about somebody.
_ASKS = frozenset({"whois"})

_NUMBER = re.compile("#*[1-9][0-9]*")


def means_the_last(line: str) -> bool:
    """Whether the command `line` is for the last message, as it names none by a number."""
    name, argument = _parts(line)
    first, _, text = argument.partition(" ")
    names_one = _NUMBER.fullmatch(first) is not None and (name in _BY_NUMBER_ALONE or text.strip() != "")
    return name in _TO_A_MESSAGE and not names_one


def may_mean_another(line: str, *, same_numbers: bool, names_somebody: bool = False) -> bool:
    """Whether the command `line` may be done to another one than its writer meant, once the connection was lost.
    `same_numbers`: those of messages, where it is to be run, are what they were. `names_somebody`: one of its arguments
    is somebody who is in the chat, as the server's table has it."""
    name, argument = _parts(line)
    match name, argument.lower().split():
        case "reply", _:
            return True
        case ("room", ["owner", _, *_]) | ("sessions", ["end", *_]):  # the numbers begin anew with each server
            return True
        case "login", [_]:  # the name that one was refused last
            return True
    if name in _TO_A_MESSAGE:
        return means_the_last(line) or not same_numbers
    return (name in _TO_SOMEBODY and argument != "") or (names_somebody and name not in _ASKS)


def _parts(line: str) -> tuple[str, str]:
    """The command, and what stands behind it."""
    name, argument, *_ = [*line[slash_at(line) + 1 :].split(maxsplit=1), "", ""]
    return name.removeprefix("/").lower(), argument.strip()
