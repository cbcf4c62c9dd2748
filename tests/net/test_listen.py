"""On which addresses the server can be reached."""

import socket
import stat

import pytest
from kit.machine import needs_ipv6
from kit.processes import serve_process

from greenchat.errors import ConfigError, GreenchatError
from greenchat.net.listener import listen
from greenchat.testing import DEADLINE, serving


def join(family: int, address: object, name: str) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.settimeout(DEADLINE)
    sock.connect(address)
    sock.sendall(f"JOIN|{name}\n".encode())
    assert sock.recv(1000).startswith(b"INFO|Welcome to lobby, " + name.encode())
    return sock


@needs_ipv6
def test_one_chat_on_several_addresses(tmp_path):
    path = str(tmp_path / "chat.sock")
    with serving(settings={"server.listen": ["127.0.0.1:0", "[::1]:0", f"unix:{path}"]}) as server:
        addresses = server.server.addresses
        assert addresses[2] == f"unix:{path}"
        port4, port6 = (int(address.rpartition(":")[2]) for address in addresses[:2])
        with (
            join(socket.AF_INET, ("127.0.0.1", port4), "four") as four,
            join(socket.AF_INET6, ("::1", port6), "six") as six,
            join(socket.AF_UNIX, path, "unix") as local,
        ):
            assert four.makefile().readline() == "INFO|six has joined the chat.\n"
            local.sendall(b"MSG|hello from a file\n")
            assert "MSG|unix|hello from a file\n" in iter(six.makefile().readline, "")


@needs_ipv6
def test_the_ipv6_wildcard_takes_ipv4_too():
    with serving(settings={"server.listen": ["[::]:0"]}) as server:
        join(socket.AF_INET, ("127.0.0.1", server.port), "four").close()
        join(socket.AF_INET6, ("::1", server.port), "six").close()


def test_neighbours_by_a_unix_socket_share_no_address(tmp_path):
    path = str(tmp_path / "chat.sock")
    limits = {"limits.connections_per_address": 1, "limits.attempts_per_minute": 1}
    with serving(settings={"server.listen": ["127.0.0.1:0", f"unix:{path}"], **limits}):
        join(socket.AF_UNIX, path, "one").close()
        with join(socket.AF_UNIX, path, "two"), join(socket.AF_UNIX, path, "three"):
            pass


def test_the_file_of_a_unix_socket_goes_with_the_server_and_a_stale_one_is_replaced(tmp_path):
    path = tmp_path / "chat.sock"
    address = f"unix:{path}"
    with serve_process(tmp_path, "--listen", address, tcp=False) as killed:
        assert killed.first == f"[*] Chat Server started on {address}"
        killed.process.kill()
        killed.process.wait(DEADLINE)
    assert stat.S_ISSOCK(path.stat().st_mode)
    with serve_process(tmp_path, "--listen", address, tcp=False) as server:
        join(socket.AF_UNIX, str(path), "ada").close()
        out, _ = server.stop()
    assert f"Join:     nc -U {path}" in out
    assert not path.exists()


def test_a_unix_socket_that_is_in_use_is_left_alone(tmp_path):
    address = f"unix:{tmp_path / 'chat.sock'}"
    with (
        serving(settings={"server.listen": ["127.0.0.1:0", address]}),
        pytest.raises(GreenchatError, match="Address already in use"),
    ):
        listen(address)


def test_a_file_that_is_no_socket_is_left_alone(tmp_path):
    file = tmp_path / "precious"
    file.write_text("words")
    with pytest.raises(GreenchatError, match="There is another file in its place"):
        listen(f"unix:{file}")
    assert file.read_text() == "words"


@pytest.mark.parametrize("address", ["9999", "a:b", "::1:9999", "127.0.0.1:70000", "127.0.0.1:", "tcp://x:1"])
def test_what_is_no_address_is_told_with_what_would_be(address):
    with pytest.raises(ConfigError, match=r"Write HOST:PORT, \[IPv6\]:PORT or unix:/path"):
        listen(address)


def test_one_address_that_cannot_be_had_gives_the_others_back(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy = f"127.0.0.1:{taken.getsockname()[1]}"
        path = tmp_path / "chat.sock"
        with (
            pytest.raises(GreenchatError, match=f"Cannot listen on {busy}"),
            serving(settings={"server.listen": [f"unix:{path}", busy]}),
        ):
            pass
        assert not path.exists()
