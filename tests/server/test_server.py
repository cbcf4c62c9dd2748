"""The whole server over loopback sockets, as its clients see it."""

import socket
import time

import pytest
from kit.machine import eventually
from kit.programs import Program
from kit.sessions import IMPATIENT

from greenchat.config.schema import Limits
from greenchat.testing import DEADLINE, ServerThread, serving


def json_peer(server: ServerThread, **join: object) -> Program:
    peer = Program(server)
    if join:
        peer.send(type="join", **join)
    return peer


# --- plain frames ---


def test_three_people_meet_talk_and_leave(server):
    alice = server.connect()
    alice.send("JOIN|Alice")
    alice.expect("INFO|Welcome to lobby, Alice. Nobody else is here yet. Say /help for the commands.")
    bob = server.join("Bob")
    alice.expect("INFO|Bob has joined the chat.")
    carol = server.connect()
    carol.send("JOIN|Carol")
    carol.expect("INFO|Welcome to lobby, Carol. Here are Alice, Bob. Say /help for the commands.")
    alice.expect("INFO|Carol has joined the chat.")
    bob.expect("INFO|Carol has joined the chat.")
    alice.send("MSG|Hello everyone!")
    bob.expect("MSG|Alice|Hello everyone!")
    carol.expect("MSG|Alice|Hello everyone!")
    bob.send("MSG|pipes | are | kept|")
    alice.expect("MSG|Bob|pipes | are | kept|")
    carol.expect("MSG|Bob|pipes | are | kept|")
    bob.send("LEAVE")
    bob.expect_closed()
    alice.expect("INFO|Bob has left the chat.")
    carol.close()
    alice.expect("INFO|Carol has left the chat.")


@pytest.mark.parametrize(
    ("frames", "answer"),
    [
        (b"MSG|too early\n", "ERROR|You have not joined yet. Send JOIN|<username> first."),
        (b"JOIN|\n", "ERROR|A username is missing. Send JOIN|<username> or JOIN|<username>|<room>."),
        (b"JOIN|two words\n", "ERROR|The username 'two words' is not valid."),
        (b"JOIN|Server\n", "ERROR|The username Server is kept for the server. Choose another."),
        (b"JOIN|" + b"x" * 33 + b"\n", "ERROR|The username is longer than 32 characters."),
        (b"JOIN|dora|no room\n", "ERROR|The room name 'no room' is not valid."),
        (b"JOIN|ada\nJOIN|ada2\n", "ERROR|You are in the chat already, as ada."),
        (b"JOIN|ada\nMSG|\n", "ERROR|The message is empty."),
        (b"JOIN|ada\nMSG|  \n", "ERROR|The message is empty."),
        (b"JOIN|ada\nMSG\n", "ERROR|The message is empty."),
        (b"hello?\n", "ERROR|'hello?' is no frame type. Send JOIN|<username>, MSG|<text> or LEAVE."),
        (b"JOIN|ada\nMSG|\xff\xfe\n", "ERROR|The frame is not valid UTF-8."),
        (b"JOIN|ada\nMSG|\x1b[2Jgone\n", "ERROR|The frame has control characters."),
        (b"JOIN|ada\nMSG|nul\x00\n", "ERROR|The frame has control characters."),
        (
            b"JOIN|ada\nMSG|" + b"x" * 4093 + b"\n",
            "ERROR|The frame is longer than 4096 bytes. Send it in shorter parts.",
        ),
        (b"JOIN|ada\nMSG|" + b"x" * 5000, "ERROR|The frame is longer than 4096 bytes. Send it in shorter parts."),
    ],
)
def test_what_is_refused_is_told_with_a_remedy_and_the_connection_stays_open(server, frames, answer):
    bob = server.join("bob")
    peer = server.connect()
    peer.socket.sendall(frames)
    lines = [peer.read()]
    if frames.startswith(b"JOIN|ada"):
        lines.append(peer.read())
    assert lines[-1].startswith(answer)
    peer.send("", "JOIN|eve") if len(lines) == 1 else peer.send("", "MSG|still here")
    if len(lines) == 1:
        assert peer.read().startswith("INFO|Welcome")
        bob.expect("INFO|eve has joined the chat.")
    else:
        bob.expect("INFO|ada has joined the chat.", "MSG|ada|still here")


