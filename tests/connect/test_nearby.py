"""A server is found by its data directory, where it has laid down how to reach it."""

import socket
import stat

import pytest
from kit.authority import Authority
from kit.processes import run_greenchat, serve_process

from greenchat.client import UnreachableError
from greenchat.connect.nearby import Nearby
from greenchat.storage.datadir import ADDRESSES_FILE
from greenchat.storage.whereabouts import Whereabouts
from greenchat.testing import serving


@pytest.fixture
def data_dir(tmp_path):
    directory = tmp_path / "data"
    directory.mkdir()
    return directory


def reached(data_dir, *, is_named=True):
    """Where the server is that is found."""
    with Nearby(None, None, data_dir, is_named).connect() as client:
        assert client.stats().sessions == 1
        return client._door.host, client._door.port


@pytest.mark.parametrize(("host", "met"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "::1")])
def test_by_its_data_directory_alone_on_whatever_host_it_listens(data_dir, host, met):
    if host == "::" and not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    with serving(settings={"server.host": host}, data_dir=data_dir) as server:
        assert reached(data_dir) == (met, server.port)
        assert stat.S_IMODE((data_dir / ADDRESSES_FILE).stat().st_mode) == 0o600
    assert not (data_dir / ADDRESSES_FILE).exists()


def test_by_a_unix_socket_which_needs_no_tls(data_dir, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tls = {**Authority(tmp_path).settings, "tls.required": True}
    listen = {"server.listen": ["127.0.0.1:0", "unix:chat.sock"]}
    with serving(settings={**tls, **listen}, data_dir=data_dir):
        monkeypatch.chdir("/")
        assert reached(data_dir)[0] == f"unix:{tmp_path}/chat.sock"


def test_by_tls_where_the_server_wants_it(data_dir, tmp_path):
    tls = {**Authority(tmp_path).settings, "tls.required": True}
    with serving(settings=tls, data_dir=data_dir) as server:
        assert reached(data_dir) == ("127.0.0.1", server.port)


@pytest.mark.parametrize(
    ("addresses", "local"),
    [
        (["0.0.0.0:9", "unix:/run/chat", "unix:@abstract"], ["unix:/run/chat", "127.0.0.1:9"]),
        (["[::]:9"], ["[::1]:9", "127.0.0.1:9"]),
        (["192.0.2.1:9", "[2001:db8::1]:9"], []),
    ],
)
def test_by_which_addresses_a_server_takes_one_for_its_own_machine_s(addresses, local):
    assert Whereabouts(addresses).local == local


def test_where_none_runs_that_is_told(data_dir):
    def told():
        with pytest.raises(UnreachableError) as caught:
            Nearby(None, None, data_dir, True).connect()
        return str(caught.value)

    assert told() == f"No server runs on {data_dir}. Start one with `greenchat serve`, or check --data-dir."
    with serve_process(data_dir) as server:
        port = server.port
        server.process.kill()
        server.process.wait()
    assert told().startswith(
        f"The server on {data_dir} does not answer, if it still runs. No server listens at 127.0.0.1:{port}."
    )
    (data_dir / ADDRESSES_FILE).write_text('{"addresses": ["192.0.2.1:9"]}')
    assert told().startswith(f"The server on {data_dir} listens on 192.0.2.1:9 alone")
    (data_dir / ADDRESSES_FILE).write_text("?")
    assert told().endswith("does not say where the server listens. Name the address.")


def test_the_default_data_directory_s_is_meant_where_nothing_is_named(tmp_path):
    data_dir = tmp_path / "greenchat"
    data_dir.mkdir()
    home = {"XDG_DATA_HOME": str(tmp_path)}
    with serve_process(data_dir) as server:
        found = run_greenchat("status", env=home)
        assert found.returncode == 0, found
        done = run_greenchat("reload", env=home)
        assert (done.returncode, done.stderr) == (0, "")
        server.stop()


@pytest.mark.parametrize("command", [("status",), ("plugins", "list", "--server"), ("plugins", "why"), ("reload",)])
def test_all_commands_find_it(data_dir, command):
    with serve_process(data_dir):
        done = run_greenchat(*command, "--data-dir", str(data_dir))
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout
    done = run_greenchat(*command, "--data-dir", str(data_dir / "nowhere"))
    assert done.returncode == 3
    assert f"There is no directory {data_dir}/nowhere." in done.stderr


def test_it_is_known_where_it_is_after_a_reload_too(data_dir, tmp_path):
    file = tmp_path / "chat.toml"
    file.write_text("")
    with serve_process(data_dir, "--config", str(file)):
        file.write_text(f'[server]\nlisten = ["unix:{tmp_path}/chat.sock"]\n')
        assert run_greenchat("reload", "--data-dir", str(data_dir)).returncode == 0
        assert reached(data_dir)[0] == f"unix:{tmp_path}/chat.sock"
