"""What calls for somebody who looks elsewhere."""

from datetime import UTC, datetime

import pytest

from greenchat.connect.model.chats import Alert, Chats
from greenchat.connect.screen.alerting import BELL, PAUSE_SECONDS, Alerting, notification
from greenchat.connect.settings import Settings
from greenchat.protocol.events import Message

pytest_plugins = ["kit.terminal_fixtures"]

XTERM = {"TERM": "xterm-256color"}


def call(text="**hello**, ada", sender="bob"):
    return Alert("lobby", Message("lobby", 1, 1, sender, text, datetime(2026, 1, 31, tzinfo=UTC)))


def alerting(**settings):
    chats, written = Chats(), []
    chats.room("lobby")
    return Alerting(chats, lambda: Settings(**settings), written.append, XTERM), written


def test_those_who_look_elsewhere_are_told_and_not_too_often():
    alerts, written = alerting()
    alerts.tell([call()], 100, looked_at=True)
    assert written == [BELL]
    alerts.tell([call()], 101, looked_at=False)
    assert written[1:] == [BELL, "\x1b]9;bob in #lobby: hello, ada\a"]
    del written[:]
    for number in range(5):
        alerts.tell([call(f"number {number}")], 102, looked_at=False)
    assert written == [BELL] * 5
    alerts.tick(101 + PAUSE_SECONDS)
    assert written[5:] == ["\x1b]9;bob in #lobby: number 4 (and 4 more)\a"]
    alerts.tell([call()], 105, looked_at=False)
    alerts.tell([], 106, looked_at=True)
    alerts.tick(200)
    assert len(written) == 7, "whoever comes back has seen it"


def test_who_wants_none_has_none():
    alerts, written = alerting(bell=False)
    alerts.tell([call()], 1, looked_at=False)
    assert written == ["\x1b]9;bob in #lobby: hello, ada\a"]
    alerts, written = alerting(notify=False)
    alerts.tell([call()], 1, looked_at=False)
    assert written == [BELL]


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        (XTERM, "\x1b]9;bob: 4,1 {}\a"),
        (XTERM | {"VTE_VERSION": "7600"}, "\x1b]777;notify;bob;4,1 {}\a"),
        ({"TERM": "foot"}, "\x1b]777;notify;bob;4,1 {}\a"),
        ({"TERM": "tmux-256color", "TMUX": "/x,1,0"}, "\x1bPtmux;\x1b\x1b]9;bob: 4,1 {}\a\x1b\\"),
        ({"TERM": "linux"}, ""),
        ({"TERM": "screen", "STY": "1.x"}, ""),
    ],
)
def test_what_the_terminal_is_told(environ, told):
    evil = "\x1b]52;c;x\x07\x1b\\\x9c\x9d\n\u202e"
    written = notification("bob", f"4;1 {evil}", environ)
    assert written == told.format("?]52,c,x??\\????")


def test_on_a_terminal_that_tells_when_its_window_is_not_looked_at(open_terminal, server, bob):
    ada = open_terminal(server.host, server.port, "--name", "ada", "--screen")
    ada.wait(lambda lines: "#lobby" in lines[0] and lines[-1] == ">")
    bob.expect("INFO|ada has joined the chat.")
    bob.send("MSG|ada, do you look?")
    ada.wait(lambda lines: any("do you look?" in line for line in lines))
    assert b"\x1b]9;" not in ada.written
    ada.type("\x1b[O")  # it is not looked at from now on, once that was read
    for number in range(100):
        bob.send(f"MSG|ada, number {number}.")
        ada.wait(lambda lines, number=number: any(f"number {number}." in line for line in lines))
        if b"\x1b]9;bob in #lobby: ada, number " in ada.written:
            return
    pytest.fail("nobody is notified")
