"""Who people are, and who they are to you: away and back, whom you ignore, what there is to know of somebody, and what
calls you in a conversation.
"""

import unicodedata
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Literal

from msgspec import field

from greenchat import (
    AWAY,
    Answer,
    Call,
    ChatServer,
    Command,
    Context,
    Levels,
    Member,
    Reject,
    Rest,
    Session,
    hookimpl,
    is_blank,
    typed_command,
)

# Of so many rooms and conversations an account may choose what calls for it: more than anybody is in.
MOST_LEVELS = 1000

# So many words of one's own an account may have: a project, a place, a nickname or two. And so long they are.
MOST_WORDS = 50
WORD_LENGTH = 40

# Where they are in what is kept of an account, beside its levels: no room is called so.
WORDS = " words"

# What each level means, for people.
CALLS = {
    "usual": "In {} your name and words call you, as usual.",
    "all": "In {} everything calls you.",
    "mentions": "In {} your name and words alone call you.",
    "none": "Nothing in {} calls you.",
}


class Whois(Answer, frozen=True, kw_only=True, tag="whois"):
    """The answer to /whois. `logged_in`: into an account. `role` is "operator" or empty; `owner_of` and `rooms` are
    those rooms that the asker may come into. `seconds`: since the oldest of their connections was made, of which there
    are so many `sessions`. `bot` is the plugin that moves it. `address`, that of the oldest, and all `addresses` are
    for operators."""

    name: str
    logged_in: bool = False
    role: str = ""
    rooms: list[str] = field(default_factory=list)
    owner_of: list[str] = field(default_factory=list)
    away: str = ""
    seconds: int = 0
    sessions: int = 1
    bot: str = ""
    address: str = ""
    addresses: list[str] = field(default_factory=list)


class Ignored(Answer, frozen=True, kw_only=True, tag="ignored"):
    """The answer to /ignore without a name: whom one ignores, as they are called now or were last."""

    names: list[str]


