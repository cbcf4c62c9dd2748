"""How the server is: what it counts, /stats, and `greenchat status`."""

import json
import random
import re
import socket
import subprocess

import pytest
import trustme
from kit.hall import Turn
from kit.processes import GREENCHAT, kept_port, serve_process

import greenchat
from greenchat.chat.chat import Chat
from greenchat.chat.outlet import Login
from greenchat.client import Client, RefusedError
from greenchat.codecs.jsonlines import JsonCodec
from greenchat.codecs.plain import PlainCodec
from greenchat.config.schema import Limits
from greenchat.protocol.address import is_local
from greenchat.protocol.replies import Stats
from greenchat.server.stats import LATE_SECONDS, Longest
from greenchat.testing import DEADLINE, serving

# --- what is counted ---


class Reader:
    """A session that counts the messages it was sent."""

    def __init__(self, codec):
        self.codec = self.shared_codec = codec
        self.address = "unix"
        self.login, self.only, self.is_welcome = Login(), "", True
        self.asked = None
        self.outbox = []

    def messages(self):
        data = b"".join(self.outbox)
        return len(re.findall(rb'^MSG\||^\{"type":"message"', data, re.MULTILINE))


class NoHooks:
    check_join = check_enter = check_message = check_reaction = None
    room_opened = messages = acted = event = gone = changed = find_message = find_keys = None


def deliver(outboxes, data):
    for outbox in outboxes:
        outbox.append(data)


@pytest.mark.parametrize("seed", range(20))
def test_deliveries_are_exactly_what_all_members_were_sent(seed):
    """People come, talk and go in any order, and many times within one turn of the event loop."""
    dice = random.Random(seed)
    turn, readers, members = Turn(), [], []
    codecs = PlainCodec(), JsonCodec()
    chat = Chat(Limits(), "lobby", NoHooks(), turn, deliver)
    said = 0
    for step in range(400):
        what = dice.choices(["join", "say", "act", "leave", "flush", "end"], [2, 8, 1, 2, 1, 2])[0]
        if what == "join":
            readers.append(Reader(dice.choice(codecs)))
            members.append(chat.join(readers[-1], f"n{step}", dice.choice(["", "garden"])))
        elif what == "end":
            turn.end()
        elif members:
            member = dice.choice(members)
            if what == "leave":
                members.remove(member)
                chat.leave(member, "left")
            elif what == "flush":
                member.room.flush()
            else:
                said += 1
                chat.say(member, "x", action=what == "act")
    turn.end()
    assert said > 100
    assert chat.delivery_stats.messages == said
    assert chat.delivery_stats.deliveries == sum(reader.messages() for reader in readers) > 0


def test_sessions_members_rooms_messages_and_refusals_are_counted():
    with serving() as server:
        ada, bob = server.join("ada"), server.join("bob", "garden")
        cy = server.join("cy")
        ada.expect("INFO|cy has joined the chat.")
        ada.send("MSG|one", "MSG|two", "MSG|", "DANCE", "DANCE", "LEAVE")
        cy.expect("MSG|ada|one", "MSG|ada|two", "INFO|ada has left the chat.")
        ada.read_until("ERROR|'DANCE' is no frame type. Send JOIN|<username>, MSG|<text> or LEAVE.")
        ada.read()
        ada.expect_closed()
        ada.close()
        bob.send("MSG|Is nobody here?", "MSG|/ping")
        bob.read_until("INFO|Pong.")
        with Client.connect(server.host, server.port) as client:
            stats = client.stats()
    assert (stats.sessions_in_all, stats.members, stats.rooms) == (4, 2, 2)
    assert stats.refusals == {"empty": 1, "unknown_type": 2}
    assert (stats.messages, stats.deliveries) == (3, 2)
    assert 0 < stats.uptime_seconds < DEADLINE
    assert stats.server == f"greenchat/{greenchat.__version__}"


def test_who_is_turned_away_is_counted():
    with serving(settings={"limits.connections_per_address": 1}) as server:
        ada = server.join("ada")
        refused = server.connect()
        assert refused.read().startswith("ERROR|")
        ada.send("MSG|/stats")
        lines = ada.read_until("INFO|loop lag: 0 ms at most, of late")
    assert "INFO|refused: full 1" in lines


