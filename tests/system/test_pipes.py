"""`greenchat connect` as a part of a pipe: all inputs, outputs, addresses and files that it may be given."""

import subprocess

import pytest
from kit.peers import message, page, welcome
from kit.pipes import command, ended, pipe, said, type_into

from greenchat.connect import Exit
from greenchat.testing import DEADLINE, serving

pytest_plugins = ["kit.terminal_fixtures"]


def test_a_long_input_is_delivered_in_order(server, bob):
    lines = [f"line {number}" for number in range(5000)]
    assert pipe(server, "\n".join(lines), "--name", "bot").returncode == Exit.DELIVERED
    assert said(bob, "INFO|bot has left the chat.") == lines


def test_more_than_the_server_reads_at_once_waits():
    with serving(settings={"limits.flood_burst": 10, "limits.flood_rate": 200}) as server:
        bob = server.join("bob")
        lines = [str(number) for number in range(60)]
        assert pipe(server, "\n".join(lines), "--name", "bot").returncode == Exit.DELIVERED
        assert said(bob, "INFO|bot has left the chat.") == lines


def test_commands_in_a_pipe_need_no_acknowledgement(server):
    done = pipe(server, "/ping\n" * 600, "--name", "bot", "--commands")
    assert done.returncode == Exit.DELIVERED


def test_no_input_at_all(server, bob):
    assert pipe(server, "", "--name", "bot").returncode == Exit.DELIVERED
    bob.expect("INFO|bot has joined the chat.", "INFO|bot has left the chat.")


def test_the_login_name_is_the_default(server, bob):
    assert pipe(server, "hi").returncode == Exit.DELIVERED
    bob.expect("INFO|loginname has joined the chat.", "MSG|loginname|hi")


SECRETS = ["/login ada hunter2", " /REGISTER hunter2", "/join vault hunter2", "//login ada hunter2", "/login ada"]


@pytest.mark.parametrize("line", SECRETS)
def test_a_password_in_a_pipe_is_not_said(server, bob, line):
    done = pipe(server, f"one\n{line}\ntwo", "--name", "bot")
    assert done.returncode == Exit.REFUSED
    assert said(bob, "INFO|bot has left the chat.") == ["one", "two"]
    errors = done.stderr.decode()
    assert "[ERROR] Line 2: It seems to have a password" in errors
    assert "hunter2" not in errors


def test_quit_ends_the_input(start_pipe, bob):
    process = start_pipe("--name", "bot", "--commands")
    process.stdin.write(b"bye\n/quit\n\n")
    process.stdin.flush()
    assert said(bob, "INFO|bot has left the chat.") == ["bye"]
    assert process.wait(DEADLINE) == Exit.DELIVERED, "though its input is still open"


def test_what_stands_behind_quit_is_told_of(server, bob, tmp_path):
    for text in "a\n/quit\n\nb\n/nick x\nc", "a\n/quit\n\n" + "b\n" * 100_000:
        done = pipe(server, text, "--name", "bot", "--commands")
        assert done.returncode == Exit.REFUSED
        assert said(bob, "INFO|bot has left the chat.") == ["a"]
        told = "[ERROR] What stands behind /quit, from line 4 on, was not said."
        assert done.stderr.decode().splitlines()[1:] == [told]


def test_what_follows_a_join_that_is_refused_is_not_said(bot, raw):
    type_into(bot, "/join vault KEY", "for the vault", "/topic of the vault", "/join garden", "for the garden")
    join = raw.read()
    assert join["text"] == "/join vault KEY"
    raw.send({"type": "error", "code": "room_key", "text": "This is not the key of vault.", "ref": join["ref"]})
    join = raw.read()
    assert join["text"] == "/join garden", "the next line that is sent"
    entered = welcome("garden", name="bot", members=["bot"])
    raw.send(entered, {"type": "ack", "ref": join["ref"]})
    assert raw.read()["type"] == "leave"
    say = raw.read()
    assert (say["text"], say["room"]) == ("for the garden", "garden")
    raw.send({"type": "ack", "ref": say["ref"], "seq": 1, "id": 1})
    _, errors = ended(bot, raw)
    assert bot.returncode == Exit.REFUSED
    assert [line for line in errors.splitlines() if "Line" in line] == [
        "[ERROR] Line 1: This is not the key of vault.",
        "[ERROR] Line 2: You have not come into the room that this was for.",
        "[ERROR] Line 3: You have not come into the room that this was for.",
    ]


