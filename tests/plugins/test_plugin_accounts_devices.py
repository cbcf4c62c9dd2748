"""accounts over a real server: who stays logged in on a device, how that goes on, and what ends it."""

import re
import sqlite3
from contextlib import closing

import pytest
from kit.accounts import CHEAP, OTHER, SECRET, gone, registered
from kit.accounts import socketless_accounts as accounts
from kit.devices import at, back, ended, refusal
from kit.processes import serve_process
from kit.programs import Program, connect_from
from kit.sessions import PATIENT, lose, settled

FEW = {"limits.token_failures": 3}
DAY = 24 * 3600 * 1_000_000


@pytest.fixture
def server():
    with accounts() as server:
        gone(registered(server))
        yield server


# --- staying logged in ---


def test_a_login_with_a_device_gives_a_token_that_lets_one_in_without_the_password(server):
    laptop = at(server)
    assert re.fullmatch(r"gd_[A-Za-z0-9_-]{22}", laptop.device_token)
    laptop.leave()
    again = back(server, laptop.device_token)
    assert (again.welcome["name"], again.welcome["account"]) == ("ada", "ada")
    assert again.device_token not in ("", laptop.device_token)
    again.leave()
    assert back(server, again.device_token).welcome["account"] == "ada"


def test_who_does_not_ask_for_it_gets_no_token(server):
    with Program(server) as ada:
        assert "device_token" not in ada.join(name="ada", login=SECRET)
    with Program(server) as bob:
        assert "device_token" not in bob.join(name="bob", device="laptop")


def test_an_answer_that_was_lost_locks_nobody_out(server):
    laptop = at(server)
    laptop.leave()
    lost = back(server, laptop.device_token)
    lost.leave()
    again = back(server, laptop.device_token)
    assert again.device_token == lost.device_token
    again.leave()
    assert back(server, again.device_token)


def test_two_windows_that_come_back_at_once_have_the_same_next_token(server):
    with at(server) as laptop:
        token = laptop.device_token
    windows = [Program(server) for _ in range(5)]
    for window in windows:
        window.send(type="join", token=token, ref=1)
    assert len({window.read_until("welcome")["device_token"] for window in windows}) == 1


def test_a_token_that_was_used_up_is_good_for_nothing(server):
    tokens = [at(server).device_token]
    for _ in range(3):
        with Program(server) as program:
            tokens.append(program.join(token=tokens[-1])["device_token"])
    assert refusal(server, tokens[0]) == "token_invalid"
    assert back(server, tokens[-1])


@pytest.mark.parametrize("token", ["gd_", "gd_AAAAAAAAAAAAAAAAAAAAAA", "gd_" + "A" * 1000, "gd_\u00e4"])
def test_any_other_token_lets_nobody_in(server, token):
    at(server)
    with Program(server) as thief:
        assert thief.join(token=token) == {
            "type": "error",
            "code": "token_invalid",
            "text": "This device is not logged in any more. Log in again.",
            "ref": 1,
        }
        assert thief.join(name="mallory")["name"] == "mallory"


@pytest.mark.parametrize("name", ["x" * 41, " ", "two\nlines", "\u200b", "\x1b[31m"])
def test_a_device_is_called_by_a_line_that_can_be_shown(server, name):
    with Program(server) as ada:
        assert ada.join(name="ada", login=SECRET, device=name)["code"] == "device_invalid"
        assert ada.join(name="ada", login=SECRET, device="x" * 40)["type"] == "welcome"


def test_wrong_tokens_are_counted_for_each_address():
    with accounts(settings=FEW) as server:
        gone(registered(server))
        token = at(server).device_token
        codes = [refusal(server, f"gd_{number:022}") for number in range(5)]
        assert codes == ["token_invalid"] * 3 + ["try_later"] * 2
        assert refusal(server, token) == "try_later"  # who guesses right learns nothing, any more
        with Program(server, address="127.0.0.2") as elsewhere:
            assert elsewhere.join(token=token)["type"] == "welcome"
        with connect_from(server, "127.0.0.1") as ada:  # the password is another matter
            ada.send(f"MSG|/login ada {SECRET}")
            ada.expect("INFO|You are logged in as ada. Now send JOIN|ada.")


def test_many_at_once_are_counted_as_well():
    with accounts(settings=FEW) as server:
        programs = [Program(server) for _ in range(12)]
        for number, program in enumerate(programs):
            program.send(type="join", token=f"gd_{number:022}", ref=1)
        codes = sorted(program.read()["code"] for program in programs)
        assert codes == ["token_invalid"] * 3 + ["try_later"] * 9


def test_the_pass_phrase_is_asked_for_as_well():
    with accounts(settings={"server.password": "open sesame"}) as server:
        with server.connect() as peer:
            peer.send("MSG|/password open sesame", "JOIN|ada", f"MSG|/register {SECRET}")
            peer.read_until("INFO|ada is yours now. Next time: /login ada PASSWORD")
        token = at(server, password="open sesame").device_token
        assert refusal(server, token) == "password_required"
        assert refusal(server, token, password="wrong") == "password_wrong"
        assert back(server, token, password="open sesame")


