"""Who may come into a room, whose it is, and how long it stays: over a real server."""

import logging
import sqlite3

import pytest
from greenchat_plugins.rooms.access import Access
from kit.processes import serve_process
from kit.programs import MADE, Anybody, Program, know, leave, owner, says, sync
from kit.rooms import ALONE, crown, join
from kit.socketless import serving

from greenchat import Reject, hookimpl


@pytest.fixture
def server():
    with serving(Anybody, settings=ALONE) as running:
        yield running


@pytest.fixture(scope="module")
def shared():
    """One server for many small tests, which leave nothing behind."""
    with serving(Anybody, settings=ALONE) as running:
        yield running


# --- keys ---


def test_a_key_opens_a_room_and_is_known_to_its_owner_alone(server, caplog):
    caplog.set_level(logging.DEBUG)
    ada, eve = owner(server, "ada"), join(server, "eve", "garden")
    sync(ada)
    assert says(ada, "/room key Open Sesame") == ["INFO|garden needs a key from now on, says ada."]
    assert sync(eve) == ["INFO|garden needs a key from now on, says ada."]  # and she stays in
    bob = server.join("bob")
    assert says(bob, "/join garden") == ["ERROR|garden needs a key. Once you are in the chat, type /join garden KEY"]
    wrong = "ERROR|This is not the key of garden. Ask for it, and type /join garden KEY"
    assert says(bob, "/join garden open sesame") == says(bob, "/join Garden Open") == [wrong]
    assert says(bob, "/join Garden Open Sesame")[0].startswith("INFO|Welcome to garden, bob. Here are ada, eve.")
    program = Program(server)
    assert program.join(name="cy", room="garden")["code"] == "room_key"
    assert program.join(name="cy", room="garden", key="sesame")["code"] == "room_key"
    assert program.join(name="cy", room="garden", key="Open Sesame")["members"] == ["ada", "eve", "bob", "cy"]
    peer = server.connect()
    peer.send("JOIN|dan|garden")
    peer.expect("ERROR|garden needs a key. Once you are in the chat, type /join garden KEY")
    assert "INFO|key: Open Sesame" in says(ada, "/room")
    assert "INFO|key: there is one" in says(eve, "/room")
    answer = program.told("/room", "room")
    assert answer == {
        "type": "room",
        "room": "garden",
        "topic_by": "everybody",
        "owner": "ada",
        "needs_key": True,
        "lines": [
            "garden: its owner is ada",
            "key: there is one",
            "invite-only: off",
            "topic-by: everybody",
            "moderated: off",
            "limit: off",
            "keep: off",
        ],
    }
    assert says(ada, "/room key off") == ["INFO|garden needs no key any more, says ada."]
    peer.send("JOIN|dan|garden")
    assert peer.read().startswith("INFO|Welcome to garden, dan.")
    assert "room_key" in caplog.text or "needs a key" in caplog.text
    assert "sesame" not in caplog.text.lower()


def test_who_has_made_a_room_is_told_its_key(server):
    ada = Program(server, "ada", "garden")
    ada.ask("/room key sesame")
    assert ada.told("/room", "room")["key"] == "sesame"


def test_a_key_has_a_longest(server):
    ada = owner(server, "ada")
    assert says(ada, f"/room key {'x' * 101}") == ["ERROR|The key is longer than 100 characters. Make it shorter."]
    assert "INFO|key: off" in says(ada, "/room")


def test_wrong_keys_from_one_address_have_to_wait_and_looking_counts_for_nothing(server):
    ada, bob = owner(server, "ada"), Program(server, "bob")
    says(ada, "/room key sesame")
    for _ in range(20):  # as one does who is curious
        assert bob.refused("/names garden") == "not_allowed"
        assert bob.refused("/join garden") == "room_key"
    for number in range(5):
        *_, answer = bob.ask(f"/join garden {number}")
        assert answer["text"].startswith("This is not the key of garden.")
    wait = "There were too many wrong keys. Try again in a minute."
    assert bob.ask("/join garden sesame")[-1]["text"] == wait
    other = Program(server)  # another connection from the same address, by the other way in
    assert other.join(name="eve", room="garden", key="sesame")["text"] == wait
    elsewhere = Program(server, address="127.0.0.2")
    assert elsewhere.join(name="cy", room="garden", key="sesame")["members"] == ["ada", "cy"]


