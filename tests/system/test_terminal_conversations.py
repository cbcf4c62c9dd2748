"""`greenchat connect` on a terminal, in conversations of two, when the server is started again, or killed."""

from contextlib import contextmanager

import pytest
from kit.accounts import SECRET
from kit.processes import kept_port, serve_process
from kit.terminals import ENTER

from greenchat.client import Client

pytest_plugins = ["kit.terminal_fixtures"]

SETTINGS = ("plugins.accounts.memory_mib=1", "plugins.accounts.passes=1")


@contextmanager
def joined(port, name, *, new=False):
    """Join as a program, and leave."""
    with Client.connect("127.0.0.1", port) as client:
        client.join(name, login="" if new else SECRET)
        if new:
            client.confirm(client.say(f"/register {SECRET}", "lobby"))
        yield client
        client.leave()
        list(client)


def write(client, *texts):
    return [client.confirm(client.say(text, to="ada")) for text in texts]


def between_times(line):
    """Without the time of the message at its beginning, or at the end of what stands around it."""
    return line.split(" ", 1)[1] if line[:2].isdigit() else line.rpartition(", ")[0] or line


@pytest.mark.parametrize("killed", [False, True])
def test_what_was_missed_comes_once_and_in_order(open_terminal, tmp_path, killed):
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    with kept_port() as port:
        settings = [part for setting in SETTINGS for part in ("--set", setting)]
        with serve_process(tmp_path, *settings, "--port", str(port)) as server:
            with joined(port, "ada", new=True), joined(port, "bob", new=True) as bob, joined(port, "eve", new=True):
                place = write(bob, "one", "two")[0].conversation
            ada = open_terminal(f"127.0.0.1:{port}", "--name", "ada", "--login-file", secret)
            ada.wait(lambda lines: lines[-1] == ">" and "That was before" in lines[-2])
            ada.type("/msg bob Gladly!" + ENTER)
            ada.wait_for("[INFO] To bob: Gladly!", "[INFO] bob is away and will read it later.", ">")
            if killed:
                server.process.kill()
                server.process.wait()
            else:
                server.stop()
        ada.wait(lambda lines: "Ctrl-C leaves." in "".join(lines[-3:]))
        ada.type("/delete 1" + ENTER + "half ty")
        with serve_process(tmp_path, *settings) as server:  # where ada does not find it
            with joined(server.port, "bob") as bob, joined(server.port, "eve") as eve:
                write(bob, "three", "four")
                bob.confirm(bob.edit("", 1, "One!", conversation=place))
                bob.confirm(bob.delete("", 2, conversation=place))
                write(eve, "I am new here.")
            server.stop()
        with serve_process(tmp_path, *settings, "--port", str(port)):
            ada.wait(lambda lines: any("I am new" in line for line in lines) and lines[-1] == "> half ty")
            at = next(at for at, line in enumerate(ada.lines) if "[INFO] You missed 2 messages between you" in line)
            told = [between_times(line) for line in ada.lines[at:]]
            assert told[:4] == [
                "[INFO] You missed 2 messages between you and bob",
                "[bob (private)]: three",
                "[bob (private)]: four",
                "[INFO] That was while you were away",
            ]
            changed = told.index("[INFO] You missed a message between you and eve")
            assert told[changed : changed + 3] == [
                "[INFO] You missed a message between you and eve",
                "[eve (private)]: I am new here.",
                "[INFO] That was while you were away",
            ]
            away = "[INFO] While you were away: bob (private) has "
            assert told[4:changed] == ([] if killed else [f'{away}changed "one": One!', f"{away}deleted a message."])
            # Which message it was about, a killed server may not know.
            assert ("[ERROR] Not sent in lobby: /delete" in ada.lines) == killed
            with joined(port, "bob") as bob:
                write(bob, "five")
                ada.wait(lambda lines: "[bob (private)]: five" in lines)
            for text in (b"]: three", b"]: four", b"I am new here."):
                assert ada.written.count(text) == 1
