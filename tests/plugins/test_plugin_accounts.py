"""accounts over a real server: whose names are whose, by plain clients, JSON clients, and both."""

import greenchat_plugins.accounts
import pytest
from kit.accounts import LOGGED_IN, OTHER, SECRET, WRONG, gone, refused, registered
from kit.accounts import accounts as loopback_accounts
from kit.accounts import socketless_accounts as accounts
from kit.programs import Program
from kit.socketless import SocketlessPeer

from greenchat import hookimpl

# --- a name that is somebody's ---


def test_nobody_else_gets_a_registered_name_however_it_is_spelt():
    with accounts() as server:
        gone(registered(server))
        bob, cat, dan = server.join("bob"), server.connect(), Program(server)
        for name, shown in (("ada", "ada"), ("Ada", "Ada"), ("ADA", "ADA"), ("ａｄａ", "ada"), (" ada ", "ada")):
            cat.send(f"JOIN|{name}")
            cat.expect(refused(shown))
            bob.send(f"MSG|/nick {name}", "MSG|/who")
            bob.expect(refused(shown), "INFO|In lobby (1): bob")
            error = dan.join(name=name)
            assert error["code"] == "name_reserved"
            assert error["text"].endswith(f"If that is you: /login {shown} PASSWORD")


def test_a_plugin_that_rewrites_names_opens_no_back_door():
    class Dashes:
        @hookimpl
        def greenchat_check_join(self, name):
            return name.replace("_", "-")

    with accounts(greenchat_plugins.accounts, Dashes()) as server:
        gone(registered(server, "a-da"))
        bob = server.connect()
        bob.send("JOIN|a_da")
        bob.expect(refused("a-da"))


def test_whoever_came_by_a_back_door_has_to_go_when_the_owner_logs_in():
    class Dashes:
        @hookimpl(trylast=True)
        def greenchat_check_join(self, name):
            return name.replace("_", "-")

    with accounts(Dashes()) as server:
        gone(registered(server, "a-da"))
        owner = server.join("bob")
        thief = server.join("a_da")
        owner.send(f"MSG|/login a-da {SECRET}")
        assert "INFO|bob is now known as a-da." in (thief.read() for _ in range(3))
        owner.send("MSG|/who")
        owner.read_until("INFO|In lobby (2): guest-1, a-da")


def test_who_registers_keeps_the_name_whenever_it_is_looked_who_has_whose(monkeypatch):
    monkeypatch.setattr("greenchat_plugins.accounts.logins.LOOK_SECONDS", 0.0)
    with loopback_accounts() as server:
        for name in ("ada", "bob", "cat", "dan", "eve"):
            gone(registered(server, name))


def test_what_is_registered_is_not_registered_again():
    with accounts() as server:
        ada = registered(server)
        ada.send(f"MSG|/register {OTHER}")
        ada.expect("ERROR|ada is yours already. /passwd OLD NEW changes the password.")
        bob = server.connect()
        bob.send(f"MSG|/register {OTHER}")
        bob.expect("ERROR|You have not joined yet. Send JOIN|<username> first.")


def test_a_bad_password_is_refused():
    spaces = "has spaces. Write the words together, or with signs between them."
    bad = {
        "short-7": "is too short. Take at least 8 characters.",
        "alexandra": "is your name. Choose one that nobody can guess.",
        "AlexAndra": "is your name. Choose one that nobody can guess.",
        "two words": spaces,
        "two\u3000words": spaces,
        "zero\u200dwidth": "has characters that cannot be typed everywhere. Use letters, digits and signs.",
        "x" * 1001: "is longer than 1000 characters. Choose a shorter one.",
    }
    with accounts() as server:
        peer = server.join("alexandra")
        for password, why in bad.items():
            peer.send(f"MSG|/register {password}")
            peer.expect(f"ERROR|This password {why}")
        peer.send(f"MSG|/register {'x' * 1000}")
        peer.expect("INFO|alexandra is yours now. Next time: /login alexandra PASSWORD")


def test_the_same_letters_from_another_keyboard_are_the_same_password():
    with accounts() as server:
        gone(registered(server, password="pa\u0308sswo\u0308rter"))
        ada = server.connect()
        ada.send("MSG|/login ada p\u00e4ssw\u00f6rter")
        ada.expect(LOGGED_IN)


# --- logging in ---


def test_a_plain_client_logs_in_before_it_joins():
    with accounts() as server:
        gone(registered(server))
        ada = server.connect()
        ada.send("MSG|/login ada wrong-password", f"MSG|/login ADA {SECRET}", "JOIN|ada", f"MSG|/login ada {SECRET}")
        ada.expect(f"ERROR|{WRONG}", LOGGED_IN)
        assert ada.read().startswith("INFO|Welcome")
        ada.expect("ERROR|You are logged in as ada already.")