def test_after_a_minute_one_may_try_keys_again(server):
    server.join("bob")
    says(owner(server, "ada"), "/room key sesame")
    book = next(plugin.bearer for plugin in server.server.plugins if plugin.name == "rooms")._book
    now = 0.0
    access = Access(server.server, book, lambda: now)
    bob = server.call(lambda: server.server.chat.find("bob").sessions[0])
    for now in range(0, 50, 10):  # noqa: B007  (its clock reads it)
        with pytest.raises(Reject, match="This is not the key"):
            server.call(lambda: access.check(bob, "garden", "guess", None))
    for now in (50, 59.9):  # noqa: B007
        with pytest.raises(Reject, match="too many wrong keys"):
            server.call(lambda: access.check(bob, "garden", "sesame", None))
    now = 60.0
    server.call(lambda: access.check(bob, "garden", "sesame", None))


def test_a_protected_room_is_listed_to_those_who_may_come_in(server):
    ada, bob = owner(server, "ada"), server.join("bob")
    says(ada, "/room key sesame")
    assert says(bob, "/rooms") == ["INFO|lobby (1)"]
    assert says(bob, "/names garden") == ["ERROR|Who is in garden is told to those who may come in."]
    assert says(ada, "/rooms") == ["INFO|garden (1, protected)", "INFO|lobby (1)"]
    crown(bob)
    assert says(bob, "/rooms") == ["INFO|garden (1, protected)", "INFO|lobby (1)"]
    program = Program(server, "eve")
    program.ask("/become ada")  # ada's account, but the room belongs to the guest who has made it
    assert [room["name"] for room in program.told("/rooms", "rooms")["rooms"]] == ["lobby"]


def test_the_default_room_stays_open(server):
    ada = crown(server.join("ada"))
    closed = ["ERROR|Everybody comes into lobby first: it cannot be closed."]
    assert says(ada, "/room key sesame") == says(ada, "/room invite-only on") == closed
    assert MADE not in says(ada, "/room")
    assert "INFO|lobby: its owner is nobody" in says(ada, "/room")


# --- invitations ---


def test_an_invitation_lets_in_once(server):
    ada, bob = owner(server, "ada"), Program(server, "bob")
    says(ada, "/room invite-only on")
    *_, refusal = bob.ask("/join garden")
    assert refusal["code"] == "room_invite_only"
    assert refusal["text"] == "garden is for those who are invited. Ask its owner to /invite you."
    assert says(ada, "/invite BOB") == ["INFO|You have invited bob to garden."]
    invited = bob.read_until("invited")
    assert (invited["room"], invited["by"]) == ("garden", "ada")
    assert "garden" in [room["name"] for room in bob.told("/rooms", "rooms")["rooms"]]
    assert bob.told("/join garden", "welcome")["members"] == ["ada", "bob"]
    bob.ask("/part garden")
    assert bob.refused("/join garden") == "room_invite_only"


def test_an_invitation_opens_a_room_with_a_key_for_a_plain_client(server):
    ada, bob = owner(server, "ada"), server.join("bob")
    says(ada, "/room key sesame", "/invite bob")
    assert sync(bob) == ["INFO|ada invites you to garden. Type /join garden"]
    assert says(bob, "/join garden")[0].startswith("INFO|Welcome to garden, bob.")


def test_an_invitation_is_for_a_person_and_not_for_a_name(server):
    ada, bob, eve = owner(server, "ada"), server.join("bob"), server.join("eve")
    refused = "ERROR|garden is for those who are invited. Ask its owner to /invite you."
    says(ada, "/room invite-only on", "/invite bob", "/invite eve")
    says(bob, "/nick robert")
    leave(eve)
    for name in ("bob", "eve"):
        assert says(server.join(name), "/join garden") == [refused]
    sync(bob)
    assert says(bob, "/join garden")[0].startswith("INFO|Welcome to garden, robert.")


def test_of_invitations_nothing_is_kept_when_who_was_invited_has_gone(server):
    ada, bob = owner(server, "ada"), server.join("bob")
    says(ada, "/room invite-only on", "/invite bob")
    rooms = next(plugin.bearer for plugin in server.server.plugins if plugin.name == "rooms")
    assert server.call(lambda: len(rooms._access._invitations)) == 1
    leave(bob)
    assert server.call(lambda: len(rooms._access._invitations)) == 0


