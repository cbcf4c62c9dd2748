"""Which commands plugins add, told without loading any plugin: for `--help` and for completing with Tab.

What the bundled plugins add is written down here; a test holds it to what they do add. What other plugins add is asked
of them once, and kept in a file until something about them has changed.
"""

import os
import re
import sys
from collections.abc import Iterator, Mapping

from greenchat.version import __version__

# By the command: the plugin that adds it, and what the command's own help begins with.
BUNDLED = {
    "accounts": ("accounts", "Look after registered names."),
    "audit": ("moderation", "Tell what operators, owners of rooms and this command line have done, the latest last."),
    "files": ("files", "Look after the files that people have sent."),
    "history": ("history", "Export what was said, forget somebody, or verify that nothing is missing."),
    "moderation": ("moderation", "Look at what is moderated."),
    "rooms": ("rooms", "Look after rooms that last: protected ones, and those that operators keep."),
    "operators": ("moderation", "Say who keeps order in the chat: accounts, once they are logged in."),
}

# What says which plugins there are, and which of them are on, for commands.
PLUGINS, DIRECTORIES, DISABLED, DATA_DIR = (
    f"GREENCHAT_SERVER_{name}" for name in ("PLUGINS", "PLUGINS_DIRS", "DISABLED_PLUGINS", "DATA_DIR")
)


def bundled(environ: Mapping[str, str]) -> dict[str, str]:
    """The commands of the bundled plugins that are on: what each is for."""
    disabled = environ.get(DISABLED, "")
    return {name: text for name, (plugin, text) in BUNDLED.items() if f'"{plugin}"' not in disabled}


def fingerprint(environ: Mapping[str, str]) -> str:
    """What the commands of other plugins depend on; empty where there are no others. It changes with them."""
    own = [_state(file) for file in _files(os.path.join(_data_dir(environ), "plugins"))]
    found = [
        *_installed(sys.path),
        *(f"{name}={environ[name]}" for name in (PLUGINS, DIRECTORIES) if environ.get(name)),
        *filter(None, own),
    ]
    if not found:
        return ""
    files = [_state(file) for directory in _quoted(environ.get(DIRECTORIES, "")) for file in _files(directory)]
    disabled = f"{DISABLED}={environ.get(DISABLED, '')}"
    return "\n".join([__version__, sys.executable, disabled, *found, *filter(None, files)])


def recall(mark: str, environ: Mapping[str, str]) -> dict[str, str] | None:
    """What was kept for this `mark`, a fingerprint: what each command is for. None where there is nothing."""
    try:
        path = _cache(environ)
        if os.stat(path).st_uid != os.geteuid():
            return None  # somebody else's words
        with open(path, encoding="utf-8") as file:
            kept, _, lines = file.read().partition("\n\n")
    except (OSError, ValueError):
        return None
    return dict(line.split("\t", 1) for line in lines.splitlines()) if kept == mark else None


def keep(mark: str, commands: Mapping[str, str], environ: Mapping[str, str]) -> None:
    """Keep `commands` for `recall`, if that can be."""
    path = _cache(environ)
    try:
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        scratch = f"{path}.{os.getpid()}"
        with open(scratch, "w", encoding="utf-8") as file:
            file.write("\n".join([mark, "", *(f"{name}\t{' '.join(text.split())}" for name, text in commands.items())]))
        os.replace(scratch, path)
    except (OSError, ValueError):
        pass  # a disk that is full, or somebody without a home: it is asked again next time


def _cache(environ: Mapping[str, str]) -> str:
    return os.path.join(_home(environ, "XDG_CACHE_HOME", "~/Library/Caches", "~/.cache"), "commands")


def _data_dir(environ: Mapping[str, str]) -> str:
    """As commands have it that are given no other."""
    return environ.get(DATA_DIR) or _home(environ, "XDG_DATA_HOME", "~/Library/Application Support", "~/.local/share")


def _home(environ: Mapping[str, str], name: str, mac: str, other: str) -> str:
    """As platformdirs has it, which takes a quarter of the time of `--help` to be imported."""
    found = environ.get(name) or os.path.expanduser(mac if sys.platform == "darwin" else other)
    return os.path.join(found, "greenchat")


def _installed(directories: list[str]) -> Iterator[str]:
    """The installed packages besides our own that have plugins. importlib.metadata would tell, and takes longer to be
    imported than all of this."""
    for directory in directories:
        try:
            names = sorted(os.listdir(directory or "."))
        except OSError:
            continue
        for name in names:
            if name.endswith((".dist-info", ".egg-info")) and not re.match(r"greenchat[-.]", name):
                file = os.path.join(directory, name, "entry_points.txt")
                try:
                    with open(file, encoding="utf-8") as opened:
                        if re.search(r"^\[\s*greenchat\s*\]", opened.read(), re.MULTILINE):
                            yield _state(file)
                except (OSError, ValueError):
                    continue


def _quoted(value: str) -> list[str]:
    """The strings of a list as the environment has it: `["my-plugins"]`."""
    return re.findall(r'"([^"]*)"', value)


def _files(directory: str) -> Iterator[str]:
    """The plugins of a directory."""
    try:
        names = sorted(os.listdir(directory))
    except OSError:
        return
    for name in names:
        path = os.path.join(directory, name)
        yield path if name.endswith(".py") else os.path.join(path, "__init__.py")


def _state(file: str) -> str:
    try:
        return f"{os.path.abspath(file)} {os.stat(file).st_mtime_ns}"
    except OSError:
        return ""
