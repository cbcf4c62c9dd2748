"""The devices of one person as people have them: a page, `greenchat connect` on a terminal, netcat, and a program. They
lose their connections, and the server is killed: they come back by themselves, and others read nothing of it."""

import random
from contextlib import ExitStack, closing
from types import SimpleNamespace

import pytest
from devices import Loop, Plain, Program
from kit.accounts import SECRET
from kit.browsers import needs_browser
from kit.pages import log_in
from kit.processes import kept_port, serve_process
from kit.proxies import Proxy
from kit.terminals import ENTER

pytestmark = needs_browser
pytest_plugins = ["kit.browser_fixtures", "kit.terminal_fixtures"]

LOSSES, FULL_LOSSES = 4, 40
KILLS, FULL_KILLS = 1, 8

# A page waits some seconds before it tries again, the longer the more often it was in vain.
PATIENT = "limits.absence_seconds=60"


class Home:
    """A server, ada with her devices, each behind a proxy of its own, and eve, who sees what others see."""

    def __init__(self, data_dir, visit, open_terminal):
        self._stack = ExitStack()
        self._data_dir = data_dir
        self._port = self._stack.enter_context(kept_port())
        self._loop = self._stack.enter_context(closing(Loop()))
        self.serve()
        self.eve = self._client(Program, self._port)
        owner = self._client(Plain, self._port)
        owner.join("ada")
        owner.say(f"/register {SECRET}")
        self._loop.wait(lambda: any("is yours now" in line for line in owner.told), "an account")
        owner.leave()
        self._loop.wait(lambda: not owner.is_connected, "the end")
        self.watch()
        self.proxies = [self._stack.enter_context(Proxy(self._port)) for _ in range(4)]
        ports = [proxy.port for proxy in self.proxies]
        self.page = log_in(visit(SimpleNamespace(port=ports[0])), "ada", keep=True)
        self.terminal = open_terminal(f"127.0.0.1:{ports[1]}", "--name", "ada")
        for question, answer in (("Its password", SECRET), ("Stay logged in", "y")):
            self.terminal.wait(lambda lines, question=question: question in lines[-1])
            self.terminal.type(answer + ENTER)
        self.terminal.wait(lambda lines: lines[-1] == ">")
        self.netcat = self._client(Plain, ports[2])
        self.program = self._client(Program, ports[3])
        self.netcat.join("ada", SECRET)
        assert self.program.join(name="ada", login=SECRET, device="bot")["type"] == "welcome"
        self.settle()
        self.check([("joined", "lobby", "ada")])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stack.close()
        self._server.close()

    def _client(self, kind, port):
        client = kind(self._loop, port)
        self._stack.callback(client.drop)
        return client

    def serve(self):
        settings = ("plugins.accounts.memory_mib=1", "plugins.accounts.passes=1", PATIENT)
        arguments = [argument for setting in settings for argument in ("--set", setting)]
        self._server = ExitStack()
        server = serve_process(self._data_dir, "--port", str(self._port), *arguments)
        self.process = self._server.enter_context(server).process

    def kill(self):
        self.process.kill()
        self.process.wait()
        self._server.close()
        self._loop.wait(lambda: not (self.eve.is_connected or self.netcat.is_connected), "the end")

    def watch(self):
        self.eve.join(name="eve")
        self.eve.came = []

    def settle(self):
        self._loop.wait(self.eve.settled(), "all that eve is told")

    def check(self, *due):
        """Eve was told of these comings and goings, or of those."""
        self.settle()
        assert self.eve.came in due
        self.eve.came = []

    def bring_back(self):
        """Those that do not come back by themselves."""
        self.netcat.drop()
        self.netcat.join("ada", SECRET)
        answer = self.program.join(token=self.program.token, room=None)
        assert answer["type"] == "welcome", answer

    def all_read(self, sender, text):
        """On all devices but that on which it was said, it is read as theirs or as another's."""
        self.page.sees(text)
        said = f"[ada, by another device]: {text}" if sender == "ada" else f"[{sender}]: {text}"
        self.terminal.wait(lambda lines: any(line in (said, f"> {text}") or line.endswith(said) for line in lines))
        self._loop.wait(lambda: (sender, text) in self.program.log["lobby"].values(), text)
        self._loop.wait(lambda: (sender, text) in self.eve.log["lobby"].values(), text)
        assert not self.program.wrong
        self._loop.wait(self.netcat.settled(), "all for netcat")
        assert (f"MSG|{sender}|{text}" in self.netcat.told) == (sender != "ada")

    def talk(self, number):
        """Each says something, and everybody reads it."""
        self.eve.say(f"from eve {number}", "lobby")
        self.all_read("eve", f"from eve {number}")
        self.program.say(f"from a program {number}", "lobby")
        self.all_read("ada", f"from a program {number}")
        self.page.say(f"from a page {number}")
        self.all_read("ada", f"from a page {number}")
        self.terminal.type(f"from a terminal {number}{ENTER}")
        self._loop.wait(
            lambda: ("ada", f"from a terminal {number}") in self.eve.log["lobby"].values(), "what a terminal says"
        )
        self.page.sees(f"from a terminal {number}")


@pytest.fixture
def home(tmp_path, visit, open_terminal):
    (tmp_path / "data").mkdir()
    with Home(tmp_path / "data", visit, open_terminal) as home:
        yield home


def test_all_come_back_and_nobody_reads_of_it(home, full, seed):
    moments = random.Random(seed)
    home.talk("at first")
    for number in range(FULL_LOSSES if full else LOSSES):
        for proxy in home.proxies:
            moments.choice((proxy.cut, proxy.reset))()
        home.eve.say(f"meanwhile {number}", "lobby")
        home.bring_back()
        home.page.sees(f"meanwhile {number}")
        home.terminal.wait(lambda lines, number=number: any(f"[eve]: meanwhile {number}" in line for line in lines))
        home.talk(number)
        home.check([])
    for number in range(FULL_KILLS if full else KILLS):
        home.kill()
        home.serve()
        home.watch()
        home.bring_back()
        home.talk(f"after a kill {number}")
        home.check([], [("joined", "lobby", "ada")])
