"""How what comes from the server is shown, as lines."""

from collections.abc import Iterable, Iterator

from greenchat.codecs import wording
from greenchat.connect.common import Kind, Line, clean, clean_lines, error_line, info_line
from greenchat.protocol.events import Away, Event, Message, Renamed, Role
from greenchat.protocol.replies import HistoryPage
from greenchat.protocol.requests import Frame


def shown(item: Event | Frame) -> Iterator[Line]:
    if isinstance(item, Message) and item.own:  # in a conversation of two
        yield _own(f"{item.sender} to {item.with_} (private)", wording.answering(item))
        return
    for text, sender, error in wording.rich(item):
        if sender is not None:
            yield Line(Kind.MESSAGE, f"[{clean(sender)}]:", clean_lines(text))
        else:
            yield error_line(text) if error else info_line(text)


def shown_message(message: Message, words: str) -> Iterator[Line]:
    """A message of a room in these `words`."""
    if message.own:
        yield _own(message.sender, words)
    else:
        yield Line(Kind.MESSAGE, f"[{clean(message.sender)}]:", clean_lines(words))


def direct_page(page: HistoryPage) -> Iterator[Line]:
    """What two people have said to each other alone, with the numbers of the messages."""
    said = [event for event in page.events if isinstance(event, Message)]
    if not said:
        yield info_line("Nothing was said here before.", Kind.PAST)
        return
    yield info_line(wording.before_page(wording.place_of(page), said, wording.local), Kind.PAST)
    for event in said:
        lines = shown(event) if event.own else shown_message(event, wording.answering(event) + wording.marks(event))
        for line in lines:
            yield Line(Kind.PAST, f"[{event.seq}] {wording.local(event.time)} {line.head}", line.body)
    yield info_line(wording.after_page(said, wording.local), Kind.PAST)


def _own(who: str, words: str) -> Line:
    return Line(Kind.OWN, f"[{clean(who)}, by another device]:", clean_lines(words))


def from_elsewhere(room: str, lines: Iterable[Line], is_change: bool, was_seen: bool) -> Iterator[Line]:
    """What happens in a room that is not seen now; and that never was here, unless it `was_seen`. What is said and
    changed in one of those is not for everybody."""
    for line in lines:
        is_said = line.kind in (Kind.MESSAGE, Kind.OWN)
        kind = line.kind if was_seen or not (is_said or is_change) else Kind.ELSEWHERE
        if is_said:
            yield line._replace(kind=kind, head=f"[{clean(room)}] {line.head}")
        else:
            yield line._replace(kind=kind, body=f"[{clean(room)}] {line.body}")


def is_of_all_rooms(item: object) -> bool:
    """Whether it is told in one room only of all that one shares with somebody."""
    return isinstance(item, Renamed | Away) or (isinstance(item, Role) and item.role == "operator")
