"""The picture of a chat: a small PNG or SVG, which is looked at before anybody is sent it."""

import re
import struct
from pathlib import Path
from typing import NamedTuple

from greenchat.errors import ConfigError

# The largest, in bytes: each who opens the page loads it, and a good icon has some KB.
ICON_BYTES = 64 * 1024

# The longest side of a PNG: what the largest icons of telephones have. Few bytes may stand for many more.
ICON_PIXELS = 1024

PNG, SVG = "image/png", "image/svg+xml"

_PNG_BEGINNING = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"

# What makes a picture more than one: scripts, pages in it, what it would load, and entities, of which few make many.
_NOT_A_PICTURE = re.compile(
    r"<!DOCTYPE|<!ENTITY|<\?xml-stylesheet|<\s*(\w+:)?(script|foreignObject|iframe|embed|object|audio|video|handler)\b"
    r"|[\s\"'/]on\w+\s*=|href\s*=\s*[\"']?\s*(?![\"'#\s])|@import|url\(\s*[\"']?\s*(?![\"'#\s])|javascript:",
    re.IGNORECASE,
)


class Icon(NamedTuple):
    """`kind` is its media type."""

    kind: str
    data: bytes


def media_type(path: str) -> str:
    """Which kind of picture it is, by its first bytes; empty where it is not there any more."""
    try:
        with Path(path).open("rb") as file:
            return PNG if file.read(len(_PNG_BEGINNING)) == _PNG_BEGINNING else SVG
    except OSError:
        return ""


def read_icon(path: str) -> Icon:
    """The picture in this file. Raises `ConfigError`, which says what is wrong with it and what to do."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(ICON_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"brand.icon: {path} cannot be read: {error.strerror}. Check the path.") from None
    if len(data) > ICON_BYTES:
        raise ConfigError(f"brand.icon: {path} has more than {ICON_BYTES} bytes. Take a smaller picture.")
    if data.startswith(_PNG_BEGINNING) and len(data) >= len(_PNG_BEGINNING) + 8:
        width, height = struct.unpack_from(">II", data, len(_PNG_BEGINNING))
        if not 1 <= width <= ICON_PIXELS or not 1 <= height <= ICON_PIXELS:
            most = f"{ICON_PIXELS} by {ICON_PIXELS}"
            raise ConfigError(f"brand.icon: {path} has {width} by {height} pixels, more than {most}. Make it smaller.")
        return Icon(PNG, data)
    return Icon(SVG, _sound_svg(path, data))


def _sound_svg(path: str, data: bytes) -> bytes:
    from xml.parsers import expat  # by who has one

    roots: list[str] = []
    parser = expat.ParserCreate("utf-8", " ")
    parser.StartElementHandler = lambda name, _: roots.append(name) if not roots else None
    try:
        text = data.decode()
        parser.Parse(data, True)
    except (UnicodeDecodeError, expat.ExpatError):
        text = ""
    if not text or roots != ["http://www.w3.org/2000/svg svg"]:
        raise ConfigError(f"brand.icon: {path} is neither a PNG nor an SVG. Take a picture that is one of these.")
    if found := _NOT_A_PICTURE.search(text):
        what = " ".join(found[0].split()).strip("\"' /")
        raise ConfigError(
            f"brand.icon: {path} is more than a picture: it has {what!r}. Save it as a plain SVG, or as a PNG."
        )
    return data
