"""Going to another conversation by a few letters."""

from collections.abc import Callable

from greenchat.connect.model.finding import Way, ways
from greenchat.connect.model.model import Model
from greenchat.connect.screen.chooser import Choice, Chooser
from greenchat.connect.screen.panes import count_of, marks_of, style_of
from greenchat.connect.screen.theme import Look
from greenchat.connect.screen.wrapping import Span

TITLE = "Where to?"


def jumper(look: Look, model: Model, go: Callable[[Way], None], *, full: bool = False) -> Chooser:
    """Where it leads, `go` is told. `full`: it is there in place of the pane, in its order."""
    known: dict[str, Way] = {}

    def choices(letters: str) -> list[Choice]:
        if full and not letters:
            found = [Way("place", place.id) for place in model.chats.ordered() if place.id]
        else:
            found = ways(model.chats, letters, model.names.people, model.names.rooms)
        known.clear()
        known.update({f"{way.kind} {way.name}": way for way in found})
        numbers = {place.id: number for number, place in enumerate(model.chats.ordered(), 1) if number <= 9}
        return [_choice(name, way, model, look, numbers) for name, way in known.items()]

    return Chooser(look, TITLE, choices, lambda name, typed: go(known[name]), full=full)


def _choice(name: str, way: Way, model: Model, look: Look, numbers: dict[str, int]) -> Choice:
    if way.kind == "place":
        place = model.chats.places[way.name]
        number = Span(f"{numbers.get(place.id, ' ')} ", look.dim)
        style = style_of(place, look)
        behind = " ".join(filter(None, (marks_of(place), count_of(place))))
        return Choice(name, (number, Span(f"{place.sign}{place.title}", style)), Span(behind, style))
    sign = "#" if way.kind == "room" else ""
    what = ("join" if way.sure else "join, or make it") if way.kind == "room" else "talk to"
    return Choice(name, (Span("  "), Span(f"{sign}{way.name}", look.text)), Span(what, look.dim))
