"""Verbs that the core has requests for: what a client asks for, in the core's words. What it has none for goes to the
plugin as it is."""

from collections.abc import Callable
from typing import Any

from greenchat import Join, Leave, Ping, Pong, Request, RunCommand

from . import bearers, registration, saying
from .bearers import IsStill
from .client import Client
from .frames import Context, IrcLine, Requests, context_of, one_of
from .grammar import Parsed, without_formatting
from .history import ask_history, mark_read
from .modes import mode
from .names import ascii_lower, from_irc, is_channel, may_be_nick, room_of
from .saying import TARGETS

# How many rooms one line may be about: as many as are told by 005.
CHANNELS = 20

# The longest label (IRCv3, labeled-response).
LABEL_LENGTH = 64

# What the plugin answers.
SPOKEN = frozenset({
    "ADMIN", "HELP", "HELPOP", "INFO", "ISON", "KILL", "LINKS", "LUSERS", "MONITOR", "MOTD", "NAMES", "OPER", "SETNAME",
    "STATS", "TIME", "USERHOST", "VERSION", "WHO", "WHOIS", "WHOWAS",
})  # fmt: skip

Asks = Callable[[Client, Parsed, str], Requests]

# What one may say before one is in.
BEFORE = frozenset({"CAP", "PASS", "NICK", "USER", "AUTHENTICATE", "PING", "PONG", "QUIT", "ERROR", "REGISTER"})


def ask(client: Client, line: Parsed, is_still: IsStill) -> list[Request | IrcLine]:
    """All that one line of `client` asks for. `is_still` tells whether the other one in a conversation has a nick."""
    asked: list[Request | IrcLine] = []
    for request in _asked(client, line):
        nick = bearers.nick_of(request)
        if nick and bearers.is_for_another(client, request, nick, is_still):
            bearers.told(client, nick, context_of(request.ref).verb)
            asked.append(IrcLine("ENDED", [nick], ref=request.ref))
        else:
            asked.append(request)
    label = label_of(client, line)
    if not label or line.verb == "BATCH" or "batch" in line.tags:
        return asked
    # With a label, all answers come as one; and where there is none, that is told.
    labelled = [request for request in asked if context_of(request.ref).label]
    if not labelled:
        return [*asked, IrcLine("NOTHING", ref=Context(line.verb, "", label).ref)]
    if len(labelled) == 1:
        return asked
    return [one_of(request, place, len(labelled)) for place, request in enumerate(labelled)]


def label_of(client: Client, line: Parsed) -> str:
    """By which the client knows what answers this line; empty without, or where it is no label."""
    label = line.tags.get("label", "") if client.has("labeled-response") else ""
    return label if len(label) <= LABEL_LENGTH and label.isprintable() else ""


def _asked(client: Client, line: Parsed) -> Requests:
    label, verb = label_of(client, line), line.verb
    # Who has asked to come in may say more with it, which waits for that.
    if not (client.is_registered or client.asked) and verb not in BEFORE:
        yield IrcLine("451", ref=Context(verb, "", label).ref)
        return
    if len(line.params) < NEEDED.get(verb, 0) and verb in STANDARD:
        yield IrcLine("FAIL", [verb, "NEED_MORE_PARAMS", "Missing parameters"], ref=Context(verb, "", label).ref)
        return
    if len(line.params) < NEEDED.get(verb, 0):
        yield IrcLine("461", [verb], ref=Context(verb, "", label).ref)
        return
    yield from VERBS.get(verb, _spoken)(client, line, label)


def _spoken(client: Client, line: Parsed, label: str) -> Requests:
    """What the plugin answers as it is; or else a command of the chat, in small letters: what the plugin is asked in
    capitals otherwise is what a line has become, and not for clients to say."""
    verb = line.verb if line.verb in SPOKEN else line.verb.lower()
    yield from _other(client, line._replace(verb=verb), label)


