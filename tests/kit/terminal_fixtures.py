"""Fixtures for the tests of `greenchat connect`: terminals, and servers for them."""

import pytest

from kit.peers import RawServer
from kit.terminals import Terminal


@pytest.fixture
def open_terminal():
    """Open a terminal in which `greenchat connect` runs; it is closed at the end."""
    terminals = []

    def open_terminal(*arguments, **variables):
        terminals.append(Terminal("connect", *arguments, **variables))
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