@pytest.mark.parametrize("name", ["bob", "BOB", "ｂｏｂ", "Ｂob"])
def test_a_name_is_taken_in_all_its_spellings(server, name):
    server.join("Bob")
    peer = server.connect()
    peer.send(f"JOIN|{name}")
    assert peer.read().startswith("ERROR|The username")
    peer.send("JOIN|Robert")
    assert peer.read().startswith("INFO|Welcome to lobby, Robert.")


def test_people_on_netcat_may_type_lower_case_and_their_terminal_may_send_crlf(server):
    bob = server.join("bob")
    peer = server.connect()
    peer.socket.sendall(b"join|ada\r\n\r\nmsg|hi\r\nleave\r\n")
    assert peer.read().startswith("INFO|Welcome")
    bob.expect("INFO|ada has joined the chat.", "MSG|ada|hi", "INFO|ada has left the chat.")
    peer.expect_closed()


def test_a_frame_of_exactly_the_limit_passes_whole(server):
    bob, ada = server.join("bob"), server.join("ada")
    bob.expect("INFO|ada has joined the chat.")
    ada.send("MSG|" + "x" * 4092)
    bob.expect("MSG|ada|" + "x" * 4092)


def test_frames_cut_at_every_byte_arrive_whole(server):
    bob = server.join("bob")
    peer = server.connect()
    for byte in "JOIN|ada\nMSG|grüß euch\n".encode():
        peer.socket.sendall(bytes([byte]))
    bob.expect("INFO|ada has joined the chat.", "MSG|ada|grüß euch")


def test_ten_thousand_frames_in_one_write_arrive_in_order(server):
    bob, ada = server.join("bob"), server.join("ada")
    bob.expect("INFO|ada has joined the chat.")
    ada.send(*(f"MSG|{number}" for number in range(10_000)))
    bob.expect(*(f"MSG|ada|{number}" for number in range(10_000)))


def test_who_vanishes_in_mid_frame_says_nothing_more_and_has_left(server):
    bob, ada = server.join("bob"), server.join("ada")
    bob.expect("INFO|ada has joined the chat.")
    ada.socket.sendall(b"MSG|whole\nMSG|unfini")
    ada.close()
    bob.expect("MSG|ada|whole", "INFO|ada has left the chat.")


def test_a_reset_connection_has_left_once(server):
    bob, ada = server.join("bob"), server.join("ada")
    bob.expect("INFO|ada has joined the chat.")
    ada.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    ada.close()
    bob.expect("INFO|ada has left the chat.")
    bob.send("MSG|x")
    server.join("cy")
    bob.expect("INFO|cy has joined the chat.")


def test_join_may_name_a_room(server):
    ada, bob = server.join("ada", "dev"), server.join("bob", "DEV")
    server.join("cy")
    ada.read_until("INFO|bob has joined the chat.")
    bob.send("MSG|just us")
    ada.expect("MSG|bob|just us")


# --- JSON Lines ---


