"""`greenchat serve --watch`: who works on a plugin sees at once what a change does."""

import os

import pytest
from kit.machine import eventually
from kit.processes import serve_process
from kit.programs import Program, says

SAYS = """
from greenchat import Command, hookimpl

@hookimpl
def greenchat_commands():
    return [Command("say", "", "Say it.", lambda session, argument: session.info("%s"))]
"""


@pytest.fixture
def plugins(tmp_path):
    directory = tmp_path / "my-plugins"
    directory.mkdir()
    (directory / "sayer.py").write_text(SAYS % "one")
    return directory


def log_of(tmp_path):
    return (tmp_path / "stderr.log").read_text()


def refuses(serving, name):
    with serving.connect() as peer:
        peer.send(f"JOIN|{name}")
        return peer.read().startswith("ERROR|")


def test_a_changed_plugin_is_there_at_once_and_people_stay(tmp_path, plugins):
    with serve_process(tmp_path, "--watch", "--plugins-dir", str(plugins)) as serving:
        with Program(serving, "ada") as ada:
            assert ada.told("/say", "notice")["text"] == "one"
            (plugins / "sayer.py").write_text(SAYS % "two")
            eventually(lambda: ada.told("/say", "notice")["text"] == "two")
        assert serving.process.poll() is None
        _, log = serving.stop()
    assert serving.process.returncode == 0
    assert f"changed: {plugins / 'sayer.py'}; reloading" in log
    assert "Traceback" not in log


def test_what_is_no_python_is_told_and_nothing_begins_again(tmp_path, plugins):
    with serve_process(tmp_path, "--watch", "--plugins-dir", str(plugins)) as serving, serving.join("ada") as ada:
        (plugins / "sayer.py").write_text("def (")
        eventually(lambda: "sayer.py:1: invalid syntax. The server goes on as it was." in log_of(tmp_path))
        ada.send("MSG|/say")
        ada.expect("INFO|one")
        (plugins / "other.py").write_text("from greenchat import hookimpl\n")
        eventually(lambda: log_of(tmp_path).count("The server goes on as it was.") == 2)
        (plugins / "sayer.py").write_text("from greenchat import nothing_of_this_name")
        eventually(lambda: "The plugin sayer cannot be used: ImportError: " in log_of(tmp_path))
        (plugins / "sayer.py").write_text(SAYS % "three")
        eventually(lambda: says(ada, "/say") == ["INFO|three"])


def test_a_changed_configuration_is_taken_unless_it_cannot_be_used(tmp_path, plugins):
    file = tmp_path / "chat.toml"
    file.write_text("[limits]\nname_length = 20\n")
    arguments = ("--watch", "--plugins-dir", str(plugins), "--config", str(file))
    with serve_process(tmp_path, *arguments) as serving:
        file.write_text("[limits]\nname_lenght = 3\n")
        eventually(lambda: "Did you mean name_length? The server goes on as it was." in log_of(tmp_path))
        file.write_text("[limits]\nname_length = 3\n")
        eventually(lambda: "longer than 3 characters. Choose a shorter one. The server goes on" in log_of(tmp_path))
        scratch = tmp_path / "scratch"
        scratch.write_text("[limits]\nname_length = 6\n")
        os.replace(scratch, file)  # as editors do
        eventually(lambda: refuses(serving, "adalbert"))
