"""What was said, on the screen: it follows the end, or stays where somebody reads."""

from collections import OrderedDict
from collections.abc import Callable
from datetime import date

from textual.events import Click, MouseScrollDown, MouseScrollUp
from textual.message import Message as TextualMessage
from textual.strip import Strip

from greenchat.connect.model.chats import Chats
from greenchat.connect.model.place import Place
from greenchat.connect.model.rows import Row
from greenchat.connect.model.timeline import Item
from greenchat.connect.screen.drawing import Drawn, draw, headed
from greenchat.connect.screen.lines import Lines
from greenchat.connect.screen.theme import Look
from greenchat.protocol.events import Message

# So many rows are kept as they were drawn: some screens full.
DRAWN = 1000

# Whoever follows the end sees rows of the last items alone, so many times the lines of the screen, and no fewer than
# these: while very much is said, making rows of all would keep whoever types waiting.
TAIL_TIMES, TAIL = 3, 100

WHEEL = 3  # lines

RIGHT = 3  # button of a mouse


class Log(Lines):
    """`selected` is the key of a row. `on_turned` is told that it follows the end, or does so no more, `on_seen` up to
    which message what is there stands on the screen, and `wants_older` and `wants_newer` that somebody has come to an
    end. `wants_original` is told what is answered there and not known."""

    class Clicked(TextualMessage):
        """A message was; one that is selected already is clicked `again`."""

        def __init__(self, *, again: bool) -> None:
            super().__init__()
            self.again = again

    def __init__(self, look: Look, chats: Chats, *, times: bool = True) -> None:
        super().__init__(look, self._make_lines, id="log")
        self._chats = chats
        self.times = times
        self._place: Place | None = None
        self._rows: list[Row] = []
        self._rows_of: tuple[object, ...] = ()
        self._is_whole = True  # they are those of all items, and not of the last alone
        self._cache: OrderedDict[str, tuple[object, list[Strip]]] = OrderedDict()
        self._top: tuple[str, int, int] | None = None  # the row at the top, where it stands, its first line in sight
        self._kept: dict[str, tuple[str, int, int] | None] = {}  # the same of other conversations
        self._at: list[int] = []  # which row is in each line
        self._opened: set[str] = set()  # the keys of what was folded, and is not
        self._today = date.min
        self._held = False  # it follows the end no more only because a message is selected
        self.selected = ""
        self._selected_at = -1  # where that row stands, or stood
        self.on_seen: Callable[[Place, int], None] = lambda place, seq: None
        self.on_turned: Callable[[], None] = lambda: None
        self.wants_older: Callable[[Place], object] = lambda place: None
        self.wants_newer: Callable[[Place], object] = lambda place: None
        self.wants_original: Callable[[Place, int], object] = lambda place, seq: None

    @property
    def follows(self) -> bool:
        """Whether its end is in sight."""
        return self._top is None

    # --- what is shown ---

    def restyle(self) -> None:
        """It looks otherwise from now on."""
        self._cache.clear()
        self.redraw()

    def is_another_day(self) -> bool:
        """Whether what was today when it was drawn is yesterday by now."""
        return self._chats.today() != self._today

    def renew(self) -> None:
        """Look at what there is now."""
        place = self._chats.place
        if place is not self._place:
            if self._place is not None:
                self._kept[self._place.id] = self._top
            self._place, self.selected, self._held = place, "", False
            self._top = self._kept.pop(place.id, None) if place is not None else None
            self._cache.clear()
            self._opened.clear()
            self._rows_of = ()
            if place is not None and self._top is None and place.mark is not None:
                self._go_to_mark(place)
        self._look(whole=False)
        self.redraw()

    def _look(self, *, whole: bool = True) -> None:
        """Have the rows of what there is: of all of it, or of its end, where no more is in sight."""
        place = self._place
        if place is None:
            self._rows, self._is_whole = [], True
            return
        tail = max(TAIL, TAIL_TIMES * self.size.height)
        whole = whole or not self.follows or bool(self.selected) or len(place.timeline.items) <= tail
        of = place.id, place.timeline.revision, place.mark, self._chats.me, tuple(self._chats.words)
        if of == self._rows_of and (self._is_whole or not whole):
            return
        before, was_whole = self._rows, self._is_whole
        self._rows, self._rows_of, self._is_whole = self._chats.rows(place, None if whole else tail), of, whole
        if whole != was_whole and self._at:
            known = {row.key: number for number, row in enumerate(self._rows)}
            self._at = [known.get(before[at].key, -1) if 0 <= at < len(before) else -1 for at in self._at]

    def _go_to_mark(self, place: Place) -> None:
        """Whoever comes to something unread comes to its beginning, where that does not fit with its end."""
        self._look()
        at = next((number for number, row in enumerate(self._rows) if row.kind == "new"), None)
        width, height = self.size
        if at is None or not height:
            return
        below = 0
        for row in reversed(self._rows[at:]):
            below += len(self._strips(row, width))
            if below > height:
                self._top = (self._rows[at].key, at, 0)
                return

    def _strips(self, row: Row, width: int) -> list[Strip]:
        is_open = row.key in self._opened or row.key == self.selected
        sign = row.sign, width, self._chats.me, tuple(self._chats.words), is_open, row.kind == "day" and self._today
        known = self._cache.get(row.key)
        if known is not None and known[0] == sign:
            self._cache.move_to_end(row.key)
            return known[1]
        drawn = draw(row, self._how(width, is_open=is_open))
        self._cache[row.key] = sign, drawn
        if len(self._cache) > DRAWN:
            self._cache.popitem(last=False)
        return drawn

    def _make_lines(self, width: int, height: int) -> list[Strip]:
        self._look(whole=False)  # a message may have been deleted since
        followed, self._today = self.follows, self._chats.today()
        lines = self._lines_from_top(width, height)
        if followed != self.follows:
            self.call_later(self.on_turned)
        return lines

    def _lines_from_top(self, width: int, height: int) -> list[Strip]:
        shown: list[tuple[int, Strip]] = []
        top = self._find_top()
        if top is not None:
            at, first = top
            while at < len(self._rows) and len(shown) < height:
                strips = self._strips(self._rows[at], width)
                shown += [(at, strip) for strip in strips[first:]]
                at, first = at + 1, 0
            if len(shown) < height or (len(shown) == height and at == len(self._rows)):
                self._top = top = None
        if top is None:
            shown = []
            for at in range(len(self._rows) - 1, -1, -1):
                shown[:0] = [(at, strip) for strip in self._strips(self._rows[at], width)]
                if len(shown) >= height:
                    break
            if not self._is_whole and (len(shown) < height or shown[0][0] <= 0):  # most of it was folded
                self._look()
                return self._lines_from_top(width, height)
            shown = [(-1, Strip([]))] * (height - len(shown)) + shown[-height:]
        shown = shown[:height]
        self._at = [at for at, _ in shown]
        if self._top is None and self._hold(height, width):
            return self._lines_from_top(width, height)
        self._see()
        self._look_up()
        if self._place is not None and self._at and self._at[0] <= 0 and self._rows:
            self.wants_older(self._place)
        return [self._marked(at, strip, width) for at, strip in self._headed(shown, width)]

    def _headed(self, shown: list[tuple[int, Strip]], width: int) -> list[tuple[int, Strip]]:
        """The first line tells who has said it, also where that stands above the screen."""
        if not shown or shown[0][0] < 0:
            return shown
        (at, strip), *rest = shown
        return [(at, headed(self._rows[at], strip, self._how(width))), *rest]

    def _how(self, width: int, *, is_open: bool = False) -> Drawn:
        return Drawn(width, self.look, self._chats.me, self.times, self._today, is_open, words=tuple(self._chats.words))

    def _hold(self, height: int, width: int) -> bool:
        """Whether what is selected is out of sight by what has come since: the end is not followed any more then."""
        at = next((at for at, row in enumerate(self._rows) if row.key == self.selected), -1) if self.selected else -1
        self._selected_at = at if at >= 0 else self._selected_at
        if at < 0 or self._at.count(at) >= min(len(self._strips(self._rows[at], width)), height):
            return False
        self._top, self._held = (self.selected, at, 0), True
        return True

    def _marked(self, at: int, strip: Strip, width: int) -> Strip:
        if not self.selected or at < 0 or self._rows[at].key != self.selected:
            return strip
        return strip.adjust_cell_length(width).apply_style(self.look.selected)

    def _find_top(self) -> tuple[int, int] | None:
        """The row at the top and its line: what is looked at stays where it is."""
        if self._top is None:
            return None
        key, at, line = self._top
        if not (at < len(self._rows) and self._rows[at].key == key):
            found = next((number for number, row in enumerate(self._rows) if row.key == key), None)
            at = found if found is not None else min(at, max(0, len(self._rows) - 1))
            self._top = (key, at, line) if found is not None else None
        return (at, line) if self._rows else None

    def _see(self) -> None:
        place = self._place
        if place is None or (self._top is None and place.timeline.newer):
            return
        for at in reversed(self._at):
            item = self._rows[at].item if at >= 0 else None
            if item is not None and isinstance(item.what, Message) and item.seq:
                self.on_seen(place, item.seq)
                return

    def _look_up(self) -> None:
        """Have what is answered in sight, the latest first."""
        for at in reversed(self._at):
            row = self._rows[at] if at >= 0 else None
            if self._place is None or row is None or row.item is None or row.is_lost or row.original is not None:
                continue
            if isinstance(row.item.what, Message) and row.item.what.reply_to:
                self.wants_original(self._place, row.item.what.reply_to)
                return

    # --- scrolling ---

    def scroll(self, by: int) -> None:
        """So many lines down, or up where it is less than 0."""
        self._look()
        width, height = self.size
        if not self._rows or not height:
            return
        at, line = self._first_in_sight()
        line += by
        while line < 0 and at > 0:
            at -= 1
            line += len(self._strips(self._rows[at], width))
        while at < len(self._rows) - 1 and line >= len(self._strips(self._rows[at], width)):
            line -= len(self._strips(self._rows[at], width))
            at += 1
        if by < 0 and sum(len(self._strips(row, width)) for row in self._rows[: height + 1]) <= height:
            at, line = 0, 0
        self._top, self._held = (self._rows[at].key, at, max(line, 0)), False
        self.redraw()
        place = self._place
        if by > 0 and place is not None and at >= len(self._rows) - 1 - height:
            self.wants_newer(place)

    def _first_in_sight(self) -> tuple[int, int]:
        width = self.size.width
        if self._top is not None:
            return self._find_top() or (0, 0)
        left = self.size.height
        for at in range(len(self._rows) - 1, -1, -1):
            left -= len(self._strips(self._rows[at], width))
            if left <= 0:
                return at, -left
        return 0, 0

    def to_end(self) -> None:
        self._top, self.selected, self._held = None, "", False
        self.redraw()

    def to_message(self, seq: int) -> bool:
        """It is in sight then, with some of what was said before it, and selected; whether it is there."""
        self._look()
        for at, row in enumerate(self._rows):
            if row.item is not None and row.item.seq == seq and not row.item.order:
                self.selected, self._held = row.key, False
                above, lines = at, 0
                while above and lines < self.size.height // 3:
                    above -= 1
                    lines += len(self._strips(self._rows[above], self.size.width))
                self._top = self._rows[above].key, above, max(0, lines - self.size.height // 3)
                self.redraw()
                return True
        return False

    # --- a message ---

    @property
    def selected_row(self) -> Row | None:
        if not self.selected or self._chats.place is not self._place:  # another one is looked at, and not drawn yet
            return None
        return next((row for row in self._rows if row.key == self.selected), None)

    @property
    def selected_item(self) -> Item | None:
        row = self.selected_row
        return row.item if row is not None else None

    @property
    def selected_message(self) -> Message | None:
        """One that has a number, by which the server knows it."""
        item = self.selected_item
        return item.what if item is not None and isinstance(item.what, Message) and item.what.seq else None

    def deselect(self) -> None:
        if self._held:
            self.to_end()
        self.selected = ""
        self.redraw()

    def select(self, by: int) -> None:
        """The message before or behind the one that is selected, or was and is gone; the last one in sight at first."""
        self._look()
        choices = [at for at, row in enumerate(self._rows) if row.kind == "message"]
        if not choices:
            return
        now = next((at for at in choices if self._rows[at].key == self.selected), None)
        if now is None:
            was = self._selected_at if self.selected else -1
            near = [at for at in choices if at in self._at and (was < 0 or at <= was)]
            chosen = near[-1] if near else choices[-1]
        else:
            index = choices.index(now) + by
            if index >= len(choices):
                self.to_end()
                return
            chosen = choices[max(index, 0)]
        self.selected, self._selected_at = self._rows[chosen].key, chosen
        if chosen not in self._at or (self._at.count(chosen) < len(self._strips(self._rows[chosen], self.size.width))):
            if chosen <= self._first_in_sight()[0]:
                self._top = self._rows[chosen].key, chosen, 0
            else:
                self.scroll(len(self._strips(self._rows[chosen], self.size.width)))
        self.redraw()

    def open(self) -> bool:
        """Open what is folded in sight, or fold it again; whether there is any."""
        self._look()
        keys = {self._rows[at].key for at in self._at if 0 <= at < len(self._rows) and _folds(self._rows[at])}
        if keys <= self._opened:
            self._opened -= keys
        else:
            self._opened |= keys
        self.redraw()
        return bool(keys)

    def on_click(self, event: Click) -> None:
        at = self._at[event.y] if event.y < len(self._at) else -1
        if not 0 <= at < len(self._rows):  # or it has gone, and that was not drawn yet
            return
        row = self._rows[at]
        if _folds(row):
            self._opened ^= {row.key}
            self.redraw()
        if row.kind == "message":
            known, self.selected, self._selected_at = self.selected, row.key, at
            self.redraw()
            self.post_message(self.Clicked(again=known == self.selected or event.button == RIGHT))

    def on_mouse_scroll_up(self, _: MouseScrollUp) -> None:
        self.scroll(-WHEEL)

    def on_mouse_scroll_down(self, _: MouseScrollDown) -> None:
        self.scroll(WHEEL)


def _folds(row: Row) -> bool:
    return row.kind == "folded" and len(row.items) > 1
