"""Servers with operators, the orders that these give, and what they and others read."""

import re
import sqlite3
from contextlib import contextmanager

from click.testing import CliRunner

from greenchat.cli import main
from kit import programs
from kit.programs import Anybody, crown, without_plugins
from kit.socketless import serving

# These would greet, replay and log in, too.
ALONE = without_plugins("accounts", "history", "people", "web")
ELSEWHERE, THERE = "127.0.0.2", "127.0.0.3"
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"
UNTIL = f"until {TIME}"
HOUR = r"(?:1h|59m\d+s)"  # what is left of it, on a busy machine


@contextmanager
def house(data_dir, *operators, plugins=(), **settings):
    """A server on `data_dir`, whose operators these accounts are."""
    if operators:
        crown(data_dir, *operators)
    with serving(Anybody, *plugins, settings=ALONE | settings, data_dir=data_dir) as server:
        yield server


def shell(data_dir, *arguments, code=0):
    result = CliRunner().invoke(main, [*arguments, "--data-dir", str(data_dir)])
    assert result.exit_code == code, result.output
    return result.output


def operator(server, name="ada", room=""):
    """A plain client that is logged in."""
    peer = server.join(name, room)
    peer.send(f"MSG|/become {name}")
    peer.read_until(f"INFO|{name} is an operator now.")
    return peer


def connect_from(server, address, *lines):
    """A plain client with an address of its own."""
    peer = programs.connect_from(server, address)
    peer.send(*lines)
    return peer


def refusals(lines):
    return [line.removeprefix("ERROR|") for line in lines if line.startswith("ERROR|")]


def is_slowed(lines, room="garden"):
    """Whether one of several messages was refused, as too soon."""
    (refusal,) = refusals(lines)
    return re.fullmatch(rf"One may say something every 1h in {room}\. Wait {HOUR}\.", refusal)


def bans(data_dir):
    with sqlite3.connect(data_dir / "moderation.sqlite3") as connection:
        return connection.execute("SELECT what FROM bans").fetchall()