def test_an_invitation_ends_with_the_room(server):
    ada, bob = owner(server, "ada"), server.join("bob")
    says(ada, "/invite bob", "/part")
    eve = owner(server, "eve")
    says(eve, "/room invite-only on")
    assert says(bob, "/join garden")[-1].startswith("ERROR|garden is for those who are invited.")


def test_who_may_invite(server):
    ada, bob, eve = owner(server, "ada"), join(server, "bob", "garden"), server.join("eve")
    assert says(bob, "/invite eve") == ["INFO|You have invited eve to garden."]
    assert sync(eve) == ["INFO|bob invites you to garden. Type /join garden"]
    says(ada, "/room key sesame")
    sync(bob)
    assert says(bob, "/invite eve") == [
        "ERROR|Only the owner of garden and operators may invite, as it is not open to all."
    ]
    crown(bob)
    assert says(bob, "/invite eve") == ["INFO|You have invited eve to garden."]
    says(eve, "/ignore ada")
    assert says(ada, "/invite eve")[-1] == "ERROR|eve does not take messages from you."


def test_a_json_client_invites_from_the_room_it_names(server):
    ada, bob = Program(server, "ada", "garden"), server.join("bob")
    ada.join(room="cellar")
    ada.ask("/room invite-only on", "garden")
    ada.ask("/invite bob", "garden")
    ada.ask("/invite bob cellar")
    assert [line for line in sync(bob) if "invites" in line] == [
        "INFO|ada invites you to garden. Type /join garden",
        "INFO|ada invites you to cellar. Type /join cellar",
    ]


# --- owners and operators ---

SETTINGS = ["key sesame", "key off", "invite-only on", "topic-by owner", "owner bob"]


@pytest.mark.parametrize("setting", [*SETTINGS, "keep on"])
def test_guests_of_a_room_set_nothing(shared, setting):
    with owner(shared, "ada") as ada, join(shared, "bob", "garden") as bob:
        assert says(bob, f"/room {setting}") == ["ERROR|Only the owner of garden and operators may change that."]
        assert says(bob, "/room") == [
            "INFO|garden: its owner is ada",
            "INFO|key: off",
            "INFO|invite-only: off",
            "INFO|topic-by: everybody",
            "INFO|moderated: off",
            "INFO|limit: off",
            "INFO|keep: off",
        ]
        leave(bob)
        leave(ada)


@pytest.mark.parametrize(
    ("setting", "usage"),
    [
        ("key", "key KEY|off"),
        ("invite-only", "invite-only on|off"),
        ("invite-only maybe", "invite-only on|off"),
        ("topic-by me", "topic-by everybody|owner"),
        ("keep on and on", "keep on|off"),
        ("owner", "owner USER"),
    ],
)
def test_a_setting_that_is_not_understood_is_explained(shared, setting, usage):
    with owner(shared, "ada") as ada:
        assert says(crown(ada), f"/room {setting}") == [f"ERROR|Type it so: /room {usage}"]
        leave(ada)


def test_owners_keep_no_room(server):
    assert says(owner(server, "ada"), "/room keep on") == ["ERROR|Which rooms are kept, operators say. Ask one."]


def test_a_room_is_handed_over(server):
    ada, bob = Program(server, "ada", "garden"), join(server, "bob", "garden")
    assert ada.refused("/room owner eve") == "unknown_user"
    server.join("eve")
    assert ada.refused("/room owner eve") == "not_in_room"
    assert ada.refused("/room owner ada") == "not_allowed"
    old, new = (frame for frame in ada.ask("/room owner bob") if frame["type"] == "role")
    assert (old["room"], old["name"], old["role"]) == ("garden", "ada", "")
    assert (new["room"], new["name"], new["role"]) == ("garden", "bob", "owner")
    assert len(sync(bob)) == 2
    assert ada.refused("/room key sesame") == "not_allowed"
    assert says(bob, "/room key sesame") == ["INFO|garden needs a key from now on, says bob."]


def test_the_room_of_a_guest_who_leaves_is_nobodys_and_not_the_next_ones(server):
    ada, bob = owner(server, "ada"), join(server, "bob", "garden")
    says(ada, "/part", "/join garden")
    assert sync(bob) == ["INFO|ada has left the chat.", "INFO|ada has joined the chat."]
    for peer in (ada, bob, join(server, "eve", "garden")):
        assert "INFO|garden: its owner is nobody" in says(peer, "/room")
        assert says(peer, "/room key sesame")[-1] == "ERROR|Only the owner of garden and operators may change that."


