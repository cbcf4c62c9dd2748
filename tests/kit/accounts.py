"""Servers with accounts, and what their clients read."""

from greenchat.testing import serving
from kit import socketless

SECRET = "correct-horse-battery"
OTHER = "another-secret-altogether"
WRONG = "Name or password is wrong."
LOGGED_IN = "INFO|You are logged in as ada. Now send JOIN|ada."
CHEAP = {"plugins.accounts.memory_mib": 1, "plugins.accounts.passes": 1}


def accounts(*plugins, data_dir=None, settings=(), **own):
    """A server whose passwords cost little; `own` are settings of the plugin."""
    own = {f"plugins.accounts.{name}": value for name, value in own.items()}
    return serving(*plugins, settings=CHEAP | own | dict(settings), data_dir=data_dir)


def socketless_accounts(*plugins, data_dir=None, settings=(), **own):
    """The same, where no socket matters."""
    own = {f"plugins.accounts.{name}": value for name, value in own.items()}
    return socketless.serving(*plugins, settings=CHEAP | own | dict(settings), data_dir=data_dir)


def registered(server, name="ada", password=SECRET):
    """A plain client that has just registered its name."""
    peer = server.join(name)
    peer.send(f"MSG|/register {password}")
    peer.expect(f"INFO|{name} is yours now. Next time: /login {name} PASSWORD")
    return peer


def gone(peer):
    peer.send("LEAVE")
    peer.expect_closed()


def refused(name):
    return f"ERROR|The username {name} belongs to somebody. If that is you: MSG|/login {name} PASSWORD"
