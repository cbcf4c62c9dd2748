"""The plan of the house: what plugins may import, and what importing greenchat must not do. Who may import whom within
greenchat stands in pyproject.toml, for `lint-imports`."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "greenchat"

MODULES = [path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py"]


def imports_of(path: Path) -> set[str]:
    """Modules that `path` imports, also those that only type checkers see."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            if node.module == "greenchat":
                found.update(f"greenchat.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
    return found


def test_plugins_import_only_what_everybody_has():
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
heavy = {"gevent", "msgspec", "pluggy", "prompt_toolkit", "textual", "psutil", "asyncio", "precis_i18n"}
heavy.add("importlib.metadata")
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
        "pillow": "PIL",
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


def test_no_bundled_plugin_looks_at_all_events():
    """Whoever does not say which has an object made of each message, which halves what a room can say."""
    found = []
    for path in (ROOT / "plugins").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name == "greenchat_event":
                (kinds,) = [one.annotation for one in node.args.args if one.arg == "event"]
                found.append((path.name, {word.id for word in ast.walk(kinds) if isinstance(word, ast.Name)}))
    assert found
    assert not [(name, kinds) for name, kinds in found if kinds & {"Event", "Any", "object"}]
