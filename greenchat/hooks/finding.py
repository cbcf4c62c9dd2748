"""Where plugins come from: what is given, modules by name, files and packages of directories, installed packages."""

import difflib
import importlib
import importlib.util
import inspect
import os
import re
import stat
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from fnmatch import fnmatch
from functools import lru_cache, partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from greenchat.config.schema import Config
from greenchat.errors import ConfigError, PluginError
from greenchat.hooks import bytecode
from greenchat.hooks.decorators import marks_of
from greenchat.values import shown

if TYPE_CHECKING:
    from importlib.metadata import Distribution

GROUP = "greenchat"  # the group of entry points under which installed plugins are found

BUNDLED = "greenchat_plugins."  # how modules begin that come with greenchat

SearchResults = tuple[str, str, Callable[[], object], str]  # name, where it comes from, how to get it, its version

NAME_SPACE = "greenchat_plugins_dir"  # of those that are files

OWN_DIR = "plugins"  # in the data directory: what is in there is found without being named

# Files beside plugins that are none: what is private to them, and what pytest finds its tests by.
NO_PLUGINS = ("_*", ".*", "test_*", "*_test", "conftest", "test", "tests")


def find(
    config: Config, extra: Iterable[object] = (), data_dir: Path | None = None, only: Collection[str] | None = None
) -> Iterator[SearchResults]:
    """All plugins, in the order of calling; `extra` are objects that come before those of `config`, and those in the
    `data_dir` come behind those of other directories. What is found in two ways and installed is one plugin, under its
    installed name. Of the installed ones `only` those of these names are found, if any are named. Raises
    `ConfigError`."""
    there = installed()
    names = {one.value: one.name for one in there}  # by "module" or "module:attribute"
    seen = set()
    for thing in extra:
        path = _path(thing)
        seen.add(path)
        yield names.get(path) or _last(getattr(thing, "__name__", type(thing).__name__)), "given", _gives(thing), "-"
    for name in config.server.plugins:
        seen.add(name)
        yield names.get(name) or _last(name), name, lambda name=name: _import(name), "-"  # type: ignore[misc]
    for directory in map(Path, config.server.plugins_dirs):
        if not directory.is_dir():
            raise ConfigError(f"server.plugins_dirs: {directory} is not a directory.")
        for file in files(directory):
            yield _name(file), str(file), lambda file=file: import_file(file), "-"  # type: ignore[misc]
    if data_dir is not None and not any(Path(one).resolve() == _own(data_dir) for one in config.server.plugins_dirs):
        for file in files(_own(data_dir)):
            yield _name(file), str(file), lambda file=file: _import_own(file, data_dir), "-"  # type: ignore[misc]
    for one in there:
        if one.value not in seen and (only is None or one.name in only):
            yield one.name, one.source, partial(_load, one.value), one.version


class Installed(NamedTuple):
    """A plugin that this Python has: by `value`, "module" or "module:attribute", it is loaded."""

    name: str
    value: str
    source: str
    version: str


_known: list[Installed] | None = None


def know(found: Iterable[Installed]) -> None:
    """These are what this Python has, until `forget`: they were found just now by another process."""
    global _known
    _known = list(found)


def forget() -> None:
    """What is known may be something else by now."""
    global _known
    _known = None


def installed() -> list[Installed]:
    """The plugins that this Python has, by name; of two with one name, what comes with greenchat is the last."""
    return list(_installed(tuple((place, _changed(place)) for place in sys.path)) if _known is None else _known)


@lru_cache(maxsize=1)
def _installed(places: tuple[tuple[str, int], ...]) -> list[Installed]:
    """Those in these places, which were changed at these times: each start asks three times, and to read what all
    packages have takes milliseconds."""
    from importlib.metadata import entry_points  # which takes a while

    packages: dict[Any, tuple[str, str]] = {}  # each is read once, which takes a millisecond
    found = []
    for entry in entry_points(group=GROUP):
        if entry.dist not in packages:
            packages[entry.dist] = _package(entry.dist)
        found.append(Installed(entry.name, _without_extras(entry.value), *packages[entry.dist]))
    return sorted(found, key=lambda one: (one.name, one.value.startswith(BUNDLED)))


def _changed(place: str) -> int:
    """When something was installed or removed there last."""
    try:
        return os.stat(place or ".").st_mtime_ns
    except OSError:  # there is nothing
        return 0


def _without_extras(value: str) -> str:
    return value.partition("[")[0].replace(" ", "")


def _load(value: str) -> Any:
    module, _, attributes = value.partition(":")
    found: Any = importlib.import_module(module)
    for name in filter(None, attributes.split(".")):
        found = getattr(found, name)
    return found


def module_of(thing: object) -> str:
    """The module that the code of `thing` is in."""
    if isinstance(thing, ModuleType):
        return thing.__name__
    return shown(getattr(thing if _has_name(thing) else type(thing), "__module__", ""))


