"""A history keeps what becomes of messages: over restarts, outages and forgetting, and nothing that was deleted."""

import shutil

import pytest
from kit.histories import exported, found, history, kept, opened, remains, verified
from kit.machine import eventually
from kit.programs import Anybody, Program, says, sync
from kit.socketless import serving

REPLAYS = {"plugins.history.replay": 20}


def change(one, kind, seq, **fields):
    return one.request(type=kind, seq=seq, room="lobby", **fields)


def say(one, text, **fields):
    return one.request(type="say", text=text, room="lobby", **fields)


def page(one, **fields):
    return one.request(type="history", room="lobby", **fields)


def same(frame, **fields):
    return {name: frame.get(name) for name in fields} == fields


def become(server, name, account="ada"):
    one = Program(server, name)
    one.ask(f"/become {account}")
    return one


def talk(ada, bob):
    """Five messages, of which one was changed, one is gone, one answers another, and one has reactions."""
    for text in ("Helo!", "My password is tulip.", "It is spring."):
        say(ada, text)
    assert say(bob, "And warm.", reply_to=3)["rev"] == 4
    assert change(ada, "edit", 1, text="Hello!")["rev"] == 5
    assert change(ada, "delete", 2)["rev"] == 6
    assert change(bob, "react", 3, emoji="🌷")["rev"] == 7
    assert change(ada, "react", 3, emoji="🌷")["rev"] == 8
    assert say(ada, "Roses!")["rev"] == 9


def assert_as_it_is_now(events):
    hello, gone, spring, warm, roses = events
    assert same(hello, seq=1, rev=5, text="Hello!", sender="ada")
    assert hello["edited"]
    assert same(gone, type="deleted", seq=2, rev=6, by="ada", text=None)
    assert same(spring, seq=3, rev=8, reactions={"🌷": ["bob", "ada"]})
    assert same(warm, seq=4, rev=4, reply_to=3, edited=None)
    assert same(roses, seq=5, rev=9, reply_to=None)


@pytest.fixture
def told(tmp_path):
    """The data directory of a server that has ended, with that talk."""
    with serving(Anybody, data_dir=tmp_path) as server:
        talk(become(server, "ada"), Program(server, "bob"))
    return tmp_path


def test_a_page_has_messages_as_they_are_now(tmp_path):
    with serving(Anybody, data_dir=tmp_path) as server:
        ada = become(server, "ada")
        talk(ada, Program(server, "bob"))
        told = page(ada)
        assert_as_it_is_now(told["events"])
        assert (told["rev"], told["epoch"]) == (9, ada.welcome["epoch"])


def test_they_outlast_a_restart_and_so_do_the_numbers(told):
    with serving(Anybody, data_dir=told, settings=REPLAYS) as server:
        eve = Program(server, "eve")
        assert (eve.welcome["seq"], eve.welcome["rev"]) == (5, 9)
        assert_as_it_is_now(eve.read_until("history")["events"])
        assert_as_it_is_now(page(eve)["events"])
        assert say(eve, "Where?")["rev"] == 10
    assert verified(told) == (0, ["It is whole."])


def test_who_has_said_it_changes_it_after_a_restart_and_guests_cannot(told):
    with serving(Anybody, data_dir=told) as server:
        ada, bob = become(server, "ada"), Program(server, "bob")
        assert change(bob, "delete", 4)["code"] == "not_allowed"
        assert change(bob, "react", 3, emoji="🌷", on=False)["rev"] == 8, "it was another bob's"
        assert change(ada, "react", 3, emoji="🌷", on=False)["rev"] == 10
        assert change(ada, "edit", 5, text="Tulips!")["rev"] == 11
        assert change(ada, "delete", 2)["code"] == "unknown_message"
        assert same(page(bob)["events"][4], text="Tulips!", rev=11)
    with serving(data_dir=told) as server:
        events = page(Program(server, "eve"))["events"]
        assert same(events[2], rev=10, reactions={"🌷": ["bob"]})


