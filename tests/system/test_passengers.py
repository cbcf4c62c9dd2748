"""Clients of all kinds chat while their server is replaced under them, and none of them notices."""

import json
import socket
from contextlib import ExitStack

import pytest
from kit.handovers import Handovers
from kit.processes import serve_process
from kit.programs import Program, crown, enrol
from passengers import underway

from greenchat.testing import DEADLINE

pytestmark = pytest.mark.alone

SESSIONS, FULL_SESSIONS = 60, 1000
RELOADS, FULL_RELOADS = 3, 10

# For so long they chat between two reloads, in seconds.
BETWEEN = 0.5

# Nobody waits longer for a word or an acknowledgement, in seconds. A quiet machine takes less than one.
LONGEST = 15.0

# As many as come at once, and are let in while nobody accepts.
COMERS, FULL_COMERS = 200, 1000


def test_everybody_hears_everything_once_and_in_order(tmp_path, full):
    with underway(tmp_path, FULL_SESSIONS if full else SESSIONS) as (server, crowd, conductor):
        for _ in range(FULL_RELOADS if full else RELOADS):
            crowd.pass_seconds(BETWEEN)
            answer = conductor.reload(crowd.turn)
            assert answer["sessions"] == len(crowd.passengers) + 1
        crowd.settle()
        assert crowd.faults() == []
        assert max(crowd.waits) < LONGEST
        assert all(one.said for one in crowd.writers)
        log = server.stop()[1]
    assert "Traceback" not in log
    assert "ERROR" not in log


def test_who_comes_meanwhile_is_let_in(tmp_path, full):
    """All at once, while nobody accepts: they wait in the queues of the sockets."""
    over = Handovers(tmp_path)
    unlimited = ("--set", "limits.attempts_per_minute=0", "--set", "limits.members_per_room=0")
    with serve_process(over.data_dir, *over.arguments, *unlimited) as serving, ExitStack() as clients:
        over.change()
        over.hang_up(serving)
        over.logged("another program takes over")
        come = []
        for number in range(FULL_COMERS if full else COMERS):
            client = clients.enter_context(socket.create_connection(("127.0.0.1", serving.port), DEADLINE))
            client.sendall(json.dumps({"type": "join", "name": f"p{number}", "ref": number}).encode() + b"\n")
            come.append(client)
        for number, client in enumerate(come):
            frame = json.loads(clients.enter_context(client.makefile("rb")).readline())
            assert (frame["type"], frame["ref"]) == ("welcome", number)
        assert len(over.pauses) == 1


# What each is asked before a hand-over and after it, and has to answer in the same way.
QUESTIONS = {
    "ada": ["/names lobby", "/names garden", "/rooms", "/bans", "/whois bob", "/whois cyd"],
    "bob": ["/room", "/names", "/whois ada", "/ignore", "/plugin"],
    "cyd": ["/names", "/ignore", "/whois dee"],
}


def answers(people):
    """But for what tells how long they have been there."""
    return {
        (name, question): [
            {key: value for key, value in frame.items() if key not in ("ref", "lines", "time", "seconds")}
            for frame in people[name].ask(question, "garden")
            if frame["type"] != "ack" and frame.get("ref") == people[name].refs
        ]
        for name, questions in QUESTIONS.items()
        for question in questions
    }


def test_rooms_roles_tokens_and_what_people_have_chosen_stay(tmp_path):
    over = Handovers(tmp_path)
    enrol(over.data_dir, "ada")
    crown(over.data_dir, "ada")
    (over.directory / "anybody.py").write_text("from kit.programs import Anybody\ngreenchat_plugin = Anybody\n")
    unlimited = ("--set", "limits.flood_rate=0")
    helped = ["env", f"PYTHONPATH={_tests()}"]
    with serve_process(over.data_dir, *over.arguments, *unlimited, before=helped) as serving, ExitStack() as stack:
        people = {name: stack.enter_context(Program(serving, name)) for name in ("bob", "cyd", "dee", "gus")}
        people["ada"] = ada = stack.enter_context(Program(serving))
        ada.ask("/become ada")
        assert ada.join(name="ada", room="lobby")["type"] == "welcome"
        for name in ("bob", "ada", "cyd"):
            people[name].ask("/join garden", "lobby")
        bob, cyd, dee = people["bob"], people["cyd"], people["dee"]
        for who, line, room in (
            (bob, "/topic tulips", "garden"),
            (bob, "/room topic-by owner", "garden"),
            (bob, "/room key secret", "garden"),
            (bob, "/ignore dee", "garden"),
            (cyd, "/away for tea", "garden"),
            (ada, "/mute gus 1h too loud", "lobby"),
            (ada, "/ban eve 1h", "lobby"),
            (dee, "/msg cyd hello", "lobby"),
        ):
            *_, last = who.ask(line, room)
            assert last["type"] == "ack", (line, last)
        before = answers(people)
        assert not any(frame["type"] == "error" for frames in before.values() for frame in frames), before
        over.hand_over(serving)
        over.hand_over(serving)
        after = answers(people)
        for asked, answer in before.items():
            assert after[asked] == answer, asked
        # What was chosen holds.
        assert people["gus"].refused("let me speak", "lobby") == "muted"
        assert cyd.refused("/topic roses", "garden") == "not_allowed"
        with Program(serving) as eve:
            assert eve.join(name="eve")["code"] == "banned"
        with Program(serving, "fay") as fay:
            assert fay.refused("/join garden", "lobby") == "room_key"
            assert says_nothing(dee, bob)
        # And who is lost comes back by the token of before.
        for name in ("cyd", "bob"):
            token = people[name].welcome["token"]
            people[name].peer.close()
            again = stack.enter_context(Program(serving))
            welcome = again.join(token=token)
            assert (welcome["name"], welcome["rooms"]) == (name, ["lobby", "garden"]), welcome


def _tests():
    from kit import TESTS

    return TESTS


def says_nothing(speaker, hearer):
    """Whether what is said alone does not get there."""
    speaker.ask("/msg bob psst", "lobby")
    return not any("psst" in json.dumps(frame) for frame in hearer.exchange(type="ping"))
