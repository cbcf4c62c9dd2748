"""Bundled plugins over a reload: nobody is let off, nobody gets more than before, and nobody is told anything twice."""

import logging

import pytest
from click.testing import CliRunner

from greenchat import PluginError, hookimpl
from greenchat.cli import main
from greenchat.testing import Chat

MADE = "You have made this room: /room shows what you may set."


def chat_with(*plugins, **settings):
    return Chat(*plugins, settings={path.replace("__", "."): value for path, value in settings.items()})


def refused(person, line, room=""):
    """The code by which `line` of somebody who speaks JSON is refused; empty where it is not."""
    person.heard.clear()
    person.says(line, room=room)
    return next((frame["code"] for frame in person.heard if frame["type"] == "error"), "")


# --- moderation ---


@pytest.fixture
def house():
    chat = chat_with("moderation", "rooms")
    root, eve, bob = (chat.join(name, "garden", kind="json") for name in ("root", "eve", "bob"))
    yield chat, root, eve, bob
    chat.close()


def test_another_name_is_no_way_out_of_a_mute(house):
    chat, root, eve, _ = house
    root.says("/mute eve 1h")
    for line in ("/part garden", "/join lobby", "/nick adam"):
        assert refused(eve, line, "lobby" if line != "/part garden" else "garden") == ""
    chat.reload()
    assert refused(eve, "/join garden", "lobby") == ""
    assert refused(eve, "hello", "garden") == "muted"
    chat.reload()
    assert refused(eve, "hello", "garden") == "muted"
    root.says("/unmute eve")
    chat.reload()
    assert refused(eve, "hello", "garden") == ""


def test_what_the_shell_orders_meanwhile_holds_for_who_goes_on(tmp_path):
    class Meanwhile:
        @hookimpl(trylast=True)
        def greenchat_shutdown(self, server):
            if "ada" not in server.chat.members:
                return  # it is the end
            ordered = CliRunner().invoke(main, ["operators", "add", "ada", "--data-dir", str(tmp_path)])
            assert ordered.exit_code == 0, ordered.output

    chat = Chat("accounts", "moderation", Meanwhile, data_dir=tmp_path, settings={"plugins.accounts.memory_mib": 8})
    ada = chat.join("ada", kind="json")
    ada.says("/register correct-horse-battery")
    assert ada.session.role == ""
    chat.reload()
    assert ada.session.role == "operator"


def test_a_ban_out_of_a_room_holds_and_what_a_guest_has_ordered_there_is_not_forgotten(house):
    chat, root, eve, _ = house
    root.says("/ban eve 1h")
    eve.says("/nick adam")
    chat.reload()
    assert refused(eve, "/join garden") == "banned"
    assert root.asks("/bans") != ""


def test_a_slow_room_stays_slow(house):
    chat, root, eve, _ = house
    root.says("/slow garden 1h")
    assert refused(eve, "one") == ""
    chat.reload()
    assert refused(eve, "two") == "slow"
    eve.says("/nick adam")
    assert refused(eve, "two") == "slow"


def test_a_repeat_is_one_also_behind_a_reload():
    chat = chat_with("moderation", plugins__moderation__repeat=2, plugins__moderation__repeat_seconds=3600)
    ada = chat.join("ada", kind="json")
    for _ in range(2):
        assert refused(ada, "Buy this") == ""
        chat.reload()
    assert refused(ada, "buy THIS") == "repeated"
    assert refused(ada, "Sell that") == ""


def test_a_room_that_talks_too_fast_has_no_more_to_say():
    chat = chat_with("moderation", plugins__moderation__room_rate=0.01, plugins__moderation__room_seconds=200)
    ada = chat.join("ada", kind="json")
    assert [refused(ada, "one"), refused(ada, "two")] == ["", ""]
    chat.reload()
    assert refused(ada, "three") == "room_busy"


# --- rooms ---


def test_who_comes_in_behind_a_reload_has_not_made_the_room(house):
    chat, root, *_ = house
    chat.reload()
    eve = chat.join("adam", "garden")
    assert not eve.hears(MADE)
    assert "garden: its owner is root" in root.asks("/room")


def test_nobody_inherits_the_protected_room_of_a_guest(house):
    chat, root, _, bob = house
    root.says("/room key sesame")
    root.leaves()
    chat.reload()
    bob.says("/part garden")
    bob.says("/join garden sesame")
    assert "garden: its owner is nobody" in bob.asks("/room")


def test_what_is_set_for_a_room_holds(house):
    chat, root, eve, _ = house
    root.says("/room topic-by owner")
    root.says("/topic Tulips")
    chat.reload()
    assert refused(eve, "/topic Roses") == "not_allowed"
    assert "Tulips" in eve.asks("/topic")
    eve.says("/part garden")
    root.says("/room invite-only on")
    chat.reload()
    assert refused(eve, "/join garden") == "room_invite_only"