# --- how long it lasts ---


def test_a_device_outlasts_the_server(tmp_path):
    with accounts(data_dir=tmp_path) as server:
        gone(registered(server))
        token = at(server).device_token
    with accounts(data_dir=tmp_path) as server:
        assert back(server, token).welcome["account"] == "ada"


def test_a_token_that_was_told_outlasts_a_kill(tmp_path):
    with accounts(data_dir=tmp_path) as server:
        gone(registered(server))
        token = at(server).device_token
    cheap = [argument for name, value in CHEAP.items() for argument in ("--set", f"{name}={value}")]
    with serve_process(tmp_path, *cheap) as running, back(running, token) as laptop:
        running.process.kill()
        running.process.wait()
        token = laptop.device_token
    with accounts(data_dir=tmp_path) as server:
        for _ in range(3):  # it is the current one, and not one of those before
            with back(server, token) as laptop:
                token = laptop.device_token


@pytest.mark.parametrize(("days", "ago", "code"), [(90, 89, None), (90, 91, "token_invalid"), (0, 5000, None)])
def test_a_device_that_was_not_used_for_long_is_logged_out(tmp_path, days, ago, code):
    with accounts(data_dir=tmp_path) as server:
        gone(registered(server))
        token = at(server).device_token
    with closing(sqlite3.connect(tmp_path / "accounts.sqlite3")) as file, file:
        file.execute("UPDATE devices SET last_used = last_used - ?", (ago * DAY,))
    with accounts(data_dir=tmp_path, device_days=days) as server:
        if code is None:
            assert back(server, token)
        else:
            assert refusal(server, token) == code


def test_of_too_many_devices_the_one_that_was_not_used_for_longest_goes():
    with accounts(devices_per_account=2) as server:
        gone(registered(server))
        tokens = []
        for name in ("phone", "laptop"):
            with at(server, name) as program:
                tokens.append(program.device_token)
        with back(server, tokens[0]) as phone:
            tokens[0] = phone.device_token
        with at(server, "tablet") as program:
            tokens.append(program.device_token)
        assert refusal(server, tokens[1]) == "token_invalid"
        for token in (tokens[0], tokens[2]):
            back(server, token).leave()


def test_while_the_disk_is_full_a_token_stays_good(tmp_path):
    with accounts(data_dir=tmp_path) as server:
        gone(registered(server))
        token = at(server).device_token
    cheap = [argument for name, value in CHEAP.items() for argument in ("--set", f"{name}={value}")]
    full = ("bash", "-c", 'ulimit -f 32; exec "$@"', "bash")
    with serve_process(tmp_path, *cheap, before=full) as running:
        tokens = [token]
        for _ in range(20):
            with Program(running) as ada:
                tokens.append(ada.join(token=tokens[-1])["device_token"])
        assert tokens[-1] == tokens[-2], "the disk was not full"
        with Program(running) as ada:
            answers = ada.exchange(type="join", name="ada", login=SECRET, device="phone")
        told = [frame["text"] for frame in answers if frame["type"] == "notice"]
        assert "You are logged in, but this device cannot be remembered at the moment." in told
        assert "device_token" not in answers[-1]
        _, log = running.stop()
    assert "accounts.sqlite3 cannot be" in log
    assert "came back by a token that stays" in log
    with accounts(data_dir=tmp_path) as server:
        assert back(server, tokens[-1])


# --- what ends it ---


def test_a_token_is_not_enough_for_what_needs_the_password(server):
    laptop = back(server, at(server).device_token)
    assert laptop.refused(f"/passwd wrong-password {OTHER}") == "login_failed"
    assert laptop.refused("/unregister wrong-password") == "login_failed"
    assert "device_token" not in laptop.join(device="another", room=None)
    assert laptop.join(device="another", login="wrong-password", room=None)["code"] == "login_failed"


def test_who_is_in_already_can_ask_to_stay_logged_in(server):
    with Program(server) as ada:
        ada.join(name="ada", login=SECRET)
        assert ada.join(device="laptop", login=OTHER, room=None)["code"] == "login_failed"
        welcome = ada.join(device="laptop", login=SECRET, room=None)
        assert welcome["type"] == "welcome"
    assert back(server, welcome["device_token"])


def test_a_new_token_for_the_same_device_takes_the_place_of_the_old_one(server):
    with at(server, "laptop") as ada:
        welcome = ada.join(device="notebook", login=SECRET, room=None)
        assert [one["device"] for one in ada.told("/sessions", "sessions")["sessions"]] == ["notebook"]
    assert refusal(server, ada.device_token) == "token_invalid"
    assert back(server, welcome["device_token"])


def test_a_new_password_voids_all_tokens(server):
    laptop, phone = at(server), at(server, "phone")
    laptop.ask(f"/passwd {SECRET} {OTHER}")
    why = "The password of ada was changed on another device. Log in again with the new one."
    assert ended(phone) == ("logged_out", why)
    for program in (laptop, phone):
        assert refusal(server, program.device_token) == "token_invalid"
    assert laptop.ask("still here")[-1]["type"] == "ack"


