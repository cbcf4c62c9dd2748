"""What people mean by the signs that they type: code, emphasis, links; and where somebody is named. By the rules of
the page (plugins/web/static/markup.js), so that what is seen there is seen here. A text is looked at once."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from greenchat.connect.model.links import SCHEME, link_at, named_link_at
from greenchat.connect.model.mentions import find_any, is_letter, is_word

Tag = Literal["em", "strong", "del", "code", "pre", "small", "link", "mark", "quote", "list", "item", "sign"]

# Where somebody is named in a text, from and to.
Find = Callable[[str], list[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class Token:
    """`children` are texts and tokens. A `link` has its address in `href`; `pre` may begin with a `small`, the
    language of the code. A `list` has `item`s, each of a `level` from 0 on, and begun by its `sign`."""

    tag: Tag
    children: tuple["str | Token", ...]
    href: str = ""
    level: int = 0


Tokens = list[str | Token]

_TAGS: dict[str, Tag] = {"*": "em", "**": "strong", "_": "em", "__": "strong", "~~": "del"}
_SPECIAL = re.compile(rf"`+|{SCHEME.pattern}|\[|\*+|_+|~+", re.IGNORECASE)
MOST_ELEMENTS = 250  # of one text. What comes behind is shown as it was typed

# Lines between "```" and "```", or the end; lines behind "> "; lines behind "- ", "* ", "1. " or "1) ".
_END = r"(?:\n|\Z)"  # of a line
_BLOCKS = re.compile(
    rf"^```([^`\n]*)\n(.*?)(?:^```[ \t]*{_END}|\Z)"
    rf"|^> +[^ \n][^\n]*{_END}(?:^>(?: [^\n]*)?{_END})*"
    rf"|(?:^ {{0,6}}(?:[-*•]|[0-9]{{1,9}}[.)]) +[^ \n][^\n]*{_END})+",
    re.MULTILINE | re.DOTALL,
)
_QUOTED = re.compile("^> ?", re.MULTILINE)
_ITEM = re.compile(r"( *)([^ ]+) +(.*)", re.DOTALL)
_DEEPEST = 3  # level of a list's items

_BACKTICKS = re.compile("`+")
_NAME = re.compile(r"[A-Za-z0-9_]+")

# What no emphasis stands behind or before, besides words: it is arithmetic, a path or a program.
_NO_START = ")]}/\\@#$%&+="
_NO_END = "([{/\\@#$%&+="


def parse(text: str, finder: Find | None = None) -> Tokens:
    """`finder` finds whom to mark."""
    tokens: Tokens = []
    shown = 0
    left = _Left()
    for match in _BLOCKS.finditer(text):
        whole, (language, code) = match[0], match.groups()
        tokens += _Inline(text[shown : match.start()], finder, left).tokens
        if code is not None:
            tokens.append(Token("pre", (Token("small", (language,)), code) if language.strip() else (code,)))
        elif left.elements <= 0:
            tokens.append(whole)
        elif whole[0] == ">":
            left.elements -= 1
            tokens.append(Token("quote", tuple(_Inline(_QUOTED.sub("", whole), finder, left).tokens)))
        else:
            tokens.append(Token("list", tuple(_item(line, finder, left) for line in _lines(whole))))
        shown = match.end()
    return tokens + _Inline(text[shown:], finder, left).tokens


@dataclass(slots=True)
class _Left:
    """How many elements there may still be."""

    elements: int = MOST_ELEMENTS


def _lines(text: str) -> list[str]:
    """With their ends, and by line feeds alone."""
    lines = [f"{line}\n" for line in text.split("\n")]
    return [*lines[:-1], *([lines[-1][:-1]] if lines[-1] != "\n" else [])]


def _item(line: str, finder: Find | None, left: _Left) -> Token:
    """What stands before it is kept as it was typed where it is a number."""
    match = _ITEM.fullmatch(line)
    assert match is not None, "as _BLOCKS has it"
    indent, sign, rest = match.groups()
    left.elements -= 1
    shown = Token("sign", (f"{sign} " if len(sign) > 1 else "• ",))
    level = min(_DEEPEST, len(indent) // 2)
    return Token("item", (shown, *_Inline(rest, finder, left).tokens), level=level)


def mentions(names: Sequence[str], text: str) -> bool:
    """Whether `text` names somebody, by one of these, where that is marked: not in code, and not in links."""
    return bool(find_any(names, text)) and _is_marked(parse(text, lambda part: find_any(names, part)))


def _is_marked(tokens: Iterable[str | Token]) -> bool:
    return any(isinstance(token, Token) and (token.tag == "mark" or _is_marked(token.children)) for token in tokens)


def plain(tokens: Iterable[str | Token]) -> str:
    """The words alone."""
    return "".join(token if isinstance(token, str) else plain(token.children) for token in tokens)


class _Inline:
    """`tokens` are those of a text outside of fences."""

    def __init__(self, text: str, finder: Find | None, left: _Left) -> None:
        self._text = text
        self._open: dict[str, int] = {}  # marks, and where in `tokens` they stand
        self._shown = 0  # up to where `tokens` reach
        self._at = 0  # from where it is looked at
        self._left = left
        self.tokens: Tokens = []
        if text:
            self._parse(finder(text) if finder is not None else [])
            self._leave(len(text), len(text))
        self.tokens = _joined(self.tokens)

    def _parse(self, named: list[tuple[int, int]]) -> None:
        text, ends = self._text, _ends_of_code(self._text)
        names = 0  # that are behind us
        match, begin = _SPECIAL.search(text), 0
        while self._left.elements > 0:
            # It is known already, where that stands behind a name; behind what is no link, a name leads back.
            if self._at < begin or (match is not None and match.start() < self._at):
                match, begin = _SPECIAL.search(text, self._at), self._at
            what, at = (match[0], match.start()) if match else ("", len(text))
            is_mark = what[:1] in ("*", "_", "~")
            while names < len(named) and named[names][0] < self._shown:
                names += 1
            low, high = named[names] if names < len(named) else (len(text) + 1, 0)
            if low < at or (low == at and is_mark):
                self._add(low, high, "mark", text[low:high])
            elif match is None:
                return
            elif is_mark:
                self._mark(at, match.end())
            elif what[0] == "`":
                self._at = match.end()
                last = ends.get(at)
                if last is not None:
                    self._add(at, last, "code", _code(text[match.end() : last - len(what)]))
            else:
                start, to, href, words = named_link_at(text, at) if what == "[" else (at, *link_at(text, at), "")
                self._at = to
                if href:
                    self._add(start, to, "link", words or href, href)

    def _leave(self, start: int, to: int) -> None:
        """Leaves out what stands between the two places."""
        if start > self._shown:
            self.tokens.append(self._text[self._shown : start])
        self._shown = self._at = to

    def _add(self, start: int, to: int, tag: Tag, content: str, href: str = "") -> None:
        self._leave(start, to)
        self.tokens.append(Token(tag, (content,), href))
        self._left.elements -= 1

    def _mark(self, at: int, end: int) -> None:
        what = self._text[at:end]
        self._at = end
        if what == "__" and (name := _end_of_name(self._text, at)):
            self._at = name
        elif len(what) <= 3 and (what[0] != "~" or len(what) == 2):
            self._emphasis(at, end, what[0])

    def _emphasis(self, start: int, to: int, sign: str) -> None:
        """A run of marks ends what such marks began, and then begins something else."""
        text = self._text
        before, after = text[start - 1 : start] if start else "", text[to : to + 1]
        beyond, ahead = text[to + 1 : to + 2], text[start - 2 : start - 1] if start > 1 else ""
        may_close = bool(before) and not before.isspace() and _is_apart(after, beyond, _NO_END)
        may_open = bool(after) and not after.isspace() and _is_apart(before, ahead, _NO_START)
        while may_close and start < to:
            inner = next((mark for mark in reversed(self._open) if mark[0] == sign), "")
            mark = inner if to - start == 3 else sign * (to - start)
            if mark not in self._open:
                break
            start += len(mark)
            self._leave(start - len(mark), start)
            self._close(mark)
        while may_open and start < to:
            mark = sign * min(to - start, 2)
            start += len(mark)
            self._leave(start - len(mark), start)
            self._open.pop(mark, None)  # one within another of its kind would look the same
            self._open[mark] = len(self.tokens)
            self.tokens.append(mark)
        # In the middle of a path or a program, nothing begins or ends with such marks.
        amid = before.strip() and after.strip() and not (is_word(before) and is_word(after))
        if not may_close and not may_open and amid:
            self._open = {mark: at for mark, at in self._open.items() if mark[0] != sign}
        self._at = to

    def _close(self, mark: str) -> None:
        start = self._open[mark]
        self._open = {other: at for other, at in self._open.items() if at < start}  # what began in between has no end
        children = _joined(self.tokens[start + 1 :])
        self.tokens[start:] = [Token(_TAGS[mark], tuple(children))]
        self._left.elements -= 1


def _joined(tokens: Iterable[str | Token]) -> Tokens:
    """Texts side by side as one."""
    return list(_join(tokens))


def _join(tokens: Iterable[str | Token]) -> Iterator[str | Token]:
    texts: list[str] = []
    for token in tokens:
        if isinstance(token, str):
            texts.append(token)
            continue
        if texts:
            yield "".join(texts)
            texts.clear()
        yield token
    if texts:
        yield "".join(texts)


def _is_apart(outer: str, beyond: str, never: str) -> bool:
    """Whether emphasis may stand beside `outer`, behind which is `beyond`."""
    if not outer or outer in "*_~":
        return True
    if outer == ".":
        return not is_letter(beyond)  # else it is a file's name, or an object's part
    return outer not in never and not is_word(outer)


def _end_of_name(text: str, at: int) -> int:
    """Where a name like __init__ ends that begins there; 0 where none does."""
    if at and _NAME.match(text[at - 1]):
        return 0
    match = _NAME.match(text, at)
    return match.end() if match and len(match[0]) > 4 and match[0].endswith("__") else 0


def _ends_of_code(text: str) -> dict[int, int]:
    """Where code ends, by where it begins: at the next run of as many backticks."""
    ends: dict[int, int] = {}
    following: dict[int, int] = {}  # by their number
    for match in reversed([*_BACKTICKS.finditer(text)]):
        length = len(match[0])
        if length in following:
            ends[match.start()] = following[length]
        following[length] = match.end()
    return ends


def _code(text: str) -> str:
    """The blanks around it are for code that itself begins with a backtick."""
    return text[1:-1] if text.strip() and len(text) > 2 and text[0] == text[-1] == " " else text