def test_what_was_deleted_is_nowhere(told):
    assert [message.text for message in kept(told)] == ["Hello!", "It is spring.", "And warm.", "Roses!"]
    assert found(told, "tulip") == found(told, "helo") == []
    assert len(found(told, "hello")) == 1
    assert "tulip" not in exported(told) + exported(told, "--format", "text") + exported(told, "--format", "html")
    assert verified(told) == (0, ["It is whole."])


def test_what_was_deleted_is_soon_gone_from_the_bytes_of_the_file(told):
    """What nobody cares for any more when the server begins: it does it once an hour, too."""
    with serving(data_dir=told), opened(told) as connection:
        marks = "SELECT count(*) FROM marks WHERE name = 'changed'"
        assert eventually(lambda: connection.execute(marks).fetchone() == (0,))
    assert (remains(told, "tulip"), remains(told, "Helo")) == (0, 0)
    assert remains(told, "Hello!")


def test_plain_clients_read_numbers_where_they_ask_for_them(told):
    with serving(data_dir=told, settings=REPLAYS) as server:
        eve = server.join("eve")
        _, *replayed, _ = sync(eve)
        assert replayed == [
            "MSG|ada|Hello! (changed)",
            "MSG|ada|It is spring. (🌷 2)",
            'MSG|bob|(to ada: "It is spring.") And warm.',
            "MSG|ada|Roses!",
        ]
        _, *asked, _ = says(eve, "/history 2")
        assert asked == ["MSG|bob|[4] (to message 3) And warm.", "MSG|ada|[5] Roses!"]


# --- catching up ---


def test_catching_up_over_a_restart(told):
    with serving(data_dir=told) as server:
        eve = Program(server, "eve")
        epoch = eve.welcome["epoch"]
        newer = page(eve, epoch=epoch, rev=4)
        assert [(event["seq"], event["rev"]) for event in newer["events"]] == [(1, 5), (2, 6), (3, 8), (5, 9)]
        assert (newer["rev"], newer.get("anew"), newer.get("more")) == (9, None, None)
        for rev in range(10):
            expected = [known for known in (4, 5, 6, 8, 9) if known > rev]
            assert [event["rev"] for event in page(eve, epoch=epoch, rev=rev)["events"]] == expected
        first = page(eve, epoch=epoch, rev=0, limit=2)
        assert (first["more"], first["rev"]) == (True, 5)
        assert page(eve, epoch=epoch, rev=10)["anew"]
        assert page(eve, epoch="another", rev=9)["anew"]


