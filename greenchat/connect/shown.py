"""How what comes from the server is shown, as lines."""

from collections.abc import Iterable, Iterator

from greenchat.codecs import wording
from greenchat.connect.common import Kind, Line, clean, clean_lines, error_line, info_line
from greenchat.protocol.events import Away, Event, Message, Renamed, Role
from greenchat.protocol.requests import Frame


def shown(item: Event | Frame) -> Iterator[Line]:
    for text, sender, error in wording.rich(item):
        if sender is not None:
            yield Line(Kind.MESSAGE, f"[{clean(sender)}]:", clean_lines(text), clean(sender))
        else:
            yield error_line(text) if error else info_line(text)


def shown_message(message: Message, words: str, *, past: bool = False) -> Iterator[Line]:
    """A message in these `words`. In what is `past` one is not told of one's own by which device they were said; nor of
    files, which all of one's devices are told of."""
    if not message.own:
        yield Line(Kind.MESSAGE, f"[{clean(wording.sender(message))}]:", clean_lines(words), clean(message.sender))
        return
    who = f"{message.sender} to {message.with_} (private)" if message.conversation else message.sender
    by = "" if past or message.files else ", by another device"
    yield Line(Kind.OWN, f"[{clean(who)}{by}]:", clean_lines(words), clean(message.sender))


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
