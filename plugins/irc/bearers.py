"""Who has a nick: words go to whom one has talked to, and not to who has taken their nick since. Who writes is told so,
once. Programs send notices, which nobody is told of: these are dropped once, and who writes is told so nevertheless."""

from collections.abc import Callable

from greenchat import Request, RunCommand, Say

from .client import Client
from .frames import IrcLine, context_of
from .names import ascii_lower

NOTICE = "NOTICE"
WORDS = ("PRIVMSG", NOTICE)

# What stands in `Client.ended` before a nick to which a notice was dropped, and nobody was told so. No nick has it.
UNTOLD = "!"

IsStill = Callable[[str, str], bool]


def nick_of(request: Request | IrcLine) -> str:
    """For whom it is by their nick, where it is words, or what clients alone tell each other; empty otherwise."""
    match request:
        case Say() | RunCommand():  # an action is words, too
            return context_of(request.ref).target if request.conversation else ""
        case IrcLine(verb="CTCP", params=["PRIVMSG", nick, _]) | IrcLine(verb="TAGMSG", params=[nick, *_]):
            return nick
    return ""


def is_for_another(client: Client, request: Request | IrcLine, nick: str, is_still: IsStill) -> bool:
    """Whether somebody else has this nick by now than whom the client has talked to."""
    known = client.talks.get(ascii_lower(nick), "")
    talk = request.conversation if isinstance(request, Say | RunCommand) else known
    return is_refused(client, nick, context_of(request.ref).verb) or bool(talk and not is_still(talk, nick))


def is_refused(client: Client, nick: str, verb: str) -> bool:
    """Whether it is known that somebody else has this nick, and who writes by this verb was not told so."""
    key = ascii_lower(nick)
    return key in client.ended or (verb != NOTICE and f"{UNTOLD}{key}" in client.ended)


def told(client: Client, nick: str, verb: str) -> None:
    """Words by this verb were refused: who says it again means who has the nick now."""
    key = ascii_lower(nick)
    if verb not in WORDS:
        return
    client.talks.pop(key, None)
    client.ended = [one for one in client.ended if one.removeprefix(UNTOLD) != key]
    if verb == NOTICE:
        client.ended.append(f"{UNTOLD}{key}")
