"""files, as those see it who send one and read one: over real sockets."""

import hashlib
import socket
import sqlite3
from contextlib import closing

import pytest
from kit.machine import eventually
from kit.programs import Anybody, Program, sync, without_plugins
from kit.sessions import device, settled
from kit.uploads import get, http_request, is_gone, path_of, picture, place_for, put, send

from greenchat.testing import DEADLINE, serving

TEXT = b"What is in a file.\n" * 20_000  # more than one part


@pytest.fixture
def server(tmp_path):
    with serving(Anybody(), settings=without_plugins("accounts"), data_dir=tmp_path) as server:
        yield server


@pytest.fixture
def ada(server):
    with device(server, "ada", "lobby") as ada:
        yield ada


@pytest.fixture
def bob(server):
    with Program(server, "bob") as bob:
        yield bob


def rows(tmp_path, query):
    with closing(sqlite3.connect(tmp_path / "files.sqlite3")) as connection:
        return connection.execute(query).fetchall()


def nothing_is_kept(tmp_path):
    return not rows(tmp_path, "SELECT 1 FROM files UNION ALL SELECT 1 FROM parts")


def test_a_file_is_sent_said_and_read(server, ada, bob):
    path = place_for(ada, "notes.txt", len(TEXT), text="What I have written.")
    assert put(server, path, TEXT)[0] == 201
    message = bob.read_until("message")
    assert (message["sender"], message["text"]) == ("ada", "What I have written.")
    (file,) = message["files"]
    assert (file["name"], file["type"], file["size"]) == ("notes.txt", "text/plain", len(TEXT))
    own = ada.read_until("message")
    assert own["own"]
    assert own["files"] == message["files"]
    status, headers, body = get(server, file)
    assert (status, body) == (200, TEXT)
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"].startswith('attachment; filename="notes.txt"')
    assert headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in headers["content-security-policy"]
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert get(server, file, If_None_Match=headers["etag"])[0] == 304
    status, headers, body = http_request(server, "HEAD", path_of(file["url"]))
    assert (status, headers["content-length"], body) == (200, str(len(TEXT)), b"")


def test_who_has_not_heard_the_answer_asks_again_and_nothing_is_said_twice(server, ada, bob):
    path = place_for(ada, "notes.txt", 5)
    (_, first), (status, again) = put(server, path, b"hello"), put(server, path, b"hello")
    assert (status, again) == (200, first)
    assert [frame["seq"] for frame in settled(bob) if frame["type"] == "message"] == [first["seq"]]


def test_a_plain_client_reads_of_it_with_a_link(server, ada):
    with server.join("dan") as dan:
        sync(dan)
        file = send(server, ada, "notes.txt", b"x" * 120_000)
        assert dan.read() == f"MSG|ada|[file notes.txt, 120 kB] {file['url']}"
        status, _, body = http_request(server, "GET", path_of(file["url"]))
        assert (status, len(body)) == (200, 120_000)


def test_a_picture_says_how_large_it_is_before_it_is_there(server, ada, bob):
    send(server, ada, "cat.png", picture(size=(1200, 900)))
    (file,) = bob.read_until("message")["files"]
    assert (file["width"], file["height"], file["type"]) == (1200, 900, "image/png")
    assert get(server, file)[1]["content-disposition"].startswith("inline")
    status, headers, small = http_request(server, "GET", path_of(file["thumb"]))
    assert (status, headers["content-type"], small[:4]) == (200, "image/webp", b"RIFF")
    page = bob.request(type="history", room="lobby")
    assert page["events"][-1]["files"][0]["width"] == 1200
    assert get(server, page["events"][-1]["files"][0])[0] == 200


def test_it_goes_to_one_person_alone_where_that_was_meant(server, ada, bob):
    eve = device(server, "eve", "lobby")
    file = send(server, ada, "secret.txt", b"for eve", to="eve")
    message = eve.read_until("message")
    assert (message["with"], message["files"][0]["id"]) == ("ada", file["id"])
    assert not [frame for frame in settled(bob) if frame["type"] == "message"]
    page = eve.request(type="history", conversation=message["conversation"])
    assert get(server, page["events"][0]["files"][0])[2] == b"for eve"
    assert ada.request(type="delete", conversation=message["conversation"], seq=message["seq"])["type"] == "ack"
    eventually(lambda: is_gone(server, file))