def _other(client: Client, line: Parsed, label: str) -> Requests:
    """The plugin answers it."""
    yield IrcLine(line.verb, line.params, line.tags, Context(line.verb, "", label).ref)


def _password(client: Client, line: Parsed, label: str) -> Requests:
    if client.is_registered:
        yield IrcLine("462", ref=Context("PASS", "", label).ref)
    else:
        client.password = line.params[0]


def _nick(client: Client, line: Parsed, label: str) -> Requests:
    if not client.is_registered:
        yield from registration.nick(client, line)
    elif not line.params or not line.params[0]:
        yield IrcLine("431", ref=Context("NICK", "", label).ref)
    elif not may_be_nick(line.params[0]):
        yield IrcLine("432", [line.params[0]], ref=Context("NICK", "", label).ref)
    else:
        wanted = line.params[0]
        yield RunCommand("nick", {"name": from_irc(wanted)}, ref=Context("NICK", wanted, label).ref)


def _user(client: Client, line: Parsed, label: str) -> Requests:
    if client.is_registered:
        yield IrcLine("462", ref=Context("USER", "", label).ref)
    else:
        yield from registration.user(client, line)


def _ping(client: Client, line: Parsed, label: str) -> Requests:
    if not line.params or not line.params[0]:
        yield IrcLine("409", ref=Context("PING", "", label).ref)
    else:
        yield Ping(Context("PING", line.params[0], label).ref)


def _pong(client: Client, line: Parsed, label: str) -> Requests:
    yield Pong()


def _quit(client: Client, line: Parsed, label: str) -> Requests:
    client.says_goodbye = True
    yield IrcLine("QUIT", [without_formatting(line.params[0])] if line.params else [], ref=Context("QUIT").ref)


# --- rooms ---


def _join(client: Client, line: Parsed, label: str) -> Requests:
    if line.params[0] == "0":
        yield IrcLine("PART0", ref=Context("JOIN", "", label).ref)
        return
    keys = line.params[1].split(",") if line.params[1:] else []
    for number, channel in enumerate(line.params[0].split(",")[:CHANNELS]):
        context = Context("JOIN", channel, label)
        if not is_channel(channel) or not room_of(channel):
            yield IrcLine("476" if is_channel(channel) else "NO_CHANNEL", [channel or "*"], ref=context.ref)
        else:
            key = keys[number] if number < len(keys) else ""
            yield Join("", room_of(channel), context.ref, key=key)
            if label:
                yield IrcLine("NOTHING", ref=context.ref)  # the answer is whole only then


def _part(client: Client, line: Parsed, label: str) -> Requests:
    for channel in line.params[0].split(",")[:CHANNELS]:
        context = Context("PART", channel, label)
        if not is_channel(channel) or not room_of(channel):
            yield IrcLine("403", [channel or "*"], ref=context.ref)
        elif line.params[1:] and line.params[1].strip():
            yield IrcLine("PART", [channel, without_formatting(line.params[1])], ref=context.ref)
        else:
            yield Leave(room_of(channel), context.ref)


def _topic(client: Client, line: Parsed, label: str) -> Requests:
    channel = line.params[0]
    if not line.params[1:]:
        yield from _other(client, line, label)
        return
    text = without_formatting(line.params[1])
    yield from _command(client, "topic", {"text": text or "-"}, Context("TOPIC", channel, label))


def _list(client: Client, line: Parsed, label: str) -> Requests:
    given = line.params[0] if line.params else ""
    if is_channel(given) and not any(sign in given for sign in "*?"):
        yield from _other(client, line, label)
    else:
        yield RunCommand("rooms", {}, ref=Context("LIST", "", label, given).ref)


def _kick(client: Client, line: Parsed, label: str) -> Requests:
    why = line.params[2] if line.params[2:] else ""
    channels, nicks = line.params[0].split(","), line.params[1].split(",")[:TARGETS]
    if len(channels) == 1:
        channels *= len(nicks)
    for channel, nick in zip(channels, nicks, strict=False):
        args: dict[str, Any] = {"user": from_irc(nick)}
        if why and why != nick:  # many clients send the nick where no reason is given
            args["why"] = without_formatting(why)
        yield from _command(client, "kick", args, Context("KICK", channel, label, nick))