def test_the_name_may_be_left_out_where_it_is_clear():
    with accounts() as server:
        gone(registered(server))
        ada, bob, cat = server.connect(), server.join("bob"), server.join("cat")
        ada.send(f"MSG|/login {SECRET}", "JOIN|ada", f"MSG|/login {SECRET}", "JOIN|ada")
        ada.expect("ERROR|Type it so: /login NAME PASSWORD. Neither has spaces in it.", refused("ada"))
        ada.expect(LOGGED_IN)
        assert ada.read().startswith("INFO|Welcome")
        gone(ada)
        cat.send(f"MSG|/login {SECRET}")  # cat is nobody's
        assert "ERROR|Type it so: /login NAME PASSWORD. Neither has spaces in it." in (cat.read() for _ in range(3))
        bob.expect("INFO|cat has joined the chat.", "INFO|ada has joined the chat.", "INFO|ada has left the chat.")
        bob.send("MSG|/nick ada", f"MSG|/login {SECRET}")
        bob.expect(refused("ada"), "INFO|You are logged in as ada.", "INFO|bob is now known as ada.")


def test_a_json_client_logs_in_while_it_joins():
    with accounts() as server:
        gone(registered(server))
        ada = Program(server)
        wrong, nobody = ada.join(name="ada", login=OTHER), ada.join(name="bob", login=SECRET)
        assert wrong == {"type": "error", "code": "login_failed", "text": WRONG, "ref": 1}
        assert nobody == {
            "type": "error",
            "code": "login_failed",
            "text": "Nobody has registered bob. Join without a login, then /register.",
            "ref": 2,
        }
        welcome = ada.join(name="Ada", login=SECRET)
        assert (welcome["type"], welcome["name"], welcome["account"]) == ("welcome", "Ada", "ada")
        room = ada.join(room="garden", login="not looked at, once logged in")
        assert (room["type"], room["room"], room["account"]) == ("welcome", "garden", "ada")


def test_who_may_not_come_in_does_not_get_to_guess_a_password():
    phrase = {"server.password": "open sesame"}
    with accounts(settings=phrase) as server:
        peer = server.connect()
        peer.send("MSG|/password open sesame", "JOIN|ada", f"MSG|/register {SECRET}")
        peer.expect("INFO|That is right. Now send JOIN|<username>.")
        peer.read()
        peer.expect("INFO|ada is yours now. Next time: /login ada PASSWORD")
        gone(peer)
        plain, client = server.connect(), Program(server)
        plain.send(f"MSG|/login ada {SECRET}")
        assert plain.read().startswith("ERROR|This chat has a pass phrase.")
        assert client.join(name="ada", login=OTHER)["code"] == "password_required"
        assert client.join(name="ada", login=SECRET, password="wrong")["code"] == "password_wrong"
        assert client.join(name="ada", login=SECRET, password="open sesame")["type"] == "welcome"


# --- one person, several sessions ---


def logged_in(server, kind):
    """One more session of ada: it speaks plain frames, or JSON."""
    if kind == "plain":
        peer = server.connect()
        peer.send(f"MSG|/login ada {SECRET}", "JOIN|ada")
        peer.expect(LOGGED_IN)
        assert peer.read().startswith("INFO|Welcome")
        return peer
    program = Program(server)
    assert program.join(name="ada", login=SECRET)["type"] == "welcome"
    return program


def say(client, text):
    client.send(f"MSG|{text}") if isinstance(client, SocketlessPeer) else client.send(type="say", text=text)


@pytest.mark.parametrize("second", ["plain", "json"])
@pytest.mark.parametrize("first", ["plain", "json"])
def test_a_second_login_is_one_more_session_of_the_same_person(first, second):
    with accounts() as server:
        gone(registered(server))
        one = logged_in(server, first)
        bob = server.join("bob")
        other = logged_in(server, second)
        say(other, "from the other one")
        bob.expect("MSG|ada|from the other one")
        say(one, "from the first one")
        bob.expect("MSG|ada|from the first one")
        bob.send("MSG|/who")
        bob.expect("INFO|In lobby (2): ada, bob")
        for client in (other, one):
            say(client, "good-bye")
            bob.expect("MSG|ada|good-bye")
            client.send("LEAVE") if isinstance(client, SocketlessPeer) else client.send(type="leave")
            list(iter(client.read, "")) if isinstance(client, SocketlessPeer) else client.rest()
        bob.expect("INFO|ada has left the chat.")


def test_two_who_have_logged_in_and_join_afterwards_are_one_person():
    with accounts() as server:
        gone(registered(server))
        first, second = server.connect(), server.connect()
        for peer in (first, second):
            peer.send(f"MSG|/login ada {SECRET}")
            peer.expect(LOGGED_IN)
        for peer in (first, second):
            peer.send("JOIN|ada", "MSG|/who")
            assert peer.read().startswith("INFO|Welcome")
            peer.expect("INFO|In lobby (1): ada")


