"""What a client sends in one read is handled as one, and nobody can tell: order, refusals, acknowledgements and hooks
are those of message after message."""

import json

import pytest
from kit.programs import Program
from kit.web_peer import TEXT, WebPeer, frame

from greenchat import Joined, Left, Message, Reject, hookimpl
from greenchat.session.flood import PART_FRAMES
from greenchat.testing import serving


def send(program, *frames):
    """Frames of a JSON client, in one piece."""
    program.peer.socket.sendall("".join(json.dumps(frame) + "\n" for frame in frames).encode())


def say(text, **more):
    return {"type": "say", "text": text, **more}


def answers(program, count):
    """The next answers and messages, as what matters of them."""
    found = []
    while len(found) < count:
        frame = program.read()
        if frame["type"] in ("ack", "error"):
            found.append((frame["type"], frame.get("ref"), frame.get("code") or frame.get("seq", 0)))
    return found


class Picky:
    """Refuses what has "no" in it, and rewrites what has "loud"; notes all that it sees, and what was said by then."""

    def __init__(self):
        self.seen = []

    def verdict(self, session, message):
        self.seen.append((message.text, message.seq, message.id, session.chat.rooms[message.room].seq))
        if "no" in message.text:
            raise Reject(f"not {message.text}", code="picky")
        return message.text.upper() if "loud" in message.text else None


class PickyAboutEach(Picky):
    @hookimpl
    def greenchat_check_message(self, session, message):
        return self.verdict(session, message)


class PickyAboutRuns(Picky):
    @hookimpl
    def greenchat_check_messages(self, session, messages):
        found = []
        for message in messages:
            try:
                found.append(self.verdict(session, message) or message.text)
            except Reject as verdict:
                found.append(verdict)
        return found


@pytest.mark.parametrize("check", [PickyAboutEach, PickyAboutRuns])
def test_a_check_refuses_and_rewrites_in_the_middle_of_a_run(check):
    picky = check()
    with serving(picky) as server:
        bob, ada = server.join("bob"), server.join("ada")
        cy = Program(server, "cy")
        bob.read_until("INFO|cy has joined the chat.")
        ada.send("MSG|one", "MSG|no", "MSG|loud", "MSG|/nothing", "MSG|no more", "MSG|last")
        bob.expect("MSG|ada|one", "MSG|ada|LOUD", "MSG|ada|last")
        ada.read_until("ERROR|not no")
        assert ada.read().startswith("ERROR|There is no command /nothing")
        ada.expect("ERROR|not no more")
        assert [seen[:3] for seen in picky.seen] == [(text, 0, 0) for text in ("one", "no", "loud", "no more", "last")]
        send(cy, say("a", ref=1), say("no", ref=2), say("b"), say("loud c", ref="x"), say("no"), say("d", ref=4))
        expected = [("ack", 1, 4), ("error", 2, "picky"), ("ack", "x", 6), ("error", None, "picky"), ("ack", 4, 7)]
        assert answers(cy, 5) == expected
        bob.expect("MSG|cy|a", "MSG|cy|b", "MSG|cy|LOUD C", "MSG|cy|d")


def test_who_checks_each_message_is_asked_when_those_before_it_have_been_said():
    picky = PickyAboutEach()
    with serving(picky) as server:
        bob, ada = server.join("bob"), server.join("ada")
        ada.send("MSG|one", "MSG|no", "MSG|two", "MSG|three")
        bob.read_until("MSG|ada|three")
        assert [seen[3] for seen in picky.seen] == [0, 1, 1, 2]


def test_checks_of_both_kinds_are_asked_in_the_order_of_their_plugins():
    for plugins in ((PickyAboutEach(), PickyAboutRuns()), (PickyAboutRuns(), PickyAboutEach())):
        with serving(*plugins) as server:
            bob, ada = server.join("bob"), server.join("ada")
            ada.send("MSG|one", "MSG|loud", "MSG|no", "MSG|two")
            bob.read_until("MSG|ada|two")
            seen = [[found[0] for found in plugin.seen] for plugin in plugins]
            assert seen == [["one", "loud", "no", "two"], ["one", "LOUD", "two"]]


