"""Files under hardship: a full disk, uploads that are cut at any byte, a server that is killed, many at once."""

import random
import socket
import sqlite3
import threading
from contextlib import closing, suppress
from http.client import HTTPException

import pytest
from kit.machine import APART, MOUNT, can_be_apart, eventually
from kit.processes import serve_process
from kit.programs import Program
from kit.uploads import get, is_gone, path_of, picture, place_for, put, send

from greenchat.testing import DEADLINE

GUESTS = ("--set", "plugins.files.guests=true", "--set", "limits.connections_per_address=0")
BODY = random.Random(7).randbytes(300_000)


class Server:
    """A process, as the kit of files has a server."""

    def __init__(self, process):
        self.process, self.host, self.port = process, "127.0.0.1", process.port
        self.connect, self.join = process.connect, process.join


def rows(path, query):
    with closing(sqlite3.connect(path / "files.sqlite3")) as connection:
        return connection.execute(query).fetchall()


def head(path, size):
    return f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n".encode()


def test_an_upload_is_cut_at_any_byte(tmp_path, seed, full):
    """Of the head, and of the body; closed in good order, or not. Nothing is left of it, and the server goes on."""
    chance, body = random.Random(seed), picture(size=(64, 64))
    with serve_process(tmp_path, *GUESTS) as process, Program(Server(process), "ada") as ada:
        server = Server(process)
        path = place_for(ada, "cat.png", len(body))
        whole = head(path, len(body)) + body
        cuts = range(len(whole)) if full else chance.sample(range(len(whole)), 60)
        for cut in cuts:
            with closing(socket.create_connection((server.host, server.port), DEADLINE)) as connection:
                if chance.random() < 0.3:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                connection.sendall(whole[:cut])
        assert put(server, path, body)[0] == 201
        assert [file["name"] for file in ada.read_until("message")["files"]] == ["cat.png"]
        eventually(lambda: rows(tmp_path, "SELECT count(*) FROM parts WHERE hash LIKE 'coming %'") == [(0,)])
        assert rows(tmp_path, "SELECT count(*) FROM files") == [(1,)]
        assert "Traceback" not in (tmp_path / "stderr.log").read_text()


def test_a_server_that_is_killed_has_whole_files_or_none(tmp_path, seed, full):
    chance, known = random.Random(seed), []
    for _ in range(20 if full else 4):
        with serve_process(tmp_path, *GUESTS) as process, Program(Server(process), "ada") as ada:
            server = Server(process)
            for file, body in known:
                assert get(server, relinked(ada, file))[2] == body
            path = place_for(ada, "x.bin", len(BODY))
            thread = threading.Thread(target=carelessly, args=(put, server, path, BODY))
            thread.start()
            kept = chance.randbytes(1000)
            known.append((send(server, ada, "kept.bin", kept), kept))
            process.process.kill()  # while the other one is under way, as far as it has come
            process.process.wait()
            thread.join(DEADLINE)
    with serve_process(tmp_path, *GUESTS) as process, Program(Server(process), "ada") as ada:
        for file, body in known:
            assert get(Server(process), relinked(ada, file))[2] == body
        eventually(lambda: rows(tmp_path, "SELECT count(*) FROM parts WHERE hash LIKE 'coming %'") == [(0,)])


def carelessly(function, *arguments):
    with suppress(OSError, ValueError, HTTPException):  # the server is killed meanwhile
        function(*arguments)


def relinked(program, file):
    """The file as the history tells of it now."""
    page = program.request(type="history", room="lobby", limit=100)
    found = [one for event in page["events"] for one in event.get("files", ())]
    return next(one for one in found if one["id"] == file["id"])


def test_a_disk_that_is_full(tmp_path):
    """A real one, of half a megabyte."""
    data = tmp_path / "data"
    data.mkdir()
    if not can_be_apart(data):
        pytest.skip("this machine lets nobody mount a small disk")
    before = [*APART, "sh", "-c", f'{" ".join(MOUNT)} "$0" && exec "$@"', str(data)]
    log = tmp_path / "log"
    log.mkdir()
    without = 'server.disabled_plugins=["history", "accounts", "moderation", "rooms"]'
    with serve_process(log, *GUESTS, "--data-dir", str(data), "--set", without, before=before) as process:
        server = Server(process)
        with Program(server, "ada") as ada, Program(server, "bob") as bob:
            small = send(server, ada, "small.bin", b"small")
            bob.read_until("message")
            for _ in range(3):
                status, answer = put(server, place_for(ada, "large.bin", 900_000), bytes(900_000))
                assert (status, "the disk is full" in answer) == (507, True)
            assert get(server, small)[2] == b"small"
            assert ada.request(type="say", text="The chat goes on.", room="lobby")["type"] == "ack"
            assert bob.read_until("message")["text"] == "The chat goes on."
            again = send(server, ada, "again.bin", b"again")
            assert get(server, again)[2] == b"again"


def test_many_at_once(tmp_path, full):
    """Fifty people send and read at once, and delete half of it."""
    count = 50 if full else 12
    with serve_process(tmp_path, *GUESTS) as process:
        server, ended = Server(process), []

        def one(number):
            with Program(server, f"p{number}", f"room{number}") as person:
                body = random.Random(number).randbytes(100_000 + number)
                files = [send(server, person, f"{at}.bin", body, room=f"room{number}") for at in range(3)]
                assert all(get(server, file)[2] == body for file in files)
                for seq in (1, 2):
                    assert person.request(type="delete", seq=seq, room=f"room{number}")["type"] == "ack"
                eventually(lambda: is_gone(server, files[0]) and is_gone(server, files[1]))
                assert get(server, files[2])[2] == body
                ended.append(path_of(files[2]["url"]))

        threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(4 * DEADLINE)
        assert len(ended) == count
        assert rows(tmp_path, "SELECT count(*) FROM files") == [(count,)]