def test_an_invitation_is_good_for_once(house):
    chat, root, eve, _ = house
    root.says("/room invite-only on")
    eve.says("/part garden")
    root.says("/invite eve")
    chat.reload()
    assert refused(eve, "/join garden") == ""
    eve.says("/part garden")
    chat.reload()
    assert refused(eve, "/join garden") == "room_invite_only"


def test_nobody_gets_to_guess_more_keys():
    chat = chat_with("rooms", limits__password_failures=2)
    root, eve = chat.join("root", "garden", kind="json"), chat.join("eve", kind="json", address="192.0.2.1:7")
    root.says("/room key sesame")
    for key in ("one", "two"):
        assert refused(eve, f"/join garden {key}") == "room_key"
        chat.reload()
    assert refused(eve, "/join garden sesame") == "room_key"


def test_a_protected_room_stays_closed_while_its_file_cannot_be_read(tmp_path, caplog):
    chat = Chat("rooms", data_dir=tmp_path)
    root, eve = chat.join("root", "garden", kind="json"), chat.join("eve", kind="json")
    root.says("/room key sesame")

    class Damage:
        @hookimpl(tryfirst=True)
        def greenchat_shutdown(self, server):
            (tmp_path / "rooms.sqlite3").write_bytes(b"no database at all")

    chat.reload("rooms", Damage)
    chat.reload("rooms")
    assert refused(eve, "/join garden") in ("room_key", "not_kept")
    assert root.is_in
    assert "it is not known who may enter which" in caplog.text


# --- accounts ---


def test_nobody_gets_to_guess_more_passwords():
    chat = chat_with("accounts", plugins__accounts__failures_per_account=2, plugins__accounts__memory_mib=8)
    ada = chat.join("ada", kind="json", address="192.0.2.1:7")
    ada.says("/register correct-horse-battery")
    eve = chat.join("eve", kind="json", address="192.0.2.2:7")
    for _ in range(2):
        assert refused(eve, "/login ada wrong-horse") == "login_failed"
        chat.reload()
    eve.heard.clear()
    eve.says("/login ada correct-horse-battery")
    assert "Too many failed logins" in eve.heard[0]["text"]


def test_nobody_gets_to_register_more_names():
    chat = chat_with("accounts", plugins__accounts__registrations_per_hour=1, plugins__accounts__memory_mib=8)
    ada, bob = (chat.join(name, kind="json", address="192.0.2.1:7") for name in ("ada", "bob"))
    assert refused(ada, "/register correct-horse-battery") == ""
    chat.reload()
    assert refused(bob, "/register correct-horse-battery") == "try_later"
    assert refused(ada, "/passwd correct-horse-battery another-horse-battery") == "", "who is logged in still is"


@pytest.mark.parametrize(
    ("ordered", "why"),
    [
        ("remove", "Whoever runs the server has removed your account."),
        ("passwd", "Whoever runs the server has changed your password. Log in again with the new one."),
    ],
)
def test_who_loses_an_account_to_the_shell_meanwhile_goes(tmp_path, ordered, why):
    class Meanwhile:
        @hookimpl(trylast=True)
        def greenchat_shutdown(self, server):
            if "ada" in server.chat.members:  # else it is the end
                arguments = ["accounts", ordered, "ada", "--data-dir", str(tmp_path)]
                done = CliRunner().invoke(main, arguments, input="another-horse-battery\n")
                assert done.exit_code == 0, done.output

    chat = Chat("accounts", Meanwhile, data_dir=tmp_path, settings={"plugins.accounts.memory_mib": 8})
    ada, bob = chat.join("ada", kind="json"), chat.join("bob", kind="json")
    for person in ada, bob:
        person.says("/register correct-horse-battery")
    chat.reload()
    assert why in repr(ada.heard)
    assert refused(bob, "/passwd correct-horse-battery another-horse-battery") == "", "who has not still is logged in"


def test_the_name_that_was_refused_is_still_the_one_that_is_meant():
    chat = chat_with("accounts", plugins__accounts__memory_mib=8)
    ada = chat.join("ada", kind="json")
    ada.says("/register correct-horse-battery")
    ada.leaves()
    again = chat.connect()
    again.joins("ada")
    assert not again.is_in
    chat.reload()
    again.says("/login correct-horse-battery")
    assert again.hears("You are logged in as ada. Now send: JOIN|ada") or "logged in as ada" in repr(again.heard)


# --- the others ---


def test_nobody_is_told_twice_that_somebody_is_away():
    chat = chat_with("people")
    ada, bob = chat.join("ada"), chat.join("bob")
    bob.says("/away Lunch")
    assert "bob is away: Lunch" in ada.asks("/msg bob Hello?")
    chat.reload()
    assert ada.asks("/msg bob Hello?") == "To bob: Hello?"
    bob.says("/away Dinner")
    assert "bob is away: Dinner" in ada.asks("/msg bob Hello?")


