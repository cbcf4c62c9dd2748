"""People answer, change, delete and react by commands: with the number that /history tells, or without one."""

import pytest
from kit.programs import Anybody, Program, says, sync
from kit.socketless import serving


@pytest.fixture
def chat(tmp_path):
    with serving(Anybody, data_dir=tmp_path) as server:
        yield server


def test_on_netcat(chat):
    ada, bob = chat.join("ada"), chat.join("bob")
    says(ada, "Shall we go out?", "It is spring.")
    sync(bob)
    assert says(bob, "/re Gladly!", "/re 1 Yes.", "/react 🌷", "/react #1 👍") == [
        'INFO|bob reacts with 🌷 to bob: "Yes."',
        'INFO|bob reacts with 👍 to ada: "Shall we go out?"',
    ]
    assert says(bob, "/react #1 👍") == ['INFO|bob takes back 👍 from ada: "Shall we go out?"']
    assert says(bob, "/edit Yes, now!", "/edit 3 With pleasure!", "/delete") == [
        'INFO|bob has changed "Yes.": Yes, now!',
        'INFO|bob has changed "Gladly!": With pleasure!',
        "INFO|bob has deleted a message.",
    ]
    told = sync(ada)
    assert 'MSG|bob|(to ada: "It is spring.") Gladly!' in told
    assert 'MSG|bob|(to ada: "Shall we go out?") Yes.' in told
    _, *page, _ = says(ada, "/history")
    assert page == [
        "MSG|ada|[1] Shall we go out?",
        "MSG|ada|[2] It is spring.",
        'MSG|bob|[3] (to ada: "It is spring.") With pleasure! (changed)',
    ]


def test_a_program_has_its_answer_when_it_is_kept(chat):
    ada = Program(chat, "ada")
    ada.ask("Helo!")
    *_, edited, ack = ada.ask("/edit Hello!")
    assert (edited["type"], edited["text"]) == ("edited", "Hello!")
    assert {**ack, "ref": 0} == {"type": "ack", "ref": 0, "seq": 1, "rev": 2}
    *_, ack = ada.ask("/re Nobody is here.")
    assert (ack["seq"], ack["rev"]) == (2, 3)
    *_, ack = ada.ask("/delete 1")
    assert {**ack, "ref": 0} == {"type": "ack", "ref": 0, "seq": 1, "rev": 4}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("/edit", "usage"),
        ("/re", "usage"),
        ("/react", "usage"),
        ("/delete my words", "usage"),
        ("/delete", "unknown_message"),
        ("/edit Mine.", "unknown_message"),
        ("/edit 1 Mine.", "not_allowed"),
        ("/delete 1", "not_allowed"),
        ("/delete 9", "unknown_message"),
        ("/re 9 What?", "unknown_message"),
        ("/react yes", "emoji_invalid"),
        ("/re /login ada secret", "usage"),
        ("/re 1 /login ada secret", "usage"),
        ("/edit  /login ada secret", "usage"),
    ],
)
def test_what_is_refused(chat, line, code):
    ada, bob = Program(chat, "ada"), Program(chat, "bob")
    ada.ask("Hello!")
    assert bob.refused(line) == code


def test_a_number_alone_is_a_text(chat):
    ada, bob = Program(chat, "ada"), Program(chat, "bob")
    ada.ask("How many?")
    bob.ask("/re 12")
    bob.ask("/re //shrug")
    assert [ada.read_until("message")["text"] for _ in range(2)] == ["12", "/shrug"]


def test_ones_last_message_after_a_restart(tmp_path):
    for text in ("Helo!", "Hello!"):
        with serving(Anybody, data_dir=tmp_path) as server:
            ada, bob = Program(server, "ada"), Program(server, "bob")
            ada.ask("/become ada")
            if text == "Helo!":
                ada.ask(text)
                bob.ask("Hi.")
            else:
                assert ada.ask(f"/edit {text}")[-1]["seq"] == 1
                assert bob.read_until("edited")["text"] == text
                assert bob.refused("/delete") == "unknown_message"


def test_they_change_what_was_said_to_one_person(chat):
    ada, bob = Program(chat, "ada"), Program(chat, "bob")
    assert ada.request(type="say", to="bob", text="/edit x")["code"] == "unknown_message"
    for text in ("Hello!", "/edit Hello, bob!"):
        assert ada.request(type="say", to="bob", text=text)["type"] == "ack"
    assert bob.read_until("edited")["text"] == "Hello, bob!"


def test_they_are_for_what_two_people_say_as_well(chat):
    ada, bob = Program(chat, "ada"), Program(chat, "bob")
    assert ada.request(type="say", to="bob", text="/edit x")["code"] == "unknown_message"
    ada.request(type="say", to="bob", text="Lunch?")
    assert bob.request(type="say", to="ada", text="/re 1 /me nods")["seq"] == 2
    told = ada.read_until("message")
    assert (told["text"], told["action"], told["reply_to"]) == ("nods", True, 1)


def test_an_action_may_be_an_answer(chat):
    ada, bob, eve, phone = chat.join("ada"), Program(chat, "bob"), Program(chat, "eve"), Program(chat, "bob-2")
    for device in (bob, phone):
        device.ask("/become bob")
    says(ada, "Shall we go out?")
    bob.send(type="say", text="Yes.", room="lobby")
    *_, ack = bob.exchange(type="say", text="/me nods", room="lobby", reply_to=1)
    assert (ack["seq"], ack["rev"]) == (3, 3)
    bob.ask("/re 1 /me waves", room="lobby")
    bob.ask("/re /ME sits down", room="lobby")
    for one, more in ((eve, {}), (phone, {"own": True})):
        told = [one.read_until("message", sender="bob") for _ in range(4)]
        assert [(said["text"], said.get("action"), said.get("reply_to")) for said in told] == [
            ("Yes.", None, None),
            ("nods", True, 1),
            ("waves", True, 1),
            ("sits down", True, 4),
        ]
        assert all(more.items() <= said.items() for said in told)
    assert 'MSG|bob|(to ada: "Shall we go out?") * bob nods' in sync(ada)
    page = eve.request(type="history", room="lobby")["events"]
    assert [(said["text"], said.get("action"), said.get("reply_to")) for said in page[2:4]] == [
        ("nods", True, 1),
        ("waves", True, 1),
    ]
    *_, edited, _ = bob.ask("/edit 3 nods twice")
    assert edited["text"] == "nods twice"


def test_what_an_action_answers_is_there(chat):
    ada, bob = Program(chat, "ada"), Program(chat, "bob")
    ada.ask("Hello!")
    for where in ({"room": "lobby"}, {"to": "bob"}):
        assert ada.request(type="say", text="/me nods", reply_to=7, **where)["code"] == "unknown_message"
    assert bob.refused("/re 1 /me") == "usage"
    assert bob.refused("/re 1 /login bob secret") == "usage"
