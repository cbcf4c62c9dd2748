"""The plan of the house: who may import whom, and what importing greenchat must not do."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "greenchat"

# From the ground up. A module imports only from its own floor's folders below, and from its own folder.
FLOORS = [
    *(
        "version",
        "values",
        "errors",
        "refusals",
        "protocol",
        "config",
        "storage",
        "codecs",
        "chat",
        "hooks",
        "net",
        "session",
    ),
    *("server", "client", "connect", "bench", "testing", "cli", "api", "__init__", "__main__"),
]
FLOOR = {name: floor for floor, name in enumerate(FLOORS)}
MODULES = [path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py"]


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    """Modules that `path` imports when it runs; those that only type checkers see are left out."""
    tree = ast.parse(path.read_text())
    found: set[str] = set()
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            if node.module == "greenchat":
                found.update(f"greenchat.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        todo += ast.iter_child_nodes(node)
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path):
    here = FLOOR[room_of(path)]
    for module in imports_of(path):
        room = module.removeprefix("greenchat.").partition(".")[0]
        if module.startswith("greenchat.") and room in FLOOR:
            assert FLOOR[room] <= here, f"{room_of(path)} imports {room}, which stands above it"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_gevent_is_known_only_where_there_are_sockets(path):
    allowed = {"storage", "hooks", "net", "session", "server", "testing"}
    if room_of(path) not in allowed:
        assert not any(module.partition(".")[0] == "gevent" for module in imports_of(path))


def test_greenchat_imports_no_plugin_and_plugins_import_only_what_everybody_has():
    for path in MODULES:
        assert not any("greenchat_plugins" in module for module in imports_of(path))
    for path in (ROOT / "plugins").rglob("*.py"):
        for module in imports_of(path):
            if module.partition(".")[0] == "greenchat":
                public = __import__("greenchat").__all__
                assert module == "greenchat" or module.removeprefix("greenchat.") in public, f"{path.name}: {module}"


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout


def test_importing_greenchat_patches_nothing_and_starts_no_event_loop():
    code = """
import socket, ssl, threading, time, select
before = {(m.__name__, k): v for m in (socket, ssl, threading, time, select) for k, v in vars(m).items() if callable(v)}
import sys, greenchat
assert "gevent" not in sys.modules and "greenlet" not in sys.modules
from greenchat import *
import greenchat.testing, greenchat.server.server, greenchat.cli
after = {(m.__name__, k): v for m in (socket, ssl, threading, time, select) for k, v in vars(m).items() if callable(v)}
assert before == after
print("clean")
"""
    assert run(code) == "clean\n"


def test_help_loads_nothing_heavy():
    code = """
import sys
from click.testing import CliRunner
from greenchat.cli import main
result = CliRunner().invoke(main, ["--help"])
assert result.exit_code == 0, result.output
heavy = {"gevent", "msgspec", "pluggy", "prompt_toolkit", "psutil", "asyncio", "precis_i18n", "importlib.metadata"}
print(sorted(heavy & set(sys.modules)))
"""
    assert run(code) == "[]\n"


def test_every_public_name_can_be_had():
    import greenchat

    for name in greenchat.__all__:
        assert getattr(greenchat, name) is not None
    assert set(dir(greenchat)) == set(greenchat.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = greenchat.nothing


def test_every_dependency_has_bounds_and_is_used():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    files = [*MODULES, *(ROOT / "plugins").rglob("*.py")]
    used = {module.partition(".")[0] for path in files for module in imports_of(path)}
    module_of = {
        "argon2-cffi": "argon2",
        "precis-i18n": "precis_i18n",
        "python-json-logger": "pythonjsonlogger",
        "tomli-w": "tomli_w",
    }
    for line in project["dependencies"]:
        name, lower, upper = re.fullmatch(r"([\w-]+)>=([\d.]+),<(\d+)", line).groups()
        assert lower
        assert upper
        assert module_of.get(name, name) in used, f"{name} is not used"


def test_no_file_wants_to_be_two():
    for path in [*MODULES, *(ROOT / "plugins").rglob("*.py")]:
        assert len(path.read_text().splitlines()) <= 400, path


def test_the_version_is_told_once():
    import greenchat

    changes = (ROOT / "CHANGELOG.md").read_text()
    assert f"## {greenchat.__version__}" in changes
