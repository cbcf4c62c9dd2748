"""The panes at the sides: conversations, and the members of the one that is looked at."""

from collections.abc import Callable

from rich.segment import Segment
from rich.style import Style
from textual.events import Click, MouseDown, MouseMove, MouseScrollDown, MouseScrollUp, MouseUp
from textual.message import Message as TextualMessage
from textual.strip import Strip

from greenchat.connect.model.chats import Chats
from greenchat.connect.model.place import Place
from greenchat.connect.screen.lines import Lines
from greenchat.connect.screen.theme import Look
from greenchat.connect.screen.wrapping import cut, isolated, width_of

SIGNS = {"operator": "@", "owner": "~"}

WHEEL = 3  # lines

# Behind the name of a conversation: one that calls for nobody, and one in which something waits to be said.
MUTED, DRAFTED = "∅", "✎"
MOST_COUNTED = 999


def style_of(place: Place, look: Look) -> Style:
    """Of its name."""
    if place.gone or place.level == "none":
        return look.dim
    if place.unread and (place.mentions or place.is_direct):
        return look.calling
    return look.unread if place.unread and place.level != "mentions" else look.text


def count_of(place: Place) -> str:
    """How much is unread there; with an @ what of it names one, before all of it."""
    if not place.unread:
        return ""
    unread = f"{min(place.unread, MOST_COUNTED)}"
    if not place.mentions or place.is_direct or place.level == "none":
        return unread
    return f"@{unread}" if place.mentions == place.unread else f"@{min(place.mentions, MOST_COUNTED)} {unread}"


def marks_of(place: Place, *, is_current: bool = False) -> str:
    return MUTED * (place.level == "none") + DRAFTED * (bool(place.draft.text) and not is_current)


class Conversations(Lines):
    """Rooms, then people. What is unread stands behind their names."""

    class Chosen(TextualMessage):
        """Somebody wants to look at this one."""

        def __init__(self, place: str) -> None:
            super().__init__()
            self.place = place

    def __init__(self, look: Look, chats: Chats) -> None:
        super().__init__(look, self._make_lines, id="conversations")
        self._chats = chats
        self._top = 0
        self._shown_for = -1, 0  # which look at one has brought that into sight, in so many lines
        self._shown: list[str] = []

    def _make_lines(self, width: int, height: int) -> list[Strip]:
        places = self._chats.ordered()
        at = next((number for number, place in enumerate(places) if place.id == self._chats.current), 0)
        looked = places[at].looked if places else 0
        if (looked, height) != self._shown_for:
            self._shown_for, self._top = (looked, height), min(max(self._top, at - height + 1), at)
        self._top = max(0, min(self._top, len(places) - height))
        shown = places[self._top : self._top + height]
        self._shown = [place.id for place in shown]
        return [self._line(place, number, width) for number, place in enumerate(shown, self._top + 1)]

    def _line(self, place: Place, number: int, width: int) -> Strip:
        look, is_current = self.look, place.id == self._chats.current
        style = look.current if is_current else style_of(place, look)
        behind = " ".join(filter(None, (marks_of(place, is_current=is_current), count_of(place))))
        behind = f" {behind}" if behind else ""
        mark = f"{number}" if number <= 9 else " "
        room = width - width_of(f"{mark} {place.sign}{behind}") - 1
        name = cut(place.title, max(room, 1))
        gap = " " * max(0, room - width_of(name))
        return Strip(
            [
                Segment(f"{mark} ", style + look.dim if not look.background else style),
                *isolated([Segment(f"{place.sign}{name}", style)]),
                Segment(f"{gap}{behind} ", style),
            ]
        )

    def on_click(self, event: Click) -> None:
        if event.y < len(self._shown):
            self.post_message(self.Chosen(self._shown[event.y]))

    def on_mouse_scroll_up(self, _: MouseScrollUp) -> None:
        self._top -= WHEEL
        self.redraw()

    def on_mouse_scroll_down(self, _: MouseScrollDown) -> None:
        self._top += WHEEL
        self.redraw()


class MembersPane(Lines):
    """Who keeps order first; who is away is dim."""

    class Chosen(TextualMessage):
        """Somebody wants something of this one."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, look: Look, chats: Chats) -> None:
        super().__init__(look, self._make_lines, id="members")
        self._chats = chats
        self._top = 0
        self._shown: list[str] = []

    def _make_lines(self, width: int, height: int) -> list[Strip]:
        place = self._chats.place
        if place is None or place.is_direct:
            self._shown = []
            return []
        members = place.members.ordered()
        self._top = max(0, min(self._top, len(members) + 1 - height))
        head = Strip([Segment(cut(f"{len(place.members)} here", width), self.look.dim)])
        shown = members[self._top : self._top + height - 1]
        self._shown = [member.name for member in shown]
        out = [head]
        for member in shown:
            sign = SIGNS.get(member.role, " ")
            style = self.look.dim if member.away else self.look.of_name(member.name)
            behind = (" ⚙" if member.bot else "") + (f" {member.away}" if member.away else "")
            name = cut(member.name, width - (3 if member.bot else 1))
            behind = cut(behind, width - 1 - width_of(name))
            parts = [*isolated([Segment(name, style)]), *isolated([Segment(behind, self.look.dim)])]
            out.append(Strip([Segment(sign, self.look.dim), *parts]))
        return out

    def on_click(self, event: Click) -> None:
        if 0 < event.y <= len(self._shown):
            self.post_message(self.Chosen(self._shown[event.y - 1]))

    def on_mouse_scroll_up(self, _: MouseScrollUp) -> None:
        self._top = max(0, self._top - WHEEL)
        self.redraw()

    def on_mouse_scroll_down(self, _: MouseScrollDown) -> None:
        self._top += WHEEL
        self.redraw()


class Border(Lines):
    """The line between two panes. It can be dragged: `dragged` is told to which column of the screen."""

    def __init__(self, look: Look, name: str, dragged: Callable[[int], object]) -> None:
        super().__init__(look, self._make_lines, id=name)
        self._dragged = dragged
        self._held = False

    def on_mouse_down(self, _: MouseDown) -> None:
        self._held = True
        self.capture_mouse()

    def on_mouse_move(self, event: MouseMove) -> None:
        if self._held:
            self._dragged(event.screen_x)

    def on_mouse_up(self, _: MouseUp) -> None:
        self._held = False
        self.release_mouse()

    def _make_lines(self, width: int, height: int) -> list[Strip]:
        return [Strip([Segment("│", self.look.line + Style())])] * height
