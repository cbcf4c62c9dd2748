"""/sessions, and `greenchat accounts sessions`: where one is connected or stays logged in, and how one ends that."""

import json
from contextlib import ExitStack

import pytest
from click.testing import CliRunner
from kit.accounts import SECRET, gone, registered
from kit.accounts import accounts as on_sockets
from kit.accounts import socketless_accounts as accounts
from kit.devices import at, back, ended, refusal
from kit.programs import Program
from kit.web_peer import WebPeer

from greenchat.cli import main


def listed(program):
    return program.told("/sessions", "sessions")["sessions"]


def number(program, **fields):
    """The number of the one session that is so."""
    (found,) = [one["id"] for one in listed(program) if fields.items() <= one.items()]
    return found


# --- /sessions ---


def test_one_sees_where_one_is_and_where_one_stays_logged_in():
    with accounts() as server:
        gone(registered(server))
        at(server, "phone").leave()
        laptop = at(server)
        this, phone = listed(laptop)
        assert (this["kind"], this["device"], this["this"]) == ("json", "laptop", True)
        assert this["address"].startswith("127.0.0.1:")
        assert 0 <= this["idle_seconds"] < 60
        assert (phone["kind"], phone["device"], phone["connected"]) == ("", "phone", False)
        assert "this" not in phone
        lines = laptop.told("/sessions", "sessions")["lines"]
        assert ", laptop, since " in lines[0]
        assert lines[0].endswith(", this one")
        assert lines[1].startswith(f"{phone['id']}: not connected, phone, since ")
        assert lines[2] == "/sessions end NUMBER ends one."


def test_a_guest_sees_its_own_session_alone():
    with accounts() as server:
        server.join("bob")
        cat = Program(server, "cat")
        (only,) = listed(cat)
        assert only["this"]
        dan = server.join("dan")
        dan.send("MSG|/sessions")
        dan.read_until("INFO|/sessions end NUMBER ends one.")
        stranger = server.connect()
        stranger.send("MSG|/sessions")
        stranger.expect("ERROR|You have not joined yet. Send JOIN|<username> first.")


def test_others_cannot_be_ended():
    with accounts() as server:
        gone(registered(server))
        laptop, bob = at(server), Program(server, "bob")
        mine = number(laptop, this=True)
        for wrong in (mine, 0, 10**14):
            assert bob.refused(f"/sessions end {wrong}") == "unknown_session"
        for wrong in ("end", f"end {10**30}", "end x", "end -1", "stop 3", "end 1 2"):
            assert bob.refused(f"/sessions {wrong}") == "usage"
        assert laptop.ask("still here")[-1]["type"] == "ack"


def test_one_ends_a_device_that_is_not_connected():
    with accounts() as server:
        gone(registered(server))
        phone = at(server, "phone")
        phone.leave()
        laptop = at(server)
        texts = [frame.get("text") for frame in laptop.ask(f"/sessions end {number(laptop, device='phone')}")]
        assert "You are logged out on phone." in texts
        assert refusal(server, phone.device_token) == "token_invalid"
        assert [one["device"] for one in listed(laptop)] == ["laptop"]


def test_one_ends_another_session_and_its_token():
    with accounts() as server:
        gone(registered(server))
        phone, laptop = at(server, "phone"), at(server)
        laptop.ask(f"/sessions end {number(laptop, device='phone')}")
        assert ended(phone) == ("logged_out", "You have ended this session on another device.")
        assert refusal(server, phone.device_token) == "token_invalid"
        assert [one["device"] for one in listed(laptop)] == ["laptop"]


def test_one_ends_a_session_of_another_kind():
    with on_sockets() as server:
        gone(registered(server))
        plain, laptop = server.connect(), at(server)
        with WebPeer(server) as page:
            page.join("ada", login=SECRET)
            laptop.ask(f"/sessions end {number(laptop, kind='web')}")
            assert page.hear()["code"] == "logged_out"
        plain.send(f"MSG|/login ada {SECRET}", "JOIN|ada")
        plain.expect("INFO|You are logged in as ada. Now send JOIN|ada.")
        assert plain.read().startswith("INFO|Welcome")
        laptop.ask(f"/sessions end {number(laptop, kind='plain')}")
        plain.read_until("ERROR|You have ended this session on another device.")
        plain.expect_closed()


