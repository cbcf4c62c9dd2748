"""What the source of a plugin tells of it, without running it: what is known to hurt, and what it will ask for."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from greenchat.config.grants import Right

# Modules that hold up everybody while they wait, and what to take in their place.
BLOCKING = {
    "aiohttp": "asyncio has a loop of its own; ctx.http.get(url) waits for you alone",
    "asyncio": "it has a loop of its own, which this server does not turn; use ctx.spawn, ctx.later and ctx.every",
    "ftplib": "call it by ctx.in_thread",
    "http.client": "ctx.http.get(url) waits for you alone",
    "httpx": "ctx.http.get(url) waits for you alone, or call it by ctx.in_thread",
    "requests": "ctx.http.get(url) waits for you alone, or call it by ctx.in_thread",
    "select": "use gevent.select",
    "smtplib": "call it by ctx.in_thread",
    "socket": "use gevent.socket",
    "sqlite3": "use ctx.store, ctx.database or greenchat.Database",
    "subprocess": "use gevent.subprocess, or call it by ctx.in_thread",
    "threading": "use ctx.spawn, ctx.later, or ctx.in_thread; between two waits nobody else runs, so no lock is needed",
    "urllib.request": "ctx.http.get(url) waits for you alone",
    "urllib3": "ctx.http.get(url) waits for you alone, or call it by ctx.in_thread",
}

# Calls that do.
BLOCKING_CALLS = {
    "time.sleep": "use gevent.sleep, or ctx.later",
    "os.system": "use gevent.subprocess, or call it by ctx.in_thread",
    "input": "a server has nobody who could type an answer",
}

PUBLIC = ("greenchat", "greenchat.testing")


class Source:
    """Some files of a plugin."""

    def __init__(self, files: list[Path], base: Path) -> None:
        """Raises `SyntaxError` for what is no Python."""
        self._trees = [(file, ast.parse(file.read_text("utf-8"), str(file))) for file in files]
        self._base = base

    def warnings(self) -> list[str]:
        """What is known to hurt, with its place."""
        found = [(file, *one) for file, tree in self._trees for one in _hurts(tree)]
        return [f"{self._place(file, line)}: {what}" for file, line, what in sorted(found)]

    def rights(self) -> list[str]:
        """What it asks of its context that an operator has to grant."""
        asked = {
            node.attr
            for _, tree in self._trees
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and _last(node.value) == "ctx"
        }
        return sorted(asked.intersection(get_args(Right)))

    def _place(self, file: Path, line: int) -> str:
        return f"{file.relative_to(self._base) if file.is_relative_to(self._base) else file}:{line}"


def _hurts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    names = dict(_imports(tree))  # what a name of the module stands for
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=found):
                for alias in found:
                    yield from _import_hurts(node.lineno, alias.name)
            case ast.ImportFrom(module=str(module), level=0):
                yield from _import_hurts(node.lineno, module)
            case ast.Call(func=function):
                called = _dotted(function, names)
                if called in BLOCKING_CALLS:
                    yield node.lineno, f"{called} holds up everybody in the chat; {BLOCKING_CALLS[called]}"
            case ast.ExceptHandler(type=None) | ast.ExceptHandler(type=ast.Name(id="BaseException")):
                if not any(isinstance(one, ast.Raise) for one in ast.walk(node)):
                    told = "it also catches what the server ends your greenlet with; write except Exception"
                    yield node.lineno, told


def _import_hurts(line: int, module: str) -> Iterator[tuple[int, str]]:
    if module in BLOCKING:
        yield line, f"what waits in {module} holds up everybody in the chat; {BLOCKING[module]}"
    elif module.partition(".")[0] == "greenchat" and module not in PUBLIC:
        yield line, f"{module} may change without a word; import from {' and '.join(PUBLIC)}"


def _imports(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.asname or alias.name, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _dotted(node: ast.AST, names: dict[str, str]) -> str:
    """What is called, by its full name: `sleep` that was imported from time is time.sleep."""
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value, names)
        return f"{before}.{node.attr}" if before else ""
    return ""


def _last(node: ast.AST) -> str:
    """The last part of a name: of `self.ctx` it is ctx."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
