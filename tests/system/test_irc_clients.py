"""irssi and WeeChat, as people have them, in one chat with the page, netcat and the terminal client."""

import pytest
from kit.accounts import CHEAP, SECRET
from kit.authority import Authority
from kit.irc import IrcClient
from kit.irc_windows import Irssi, WeeChat, needs_irc_clients
from kit.processes import serve_process

pytestmark = needs_irc_clients
pytest_plugins = ["kit.browser_fixtures", "kit.terminal_fixtures"]


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def chat(tmp_path, authority):
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    settings = CHEAP | authority.settings | {"plugins.history.replay": 20}
    with serve_process(data_dir, *(f"--set={name}={value}" for name, value in settings.items())) as serving:
        for name in "ada", "wendy":
            with IrcClient(serving, name) as client:
                client.send(f"REGISTER * * {SECRET}")
                client.until("REGISTER")
        yield serving


def test_one(chat, authority):
    with Irssi(chat.port, "ada") as irssi, WeeChat(chat.port, "wendy", authority.file) as wee:
        print(irssi.text)
        print(wee.text)
