"""Checking a plugin before anybody uses it: `greenchat plugins check`. It is loaded apart from all others but the one
that runs commands, in a chat without sockets and with an empty data directory."""

import importlib
import importlib.metadata
import importlib.util
import re
import subprocess
import sys
import tempfile
import tomllib
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from greenchat.errors import GreenchatError
from greenchat.hooks import finding
from greenchat.hooks.described import Described, describe, hooks, nearest
from greenchat.testing.chat import Chat, installed_names
from greenchat.testing.examples import wrong_examples
from greenchat.testing.reading import Source

# How long the tests of a plugin may take, in seconds.
TEST_SECONDS = 600

TESTS = ("test_*.py", "*_test.py")


@dataclass
class Checked:
    """What was found out about one plugin."""

    name: str
    described: Described | None = None
    rights: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    examples: int = 0


@dataclass(frozen=True)
class Found:
    """A plugin at the path that was given: how to load it, and its files."""

    name: str
    load: Callable[[], object]
    files: list[Path]


def find(path: Path) -> list[Found]:
    """The plugins at `path`: a file, a package, a project with entry points, or a directory of plugins. Raises
    `GreenchatError` where there is none."""
    if path.is_file() or (path / "__init__.py").is_file():
        return [_found_file(path)]
    if (path / "pyproject.toml").is_file():
        return _found_project(path)
    found = [_found_file(file) for file in finding.files(path)] if path.is_dir() else []
    if not found:
        raise GreenchatError(
            f"There is no plugin at {path}. Name a file, a package, a directory with a pyproject.toml that has entry "
            f"points of the group {finding.GROUP}, or a directory of plugins."
        )
    return found


def installed() -> frozenset[str]:
    """The names of the plugins that this Python has."""
    return installed_names()


def _found_file(path: Path) -> Found:
    return Found(path.name.removesuffix(".py"), lambda: finding.import_file(path), _sources(path))


def _found_project(project: Path) -> list[Found]:
    try:
        read = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))
    except ValueError as error:
        raise GreenchatError(f"{project / 'pyproject.toml'} cannot be read: {error}") from None
    points = read.get("project", {}).get("entry-points", {}).get(finding.GROUP, {})
    if not points:
        raise GreenchatError(
            f"{project / 'pyproject.toml'} makes no plugin known. It needs [project.entry-points.{finding.GROUP}] and "
            'a line such as dice = "greenchat_dice"'
        )
    base = project / "src" if (project / "src").is_dir() else project
    sys.path.insert(0, str(base.resolve()))
    found = []
    for name, value in points.items():
        module, _, attribute = value.replace(" ", "").partition(":")
        place = base.joinpath(*module.split("."))
        files = _sources(place if place.is_dir() else place.with_suffix(".py"))
        found.append(Found(name, lambda module=module, attribute=attribute: _load(module, attribute), files))  # type: ignore[misc]
    return found


def _load(module: str, attribute: str) -> object:
    found: object = importlib.import_module(module)
    for name in filter(None, attribute.split(".")):
        found = getattr(found, name)
    return found


def _sources(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("*.py") if "tests" not in file.parts and not _is_test(file))


def _is_test(file: Path) -> bool:
    return any(file.match(pattern) for pattern in TESTS) or file.name == "conftest.py"


def check(found: Found, base: Path) -> Checked:
    """Read, load and start one plugin, and run its examples."""
    checked = Checked(found.name)
    try:
        source = Source(found.files, base)
        checked.warnings += source.warnings()
        checked.rights = source.rights()
        plugin = found.load()
    except BaseException as error:
        checked.faults.append(_told(error, found, base))
        return checked
    name = name_of(plugin)
    settings = {f"plugins.{name}.may": checked.rights} if checked.rights else {}
    try:
        chat = Chat(plugin, settings=settings)
    except BaseException as error:
        checked.faults.append(_told(error, found, base))
        return checked
    with chat:
        loaded = next(one for one in chat.server.plugins if one.find() is plugin)
        checked.described = describe(chat.server.plugins, loaded)
        checked.faults += loaded.notes
        commands = chat.server.commands.of(loaded.name)
        checked.examples = sum(len(command.examples) for command in commands)
        try:
            checked.faults += wrong_examples(chat, [loaded.name])
        except BaseException as error:
            checked.faults.append(_told(error, found, base))
    return checked


