"""What the system refuses to a server: it is told in words that say what to do, and the server goes on by itself."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from kit.accounts import SECRET
from kit.machine import APART, can_be_apart, eventually
from kit.processes import GREENCHAT, serve_process
from kit.programs import says, sync

from greenchat.testing import Peer

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
needs_nobody = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root, to be somebody else"
)


def serve(*arguments, data_dir, before=()):
    """What a server says that does not start."""
    command = [*before, *GREENCHAT, "serve", "--data-dir", str(data_dir), *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stdout) == (1, ""), result.stderr
    assert "Traceback" not in result.stderr
    return result.stderr.splitlines()[-1]


@pytest.fixture
def public():
    """A directory that everybody may come into, which pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="greenchat-") as directory:
        os.chmod(directory, 0o755)
        yield Path(directory)


# --- listen ---


def taken(where):
    sock = socket.create_server(("127.0.0.1", 0))
    return sock, f"127.0.0.1:{sock.getsockname()[1]}"


def taken_path(where):
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(where / "sock"))
    sock.listen()
    return sock, f"unix:{where}/sock"


def file_there(where):
    (where / "sock").write_text("somebody's")
    return None, f"unix:{where}/sock"


ADDRESSES = {
    "taken": (taken, "Address already in use. Is a server running there already? Choose another port with --port"),
    "not ours": ("1.2.3.4:0", "This machine has no such address. Name one that it has, or 0.0.0.0 for all of them."),
    "no host": ("no.such.host.invalid:0", "There is no host of that name. Check the spelling"),
    "link-local": ("[fe80::1]:0", "A link-local one needs its interface: [fe80::1%eth0]:9999."),
    "taken path": (taken_path, "Address already in use. Is a server running there already? Choose another path."),
    "a file": (file_there, "There is another file in its place. Move it away, or choose another path."),
    "no directory": (lambda where: (None, f"unix:{where}/none/sock"), "There is no such directory. Make it"),
    "long": (lambda where: (None, f"unix:{where}/{'x' * 110}"), "The path is too long for a socket."),
    "no parent": (lambda where: (None, f"unix:{__file__}/sock"), "A part of the path is no directory. Check it."),
}


@pytest.mark.parametrize(("address", "told"), ADDRESSES.values(), ids=ADDRESSES)
def test_why_an_address_cannot_be_listened_on(tmp_path, address, told):
    sock = None
    if callable(address):
        sock, address = address(tmp_path)
    if address.startswith("[") and not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    error = serve("--listen", address, data_dir=tmp_path / "data")
    if sock is not None:
        sock.close()
    if "no addresses of that kind" in error:
        pytest.skip("this machine has no IPv6")
    assert error.startswith(f"Error: Cannot listen on {address}: ")
    assert told in error
    assert not (told.startswith("There is another file") and (tmp_path / "sock").read_text() != "somebody's")


def first_port_for_everybody():
    try:
        return int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    except OSError:
        return 1024


@needs_nobody
@pytest.mark.skipif(first_port_for_everybody() <= 80, reason="all ports are for everybody here")
def test_a_port_that_is_not_for_everybody(public):
    os.chown(public, 65534, 65534)
    error = serve("--host", "127.0.0.1", "--port", "80", data_dir=public, before=NOBODY)
    assert "Ports below 1024 are not for everybody: let systemd keep it, or choose another." in error


@needs_nobody
def test_directories_in_which_one_may_not_make_files(public):
    (public / "data").mkdir()
    error = serve("--port", "0", data_dir=public / "data", before=NOBODY)
    why = "Permission denied. Check the directory and its permissions, and which user this is."
    assert error == f"Error: Cannot use the data directory {public}/data: {why} Or choose another with --data-dir."
    os.chown(public / "data", 65534, 65534)
    error = serve("--listen", f"unix:{public}/sock", data_dir=public / "data", before=NOBODY)
    assert error.endswith("Permission denied. The server's user may not make files in that directory.")


# --- connect ---


# --- disks ---