def test_whom_one_ignores_is_ignored_and_who_is_away_is_away():
    chat = chat_with("people")
    ada, bob = chat.join("ada"), chat.join("bob")
    bob.says("/ignore ada")
    ada.says("/away Lunch")
    chat.reload()
    ada.says("Hello?")
    assert not bob.hears("Hello?")
    assert "away: Lunch" in ada.asks("/whois ada")


def test_the_log_tells_of_nobody_twice(caplog):
    caplog.set_level(logging.INFO, "greenchat.chatlog")
    chat = chat_with("chatlog", plugins__chatlog__refusals=2)
    ada, bob = chat.join("ada", kind="json"), chat.join("bob", "garden", kind="json")
    ada.says("/nothing")
    caplog.clear()
    chat.reload()
    assert caplog.text == ""
    ada.says("/nothing")
    ada.says("/nothing")
    assert caplog.text.count("ada was refused") == 1
    ada.vanishes()
    assert "#1 ada was refused 3 times in all" in caplog.text
    assert bob.is_in


def test_a_transcript_goes_on(tmp_path):
    chat = Chat("chatlog", data_dir=tmp_path, settings={"plugins.chatlog.transcript": "said.txt"})
    ada = chat.join("ada")
    for word in ("one", "two", "three"):
        ada.says(word)
        chat.reload()
    chat.close()
    lines = (tmp_path / "said.txt").read_text().splitlines()
    assert [line.rpartition(" ")[2] for line in lines] == ["one", "two", "three"]


def test_history_goes_on_where_it_was():
    chat = chat_with("history", "rooms", plugins__history__replay=20)
    ada = chat.join("ada", kind="json")
    ada.says("one")
    epoch = chat.server.chat.rooms["lobby"].epoch
    chat.reload()
    ada.says("two")
    ada.sends({"type": "react", "room": "lobby", "seq": 1, "emoji": "🌷", "ref": 9})
    chat.reload()
    room = chat.server.chat.rooms["lobby"]
    assert (room.epoch, room.seq) == (epoch, 2)
    assert [frame["type"] for frame in ada.heard if frame["type"] in ("error", "gap")] == []
    bob = chat.connect(kind="json")
    bob.joins("bob")
    told = [frame for frame in bob.heard if frame["type"] == "message" or "events" in frame]
    assert "one" in repr(told)
    assert "two" in repr(told)
    ada.heard.clear()
    ada.sends({"type": "react", "room": "lobby", "seq": 1, "emoji": "🌷", "on": False, "ref": 10})
    assert ada.hears(type="reacted", on=False), "it is still known who has put it there"


def test_while_history_is_off_there_is_no_reload(tmp_path):
    (tmp_path / "history.sqlite3").write_bytes(b"rubbish" * 1000)
    chat = Chat("history", data_dir=tmp_path)
    ada = chat.join("ada")
    with pytest.raises(AssertionError, match="plugin history: history is off"):
        chat.reload()
    assert ada.is_in


def test_while_the_audit_trail_is_not_written_there_is_no_reload(tmp_path):
    (tmp_path / "moderation.sqlite3").mkdir()
    chat = Chat("moderation", "rooms", data_dir=tmp_path)
    root, eve = chat.join("root", "garden", kind="json"), chat.join("eve", "garden", kind="json")
    chat.reload()
    assert refused(root, "/kick eve weeds") == ""
    with pytest.raises(AssertionError, match="plugin moderation: the audit trail is not written"):
        chat.reload()
    assert eve.hears(code="kicked")


def test_operators_are_not_told_again_how_full_history_is():
    chat = chat_with("history", plugins__history__keep_bytes=1)
    ada = chat.join("ada", operator=True)  # and is told so on coming in
    for _ in range(2):
        chat.reload()
        history = next(plugin.bearer for plugin in chat.server.plugins if plugin.name == "history")
        chat.run(history._tidy._retention.check)
        assert ada.heard == []
        assert "History takes" in history._tidy.notice


def test_a_plugin_that_is_switched_off_in_a_room_stays_off_there():
    class Jokes:
        per_room = True

        @hookimpl
        def greenchat_check_message(self, message):
            return f"{message.text} haha"

    chat = Chat(Jokes, "switches", "rooms")
    ada, bob = chat.join("ada", "garden"), chat.join("bob", "garden")
    ada.says("/plugin disable Jokes")
    chat.reload()
    ada.says("seriously")
    assert bob.hears("seriously", by="ada")


def test_all_of_them_go_on_together():
    names = ["accounts", "chatlog", "history", "moderation", "oversight", "people", "rooms", "switches"]
    chat = chat_with(*names)
    people = [chat.join(name, kind=kind) for name, kind in (("ada", "plain"), ("bob", "json"), ("cy", "json"))]
    for person in people:
        person.heard.clear()
    for _ in range(3):
        chat.reload()
    assert [person.heard for person in people] == [[], [], []]
    with pytest.raises(PluginError):
        chat.server.plugin_lifecycle.ctx_of("rooms").carry_state()
