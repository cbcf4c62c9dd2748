"""Which words of a command it is that are said, and to whom."""

import re
import unicodedata

from greenchat.connect.draft import is_command, said_as

JOIN = re.compile(r"\s*/join\b\s*#*(\S*)", re.IGNORECASE)

# The words of an answer, where one has typed it.
ANSWER = re.compile(r"\s*/re\s+(?:#*[1-9][0-9]*\s+)?(\S.*)", re.IGNORECASE | re.DOTALL)
# And of what one has said to one person alone.
_ALONE = re.compile(r"\s*/(?:msg\s+(\S+)|reply)\s+(\S.*)", re.IGNORECASE | re.DOTALL)

# A command about what was said to one person alone, and who that is.
_THERE = re.compile(r"\s*/msg\s+(\S+)\s+(/(?:re|edit|delete|react|me)(?:\s.*)?)", re.IGNORECASE | re.DOTALL)


def words_of(line: str) -> str:
    """What is said where `line` is sent; empty where that is not known here."""
    if not is_command(line):
        return said_as(line)
    if there := run_there(line)[0]:
        return words_of(there)
    answer = ANSWER.match(line)
    words = answer[1] if answer else said_alone(line)[0]
    return said_as(words) if words and not is_command(words) else ""


def said_alone(line: str) -> tuple[str, str]:
    """What is said to one person alone, and to whom; that is empty for who wrote last. Empty where it is neither."""
    match = _ALONE.match(line)
    return (match[2], match[1] or "") if match else ("", "")


def is_called(name: str, typed: str) -> bool:
    """Whether somebody who has `typed` this means who, or what, is called `name`."""
    return unicodedata.normalize("NFKC", typed).casefold() == unicodedata.normalize("NFKC", name).casefold()


def run_there(line: str) -> tuple[str, str]:
    """What is to be run in a conversation of two, and with whom that is: `/msg bob /delete`. Empty where it is not."""
    match = _THERE.fullmatch(line)
    return (match[2], match[1]) if match else ("", "")
