"""The title of the terminal's window is the chat's name while the screen is there, and then what it was before."""

from greenchat.connect.options import Exit
from greenchat.testing import serving

pytest_plugins = ["kit.terminal_fixtures"]


def test_the_window_is_called_as_the_chat(open_terminal):
    with serving(settings={"brand.name": "The Garden"}) as server:
        ada = open_terminal(server.host, server.port, "--name", "ada", "--screen")
        ada.wait(lambda lines: any("This is The Garden." in line for line in lines))
        ada.wait(lambda _: b"\x1b[22;2t\x1b]2;The Garden\x1b\\" in ada.written)
        ada.type("/quit\r")
        ada.wait(lambda _: b"\x1b[23;2t" in ada.written)
        assert ada.end() == Exit.DELIVERED