class Takes:
    """Takes what begins with "take", and refuses what begins with "refuse"."""

    def __init__(self):
        self.seen = []

    @hookimpl
    def greenchat_frame(self, session, frame):
        text = getattr(frame, "text", "")
        if text:
            self.seen.append((text, frame.room, frame.ref))
        if text.startswith("refuse"):
            raise Reject("refused", code="taken")
        if text == "take and say":
            session.say("something else")
        return text.startswith("take")


def test_a_plugin_that_takes_frames_sees_each_of_a_run_and_takes_one_in_the_middle():
    takes = Takes()
    with serving(takes) as server:
        bob, ada = server.join("bob"), Program(server, "ada")
        bob.read_until("INFO|ada has joined the chat.")
        texts = ["a", "take", "b", "take and say", "refuse"]
        send(ada, *(say(text, ref=ref) for ref, text in enumerate(texts, start=1)))
        assert answers(ada, 5) == [
            ("ack", 1, 1),
            ("ack", 2, 0),
            ("ack", 3, 2),
            ("ack", 4, 3),
            ("error", 5, "taken"),
        ]
        bob.expect("MSG|ada|a", "MSG|ada|b", "MSG|ada|something else")
        bob.send("MSG|1", "MSG|take", "MSG|2", "MSG|refuse", "MSG|3")
        bob.expect("ERROR|refused")
        assert [ada.read_until("message")["text"] for _ in range(3)] == ["1", "2", "3"]
        assert [text for text, _, _ in takes.seen] == [*texts, "1", "take", "2", "refuse", "3"]


class TakesRuns:
    def __init__(self):
        self.seen = []

    @hookimpl
    def greenchat_says(self, session, says):
        self.seen.append(list(says.texts))
        if "refuse" in says.texts:
            raise Reject("refused", code="taken")
        return says.texts[0] == "take"


def test_a_plugin_takes_a_run_as_one_and_sees_single_messages_as_runs_of_one():
    takes = TakesRuns()
    with serving(takes) as server:
        bob, ada = server.join("bob"), Program(server, "ada")
        bob.read_until("INFO|ada has joined the chat.")
        send(ada, say("take", ref=1), say("a", ref=2))
        assert answers(ada, 2) == [("ack", 1, 0), ("ack", 2, 0)]
        send(ada, say("b", ref=3), say("/nothing", ref=4), say("c"))
        assert answers(ada, 2) == [("ack", 3, 1), ("error", 4, "unknown_command")]
        send(ada, say("d", ref=5), {"type": "ping", "ref": 6})
        assert answers(ada, 1) == [("ack", 5, 3)]
        send(ada, say("refuse", ref=7), say("e", ref=8), say("f", to="bob"))
        assert answers(ada, 1) == [("error", 7, "taken")]
        bob.expect("MSG|ada|b", "MSG|ada|c", "MSG|ada|d", "MSG|ada (private)|f", "MSG|ada|e")
        # What is mixed with other frames, or for one person, comes one by one, and the latter not here.
        assert takes.seen == [["take", "a"], ["b", "/nothing", "c"], ["d"], ["refuse"], ["e"]]


def test_with_one_who_looks_at_each_frame_runs_are_taken_one_by_one():
    takes, each = TakesRuns(), Takes()
    with serving(takes, each) as server:
        bob, ada = server.join("bob"), server.join("ada")
        ada.send("MSG|a", "MSG|take", "MSG|b")
        bob.read_until("MSG|ada|b")
        assert takes.seen == [["a"], ["take"], ["b"]] or takes.seen == [["a"], ["b"]]


def test_commands_in_the_middle_of_a_run_are_run_there():
    with serving() as server:
        bob, ada = server.join("bob"), server.join("ada")
        bob.read_until("INFO|ada has joined the chat.")
        ada.send("MSG|one", "MSG|/nick eve", "MSG|two", "MSG|\t/me waves", "MSG|three", "MSG|", "MSG|//four")
        bob.expect("MSG|ada|one", "INFO|ada is now known as eve.", "MSG|eve|two")
        bob.expect("MSG|eve|* eve waves", "MSG|eve|three", "MSG|eve|/four")
        ada.read_until("ERROR|The message is empty. Write something.")


