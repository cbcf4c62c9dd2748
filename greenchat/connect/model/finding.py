"""The way to a conversation by a few letters of its name."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeVar

from greenchat.connect.model.chats import Chats
from greenchat.connect.model.place import Place, key_of

T = TypeVar("T")

# How well letters fit a name, the best first.
SAME, BEGINS, BEGINS_A_WORD, WITHIN, SCATTERED = range(5)

# So many are offered that one has not taken part in: more letters find the others.
MOST_OTHERS = 30


@dataclass(frozen=True, slots=True)
class Way:
    """Where one may go: a conversation that one has, by its id; or, by its name, somebody to whom one has not spoken
    yet, or a room that one is not in. `sure`: that there is such a one was heard from the server."""

    kind: Literal["place", "person", "room"]
    name: str
    sure: bool = True


def fit(letters: str, name: str) -> int | None:
    """How well they fit: none of them stands in another order than it was typed in. None where they do not fit."""
    wanted, there = _folded(letters), _folded(name)
    if wanted == there:
        return SAME
    at = there.find(wanted)
    if at == 0:
        return BEGINS
    while at > 0:
        if not there[at - 1].isalnum():
            return BEGINS_A_WORD
        again = there.find(wanted, at + 1)
        if again < 0:
            return WITHIN
        at = again
    rest = iter(there)
    return SCATTERED if all(letter in rest for letter in wanted) else None


def best(letters: str, named: Iterable[tuple[str, T]]) -> list[T]:
    """What they fit, of things with names, the best first; all in their order where there are none."""
    fitting = [(how_well, thing) for name, thing in named if (how_well := fit(letters, name)) is not None]
    if letters:
        fitting.sort(key=lambda one: one[0])
    return [thing for _, thing in fitting]


def ways(chats: Chats, letters: str, people: Iterable[str] = (), rooms: Iterable[str] = ()) -> list[Way]:
    """Where `letters` lead, the best first: of conversations that fit alike, those that call for one, then what is
    unread, then where one was last. `#` before them means rooms alone, and `@` people. `people` and `rooms` are those
    whom one may begin something with; and so is whoever or whatever is called exactly so, behind all others."""
    typed = letters.strip()
    only, typed = (typed[0], typed[1:]) if typed[:1] in ("#", "@") else ("", typed)
    found: list[tuple[tuple[int, ...], Way]] = []
    for place in chats.places.values():
        if place.id and only in ("", "@" if place.is_direct else "#"):
            how_well = fit(typed, place.title)
            if how_well is not None:
                found.append(((how_well, *_urgency(chats, place)), Way("place", place.id)))
    known = [way for _, way in sorted(found, key=lambda one: one[0])]
    return [*known, *_others(chats, only, typed, people, rooms)]


def _urgency(chats: Chats, place: Place) -> tuple[int, ...]:
    heard = place.level != "none"
    calls = heard and (place.mentions > 0 or (place.is_direct and place.unread > 0))
    return (place.id == chats.current, not calls, not (heard and place.unread), -place.looked)


def _others(chats: Chats, only: str, typed: str, people: Iterable[str], rooms: Iterable[str]) -> list[Way]:
    talks = {key_of(place.title) for place in chats.places.values() if place.is_direct and not place.gone}
    inside = {place.id for place in chats.places.values() if not place.is_direct}
    known = {key_of(name): name for name in people if key_of(name) != key_of(chats.me)}
    found: list[tuple[int, str, Way]] = []
    if typed and only != "#":
        for key, name in known.items():
            how_well = fit(typed, name)
            if how_well is not None and key not in talks:
                found.append((how_well, key, Way("person", name)))
    if typed and only != "@":
        for room in rooms:
            how_well = fit(typed, room)
            if how_well is not None and room not in inside:
                found.append((how_well, room, Way("room", room)))
    found.sort(key=lambda one: one[:2])
    out = [way for *_, way in found][:MOST_OTHERS]
    if typed and len(typed.split()) == 1:
        if only != "@" and typed.lower() not in inside | {way.name for way in out if way.kind == "room"}:
            out.append(Way("room", typed.lower(), sure=False))
        if only == "@" and key_of(typed) not in talks | known.keys() | {key_of(chats.me)}:
            out.append(Way("person", typed, sure=False))
    return out


def _folded(text: str) -> str:
    """As people type it: without marks on letters, but for those who type them."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(one for one in parts if not unicodedata.combining(one))
