"""`greenchat connect` on a terminal: somebody with an account, on several devices, over losses and restarts."""

import stat

import pytest
from kit.processes import kept_port
from kit.terminals import CTRL_D, ENTER

from greenchat.client import Client
from greenchat.connect import Exit
from greenchat.protocol.events import Joined, Left, Message
from greenchat.protocol.replies import Welcome
from greenchat.testing import DEADLINE, serving

pytest_plugins = ["kit.terminal_fixtures"]

SETTINGS = {"plugins.accounts.memory_mib": 1, "plugins.accounts.passes": 1}

PASSWORD = "correct-horse"


@pytest.fixture
def port():
    with kept_port() as port:
        yield port


@pytest.fixture
def start(port, tmp_path):
    """The server, on the same port and data each time."""
    return lambda: serving(settings=SETTINGS | {"server.port": port}, data_dir=tmp_path / "data")


@pytest.fixture
def joined(port):
    """Join as a program, on another device."""
    clients = []

    def joined(name, room="", **more):
        clients.append(Client.connect("127.0.0.1", port))
        clients[-1].join(name, room, **more)
        return clients[-1]

    yield joined
    for client in clients:
        client.close()


@pytest.fixture
def register(joined):
    """Have ada register, and leave."""

    def register():
        ada = joined("ada")
        ada.confirm(ada.say(f"/register {PASSWORD}"))
        ada.confirm(ada.part("lobby"))
        ada.leave()
        list(ada)

    return register


@pytest.fixture
def registered(start, register):
    """A server on which ada has an account."""
    with start() as server:
        register()
        yield server


@pytest.fixture
def open_chat(open_terminal, port):
    """A terminal as ada. `answers` are to what it asks."""

    def open_chat(*options, answers=()):
        terminal = open_terminal(f"127.0.0.1:{port}", "--name", "ada", *options)
        for question, answer in answers:
            terminal.wait(lambda lines, question=question: question in lines[-1])
            terminal.type(answer + ENTER)
        terminal.wait(lambda lines: lines[-1] == ">")
        return terminal

    return open_chat


STAY = [("Its password", PASSWORD), ("Stay logged in", "y")]


def left(terminal, keys=CTRL_D):
    terminal.type(keys)
    assert terminal.end() == Exit.DELIVERED


def test_staying_logged_in(registered, open_chat, joined, state_home):
    first = open_chat("--room", "garden", answers=STAY)
    file = state_home / "greenchat" / "connect.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    left(first)
    second = open_chat()
    assert "[INFO] Welcome to garden, ada." in second.lines[0], "the room that was not left, and no other"
    third = open_chat("--room", "cellar")
    second.wait(
        lambda lines: "[INFO] You have come into cellar by another device. /join cellar to talk there." in lines
    )
    third.type("hello" + ENTER)
    second.wait(lambda lines: "[cellar] [ada, by another device]: hello" in lines)
    second.type("/logout" + ENTER)
    assert second.end() == Exit.DELIVERED
    assert "gd_" not in file.read_text()
    assert PASSWORD not in file.read_text()
    third.type("/quit" + ENTER)
    third.end()
    last = open_chat("--no-stay", answers=STAY[:1])
    assert not [terminal for terminal in (first, second, third, last) if PASSWORD.encode() in terminal.written]


def test_a_password_that_was_changed_elsewhere(registered, open_chat, joined):
    ada = open_chat(answers=STAY)
    phone = joined("ada", None, login=PASSWORD)
    phone.confirm(phone.say(f"/passwd {PASSWORD} battery-staple", "lobby"))
    assert ada.end() == Exit.LOST
    assert "[ERROR] The password of ada was changed on another device. Log in again with the new one." in ada.lines
    again = open_chat(answers=[("Its password", "battery-staple"), ("Stay logged in", "n")])
    assert "Welcome to lobby, ada." in "".join(again.lines)