def test_a_room_that_is_made_anew_is_its_new_makers(server):
    ada = owner(server, "ada")
    says(ada, "/room topic-by owner", "/topic Mine", "/part")
    bob = owner(server, "bob")
    assert says(bob, "/room")[:2] == ["INFO|garden: its owner is bob", "INFO|key: off"]
    assert "Mine" not in says(bob, "/topic")[0]


@pytest.mark.parametrize("protection", ["key sesame", "invite-only on"])
def test_nobody_gets_into_a_protected_room_that_has_gone_by_making_it_anew(tmp_path, protection):
    with serving(Anybody, settings=ALONE, data_dir=tmp_path) as server:
        ada = server.join("ada")
        says(ada, "/become ada", "/join garden", f"/room {protection}", "/part")
        assert says(server.join("bob"), "/join garden")[-1].startswith("ERROR|garden ")
        assert "INFO|lobby (1)" in says(ada, "/rooms")
        assert not [line for line in says(ada, "/rooms") if "garden" in line], "it has gone all the same"
    with serving(Anybody, settings=ALONE, data_dir=tmp_path) as server:
        bob, ada = server.join("bob"), server.join("ada")
        assert says(bob, "/join garden")[-1].startswith("ERROR|garden ")
        says(ada, "/become ada")
        assert "INFO|garden: its owner is ada" in says(ada, "/join garden", "/room")
        says(ada, "/room key off", "/room invite-only off", "/part")
        assert MADE in says(bob, "/join garden"), "it is anybody's again"


def test_who_has_the_key_of_a_guests_room_that_has_gone_makes_it_anew(server):
    ada, bob = owner(server, "ada"), server.join("bob")
    says(ada, "/room key sesame", "/part")
    assert MADE in says(bob, "/join garden sesame")
    assert says(bob, "/room")[:2] == ["INFO|garden: its owner is bob", "INFO|key: sesame"]


def test_a_program_that_makes_a_room_is_told_its_role(server):
    ada = Program(server, "ada")
    ada.join(room="garden")
    role = ada.read_until("role")
    assert (role["room"], role["name"], role["role"]) == ("garden", "ada", "owner")
    assert Program(server, "bob", "garden").welcome["roles"] == {"ada": "owner"}


def test_a_room_goes_with_its_owner_to_the_account(server):
    ada, bob = Program(server, "ada", "garden"), join(server, "bob", "garden")
    ada.ask("/become ada")
    ada.ask("/room invite-only on")
    ada.ask("/part garden")
    assert "INFO|garden: its owner is ada" in says(bob, "/room")
    ada.ask("/become")
    assert ada.refused("/join garden") == "room_invite_only"
    ada.ask("/become ada")
    welcome = ada.told("/join garden", "welcome")
    assert welcome["roles"] == {"ada": "owner"}
    assert [frame["role"] for frame in ada.ask("/become") if frame["type"] == "role"] == [""]
    assert ada.refused("/room key sesame") == "not_allowed"
    assert "INFO|ada is neither operator nor owner now." in sync(bob)


def test_who_is_logged_in_owns_a_room_by_the_account_from_the_start(server):
    ada, bob = server.join("ada"), server.join("bob")
    says(ada, "/become ada", "/join garden")
    says(bob, "/join garden")
    says(ada, "/part", "/join garden")
    assert says(ada, "/room key sesame")[-1] == "INFO|garden needs a key from now on, says ada."


class Trail:
    """An observer of what is put on record."""

    def __init__(self):
        self.acts = []

    @hookimpl
    def greenchat_acted(self, act):
        self.acts.append((act.by, act.act, act.target, act.room, act.details))