def test_it_is_gone_with_its_message_and_with_what_was_in_it(server, ada, bob, tmp_path):
    one, other = (send(server, ada, name, b"the same") for name in ("one.txt", "other.txt"))
    assert len(rows(tmp_path, "SELECT * FROM parts")) == 1
    for file in (one, other):
        seq = bob.read_until("message")["seq"]
        assert get(server, file)[2] == b"the same"
        assert ada.request(type="delete", room="lobby", seq=seq)["type"] == "ack"
        eventually(lambda file=file: is_gone(server, file))
    assert nothing_is_kept(tmp_path)


def test_a_guest_sends_none_and_a_link_of_nobody_reads_none(server, ada, bob):
    assert place_for(bob, "notes.txt", 5)["code"] == "not_logged_in"
    assert put(server, "/upload/made-up", b"hello")[0] == 403
    file = send(server, ada, "notes.txt", b"hello")
    path = path_of(file["url"])
    for wrong in (path.partition("?")[0], path.replace("by=", "by=x"), path.replace("until=", "until=f")):
        assert http_request(server, "GET", wrong)[0] == 403


@pytest.mark.parametrize("cut", [0, 1, 1000, 70_000, len(TEXT) - 1])
def test_an_upload_that_is_cut_leaves_nothing_and_is_sent_once_more(server, ada, bob, tmp_path, cut):
    path = place_for(ada, "notes.txt", len(TEXT))
    with closing(socket.create_connection((server.host, server.port), DEADLINE)) as connection:
        head = f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(TEXT)}\r\n\r\n"
        connection.sendall(head.encode() + TEXT[:cut])
        connection.shutdown(socket.SHUT_WR)
        assert b"400" in connection.recv(65536).partition(b"\r\n")[0]
    settled(bob)
    eventually(lambda: not (tmp_path / "files.sqlite3").exists() or nothing_is_kept(tmp_path))
    assert put(server, path, TEXT)[0] == 201
    assert bob.read_until("message")["files"][0]["size"] == len(TEXT)


def test_who_sends_it_once_more_need_not_wait_for_the_first_time(server, ada, bob):
    path = place_for(ada, "notes.txt", len(TEXT))
    with closing(socket.create_connection((server.host, server.port), DEADLINE)) as connection:
        head = f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(TEXT)}\r\n\r\n"
        connection.sendall(head.encode() + TEXT[:70_000])
        assert put(server, path, TEXT)[0] == 201
        connection.sendall(TEXT[70_000:])
        assert b"400" in connection.recv(65536).partition(b"\r\n")[0]
    assert [frame["type"] for frame in settled(bob)].count("message") == 1


def test_another_size_than_was_said_is_refused(server, ada, bob):
    assert put(server, place_for(ada, "a.txt", 5), b"hello!")[0] == 400
    path = place_for(ada, "b.txt", 5)
    with closing(socket.create_connection((server.host, server.port), DEADLINE)) as connection:
        head = f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head.encode() + b"6\r\nhello!\r\n0\r\n\r\n")
        assert b"413" in connection.recv(65536).partition(b"\r\n")[0]
    assert not [frame for frame in settled(bob) if frame["type"] == "message"]


def test_words_go_where_they_were_meant_or_nowhere(server, ada, bob, tmp_path):
    path = place_for(ada, "notes.txt", 5)
    ada.ask("/join garden")
    ada.request(type="leave", room="lobby")
    status, answer = put(server, path, b"hello")
    assert (status, answer) == (400, "You have left lobby meanwhile.\n")
    assert not [frame for frame in settled(bob) if frame["type"] == "message"]
    eventually(lambda: nothing_is_kept(tmp_path))


def test_who_has_logged_out_sends_nothing_by_a_place_of_the_account(server, ada, bob, tmp_path):
    path = place_for(ada, "notes.txt", 5)
    head = f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n"
    with closing(socket.create_connection((server.host, server.port), DEADLINE)) as begun:
        begun.sendall(head.encode() + b"hell")
        ada.ask("/become")
        assert put(server, path, b"hello")[0] == 403
        begun.sendall(b"o")
        assert b"403" in begun.recv(65536).partition(b"\r\n")[0]
    assert not [frame for frame in settled(bob) if frame["type"] == "message"]
    eventually(lambda: not (tmp_path / "files.sqlite3").exists() or nothing_is_kept(tmp_path))


def test_the_hash_is_that_of_what_is_in_it(server, ada, tmp_path):
    send(server, ada, "notes.txt", TEXT)
    assert rows(tmp_path, "SELECT hash FROM files") == [(hashlib.sha256(TEXT).hexdigest(),)]
