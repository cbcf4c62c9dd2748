"""What people type to search: `from:bob in:dev after:2026-10-01 has:link "exact words" roses*`. No SQL here."""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from msgspec import Struct

from greenchat.errors import Reject
from greenchat.protocol.text import printable
from greenchat.search import terms

# More words than anybody looks for at once, and more of `from:` and the like: the index reads a list for each.
WORDS = 16
OPERATORS = 16

# Of so many terms all the words may be: a phrase has one for each of its words, or for each letter of Chinese.
TERMS = 64

# So long must be what stands before a `*`: a shorter beginning has so many endings that looking for it takes a second.
SHORTEST_BEGINNING = 3

SEARCH_HELP = """Find messages with all these words, in all that you may read.
"exact words" stand so in it, roses* is each word that begins with roses. Besides words, or without any:
from:bob - said by bob; in:dev - in the room dev; from:bob from:eve - by either of them
after:2026-10-01 before:2026-11-01 - in October (UTC); also with a time: after:2026-10-01T18:00
has:link - with a link
Example: /search from:bob after:2026-10-01 roses garden"""

# Quotation marks as telephones make them.
_QUOTES = str.maketrans(dict.fromkeys("“”„‟", '"'))
_PART = re.compile(
    r'(?P<operator>(?:from|in|before|after|has):)(?:"(?P<quoted>[^"]*)"|(?P<value>[^\s"\x00-\x1f]*))'
    r'|"(?P<phrase>[^"]*)"|(?P<word>[^\s"\x00-\x1f]+)',
    re.IGNORECASE,
)
_TIME = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d)?)?", re.ASCII)


class Unit(Struct, frozen=True):
    """Terms in a row, without their scope; with `begins`, the last of them is the beginning of one."""

    terms: tuple[str, ...]
    begins: bool = False


class Query(Struct, frozen=True):
    """All of `units`, said by one of `senders`, in one of `rooms`, from `since` on, before `until`; and all of one of
    `groups`. Those that are empty, or None, are not asked for. `senders` are terms; `rooms` are as they were typed."""

    units: tuple[Unit, ...]
    senders: tuple[str, ...] = ()
    rooms: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    groups: tuple[tuple[Unit, ...], ...] = ()

    @property
    def size(self) -> int:
        """How many terms the index is asked for."""
        units = [*self.units, *(unit for group in self.groups for unit in group)]
        return max(sum(len(unit.terms) for unit in units) + len(self.senders), 1)


def any_of(words: Iterable[str]) -> Query | None:
    """What has one of these words, and more, as the index does not know where a word of its own begins; None where no
    word is one of the index."""
    groups = [tuple(_phrase(word)) for word in words if word]
    found = tuple(dict.fromkeys(group for group in groups if group))
    return Query((), groups=found) if found else None


def parse_query(text: str) -> Query:
    """What `text` asks for. Raises `Reject`."""
    units: list[Unit] = []
    found: dict[str, list[str]] = {"from": [], "in": [], "before": [], "after": [], "has": []}
    words = 0
    for part in _PART.finditer(text.translate(_QUOTES)):
        if part["operator"]:
            operator = part["operator"][:-1].lower()
            found[operator].append(_VALUES[operator](part["quoted"] or part["value"] or ""))
            continue
        more = list(_phrase(part["phrase"]) if part["phrase"] is not None else _word(part["word"]))
        words += bool(more)
        units += more
    if words > WORDS:
        raise Reject(f"These are more than {WORDS} words. Search for fewer.", code="too_long")
    if sum(map(len, found.values())) > OPERATORS:
        raise Reject(f"These are more than {OPERATORS} conditions. Search with fewer.", code="too_long")
    if not units and not any(found.values()):
        raise Reject("Which words? Write one or more of those that were said.", code="empty")
    units = list(dict.fromkeys([*units, *(Unit((terms.LINK,)) for _ in found["has"])]))
    query = Query(
        tuple(units),
        tuple(dict.fromkeys(map(terms.sender, found["from"]))),
        tuple(dict.fromkeys(found["in"])),
        max(map(_moment, found["after"]), default=None),
        min(map(_moment, found["before"]), default=None),
    )
    if query.size > TERMS:
        raise Reject("These are too many words. Search for fewer.", code="too_long")
    return query


def _word(text: str) -> Iterator[Unit]:
    """What a word as it was typed is looked for by. It may be several, such as `don't`."""
    bare = text.rstrip("*")
    if not bare:
        return
    folded = terms.fold(bare)
    if found := terms.sought_words(folded):
        begins = bare != text and len(bare) >= SHORTEST_BEGINNING
        yield _unit(found, begins=begins)
    # Behind signs a star is one of them, such as in a kiss.
    yield from _signs(folded if found else terms.fold(text))


def _phrase(text: str) -> Iterator[Unit]:
    """What exact words are looked for by."""
    folded = terms.fold(text)
    if found := terms.sought_words(folded):
        yield _unit(found)
    for chunk in folded.split():
        yield from _signs(chunk)


def _unit(words: list[str], *, begins: bool = False) -> Unit:
    last = words[-1]
    # Where there are no spaces, each letter begins a word of two; and each longer word goes on as it likes.
    begins = len(last) == 1 if terms.is_dense(last) else begins
    return Unit(tuple(terms.WORD + word for word in words), begins)


def _signs(folded: str) -> Iterator[Unit]:
    for sign, begins in terms.sought_signs(folded):
        yield Unit((terms.WORD + sign,), begins)


# --- values of operators ---


def _name(value: str) -> str:
    if not value.strip():
        raise Reject("Whose messages? Write a name, with no space before it: from:bob", code="usage")
    return value


def _room(value: str) -> str:
    if not value.strip():
        raise Reject("In which room? Write its name, with no space before it: in:dev", code="usage")
    return value


def _time(value: str) -> str:
    _moment(value)
    return value


def _moment(value: str) -> datetime:
    try:
        if _TIME.fullmatch(value.upper()):
            time = datetime.fromisoformat(value.upper())
            return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise Reject(
        f"{printable(value)!r} is no day. Write it like after:2026-10-01, or with a time like "
        "before:2026-10-01T18:00 or before:2026-10-01T18:00+02:00; without a zone it is UTC.",
        code="usage",
    )


def _feature(value: str) -> str:
    if value.lower() != "link":
        raise Reject(f"Messages cannot be searched for {printable(value)!r}. Write has:link.", code="usage")
    return value


_VALUES: dict[str, Callable[[str], str]] = {
    "from": _name,
    "in": _room,
    "before": _time,
    "after": _time,
    "has": _feature,
}
