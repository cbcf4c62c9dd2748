"""A chat of the test kit goes on over a reload, as a server does."""

import types

import pytest

from greenchat import PluginError, command, hookimpl
from greenchat.testing import Chat

GREETER = '''
from greenchat import command

count = 0

@command
def greet(call):
    """Greet."""
    global count
    count += 1
    return f"{WORD} {count}"
'''


def test_a_file_is_read_again(tmp_path):
    file = tmp_path / "greeter.py"
    file.write_text(GREETER.replace("{WORD}", "Hello"))
    chat = Chat(file)
    ada = chat.join("ada")
    assert ada.asks("/greet") == "Hello 1"
    file.write_text(GREETER.replace("{WORD}", "Bonjour, vous"))
    assert ada.asks("/greet") == "Hello 2"
    chat.reload()
    assert ada.asks("/greet") == "Bonjour, vous 1"


def test_a_class_is_made_anew_and_a_module_is_the_same():
    class Counter:
        count = 0

        @command
        def count_on(self, call):
            """Count."""
            self.count += 1
            return str(self.count)

    module = types.ModuleType("cheerful")
    exec(GREETER.replace("{WORD}", "Hey"), vars(module))
    chat = Chat(Counter, module)
    ada = chat.join("ada")
    assert (ada.asks("/count-on"), ada.asks("/greet")) == ("1", "Hey 1")
    chat.reload()
    assert (ada.asks("/count-on"), ada.asks("/greet")) == ("1", "Hey 2")


def test_settings_and_plugins_may_be_others():
    class Other:
        @command
        def other(self, call):
            """Say which."""
            return "other"

    chat = Chat("people", "rooms")
    ada = chat.join("ada")
    chat.reload(Other, settings={"limits.name_length": 5})
    assert ada.asks("/other") == "other"
    assert ada.asks("/back").startswith("There is no command /back.")
    assert "5 characters" in ada.asks("/nick adelaide")
    chat.reload(settings={"limits.name_length": 8})
    assert ada.asks("/other") == "other"
    ada.says("/nick adelaide")
    assert "adelaide" in chat.server.chat.members


def test_everybody_is_where_they_were():
    chat = Chat("rooms")
    ada, bob, eve = chat.join("ada"), chat.join("bob", "garden", kind="json"), chat.connect()
    gone = chat.join("carl")
    gone.leaves()
    ada.heard.clear()
    before = [(person.session.id, person.session.since, person.session.address) for person in chat.people]
    chat.reload()
    assert [(one.session.id, one.session.since, one.session.address) for one in chat.people] == before
    assert ada.heard == bob.heard == eve.heard == []
    assert not gone.is_in
    eve.joins("eve", "garden")
    assert eve.is_in
    assert bob.hears(type="joined", name="eve")
    assert chat.connect().session.id == eve.session.id + 2


def test_what_was_told_and_not_asked_for_is_there_still():
    chat = Chat()
    ada, bob = chat.join("ada"), chat.join("bob")
    ada.says("one")
    chat.reload()
    ada.says("two")
    assert bob.hears("one", by="ada")
    assert bob.hears("two", by="ada")


def test_who_is_lost_comes_back_by_their_token():
    chat = Chat("rooms", settings={"limits.absence_seconds": 60})
    ada, bob = chat.join("ada", "garden"), chat.connect(kind="json")
    bob.joins("bob", "garden")
    token = next(frame["token"] for frame in bob.heard if frame["type"] == "welcome")
    bob.vanishes()
    chat.reload()
    ada.heard.clear()
    again = chat.connect(kind="json")
    again.joins("bob", token=token)
    assert again.is_in
    assert ada.heard == []
    again.vanishes()
    chat.reload()
    chat.tick("61s")
    assert ada.hears("INFO|bob has left the chat.")


def test_logins_and_roles_hold():
    chat = Chat("rooms")
    ada, bob = chat.join("ada", account=7, kind="json"), chat.join("bob", operator=True)
    chat.reload()
    assert (ada.session.account, ada.session.account_id) == ("ada", 7)
    assert bob.session.role == "operator"
    assert chat.server.accounts.by_id(7).name == "ada"


def test_a_plugin_that_cannot_start_again_fails_the_test():
    starts = []

    class Once:
        @hookimpl
        def greenchat_startup(self):
            starts.append(1)
            if len(starts) == 2:
                raise PluginError("only once")

    chat = Chat(Once)
    with pytest.raises(PluginError, match="only once"):
        chat.reload()
    chat.close()


def test_ten_in_a_row():
    chat = Chat("history", "moderation", "people", "rooms", "accounts")
    ada, bob = chat.join("ada", kind="json"), chat.join("bob", kind="json")
    for number in range(10):
        ada.says(f"message {number}")
        chat.reload()
    seqs = [frame["seq"] for frame in bob.heard if frame["type"] == "message"]
    assert seqs == list(range(1, 11))