def test_the_epoch_is_the_same_after_a_clean_end_and_another_with_a_copy_of_a_file_in_use(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    with serving(data_dir=one) as server:
        ada = Program(server, "ada")
        say(ada, "one")
        epoch = ada.welcome["epoch"]
        shutil.copytree(one, other)  # as after a kill, too
    for data_dir, is_same in ((one, True), (one, True), (other, False)):
        with serving(data_dir=data_dir) as server:
            bob = Program(server, "bob")
            assert (bob.welcome["epoch"] == epoch) is is_same
            assert (page(bob, epoch=epoch, rev=1).get("anew") is None) is is_same


def test_a_restored_copy_of_a_file_that_was_closed_has_another_epoch(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    with serving(data_dir=one) as server:
        epoch = Program(server, "ada").welcome["epoch"]
    shutil.copytree(one, other)
    shutil.copy(other / "history.sqlite3", one / "history.sqlite3")  # into the very same file
    for data_dir in (one, other):
        with serving(data_dir=data_dir) as server:
            assert Program(server, "ada").welcome["epoch"] != epoch


def test_who_is_far_behind_begins_anew(tmp_path):
    with serving(data_dir=tmp_path, settings={"limits.flood_rate": 0}) as server:
        ada = Program(server, "ada")
        ada.send(times=1001, type="say", text="la", room="lobby")
        say(ada, "la")
        epoch = ada.welcome["epoch"]
        assert page(ada, epoch=epoch, rev=1)["anew"]
        whole, rev = [], 2
        while True:
            newer = page(ada, epoch=epoch, rev=rev, limit=300)
            whole += [event["seq"] for event in newer["events"]]
            rev = newer["rev"]
            if not newer.get("more"):
                break
        assert whole == [*range(3, 1003)]


# --- what else is done with a history ---


def test_numbers_go_on_where_all_was_removed(told):
    with serving(data_dir=told, settings={"plugins.history.keep_messages": 1}) as server:
        eve = Program(server, "eve")
        while len(page(eve)["events"]) > 1:
            pass
        assert (eve.welcome["rev"], say(eve, "Where?")["rev"]) == (9, 10)
        assert [event["rev"] for event in page(eve)["events"]] == [9, 10]
    with serving(data_dir=told) as server:
        assert Program(server, "dan").welcome["rev"] == 10
    assert verified(told) == (0, ["It is whole."])


def test_who_is_forgotten_has_put_nothing_anywhere(told):
    assert history(told, "forget", "--user", "bob", "--yes").exit_code == 0
    with serving(data_dir=told) as server:
        events = page(Program(server, "eve"))["events"]
        assert same(events[2], reactions={"🌷": ["ada"]})
        assert same(events[3], sender="(forgotten user)", reply_to=3)
    assert b"bob" not in (told / "history.sqlite3").read_bytes()
    assert history(told, "forget", "--user", "ada", "--yes").exit_code == 0
    with serving(data_dir=told) as server:
        gone, spring = page(Program(server, "eve"))["events"][1:3]
        assert same(gone, type="deleted", by="(forgotten user)")
        assert same(spring, text="(forgotten)", reactions=None)


def test_a_change_of_what_was_said_long_ago(tmp_path):
    """It is not in memory any more."""
    with serving(Anybody, data_dir=tmp_path, settings={"limits.flood_rate": 0}) as server:
        ada, bob = become(server, "ada"), Program(server, "bob")
        ada.send(times=1200, type="say", text="la", room="lobby")
        assert say(ada, "la")["seq"] == 1201
        assert change(bob, "react", 1, emoji="👍")["rev"] == 1202
        assert change(ada, "edit", 1, text="do")["rev"] == 1203
        assert change(bob, "edit", 2, text="do")["code"] == "not_allowed"
        assert say(bob, "re", reply_to=1)["rev"] == 1204
        first = page(bob, before=2)["events"]
        assert same(first[0], text="do", rev=1203, reactions={"👍": ["bob"]})
        newer = page(bob, epoch=ada.welcome["epoch"], rev=1201)["events"]
        assert [(event["seq"], event["rev"]) for event in newer] == [(1, 1203), (1202, 1204)]


def test_a_search_does_not_find_what_was_deleted_by_conditions_alone(told):
    with serving(data_dir=told) as server:
        eve = Program(server, "eve")
        found = eve.request(type="search", text="in:lobby", limit=4)
        assert [message["seq"] for message in found["messages"]] == [5, 4, 3, 1]
        assert found.get("more") is None


def test_a_conversation_is_not_read_as_a_room(tmp_path):
    with serving(Anybody, data_dir=tmp_path) as server:
        ada, bob = become(server, "ada"), become(server, "bob", "bob")
        say(ada, "To all.")
        conversation = ada.request(type="say", text="/me nods", to="bob")["conversation"]
        assert bob.request(type="say", text="/me waves", conversation=conversation, reply_to=1)["seq"] == 2
        page = bob.request(type="history", conversation=conversation)
        told = [(said["text"], said["action"], said["account"], said.get("reply_to")) for said in page["events"]]
        assert told == [("nods", True, "ada", None), ("waves", True, "bob", 1)]
