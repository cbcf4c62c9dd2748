"""files that are sent more than once, because a line is bad, or to be in the way of others."""

import socket
import threading
from contextlib import ExitStack, closing

import pytest
from gevent.event import Event
from kit.machine import eventually
from kit.programs import Anybody, Program, without_plugins
from kit.sessions import device, settled
from kit.uploads import place_for, put, send

from greenchat import hookimpl
from greenchat.testing import DEADLINE, serving

SETTINGS = without_plugins("accounts")


class Slow(Anybody):
    """Looks at what is said as long as it likes."""

    def __init__(self):
        self.begun, self.may_end = Event(), Event()

    @hookimpl
    def greenchat_check_message(self, session, message):
        if message.text == "slow":
            self.begun.set()
            self.may_end.wait(DEADLINE)


@pytest.fixture
def slow():
    return Slow()


@pytest.fixture
def server(slow, tmp_path):
    with serving(slow, settings=SETTINGS, data_dir=tmp_path) as server:
        yield server


@pytest.fixture
def ada(server):
    with device(server, "ada", "lobby") as ada:
        yield ada


def begin(server, path, size, body=b""):
    """A file of which only this comes."""
    connection = socket.create_connection((server.host, server.port), DEADLINE)
    connection.sendall(f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n".encode() + body)
    return connection


def test_what_comes_once_more_while_it_is_being_said_is_said_once(server, slow, ada):
    """Its answer has not come, as the line was lost, or as it takes long; so all of it is sent again."""
    with Program(server, "bob") as bob:
        path = place_for(ada, "notes.txt", 5, text="slow")
        with closing(begin(server, path, 5, b"hello")) as first:
            assert slow.begun.wait(DEADLINE)
            with closing(begin(server, path, 5, b"hell")) as again:
                eventually(lambda: server.call(lambda: sending(server)) == 2)
                server.call(slow.may_end.set)
                message = bob.read_until("message")
                assert b"201" in first.recv(65536).partition(b"\r\n")[0]
                again.sendall(b"o")
                assert b"201" in again.recv(65536).partition(b"\r\n")[0]
        assert put(server, path, b"hello")[1]["seq"] == message["seq"]
        assert [frame for frame in settled(bob) if frame["type"] == "message"] == []


def test_that_it_is_cut_the_second_time_takes_nothing_back(server, slow, ada):
    with Program(server, "bob") as bob:
        path = place_for(ada, "notes.txt", 5, text="slow")
        with closing(begin(server, path, 5, b"hello")) as first:
            assert slow.begun.wait(DEADLINE)
            with closing(begin(server, path, 5, b"hell")):
                eventually(lambda: server.call(lambda: sending(server)) == 2)
            eventually(lambda: server.call(lambda: sending(server)) == 1)
            server.call(slow.may_end.set)
            assert b"201" in first.recv(65536).partition(b"\r\n")[0]
        assert put(server, path, b"hello")[0] == 200
        assert [frame["type"] for frame in settled(bob)].count("message") == 1


def test_who_sends_one_again_and_again_and_never_all_of_it_is_in_nobodys_way(server, ada):
    path = place_for(ada, "notes.txt", 5)
    with ExitStack() as stack, device(server, "bob", "lobby") as bob:
        for _ in range(20):
            stack.enter_context(closing(begin(server, path, 5)))
        eventually(lambda: server.call(lambda: sending(server)) == 20)
        status, why = put(server, path, b"hello")
        assert (status, why.startswith("Too many files are being sent")) == (429, True)
        sent = []
        thread = threading.Thread(target=lambda: sent.append(send(server, bob, "mine.txt", b"hello")))
        thread.start()
        thread.join(DEADLINE)
        assert sent
    eventually(lambda: server.call(lambda: sending(server)) == 0)
    assert put(server, path, b"hello")[0] == 201, "once they are gone it is taken"


def sending(server):
    """How many send something to the plugin at this moment."""
    return server.server.routes._running["files, streams"]
