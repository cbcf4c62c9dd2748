"""A pipe and `greenchat tail` while the server is killed, started again, handed over, and cut off: nothing is lost, and
nothing is there twice."""

import json
from contextlib import ExitStack

import pytest
from kit.processes import kept_port, serve_process
from kit.proxies import Proxy
from kit.scripting import running

from greenchat.client import Client
from greenchat.connect import Exit
from greenchat.protocol.events import Message
from greenchat.testing import DEADLINE

pytest_plugins = ["kit.over_reloads"]

# Lines that are typed at once, and how often something happens behind them.
LINES, TURNS = 60, 4


class Scripts:
    """`app` says what is typed; `bot`, a pipe as well, and `tail` tell what is said."""

    def __init__(self, port, stack, *options):
        connect = ("connect", f"127.0.0.1:{port}", *options, "--name")
        self.app, self.bot = (stack.enter_context(running(*connect, name)) for name in ("app", "bot"))
        for pipe in self.app, self.bot:
            assert pipe.stderr.readline().startswith("[INFO] Welcome")
        self.lines = []
        self.type(1)
        self.tail = stack.enter_context(running("tail", "lobby", *connect[1:-1], "--json", "-n", "1000"))
        assert self._tailed() == self.lines[0]

    def type(self, count=LINES):
        for _ in range(count):
            self.lines.append(f"line {len(self.lines)}")
            self.app.stdin.write(f"{self.lines[-1]}\n")
        self.app.stdin.flush()

    def end(self):
        """How it has ended, once all was said: what the bot and the tail have told."""
        self.app.stdin.close()
        self.app.stdin = None
        assert self.app.wait(DEADLINE) == Exit.DELIVERED, self.app.stderr.read()
        told = []
        for read in (lambda: self.bot.stdout.readline().removeprefix("[app]: ").rstrip("\n"), self._tailed):
            heard = []
            while heard[-1:] != self.lines[-1:]:
                heard.append(read())
            told.append(heard)
        return told[0], [self.lines[0], *told[1]]

    def _tailed(self):
        line = self.tail.stdout.readline()
        assert line, self.tail.stderr.read()
        return json.loads(line)["text"]


def said(port):
    """All that was said in the lobby, in its order."""
    texts, last = [], 1
    with Client.connect("127.0.0.1", port) as client:
        client.join("reader")
        events = client.history("lobby", before=2).events
        while events:
            texts += [event.text for event in events if isinstance(event, Message)]
            last = max(event.seq for event in events if isinstance(event, Message))
            events = client.history("lobby", after=last, limit=100).events
        client.leave()
    return texts


@pytest.mark.parametrize("end", ["terminate", "kill"])
def test_the_server_is_started_again(tmp_path, end):
    with kept_port() as port, ExitStack() as stack:
        options = ("--port", str(port), "--set", "limits.flood_rate=0")
        serving = stack.enter_context(serve_process(tmp_path, *options))
        scripts = Scripts(port, stack)
        for _ in range(TURNS):
            scripts.type()
            getattr(serving.process, end)()
            serving.wait()
            serving = stack.enter_context(serve_process(tmp_path, *options))
        heard, tailed = scripts.end()
        assert said(port) == scripts.lines
        if end == "kill":
            # What others read before it was on the disk, and that was lost with the server, is said to them once more.
            heard, tailed = [*dict.fromkeys(heard)], [*dict.fromkeys(tailed)]
        assert heard == scripts.lines
        assert tailed == scripts.lines


def test_the_connection_is_cut(tmp_path):
    with serve_process(tmp_path, "--set", "limits.flood_rate=0") as serving, Proxy(serving.port) as proxy:
        with ExitStack() as stack:
            scripts = Scripts(proxy.port, stack)
            for turn in range(TURNS):
                scripts.type()
                (proxy.cut if turn % 2 else proxy.reset)()
            heard, tailed = scripts.end()
        assert said(serving.port) == heard == tailed == scripts.lines


@pytest.mark.parametrize("carried", [True, False], ids=["in clear", "by TLS"])
def test_another_program_takes_over(over, request, carried):
    """Who comes by TLS is not carried over, and comes back."""
    serving = request.getfixturevalue("in_clear" if carried else "by_tls")
    with ExitStack() as stack:
        scripts = Scripts(serving.port, stack, *serving.options)
        for _ in range(TURNS):
            scripts.type()
            over.hand_over(serving)
        heard, tailed = scripts.end()
        assert said(serving.port) == heard == tailed == scripts.lines