def name_of(plugin: object) -> str:
    return str(getattr(plugin, "__name__", type(plugin).__name__)).rpartition(".")[2]


def _told(error: BaseException, found: Found, base: Path) -> str:
    """What went wrong, in a line, with its place in the plugin where it has one."""
    if isinstance(error, GreenchatError):
        return str(error).removeprefix(f"plugin {found.name} is off: ")
    where = ""
    if isinstance(error, SyntaxError) and error.filename:
        where = _place(Path(error.filename), error.lineno or 0, base)
        return f"{where}: {error.msg}"
    for frame in traceback.extract_tb((error.__cause__ or error).__traceback__):
        if Path(frame.filename) in found.files or Path(frame.filename).resolve() in map(Path.resolve, found.files):
            where = f"{_place(Path(frame.filename), frame.lineno or 0, base)}: "
    text = f"{type(error).__name__}: {finding.told(error)}".removesuffix(": ")
    return f"{where}{_no_argument(text) or text}"


def _place(file: Path, line: int, base: Path) -> str:
    return f"{file.relative_to(base) if file.is_relative_to(base) else file}:{line}"


def _no_argument(text: str) -> str:
    """pluggy names the arguments that a hook has not, and not those that it has."""
    match = re.search(r"hook '(\w+)'.*Argument\(s\) \{'(\w+)'", text)
    hook = next((hook for hook in hooks() if match is not None and hook.name == match[1]), None)
    if match is None or hook is None:
        return ""
    known = re.findall(r"(?:[(]|, )([a-z_]+):", hook.signature)
    return f"{hook.name} has no argument {match[2]}. {nearest(match[2], known, 'It has')}"


def run_tests(path: Path) -> tuple[list[str], list[str]]:
    """Run the tests of what is at `path`, in a process of their own, and look who holds the event loop meanwhile:
    faults, and warnings. There may be none."""
    files = _tests_of(path)
    if not files:
        return [], ["it has no tests; see Test it in plugins/README.md"]
    if importlib.util.find_spec("pytest") is None:
        return [], ["its tests were not run, as pytest is not installed: pip install pytest"]
    where = path if path.is_dir() else path.parent
    with tempfile.TemporaryDirectory() as scratch:
        held = Path(scratch) / "held"
        loaded = ["-p", "greenchat.testing.pytest_plugin"] if not _is_known_to_pytest() else []
        command = [sys.executable, "-m", "pytest", "-q", *loaded, "--greenchat-watchdog", str(held), *map(str, files)]
        try:
            done = subprocess.run(command, cwd=where, capture_output=True, text=True, timeout=TEST_SECONDS)
        except subprocess.TimeoutExpired:
            return [f"its tests have not ended within {TEST_SECONDS} seconds"], []
        told = sorted(set(held.read_text("utf-8").splitlines())) if held.exists() else []
    if done.returncode:
        shown = "\n".join(f"    {line}" for line in (done.stdout + done.stderr).strip().splitlines()[-30:])
        return [f"its tests fail:\n{shown}"], told
    return [], told


def _tests_of(path: Path) -> list[Path]:
    if path.is_file():
        name = path.stem
        found = [path.parent / f"test_{name}.py", path.parent / f"{name}_test.py"]
        found += [path.parent / "tests" / file.name for file in found]
        return [file.resolve() for file in found if file.is_file()]
    return sorted(file.resolve() for pattern in TESTS for file in path.rglob(pattern) if ".venv" not in file.parts)


def _is_known_to_pytest() -> bool:
    points = importlib.metadata.entry_points(group="pytest11")
    return any(point.value == "greenchat.testing.pytest_plugin" for point in points)
