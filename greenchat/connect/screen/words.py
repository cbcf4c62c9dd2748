"""What somebody has said, as lines: emphasis, links, quotes, lists, code as it stands."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from rich.segment import Segment
from rich.style import Style

from greenchat.connect.common import clean_lines
from greenchat.connect.model.links import host_of
from greenchat.connect.model.markup import Token, parse, plain
from greenchat.connect.model.mentions import find_any
from greenchat.connect.screen.theme import Look
from greenchat.connect.screen.wrapping import Span, chop, width_of, wrap

# A terminal may take no longer address than this (VTE and iTerm2: 2083 bytes), and nobody follows one unseen.
LONGEST_ADDRESS = 2000

NARROWEST = 8  # cells beside what stands before a line; with fewer of them that is left out
QUOTED = "│ "
DEEPER = "  "  # what stands before the items of a list within a list, for each level


@dataclass(slots=True)
class Block:
    """Lines that are wrapped by words; or code, which is `verbatim`, and cut where a line ends. Before the first line
    stands `sign`, and before the others what `goes_on`, as wide."""

    spans: list[Span]
    verbatim: bool = False
    sign: str = ""
    goes_on: str = ""

    @property
    def apart(self) -> bool:
        """Nothing else stands in its first line."""
        return self.verbatim or bool(self.sign)


def lines_of(blocks: Iterable[Block], width: int, look: Look) -> Iterator[list[Segment]]:
    for block in blocks:
        if not block.verbatim:
            used = width_of(block.sign)
            sign, goes_on = (block.sign, block.goes_on) if width - used >= NARROWEST else ("", "")
            for number, line in enumerate(wrap(block.spans, width - used if sign else width)):
                yield [Segment(goes_on if number else sign, look.dim), *line] if sign else line
            continue
        indent = look.code_indent
        for line in chop(block.spans, width - len(indent)):
            used = len(indent) + sum(width_of(segment.text) for segment in line)
            yield [Segment(indent), *line, Segment(" " * (width - used), look.verbatim)]


def blocks(text: str, look: Look, called: Sequence[str] = ()) -> list[Block]:
    """These names and words are marked in it."""
    # A terminal is told of a link beside what is seen of it: so all of it is cleaned here already.
    tokens = parse(clean_lines(text), (lambda part: find_any(called, part)) if called else None)
    out = [Block([])]
    for token in tokens:
        if isinstance(token, Token) and token.tag == "pre":
            out += [Block([*_code(token, look)], verbatim=True), Block([])]
        elif isinstance(token, Token) and token.tag == "quote":
            out += [Block([*_all_spans(token.children, look)], sign=QUOTED, goes_on=QUOTED), Block([])]
        elif isinstance(token, Token) and token.tag == "list":
            out += [*(_item(item, look) for item in token.children if isinstance(item, Token)), Block([])]
        else:
            out[-1].spans += _spans(token, look.text, look)
    return [block for at, block in enumerate(out) if _trim(block, at < len(out) - 1)] or [Block([])]


def _item(token: Token, look: Look) -> Block:
    sign, *rest = token.children
    shown = DEEPER * token.level + plain([sign])
    return Block([*_all_spans(rest, look)], sign=shown, goes_on=" " * width_of(shown))


def _all_spans(tokens: Iterable[str | Token], look: Look) -> Iterator[Span]:
    for token in tokens:
        yield from _spans(token, look.text, look)


def _trim(block: Block, before_other: bool) -> bool:
    """What comes behind it begins a line by itself. Whether anything is left."""
    if before_other and not block.verbatim and block.spans and block.spans[-1].text.endswith("\n"):
        text, style = block.spans[-1]
        block.spans[-1] = Span(text[:-1], style)
    return any(text for text, _ in block.spans)


def _code(token: Token, look: Look) -> Iterator[Span]:
    for child in token.children:
        if isinstance(child, Token):
            yield Span("".join(str(part) for part in child.children).strip() + "\n", look.verbatim + look.dim)
        else:
            yield Span(child.removesuffix("\n") or " ", look.verbatim)


def _spans(token: str | Token, style: Style, look: Look) -> Iterator[Span]:
    if isinstance(token, str):
        yield Span(token, style)
        return
    match token.tag:
        case "em":
            style += Style(italic=True)
        case "strong":
            style += look.strong
        case "del":
            style += look.struck
        case "code":
            style += look.verbatim
        case "mark":
            style += look.mention
        case "link":
            style += look.link + (_link(token.href) if look.links else Style.null())
        case _:
            pass
    sign = look.code_sign if token.tag == "code" else ""
    if sign:
        yield Span(sign, style)
    for child in token.children:
        yield from _spans(child, style, look)
    if sign:
        yield Span(sign, style)
    if token.tag == "link" and token.children != (token.href,):
        # A name for a link hides where it leads.
        yield Span(f" ({host_of(token.href) if look.links else token.href})", look.dim)


def _link(href: str) -> Style:
    """What a terminal is told of it: an address of ASCII, as the convention for such links wants it."""
    address = quote(href, safe="!#$%&'()*+,/:;=?@[]~-._|\\^{}")
    return Style(link=address) if len(address) <= LONGEST_ADDRESS else Style.null()
