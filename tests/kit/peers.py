"""A server without a program behind it: what it says is written in the test, frame by frame."""

import json
import socket

from greenchat.testing import DEADLINE


class RawServer:
    """Listens on a free port, and serves one client."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(DEADLINE)
        self.address = self.listener.getsockname()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if hasattr(self, "socket"):
            self.hang_up()
        self.listener.close()

    def accept(self):
        """Take the client that connects."""
        self.socket, _ = self.listener.accept()
        self.socket.settimeout(DEADLINE)
        self._lines = self.socket.makefile("rb")

    def welcome(self, name, ref=1, **limits):
        """What answers a join."""
        answer = {"name": name, "room": "lobby", "members": [name], "seq": 0, "limits": limits, "server": "raw"}
        self.send({"type": "welcome", "ref": ref} | answer)

    def let_in(self):
        """Take the client that connects, and welcome it when it wants to join."""
        self.accept()
        join = self.read()
        self.welcome(join["name"], join["ref"])

    def send(self, *frames):
        self.socket.sendall(b"".join(json.dumps(frame).encode() + b"\n" for frame in frames))

    def read(self):
        """The next frame of the client."""
        return json.loads(self._lines.readline())

    def read_end(self):
        """What the client still says until it closes."""
        return self._lines.read().decode()

    def hang_up(self):
        """Close the connection; a reset, if the client has sent something that was not read."""
        self._lines.close()
        self.socket.close()