def test_an_input_that_is_no_text(server, bob):
    done = pipe(server, b"fine\n" + bytes(2_000_000) + b"\nnot reached", "--name", "bot")
    assert done.returncode == Exit.REFUSED
    assert said(bob, "INFO|bot has left the chat.") == ["fine"]
    assert "[ERROR] Line 2: It does not end." in done.stderr.decode()


@pytest.mark.parametrize("name", ["BOB", "b|b", "info"])
def test_a_name_that_is_refused(server, bob, name):
    done = pipe(server, "hi", "--name", name)
    assert done.returncode == Exit.TURNED_AWAY
    assert done.stderr.decode().startswith("[ERROR] The username ")
    assert done.stdout == b""


def test_nobody_reads_the_output(start_pipe, bob):
    process = start_pipe("--name", "bot")
    bob.expect("INFO|bot has joined the chat.")
    process.stdout.close()
    bob.send("MSG|Is anybody there?")
    bob.expect("INFO|bot has left the chat.")
    assert process.wait(DEADLINE) == Exit.DELIVERED, "quietly, though its input is still open"
    assert b"Traceback" not in process.stderr.read()


def test_streams_that_the_shell_has_closed(server, bob):
    line = " ".join(command(server.host, server.port, "--name", "bot"))
    done = subprocess.run(f"echo hi | {line} >&- 2>&-; {line} <&- 2>&-", shell=True, timeout=DEADLINE, check=False)
    assert done.returncode == Exit.DELIVERED
    bob.expect("INFO|bot has joined the chat.", "MSG|bot|hi", "INFO|bot has left the chat.")
    bob.expect("INFO|bot has joined the chat.", "INFO|bot has left the chat.")


def test_an_output_that_cannot_show_all(start_pipe, bob):
    process = start_pipe("--name", "bot", PYTHONIOENCODING="ascii")
    bob.expect("INFO|bot has joined the chat.")
    bob.send("MSG|世界!")
    assert process.stdout.readline() == b"[bob]: ??!\n"
    process.communicate(timeout=DEADLINE)
    assert process.returncode == Exit.DELIVERED


def test_the_pass_phrase_comes_from_a_file(tmp_path):
    file = tmp_path / "phrase"
    file.write_text("open sesame\n")
    with serving(settings={"server.password": "open sesame"}) as server:
        assert pipe(server, "hi", "--name", "bot").returncode == Exit.TURNED_AWAY
        assert pipe(server, "hi", "--name", "bot", "--password-file", file).returncode == Exit.DELIVERED


def test_a_bot_does_not_answer_what_was_said_before_it_came(server, bob):
    bob.send("MSG|old", "MSG|/ping")
    bob.expect("INFO|Pong.")
    done = pipe(server, "/history\n/search old", "--name", "bot", "--commands")
    assert done.stdout == b""
    errors = done.stderr.decode()
    assert (errors.count("[bob]: old\n"), errors.count("in lobby, bob: old\n")) == (1, 1), "only what was asked for"


def test_what_a_line_asks_for_is_told_apart(bot, raw):
    type_into(bot, "/history")
    say = raw.read()
    raw.send(page(message(1, "old"), ref=""), {"type": "ack", "ref": say["ref"]})
    raw.send({"type": "names", "lines": ["Here is bob."]})
    output, errors = ended(bot, raw)
    assert output == b""
    assert "[bob]: old\n" in errors
    assert errors.endswith("[INFO] Here is bob.\n")