def test_who_gives_the_name_up_voids_all_tokens_and_goes_on_as_a_guest(server):
    laptop, phone = at(server), at(server, "phone")
    laptop.ask(f"/unregister {SECRET}")
    assert ended(phone) == ("logged_out", "ada was given up on another device.")
    for program in (laptop, phone):
        assert refusal(server, program.device_token) == "token_invalid"
    assert laptop.ask("still here")[-1]["type"] == "ack"
    assert laptop.refused("/logout") == "not_logged_in"


def test_logging_out_voids_the_token_and_ends_the_session(server):
    laptop, phone = at(server), at(server, "phone")
    laptop.send(type="say", text="/logout")
    assert ended(laptop) == ("logged_out", "You are logged out.")
    assert refusal(server, laptop.device_token) == "token_invalid"
    assert phone.ask("still here")[-1]["type"] == "ack"
    assert back(server, phone.device_token)


def test_logging_out_in_one_window_does_so_in_the_other(server):
    laptop = at(server)
    other = back(server, laptop.device_token)
    laptop.send(type="say", text="/logout")
    assert ended(other) == ("logged_out", "You are logged out on this device.")


def test_who_has_only_logged_in_logs_out_and_stays_connected(server):
    peer = server.connect()
    peer.send(f"MSG|/login ada {SECRET}", "MSG|/logout", "JOIN|bob")
    peer.expect("INFO|You are logged in as ada. Now send JOIN|ada.", "INFO|You are logged out.")
    assert peer.read().startswith("INFO|Welcome")


def test_no_token_is_ever_written_down_or_shown(tmp_path):
    cheap = [argument for name, value in CHEAP.items() for argument in ("--set", f"{name}={value}")]
    with serve_process(tmp_path, "-v", *cheap) as running:
        bob = running.join("bob")
        with running.join("ada") as ada:
            ada.send(f"MSG|/register {SECRET}", "MSG|/ping")
            ada.read_until("INFO|Pong.")
        with at(running) as laptop, back(running, laptop.device_token) as again:
            again.ask("hello")
            listed = again.ask("/sessions")
        refusal(running, "gd_" + "B" * 22)
        bob.send("MSG|/ping")
        heard = bob.read_until("INFO|Pong.")
        bob.close()
        files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        running.stop()
    files |= {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for token in (laptop.device_token, again.device_token, "gd_" + "B" * 22):
        secret = token.removeprefix("gd_")
        assert [path for path, data in files.items() if secret.encode() in data] == []
        assert secret not in f"{heard} {listed}"
    assert "laptop" not in f"{heard}"


def test_nobody_comes_back_to_a_device_that_was_ended_while_its_connection_was_lost():
    """Not for a moment: the one who has it may be a thief."""
    with accounts(settings=PATIENT) as server:
        gone(registered(server))
        owner, bob = Program(server, "ada", login=SECRET), Program(server, "bob")
        laptop, phone = at(server, "laptop"), at(server, "phone")
        for one in laptop, phone:
            lose(server, one)
        listed = {one.get("device"): one["id"] for one in owner.told("/sessions", "sessions")["sessions"]}
        assert owner.ask(f"/sessions end {listed['laptop']}")[-1]["type"] == "ack"
        assert refusal(server, laptop.welcome["token"]) == "token_invalid"
        assert refusal(server, laptop.device_token) == "token_invalid"
        assert Program(server).join(token=phone.welcome["token"])["type"] == "welcome", "which nobody has ended"
        assert [frame for frame in settled(bob) if frame["type"] in ("left", "message")] == []


def test_a_device_that_was_the_only_one_and_is_ended_while_lost_has_left_at_once():
    with accounts(settings=PATIENT) as server:
        gone(registered(server))
        bob = Program(server, "bob")
        window = at(server, "laptop")
        other = back(server, window.device_token)
        lose(server, window)
        other.send(type="say", text="/logout")
        assert ended(other)[0] == "logged_out"
        assert bob.read_until("left")["name"] == "ada"
        assert refusal(server, window.welcome["token"]) == "token_invalid"


def test_a_device_is_not_on_another_account_after_one_has_logged_in_to_that():
    with accounts() as server:
        gone(registered(server))
        gone(registered(server, "bob"))
        shared = at(server, "family")
        token = shared.device_token
        shared.ask(f"/login bob {SECRET}")
        owner = Program(server, "ada", login=SECRET)
        listed = {one.get("device"): one for one in owner.told("/sessions", "sessions")["sessions"]}
        owner.ask(f"/sessions end {listed['family']['id']}")
        assert shared.ask("I am bob, and nobody has ended me")[-1]["type"] == "ack"
        assert shared.told("/sessions", "sessions")["sessions"][0].get("device", "") == ""
        assert refusal(server, token) == "token_invalid"
