"""accounts against who guesses, with the files and the command line, and that no password is ever written down."""

import logging
import re
import shutil
import sqlite3
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from kit.accounts import (
    CHEAP,
    LOGGED_IN,
    OTHER,
    SECRET,
    WRONG,
    gone,
    registered,
)
from kit.accounts import (
    socketless_accounts as accounts,
)
from kit.processes import serve_process
from kit.programs import Program, connect_from, sync
from kit.socketless import serving

from greenchat.cli import main

TOO_MANY = "Too many failed logins. Try again in a minute."


# --- guessing ---


def test_guesses_from_one_address_are_counted():
    with accounts(failures_per_address=3) as server:
        gone(registered(server))
        for name in ("ada", "nobody", "ada"):
            guest = server.connect()
            guest.send(f"MSG|/login {name} wrong-password")
            guest.expect(f"ERROR|{WRONG}")
        guest, client = server.connect(), Program(server)
        guest.send(f"MSG|/login ada {SECRET}")  # not even the right one, any more
        guest.expect(f"ERROR|{TOO_MANY}")
        assert client.join(name="ada", login=SECRET)["text"] == TOO_MANY
        with connect_from(server, "127.0.0.2") as elsewhere:
            elsewhere.send(f"MSG|/login ada {SECRET}")
            elsewhere.expect(LOGGED_IN)


def test_guesses_of_one_account_are_counted_but_do_not_keep_its_owner_out():
    with accounts(failures_per_account=2) as server:
        gone(registered(server))
        for number in (2, 3):
            with connect_from(server, f"127.0.0.{number}") as guest:
                guest.send("MSG|/login ada wrong-password")
                guest.expect(f"ERROR|{WRONG}")
        with connect_from(server, "127.0.0.4") as guest:
            guest.send(f"MSG|/login ada {SECRET}")
            guest.expect(f"ERROR|{TOO_MANY}")
        ada = server.connect()
        ada.send(f"MSG|/login ada {SECRET}")
        ada.expect(LOGGED_IN)


def test_so_many_may_register_from_one_address():
    with accounts(registrations_per_hour=2) as server:
        registered(server, "ada")
        registered(server, "bob")
        cat = server.join("cat")
        cat.send("MSG|/register short", f"MSG|/register {SECRET}")
        cat.expect("ERROR|This password is too short. Take at least 8 characters.")
        cat.expect("ERROR|Too many names were registered from your address. Try again later.")


def seconds_of(peer, line, answer):
    start = time.monotonic()
    peer.send(line)
    peer.expect(answer)
    return time.monotonic() - start


def test_a_name_that_nobody_has_takes_as_long_as_a_wrong_password():
    with accounts(memory_mib=16, passes=3, failures_per_account=0, failures_per_address=0) as server:
        ada = registered(server)
        known, unknown = zip(
            *(
                (
                    seconds_of(ada, "MSG|/passwd wrong-password x", f"ERROR|{WRONG}"),
                    seconds_of(ada, "MSG|/login nobody wrong-password", f"ERROR|{WRONG}"),
                )
                for _ in range(6)  # in turn, and the quickest of each: the machine has more to do
            ),
            strict=True,
        )
        assert min(unknown) > min(known) / 3


# --- the file ---


def test_a_password_is_hashed_again_when_that_costs_more_now(tmp_path):
    def kept():
        with sqlite3.connect(tmp_path / "accounts.sqlite3") as file:
            (hashed,) = file.execute("SELECT hash FROM accounts").fetchone()
        file.close()
        return hashed

    with accounts(data_dir=tmp_path) as server:
        gone(registered(server))
    assert "$m=1024,t=1,p=1$" in kept()
    for _ in range(2):
        with accounts(data_dir=tmp_path, passes=2) as server:
            ada = server.connect()
            ada.send(f"MSG|/login ada {SECRET}")
            ada.expect(LOGGED_IN)
        assert "$m=1024,t=2,p=1$" in kept()


def test_less_than_recommended_is_warned_of(caplog):
    with accounts():
        pass
    assert "RFC 9106" in caplog.text
    caplog.clear()
    with serving():
        pass
    assert "RFC 9106" not in caplog.text