def test_a_room_left_in_the_middle_of_a_run_hears_nothing_of_the_rest():
    with serving() as server:
        bob, cy, ada = server.join("bob"), server.join("cy", "den"), server.join("ada")
        bob.read_until("INFO|ada has joined the chat.")
        ada.send("MSG|one", "MSG|/join den", "MSG|two", "MSG|/quit", "MSG|three")
        bob.expect("MSG|ada|one", "INFO|ada has left the chat.")
        cy.read_until("INFO|ada has joined the chat.")
        cy.expect("MSG|ada|two", "INFO|ada has left the chat.")
        assert server.call(lambda: server.server.chat.rooms["den"].seq) == 1


def test_who_is_put_out_by_a_check_says_nothing_more():
    class PutsOut:
        @hookimpl
        def greenchat_check_message(self, session, message):
            if message.text == "out":
                session.chat.part(session.member, session.chat.rooms[message.room], "put out")

    with serving(PutsOut()) as server:
        bob, ada = server.join("bob"), server.join("ada")
        bob.read_until("INFO|ada has joined the chat.")
        ada.send("MSG|one", "MSG|out", "MSG|two", "MSG|/join lobby", "MSG|three")
        bob.expect("MSG|ada|one", "INFO|ada has left the chat.", "INFO|ada has joined the chat.", "MSG|ada|three")


def test_who_is_sent_home_by_a_check_says_nothing_more():
    class SendsHome:
        @hookimpl
        def greenchat_check_message(self, session, message):
            if message.text == "home":
                session.close("sent home")
                raise Reject("go home")

    with serving(SendsHome()) as server:
        bob, ada = server.join("bob"), server.join("ada")
        bob.read_until("INFO|ada has joined the chat.")
        ada.send("MSG|one", "MSG|home", "MSG|two")
        bob.expect("MSG|ada|one", "INFO|ada has left the chat.")


def test_two_who_talk_at_once_keep_their_order_and_every_number_is_given_once():
    seen = []

    class Sees:
        @hookimpl
        def greenchat_messages(self, messages):
            seen.append(messages)

    count = 3 * PART_FRAMES
    with serving(Sees()) as server:
        ada, cy, dan = Program(server, "ada"), server.join("cy"), server.join("dan")
        cy.read_until("INFO|dan has joined the chat.")
        send(ada, *(say(f"{number}", ref=number) for number in range(count)))
        dan.send(*(f"MSG|{number}" for number in range(count)))
        heard = [cy.read() for _ in range(2 * count)]
        for name in ("ada", "dan"):
            assert [line for line in heard if line.startswith(f"MSG|{name}|")] == [
                f"MSG|{name}|{number}" for number in range(count)
            ]
        acks = answers(ada, count)
        server.call(lambda: None)  # observers are told once all have been
        said = [message for run in seen for message in run]
        assert [message.seq for message in said] == list(range(1, 2 * count + 1))
        assert sorted({message.id for message in said}) == [message.id for message in said]
        assert [f"MSG|{message.sender}|{message.text}" for message in said] == heard
        assert acks == [("ack", int(message.text), message.seq) for message in said if message.sender == "ada"]
        # As many as there are, they are few runs, and nobody can change them.
        assert len(seen) < count
        assert all(type(run.texts) is tuple for run in seen)


def test_with_and_without_ref_side_by_side():
    with serving() as server:
        ada = Program(server, "ada")
        elsewhere = [say("e", room="other"), say("f", ref=1, room="lobby")]
        send(ada, say("a"), say("b", ref="x"), say("c"), say("d", ref=0), *elsewhere)
        assert answers(ada, 4) == [("ack", "x", 2), ("ack", 0, 4), ("error", None, "not_in_room"), ("ack", 1, 5)]


