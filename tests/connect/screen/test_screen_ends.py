"""The full screen on a real terminal, as others end it."""

import signal

from kit.terminals import NORMAL_SCREEN

from greenchat.connect.options import Exit
from greenchat.testing import DEADLINE

pytest_plugins = ["kit.terminal_fixtures"]


def opened(open_terminal, server, *arguments):
    terminal = open_terminal(server.host, server.port, "--name", "ada", "--screen", *arguments)
    terminal.wait(lambda lines: "#lobby" in lines[0] and lines[-1] == ">")
    return terminal


def test_a_closed_window_may_be_back_at_once(open_terminal, server, bob):
    ada = opened(open_terminal, server)
    bob.expect("INFO|ada has joined the chat.")
    ada.type("My last words\r")
    bob.expect("MSG|ada|My last words")
    ada.hang_up()
    assert ada.process.wait(DEADLINE) == Exit.DELIVERED
    opened(open_terminal, server).type("Back again\r")
    bob.expect("MSG|ada|Back again")  # who has neither left nor joined meanwhile


def test_who_is_told_to_end_leaves_and_leaves_the_terminal_as_it_was(open_terminal, server, bob):
    ada = opened(open_terminal, server)
    bob.expect("INFO|ada has joined the chat.")
    ada.process.send_signal(signal.SIGTERM)
    ada.wait(lambda _: NORMAL_SCREEN in ada.written)
    assert ada.end() == Exit.DELIVERED
    bob.expect("INFO|ada has left the chat.")
