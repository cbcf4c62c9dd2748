"""PRIVMSG, NOTICE and TAGMSG: what a client says, and to whom, in the core's words."""

from typing import Any

from msgspec.structs import replace

from greenchat import SERVICE_NAMES, React, RunCommand, Say, slash_at

from . import bearers, multiline
from .beside import PLAIN, Beside, client_tags
from .client import Client
from .frames import Context, IrcLine, Requests
from .grammar import LINE_BYTES, Parsed, without_formatting
from .msgids import seq_in
from .names import ascii_lower, from_irc, is_channel, room_of, source

# How many one line may be about: as many as are told by 005.
TARGETS = 4

CTCP = "\x01"
ACTION = f"{CTCP}ACTION "


def say(client: Client, line: Parsed, label: str) -> Requests:
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


def tags_alone(client: Client, line: Parsed, label: str) -> Requests:
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
    yield IrcLine(line.verb, line.params, line.tags, Context(line.verb, "", label).ref)


def _may_be_emoji(text: str) -> bool:
    """Whether the chat knows what to do with it. Words that stand for one are told on among clients of IRC."""
    return bool(text) and not text.isascii() and not any(sign.isalpha() for sign in text)


def batch(client: Client, line: Parsed, label: str) -> Requests:
    yield from multiline.batch(client, line, label, said)
