"""Rooms, as people on netcat and programs in JSON use them together, over a real server."""

import pytest
from kit.programs import Anybody, Program, leave, owner, says, sync
from kit.rooms import ALONE, COMMANDS, crown, join
from kit.socketless import serving

from greenchat import hookimpl
from greenchat.client import Client
from greenchat.protocol.events import Joined
from greenchat.testing import serving as on_sockets


@pytest.fixture
def server():
    with serving(Anybody, settings=ALONE) as running:
        yield running


@pytest.fixture(scope="module")
def shared():
    """One server for many small tests, which leave nothing behind."""
    with serving(Anybody, settings=ALONE) as running:
        yield running


# --- to and fro ---


def test_a_plain_client_moves_and_reads_nothing_of_the_room_that_it_has_left(server):
    ada, bob = server.join("ada"), server.join("bob")
    eve = owner(server, "eve")
    ada.expect("INFO|bob has joined the chat.")
    bob.send("MSG|/join garden")
    bob.expect("INFO|Welcome to garden, bob. Here is eve. Say /help for the commands.")
    ada.expect("INFO|bob has left the chat.")
    eve.expect("INFO|bob has joined the chat.")
    ada.send("MSG|said in the lobby")
    eve.send("MSG|said in the garden")
    bob.expect("MSG|eve|said in the garden")
    bob.send("MSG|/join lobby")
    bob.expect("INFO|Welcome to lobby, bob. Here is ada. Say /help for the commands.")
    ada.expect("INFO|bob has joined the chat.")
    eve.expect("INFO|bob has left the chat.")
    eve.send("MSG|gone?")
    sync(eve)
    ada.send("MSG|hello again")
    bob.expect("MSG|ada|hello again")
    assert [sync(peer) for peer in (ada, bob, eve)] == [[], [], []]


class Visits:
    """An observer: who came into which room, and went out of it."""

    def __init__(self):
        self.seen = []

    @hookimpl
    def greenchat_event(self, event):
        kind = type(event).__name__
        if kind in ("Joined", "Left"):
            self.seen.append((kind, event.room, event.name))


def test_each_visit_to_a_room_is_told_exactly_once_to_those_who_are_there():
    visits = Visits()
    with serving(visits, settings=ALONE) as server:
        watchers = {room: Program(server, f"in-{room}", room) for room in ("garden", "cellar")}
        plain, program = server.join("plain"), Program(server, "program")
        for room in ("garden", "cellar", "garden"):
            says(plain, f"/join {room}")
        program.join(room="garden")
        program.join(room="cellar")
        program.ask("/part garden")
        leave(plain)
        program.leave()
        told = {
            room: [(frame["type"], frame["name"]) for frame in watcher.leave() if frame["type"] in ("joined", "left")]
            for room, watcher in watchers.items()
        }
    assert told == {
        "garden": [
            ("joined", "plain"),
            ("left", "plain"),
            ("joined", "plain"),
            ("joined", "program"),
            ("left", "program"),
            ("left", "plain"),
        ],
        "cellar": [("joined", "plain"), ("left", "plain"), ("joined", "program"), ("left", "program")],
    }
    assert visits.seen.count(("Left", "garden", "plain")) == visits.seen.count(("Joined", "garden", "plain")) == 2
    assert sorted(set(visits.seen)) == sorted(
        (kind, room, name)
        for kind in ("Joined", "Left")
        for name, rooms in {
            "in-garden": ["garden"],
            "in-cellar": ["cellar"],
            "plain": ["lobby", "garden", "cellar"],
            "program": ["lobby", "garden", "cellar"],
        }.items()
        for room in rooms
    )
    assert len(visits.seen) == 18


def test_a_json_client_talks_in_three_rooms_at_once(server):
    rooms = ["lobby", "garden", "cellar"]
    people = {room: Program(server, f"in-{room}", room) for room in rooms}
    plain = join(server, "plain", "cellar")
    ada = Program(server, "ada")
    for room in rooms[1:]:
        welcome = ada.join(room=room)
        assert (welcome["room"], welcome["name"]) == (room, "ada")
    for room in rooms:
        *_, ack = ada.ask(f"to {room}", room)
        assert ack["type"] == "ack"
        said = people[room].read_until("message")
        assert (said["room"], said["sender"], said["text"], said["seq"]) == (room, "ada", f"to {room}", ack["seq"])
    assert plain.read_until("MSG|ada|to cellar") == ["INFO|ada has joined the chat."]
    for room in rooms:  # where one has never been in another room, that is the one that is meant
        people[room].send(type="say", text=f"from {room}")
        said = ada.read_until("message")
        assert (said["room"], said["sender"], said["text"]) == (room, f"in-{room}", f"from {room}")
    assert ada.refused("to which one?") == "room_required"
    assert ada.refused("/topic Of which one?") == "room_required"
    ada.ask("/part garden")
    assert people["garden"].read_until("left", name="ada")["reason"] == "left"
    assert ada.refused("hello?", "garden") == "not_in_room"
    ada.ask("/me waves", "lobby")
    assert people["lobby"].read_until("message")["action"] is True


