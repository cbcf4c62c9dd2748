"""Lists of what can be done with a message, or with somebody; and of what may be put to a message."""

from collections.abc import Callable, Sequence

from greenchat.connect.emoji import EMOJI, USUAL, name_of
from greenchat.connect.model.chats import Chats
from greenchat.connect.model.finding import best
from greenchat.connect.model.place import Member, Place
from greenchat.connect.screen.chooser import Choice, Chooser
from greenchat.connect.screen.panes import SIGNS
from greenchat.connect.screen.theme import Look
from greenchat.connect.screen.wrapping import Span
from greenchat.protocol.events import Message

# So many emoji are offered for some letters.
MOST_EMOJI = 40

# The key of it, what it is, what is done.
Act = tuple[str, str, Callable[[], object]]


def menu(look: Look, title: str, acts: Sequence[Act]) -> Chooser:
    """Some letters of it are enough here as well."""
    done = {what: act for _, what, act in acts}

    def choices(letters: str) -> list[Choice]:
        fitting = best(letters.strip(), [(what, (key, what)) for key, what, _ in acts])
        return [Choice(what, (Span(what, look.text),), Span(key, look.dim)) for key, what in fitting]

    return Chooser(look, title, choices, lambda what, typed: done[what]())


def reactions(look: Look, message: Message, me: str, react: Callable[[str], object]) -> Chooser:
    """The usual ones, and all by their names; whatever sign one types besides."""
    there = message.reactions or {}

    def choices(letters: str) -> list[Choice]:
        typed = letters.strip().strip(":")
        found = [*best(typed, EMOJI.items()), *[typed] * (not typed.isascii())]
        signs = found if typed else [*there, *USUAL]
        return [choice(sign) for sign in [*dict.fromkeys(signs)][:MOST_EMOJI]]

    def choice(sign: str) -> Choice:
        names = there.get(sign, [])
        right = "takes it away" if me in names else ", ".join(names)
        return Choice(sign, (Span(f"{sign} ", look.text), Span(name_of(sign), look.dim)), Span(right, look.dim))

    return Chooser(look, "React with", choices, lambda sign, typed: react(sign))


def people(look: Look, place: Place, chosen: Callable[[str], object], *, full: bool = False) -> Chooser:
    """Who is in a room."""

    def choices(letters: str) -> list[Choice]:
        typed = letters.strip().removeprefix("@")
        return [choice(member) for member in best(typed, [(one.name, one) for one in place.members.ordered()])]

    def choice(member: Member) -> Choice:
        style = look.dim if member.away else look.of_name(member.name)
        sign, name = Span(SIGNS.get(member.role, " "), look.dim), Span(member.name, style)
        return Choice(member.name, (sign, name), Span(member.away or "bot" * member.bot, look.dim))

    return Chooser(look, f"{len(place.members)} here", choices, lambda name, typed: chosen(name), full=full)


def may_delete(chats: Chats, place: Place, message: Message) -> bool:
    """Whether it is worth while to ask the server for it."""
    return chats.is_mine(message) or keeps_order(chats, place)


def keeps_order(chats: Chats, place: Place) -> bool:
    """Whether one does so there, as far as one knows."""
    me = place.members.find(chats.me)
    return me is not None and me.role in SIGNS
