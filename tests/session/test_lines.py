"""A message of several lines: who gets it how, what is refused, and what it costs."""

import json
import time

import pytest
from kit.programs import Program, says, sync, without_plugins
from kit.web_peer import WebPeer

from greenchat.protocol.text import MOST_LINES
from greenchat.testing import serving

# What somebody would write to be taken for another, or for the server.
FORGED = "one\nMSG|eve|two\n\nINFO|three\n/four"


@pytest.fixture
def chat(tmp_path):
    with serving(settings={"server.data_dir": str(tmp_path), "plugins.history.replay": 10}) as server:
        yield server


def say(one, text, **fields):
    return one.request(type="say", text=text, **fields)


def test_programs_and_browsers_get_one_message_and_plain_clients_its_lines_in_order(chat):
    ada, bob, eve = Program(chat, "ada"), Program(chat, "bob"), chat.join("eve")
    with WebPeer(chat) as web:
        web.join("web")
        said = say(ada, FORGED.replace("\n", "\r\n") + "\r\n \r\n")
        assert (said["type"], said["seq"]) == ("ack", 1)
        assert bob.read_until("message")["text"] == FORGED
        assert next(frame for frame in iter(web.hear, None) if frame["type"] == "message")["text"] == FORGED
        web.say(type="say", text="a\nb", to="eve")
        assert [line for line in eve.read_until("MSG|web (private)|b") if line.startswith("MSG")] == [
            "MSG|ada|one",
            "MSG|ada|MSG|eve|two",
            "MSG|ada|",
            "MSG|ada|INFO|three",
            "MSG|ada|/four",
            "MSG|web (private)|a",
        ]
    bob.request(type="say", text="yes\nno", reply_to=1)
    bob.ask("/me sings\nla\n/la")
    assert sync(eve) == [
        'MSG|bob|(to ada: "one …") yes',
        "MSG|bob|no",
        "MSG|bob|* bob sings",
        "MSG|bob|la",
        "MSG|bob|/la",
    ]


def test_a_run_with_and_without_lines_stays_in_order(chat):
    ada, eve = Program(chat, "ada"), chat.join("eve")
    texts = ["1", "2\n3", "4", "5", "6\n7\n8", "9"]
    ada.peer.socket.sendall(b"".join(json.dumps({"type": "say", "text": text}).encode() + b"\n" for text in texts))
    eve.expect(*(f"MSG|ada|{number}" for number in range(1, 10)))


def test_a_change_is_told_plain_people_in_one_line_and_what_came_before_in_all_of_them(chat):
    ada, bob, eve = Program(chat, "ada"), Program(chat, "bob"), chat.join("eve")
    say(ada, "one\ntwo")
    *_, edited, _ = ada.exchange(type="edit", seq=1, text="three\r\nfour\n")
    assert edited["text"] == "three\nfour"
    assert sync(eve) == ["MSG|ada|one", "MSG|ada|two", 'INFO|ada has changed "one …": three …']
    bob.request(type="react", seq=1, emoji="👍")
    assert sync(eve) == ['INFO|bob reacts with 👍 to ada: "three …"']
    assert says(eve, "/history")[1:-1] == ["MSG|ada|[1] three … (changed, 👍 1)"]
    found = [line for line in says(eve, "/search four") if "in lobby" in line]
    assert [line.partition(" in ")[2] for line in found] == ["lobby, ada: three four"]
    dora = chat.connect()
    dora.send("JOIN|dora")
    assert [line for line in sync(dora) if line.startswith("MSG")] == ["MSG|ada|three", "MSG|ada|four (changed, 👍 1)"]


@pytest.mark.parametrize("kind", ["say", "edit"])
def test_too_many_lines_and_other_control_characters_are_refused(kind):
    with serving(settings=without_plugins("history")) as server:
        ada, bob = Program(server, "ada"), server.join("bob")
        say(ada, "one")
        told = ada.request(type=kind, seq=1, text="x\n" * MOST_LINES + "x")
        assert told["code"] == "too_long"
        assert told["text"] == "The message has 101 lines, and one has at most 100. Send it in shorter parts."
        assert ada.request(type=kind, seq=1, text="a\n\x1b[2J")["code"] == "control"
        assert ada.request(type=kind, seq=1, text="\r\n\n")["code"] == "empty"
        assert sync(bob) == ["MSG|ada|one"]


def test_a_command_is_one_line_unless_it_says_the_others():
    with serving() as server:
        ada, bob = Program(server, "ada"), server.join("bob")
        for text in (
            "/nick eve\nhello",
            "\n/topic x\ny",
            "/login ada secret\nhi",
            "/away a\nb",
            "/join x\n/me y",
            "/who\r\rx",
        ):
            assert ada.refused(text) in ("usage", "not_allowed"), text
        assert ada.refused("/nonsense a\nb") == "unknown_command"
        assert sync(bob) == []
        ada.ask("//login a\n/b")
        ada.ask("/msg bob\nfirst\n second")
        ada.ask("/re 1\nyes\nno")
        ada.ask("/edit 2 well\nno")
        assert sync(bob) == [
            "MSG|ada|/login a",
            "MSG|ada|/b",
            "MSG|ada (private)|first",
            "MSG|ada (private)| second",
            'MSG|ada|(to ada: "/login a …") yes',
            "MSG|ada|no",
            'INFO|ada has changed "yes …": well …',
        ]
        assert ada.refused("/re 1\n/secret") == "usage"


def test_what_is_no_message_stays_one_line():
    with serving() as server:
        ada = Program(server)
        assert ada.join(name="a\nb")["code"] == "name_invalid"
        ada.join(name="ada")
        assert ada.join(room="a\nb")["code"] == "room_invalid"
        say(ada, "hi")
        assert ada.request(type="react", seq=1, emoji="👍\n👍")["code"] == "emoji_invalid"


def test_each_line_counts_for_flood_control():
    settings = {"limits.flood_rate": 200, "limits.flood_burst": 20}
    with serving(settings=settings) as server:
        ada = Program(server, "ada")
        began = time.monotonic()
        say(ada, "\n".join("x" * 100))  # five times as much as at once
        say(ada, "x")
        assert time.monotonic() - began > 0.35
        began = time.monotonic()
        ada.request(type="edit", seq=1, text="\n".join("y" * 100))
        assert time.monotonic() - began > 0.35


def test_a_word_is_not_hidden_by_a_line_break():
    settings = {"plugins.moderation.words": ["rude word", "\u574f\u4eba"], "plugins.moderation.action": "block"}
    with serving(settings=settings) as server:
        ada = Program(server, "ada")
        for text in ("so\nrude\nword", "fine\nrude word", "\u4f60\u662f\u574f\n\u4eba\u554a"):
            assert say(ada, text)["code"] == "word", text
        assert say(ada, "fine\nrude\nwords")["type"] == "ack"


def test_a_slow_room_takes_several_lines_as_one_message():
    with serving() as server:
        ada, bob = Program(server, "ada", "garden"), Program(server, "bob", "garden")
        assert ada.ask("/slow garden 1h", "garden")[-1]["type"] == "ack"
        assert say(bob, "a\nb\nc")["type"] == "ack"
        assert say(bob, "d")["code"] == "slow"