def test_what_waits_for_slow_readers_is_counted():
    with serving(settings={"limits.outbox_bytes": 0}) as server, socket.socket() as sleeper:
        sleeper.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sleeper.connect((server.host, server.port))
        sleeper.sendall(b"JOIN|sleeper\n")
        ada, bob = server.join("ada"), server.join("bob")
        for _ in range(20):
            ada.send(*["MSG|" + "x" * 4000] * 200)
            for _ in range(200):
                while not bob.read().startswith("MSG|"):
                    pass
        stats = server.call(server.server.stats)
        assert stats.waiting_bytes == stats.waiting_bytes_most > 1_000_000
        assert stats.messages == 4000
        assert stats.deliveries == 8000
        server.call(lambda: server.server.chat.find("sleeper").sessions[0].close("enough"))


def test_how_long_the_loop_was_held_is_told(tmp_path):
    (tmp_path / "sleepy.py").write_text(
        "import time\nfrom greenchat import hookimpl\n"
        "@hookimpl\ndef greenchat_check_message(message):\n    time.sleep(0.2)\n"
    )
    with serve_process(tmp_path, "--plugins-dir", str(tmp_path)) as serving, serving.join("ada") as ada:
        ada.send("MSG|slow", "MSG|/ping")
        ada.expect("INFO|Pong.")
        with Client.connect("127.0.0.1", serving.port) as client:
            assert 0.2 <= client.stats().loop_lag_seconds < DEADLINE


def test_the_longest_is_that_of_late():
    longest = Longest()
    assert longest.of_late(1000.0) == 0
    longest.add(0.5, 1001.0)
    longest.add(0.1, 1002.0)
    assert longest.of_late(1002.0) == 0.5
    longest.add(0.2, 1001.0 + LATE_SECONDS)
    assert longest.of_late(1001.0 + LATE_SECONDS) == 0.5, "what was just before the minute still counts"
    assert longest.of_late(1001.0 + 2 * LATE_SECONDS) == 0.2
    assert longest.of_late(1001.0 + 5 * LATE_SECONDS) == 0
    longest.add(0.3, 9000.0)
    assert longest.of_late(9000.0) == 0.3
    assert longest.of_late(9000.0 + 2 * LATE_SECONDS) == 0, "nothing has happened since"


# --- who is told ---


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("127.0.0.1:5000", True),
        ("127.8.9.10:5000", True),
        ("[::1]:5000", True),
        ("[::ffff:127.0.0.1]:5000", True),
        ("unix", True),
        ("192.0.2.1:5000", False),
        ("[2001:db8::1]:5000", False),
        ("[fe80::1%eth0]:5000", False),
        ("[::ffff:192.0.2.1]:5000", False),
        ("0.0.0.0:5000", False),
    ],
)
def test_local_is_the_loopback_network_and_unix_sockets(address, local):
    assert is_local(address) is local


def test_a_stranger_is_not_told():
    with serving() as server, Client.connect(server.host, server.port) as client:
        client.join("mallory")

        def move_away():
            (session,) = server.server.sessions.values()
            session.address = "192.0.2.1:5000"

        server.call(move_away)
        with pytest.raises(RefusedError, match="Only the server's own machine is told that") as refused:
            client.stats()
        assert refused.value.code == "not_allowed"


# --- as people read it ---


def stats_of(**changes):
    fields = {
        "server": "greenchat/1",
        "uptime_seconds": 93784.9,
        "sessions": 12,
        "sessions_in_all": 3456,
        "members": 11,
        "rooms": 2,
        "messages": 1234567,
        "deliveries": 12345678,
        "waiting_bytes": 7000,
        "waiting_bytes_most": 6000,
        "refusals": {"name_taken": 2, "full": 1},
        "loop_lag_seconds": 0.0123,
    }
    return Stats(**(fields | changes))


def test_rows_say_it_for_people():
    assert stats_of().rows() == [
        ("server", "greenchat/1"),
        ("up", "1 day, 2:03:04"),
        ("sessions", "12 now, 3,456 in all"),
        ("members", "11 in 2 rooms"),
        ("messages", "1,234,567, delivered 12,345,678 times"),
        ("waiting", "7,000 bytes for slow readers, 6,000 for the slowest"),
        ("refused", "full 1, name_taken 2"),
        ("loop lag", "12 ms at most, of late"),
    ]
    assert dict(stats_of(refusals={}, rooms=1).rows())["refused"] == "nothing"
    assert dict(stats_of(refusals={}, rooms=1).rows())["members"] == "11 in 1 room"