def _invite(client: Client, line: Parsed, label: str) -> Requests:
    nick, channel = line.params[:2]
    if not is_channel(channel):
        nick, channel = channel, nick
    args: dict[str, Any] = {"user": from_irc(nick), "room": room_of(channel)}
    context = Context("INVITE", channel, label, nick)
    if is_channel(channel) and room_of(channel):
        yield RunCommand("invite", args, ref=context.ref)
    else:
        yield IrcLine("403", [channel], ref=context.ref)


def _away(client: Client, line: Parsed, label: str) -> Requests:
    why = without_formatting(line.params[0]) if line.params else ""
    if why:
        yield RunCommand("away", {"why": why}, ref=Context("AWAY", "", label, "306").ref)
    else:
        yield RunCommand("back", {}, ref=Context("AWAY", "", label, "305").ref)


def _command(client: Client, name: str, args: dict[str, Any], context: Context) -> Requests:
    """A command in the room that is the target."""
    if is_channel(context.target) and room_of(context.target):
        yield RunCommand(name, args, room_of(context.target), context.ref)
    else:
        yield IrcLine("403", [context.target], ref=context.ref)


def _redact(client: Client, line: Parsed, label: str) -> Requests:
    target, msgid = line.params[:2]
    yield IrcLine("REDACT", line.params, ref=Context("REDACT", target, label, msgid).ref)


def _oper(client: Client, line: Parsed, label: str) -> Requests:
    """Operators are accounts: it is a login to one."""
    name, password = line.params[:2]
    yield RunCommand("login", {"name": from_irc(name), "password": password}, ref=Context("OPER", name, label).ref)


def _register(client: Client, line: Parsed, label: str) -> Requests:
    context = Context("REGISTER", line.params[0], label)
    name = client.shown if line.params[0] == "*" else line.params[0]
    if not (client.is_registered or client.asked):
        yield IrcLine("COMPLETE_CONNECTION_REQUIRED", [name], ref=context.ref)
    elif ascii_lower(name) != ascii_lower(client.shown):
        yield IrcLine("ACCOUNT_NAME_MUST_BE_NICK", [name], ref=context.ref)
    else:
        yield RunCommand("register", {"password": line.params[2]}, ref=context.ref)


# How many parameters a verb needs.
NEEDED = {
    "PASS": 1, "JOIN": 1, "PART": 1, "TOPIC": 1, "KICK": 2, "INVITE": 2, "TAGMSG": 1, "REDACT": 2, "BATCH": 1,
    "CHATHISTORY": 2, "MARKREAD": 1, "REGISTER": 3, "MODE": 1, "WHO": 1, "USERHOST": 1, "ISON": 1, "OPER": 2,
    "MONITOR": 1, "SETNAME": 1, "CAP": 1, "KILL": 1,
}  # fmt: skip

# Those of which a standard reply tells that there are too few (IRCv3).
STANDARD = frozenset({"CHATHISTORY", "MARKREAD"})

VERBS: dict[str, Asks] = {
    "CAP": registration.cap,
    "PASS": _password,
    "NICK": _nick,
    "USER": _user,
    "AUTHENTICATE": registration.authenticate,
    "PING": _ping,
    "PONG": _pong,
    "QUIT": _quit,
    "JOIN": _join,
    "PART": _part,
    "TOPIC": _topic,
    "KICK": _kick,
    "LIST": _list,
    "INVITE": _invite,
    "AWAY": _away,
    "PRIVMSG": saying.say,
    "NOTICE": saying.say,
    "TAGMSG": saying.tags_alone,
    "REDACT": _redact,
    "BATCH": saying.batch,
    "CHATHISTORY": ask_history,
    "MARKREAD": mark_read,
    "MODE": mode,
    "REGISTER": _register,
    "OPER": _oper,
}
