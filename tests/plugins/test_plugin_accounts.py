"""accounts over a real server: whose names are whose, by plain clients, JSON clients, and both."""

import greenchat_plugins.accounts
import pytest
from kit.accounts import LOGGED_IN, OTHER, SECRET, WRONG, accounts, gone, refused, registered
from kit.programs import Program

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


# --- taking a name back ---


@pytest.mark.parametrize("newcomer", ["plain", "json"])
@pytest.mark.parametrize("ghost", ["plain", "json"])
def test_logging_in_takes_the_name_from_a_ghost_at_once(ghost, newcomer):
    with accounts() as server:
        gone(registered(server))
        if ghost == "plain":
            old = server.connect()
            old.send(f"MSG|/login ada {SECRET}", "JOIN|ada")
            old.read(), old.read()
        else:
            old = Program(server)
            old.join(name="ada", login=SECRET)
        bob, cat = server.join("bob"), Program(server)
        cat.join(name="cat")
        bob.expect("INFO|cat has joined the chat.")
        if newcomer == "plain":
            new = server.connect()
            new.send(f"MSG|/login ada {SECRET}", "JOIN|ada")
            new.expect(LOGGED_IN)
            assert new.read().startswith("INFO|Welcome")
        else:
            new = Program(server)
            assert new.join(name="ada", login=SECRET)["type"] == "welcome"
        if newcomer == "plain":
            new.send("MSG|here I am")
        else:
            new.send(type="say", text="here I am")
        bob.expect("INFO|ada has left the chat.", "INFO|ada has joined the chat.", "MSG|ada|here I am")
        frames = [cat.read() for _ in range(3)]
        assert [frame["type"] for frame in frames] == ["left", "joined", "message"]
        assert frames[0]["reason"] == "logged in from elsewhere"
        if ghost == "plain":
            old.read_until("ERROR|You have logged in from elsewhere.")
            old.expect_closed()
        else:
            assert old.read_until("error")["code"] == "logged_in_elsewhere"
            assert old.rest() == []
        bob.send("MSG|/who")
        bob.expect("INFO|In lobby (3): bob, cat, ada")


def test_the_newer_of_two_who_have_not_joined_is_the_one():
    with accounts() as server:
        gone(registered(server))
        first, second = server.connect(), server.connect()
        first.send(f"MSG|/login ada {SECRET}")
        first.expect(LOGGED_IN)
        second.send(f"MSG|/login ada {SECRET}", "JOIN|ada")
        second.expect(LOGGED_IN)
        first.expect("ERROR|You have logged in from elsewhere.")
        first.expect_closed()
        assert second.read().startswith("INFO|Welcome")


def test_who_logs_in_under_another_name_gets_the_accounts_name():
    with accounts() as server:
        old = registered(server)
        cat, new = server.join("cat"), server.join("bob")
        new.send(f"MSG|/login ada {SECRET}")
        new.expect("INFO|ada has left the chat.", "INFO|You are logged in as ada.", "INFO|bob is now known as ada.")
        cat.expect("INFO|bob has joined the chat.", "INFO|ada has left the chat.", "INFO|bob is now known as ada.")
        assert old.read_until("ERROR|You have logged in from elsewhere.") == [
            "INFO|cat has joined the chat.",
            "INFO|bob has joined the chat.",
        ]
        old.expect_closed()


def test_a_ghost_goes_out_of_all_its_rooms():
    with accounts() as server:
        gone(registered(server))
        old = Program(server)
        old.join(name="ada", login=SECRET)
        old.join(room="garden")
        bob = server.join("bob", "garden")
        new = Program(server)
        new.join(name="ada", login=SECRET)
        bob.expect("INFO|ada has left the chat.")
        assert server.call(lambda: sorted(server.server.chat.rooms["garden"].members)) == ["bob"]


# --- changing and ending it ---


def test_a_new_password_takes_the_place_of_the_old_one():
    with accounts() as server:
        ada = registered(server)
        ada.send("MSG|/passwd x", f"MSG|/passwd {OTHER} {SECRET}", f"MSG|/passwd {SECRET} ada")
        ada.expect("ERROR|Type it so: /passwd OLD NEW. Neither has spaces in it.", f"ERROR|{WRONG}")
        ada.expect("ERROR|This password is too short. Take at least 8 characters.")
        ada.send(f"MSG|/passwd {SECRET} {OTHER}", "MSG|/passwd")
        ada.expect("INFO|ada has a new password.", "ERROR|Something is missing. Type it so: /passwd OLD NEW")
        gone(ada)
        again = server.connect()
        again.send(f"MSG|/login ada {SECRET}", f"MSG|/login ada {OTHER}")
        again.expect(f"ERROR|{WRONG}", LOGGED_IN)


def test_who_logs_out_leaves_the_name_too():
    with accounts() as server:
        server.join("guest-1")
        ada = registered(server)
        ada.send("MSG|/logout", "MSG|/logout", "MSG|/nick ada")
        ada.expect(
            "INFO|You are logged out.",
            "INFO|ada is now known as guest-2.",
            "INFO|You are called guest-2 now: ada is for who is logged in to it.",
            "ERROR|You are not logged in. Type /login NAME PASSWORD.",
            refused("ada"),
        )


def test_a_name_that_was_given_up_is_anybodys():
    with accounts() as server:
        ada = registered(server)
        ada.send(f"MSG|/unregister {OTHER}", f"MSG|/unregister {SECRET}")
        ada.expect(f"ERROR|{WRONG}", "INFO|ada is not yours any more: anybody can have it now.")
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