def test_from_the_last_room_one_goes_nowhere_unasked_and_what_one_says_is_heard_by_nobody(server):
    ada, bob, cy = owner(server, "ada"), Program(server, "bob", "garden"), server.join("cy")
    for_bob = bob.ask("/part")
    assert [(frame["type"], frame.get("room")) for frame in for_bob] == [("left", "garden"), ("ack", None)]
    assert bob.refused("/part") == bob.refused("secret") == "room_required"
    assert bob.refused("/part garden") == bob.refused("secret", "garden") == "not_in_room"
    sync(ada)
    assert says(ada, "/part garden") == [
        "INFO|You are out of garden, and in no room. /join ROOM leads into one, /quit out of the chat."
    ]
    nowhere = "ERROR|You are in no room, so nobody would read this. Send JOIN|ada, or MSG|/join ROOM"
    assert says(ada, "/part", "secret", "/me hides", "/who", "/topic Secrets") == [nowhere] * 5
    assert says(ada, "/part garden") == ["ERROR|You are not in garden, nor in any other."]
    assert server.call(lambda: list(server.server.chat.rooms)) == ["lobby"]
    assert says(ada, "/msg cy in private", "/nick ida", "/away") == [
        "INFO|To cy: in private",
        "INFO|ada is now known as ida.",
        "INFO|ida is away: away",
    ], "the rest works as ever"
    ada.send("JOIN|bob")
    ada.expect("ERROR|You are in the chat already, as ida.")
    ada.send("JOIN|IDA|cellar", "MSG|here I am")
    assert ada.read().startswith("INFO|Welcome to cellar, ida.")
    says(ada, "/part")
    ada.send("JOIN|ida")
    assert ada.read().startswith("INFO|Welcome to lobby, ida. Here is cy.")
    assert bob.join(room="lobby")["members"] == ["cy", "ida", "bob"]
    assert [line for line in sync(cy) if line.startswith("MSG|")] == ["MSG|ada (private)|in private"]


def test_a_client_that_may_be_in_one_room_only_can_still_part():
    with serving(settings={**ALONE, "limits.rooms_per_session": 1}) as server:
        ada, bob = Program(server, "ada", "garden"), Program(server, "bob", "cellar")
        assert ada.told("/join cellar", "welcome")["members"] == ["bob", "ada"]
        assert ada.refused("hello?", "garden") == "not_in_room"
        ada.ask("/part", "cellar")
        assert bob.read_until("left")["name"] == "ada"


def test_rooms_are_the_same_in_all_spellings(server):
    ada, bob = owner(server, "ada", "Garden"), server.join("bob")
    says(bob, "/join ＧＡＲＤＥＮ")
    assert ada.read() == "INFO|bob has joined the chat."
    assert says(bob, "/join garden") == ["ERROR|You are in garden already."]
    assert says(bob, "/names GARDEN") == ["INFO|In garden (2): ada (owner), bob"]
    assert says(bob, "/part gArDeN")[0].startswith("INFO|You are out of garden, and in no room.")
    program = Program(server, "eve", "gardeN")
    assert program.welcome["room"] == "garden"
    program.ask("hi", "GARDEN")
    assert ada.read_until("MSG|eve|hi")


@pytest.mark.parametrize("name", ["#dev", "##dev", "＃dev", "#＃Dev", " #dev"])
def test_the_sign_before_a_rooms_name_is_dropped(server, name):
    program = Program(server, "ada", name)
    assert program.welcome["room"] == "dev"
    assert program.ask("hello", name)[-1]["type"] == "ack"
    assert says(server.join("bob"), f"/join {name}")[0].startswith("INFO|Welcome to dev, bob.")