def test_while_the_file_is_damaged_the_chat_goes_on_and_afterwards_names_are_given_back(tmp_path, caplog):
    file, copy = tmp_path / "accounts.sqlite3", tmp_path / "copy"
    with accounts(data_dir=tmp_path) as server:
        gone(registered(server))
    shutil.copy(file, copy)
    file.write_bytes(b"no database " * 1000)
    caplog.set_level(logging.INFO)
    with accounts(data_dir=tmp_path) as server:
        bob, thief, client = server.join("bob"), server.join("ada"), Program(server)
        off = "Accounts cannot be used at the moment. Try again later."
        thief.send(f"MSG|/login ada {SECRET}", f"MSG|/register {OTHER}", "MSG|I am ada")
        thief.expect(f"ERROR|{off}", f"ERROR|{off}")
        bob.expect("INFO|ada has joined the chat.", "MSG|ada|I am ada")
        assert client.join(name="ada", login=SECRET) == {
            "type": "error",
            "code": "accounts_unavailable",
            "text": off,
            "ref": 1,
        }
        copy.replace(file)
        bob.expect("INFO|ada is now known as guest-1.")
        thief.expect(
            "INFO|ada is now known as guest-1.", "INFO|You are called guest-1 now: ada is for who is logged in to it."
        )
        bob.send(f"MSG|/login ada {SECRET}")
        bob.expect("INFO|You are logged in as ada.", "INFO|bob is now known as ada.")
    assert [record.levelname for record in caplog.records if "damaged" in record.getMessage()] == ["ERROR"]
    assert "accounts can be used again" in caplog.text


def test_who_comes_while_the_disk_is_full_can_log_in(tmp_path):
    with accounts(data_dir=tmp_path) as server:
        gone(registered(server))
    cheap = [argument for name, value in CHEAP.items() for argument in ("--set", f"{name}={value}")]
    # No file may be larger than what SQLite needs to open one: the log of changes fills up after some logins.
    full = ("bash", "-c", 'ulimit -f 32; exec "$@"', "bash")
    with serve_process(tmp_path, *cheap, before=full) as running:
        for _ in range(20):
            with running.connect() as ada:
                ada.send(f"MSG|/login ada {SECRET}")
                ada.expect(LOGGED_IN)
        _, log = running.stop()
    assert "accounts.sqlite3 cannot be" in log


# --- the command line ---


def greenchat(*arguments, given=None):
    return CliRunner().invoke(main, ["accounts", *arguments], input=given)


def test_the_command_line_lists_changes_and_removes_while_the_server_runs(tmp_path, monkeypatch):
    for name, value in CHEAP.items():
        monkeypatch.setenv("GREENCHAT_" + name.upper().replace(".", "_", 1).replace(".", "__"), str(value))
    where = ("--data-dir", str(tmp_path))
    assert greenchat("list", *where).output == "Nobody has registered a name yet.\n"
    assert not list(tmp_path.iterdir())  # looking makes nothing
    with accounts(data_dir=tmp_path) as server:
        ada, bob = registered(server), registered(server, "Bob")
        ada.expect("INFO|Bob has joined the chat.")
        head, *rows = greenchat("list", *where).output.splitlines()
        assert head.split() == ["NAME", "REGISTERED", "LAST", "LOGIN"]
        assert [row.split()[0] for row in rows] == ["ada", "Bob"]
        result = greenchat("passwd", "ADA", *where, given=f"{OTHER}\n{OTHER}\n")
        assert result.exit_code == 0
        assert result.output.endswith("ada has a new password.\n")
        assert OTHER not in result.output
        ada.expect("ERROR|Whoever runs the server has changed your password. Log in again with the new one.")
        ada.expect_closed()
        bob.expect("INFO|ada has left the chat.")
        ada = server.connect()
        ada.send(f"MSG|/login ada {SECRET}", f"MSG|/login ada {OTHER}")
        ada.expect(f"ERROR|{WRONG}", LOGGED_IN)
        result = greenchat("remove", "bob", *where)
        assert (result.exit_code, result.output) == (
            0,
            "Anybody can have the name Bob now. What it was allowed has ended with the account.\n",
        )
        bob.expect("ERROR|Whoever runs the server has removed your account.")
        bob.expect_closed()
        server.join("bob")


def test_the_command_line_explains_itself(tmp_path):
    where = ("--data-dir", str(tmp_path))
    with accounts(data_dir=tmp_path) as server:
        registered(server)
    for arguments in (("passwd", "nobody"), ("remove", "nobody")):
        result = greenchat(*arguments, *where)
        assert (result.exit_code, result.output) == (
            1,
            "Error: Nobody has registered nobody. See: greenchat accounts list\n",
        )
    file = tmp_path / "password"
    file.write_text("short\n")
    result = greenchat("passwd", "ada", "--password-file", str(file), *where)
    assert (result.exit_code, result.output) == (
        1,
        "Error: This password is too short. Take at least 8 characters.\n",
    )


# --- secrets ---


