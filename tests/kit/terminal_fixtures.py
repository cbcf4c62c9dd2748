"""Fixtures for the tests of `greenchat connect`: terminals, pipes, and servers for them."""

import subprocess

import pytest

from kit.peers import RawServer
from kit.pipes import command
from kit.terminals import Terminal, environment


@pytest.fixture
def state_home(tmp_path):
    """Where `greenchat connect` keeps what leads in next time."""
    return tmp_path / "state"


@pytest.fixture
def open_terminal(state_home):
    """Open a terminal in which `greenchat connect` runs, in lines if not with `--screen`; it is closed at the end."""
    terminals = []

    def open_terminal(*arguments, **variables):
        terminals.append(Terminal("connect", "--line", *arguments, **{"XDG_STATE_HOME": str(state_home)} | variables))
        return terminals[-1]

    yield open_terminal
    for terminal in terminals:
        terminal.close()


@pytest.fixture
def bob(server):
    return server.join("bob")


@pytest.fixture
def alice(open_terminal, server, bob):
    """A terminal in which alice has joined bob."""
    terminal = open_terminal(server.host, server.port, "--name", "alice")
    terminal.wait(lambda lines: lines[-1] == ">" and "[INFO] Welcome to lobby, alice. Here is bob." in lines[0])
    bob.expect("INFO|alice has joined the chat.")
    return terminal


@pytest.fixture
def raw():
    with RawServer() as server:
        yield server


@pytest.fixture
def talk(open_terminal, raw):
    """A terminal, nine hours east of Greenwich, in which alice has joined a server whose words are written in the
    test."""
    terminal = open_terminal(*raw.address, "--name", "alice", TZ="JST-9")
    raw.let_in()
    terminal.wait(lambda lines: lines[-1] == ">")
    return terminal


@pytest.fixture
def start_pipe(server):
    """Start it with its standard streams open, once it has joined. It is ended at the end."""
    processes = []

    def start_pipe(*options, address=(server.host, server.port), **variables):
        process = subprocess.Popen(
            command(*address, *options),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(**variables),
        )
        processes.append(process)
        return process

    yield start_pipe
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def bot(start_pipe, raw):
    """A pipe that has joined a server whose words are written in the test."""
    process = start_pipe("--name", "bot", "--commands", address=raw.address)
    raw.let_in()
    return process
