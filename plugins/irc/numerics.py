"""What a refusal is on IRC: a numeric of the verb that was refused, or a standard reply."""

from collections.abc import Callable, Sequence

from greenchat import Error

from .frames import Context, Numeric
from .grammar import word
from .names import HOST, to_irc

# By verbs and codes of refusals. Each has the nick and room or person before it; the words are the refusal's own.
_BY_VERB: dict[tuple[str, str], str] = {
    ("JOIN", "room_full"): "471",
    ("JOIN", "room_invite_only"): "473",
    ("JOIN", "banned"): "474",
    ("JOIN", "room_key"): "475",
    ("JOIN", "too_many_rooms"): "405",
    ("JOIN", "room_invalid"): "403",
    ("JOIN", "not_allowed"): "473",
    ("PRIVMSG", "not_in_room"): "404",
    ("PRIVMSG", "room_required"): "404",
    ("PRIVMSG", "unknown_user"): "401",
    ("PRIVMSG", "conversation_gone"): "401",
    ("NICK", "name_taken"): "433",
    ("NICK", "name_reserved"): "433",
    ("NICK", "name_invalid"): "432",
    ("USER", "name_taken"): "433",
    ("USER", "name_reserved"): "433",
    ("USER", "name_invalid"): "432",
    ("USER", "login_failed"): "464",
    ("USER", "password_wrong"): "464",
    ("USER", "password_required"): "464",
    ("USER", "banned"): "465",
    ("OPER", "login_failed"): "464",
    ("OPER", "password_wrong"): "464",
}

# Why words to a room are refused to who is not in it, or may not speak there.
NOT_THERE = ("not_in_room", "room_required", "not_joined", "moderated", "muted", "slow")

# Of all verbs about a room.
_OF_ROOMS = {
    "not_in_room": "442",
    "room_required": "442",
    "not_allowed": "482",
    "unknown_room": "403",
    "room_invalid": "403",
}

_OF_PEOPLE = {"unknown_user": "401", "name_invalid": "401", "already_joined": "443"}


def as_quoted(text: str) -> str:
    """Commands as they are given on IRC: what others begin with a slash follows /quote."""
    return text.replace("/quote /", "/quote ")


def refusal(error: Error, context: Context, is_there: Callable[[], bool] = lambda: True) -> Numeric | None:
    """What the refusal of a request is told as; None where it has no numeric, and a sentence tells it. `is_there` tells
    whether there is a room of this name."""
    verb, target, extra = context.verb, context.target, context.extra
    if verb == "AUTHENTICATE":
        return Numeric("904", (), f"SASL authentication failed: {error.text}")
    if error.code == "not_joined":
        return Numeric("451", (), error.text)
    code = _BY_VERB.get(("PRIVMSG" if verb in ("NOTICE", "TAGMSG") else verb, error.code))
    if code is None and verb in ("PRIVMSG", "NOTICE", "TAGMSG"):
        code = "404" if target.startswith("#") else "401"
    if verb in ("KICK", "MODE") and error.code == "not_in_room" and not error.text.startswith("You "):
        code = "441"  # it is the other one who is not in there
    if code is None and verb == "OPER":
        code = "491"
    if code is None and verb in ("JOIN", "PART", "TOPIC", "KICK", "INVITE", "MODE"):
        code = _OF_PEOPLE.get(error.code) or _OF_ROOMS.get(error.code)
    if code is None:
        return None
    if code == "442" and not is_there():
        code = "403"
    text = "is in there already" if code == "443" else error.text  # which clients show behind whom and where
    return Numeric(code, _params(code, verb, target, extra), text)


def _params(code: str, verb: str, target: str, extra: str) -> Sequence[str]:
    if code in ("464", "465", "491"):
        return ()
    if code == "401" and verb in ("KICK", "INVITE", "MODE"):
        return (extra or target,)
    if code == "443":
        return (to_irc(extra), target) if extra else (target,)
    if code == "441":
        return (extra, target)
    return (target or "*",)


def failure(context: Context, error: Error) -> str:
    """The refusal of what is refused by a standard reply (IRCv3)."""
    codes = {
        "unknown_message": "UNKNOWN_MSGID",
        "not_allowed": "REDACT_FORBIDDEN",
        "registration_closed": "TEMPORARILY_UNAVAILABLE",
    }
    known = codes.get(error.code)
    about = [word(one) for one in (context.target, context.extra) if one]
    if context.verb == "CHATHISTORY":
        known = "INVALID_TARGET" if error.code in ("not_in_room", "unknown_room", "room_required") else "MESSAGE_ERROR"
        about = [context.extra.partition(" ")[0], word(context.target)]
    elif context.verb == "REGISTER":
        known = {
            "registered": "ALREADY_AUTHENTICATED",
            "name_reserved": "ACCOUNT_EXISTS",
            "password_invalid": "WEAK_PASSWORD",
        }.get(error.code, "TEMPORARILY_UNAVAILABLE")
    elif context.verb == "REDACT" and error.code in ("not_in_room", "room_required", "conversation_gone"):
        known = "INVALID_TARGET"
    return f":{HOST} FAIL {context.verb} {known or 'UNKNOWN_ERROR'} {' '.join(about)} :{error.text}"