def test_a_json_client_is_welcomed_acknowledged_and_told_what_happens(server):
    bob = server.join("bob")
    ada = json_peer(server, name="ada", ref=1)
    welcome = ada.read()
    assert welcome["type"] == "welcome"
    assert welcome["ref"] == 1
    assert welcome["protocol"] == 2
    assert (welcome["name"], welcome["room"], welcome["members"], welcome["seq"]) == ("ada", "lobby", ["bob", "ada"], 0)
    assert welcome["limits"]["frame_bytes"] == 4096
    assert set(welcome["limits"]) == set(Limits.__struct_fields__), "each limit is announced"
    bob.expect("INFO|ada has joined the chat.")
    ada.send(type="say", text="hi", room="lobby", ref="a")
    ack = ada.read()
    assert (ack["type"], ack["ref"], ack["seq"]) == ("ack", "a", 1)
    bob.expect("MSG|ada|hi")
    bob.send("MSG|hello")
    message = ada.read()
    assert (message["type"], message["sender"], message["text"], message["seq"]) == ("message", "bob", "hello", 2)
    assert message["id"] > ack["id"]
    assert message["time"].endswith("Z")
    ada.send(type="ping", ref=2)
    assert ada.read() == {"type": "pong", "ref": 2}
    bob.send("LEAVE")
    assert ada.read()["type"] == "left"
    ada.send(type="leave")
    ada.peer.expect_closed()


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({"type": "say", "text": "x"}, "not_joined"),
        ({"type": "join", "name": "bob"}, "name_taken"),
        ({"type": "join", "name": "a b"}, "name_invalid"),
        ({"type": "join", "name": "ada|dev"}, "name_invalid"),
        ({"type": "join"}, "name_invalid"),
        ({"type": "join", "name": 1}, "malformed"),
        ({"type": "dance"}, "unknown_type"),
        ({"type": "say", "text": "line\x85INFO|forged"}, "control"),
        ({"type": "history"}, "not_joined"),
    ],
)
def test_a_json_error_has_a_code_and_the_ref_of_what_it_answers(server, frame, code):
    server.join("bob")
    ada = json_peer(server)
    ada.send(**frame, ref=7)
    error = ada.read()
    assert (error["type"], error["code"], error["ref"]) == ("error", code, 7)
    assert error["text"]


def test_an_ack_has_the_number_of_what_a_command_said_and_none_where_nothing_was(server):
    ada = json_peer(server, name="ada")
    ada.read()
    ada.send(type="say", text="//slash", ref=1)
    assert ada.read()["seq"] == 1
    ada.send(type="say", text="/ping", ref=2)
    assert ada.read()["type"] == "notice"
    assert ada.read() == {"type": "ack", "ref": 2}
    ada.send(type="say", text="/me waves", ref=3)
    assert ada.read()["seq"] == 2


def test_a_json_client_that_names_another_room_is_told_where_it_is(server):
    ada = json_peer(server, name="ada")
    ada.read()
    ada.send(type="say", text="x", room="dev", ref=1)
    assert ada.read() == {"type": "error", "code": "not_in_room", "text": "You are not in dev, but in lobby.", "ref": 1}


def test_where_no_plugin_keeps_a_history_there_is_none():
    with serving(settings={"server.disabled_plugins": ["history"]}) as server:
        ada = json_peer(server, name="ada")
        ada.read()
        for request in ("history", "search"):
            ada.send(type=request, text="roses", ref=2)
            assert ada.read()["code"] == "no_history"


# --- limits ---


def test_a_flood_is_slowed_down_and_arrives_whole():
    with serving(settings={"limits.flood_burst": 5, "limits.flood_rate": 200}) as server:
        bob, ada = server.join("bob"), server.join("ada")
        bob.expect("INFO|ada has joined the chat.")
        begun = time.monotonic()
        ada.send(*(f"MSG|{number}" for number in range(65)))
        bob.expect(*(f"MSG|ada|{number}" for number in range(65)))
        assert time.monotonic() - begun > 0.25  # 60 frames past the burst at 200 a second


def test_acks_come_as_the_messages_are_said_also_while_slowed_down():
    with serving(settings={"limits.flood_burst": 2, "limits.flood_rate": 0.5}) as server:
        ada = json_peer(server)
        ada.send(type="join", name="ada")
        ada.send(type="say", text="1", ref=1)
        ada.send(times=50, type="say", text="later", ref=2)  # a hundred seconds' worth
        assert ada.read()["type"] == "welcome"
        assert ada.read()["ref"] == 1


