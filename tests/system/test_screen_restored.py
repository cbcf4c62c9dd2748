"""However the full screen ends, the terminal is what it was before, and whoever chats is told why in a sentence."""

import os
import socket
import stat

import pytest
from kit.terminals import MODE, NORMAL_SCREEN

from greenchat.connect import Exit

pytest_plugins = ["kit.terminal_fixtures"]

# A mistake at this place, once somebody has said the word. What the error says must be seen by nobody.
WORD = "abracadabra"
DRAWING = f"""
from greenchat.connect.screen import log
drawn = log.draw
def draw(row, how):
    secret = "hunter2"
    if row.item is not None and "{WORD}" in str(row.item.what):
        raise ValueError("hunter2")
    return drawn(row, how)
log.draw = draw
"""
HEARING = f"""
from greenchat.connect.model.model import Model
heard = Model.hear
def hear(self, items):
    secret = "hunter2"
    if "{WORD}" in str(items):
        raise KeyError("hunter2")
    return heard(self, items)
Model.hear = hear
"""
LEAVING = """
from greenchat.connect.link import Link
async def leave(self, *, hung_up=False):
    secret = "hunter2"
    raise ValueError("hunter2") from TypeError("hunter2")
Link.leave = leave
"""


def told_at_the_end(terminal):
    """What stands on the screen that was there before: in lines, as they were printed."""
    return MODE.sub(b"", terminal.written.rpartition(NORMAL_SCREEN)[2]).decode().replace("\r\n", "\n")


@pytest.fixture
def opened(open_terminal, server):
    def opened(*options, **more):
        terminal = open_terminal(server.host, server.port, "--name", "ada", "--screen", *options, **more)
        terminal.wait(lambda lines: "#lobby" in lines[0] and lines[-1].startswith(">"))
        return terminal

    return opened


@pytest.mark.parametrize(("place", "error"), [(DRAWING, "ValueError"), (HEARING, "KeyError"), (LEAVING, "ValueError")])
def test_a_mistake_of_ours_is_told_and_written_down(opened, server, state_home, place, error):
    ada = opened(before=place)
    ada.type("half a line")
    ada.wait(lambda lines: lines[-1] == "> half a line")
    if place is LEAVING:
        ada.type("\x11")
    else:
        server.join("bob").send(f"MSG|{WORD}")
    assert ada.end() == Exit.FAILED
    file = state_home / "greenchat" / "crash.log"
    told = told_at_the_end(ada)
    assert told.startswith(f"[ERROR] The screen has come to an end by a mistake of greenchat's ({error})."), told
    assert str(file) in told
    assert "Traceback" not in told
    log = file.read_text()
    assert f"builtins.{error}" in log
    assert ("draw" if place is DRAWING else "hear" if place is HEARING else "_leave") in log
    assert ("TypeError" in log) == (place is LEAVING)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not [text for text in (log, ada.written.decode()) if "hunter2" in text]
    # Who was there is back at once, without the mistake.
    again = opened()
    again.type("Here again\r")
    again.wait(lambda lines: any("Here again" in line for line in lines[1:-1]))


def test_keys_that_are_no_text_do_no_harm(opened):
    ada = opened()
    os.write(ada._fd, b"caf\xe9 \xff\xfe\x80, ")  # as a terminal sends it that knows no UTF-8
    ada.type("and on")
    ada.wait(lambda lines: lines[-1] == "> caf\ufffd \ufffd\ufffd\ufffd, and on")
    ada.type("\x11")
    assert ada.end() == Exit.DELIVERED


@pytest.mark.parametrize("code", ["banned", "idle", "resumed_elsewhere", "logged_out"])
def test_whoever_is_sent_away_reads_why(open_terminal, raw, code):
    ada = open_terminal(*raw.address, "--name", "ada", "--screen")
    raw.let_in()
    assert raw.read()["type"] == "history"
    ada.wait(lambda lines: "#lobby" in lines[0])
    raw.send({"type": "error", "code": code, "text": "Go."})
    raw.socket.shutdown(socket.SHUT_WR)  # without a reset, which would take the word away
    assert ada.end() == Exit.LOST
    assert told_at_the_end(ada) == "[ERROR] Go.\n[ERROR] The server has closed the connection.\n"


def test_leaving_while_nobody_is_there(open_terminal, raw):
    ada = open_terminal(*raw.address, "--name", "ada", "--screen")
    raw.let_in()
    ada.wait(lambda lines: "#lobby" in lines[0])
    raw.listener.close()
    raw.hang_up()
    ada.wait(lambda lines: any("not connected" in line for line in lines))
    ada.type("Nobody hears me\r")
    ada.wait(lambda lines: any("1 waiting" in line for line in lines))
    ada.type("\x03")
    ada.wait(lambda lines: any("Once more leaves" in line for line in lines))
    ada.type("\x03")
    assert ada.end() == Exit.LOST
    assert told_at_the_end(ada) == "[ERROR] 1 message was not delivered.\n"
