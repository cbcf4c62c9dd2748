"""What becomes of a server whose place no other program can take."""

import sys
from pathlib import Path

import pytest
from kit.handovers import Handovers
from kit.processes import kept_port, serve_process
from kit.programs import Program, says

# A plugin that does something at its end: from there on, nothing leads back.
AT_ITS_END = """
import os, resource, sys
from greenchat import hookimpl

@hookimpl
def greenchat_startup(server):
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))

@hookimpl
def greenchat_shutdown(server):
    {}
"""

# One that cannot begin where somebody is there already.
FUSSY = """
from greenchat import hookimpl

@hookimpl
def greenchat_startup(server):
    if server.chat.members:
        raise SystemExit("there are too many people")
"""


@pytest.fixture
def over(tmp_path):
    return Handovers(tmp_path)


def serve_process_at(over, file, settings):
    """A server that listens where its `settings` say, which are written to `file`."""
    file.write_text(settings)
    return serve_process(over.data_dir, *over.arguments, "--config", str(file), tcp=False)


def another_python(where: Path) -> Path:
    """The Python that runs here, under another name, which may be taken away."""
    (where / "bin").mkdir(parents=True)
    (where / "bin" / "python").symlink_to(sys.executable)
    if sys.prefix != sys.base_prefix:
        for name in ("lib", "pyvenv.cfg"):
            (where / name).symlink_to(Path(sys.prefix) / name)
    return where / "bin" / "python"


def test_where_python_is_gone_the_process_goes_on_with_what_it_has(over, tmp_path):
    """It was there when all was proven, and is gone when it is needed."""
    python = another_python(tmp_path / "python")
    (over.directory / "ender.py").write_text(
        AT_ITS_END.format("os.path.lexists(sys.executable) and os.unlink(sys.executable)")
    )
    with serve_process(over.data_dir, *over.arguments, command=[str(python), "-m", "greenchat"]) as serving:
        with serving.join("ada") as ada, Program(serving, "bob") as bob:
            ada.expect("INFO|bob has joined the chat.")
            bob.peer.socket.sendall(b'{"type": "say", "te')
            over.change()
            over.hang_up(serving)
            over.logged("no other program can be started")
            bob.peer.socket.sendall(b'xt": "still here", "ref": 7}\n')
            assert bob.read_until("ack")["ref"] == 7
            ada.expect("MSG|bob|still here")
            assert says(ada, "/sayer") == ["INFO|word 1"]
        with serving.join("ada"):
            pass
        _, log = serving.stop()
        assert serving.process.returncode == 0
    assert "no other program can be started" in log
    assert "Traceback" not in log


def test_where_the_state_cannot_be_written_the_process_goes_on_with_what_it_has(over):
    """As on a system that has too little memory for it."""
    limit = "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))"
    (over.directory / "ender.py").write_text(AT_ITS_END.format(limit))
    unlimited = ("--set", "limits.flood_rate=0")
    with serve_process(over.data_dir, *over.arguments, *unlimited) as serving, serving.join("ada") as ada:
        says(ada, *("x" * 400 for _ in range(100)))  # all of which goes along
        over.change()
        over.hang_up(serving)
        over.logged("no other program can be started")
        assert says(ada, "/sayer")[-1] == "INFO|word 1"  # history may be off: the limit holds for its files, too


def test_one_plugin_that_cannot_begin_is_off_and_the_others_go_on(over):
    with serve_process(over.data_dir, *over.arguments) as serving, serving.join("ada") as ada:
        (over.directory / "fussy.py").write_text(FUSSY)
        word = over.hand_over(serving)
        assert says(ada, "/sayer")[-1] == f"INFO|{word}"


def test_where_nobody_can_take_over_the_server_is_empty_and_people_come_back(over, tmp_path):
    """Also where it is to listen elsewhere as well from then on, and not everywhere any more."""
    (over.directory / "fussy.py").write_text(FUSSY)
    file, path = tmp_path / "chat.toml", tmp_path / "chat.sock"
    places = '[server]\nrequired_plugins = ["fussy"]\nlisten = ["{}", "127.0.0.1:{}"]\n'
    with kept_port() as port, serve_process_at(over, file, places.format(f"127.0.0.1:{port}", 0)) as serving:
        file.write_text(places.format(f"unix:{path}", port))
        with serving.join("ada") as ada, Program(serving, "bob") as bob, serving.connect() as silent:
            ada.expect("INFO|bob has joined the chat.")
            over.change()
            over.hang_up(serving)
            ada.expect_closed()
            silent.expect_closed()
            assert bob.rest() == []
        with Program(serving) as again:
            assert again.join(token=bob.welcome["token"])["name"] == "bob"
            assert again.ask("hello", "lobby")[-1]["type"] == "ack"
            with serving.join("ada"):
                assert again.read_until("joined")["name"] == "ada"
        assert path.is_socket()
        _, log = serving.stop()
        assert serving.process.returncode == 0
        assert not path.exists()
    assert "all have to come back" in log
    assert "there are too many people" in log
