"""One server at a time on a data directory."""

import os
import signal
import subprocess

import pytest
from kit.processes import GREENCHAT, serve_process

from greenchat.errors import GreenchatError
from greenchat.storage import datadir
from greenchat.testing import DEADLINE


def second_server(data_dir):
    command = [*GREENCHAT, "serve", "--host", "127.0.0.1", "--port", "0", "--data-dir", str(data_dir)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_a_second_server_on_the_directory_is_refused_in_one_sentence_and_the_first_goes_on(tmp_path):
    with serve_process(tmp_path) as serving, serving.join("ada") as ada:
        second = second_server(tmp_path)
        assert (second.returncode, second.stdout) == (1, "")
        assert second.stderr == (
            f"Error: Another server (process {serving.process.pid}) uses the data directory {tmp_path}. "
            "Stop it, or choose another directory with --data-dir.\n"
        )
        with serving.join("bob"):
            ada.expect("INFO|bob has joined the chat.")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_however_a_server_ends_the_next_one_may_begin(tmp_path, number):
    for _ in range(2):
        with serve_process(tmp_path) as serving:
            serving.process.send_signal(number)
            serving.process.wait(DEADLINE)


@pytest.mark.parametrize("command", [("plugins", "list"), ("config",)])
def test_commands_that_only_look_need_no_lock(tmp_path, command):
    with serve_process(tmp_path):
        result = subprocess.run(
            [*GREENCHAT, *command, "--data-dir", str(tmp_path)], capture_output=True, text=True, timeout=60
        )
    assert (result.returncode, result.stderr) == (0, "")


def test_a_wrong_setting_makes_no_directory(tmp_path):
    command = [*GREENCHAT, "serve", "--port", "0", "--data-dir", str(tmp_path / "new"), "--disable-plugin", "nothing"]
    assert subprocess.run(command, capture_output=True, timeout=60).returncode == 2
    assert not (tmp_path / "new").exists()


def test_a_lock_file_of_somebody_else_is_told_in_one_sentence(tmp_path):
    (tmp_path / datadir.LOCK_FILE).mkdir()  # nobody, not even root, can write to that
    result = second_server(tmp_path)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        f"Error: Cannot use the data directory {tmp_path}: Is a directory. Or choose another with --data-dir.\n"
    )


def test_the_lock_ends_with_the_block_and_names_its_holder_from_the_start(tmp_path):
    (tmp_path / datadir.LOCK_FILE).write_text("123456789012345\n")  # of a server that was longer ago
    held = datadir.locked(tmp_path)
    refused = pytest.raises(GreenchatError, match=rf"\(process {os.getpid()}\)")
    with held, refused, datadir.locked(tmp_path):
        pass
    with datadir.locked(tmp_path):
        pass
