"""What a file is called, and what it is taken for: what others wrote, as it may be shown and saved."""

import mimetypes
import re
import unicodedata
from urllib.parse import quote

# Characters of a name: what a line shows, and far less than file systems take.
NAME_LENGTH = 80

# What a file is called of whose name nothing is left.
NAMELESS = "file"

# What no file can be called on Windows, whatever its ending (docs: "Naming Files, Paths, and Namespaces").
_DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?=\.|\Z)")

# What separates directories, streams and drives somewhere, and what file systems or shells do not take.
_UNFIT = re.compile(r'[<>:"|?*]')

UNKNOWN = "application/octet-stream"
_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,60}")

# By what the names of pictures end that are shown; the first is added where another one was.
ENDINGS = {
    "image/png": (".png", ".apng"),
    "image/jpeg": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "image/gif": (".gif",),
    "image/webp": (".webp",),
}


def clean_name(name: str) -> str:
    """`name` without directories, and without what nobody sees: control codes, and signs that turn the order of letters
    around, by which "photo‮gnp.exe" looks like a picture."""
    name = unicodedata.normalize("NFC", re.split(r"[/\\]", name.rstrip("/\\"))[-1])
    name = "".join(" " if sign.isspace() else sign for sign in name if unicodedata.category(sign)[0] != "C")
    name = _UNFIT.sub("_", " ".join(name.split())).strip(". ")
    if _DEVICES.match(name):
        name = f"_{name}"
    if len(name) > NAME_LENGTH:
        stem, dot, ending = name.rpartition(".")
        ending = dot + ending if stem and len(ending) < 10 else ""
        name = name[: NAME_LENGTH - len(ending)].rstrip(". ") + ending
    return name or NAMELESS


def type_of(name: str, claimed: str = "") -> str:
    """What a file is taken for, for people to read: nobody is sent it as that. By its name; else as was `claimed`."""
    known = mimetypes.guess_type(name)[0]
    claimed = claimed.strip().lower()
    return known or (claimed if _TYPE.fullmatch(claimed) else UNKNOWN)


def named_as(name: str, kind: str) -> str:
    """`name`, with an ending by which nobody opens a picture as anything else."""
    endings = ENDINGS[kind]
    return name if name.lower().endswith(endings) else clean_name(f"{name[: NAME_LENGTH - 5]}{endings[0]}")


def disposition(name: str, *, attached: bool) -> str:
    """The header that says under which name a file is saved (RFC 6266), and whether it is only that."""
    plain = re.sub(r'[^\x20-\x7e]|["\\%]', "_", name)
    kind = "attachment" if attached else "inline"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
