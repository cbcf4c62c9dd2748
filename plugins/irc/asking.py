"""Verbs that the core has requests for: what a client asks for, in the core's words. What it has none for goes to the
plugin as it is."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from greenchat import SERVICE_NAMES, Join, Leave, Ping, Pong, React, Request, RunCommand, Say, slash_at

from . import bearers, multiline, registration
from .bearers import IsStill
from .beside import PLAIN, Beside, client_tags
from .client import Client
from .frames import Context, IrcLine, Requests, context_of, one_of
from .grammar import LINE_BYTES, Parsed, without_formatting
from .history import ask_history, mark_read
from .modes import mode
from .msgids import seq_in
from .names import ascii_lower, from_irc, is_channel, may_be_nick, room_of, source

# How many one line may be about: as many as are told by 005.
TARGETS = 4
CHANNELS = 20

# The longest label (IRCv3, labeled-response).
LABEL_LENGTH = 64

CTCP = "\x01"
ACTION = f"{CTCP}ACTION "

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


# --- words ---


def _say(client: Client, line: Parsed, label: str) -> Requests:
    verb = line.verb
    if "batch" in line.tags and line.params[1:]:
        yield from multiline.part(client, line)
        return
    if not line.params or not line.params[0]:
        if verb == "PRIVMSG":
            yield IrcLine("411", ref=Context(verb, "", label).ref)
        return
    if not line.params[1:] or not line.params[1]:
        if verb == "PRIVMSG":
            yield IrcLine("412", ref=Context(verb, "", label).ref)
        return
    targets = line.params[0].split(",")
    if len(targets) > TARGETS:
        yield IrcLine("407", [line.params[0]], ref=Context(verb, "", label).ref)
        return
    beside = Beside(verb, client_tags(line.tags))
    for target in targets:
        if is_told_whole(client, f"{verb} {target}", line.params[1]):
            yield from said(client, target, line.params[1], beside, label)
        else:
            yield IrcLine("417", ref=Context(verb, target, label).ref)


def is_told_whole(client: Client, head: str, text: str) -> bool:
    """Whether others get it in one line, with its source. Who writes longer ones is told so by the server, as for
    lines that are too long themselves: what one has said in a line is not two messages for others."""
    told = f":{source(client.shown)} {head} :{without_formatting(text)}\r\n"
    return len(told) * 4 <= LINE_BYTES or len(told.encode()) <= LINE_BYTES


def said(client: Client, target: str, text: str, beside: Beside, label: str) -> Requests:
    """What is said to one target."""
    verb, tags = beside.verb, beside.tags
    context = Context(verb, target, label)
    nick = ascii_lower(target)
    if text.startswith(CTCP) and not text.startswith(ACTION):
        yield IrcLine("CTCP", [verb, target, text], ref=context.ref)
        return
    if nick in SERVICE_NAMES:
        yield IrcLine("SERVICE", [target], ref=context.ref)
        return
    if not is_channel(target) and bearers.is_refused(client, nick, verb):
        bearers.told(client, nick, verb)
        yield IrcLine("ENDED", [target], ref=context.ref)
        return
    where: dict[str, Any] = {"room": room_of(target)} if is_channel(target) else {"to": from_irc(target)}
    if is_channel(target) and not where["room"]:
        yield IrcLine("403", [target], ref=context.ref)
        return
    if "to" in where and nick in client.talks:
        where = {"conversation": client.talks[nick]}  # with this very person, whoever has the name by now
    is_action = text.startswith(ACTION)
    written = text.removeprefix(ACTION).removesuffix(CTCP) if is_action else text
    text = without_formatting(written)
    if text != written:
        beside = replace(beside, lines=[(False, written)])  # bold and colours are for clients of IRC alone
    if is_action:
        yield RunCommand("me", {"text": text}, ref=_beside(client, context, beside).ref, **where)
        return
    answered = seq_in(tags.get("+draft/reply", "") or tags.get("+reply", ""), target, where.get("conversation", ""))
    # A slash is not a command here: who types one in a client of IRC has meant to say it.
    yield Say(slashed(text), ref=_beside(client, context, beside).ref, reply_to=answered, **where)


def _beside(client: Client, context: Context, beside: Beside) -> Context:
    """The context of words that are more than their text."""
    if beside == PLAIN:
        return context
    client.besides += 1
    return context._replace(extra=replace(beside, number=client.besides).packed())


def slashed(text: str) -> str:
    """So that it is said as it is."""
    at = slash_at(text)
    return f"{text[:at]}/{text[at:]}" if at >= 0 else text


def _tags_alone(client: Client, line: Parsed, label: str) -> Requests:
    targets = line.params[0].split(",")
    if len(targets) > TARGETS:
        yield IrcLine("407", [line.params[0]], ref=Context(line.verb, "", label).ref)
        return
    for target in targets:
        yield from _tags_to(client, target, line._replace(params=[target]), label)


def _tags_to(client: Client, target: str, line: Parsed, label: str) -> Requests:
    talk = client.talks.get(ascii_lower(target), "")
    seq = seq_in(line.tags.get("+draft/reply", "") or line.tags.get("+reply", ""), target, talk)
    for tag, on in (("+draft/react", True), ("+draft/unreact", False)):
        emoji = line.tags.get(tag, "")
        if seq and _may_be_emoji(emoji):
            context = Context("TAGMSG", target, label)
            if is_channel(target):
                yield React(seq, emoji, room_of(target), on, context.ref)
            else:
                yield React(seq, emoji, "", on, context.ref, talk)
            return
    yield from _other(client, line, label)


def _may_be_emoji(text: str) -> bool:
    """Whether the chat knows what to do with it. Words that stand for one are told on among clients of IRC."""
    return bool(text) and not text.isascii() and not any(sign.isalpha() for sign in text)


def _redact(client: Client, line: Parsed, label: str) -> Requests:
    target, msgid = line.params[:2]
    yield IrcLine("REDACT", line.params, ref=Context("REDACT", target, label, msgid).ref)


def _batch(client: Client, line: Parsed, label: str) -> Requests:
    yield from multiline.batch(client, line, label, said)


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
    "PRIVMSG": _say,
    "NOTICE": _say,
    "TAGMSG": _tags_alone,
    "REDACT": _redact,
    "BATCH": _batch,
    "CHATHISTORY": ask_history,
    "MARKREAD": mark_read,
    "MODE": mode,
    "REGISTER": _register,
    "OPER": _oper,
}
