"""Compiling, as Python does when it loads something, what the program loads that takes over: people wait then."""

import sys
from collections.abc import Iterable
from contextlib import suppress
from importlib.machinery import SourceFileLoader
from pathlib import Path


def compile_loaded(packages: Iterable[Path] = ()) -> None:
    """All that is loaded here, and all of these packages. What cannot be kept, nor compiled, is left to who loads it.
    Files of plugins that are by themselves are, too: see hooks/bytecode.py."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, False
    try:
        for module in list(sys.modules.values()):
            spec = getattr(module, "__spec__", None)
            if type(getattr(spec, "loader", None)) is SourceFileLoader:
                _compile(spec.loader)  # type: ignore[union-attr]
        for package in packages:
            for file in package.rglob("*.py"):
                _compile(SourceFileLoader(file.stem, str(file)))
    finally:
        sys.dont_write_bytecode = before


def _compile(loader: SourceFileLoader) -> None:
    with suppress(Exception):
        loader.get_code(loader.name)
