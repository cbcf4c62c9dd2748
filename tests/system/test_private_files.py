"""What is in the data directory is its server's alone, also where it was not any more."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from kit.machine import mode
from kit.processes import serve_process
from kit.programs import sync

from greenchat.testing import Peer

TRANSCRIPT = ("--set", "plugins.chatlog.transcript=chat.log", "--set", "plugins.chatlog.rotate=size")

# Fails at each message, so that it is switched off, which is kept in a file.
BROKEN = """
from greenchat import hookimpl
@hookimpl
def greenchat_event(event):
    raise RuntimeError("on purpose")
"""


@pytest.fixture
def umask():
    """As generous as can be: whatever is private is so on purpose."""
    before = os.umask(0)
    yield
    os.umask(before)


def modes(data_dir):
    return {path.name: mode(path) for path in data_dir.iterdir() if path.name != "stderr.log"}


def fill(data_dir, *arguments):
    """Have a server make every file that one makes; the modes of those that there are while it runs."""
    plugins = data_dir.parent / "broken"
    plugins.mkdir(exist_ok=True)
    (plugins / "broken.py").write_text(BROKEN)
    limits = ("--set", "limits.flood_rate=0")
    with serve_process(data_dir, *TRANSCRIPT, *limits, "--plugins-dir", str(plugins), *arguments) as serving:
        with serving.join("ada") as ada:
            for _ in range(30):
                ada.send("MSG|hello", "MSG|/ping")
                ada.read_until("INFO|Pong.")
            sync(ada)
            found = modes(data_dir)
        serving.stop()
    return found


def test_a_directory_that_the_server_makes_and_all_in_it_is_private(tmp_path, umask):
    home = tmp_path / "home"
    home.mkdir(0o755)
    data_dir = home / "new"
    # The test's own log file must not be what makes the directory.
    with serve_process(home, "--data-dir", str(data_dir), *TRANSCRIPT) as serving, serving.join("ada") as ada:
        ada.send("MSG|hello", "MSG|/ping")
        ada.read_until("INFO|Pong.")
        assert mode(data_dir) == 0o700
        assert {"history.sqlite3", "history.sqlite3-wal", "server.lock", "chat.log"} <= set(modes(data_dir))
        assert set(modes(data_dir).values()) == {0o600}


def test_every_file_is_private_also_in_a_directory_that_is_not(tmp_path, umask):
    data_dir = tmp_path / "data"
    data_dir.mkdir(0o755)
    found = fill(data_dir)
    assert {"accounts.sqlite3", "history.sqlite3", "server.lock", "plugins-off.json", "chat.log"} <= set(found)
    assert set(found.values()) == {0o600}
    assert mode(data_dir) == 0o755  # it may be shared on purpose


def test_what_was_put_back_for_all_to_read_is_private_again_and_the_log_says_so(tmp_path, umask):
    data_dir = tmp_path / "data"
    data_dir.mkdir(0o700)
    fill(data_dir)
    (data_dir / "chat.log.1").write_text("older")
    for path in data_dir.iterdir():
        path.chmod(0o644)
    with serve_process(data_dir, *TRANSCRIPT) as serving:
        assert set(modes(data_dir).values()) == {0o600}
        _, log = serving.stop()
    for name in ("accounts.sqlite3", "history.sqlite3"):
        assert f"others could read {data_dir / name}. It is private again" in log
    for name in ("chat.log", "chat.log.1"):
        assert f"others could read the transcript {data_dir / name}. It is private again" in log
    with serve_process(data_dir, *TRANSCRIPT) as serving:
        _, log = serving.stop()
    assert "private" not in log


@pytest.mark.parametrize(
    ("bits", "what"), [(0o755, "see what there is in"), (0o770, "put files in the place of those in")]
)
def test_what_may_be_so_on_purpose_is_told_with_the_command_that_ends_it(tmp_path, umask, bits, what):
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    data_dir.chmod(bits)
    (data_dir / "export.jsonl").write_text("{}\n")
    with serve_process(data_dir) as serving:
        _, log = serving.stop()
    assert f"others can {what} {data_dir}. Unless you want that: chmod 700 {data_dir}\n" in log
    assert f"others can read files in there. Unless you want that: chmod go= {data_dir}/export.jsonl" in log
    assert (mode(data_dir), mode(data_dir / "export.jsonl")) == (bits, 0o666)


def test_a_unix_socket_stays_open_to_those_who_may_come_to_its_directory(tmp_path, umask):
    where = tmp_path / "shared"
    where.mkdir(0o755)
    path = where / "chat.sock"
    with serve_process(where, "--listen", f"unix:{path}", tcp=False):
        assert mode(path) == 0o777
        assert mode(where) == 0o755


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root, to be somebody else")
def test_a_file_of_somebody_else_is_told_with_what_to_do(umask):
    with tempfile.TemporaryDirectory(prefix="greenchat-") as directory:
        data_dir = Path(directory)
        os.chown(data_dir, 65534, 65534)
        (data_dir / "stderr.log").touch()
        kept = data_dir / "accounts.sqlite3"
        kept.touch(0o644)
        kept.chmod(0o644)
        be_nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
        with serve_process(data_dir, before=be_nobody) as serving:
            with Peer("127.0.0.1", serving.port) as peer:
                peer.send("JOIN|ada")
                assert peer.read().startswith("INFO|Welcome")
            _, log = serving.stop()
        assert f"others can read {kept}, and that cannot be changed: Operation not permitted." in log
        assert f"chown --reference={data_dir} {kept} && chmod 600 {kept}" in log
