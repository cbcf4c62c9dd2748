"""A server that stands still, and another one that goes on with all who are connected."""

import json
import os

import gevent
import pytest
from kit.carrying import house

from greenchat import hookimpl


def test_who_is_connected_notices_nothing(tmp_path):
    with house(tmp_path) as served:
        ada, bob = served.join("ada"), served.join("bob")
        ada.expect("INFO|bob has joined the chat.")
        for number in range(3):
            bob.send(f"MSG|before {number}\n")
            served.reload()
            ada.send(f"MSG|after {number}\n")
            ada.expect(f"MSG|bob|before {number}")
            bob.expect(f"MSG|ada|after {number}")
        bob.send("LEAVE\n")
        ada.expect("INFO|bob has left the chat.")
        assert bob.line() == ""


def test_what_is_sent_meanwhile_is_read_afterwards(tmp_path):
    with house(tmp_path) as served:
        ada, bob = served.join("ada"), served.join("bob")
        ada.expect("INFO|bob has joined the chat.")
        pause = served.freeze()
        bob.send("MSG|one\nMSG|tw")
        newcomer = served.connect()
        newcomer.send("JOIN|carol\n")
        assert pause.settle()
        served.reload()
        bob.send("o\n")
        ada.expect("MSG|bob|one")
        assert newcomer.line().startswith("INFO|Welcome")
        heard = {ada.line(), ada.line()}
        assert heard == {"MSG|bob|two", "INFO|carol has joined the chat."}


def test_a_server_that_is_not_replaced_goes_on(tmp_path):
    with house(tmp_path) as served:
        ada, bob = served.join("ada"), served.join("bob")
        ada.expect("INFO|bob has joined the chat.")
        pause = served.freeze()
        bob.send("MSG|meanwhile\n")
        newcomer = served.connect()
        newcomer.send("JOIN|carol\n")
        assert pause.settle()
        pause.thaw()
        ada.expect("MSG|bob|meanwhile")
        assert newcomer.line().startswith("INFO|Welcome")


@pytest.mark.parametrize("codec", ["plain", "json"])
def test_frames_may_be_cut_anywhere(tmp_path, codec):
    text = "grüße 😀 und | so"
    frame = (
        f"MSG|{text}\n" if codec == "plain" else json.dumps({"type": "say", "text": text}, ensure_ascii=False) + "\n"
    )
    data = frame.encode()
    with house(tmp_path) as served:
        ada = served.join("ada")
        bob = served.connect()
        bob.send("JOIN|bob\n" if codec == "plain" else '{"type":"join","name":"bob"}\n')
        ada.expect("INFO|bob has joined the chat.")
        for cut in range(0, len(data), 5):
            bob.send(data[:cut])
            gevent.sleep(0)
            served.reload()
            bob.send(data[cut:])
            ada.expect(f"MSG|bob|{text}")


def test_who_has_not_joined_yet_still_may(tmp_path):
    with house(tmp_path) as served:
        silent, half, unnamed = served.connect(), served.connect(), served.connect()
        half.send("JO")
        unnamed.send("MSG|too early\n")
        assert unnamed.line().startswith("ERROR|You have not joined yet.")
        was = served.reload()
        assert len(was.connections.acceptor.silent) + len(was.connections.sessions) == 3
        for name, client, line in (
            ("one", silent, "JOIN|one"),
            ("two", half, "IN|two"),
            ("three", unnamed, "JOIN|three"),
        ):
            client.send(f"{line}\n")
            assert client.line().startswith(f"INFO|Welcome to lobby, {name}.")


def test_what_a_client_has_not_read_comes_behind_what_it_has(tmp_path):
    with house(tmp_path, settings={"limits.outbox_seconds": 0}) as served:
        ada, bob = served.join("ada"), served.join("bob")
        ada.expect("INFO|bob has joined the chat.")
        count, filling = 4000, "x" * 1000
        for start in range(0, count, 100):
            bob.send("".join(f"MSG|{number} {filling}\n" for number in range(start, start + 100)))
            gevent.sleep(0)
        assert served.server.sessions
        while served.server.backlog.bytes == 0:
            gevent.sleep(0.001)
        was = served.reload()
        assert any(session.outbox for session in was.connections.sessions)
        bob.send("MSG|last\n")
        ada.expect(*(f"MSG|bob|{number} {filling}" for number in range(count)), "MSG|bob|last")


def test_a_flood_goes_on_as_slowly_as_before(tmp_path):
    limits = {"limits.flood_rate": 50, "limits.flood_burst": 5}
    with house(tmp_path, settings=limits) as served:
        ada, bob = served.join("ada"), served.join("bob")
        ada.expect("INFO|bob has joined the chat.")
        bob.send("".join(f"MSG|{number}\n" for number in range(60)))
        ada.expect("MSG|bob|0")
        was = served.reload()
        left = [session for session in was.connections.sessions if session.frames]
        assert len(left) == 1
        ada.expect(*(f"MSG|bob|{number}" for number in range(1, 60)))


# --- what goes wrong ---


@pytest.mark.parametrize("where", ["tcp", "unix"])
def test_a_server_that_cannot_go_on_is_followed_by_an_empty_one_on_the_same_sockets(tmp_path, where):
    class Broken:
        """Fails where connections are there already."""

        @hookimpl
        def greenchat_startup(self, server):
            self.server = server
            self.own = server.listen_also("127.0.0.1:0", lambda sock, address: None)

        @hookimpl
        def greenchat_carried(self, session):
            session.server.direct_store.open = None

    path = tmp_path / "socket"
    settings = {"server.listen": [f"unix:{path}"]} if where == "unix" else {}
    (tmp_path / "data").mkdir()
    with house(tmp_path / "data", lambda: (Broken(),), settings=settings) as served:
        before = set(os.listdir("/proc/self/fd"))
        ada, silent = served.join("ada"), served.connect()
        while not served.server.acceptor._silent:
            gevent.sleep(0.001)
        served.begin_empty(TypeError)
        assert (ada.line(), silent.line()) == ("", "")
        ada.close()
        silent.close()
        served.join("ada").send("LEAVE\n")
        served.clients.pop().close()
        while served.server.sessions:
            gevent.sleep(0.001)
        assert len(os.listdir("/proc/self/fd")) <= len(before) + 2


def test_a_session_that_cannot_be_understood_is_closed_and_no_other(tmp_path):
    with house(tmp_path) as served:
        ada, bob = served.join("ada"), served.join("bob")
        ada.expect("INFO|bob has joined the chat.")
        taken, state = served.leave()
        state.connections.sessions[1].decoder = b"\xc1"
        served.take_over(taken)
        assert bob.line() == ""
        ada.expect("INFO|bob has left the chat.")
