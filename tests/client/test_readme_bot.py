"""The bot of the README, as it stands there: it answers all, over its own restarts and the server's."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from kit.accounts import CHEAP, SECRET, registered
from kit.processes import kept_port
from kit.programs import leave

from greenchat.testing import DEADLINE, serving

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
(BOT,) = re.findall(r"<!-- bot -->\n```python\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def start(tmp_path):
    """`start(port)`: the bot runs; it is killed at the end."""
    bots = []
    directory = tmp_path / "bot"
    directory.mkdir()

    def start(port):
        code = BOT.replace("9999", str(port))
        bots.append(
            subprocess.Popen(
                [sys.executable, "-c", code],
                cwd=directory,
                env=os.environ | {"ECHO_PASSWORD": SECRET},
                stderr=subprocess.PIPE,
            )
        )
        return bots[-1]

    yield start
    for bot in bots:
        bot.kill()
        bot.communicate()


def answer(text):
    return f'MSG|echo|(to alice: "{text}") You said: {text}'


def test_it_is_short():
    assert len(BOT.splitlines()) <= 10


def test_it_answers_all_over_restarts(tmp_path, start):
    with kept_port() as port:
        settings = CHEAP | {"server.port": port}
        with serving(settings=settings, data_dir=tmp_path) as server:
            leave(registered(server, "echo"))
            alice = server.join("alice")
            bot = start(port)
            alice.read_until("INFO|echo has joined the chat.")
            for text in ("one", "two"):
                alice.send(f"MSG|{text}")
                alice.expect(answer(text))
            bot.kill()
            bot.wait(DEADLINE)
            alice.send("MSG|three", "MSG|four")
            alice.send("MSG|/ping")
            alice.expect("INFO|Pong.")
            bot = start(port)
            line = alice.read()
            if line == answer("two"):  # it was killed in that very moment
                line = alice.read()
            assert line == answer("three")
            alice.expect(answer("four"))
        assert bot.wait(DEADLINE) == 1, "the server has gone, and so does it"
        assert b"DisconnectedError" in bot.stderr.read()
        with serving(settings=settings, data_dir=tmp_path) as server:
            alice = server.join("alice")
            alice.send("MSG|five", "MSG|six")
            alice.send("MSG|/ping")
            alice.read_until("INFO|Pong.")
            start(port)
            lines = [line for line in alice.read_until(answer("six")) if line.startswith("MSG|echo")]
            assert [line for line in lines if line != answer("four")] == [answer("five")]