def test_a_full_server_says_so_and_lets_in_again_when_somebody_has_gone():
    with serving(settings={"limits.connections": 2}) as server:
        ada = server.join("ada")
        server.join("bob")
        turned_away = server.connect()
        turned_away.expect("ERROR|The server is full. Try again later.")
        turned_away.expect_closed()
        ada.send("LEAVE")
        ada.expect("INFO|bob has joined the chat.")
        ada.expect_closed()
        ada.close()
        eventually(lambda: server.call(lambda: len(server.server.sessions)) <= 1)
        server.join("cy")


def test_one_address_has_its_share():
    with serving(settings={"limits.connections_per_address": 1}) as server:
        server.join("ada")
        second = server.connect()
        second.expect("ERROR|There are too many connections from 127.0.0.1. Close one, and try again.")
        second.expect_closed()


def test_a_json_client_is_turned_away_in_its_own_language():
    with serving(settings={"limits.connections": 1}) as server:
        server.join("ada")
        second = json_peer(server, name="bob")
        assert second.read() == {"type": "error", "code": "full", "text": "The server is full. Try again later."}
        second.peer.expect_closed()


def test_a_private_chat_lets_in_who_knows_the_pass_phrase():
    with serving(settings={"server.password": "open sesame"}) as server:
        ada = server.connect()
        ada.send("JOIN|ada")
        ada.expect("ERROR|This chat has a pass phrase. Say MSG|/password PHRASE first, or send it with a JSON join.")
        ada.send("MSG|/password guess", "MSG|/password open sesame", "JOIN|ada")
        ada.expect("ERROR|This is not the pass phrase. Ask whoever invited you.")
        ada.expect("INFO|That is right. Now send JOIN|<username>.")
        assert ada.read().startswith("INFO|Welcome to lobby, ada.")
        bob = json_peer(server, name="bob", password="guess", ref=1)
        assert bob.read()["code"] == "password_wrong"
        bob.send(type="join", name="bob", password="open sesame", ref=2)
        assert bob.read()["type"] == "welcome"


def test_a_room_has_its_share():
    with serving(settings={"limits.members_per_room": 1}) as server:
        server.join("ada")
        bob = server.connect()
        bob.send("JOIN|bob")
        bob.expect("ERROR|The room lobby is full: it has 1 members. Try another room, or later.")
        bob.send("JOIN|bob|den")
        assert bob.read().startswith("INFO|Welcome to den")


def test_a_silent_json_client_is_pinged_and_closed_when_it_does_not_answer_any_more():
    with serving(settings={"limits.ping_seconds": 0.1} | IMPATIENT) as server:
        bob, ada = server.join("bob"), json_peer(server, name="ada")
        ada.read()
        bob.expect("INFO|ada has joined the chat.")
        for _ in range(3):
            assert ada.read() == {"type": "ping"}
            ada.send(type="pong")
        assert ada.read() == {"type": "ping"}
        ada.peer.expect_closed()
        bob.expect("INFO|ada has left the chat.")
        bob.send("MSG|I am plain, and never pinged")
        assert server.call(lambda: list(server.server.chat.members)) == ["bob"]


def test_nobody_is_silent_while_what_they_sent_is_being_said():
    limits = {"limits.ping_seconds": 0.1, "limits.flood_burst": 2, "limits.flood_rate": 20}
    with serving(settings=limits) as server:
        bob, ada = server.join("bob", "bench"), json_peer(server, name="ada", room="bench")
        ada.send(type="pong")
        for number in range(15):
            ada.send(type="say", text=str(number))
        bob.read_until("INFO|ada has joined the chat.")
        bob.expect(*(f"MSG|ada|{number}" for number in range(15)))


def test_empty_lines_are_not_free():
    with serving(settings={"limits.flood_burst": 1, "limits.flood_rate": 20, "limits.frame_bytes": 1000}) as server:
        ada = server.join("ada")
        begun = time.monotonic()
        ada.socket.sendall(b"\n" * 10_000)  # as much as ten frames of the longest kind
        ada.send("done")
        assert ada.read().startswith("ERROR|'done' is no frame type.")
        assert time.monotonic() - begun > 0.3


