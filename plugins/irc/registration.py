"""A client comes in: CAP, PASS, NICK, USER, AUTHENTICATE, in whatever order, up to the one request to join."""

import binascii
from base64 import b64decode

from greenchat import Join, RunCommand

from .caps import VALUES_FROM, changed
from .client import Client
from .frames import Context, IrcLine, Requests
from .grammar import Parsed
from .names import may_be_nick, real_name

# Of a response, so many characters come in a line; one of just as many is not the last (IRCv3, SASL).
CHUNK = 400

# The longest response, in characters: three names and passwords of some hundred characters.
MOST_RESPONSE = 4 * CHUNK

# The contexts of both ways to come in.
REGISTER, SASL = "USER", "AUTHENTICATE"


def cap(client: Client, line: Parsed, label: str) -> Requests:
    what, words = (line.params[0].upper() if line.params else ""), (line.params[-1].split() if line.params[1:] else [])
    answer = [what]
    if what == "LS":
        version = line.params[1] if line.params[1:] else ""
        client.version = max(client.version, int(version) if version.isdecimal() else 0)
        if client.version >= VALUES_FROM:
            client.caps |= {"cap-notify"}
        client.negotiates = client.negotiates or not client.is_registered
    elif what == "REQ":
        client.negotiates = client.negotiates or not client.is_registered
        wanted = changed(client.caps, words)
        if wanted is not None:
            client.caps = wanted
        answer = ["NAK" if wanted is None else "ACK", " ".join(words)]
    elif what == "END":
        client.negotiates = False
        yield from complete(client)
        return
    yield IrcLine("CAP", answer, ref=Context("CAP", what, label).ref)


def nick(client: Client, line: Parsed) -> Requests:
    if not line.params or not line.params[0]:
        yield IrcLine("431", ref=Context("NICK").ref)
        return
    if not may_be_nick(line.params[0]):
        yield IrcLine("432", [line.params[0]], ref=Context("NICK").ref)
        return
    client.nick = line.params[0]
    yield from complete(client)


def user(client: Client, line: Parsed) -> Requests:
    if len(line.params) < 4 or not (line.params[0] and line.params[3]):
        yield IrcLine("461", ["USER"], ref=Context("USER").ref)
        return
    client.user, client.realname = line.params[0], real_name(line.params[3])
    yield from complete(client)


def complete(client: Client) -> Requests:
    """Ask to come in, once all is known."""
    if client.is_registered or not (client.nick and client.user) or client.negotiates or client.asked:
        return
    client.asked = True
    account, colon, login = client.password.partition(":")
    if colon and account and not client.has_phrase:  # as bouncers have it
        yield _join(client, account, login, "", Context(REGISTER, account))
    else:
        yield _join(client, client.nick, "", client.password, Context(REGISTER, client.nick))


def authenticate(client: Client, line: Parsed, label: str) -> Requests:
    given = line.params[0] if line.params else ""
    context = Context(SASL, given[:CHUNK] if not client.sasl else "", label)
    if not client.has("sasl"):
        yield IrcLine("904", ref=context.ref)
    elif client.account and not client.is_registered:
        yield IrcLine("907", ref=context.ref)
    elif given == "*":
        client.sasl, client.response = "", ""
        yield IrcLine("906", ref=context.ref)
    elif not client.sasl:
        if given.upper() == "PLAIN":
            client.sasl = "PLAIN"
            yield IrcLine(SASL, ["+"], ref=context.ref)
        else:
            yield IrcLine("908", ref=context.ref)
    elif len(given) > CHUNK or len(client.response) + len(given) > MOST_RESPONSE:
        client.sasl, client.response = "", ""
        yield IrcLine("905", ref=context.ref)
    else:
        client.response += "" if given == "+" else given
        if len(given) == CHUNK:
            return
        response, client.sasl, client.response = client.response, "", ""
        found = _plain(response)
        if found is None:
            yield IrcLine("904", ref=context.ref)
        elif client.is_registered:
            name, password = found
            yield RunCommand("login", {"name": name, "password": password}, ref=Context(SASL, name, label).ref)
        else:  # the plugin takes it, once who they are is known: they come in when they are done with all else
            yield _join(client, *found, client.password, Context(SASL, found[0], label))


def _plain(response: str) -> tuple[str, str] | None:
    """Name and password (RFC 4616): nobody logs in for somebody else here."""
    try:
        acting, name, password = b64decode(response, validate=True).decode().split("\0")
    except (binascii.Error, ValueError):
        return None
    return (name, password) if name and password and acting in ("", name) else None


def _join(client: Client, name: str, login: str, password: str, context: Context) -> Join:
    return Join(name, None, context.ref, password=password, login=login, replay=not client.has("draft/chathistory"))