def test_what_operators_do_in_rooms_of_others_is_on_record_without_keys():
    trail = Trail()
    with serving(Anybody, trail, settings=ALONE) as server:
        ada, bob = owner(server, "ada"), join(server, "bob", "garden")
        server.join("eve")
        says(ada, "/room key hunter2", "/room key off", "/room topic-by owner", "/topic Mine")
        assert trail.acts == []
        crown(bob)
        for line in ("key hunter2", "key off", "invite-only on", "topic-by everybody", "topic-by owner", "keep on"):
            says(bob, f"/room {line}")
        says(bob, "/topic Yours", "/invite eve", "/room keep off", "/room owner bob", "/room key hunter2")
        sync(bob)
        assert trail.acts == [
            ("bob", "room", "", "garden", "key set"),
            ("bob", "room", "", "garden", "key off"),
            ("bob", "room", "", "garden", "invite-only on"),
            ("bob", "room", "", "garden", "topic-by everybody"),
            ("bob", "room", "", "garden", "topic-by owner"),
            ("bob", "keep", "", "garden", ""),
            ("bob", "topic", "", "garden", "Yours"),
            ("bob", "invite", "eve", "garden", ""),
            ("bob", "unkeep", "", "garden", ""),
            ("bob", "room", "bob", "garden", "owner"),
        ]


def test_operators_need_no_key_and_no_invitation(server):
    ada, bob = owner(server, "ada"), crown(server.join("bob"))
    says(ada, "/room key sesame", "/room invite-only on")
    assert says(bob, "/join garden")[0].startswith("INFO|Welcome to garden, bob.")
    assert "INFO|key: sesame" in says(bob, "/room")


# --- rooms that stay ---


def test_a_kept_room_is_there_when_nobody_is_and_after_a_restart(tmp_path):
    with serving(Anybody, settings=ALONE, data_dir=tmp_path) as server:
        ada, bob = server.join("ada"), crown(server.join("bob"))
        says(ada, "/become ada", "/join board")
        says(bob, "/join board")
        says(ada, "/topic Before")
        assert says(bob, "/room keep on")[-1] == "INFO|board is kept from now on, also when nobody is in it, says bob."
        assert says(bob, "/room keep on") == ["ERROR|board is kept already."]
        says(ada, "/topic Minutes | of today", "/room key sesame", "/room topic-by owner", "/part")
        says(bob, "/part")
        assert "INFO|board (0, protected, kept): Minutes | of today" in says(bob, "/rooms")
        assert says(bob, "/names board") == ["INFO|In board (0): nobody"]
    mode = (tmp_path / "rooms.sqlite3").stat().st_mode
    assert mode & 0o077 == 0  # it has the keys
    with serving(Anybody, settings=ALONE, data_dir=tmp_path) as server:
        eve, ada, program = server.join("eve"), server.join("ada"), Program(server, "cy")
        assert says(eve, "/rooms")[-1] == "INFO|lobby (3)"
        assert says(eve, "/join board")[0].startswith("ERROR|board needs a key.")
        welcome = program.join(room="board", key="sesame")
        assert (welcome["topic"], welcome.get("roles")) == ("Minutes | of today", None)
        assert program.refused("/topic Mine now", "board") == "not_allowed"
        know(server, "ada")
        assert program.told("/room", "room", "board")["owner"] == "ada"
        says(ada, "/become ada")
        assert says(ada, "/join board")[0].endswith("The topic is: Minutes | of today")
        assert "INFO|key: sesame" in says(ada, "/room")
        assert "INFO|keep: on" in says(ada, "/room")
        crown(ada)
        says(ada, "/room key off", "/room owner cy")
        assert says(ada, "/room keep off")[-1] == "INFO|board goes when all have left it, says ada."
        assert says(ada, "/room keep off") == ["ERROR|board is not kept."]
        program.ask("/part board")
        says(ada, "/part")
        assert says(ada, "/rooms") == ["INFO|lobby (2)"]
        owner(server, "dan", "board")
    with serving(Anybody, settings=ALONE, data_dir=tmp_path) as server:
        assert "INFO|board: its owner is eve" in says(owner(server, "eve", "board"), "/room")


CROWN = """
from greenchat import Command, hookimpl


def crown(session, argument):
    session.role = "operator"


@hookimpl
def greenchat_commands():
    return [Command("crown", "", "Be an operator.", crown)]
"""


def test_what_a_command_has_set_is_there_after_the_server_was_killed(tmp_path):
    data_dir, plugins = tmp_path / "data", tmp_path / "plugins"
    data_dir.mkdir()
    plugins.mkdir()
    (plugins / "crown.py").write_text(CROWN)
    alone = [flag for name in ALONE["server.disabled_plugins"] for flag in ("--disable-plugin", name)]
    with serve_process(data_dir, "--plugins-dir", str(plugins), *alone) as server, server.join("ada") as ada:
        told = says(ada, "/crown", "/join board", "/room keep on", "/topic Minutes", "/room key sesame")
        assert told[-1] == "INFO|board needs a key from now on, says ada."
        server.process.kill()
        server.process.wait()
    with serve_process(data_dir, *alone) as server:
        bob = Program(server)
        assert bob.join(name="bob", room="board")["code"] == "room_key"
        assert bob.join(name="bob", room="board", key="sesame")["topic"] == "Minutes"
        bob.peer.close()