def test_a_simple_bot_that_knows_no_pings_stays():
    with serving(settings={"limits.ping_seconds": 0.05}) as server:
        bob, bot = server.join("bob"), json_peer(server, name="bot")
        bot.read()
        bob.expect("INFO|bot has joined the chat.")
        assert bot.read() == {"type": "ping"}
        deadline = time.monotonic() + 0.3  # six times as long as a ping waits for its answer
        while time.monotonic() < deadline:
            server.call(lambda: None)
        bob.send("MSG|are you there?")
        assert bot.read()["text"] == "are you there?"


def test_who_has_joined_and_says_nothing_may_be_sent_home():
    with serving(settings={"limits.idle_seconds": 0.1, "limits.ping_seconds": 0.05}) as server:
        ada, bob = server.join("ada"), json_peer(server, name="bob")
        bob.read()
        ada.expect("INFO|bob has joined the chat.")
        ada.expect("ERROR|You have said nothing for 0.1 seconds. Come back any time.")
        assert {frame["type"] for frame in bob.rest()} >= {"error"}


@pytest.mark.skipif(not hasattr(socket, "TCP_KEEPIDLE"), reason="this system does not tell when it probes")
def test_a_peer_that_has_gone_without_a_word_is_found_by_the_kernel():
    with serving(settings={"limits.ping_seconds": 7}) as server:
        server.join("ada")

        def options():
            (session,) = server.server.sessions.values()
            sock = session._socket
            return (
                sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
            )

        assert server.call(options) == (1, 7)


def test_who_says_nothing_is_asked_to_come_back():
    with serving(settings={"limits.first_frame_seconds": 0.05}) as server:
        peer = server.connect()
        peer.expect("ERROR|Nothing was said for too long. Connect again and send JOIN|<username>.")
        peer.expect_closed()


def test_who_does_not_join_in_time_is_asked_to_come_back():
    with serving(settings={"limits.join_seconds": 0.05}) as server:
        peer = server.connect()
        peer.send("what")
        assert peer.read().startswith("ERROR|'what' is no frame type")
        peer.expect("ERROR|You have not joined in time. Connect again and send JOIN|<username>.")
        peer.expect_closed()


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        ({"limits.outbox_bytes": 100_000}, "reads too slowly: more than 100000 bytes waited for it"),
        ({"limits.outbox_bytes": 0, "limits.outbox_seconds": 0.1}, "reads too slowly: it took nothing for 0.1 seconds"),
    ],
)
def test_who_does_not_read_is_closed_with_a_named_reason_and_the_others_lose_nothing(limit, reason):
    from greenchat import hookimpl

    reasons = []

    class Watch:
        @hookimpl
        def greenchat_disconnected(self, session, reason):
            reasons.append(reason)

    with serving(Watch(), settings=limit) as server:
        slow, bob, ada = server.join("slow"), server.join("bob"), server.join("ada")
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        bob.read_until("INFO|ada has joined the chat.")
        number = 0
        heard: list[str] = []
        while "INFO|slow has left the chat." not in heard:
            texts = [f"{number + i} " + "x" * 4000 for i in range(50)]
            number += 50
            ada.send(*(f"MSG|{text}" for text in texts))
            heard += [bob.read() for _ in texts]
            assert number < 10_000
        while len(heard) <= number:
            heard.append(bob.read())
        heard.remove("INFO|slow has left the chat.")
        assert [int(line.split("|")[2].split()[0]) for line in heard] == list(range(number))
    assert reason in reasons


def test_a_stop_tells_everybody_and_closes_in_good_order():
    with serving() as server:
        ada, silent = server.join("ada"), server.connect()
        silent.send("what")
        silent.read()
        server.stop()
        ada.expect("INFO|Server is shutting down.")
        silent.expect("INFO|Server is shutting down.")
        ada.expect_closed()
        ada.close()
        silent.expect_closed()


def test_a_stop_does_not_wait_for_those_who_have_said_nothing():
    with serving(settings={"server.grace_seconds": 2 * DEADLINE}) as server:
        silent = server.connect()
        server.join("ada")  # the silent one is waited for by now
        server.stop()
        silent.expect_closed()
