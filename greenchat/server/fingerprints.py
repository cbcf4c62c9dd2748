"""Whether the code of a server has changed since it was loaded: by when its files were written last, and their sizes.

It is cheap, a few milliseconds, and only tells that something is to be looked at: a file that was written again with
the same words counts as changed.
"""

import hashlib
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct, field

from greenchat.hooks import finding
from greenchat.server.server import ChatServer
from greenchat.version import __version__

# What Python and editors leave behind beside the code of a plugin.
NO_CODE = ("__pycache__", "node_modules", "venv")

# Packages whose modules are plugins, each of which is by itself: what changes beside it is another one's.
SHARED = ("greenchat_plugins", "greenchat_plugins_dir")

# Where greenchat itself is.
HERE = Path(__file__).parents[1]

Files = dict[str, str]  # by their paths below the plugin's directory: when each was written, and its size


class Fingerprints(Struct, frozen=True):
    """What was loaded. `plugins` are the files of each plugin, by its name; the others each are one text, which is the
    same as long as nothing has changed."""

    version: str = ""  # of greenchat
    python: str = ""  # its version
    greenchat: str = ""  # its files
    interpreter: str = ""  # the file that runs Python
    libraries: str = ""  # what is installed beside greenchat
    plugins: dict[str, Files] = field(default_factory=dict)


def take(server: ChatServer) -> Fingerprints:
    """Those of a server and its plugins, as their files are now."""
    return Fingerprints(
        version=__version__,
        python=sys.version.partition(" ")[0],
        greenchat=_digest(_files(HERE, ".py")),
        interpreter=_stamp(Path(sys.executable)),
        libraries=" ".join(_stamp(path) for path in _libraries()),
        plugins={name: files for name, path in places(server) if (files := _files(path))},
    )


def difference(old: Fingerprints, new: Fingerprints) -> list[str]:
    """What has changed, for people: "greenchat 0.1.0 -> 0.2.0", "plugin karma: karma.py has changed". Nothing where
    nothing has."""
    lines = []
    if old.version != new.version:
        lines.append(f"greenchat {old.version} -> {new.version}")
    elif old.greenchat != new.greenchat:
        lines.append("greenchat's own files have changed")
    if old.python != new.python:
        lines.append(f"Python {old.python} -> {new.python}")
    elif old.interpreter != new.interpreter:
        lines.append(f"Python {new.python} was installed again")
    if old.libraries != new.libraries:
        lines.append("other packages were installed or removed")
    for name in sorted(old.plugins.keys() | new.plugins.keys()):
        if name not in new.plugins:
            lines.append(f"plugin {name} is gone")
        elif name not in old.plugins:
            lines.append(f"plugin {name} is new")
        elif old.plugins[name] != new.plugins[name]:
            lines.append(f"plugin {name}: {_changed(old.plugins[name], new.plugins[name])}")
    return lines


def changed_plugins(old: Fingerprints, new: Fingerprints) -> set[str]:
    """Those plugins of `new` whose code is not what it was, or may do something else: with another greenchat, another
    Python or other packages, each may."""
    if is_another_program(old, new):
        return set(new.plugins)
    return {name for name, files in new.plugins.items() if old.plugins.get(name) != files}


def is_another_program(old: Fingerprints, new: Fingerprints) -> bool:
    """Whether something else has changed than plugins."""
    return any(getattr(old, name) != getattr(new, name) for name in Fingerprints.__struct_fields__ if name != "plugins")


# How many files of a plugin are named.
NAMED = 3


def _changed(old: Files, new: Files) -> str:
    """In words, what of one plugin has changed."""
    gone, came = old.keys() - new.keys(), new.keys() - old.keys()
    written = {path for path in old.keys() & new.keys() if old[path] != new[path]}
    parts = [
        f"{_named(paths)} {one if len(paths) == 1 else many}"
        for paths, one, many in (
            (written, "has changed", "have changed"),
            (came, "is new", "are new"),
            (gone, "is gone", "are gone"),
        )
        if paths
    ]
    return "; ".join(parts)


def _named(paths: Iterable[str]) -> str:
    first, *others = sorted(paths)
    if len(others) >= NAMED:
        return ", ".join([first, *others[: NAMED - 1]]) + f" and {len(others) - NAMED + 1} more"
    return " and ".join(filter(None, [", ".join([first, *others[:-1]]), *others[-1:]]))


def places(server: ChatServer) -> Iterator[tuple[str, Path]]:
    """Each plugin, by name, that has files: those that were loaded, and what lies in directories of plugins."""
    seen = set()
    for plugin in server.plugins:
        path = _place(plugin.module)
        if path is not None and plugin.name not in seen:
            seen.add(plugin.name)
            yield plugin.name, path
    directories = [*map(Path, server.config.server.plugins_dirs), server.data_dir / finding.OWN_DIR]
    for directory in directories:
        for file in finding.files(directory):
            name = file.name.removesuffix(".py")
            if name not in seen:
                seen.add(name)
                yield name, file


def _place(module: str) -> Path | None:
    """Where the code is that a module of a plugin belongs to: a file, or the directory of a package."""
    top, *below = module.split(".")
    name = ".".join([top, *below[:1]]) if top in SHARED else top
    file = getattr(sys.modules.get(name) or sys.modules.get(module), "__file__", None)
    if file is None:
        return None
    path = Path(file)
    return path.parent if path.name == "__init__.py" else path


def _libraries() -> list[str]:
    """Where packages are installed. pip changes the directory itself with each."""
    return sorted({_path_of("purelib"), _path_of("platlib")})


def _path_of(name: str) -> str:
    """As `sysconfig` has it, which would read for a tenth of a second how this Python was built; nobody needs that."""
    known = {
        "base": sys.prefix,
        "platbase": sys.exec_prefix,
        "platlibdir": sys.platlibdir,
        "py_version_short": f"{sys.version_info[0]}.{sys.version_info[1]}",
    }
    try:
        return os.path.normpath(sysconfig.get_path(name, expand=False).format_map(known))
    except (KeyError, ValueError):  # a system that has them elsewhere
        return sysconfig.get_path(name)


def _files(path: Path, ending: str = "") -> Files:
    """The file, or all below the directory whose names end so; nothing for what is not there."""
    if not path.is_dir():
        stamp = _stamp(path)
        return {path.name: stamp} if stamp else {}
    return {os.path.relpath(file, path): _stamp(file) for file in below(path) if file.endswith(ending)}


def below(path: Path) -> Iterator[str]:
    """The paths of the files in a plugin's directory, and below it."""
    for where, directories, files in os.walk(path):
        directories[:] = [name for name in directories if not name.startswith(".") and name not in NO_CODE]
        yield from (os.path.join(where, name) for name in files if not name.startswith("."))


def _stamp(path: str | Path) -> str:
    """When it was written last, in nanoseconds, and its size in bytes; nothing for what is not there."""
    try:
        found = os.stat(path)
    except OSError:
        return ""
    return f"{found.st_mtime_ns}:{found.st_size}"


def _digest(files: Mapping[str, str]) -> str:
    text = "\n".join(f"{path} {stamp}" for path, stamp in sorted(files.items()))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
