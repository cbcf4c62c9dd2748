"""The files of the page, read once at start: with their types and tags, and compressed, when first somebody asks for
it, where that makes them smaller.

What is not among them cannot be had: a path is looked up, never made into the name of a file.
"""

import gzip
import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

from msgspec import Struct

from .http import Refusal, Request, Response

# What a browser is told each file is; files of other kinds, such as an editor's copies, are not served.
TEXTS = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
}
PICTURES = {".ico": "image/x-icon", ".png": "image/png", ".webp": "image/webp"}

# To compress costs once, and not at the start, as people may wait for that: as small as it gets.
GZIP_LEVEL = 9

# What only readers of the source need is not sent: comments, and how far lines are moved in, a fifth of all bytes. The
# lines themselves stay, so that a browser's errors name those of the source. A comment behind code stays if there is a
# quote in it, as it may be a part of a string. So no string of several lines may have a line with "// " in it.
UNSENT = {
    ".css": re.compile(rb"^[ \t]+|[ \t]*/\*.*?\*/", re.MULTILINE | re.DOTALL),
    ".js": re.compile(rb"^[ \t]*(?://.*)?|[ \t]+// [^\"'`\n]*$", re.MULTILINE),
}

# A page and its parts belong together, so a browser asks each time whether what it keeps is still right. All are told
# apart by their tags, and answered with a 304 of some hundred bytes.
CACHE = ("Cache-Control", "no-cache")


class File(Struct, frozen=True):
    """One file as it is sent; `coding` is empty or "gzip"."""

    kind: str
    body: bytes
    tag: str
    coding: str = ""

    @classmethod
    def of(cls, kind: str, body: bytes) -> "File":
        return cls(kind, body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


class Files:
    """What `directory` holds, by paths such as "style.css"; the empty path is index.html."""

    def __init__(self, directory: Path) -> None:
        self._plain: dict[str, File] = {}
        self._zipped: dict[str, File | None] = {}  # as far as somebody has asked; None where that is not smaller
        for path in sorted(directory.rglob("*")):
            kind = (TEXTS | PICTURES).get(path.suffix)
            if kind is not None and path.is_file():
                body = as_sent(path.suffix, path.read_bytes())
                self._plain[path.relative_to(directory).as_posix()] = File.of(kind, body)
        if "index.html" in self._plain:
            self._plain[""] = self._plain["index.html"]

    def _compressed(self, name: str) -> File | None:
        """The file of this name, smaller; None where it would not be."""
        if name not in self._zipped:
            self._zipped[name] = compressed(self._plain[name])
        return self._zipped[name]

    def __contains__(self, path: str) -> bool:
        return unquote(path) in self._plain

    def answer(self, path: str, request: Request) -> Response:
        """The file at `path`, or that the browser has it already. Raises `Refusal` where there is none."""
        name = unquote(path)
        file = self._plain.get(name)
        if file is None:
            raise Refusal(404, "There is no such page here.")
        return respond(file, self._compressed(name), request)

    def text(self, name: str) -> str:
        """What stands in the file of this name."""
        return self._plain[name].body.decode()


def compressed(file: File) -> File | None:
    """The file, smaller; None where it would not be."""
    if file.kind not in TEXTS.values():
        return None
    zipped = gzip.compress(file.body, GZIP_LEVEL, mtime=0)  # without the time: it is always the same
    if len(zipped) >= len(file.body):
        return None
    return File(file.kind, zipped, f'{file.tag[:-1]}-gzip"', "gzip")  # other bytes, another tag (RFC 9110, 8.8.3.3)


def respond(file: File, zipped: File | None, request: Request, more: Sequence[tuple[str, str]] = ()) -> Response:
    """`file`, or `zipped` where it is there and the browser takes that; or that the browser has it already."""
    headers = [CACHE, *more]
    if zipped is not None:
        headers.append(("Vary", "Accept-Encoding"))
        if takes_gzip(request.value("accept-encoding")):
            file = zipped
    headers.append(("ETag", file.tag))
    if is_known(file.tag, request.value("if-none-match")):
        return Response(304, headers)
    headers.append(("Content-Type", file.kind))
    if file.coding:
        headers.append(("Content-Encoding", file.coding))
    return Response(200, headers, file.body)


def as_sent(suffix: str, body: bytes) -> bytes:
    """A file without what a browser does not need."""
    unsent = UNSENT.get(suffix)
    return body if unsent is None else unsent.sub(lambda found: b"\n" * found[0].count(b"\n"), body)


def takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding header allows gzip (RFC 9110, 12.5.3)."""
    weights = _weights(accepted)
    return weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0))) > 0


def _weights(accepted: str) -> Mapping[str, float]:
    weights = {}
    for item in accepted.lower().split(","):
        coding, *parameters = (part.strip() for part in item.split(";"))
        weight = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        try:
            weights[coding] = float(weight)
        except ValueError:
            weights[coding] = 0.0
    return weights


def is_known(tag: str, known: str) -> bool:
    """Whether an If-None-Match header has `tag` (RFC 9110, 13.1.2: compared weakly)."""
    tags = {item.strip().removeprefix("W/") for item in known.split(",")}
    return tag in tags or "*" in tags