def test_what_could_not_be_kept_was_said_all_the_same(bot, raw):
    type_into(bot, "one", "two")
    text = "This was said, but could not be kept. Do not send it again."
    raw.send({"type": "error", "code": "not_stored", "text": text, "ref": raw.read()["ref"]})
    raw.send({"type": "ack", "ref": raw.read()["ref"], "seq": 2, "id": 2})
    _, errors = ended(bot, raw)
    assert errors.endswith(f"[ERROR] Line 1: {text}\n")
    assert bot.returncode == Exit.DELIVERED, "else a script would say it once more"


def test_a_password_from_standard_input_leaves_the_rest_to_be_said(start_pipe, raw):
    process = start_pipe("--name", "bot", "--login-file", "/dev/stdin", address=raw.address)
    type_into(process, "hunter2", "hi")
    raw.accept()
    join = raw.read()
    assert join["login"] == "hunter2"
    raw.welcome("bot", join["ref"])
    assert raw.read()["text"] == "hi"


@pytest.mark.parametrize(
    ("content", "problem"),
    [(None, "cannot be read: No such file"), (b"\nhunter2", "is empty"), (b"hunter\xff\n", "is no text in UTF-8")],
)
def test_a_file_without_a_password(tmp_path, content, problem):
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    done = subprocess.run(command("--login-file", file), capture_output=True, timeout=DEADLINE, check=False)
    assert done.returncode == 2
    assert problem in done.stderr.decode()
    assert b"hunter" not in done.stderr


@pytest.mark.parametrize(("options", "problem"), [((), "Use --login-file FILE."), (("--login-file", "x"), "Take one")])
def test_a_password_cannot_be_asked_for_in_a_pipe(options, problem):
    done = subprocess.run(command("--login", *options), capture_output=True, timeout=DEADLINE, check=False)
    assert done.returncode == 2
    assert problem in done.stderr.decode()


def test_where_the_server_is(tmp_path):
    path = f"unix:{tmp_path}/chat.sock"
    with serving(settings={"server.listen": ["127.0.0.1:0", "[::1]:0", path]}) as server:
        six = server.server.addresses[1]
        bob = server.join("bob")
        for where in (
            (f"127.0.0.1:{server.port}",),
            ("127.0.0.1", server.port),
            (f"localhost:{server.port}",),
            (six,),
            ("::1", six.rpartition(":")[2]),
            (path,),
        ):
            line = [*command(*where), "--name", "bot"]
            done = subprocess.run(line, input=b"hi", capture_output=True, timeout=DEADLINE, check=False)
            assert (done.returncode, done.stdout) == (Exit.DELIVERED, b""), (where, done.stderr)
            bob.expect("INFO|bot has joined the chat.", "MSG|bot|hi", "INFO|bot has left the chat.")
            line[3] = "status"
            done = subprocess.run(line[:-2], capture_output=True, timeout=DEADLINE, check=False)
            assert done.stdout.startswith(b"server "), where


@pytest.mark.parametrize(
    ("where", "problem"),
    [
        (["1.2.3.4:99999"], "'99999' is no port."),
        (["1.2.3.4", "99999"], "'99999' is no port."),
        (["localhost:1", "2"], "localhost:1 says where the server is, port and all. Leave 2 out."),
        (["unix:/run/chat.sock", "2"], "unix:/run/chat.sock says where the server is, port and all."),
        (["http://localhost:9999"], "http://localhost:9999 is the address of a page."),
    ],
)
def test_where_no_server_can_be(where, problem):
    for program in "connect", "status":
        line = [*command(*where)]
        line[3] = program
        done = subprocess.run(line, capture_output=True, timeout=DEADLINE, check=False)
        assert done.returncode == 2
        assert problem in done.stderr.decode()


def test_no_socket_there(tmp_path):
    done = subprocess.run(
        command(f"unix:{tmp_path}/no.sock"), capture_output=True, input=b"hi", timeout=DEADLINE, check=False
    )
    assert done.returncode == Exit.UNREACHABLE
    assert "[ERROR] There is no socket unix:" in done.stderr.decode()
