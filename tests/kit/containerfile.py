"""The Containerfile, read: what it does, step by step."""

import re
from functools import cache

from kit import ROOT

FILE = ROOT / "Containerfile"


@cache
def instructions() -> list[tuple[str, str]]:
    """Each instruction and what stands behind it, continued lines as one."""
    text = re.sub(r"^#.*\n", "", FILE.read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\s*\\\n\s*", " ", text).splitlines()
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines if line.strip())]