def small_disk(tmp_path, fill):
    """A server process whose data directory is on a disk of 2 MB, on which `fill` was done, in a shell."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if not can_be_apart(disk):
        pytest.skip("this system gives nobody a file system of one's own")
    script = f'mount -t tmpfs -o size=2m tmpfs {disk}; mkdir -m 700 {disk}/data; {fill.format(disk=disk)}; exec "$@"'
    options = ("--data-dir", f"{disk}/data", "--set", "plugins.history.replay=20")
    return disk, (*APART, "sh", "-c", script, "sh"), options


def test_a_disk_that_is_full_at_the_start_and_has_room_later(tmp_path):
    full = "cat /dev/zero >{disk}/ballast 2>/dev/null"
    disk, before, options = small_disk(tmp_path, full)
    cheap = ("--set", "plugins.accounts.memory_mib=1", "--set", "plugins.accounts.passes=1")
    with serve_process(tmp_path, *options, *cheap, before=before) as serving:
        ada, bob = serving.join("ada"), serving.join("bob")
        assert "INFO|History is off at the moment. What is said now may not be kept." in sync(bob)
        ada.send("MSG|hello")
        assert "MSG|ada|hello" in sync(bob)
        assert "It is not known at the moment who may come into which room." in says(bob, "/join garden")[0]
        Path(f"/proc/{serving.process.pid}/root{disk}/ballast").unlink()
        bob.read_until("INFO|History is on again.")
        eventually(lambda: says(bob, "/join garden")[0].startswith("INFO|Welcome to garden"))
        eventually(lambda: any("ada is yours" in line or "yours" in line for line in says(ada, f"/register {SECRET}")))
        for peer in (ada, bob):
            peer.close()
        _, log = serving.stop()
    assert "Traceback" not in log
    assert log.count("the disk is full. Make room.") >= 3
    assert "all rooms are open again: it is known who may enter which" in log
    assert "history is on again; messages lost: 0" in log


def test_a_disk_that_is_read_only_at_the_start(tmp_path):
    disk, before, _ = small_disk(tmp_path, "mount -o remount,ro {disk}")
    error = serve("--port", "0", data_dir=disk / "data", before=before)
    why = "Read-only file system. Mount it for writing. Or choose another with --data-dir."
    assert error == f"Error: Cannot use the data directory {disk}/data: {why}"


# --- open files ---


def test_who_comes_takes_no_descriptor_that_the_server_needs_itself(tmp_path):
    """Nobody has read history or logged in when all is taken: the files are opened only then."""
    few = ["bash", "-c", 'ulimit -n 70; exec "$@"', "few"]
    limits = ("--set", "limits.connections_per_address=0", "--set", "limits.flood_rate=0")
    with serve_process(tmp_path, *limits, before=few) as serving:
        ada = serving.join("ada")
        ada.send("MSG|hello")
        crowd = [serving.connect() for _ in range(100)]
        for peer in crowd:
            peer.send("what")
        eventually(lambda: "no new connections" in (tmp_path / "stderr.log").read_text())
        assert any("hello" in line for line in says(ada, "/history"))
        assert any("hello" in line for line in says(ada, "/search hello"))
        assert any("yours" in line for line in says(ada, f"/register {SECRET}"))
        says(ada, "/room key sesame")
        for peer in (*crowd, ada):
            peer.close()
        with Peer("127.0.0.1", serving.port) as late, closing(late):
            late.send(json.dumps({"type": "join", "name": "late"}))
            assert json.loads(late.read())["type"] == "welcome"
        _, log = serving.stop()
    assert "cannot be" not in log
    assert "no new connections: Too many open files" in log


def test_when_descriptors_run_out_those_inside_chat_on_and_others_get_in_later(tmp_path):
    few = ["bash", "-c", 'ulimit -n 52; exec "$@"', "few"]
    with serve_process(tmp_path, "--set", "limits.connections_per_address=0", before=few) as server:
        ada, bob = server.join("ada"), server.join("bob")
        crowd = [server.connect() for _ in range(60)]
        for peer in crowd:
            peer.send("JOIN|" + f"p{peer.socket.getsockname()[1]}")
        joined = ada.read()
        assert joined == "INFO|bob has joined the chat."
        bob.send("MSG|still here")
        assert "MSG|bob|still here" in iter(ada.read, "")
        for peer in crowd:
            peer.close()
        late = server.join("late")
        for peer in (ada, bob, late):
            peer.close()
        _, log = server.stop()
    assert log.count("no new connections: Too many open files") == 1
    assert "connections are accepted" in log
    assert "Traceback" not in log