@pytest.mark.parametrize("blank", [" ", "\t", "  ", "\u00a0", "\u3000"])
def test_a_blank_before_the_slash_gives_no_password_away(blank):
    with accounts() as server:
        gone(registered(server))
        bob, cat = server.join("bob"), server.join("cat")
        bob.expect("INFO|cat has joined the chat.")
        cat.send(f"MSG|{blank}/login ada {SECRET}", "MSG|hello")
        bob.expect("INFO|cat is now known as ada.", "MSG|ada|hello")


def test_no_password_is_ever_written_down_or_shown(tmp_path):
    keep = ("-v", "--set", "plugins.chatlog.transcript=said.txt", "--set", "plugins.chatlog.refusals=0")
    cheap = [argument for name, value in CHEAP.items() for argument in ("--set", f"{name}={value}")]
    answers, heard = [], []
    with serve_process(tmp_path, *keep, *cheap) as serving_process:
        bob = serving_process.join("bob")
        with serving_process.join("ada") as ada:
            mistakes = (
                f"/lgoin ada {SECRET}",
                f"/login {SECRET} ada",
                f"/login ada {SECRET} please",
                f"/login {SECRET}",
                f"/login {SECRET}| ada",
                f"/login {SECRET}\u200d ada",
                f"/nick ada {SECRET}",
                f"/passwd {SECRET}",
                f"/unregister {SECRET}",
                f" /register {SECRET}",
                f"/login Ada {SECRET}",
                f"/passwd {OTHER} {SECRET}",
                f"/passwd {SECRET} {SECRET} {OTHER}",
                f"/passwd {SECRET} {OTHER}",
                f"/passwd {OTHER} {SECRET}",
                f"/help login {SECRET}",
                "/logout",
            )
            ada.send(*(f"MSG|{line}" for line in mistakes))
            answers += list(iter(ada.read, ""))
        with serving_process.connect() as ada:
            mistakes = (f"/login {SECRET} ada", f"/login ada {SECRET}")
            ada.send(*(f"MSG|{line}" for line in mistakes), "JOIN|ada", "MSG|/me is done", "MSG|/ping")
            answers += ada.read_until("INFO|Pong.")
            ada.send(f"LOGIN|ada|{SECRET}", f"JOIN|ada {SECRET}", "MSG|/ping")
            answers += ada.read_until("INFO|Pong.")
        with Program(serving_process) as cat:
            cat.send(type="join", name="ada", login=OTHER, ref=1)
            cat.send(type="jion", name="ada", login=SECRET, ref=2)
            cat.send(type="join", name="ada", login=[SECRET], ref=3)
            cat.peer.send('{"type":"join","name":"ada","login":"' + SECRET)
            cat.send(type="join", name="nobody", login=SECRET, ref=4)
            cat.send(type="join", name="ada", login=SECRET, ref=5)
            cat.send(type="say", text=f"/login {SECRET} ada", ref=6)
            cat.send(type="say", text=f"/unregister {SECRET}", ref=7)
            cat.send(type="ping", ref=8)
            while (line := cat.peer.read()) != '{"type":"pong","ref":8}':
                answers.append(line)
        bob.send("MSG|/ping")
        heard += bob.read_until("INFO|Pong.")
        bob.close()
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        output, _ = serving_process.stop()
    assert any("is done" in line for line in heard)
    files += [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"stderr.log", "said.txt", "accounts.sqlite3"} <= {path.name for path in files}
    written = {path: path.read_bytes() for path in set(files) if path.exists()}
    for secret in (SECRET, OTHER):
        assert [path for path, data in written.items() if secret.encode() in data] == []
        assert [line for line in heard if secret in line] == []
        # Two refusals of the core quote what was no name and no command, to who has typed it alone.
        quotes = re.compile(r"The username .* is not valid|There is no command")
        assert [line for line in answers if secret in line and not quotes.search(line)] == []
        assert secret not in output
    assert b"is logged in as ada" in written[Path(tmp_path / "stderr.log")]


def test_a_program_is_in_all_its_rooms_after_a_restart_also_where_a_plain_client_was_faster(tmp_path):
    with accounts(data_dir=tmp_path) as server:
        gone(registered(server))
        ada = Program(server)
        token = ada.join(name="ada", login=SECRET)["token"]
        ada.join(room="garden")
    with accounts(data_dir=tmp_path) as server:
        netcat = server.connect()
        netcat.send(f"MSG|/login ada {SECRET}", "JOIN|ada")
        sync(netcat)
        assert sorted(Program(server).join(token=token, room=None)["rooms"]) == ["garden", "lobby"]