def test_a_session_that_was_ended_from_another_device(registered, open_chat, joined, state_home):
    ada = open_chat(answers=STAY)
    phone = joined("ada", None, login=PASSWORD)
    (line,) = [line for line in told(phone, "/sessions") if "this one" not in line and "NUMBER" not in line]
    phone.confirm(phone.say(f"/sessions end {line.split(':')[0]}", "lobby"))
    assert ada.end() == Exit.LOST
    assert "gd_" not in (state_home / "greenchat" / "connect.json").read_text()


def test_a_guest_who_logs_in_is_who_is_there_already(registered, open_terminal, port, joined):
    phone = joined("ada", login=PASSWORD)
    phone.enter("garden")
    guest = open_terminal(f"127.0.0.1:{port}", "--name", "guest")
    guest.wait(lambda lines: lines[-1] == ">")
    guest.type(f"/login ada {PASSWORD}{ENTER}hello{ENTER}")
    guest.wait(lambda lines: "[INFO] You are in garden, too. /join garden to talk there." in lines)
    guest.type("/join cellar" + ENTER)
    guest.wait(lambda lines: any("Welcome to cellar, ada." in line for line in lines))
    items = []
    while not any(isinstance(item, Welcome) and item.room == "cellar" for item in items):
        items += phone.receive(DEADLINE)
    said = [(item.room, item.text) for item in items if isinstance(item, Message)]
    assert said == [("lobby", "hello")], "which they saw when they typed it"
    assert set(phone.rooms) == {"lobby", "garden", "cellar"}, "none was left for the new one"


def told(client, command):
    """The lines that a command answers."""
    ref = client.say(command, "lobby")
    client.confirm(ref)
    return [line for item in client.receive(0) if getattr(item, "ref", None) == ref for line in item.lines]


def test_others_read_nothing_of_a_terminal_that_is_killed_and_opened_again(registered, open_chat, joined):
    bob = joined("bob")
    ada = open_chat(answers=STAY)
    for number in range(3):
        ada.process.kill()
        ada.process.wait(DEADLINE)
        ada = open_chat()
        ada.type(f"{number}" + ENTER)
    left(ada)
    items = []
    while not any(isinstance(item, Left) for item in items):
        items += bob.receive(DEADLINE)
    people = [type(item) for item in items if isinstance(item, Joined | Left) and item.name == "ada"]
    assert people == [Joined, Left]


@pytest.mark.parametrize("answers", [STAY, STAY[:1]], ids=["stays", "does not stay"])
def test_the_server_is_restarted_under_a_terminal(start, register, open_chat, joined, answers):
    with start():
        register()
        ada = open_chat(*[] if answers is STAY else ["--no-stay"], answers=answers)
        phone = joined("ada", "garden", login=PASSWORD)
        ada.wait(lambda lines: "You have come into garden" in "".join(lines))
        bob = joined("bob", "garden")
        bob.confirm(bob.say("before"))
        ada.type("half ty")
        ada.wait(lambda lines: "[garden] [bob]: before" in lines and lines[-1] == "> half ty")
    ada.wait(lambda lines: "Ctrl-C leaves." in "".join(lines) and lines[-1] == "> half ty")
    with start():
        bob = joined("bob", "garden")
        bob.confirm(bob.say("after"))
        phone = joined("ada", None, login=PASSWORD)
        assert set(phone.welcome.rooms) == {"lobby", "garden"}
        ada.wait(lambda lines: sum("[bob]: after" in line for line in lines) == 1 and lines[-1] == "> half ty")
        ada.type("ped" + ENTER)
        said = []
        while not said:
            said += [item.text for item in phone.receive(DEADLINE) if isinstance(item, Message)]
        phone.enter("cellar")
        said += [item.text for item in phone.receive(0) if isinstance(item, Message)]
        assert said == ["half typed"], "and once"
        left(ada)


def test_the_server_is_restarted_while_the_window_is_closed(start, open_terminal, port):
    with start():
        alice = open_terminal(f"127.0.0.1:{port}", "--name", "alice", "--room", "garden")
        alice.wait(lambda lines: lines[-1] == ">")
        alice.process.kill()
        alice.process.wait(DEADLINE)
    with start():
        alice = open_terminal(f"127.0.0.1:{port}", "--name", "alice")
        alice.wait(lambda lines: "Welcome to garden, alice." in lines[0] and lines[-1] == ">")