def test_stats_is_a_command_for_everybody_who_has_joined():
    with serving() as server:
        peer = server.connect()
        peer.send("MSG|/stats", "JOIN|ada", "MSG|/stats")
        peer.expect("ERROR|You have not joined yet. Send JOIN|<username> first.")
        assert peer.read().startswith("INFO|Welcome")
        labels = [label for label, _ in stats_of().rows()]
        lines = [peer.read() for _ in labels]
    assert [line.partition(": ")[0] for line in lines] == [f"INFO|{label}" for label in labels]
    assert lines[2] == "INFO|sessions: 1 now, 1 in all"


# --- greenchat status ---


def status(*arguments):
    return subprocess.run([*GREENCHAT, "status", *arguments], capture_output=True, text=True, timeout=60)


def test_status_prints_a_table_or_json(tmp_path):
    with serve_process(tmp_path) as serving, serving.join("ada"):
        where = f"127.0.0.1:{serving.port}"
        table, as_json = status(where), status(where, "--json")
    assert (table.returncode, table.stderr) == (0, "")
    lines = table.stdout.splitlines()
    assert lines[0] == f"server    greenchat/{greenchat.__version__}"
    assert lines[2] == "sessions  2 now, 2 in all"
    assert lines[3] == "members   1 in 1 room"
    found = json.loads(as_json.stdout)
    assert (found["members"], found["rooms"], found["refusals"]) == (1, 1, {})
    assert set(found) == set(Stats.__struct_fields__) - {"ref"}


def test_status_over_tls(tmp_path):
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    certificate, trusted = str(tmp_path / "server.pem"), str(tmp_path / "ca.pem")
    issued.private_key_and_cert_chain_pem.write_to_path(certificate)
    authority.cert_pem.write_to_path(trusted)
    names = [f"tls.cert={certificate}", f"tls.key={certificate}", "tls.required=true"]
    with serve_process(tmp_path, *(part for name in names for part in ("--set", name))) as serving:
        where = f"127.0.0.1:{serving.port}"
        clear, encrypted = status(where), status(where, "--tls", "--cafile", trusted)
    assert (clear.returncode, clear.stdout) == (4, "")
    assert "wants TLS" in clear.stderr
    assert (encrypted.returncode, encrypted.stderr) == (0, "")
    assert "sessions  1 now, 1 in all" in encrypted.stdout


def test_status_without_a_server_is_one_sentence_and_exit_code_3():
    with kept_port() as port:
        result = status(f"127.0.0.1:{port}")
    assert (result.returncode, result.stdout) == (3, "")
    assert result.stderr.startswith(f"Error: No server listens at 127.0.0.1:{port}. ")


def test_status_of_something_else_is_told():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        process = subprocess.Popen(
            [*GREENCHAT, "status", f"127.0.0.1:{port}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        with other.accept()[0] as peer:
            peer.sendall(b"220 mail.example.org \x1b[2J ESMTP\r\n")
            out, error = process.communicate(timeout=60)
    assert (process.returncode, out) == (3, "")
    assert error == f"Error: What answers at 127.0.0.1:{port} is no greenchat server. Check host and port.\n"


def test_status_keeps_control_codes_of_a_server_from_the_terminal():
    reply = JsonCodec().encode(stats_of(server="evil\x1b[2J", refusals={"x\x9b2J": 1}, ref=1))
    with socket.create_server(("127.0.0.1", 0)) as other:
        where = f"127.0.0.1:{other.getsockname()[1]}"
        process = subprocess.Popen([*GREENCHAT, "status", where], stdout=subprocess.PIPE, text=True)
        with other.accept()[0] as peer:
            peer.sendall(reply)
            out, _ = process.communicate(timeout=60)
    assert out.splitlines()[0] == "server    evil?[2J"
    assert "x?2J 1" in out


def test_status_wants_an_address():
    result = status("1.2.3.4:99999")
    assert (result.returncode, result.stdout) == (2, "")
    assert "'99999' is no port. Ports are numbers from 1 to 65535." in result.stderr
