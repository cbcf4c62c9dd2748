"""greenchat: a chat server you bend with plugins.

What can be imported from here is what a plugin author needs; `greenchat/api.py` is the list, `greenchat.testing` the
other public module. A plugin is a module with `@hookimpl` functions; plugins/README.md is its guide. The list is loaded
when its first name is asked for: so `greenchat --help` stays quick, and no event loop is started or patched.
"""

from importlib import import_module
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING, Any

from greenchat.version import __version__ as __version__

if TYPE_CHECKING:
    from greenchat.api import *  # noqa: F403


def _list() -> dict[str, Any]:
    return vars(import_module("greenchat.api"))


def _is_name(name: str) -> bool:
    return name.isidentifier() and not name.startswith("_")


def _is_module(name: str) -> bool:
    return PathFinder.find_spec(name, __path__) is not None  # noqa: F405


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return __dir__()
    # Python asks here first for a module that is imported from this package: the list would import it too early.
    if _is_name(name) and not _is_module(name) and name in _list():
        globals()[name] = found = _list()[name]  # it is asked for again and again, twice by each import
        return found
    raise AttributeError(f"module 'greenchat' has no attribute {name!r}")


def __dir__() -> list[str]:
    return ["__version__", *sorted(filter(_is_name, _list()))]