@pytest.mark.parametrize("name", ["@b", "＠b", "#@b", "@", " @b", "#", "##"])
def test_no_room_is_called_like_a_person_or_not_at_all(server, name):
    program = Program(server, "ada")
    assert program.join(room=name)["code"] == "room_invalid"
    assert program.refused(f"/join {name}") == "room_invalid"
    peer = server.connect()
    peer.send(f"JOIN|bob|{name}")
    assert peer.read().startswith("ERROR|")


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("/join", "ERROR|Something is missing. Type it so: /join ROOM [KEY]"),
        ("/join a|b", "ERROR|The room name 'a|b' is not valid. Use letters, digits and signs such as - _ and ., "),
        ("/join lobby", "ERROR|You are in lobby already."),
        ("/names nowhere", "ERROR|There is no room nowhere. /rooms lists them."),
        ("/invite", "ERROR|Something is missing. Type it so: /invite USER [ROOM]"),
        ("/invite nobody", "ERROR|Nobody here is called nobody. Look with /who."),
        ("/invite ada", "ERROR|ada is in lobby already."),
        ("/invite ada garden", "ERROR|You are not in garden, but in lobby."),
        (
            "/room colour red",
            "ERROR|There is no setting colour. There are key, invite-only, topic-by, moderated, limit, keep, owner.",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(shared, typed, answer):
    with shared.join("ada") as ada:
        (told,) = says(ada, typed)
        assert told.startswith(answer)
        leave(ada)


def test_limits_of_rooms_hold_for_those_who_move_and_those_who_add():
    with serving(settings={**ALONE, "limits.rooms": 3, "limits.rooms_per_session": 2}) as server:
        ada, bob = server.join("ada"), Program(server, "bob")
        says(ada, "/join garden")
        bob.ask("/join cellar")
        assert bob.refused("/join garden") == "too_many_rooms"
        sync(ada)
        assert says(ada, "/join attic") == ["ERROR|There are 3 rooms, as many as there may be. Join one of them."]
        assert says(ada, "/who") == ["INFO|In garden (1): ada"]
        bob.ask("/part cellar")
        assert says(ada, "/join attic")[0].startswith("INFO|Welcome to attic")


@pytest.mark.parametrize("name", COMMANDS)
def test_before_join_nothing_of_it_is_to_be_had(shared, name):
    peer = shared.connect()
    peer.send(f"MSG|/{name}" if name == "rooms" else f"MSG|/{name} garden")
    peer.expect("ERROR|You have not joined yet. Send JOIN|<username> first.")


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example_of_each_command(shared, name):
    lines = says(shared.join(f"help-{name}"), f"/help {name}")
    assert lines[0].startswith(f"INFO|/{name}")
    assert any(line.startswith(f"INFO|Example: /{name}") for line in lines)


# --- look ---


def test_rooms_are_listed_with_how_many_and_what_about(server):
    ada = owner(server, "ada")
    bob = Program(server, "bob", "garden")
    owner(server, "eve", "cellar")
    says(ada, "/topic Tulips | roses")
    assert says(ada, "/rooms") == ["INFO|garden (2): Tulips | roses", "INFO|cellar (1)"]
    assert bob.told("/rooms", "rooms") == {
        "type": "rooms",
        "rooms": [{"name": "garden", "members": 2, "topic": "Tulips | roses"}, {"name": "cellar", "members": 1}],
        "lines": ["garden (2): Tulips | roses", "cellar (1)"],
    }


def test_more_rooms_than_one_looks_through_are_counted(server):
    ada = Program(server, "ada", "zoo")
    makers = [Program(server, f"m{number}") for number in range(3)]
    for number in range(120):
        makers[number % 3].ask(f"/join r{number:03}")
    answer = ada.told("/rooms", "rooms")
    assert [room["name"] for room in answer["rooms"]][:3] == ["lobby", "r000", "r001"]
    assert (len(answer["rooms"]), answer["more"]) == (100, 22)
    assert answer["lines"][-1] == "... and 22 more."


def test_names_tell_roles_and_who_is_away(server):
    ada, bob = owner(server, "ada"), Program(server, "bob", "garden")
    eve = crown(join(server, "eve", "garden"))
    says(ada, "/away Lunch")
    sync(eve)
    assert says(eve, "/names") == ["INFO|In garden (3): ada (owner, away: Lunch), bob, eve (operator)"]
    assert bob.told("/names Garden", "names") == {
        "type": "names",
        "room": "garden",
        "members": ["ada", "bob", "eve"],
        "roles": {"ada": "owner", "eve": "operator"},
        "away": {"ada": "Lunch"},
        "lines": ["In garden (3): ada (owner, away: Lunch), bob, eve (operator)"],
    }
    assert says(server.join("cy"), "/names garden")[0].startswith("INFO|In garden (3): ada")


def test_a_client_library_reads_the_answers_of_commands():
    with on_sockets(Anybody, settings=ALONE) as server, Client.connect(server.host, server.port) as chat:
        welcome = chat.join("ada", "garden")
        assert welcome.members == ["ada"]
        assert chat.confirm(chat.say("/rooms")).seq == 0
        lines = [line for item in chat.receive() for line in getattr(item, "lines", [])]
        assert lines == ["garden (1)"]
        bob = server.join("bob", "garden")
        joined = []
        while not joined:
            joined = [event for event in chat.receive() if isinstance(event, Joined)]
        assert (joined[0].room, joined[0].name) == ("garden", "bob")
        chat.say("hi")
        assert bob.read_until("MSG|ada|hi") == []


# --- topics ---


def test_a_topic_is_shown_set_and_cleared(server):
    ada, bob = owner(server, "ada"), Program(server, "bob", "garden")
    sync(ada)
    assert says(ada, "/topic") == ["INFO|garden has no topic. Set one by /topic TEXT"]
    assert says(ada, "/topic Tulips") == ["INFO|ada has set the topic: Tulips"]
    told = bob.read_until("topic")
    assert (told["room"], told["topic"], told["by"]) == ("garden", "Tulips", "ada")
    bob.ask("/topic Roses", "garden")
    assert ada.read() == "INFO|bob has set the topic: Roses"
    assert says(ada, "/topic") == ["INFO|The topic of garden is: Roses"]
    assert Program(server, "eve", "garden").welcome["topic"] == "Roses"
    sync(ada)
    assert says(ada, "/topic -") == ["INFO|ada has cleared the topic."]
    assert bob.read_until("topic", by="ada")["topic"] == ""


def test_the_welcome_of_a_plain_client_tells_the_topic(server):
    says(owner(server, "ada"), "/topic Tulips")
    bob = server.connect()
    bob.send("JOIN|bob|garden")
    bob.expect("INFO|Welcome to garden, bob. Here is ada. Say /help for the commands. The topic is: Tulips")


def test_a_topic_has_a_longest(server):
    ada = owner(server, "ada")
    assert says(ada, f"/topic {'x' * 301}") == ["ERROR|The topic is longer than 300 characters. Make it shorter."]
    assert says(ada, f"/topic {'x' * 300}")[0].startswith("INFO|ada has set the topic: xxx")


def test_who_may_set_the_topic_is_a_setting(server):
    ada, bob = owner(server, "ada"), join(server, "bob", "garden")
    says(ada, "/room topic-by owner")
    assert sync(bob) == ["INFO|In garden, its owner sets the topic, says ada."]
    assert says(bob, "/topic Weeds") == ["ERROR|Only the owner of garden and operators may set its topic."]
    assert says(bob, "/topic") == ["INFO|garden has no topic. Set one by /topic TEXT"]
    assert says(ada, "/topic Tulips") == ["INFO|ada has set the topic: Tulips"]
    says(ada, "/room topic-by everybody")
    assert says(bob, "/topic Weeds")[-1] == "INFO|bob has set the topic: Weeds"


# --- what a plain client is sent ---


def test_a_client_of_six_frames_is_sent_no_other_whatever_happens_around_it(server):
    plain = owner(server, "plain")
    ada, bob = Program(server, "ada", "garden"), Program(server, "bob")
    says(plain, "/room owner ada")
    for line in ("/topic Tulips", "/away Lunch", "/back", "/become ada", "/crown", "/become", "/me waves", "/nick eve"):
        ada.ask(line, "garden")
    bob.ask("/join cellar")
    bob.ask("/invite plain cellar")
    bob.ask("/msg plain hi", "cellar")
    ada.ask("/room key sesame")
    ada.ask("/part garden")
    lines = says(plain, "/rooms", "/names", "/room", "/topic", "/whois bob", "/ignore", "/help", "/help room")
    assert len(lines) > 40
    assert {line.partition("|")[0] for line in lines} == {"INFO", "MSG"}
