"""What `greenchat plugins new` writes, as whoever has written it uses it: in an environment of its own, with greenchat
installed there as from an index."""

import re
import shutil
import site
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from kit import ROOT

PIP = ("-m", "pip", "install", "-q", "--disable-pip-version-check")


class Environment:
    def __init__(self, path: Path) -> None:
        venv.create(path, with_pip=True)
        self.bin = path / "bin"
        # All but greenchat is taken from here, as it would come from the index.
        where = next(path.glob("lib/python*/site-packages"))
        (where / "here.pth").write_text("\n".join(one for one in sys.path if one.endswith("site-packages")))

    def run(self, *command: str, cwd: Path, expected: int = 0) -> str:
        env = {"PATH": f"{self.bin}:/usr/bin:/bin", "HOME": str(cwd), "VIRTUAL_ENV": str(self.bin.parent)}
        program = [str(self.bin / "python"), *command]
        done = subprocess.run(program, cwd=cwd, env=env, capture_output=True, text=True, timeout=600)
        assert done.returncode == expected, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    source = tmp_path_factory.mktemp("source") / "greenchat"  # where it is built, files are left
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, tracked.decode().split("\0")):
        if not name.startswith("tests/"):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    made = Environment(tmp_path_factory.mktemp("environment"))
    made.run(*PIP, "--no-deps", "--force-reinstall", str(source), cwd=source)
    return made


@pytest.fixture(scope="module")
def project(environment, tmp_path_factory):
    where = tmp_path_factory.mktemp("work")
    environment.run("-m", "greenchat", "plugins", "new", "raffle", cwd=where)
    home = where / "greenchat-raffle"
    environment.run(*PIP, "--no-deps", "-e", ".", cwd=home)
    return home


def test_greenchat_is_the_one_that_was_installed_there(environment, tmp_path):
    where = environment.run("-c", "import greenchat; print(greenchat.__file__)", cwd=tmp_path)
    assert str(environment.bin.parent) in where
    assert site.getsitepackages()[0] not in where


def test_its_tests_pass_and_its_checks_find_nothing(environment, project):
    assert "4 passed" in environment.run("-m", "pytest", "-q", cwd=project)
    assert "Success: no issues found" in environment.run("-m", "mypy", cwd=project)
    assert "All checks passed" in environment.run("-m", "ruff", "check", cwd=project)
    environment.run("-m", "ruff", "format", "--check", cwd=project)


def test_a_server_finds_it_and_check_has_nothing_against_it(environment, project):
    assert (
        "on" in environment.run("-m", "greenchat", "plugins", "list", cwd=project).split("\nraffle ")[1].split("\n")[0]
    )
    told = environment.run("-m", "greenchat", "plugins", "check", ".", cwd=project)
    assert "/raffle NUMBER" in told
    assert '@every("1h") tell' in told
    assert told.endswith("no faults, no warnings.\n")


WRONG = {
    "There is no hook greenchat_check_mesage; did you mean greenchat_check_message?": (
        "def greenchat_check_mesage(message: greenchat.Message) -> None: ..."
    ),
    "greenchat_check_message has no argument mesage; did you mean message?": (
        "def greenchat_check_message(mesage: greenchat.Message) -> None: ..."
    ),
    "greenchat_check_join is given name as str, not as int": "def greenchat_check_join(name: int) -> None: ...",
    "greenchat_check_enter returns None, not int": "def greenchat_check_enter(room: str) -> int: return 1",
}


def test_mypy_finds_misspelt_hooks_and_wrong_arguments(environment, project):
    file = project / "src" / "greenchat_raffle" / "wrong.py"
    hooks = "\n\n\n".join(f"@greenchat.hookimpl\n{code}" for code in WRONG.values())
    file.write_text(f"import greenchat\n\n\n{hooks}\n")
    try:
        found = environment.run("-m", "mypy", cwd=project, expected=1)
    finally:
        file.unlink()
    for told in WRONG:
        assert re.search(rf"wrong.py:\d+: error: {re.escape(told)}", found), found
    assert "Found 4 errors" in found


def test_hooks_that_are_right_are_nothing_to_mypy(environment, project):
    file = project / "src" / "greenchat_raffle" / "hooked.py"
    file.write_text(
        "from greenchat import ChatServer, Joined, Left, Message, Session, hookimpl\n\n\n"
        "class Hooked:\n"
        "    @hookimpl\n    def greenchat_check_message(self, session: Session, message: Message) -> str:\n"
        "        return message.text\n\n"
        "    @hookimpl(tryfirst=True)\n    def greenchat_startup(self, server: ChatServer) -> None: ...\n\n"
        "    @hookimpl\n    def greenchat_event(self, event: Joined | Left) -> None: ...\n"
    )
    try:
        assert "Success: no issues found" in environment.run("-m", "mypy", cwd=project)
    finally:
        file.unlink()


def test_a_single_file_is_a_plugin_with_its_tests(environment, tmp_path):
    environment.run("-m", "greenchat", "plugins", "new", "cups", "--single-file", cwd=tmp_path)
    assert "4 passed" in environment.run("-m", "pytest", "-q", "test_cups.py", cwd=tmp_path)
    told = environment.run("-m", "greenchat", "plugins", "check", "cups.py", cwd=tmp_path)
    assert told.endswith("no faults, no warnings.\n")
    told = environment.run("-m", "greenchat", "plugins", "list", "--plugins-dir", ".", cwd=tmp_path)
    assert next(line for line in told.splitlines() if line.startswith("cups ")).endswith("  on")
