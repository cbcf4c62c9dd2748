"""files, as clients of other kinds read of them, and over a reload."""

import json
import socket
import threading
import time
from contextlib import closing

import pytest
from kit.handovers import Handovers
from kit.machine import eventually
from kit.processes import serve_process
from kit.programs import Anybody, Program, sync, without_plugins
from kit.sessions import device
from kit.uploads import get, http_request, path_of, place_for, put, send

from greenchat.testing import DEADLINE, serving

GUESTS = {"plugins.files.guests": True}


def test_a_client_of_irc_reads_a_link(tmp_path):
    with serving(settings=GUESTS) as server, Program(server, "ada") as ada, server.connect() as irc:
        irc.send("NICK dan", "USER dan 0 * :Dan", "JOIN #lobby")
        while " 366 " not in irc.read():
            pass
        file = send(server, ada, "notes.txt", b"hello", text="Look!")
        assert irc.read().rstrip().endswith(f" PRIVMSG #lobby :Look! [file notes.txt, 5 bytes] {file['url']}")


def test_who_is_on_netcat_sends_one_with_curl(tmp_path):
    with serving(settings=GUESTS) as server, server.join("dan") as dan, Program(server, "eve") as eve:
        sync(dan)
        dan.send("MSG|/upload my%20notes.txt 5")
        line = dan.read()
        assert line.startswith("INFO|Send it within 5 minutes: curl -T FILE http://localhost:")
        assert put(server, path_of(line.split()[-1]), b"hello")[0] == 201
        assert eve.read_until("message")["files"][0]["name"] == "my notes.txt"
        dan.send("MSG|/history 1")
        assert any("[file my notes.txt, 5 bytes] http" in line for line in sync(dan))


def test_a_link_begins_as_the_operator_says_and_ends_after_its_time(tmp_path, monkeypatch):
    more = GUESTS | {"plugins.files.address": "https://chat.example.org/talk", "plugins.files.link_hours": 1}
    with serving(settings=more, data_dir=tmp_path) as server, Program(server, "ada") as ada:
        path = place_for(ada, "notes.txt", 5)
        assert path.startswith("/talk/upload/")
        assert put(server, path.removeprefix("/talk"), b"hello")[0] == 201
        (file,) = ada.read_until("message")["files"]
        assert file["url"].startswith("https://chat.example.org/talk/files/")
        here = path_of(file["url"]).removeprefix("/talk")
        assert http_request(server, "GET", here)[0] == 200
        later = time.time() + 2 * 3600
        monkeypatch.setattr("greenchat_plugins.files.links.time.time", lambda: later)
        assert http_request(server, "GET", here)[0] == 403
        told = ada.request(type="history", room="lobby")["events"][-1]["files"][0]
        assert http_request(server, "GET", path_of(told["url"]).removeprefix("/talk"))[0] == 200


def test_a_check_of_names_is_asked_and_what_it_makes_of_one_is_what_all_read(tmp_path):
    words = {"plugins.moderation.words": ["damn"], "plugins.moderation.action": "mask"}
    settings = without_plugins("accounts") | words
    with (
        serving(Anybody(), settings=settings) as server,
        device(server, "ada", "lobby") as ada,
        Program(server, "bob") as bob,
    ):
        file = send(server, ada, "damn.txt", b"hello")
        message = bob.read_until("message")
        assert "damn" not in json.dumps(message)
        assert message["text"] == message["files"][0]["name"] == file["name"]
        assert "damn" not in get(server, message["files"][0])[1]["content-disposition"]


def test_slow_senders_hold_nobody_up(tmp_path):
    with serving(settings=GUESTS) as server, Program(server, "ada") as ada:
        slow = []
        for _ in range(10):
            path = place_for(ada, "slow.bin", 1_000_000)
            slow.append(socket.create_connection((server.host, server.port), DEADLINE))
            slow[-1].sendall(f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nx".encode())
        threads = [threading.Thread(target=send, args=(server, ada, "quick.bin", b"quick")) for _ in range(1)]
        for thread in threads:
            thread.start()
            thread.join(DEADLINE)
            assert not thread.is_alive()
        for connection in slow:
            connection.close()


@pytest.mark.parametrize("history", [True, False])
def test_files_are_there_after_a_reload_and_uploads_are_cut(tmp_path, history):
    over = Handovers(tmp_path)
    more = ["--set", "plugins.files.guests=true"]
    more += [] if history else ["--set", 'server.disabled_plugins=["history"]']
    with serve_process(over.data_dir, *over.arguments, *more) as serving_process:
        server = serving_process
        server.host = "127.0.0.1"
        with Program(server, "ada") as ada:
            file = send(server, ada, "notes.txt", b"hello")
            path = place_for(ada, "slow.bin", 1000)
            with closing(socket.create_connection(("127.0.0.1", server.port), DEADLINE)) as connection:
                connection.sendall(f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nx".encode())
                over.hand_over(server)
            assert get(server, file)[2] == b"hello"
            assert put(server, path, bytes(1000))[0] == 403  # one asks for another place
            again = send(server, ada, "slow.bin", bytes(1000))
            assert get(server, again)[0] == 200
            seq = ada.request(type="say", text="behind", room="lobby")["seq"]
            assert ada.request(type="delete", room="lobby", seq=seq - 2)["type"] == "ack"
            eventually(lambda: get(server, file)[0] == 404)