def test_who_logs_in_under_another_name_gets_the_accounts_name():
    with accounts() as server:
        gone(registered(server))
        cat, new = server.join("cat"), server.join("bob")
        new.send(f"MSG|/login ada {SECRET}")
        new.expect("INFO|You are logged in as ada.", "INFO|bob is now known as ada.")
        cat.expect("INFO|bob has joined the chat.", "INFO|bob is now known as ada.")


def test_a_guest_who_logs_in_becomes_who_is_there_already():
    with accounts() as server:
        registered(server)
        cat, new = server.join("cat"), server.join("bob")
        cat.expect("INFO|bob has joined the chat.")
        new.send(f"MSG|/login ada {SECRET}")
        new.read_until("INFO|You are logged in as ada.")
        cat.expect("INFO|bob has left the chat.")
        new.send("MSG|hello")
        cat.expect("MSG|ada|hello")
        cat.send("MSG|/who")
        cat.expect("INFO|In lobby (2): ada, cat")


# --- changing and ending it ---


def test_a_new_password_takes_the_place_of_the_old_one():
    with accounts() as server:
        ada = registered(server)
        ada.send("MSG|/passwd x", f"MSG|/passwd {OTHER} {SECRET}", f"MSG|/passwd {SECRET} ada")
        ada.expect("ERROR|NEW is missing. Type it so: /passwd OLD NEW", f"ERROR|{WRONG}")
        ada.expect("ERROR|This password is too short. Take at least 8 characters.")
        ada.send(f"MSG|/passwd {SECRET} {OTHER}", "MSG|/passwd")
        ada.expect("INFO|ada has a new password.", "ERROR|Something is missing. Type it so: /passwd OLD NEW")
        gone(ada)
        again = server.connect()
        again.send(f"MSG|/login ada {SECRET}", f"MSG|/login ada {OTHER}")
        again.expect(f"ERROR|{WRONG}", LOGGED_IN)


def test_a_new_password_ends_all_other_sessions():
    with accounts() as server:
        gone(registered(server))
        ada, plain, program = (logged_in(server, kind) for kind in ("plain", "plain", "json"))
        bob = server.join("bob")
        ada.send(f"MSG|/passwd {SECRET} {OTHER}")
        ada.read_until("INFO|ada has a new password.")
        text = "The password of ada was changed on another device. Log in again with the new one."
        plain.read_until(f"ERROR|{text}")
        plain.expect_closed()
        error = program.read_until("error")
        assert (error["code"], error["text"]) == ("logged_out", text)
        assert program.rest() == []
        ada.send("MSG|still here")
        bob.expect("MSG|ada|still here")


def test_who_logs_out_is_gone_and_keeps_the_name():
    with accounts() as server:
        bob = server.join("bob")
        ada = registered(server)
        ada.send("MSG|/logout", "MSG|not said any more")
        ada.expect("INFO|You are logged out.")
        ada.expect_closed()
        bob.expect("INFO|ada has joined the chat.", "INFO|ada has left the chat.")
        bob.send("MSG|/logout", "MSG|/nick ada")
        bob.expect("ERROR|You are not logged in. Type /login NAME PASSWORD.", refused("ada"))


def test_who_logs_out_on_one_device_stays_on_the_other():
    with accounts() as server:
        one = registered(server)
        other = logged_in(server, "plain")
        bob = server.join("bob")
        one.send("MSG|/logout")
        one.read_until("INFO|You are logged out.")
        one.expect_closed()
        other.send("MSG|still here")
        bob.expect("MSG|ada|still here")


def test_a_name_that_was_given_up_is_anybodys():
    with accounts() as server:
        ada = registered(server)
        ada.send(f"MSG|/unregister {OTHER}", f"MSG|/unregister {SECRET}")
        ada.expect(f"ERROR|{WRONG}", "INFO|ada is not yours any more: anybody can have it now.")
        ada.send("MSG|/who")
        ada.expect("INFO|In lobby (1): ada")
        gone(ada)
        ada = server.join("ada")
        ada.send(f"MSG|/login ada {SECRET}", f"MSG|/register {OTHER}")
        ada.expect(f"ERROR|{WRONG}", "INFO|ada is yours now. Next time: /login ada PASSWORD")


def test_accounts_outlast_the_server(tmp_path):
    with accounts(data_dir=tmp_path) as server:
        gone(registered(server))
    with accounts(data_dir=tmp_path) as server:
        ada = server.connect()
        ada.send("JOIN|ada", f"MSG|/login ada {SECRET}", "JOIN|ada")
        ada.expect(refused("ada"), LOGGED_IN)
        assert ada.read().startswith("INFO|Welcome")