def forgotten(found: object, bearer: object) -> list[str]:
    """What in a plugin looks like hooks and is not called: in the object that bears the hooks, and in what was `found`,
    from which that was made."""
    told = []
    for name in filter(_is_named_like_hook, dir(bearer)):
        value = inspect.getattr_static(bearer, name)
        if inspect.isroutine(_function(value)) and not _is_marked(value):
            told.append(f"{name} is not called, since it has no @hookimpl")
    if not isinstance(found, ModuleType):
        return told
    for name, value in vars(found).items():
        if found is not bearer:
            if (_is_named_like_hook(name) and inspect.isroutine(value)) or _has_marks(value):
                told.append(f"{name} is not called, since greenchat_plugin makes what has the hooks: move it in there")
        elif _is_class_of(value, found) and any(_is_marked(one) or _has_marks(one) for one in vars(value).values()):
            told.append(f"{name} has hooks, and nothing makes one of it: write greenchat_plugin = {name}")
    return told


def told(error: BaseException) -> str:
    """What has gone wrong, on one line; where a plugin imports what there is not, with the nearest that there is."""
    text = " ".join(shown(error).split())
    if isinstance(error, ImportError) and error.name == "greenchat":
        match = re.match(r"cannot import name '(\w+)'", text)
        near = difflib.get_close_matches(match[1], sys.modules["greenchat"].__all__, n=1) if match is not None else []
        if match is not None:
            hint = f"did you mean {near[0]}?" if near else "the guide to plugins has what there is"
            return f"greenchat has no {match[1]}; {hint}"
    return text


def own_part(error: BaseException) -> BaseException:
    """`error` with a traceback that begins in the plugin, if it gets there: not with how the server came to it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith((_HERE, "<frozen importlib")):
        trace = trace.tb_next
    return error.with_traceback(trace or error.__traceback__)


# Where the server's own code is.
_HERE = f"{Path(__file__).resolve().parents[1]}{os.sep}"


def _is_named_like_hook(name: str) -> bool:
    return name.startswith("greenchat_") and name != "greenchat_plugin"


def _function(value: object) -> object:
    return getattr(value, "__func__", value)  # of a static method or a class method


def _is_marked(value: object) -> bool:
    return hasattr(_function(value), "greenchat_impl")


def _is_class_of(value: object, module: ModuleType) -> bool:
    return inspect.isclass(value) and value.__module__ == module.__name__


def _has_marks(value: object) -> bool:
    """Whether it is a function that bears decorators of ours."""
    return inspect.isroutine(_function(value)) and bool(marks_of(_function(value)))


def _path(thing: Any) -> str:
    """`thing` as an entry point would name it; empty for an object, which none can."""
    if isinstance(thing, ModuleType):
        return thing.__name__
    return f"{thing.__module__}:{thing.__qualname__}" if _has_name(thing) else ""


def _has_name(thing: Any) -> bool:
    return inspect.isclass(thing) or inspect.isroutine(thing)


def _last(name: object) -> str:
    return shown(name).rpartition(".")[2]


def _gives(thing: object) -> Callable[[], object]:
    return lambda: thing


def files(directory: Path) -> list[Path]:
    """Files, and packages as their directories, by name."""
    found = [*directory.glob("*.py"), *(init.parent for init in directory.glob("*/__init__.py"))]
    return [path for path in sorted(found, key=_name) if not any(map(partial(fnmatch, _name(path)), NO_PLUGINS))]


def _own(data_dir: Path) -> Path:
    """Where plugins are that nobody has to name: beside what they keep."""
    return (data_dir / OWN_DIR).resolve()


def _import_own(file: Path, data_dir: Path) -> ModuleType:
    """As `import_file`, where nobody else could have put it there. Raises `PluginError`: root looks at the data of
    servers that others run, and is not to run what these, or whoever has broken into them, have left in there."""
    ours = {0, os.geteuid()}
    inside = [file, *file.rglob("*.py")] if file.is_dir() else [file]
    for path in (data_dir.resolve(), file.parent, *inside):
        found = path.stat()
        if found.st_uid not in ours and (path not in inside or os.geteuid() == 0):
            raise PluginError(f"{path} is another user's, who could have it do anything; run this as that user")
        if found.st_mode & stat.S_IWOTH:
            raise PluginError(f"everybody can write {path}; chmod o-w {path}")
    return import_file(file)


def _name(path: Path) -> str:
    return path.name.removesuffix(".py")


def _package(dist: "Distribution | None") -> tuple[str, str]:
    """Where an installed plugin comes from, and its version."""
    if dist is None:
        return "installed", "-"
    metadata = dist.metadata
    return f"{metadata['Name']} (installed)", metadata["Version"]


def _import(name: str) -> ModuleType:
    bytecode.take_care_of(name)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise PluginError(f"there is no module {name}; check --plugin and what is installed") from None
        raise


def import_file(file: Path) -> ModuleType:
    """The file, or the package, as a module of its own name space: a plugin called logging.py must not hide the
    standard library's."""
    name = f"{NAME_SPACE}.{_name(file)}"
    package = file.is_dir()
    code = file / "__init__.py" if package else file
    bytecode.take_care_of(NAME_SPACE)
    spec = importlib.util.spec_from_file_location(
        name,
        code,
        loader=bytecode.PluginLoader(name, str(code)),
        submodule_search_locations=[str(file)] if package else None,
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    for known in [known for known in sys.modules if known.startswith(f"{name}.")]:
        del sys.modules[known]  # of another package of this name, in another directory
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
