"""The full screen in a real terminal while the server under it is killed, restarted and replaced: nothing that was said
is lost or told twice, and what somebody has typed meanwhile is said once."""

import re
from contextlib import closing

import pytest
from kit.handovers import Handovers
from kit.processes import kept_port, serve_process
from kit.programs import Program
from kit.six_frames import SixFrames
from kit.windows import Window, needs_tmux

from greenchat.connect import Exit
from greenchat.testing import Peer

pytestmark = needs_tmux

SAID = re.compile(r"(?:ada|bob) says \d+")


@pytest.fixture
def window():
    with closing(Window((100, 50))) as window:
        yield window


class Chat:
    """What ada on the screen and bob, a program, say: numbers, each of which is said once."""

    def __init__(self, window, port):
        self._window = window
        self._port = port
        self.said = {"ada": [], "bob": []}

    def _next(self, name):
        self.said[name].append(f"{name} says {len(self.said[name])}")
        return self.said[name][-1]

    def ada(self):
        self._window.enter(self._next("ada"))

    def bob(self):
        with Program(self, "bob") as bob:
            assert bob.request(type="say", room="lobby", text=self._next("bob"))["type"] == "ack"
            bob.leave()

    def connect(self):
        return Peer("127.0.0.1", self._port)

    def stored(self):
        with Program(self, "eve") as eve:
            return [
                event["text"]
                for event in eve.request(type="history", room="lobby", limit=100)["events"]
                if event["type"] == "message"
            ]

    def shown(self):
        """What stands in the window, above the box."""
        return SAID.findall("\n".join(self._window.lines[:-1]))


def back(lines):
    return "connect" not in lines[-2] and "waiting" not in lines[-2]


def test_killed_restarted_and_handed_over(window, tmp_path):
    over = Handovers(tmp_path)
    with kept_port() as port:
        chat = Chat(window, port)

        def serving():
            return serve_process(over.data_dir, "--port", str(port), *over.arguments)

        def away(number):
            """Nobody serves; ada types on, and begins a line."""
            window.sees("not connected")
            chat.ada()
            chat.ada()
            window.sees(chat.said["ada"][-1], "2 waiting" if number else "waiting")
            window.type("half ")

        def here():
            window.wait(back)
            window.wait(lambda lines: lines[-1] == "> half")
            window.press("C-u")
            chat.bob()
            chat.ada()
            window.sees(chat.said["ada"][-1], chat.said["bob"][-1])
            window.wait(back)

        with serving() as server:
            window.enter(f"greenchat connect --name ada 127.0.0.1:{port}")
            window.sees("1 #lobby")
            chat.bob()
            chat.ada()
            window.sees("bob says 0", "ada says 0")
            chat.ada()  # and at once:
            server.process.kill()
            away(0)
        with serving() as server:
            here()
            over.hand_over(server)
            chat.bob()
            chat.ada()
            window.sees(chat.said["ada"][-1], chat.said["bob"][-1])
            over.change()
            over.hang_up(server)  # another program, and while it takes over:
            window.type("half ")
            window.press("C-u")
            for _ in range(4):
                chat.ada()
            over.wait_for(2)
            window.wait(back)
            server.stop()
            away(1)
        with serving() as server:
            here()
            stored = chat.stored()
            for name, said in chat.said.items():
                assert [text for text in stored if text.startswith(name)] == said, "once, and in this order"
            window.wait(lambda _: chat.shown() == stored)
            window.press("C-q")
            assert window.ends() == Exit.DELIVERED


def test_a_server_that_knows_six_frames_alone(window):
    with SixFrames() as server, closing(server.join("bob")) as bob:
        window.enter(f"greenchat connect --name ada {server.host}:{server.port}")
        bob.expect("INFO|ada has joined the chat.")
        window.sees("Welcome, ada!")
        window.enter("Hello 世界")
        bob.expect("MSG|ada|Hello 世界")
        bob.send("MSG|Hi, ada | bob")
        window.sees("Hi, ada | bob")
        window.type("half")
        server.hang_up()
        window.wait(lambda lines: "\n".join(lines).count("Welcome, ada!") == 2)
        with closing(server.join("carol")) as carol:
            window.enter(" a line")
            carol.read_until("MSG|ada|half a line")
            window.press("C-q")
            assert window.ends() == Exit.DELIVERED
            carol.read_until("INFO|ada has left the chat.")