def test_who_ignores_somebody_reads_nothing_of_their_runs():
    with serving() as server:
        bob, ada, cy = server.join("bob"), server.join("ada"), server.join("cy")
        bob.send("MSG|/ignore ada")
        while not bob.read().startswith("INFO|You"):
            pass
        ada.send("MSG|one", "MSG|/me waves", "MSG|two")
        cy.read_until("MSG|ada|two")
        cy.send("MSG|hello")
        assert not [line for line in bob.read_until("MSG|cy|hello") if line.startswith("MSG|ada")]


def test_flood_control_cuts_a_run_and_loses_nothing():
    with serving(settings={"limits.flood_rate": 100, "limits.flood_burst": 5}) as server:
        bob, ada = server.join("bob"), server.join("ada")
        bob.read_until("INFO|ada has joined the chat.")
        ada.send(*(f"MSG|{number}" for number in range(20)))
        bob.expect(*(f"MSG|ada|{number}" for number in range(20)))


@pytest.mark.parametrize("annotation", [Joined | Left, "Joined | Left", Joined])
def test_an_observer_is_called_for_the_kinds_that_it_names(annotation):
    seen = []

    class Sees:
        @hookimpl
        def greenchat_event(self, event: annotation):
            seen.append(type(event))

    with serving(Sees()) as server:
        bob, ada = server.join("bob"), server.join("ada")
        ada.send("MSG|one", "MSG|two", "LEAVE")
        bob.read_until("INFO|ada has left the chat.")
        bob.send("MSG|/topic x", "LEAVE")
        assert list(iter(bob.read, ""))
    if annotation is Joined:
        assert set(seen) == {Joined}
    else:
        assert set(seen) == {Joined, Left}
    assert seen.count(Joined) == 2


def test_an_observer_that_names_what_nobody_knows_is_called_for_all():
    seen = []

    class Sees:
        @hookimpl
        def greenchat_event(self, event: "OnlyForTypeCheckers"):  # noqa: F821
            seen.append(type(event))

    with serving(Sees()) as server:
        bob, ada = server.join("bob"), server.join("ada")
        ada.send("MSG|one")
        bob.read_until("MSG|ada|one")
        server.call(lambda: None)
        assert set(seen) == {Joined, Message}


@pytest.mark.parametrize("text", ["γεια σου κόσμε", "🎉 party", "…", "naïve", "(x)", "'tis"])
def test_texts_of_all_alphabets_go_as_runs(text):
    seen = []

    class Sees:
        @hookimpl
        def greenchat_messages(self, messages):
            seen.append(len(messages))

    with serving(Sees()) as server:
        bob, ada, cy = server.join("bob"), server.join("ada"), Program(server, "cy")
        bob.read_until("INFO|cy has joined the chat.")
        ada.send(*[f"MSG|{text}"] * 50)
        bob.expect(*[f"MSG|ada|{text}"] * 50)
        send(cy, *[say(text)] * 50)
        bob.expect(*[f"MSG|cy|{text}"] * 50)
        assert len(seen) < 10


def test_websockets_take_the_same_way():
    seen = []

    class Sees:
        @hookimpl
        def greenchat_messages(self, messages):
            seen.append(len(messages))

    count = 400
    with serving(Sees()) as server, WebPeer(server) as web:
        bob = server.join("bob")
        web.join("web")
        bob.read_until("INFO|web has joined the chat.")
        texts = [f"{number} {'x' * 100}" for number in range(count)]
        frames = [frame(TEXT, json.dumps(say(text, ref=ref)).encode()) for ref, text in enumerate(texts)]
        # Cut within frames, which go on after the cut: what is not all there waits for the rest.
        web.send_bytes(b"".join(frames), chop=10_007)
        bob.expect(*(f"MSG|web|{text}" for text in texts))
        acks = []
        while len(acks) < count:
            heard = web.hear()
            if heard["type"] == "ack":
                acks.append((heard["ref"], heard["seq"]))
        assert acks == [(ref, ref + 1) for ref in range(count)]
        assert len(seen) < count / 4