def test_one_ends_the_session_that_one_is_in():
    with accounts() as server:
        gone(registered(server))
        laptop = at(server)
        laptop.send(type="say", text=f"/sessions end {number(laptop, this=True)}")
        assert ended(laptop) == ("logged_out", "You have ended this session.")
        assert refusal(server, laptop.device_token) == "token_invalid"


# --- the command line ---


def greenchat(*arguments):
    return CliRunner().invoke(main, ["accounts", "sessions", *arguments])


def test_the_command_line_lists_devices_and_logs_them_out(tmp_path):
    where = ("--data-dir", str(tmp_path))
    with accounts(data_dir=tmp_path) as server:
        gone(registered(server))
        assert greenchat("ada", *where).output == "ada stays logged in on no device.\n"
        phone, laptop = at(server, "phone"), at(server)
        head, *rows = greenchat("ada", *where).output.splitlines()
        assert head.split() == ["ID", "DEVICE", "SINCE", "LAST", "USED"]
        assert [row.split()[1] for row in rows] == ["laptop", "phone"]
        programs = [json.loads(line) for line in greenchat("ada", *where, "--json").output.splitlines()]
        assert [(one["device"], sorted(one)) for one in programs] == [
            ("laptop", ["device", "id", "last_used", "since"]),
            ("phone", ["device", "id", "last_used", "since"]),
        ]
        result = greenchat("ADA", *where, "--end", str(programs[1]["id"]))
        assert (result.exit_code, result.output) == (0, "ada is logged out on 1 device.\n")
        assert ended(phone)[0] == "logged_out"
        assert laptop.ask("still here")[-1]["type"] == "ack"
        result = greenchat("ada", *where, "--end-all")
        assert (result.exit_code, result.output) == (0, "ada is logged out on 1 device.\n")
        assert ended(laptop) == ("logged_out", "This device was logged out. Log in again.")
        for program in (phone, laptop):
            assert refusal(server, program.device_token) == "token_invalid"


@pytest.mark.parametrize("restarted", [False, True])
def test_who_comes_back_to_a_device_that_was_logged_out_meanwhile_is_put_out(tmp_path, restarted):
    where = ("--data-dir", str(tmp_path))
    with ExitStack() as stack:
        server = stack.enter_context(accounts(data_dir=tmp_path))
        gone(registered(server))
        with at(server) as laptop:
            token = laptop.welcome["token"]
        if restarted:
            stack.close()
        assert greenchat("ada", *where, "--end-all").output == "ada is logged out on 1 device.\n"
        if restarted:
            server = stack.enter_context(accounts(data_dir=tmp_path))
        with Program(server) as again:
            assert again.join(token=token)["account"] == "ada"
            assert ended(again) == ("logged_out", "This device was logged out. Log in again.")
        assert refusal(server, token) == "token_invalid"


def test_the_command_line_says_what_there_is_not(tmp_path):
    where = ("--data-dir", str(tmp_path))
    with accounts(data_dir=tmp_path) as server:
        gone(registered(server))
    for arguments, text in (
        (("bob",), "Nobody has registered bob. See: greenchat accounts list"),
        (("ada", "--end", "4"), "ada has no device 4. See: greenchat accounts sessions ada"),
    ):
        result = greenchat(*arguments, *where)
        assert (result.exit_code, result.output) == (1, f"Error: {text}\n")
    assert greenchat("ada", *where, "--end-all").output == "ada is logged out on 0 devices.\n"


def test_a_token_by_which_somebody_came_back_is_listed_once():
    with accounts() as server:
        gone(registered(server))
        laptop = at(server)
        laptop.leave()
        again = back(server, laptop.device_token)
        sessions = listed(again)
        assert [(one.get("device"), one["kind"]) for one in sessions] == [("laptop", "json")]
