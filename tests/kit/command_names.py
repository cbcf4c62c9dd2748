"""Which commands `greenchat --help` lists and shells complete."""

import os
import subprocess
import sys
from pathlib import Path

from kit.processes import GREENCHAT

ADDED = ["accounts", "audit", "files", "history", "moderation", "operators", "rooms"]
BIN = Path(sys.executable).parent


def own_home(tmp_path):
    """An environment with a home of its own, in which nothing is kept yet."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GREENCHAT_", "XDG_"))}
    return kept | {"HOME": str(tmp_path / "home"), "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}


def help_of(env, *before) -> str:
    done = subprocess.run([*GREENCHAT, *before, "--help"], capture_output=True, text=True, timeout=60, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def names_in(text: str) -> list[str]:
    """The commands that plugins add, in a help."""
    _, _, section = text.partition("Commands of plugins:\n")
    return [line.split()[0] for line in section.partition("\n\n")[0].splitlines() if line.startswith("  ")]


ORACLE = """
import pathlib, click
from greenchat import hookimpl
with pathlib.Path(__file__).with_suffix(".log").open("a") as log:
    log.write("loaded\\n")
print("this is said while it is loaded")
@click.command()
def {name}():
    "Answer a question."
    click.echo("Yes.")
@hookimpl
def greenchat_cli(group):
    group.add_command({name})
"""


def loads(file: Path) -> int:
    log = file.with_suffix(".log")
    return len(log.read_text().splitlines()) if log.exists() else 0


def help_of_quiet(env) -> str:
    return subprocess.run([*GREENCHAT, "--help"], capture_output=True, text=True, timeout=60, env=env).stdout


def complete(env, shell: str, words: str, last: str) -> list[str]:
    """What `greenchat` tells a shell that asks it to complete, by the names alone."""
    env = env | {"_GREENCHAT_COMPLETE": f"{shell}_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()))}
    env["COMP_CWORD"] = last if shell == "fish" else str(len(words.split()) - bool(last))
    done = subprocess.run(["greenchat"], capture_output=True, text=True, timeout=60, env=env)
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    if shell == "zsh":
        return lines[1::3]
    return [line.split(",")[1].split("\t")[0] for line in lines]
