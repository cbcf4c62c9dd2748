"""Tokens of devices go into the keyring where there is one, and are in a file for their owner's eyes where there is
none."""

import keyring
import pytest
from kit import TESTS
from kit.keyrings import PLACE, Careless, FileKeyring, Locked
from kit.peers import welcome
from kit.terminals import CTRL_D, ENTER

from greenchat.connect.keychain import Keychain
from greenchat.connect.logins import FILE, Logins
from greenchat.testing import DEADLINE

pytest_plugins = ["kit.terminal_fixtures"]


@pytest.fixture
def use():
    """Have the library use this keyring."""
    before = keyring.get_keyring()

    def use(backend):
        keyring.set_keyring(backend)
        return backend

    yield use
    keyring.set_keyring(before)


class Settling(Logins):
    """`settled` waits for the keyring; what is in the file then."""

    def __init__(self, server, directory, seconds=DEADLINE):
        self.keychain = Keychain(seconds)
        super().__init__(server, directory, self.keychain)

    def settled(self):
        self.keychain.settle()
        return (self._directory / FILE).read_text()


def test_a_token_moves_on_into_the_keyring_and_so_does_the_next_one(tmp_path, use):
    ring = use(FileKeyring(tmp_path / "ring"))
    logins = Settling("example.org 9999 tls", tmp_path)
    assert logins.keep_device("Ada", "gd_1")
    assert "gd_1" not in logins.settled()
    [(item, token)] = ring.items.items()
    assert token == "gd_1"
    assert item.startswith("greenchat: ada at example.org 9999 tls ")
    other = Settling("example.org 9999 tls", tmp_path)
    assert (other.device("ADA"), other.last()) == ("gd_1", "ada")
    assert Settling("example.org 9999", tmp_path).device("ada") == "", "that is another server"
    assert other.keep_device("ada", "gd_2")
    assert "gd_2" not in other.settled()
    assert [*ring.items.values()] == ["gd_2"]
    assert logins.device("ada", "gd_1") == "gd_2"
    logins.forget_device("ada", "gd_1")
    assert logins.device("ada") == "gd_2", "that is not the one which leads in no more"
    logins.forget_device("ada", "gd_2")
    assert (logins.device("ada"), logins.last()) == ("", "")
    logins.settled()
    assert not ring.items


def test_a_keyring_that_is_locked_keeps_nobody_from_chatting(tmp_path, use):
    locked = use(Locked())
    assert Settling("s", tmp_path).keep_device("ada", "gd_1"), "at once"
    assert locked.asked.wait(DEADLINE)
    assert Settling("s", tmp_path).device("ada") == "gd_1", "which is in the file for as long"
    use(FileKeyring(tmp_path / "ring"))
    logins = Settling("s", tmp_path)
    logins.keep_device("ada", "gd_2")
    assert "gd_2" not in logins.settled()
    use(Locked())
    logins = Settling("s", tmp_path, seconds=0.1)
    assert (logins.device("ada"), logins.is_locked) == ("", True)


@pytest.mark.parametrize("backend", [Careless, None])
def test_without_one_that_is_safe_the_token_stays_in_the_file(tmp_path, use, backend):
    if backend is not None:
        use(backend(tmp_path / "ring"))
    logins = Settling("s", tmp_path)
    logins.keep_device("ada", "gd_1")
    assert "gd_1" in logins.settled()
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "ring").exists()
    assert logins.device("ada") == "gd_1"


def test_who_stays_logged_in_comes_back_by_the_token_of_the_keyring(open_terminal, raw, state_home, tmp_path):
    ring = tmp_path / "ring"
    variables = {"PYTHONPATH": str(TESTS), "PYTHON_KEYRING_BACKEND": "kit.keyrings.FileKeyring", PLACE: str(ring)}
    terminal = open_terminal(*raw.address, "--name", "ada", "--stay", **variables)
    terminal.wait_for("Password of ada:")
    terminal.type("hunter2" + ENTER)
    join = raw.knock()
    raw.send(welcome(ref=join["ref"], name="ada", account="ada", token="gr_1", device_token="gd_1"))
    terminal.wait(lambda lines: lines[-1] == ">")
    terminal.type(CTRL_D)
    raw.hang_up()
    terminal.end()
    assert "gd_1" in ring.read_text()
    assert "gd_1" not in (state_home / "greenchat" / FILE).read_text()
    open_terminal(*raw.address, "--name", "ada", **variables)
    assert raw.knock()["token"] == "gd_1"
