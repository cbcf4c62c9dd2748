"""The code of a server's plugins as it was when they were loaded: what is on the disk may be another by now."""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from greenchat.server.fingerprints import below

# Of a plugin with more than that, in bytes, nothing is kept: it is in memory, as long as the server runs.
MOST_BYTES = 2 * 1024**2

Files = dict[str, bytes]  # by their paths below the plugin's directory


class KeptSources:
    """Those of plugins, of which it is told by name where each is: a file, or the directory of a package."""

    def __init__(self, places: Iterable[tuple[str, Path]]) -> None:
        self._kept = {name: (path.name, read(path)) for name, path in places}

    def lay_down(self, plugin: str, directory: Path) -> Path | None:
        """Write the code of a plugin into `directory`: where it is then. None where it is not at hand, or would load
        parts of what is on the disk now, as by `import dice.parts` in the package dice."""
        name, files = self._kept.get(plugin, ("", {}))
        if not files or _names_itself(name, files):
            return None
        place = directory / name
        for path, data in files.items():
            file = place if name.endswith(".py") else place / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        return place


def read(path: Path) -> Files:
    """The files of a plugin; none where they are too large, or cannot be read."""
    found: Files = {}
    left = MOST_BYTES
    try:
        for file in map(Path, below(path)) if path.is_dir() else (path,):
            left -= file.stat().st_size
            if left < 0:
                return {}
            found[str(file.relative_to(path)) if path.is_dir() else path.name] = file.read_bytes()
    except OSError:
        return {}
    return found


def digest(files: Files) -> str:
    """The same for the same files alone."""
    found = hashlib.sha256()
    for path, data in sorted(files.items()):
        found.update(f"{len(path)} {path} {len(data)} ".encode(errors="surrogateescape") + data)
    return found.hexdigest()


def _names_itself(name: str, files: Files) -> bool:
    if name.endswith(".py"):
        return False
    itself = re.compile(rb"^\s*(?:import|from)\s+" + re.escape(name.encode()) + rb"\b", re.MULTILINE)
    return any(itself.search(data) for path, data in files.items() if path.endswith(".py"))