class People:
    """The commands. `now` is the time of day."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC), ctx: Context | None = None) -> None:
        self._now = now
        self._ctx = ctx

    @hookimpl
    def greenchat_startup(self, server: ChatServer) -> None:
        ctx = self._ctx
        if ctx is not None:
            server.chat.highlights = lambda account_id: _words(ctx, account_id)

    @hookimpl
    def greenchat_commands(self) -> Sequence[Command]:
        return [
            typed_command(away, help="Tell that you are away, until you say /back.\nExample: /away Lunch"),
            typed_command(back, help="Tell that you are back.\nExample: /back"),
            typed_command(
                ignore,
                help="Read nothing more of somebody, or list whom you ignore.\n"
                "It holds until you leave the chat, whatever they call themselves meanwhile.\nExample: /ignore bob",
            ),
            typed_command(unignore, help="Read again what somebody says.\nExample: /unignore bob"),
            typed_command(
                notify,
                help="Choose what calls you in this room or conversation, on all your devices; or list it.\n"
                "For who is logged in.\nExample: /notify mentions",
            ),
            typed_command(
                highlight,
                help="Have a word call you as your name does, on all your devices; or list yours.\n"
                "For who is logged in.\nExamples: /highlight add roses, /highlight remove roses",
            ),
            typed_command(self.whois, help="Tell what there is to know of somebody.\nExample: /whois bob"),
        ]

    def whois(self, call: Call, user: Member) -> Answer:
        session, member, chat, other = call.session, call.member, call.session.chat, user
        sessions = sorted((one for one in other.sessions if isinstance(one, Session)), key=lambda one: one.since)
        rooms = [room for room in other.rooms.values() if chat.may_enter(session, member, room.name)]
        owned = [room.name for room in rooms if room.owned_by(other)]
        seconds = max(int((self._now() - sessions[0].since).total_seconds()), 0) if sessions else 0
        addresses = [one.address for one in sessions] if session.role == "operator" else []
        why = AWAY if other.away and member.ignores(other) else other.away
        facts = [
            f"in {', '.join(room.name for room in rooms)}" if rooms else "",
            other.role,
            f"a bot of the plugin {other.bot}" if other.bot else "",
            f"owner of {', '.join(owned)}" if owned else "",
            "" if other.bot else "logged in" if other.account else "a guest",
            f"away: {why}" if why else "",
            f"connected for {_duration(seconds)}" if sessions else "",
            f"by {len(sessions)} connections" if len(sessions) > 1 else "",
            f"from {', '.join(addresses)}" if addresses else "",
        ]
        return Whois(
            name=other.name,
            logged_in=bool(other.account),
            role=other.role,
            rooms=[room.name for room in rooms],
            owner_of=owned,
            away=why,
            seconds=seconds,
            sessions=max(len(sessions), 1),  # that somebody is lost is told once they have left
            bot=other.bot,
            address=addresses[0] if addresses else "",
            addresses=addresses[1:] and addresses,
            lines=[f"{other.name}: {'; '.join(filter(None, facts))}"],
        )


def away(call: Call, why: Rest = AWAY) -> None:
    call.session.chat.set_away(call.member, why)


def back(call: Call) -> None:
    if not call.member.away:
        raise Reject("You are not away. /away WHY tells that you are.", code="not_away")
    call.session.chat.set_away(call.member, "")


def ignore(call: Call, user: Rest = "") -> Answer | str:
    member = call.member
    if not user:
        names = member.ignored.names if member.ignored is not None else []
        line = f"You ignore {', '.join(names)}." if names else "You ignore nobody. /ignore USER begins to."
        return Ignored(names=names, lines=[line])
    name = call.session.chat.ignore(member, user)
    return f"You read nothing more of {name}. /unignore {name} ends it."


def unignore(call: Call, user: Rest) -> str:
    return f"You read again what {call.session.chat.unignore(call.member, user)} says."


def notify(call: Call, level: Literal["list", "all", "mentions", "none", "usual"] = "list") -> Levels:
    chosen = call.ctx.store.account(call.require_account())
    if level == "list":
        levels = [CALLS[str(how)].format(_named(call, one)) for one, how in sorted(chosen.items()) if one != WORDS]
        return _levels(call, [*levels, *_called_by(call)])
    place = call.place
    key = f"@{place.conversation}" if place.conversation else place.name  # no room is called so
    if level == "usual":
        chosen.pop(key, None)
    elif key not in chosen and len(chosen) - (WORDS in chosen) >= MOST_LEVELS:
        raise Reject(f"You have chosen it for {MOST_LEVELS} places, as many as you may.", code="too_many_levels")
    else:
        chosen[key] = level
    _tell_others(call)
    return _levels(call, [CALLS[level].format(_named(call, key))])


def highlight(call: Call, act: Literal["list", "add", "remove"] = "list", word: str = "") -> Levels:
    account_id = call.require_account()
    words = _words(call.ctx, account_id)
    if act == "list":
        return _levels(call, _called_by(call) or ["Only your name calls you. /highlight add WORD has a word do so."])
    word = _folded(word)
    if act == "remove":
        if word not in words:
            raise Reject("This is no word of yours. /highlight lists them.", code="unknown_word")
        words.remove(word)
    else:
        if not word or len(word) > WORD_LENGTH or is_blank(word):
            raise Reject(f"Write a word of 1 to {WORD_LENGTH} characters: /highlight add roses", code="usage")
        if word not in words and len(words) >= MOST_WORDS:
            raise Reject(f"You have {MOST_WORDS} words, as many as you may.", code="too_many_words")
        words = sorted({*words, word})
    chosen = call.ctx.store.account(account_id)
    chosen[WORDS] = words
    if not words:
        del chosen[WORDS]
    _tell_others(call)
    return _levels(call, [f"{word} calls you {'from now on' if act == 'add' else 'no more'}."])


def _words(ctx: Context, account_id: int) -> list[str]:
    """Those of an account, in their order."""
    found: list[str] = ctx.store.account(account_id).get(WORDS, [])
    return found


def _folded(word: str) -> str:
    """As it is compared: in whatever case and width."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", word).casefold())


def _called_by(call: Call) -> list[str]:
    words = _words(call.ctx, call.require_account())
    return [f"These words call you as your name does: {', '.join(words)}."] if words else []


def _tell_others(call: Call) -> None:
    """The other devices do by it, too."""
    for other in call.member.sessions:
        if other is not call.session and isinstance(other, Session):
            other.tell(_levels(call, []))


def _levels(call: Call, lines: list[str]) -> Levels:
    kept = call.ctx.store.account(call.require_account())
    chosen = {place: str(how) for place, how in kept.items() if place != WORDS}
    return Levels(
        words=_words(call.ctx, call.require_account()),
        lines=lines,
        rooms={place: how for place, how in chosen.items() if not place.startswith("@")},
        conversations={place[1:]: how for place, how in chosen.items() if place.startswith("@")},
    )


def _named(call: Call, place: str) -> str:
    """As people call it: of a conversation, with whom it is."""
    if not place.startswith("@"):
        return place
    known = {state.conversation: state.with_ for state in call.session.chat.conversations_of(call.member)[0]}
    return known.get(place[1:], "a conversation that has ended")


def _duration(seconds: int) -> str:
    """In the largest unit of which there are two: enough to see whether somebody has just come."""
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}s"
    return f"{seconds} second{'s' * (seconds != 1)}"


greenchat_plugin = People