def test_the_topic_of_the_default_room_can_be_kept(tmp_path):
    for topic in ("", "Welcome to all"):
        with serving(Anybody, settings=ALONE, data_dir=tmp_path) as server:
            ada = Program(server, "ada")
            assert ada.welcome.get("topic", "") == topic
            ada.ask("/crown")
            ada.ask("/topic Welcome to all")
            if not topic:
                ada.ask("/room keep on")


def test_a_guest_who_owns_a_kept_room_and_logs_in_then_owns_it_for_good(tmp_path):
    with serving(Anybody, settings=ALONE, data_dir=tmp_path) as server:
        ada, bob = owner(server, "ada"), crown(join(server, "bob", "garden"))
        says(bob, "/room keep on")
        says(ada, "/become ada")
    with serving(Anybody, settings=ALONE, data_dir=tmp_path) as server:
        know(server, "ada")
        eve = server.join("eve", "garden")
        assert "INFO|garden: its owner is ada" in says(eve, "/room")


def test_a_kept_room_that_was_handed_over_is_the_new_owners_after_a_restart(tmp_path):
    with serving(Anybody, settings=ALONE, data_dir=tmp_path) as server:
        ada, bob = crown(owner(server, "ada")), join(server, "bob", "garden")
        says(bob, "/become bob")
        says(ada, "/become ada")
        crown(ada)
        says(ada, "/room keep on", "/room owner bob")
    with serving(Anybody, settings=ALONE, data_dir=tmp_path) as server:
        know(server, "bob")
        assert "INFO|garden: its owner is bob" in says(server.join("eve", "garden"), "/room")


def test_a_file_that_is_damaged_takes_the_keeping_away_and_not_the_rooms(tmp_path, caplog):
    (tmp_path / "rooms.sqlite3").write_bytes(b"no database at all" * 100)
    with serving(Anybody, settings=ALONE, data_dir=tmp_path) as server:
        ada = crown(server.join("ada"))
        assert says(ada, "/room keep on") == ["ERROR|No room can be kept at the moment. Tell whoever runs the server."]
        assert "INFO|keep: off" in says(ada, "/room")
        assert says(ada, "/join garden") == [
            "ERROR|It is not known at the moment who may come into which room. Tell whoever runs the server."
        ], "it may have had a key"
        assert says(ada, "/rooms") == ["INFO|lobby (1)"]
    assert "rooms.sqlite3 is damaged" in caplog.text
    assert (tmp_path / "rooms.sqlite3").read_bytes().startswith(b"no database at all")


def test_what_cannot_be_written_is_told_to_who_has_set_it(tmp_path, caplog):
    with serving(Anybody, settings=ALONE, data_dir=tmp_path) as server:
        ada = crown(owner(server, "ada"))
        says(ada, "/room keep on")
        with sqlite3.connect(tmp_path / "rooms.sqlite3") as database:
            database.execute("ALTER TABLE rooms RENAME TO elsewhere")
        not_kept = (
            "ERROR|This holds now, but it could not be kept, and is gone after the next start. "
            "Tell whoever runs the server."
        )
        assert says(ada, "/topic Tulips") == ["INFO|ada has set the topic: Tulips", not_kept]
        assert not_kept in says(ada, "/room key sesame")
        assert says(ada, "/room keep off") == [
            "ERROR|This cannot be changed at the moment. Tell whoever runs the server."
        ]
        assert {"INFO|key: sesame", "INFO|keep: on"} <= set(says(ada, "/room"))
        with sqlite3.connect(tmp_path / "rooms.sqlite3") as database:
            database.execute("ALTER TABLE elsewhere RENAME TO rooms")
        assert says(ada, "/topic Roses") == ["INFO|ada has set the topic: Roses"]  # it recovers by itself
        database.close()
    assert "could not be kept" in caplog.text
    assert "sesame" not in caplog.text
    with serving(Anybody, settings=ALONE, data_dir=tmp_path) as server:
        assert Program(server, "eve", "garden", key="sesame").welcome["topic"] == "Roses"
