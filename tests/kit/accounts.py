"""Servers with accounts, and clients for them."""

import json
import socket

from greenchat.testing import DEADLINE, Peer, serving

SECRET = "correct-horse-battery"
OTHER = "another-secret-altogether"
WRONG = "Name or password is wrong."
LOGGED_IN = "INFO|You are logged in as ada. Now send JOIN|ada."
CHEAP = {"plugins.accounts.memory_mib": 1, "plugins.accounts.passes": 1}


def accounts(*plugins, data_dir=None, settings=(), **own):
    """A server whose passwords cost little; `own` are settings of the plugin."""
    own = {f"plugins.accounts.{name}": value for name, value in own.items()}
    return serving(*plugins, settings=CHEAP | own | dict(settings), data_dir=data_dir)


class JsonPeer(Peer):
    """A JSON client that reads frames."""

    def ask(self, **frame):
        self.send(json.dumps(frame))

    def frame(self):
        return json.loads(self.read())

    def frame_of(self, kind):
        """The next frame of this type, and nothing of those before it."""
        while (frame := self.frame())["type"] != kind:
            pass
        return frame

    def join(self, name, **more):
        """What the server answers."""
        self.ask(type="join", name=name, ref=1, **more)
        return self.frame()

    def run(self, line):
        self.ask(type="say", text=line)


class PeerFrom(Peer):
    """A plain client with an address of its own."""

    def __init__(self, server, address):
        self.socket = socket.create_connection((server.host, server.port), DEADLINE, (address, 0))
        self._file = self.socket.makefile("rb")


def json_peer(server):
    return server.peers.enter_context(JsonPeer(server.host, server.port))


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
