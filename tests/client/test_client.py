"""The client library, over real loopback sockets: with the real server, and with peers that behave worse."""

import json
import socket
import subprocess
import sys
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone

import pytest
from kit.peers import RawServer
from kit.processes import kept_port

from greenchat.client import (
    ANSWER_SECONDS,
    Client,
    DisconnectedError,
    NoAnswerError,
    RefusedError,
    TurnedAwayError,
    UnreachableError,
)
from greenchat.protocol.events import Ended, Joined, Left, Message, Notice
from greenchat.protocol.replies import Ack, Answer, Error, HistoryPage
from greenchat.testing import DEADLINE, serving


class Person(Client):
    """A client that hands out what it receives one by one."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.received = []

    def next(self, kind):
        """The next item of `kind`; what comes before it is dropped."""
        while True:
            self.received = self.received or self.receive(DEADLINE)
            assert self.received, f"no {kind.__name__} came"
            item = self.received.pop(0)
            if isinstance(item, kind):
                return item


@pytest.fixture
def joining():
    """`joining(server)`: what connects a client to it, and lets it join where a name is given. All are closed at the
    end."""
    with ExitStack() as clients:

        def joining(server):
            def connect(name="", room=""):
                client = clients.enter_context(Person.connect(server.host, server.port))
                if name:
                    client.join(name, room)
                return client

            return connect

        yield joining


@pytest.fixture
def connect(server, joining):
    return joining(server)


@pytest.fixture
def raw():
    """A `RawServer` and a client connected to it, which has not joined."""
    with RawServer() as server, Client.connect(*server.address) as client:
        server.accept()
        yield server, client


@pytest.fixture
def joined(raw):
    """The same, joined, without limits."""
    server, client = raw
    server.welcome("ada")
    client.join("ada")
    assert server.read() == {"type": "join", "name": "ada", "ref": 1}
    return raw


# --- with the real server --------------------------------------------------------------------------------------------


def test_two_clients_talk(connect):
    bob = connect("bob")
    ada = connect()
    welcome = ada.join("ada")
    assert (welcome.name, welcome.room, set(welcome.members)) == ("ada", "lobby", {"ada", "bob"})
    assert ada.welcome is welcome
    assert bob.next(Joined).name == "ada"

    first = ada.confirm(ada.say("Hello!"))
    second = ada.confirm(ada.say('世界 | \\ " stays'))
    assert second.seq == first.seq + 1
    assert bob.next(Message).text == "Hello!"
    heard = bob.next(Message)
    assert (heard.sender, heard.text, heard.seq, heard.id) == ("ada", '世界 | \\ " stays', second.seq, second.id)

    bob.say("Hi ada.")
    assert ada.next(Message).sender == "bob", "not what she said herself"


def test_the_version_that_the_server_speaks_is_known_from_its_welcome(connect, joined):
    _, of_old = joined
    assert of_old.protocol == 1, "it does not say so"
    client = connect()
    assert client.protocol == 0
    assert client.join("bob").protocol == client.protocol == 2


def test_rooms_are_apart(connect):
    bob, eve = connect("bob", "garden"), connect("eve")
    ada = connect("ada", "garden")
    ada.confirm(ada.say("Only here."))
    assert bob.next(Message).room == "garden"
    bob.leave()
    ada.leave()
    connect("last")
    assert eve.next(Joined).name == "last", "nothing of the other room came before"


def test_many_messages_are_acknowledged_in_order(connect):
    ada, bob = connect("ada"), connect("bob")
    refs = [ada.say(f"message {number}") for number in range(500)]
    assert isinstance(ada.confirm(refs[-1]), Ack)
    assert ada.pending == {}
    assert [item.ref for item in ada.receive(0) if isinstance(item, Ack)] == refs[:-1]
    assert [bob.next(Message).text for _ in refs] == [f"message {number}" for number in range(500)]


def test_a_refused_message_names_code_and_reason(connect):
    ada = connect("ada")
    with pytest.raises(RefusedError, match="empty") as refusal:
        ada.confirm(ada.say("   "))
    assert refusal.value.code == "empty"
    ref = ada.say("\x1b[2J")
    error = ada.next(Error)
    assert (error.code, error.ref) == ("control", ref)
    assert ada.pending == {}
    assert ada.confirm(ada.say("and on it goes"))


def test_what_cannot_be_sent_is_refused_before(connect):
    ada, bob = connect("ada"), connect("bob")
    limit = ada.welcome.limits["frame_bytes"]
    with pytest.raises(RefusedError, match=f"longer than {limit} bytes") as refusal:
        ada.say("x" * limit)
    assert refusal.value.code == "too_long"
    with pytest.raises(RefusedError, match="UTF-8"):
        ada.say("half a \ud83d")
    overhead = len(json.dumps({"type": "say", "text": "", "ref": 100}, separators=(",", ":")))
    longest = "x" * (limit - overhead)
    assert ada.confirm(ada.say(longest)), "what just fits is sent"
    assert bob.next(Message).text == longest, "and nothing else was"


def test_commands_are_acknowledged_without_a_number(connect):
    ada = connect("ada")
    assert ada.confirm(ada.say("/help")).seq == 0
    assert ada.confirm(ada.say("hello")).seq == 1
    with pytest.raises(RefusedError) as refusal:
        ada.confirm(ada.say("/hlep"))
    assert refusal.value.code == "unknown_command"
    assert ada.pending == {}


def test_answers_come_in_the_order_of_the_requests(connect):
    ada = connect("ada")
    refs = [ada.say(text) for text in ("one", "/hlep", "two", "/ping", " ", "three")]
    answers = []
    while ada.pending:
        answers += [item.ref for item in ada.receive(DEADLINE) if isinstance(item, Ack | Error)]
    assert answers == refs


def test_a_taken_name_leaves_the_connection_open_for_another(connect):
    connect("Ada")
    second = connect()
    with pytest.raises(RefusedError, match="taken") as refusal:
        second.join("ada")
    assert refusal.value.code == "name_taken"
    with pytest.raises(RefusedError) as refusal:
        second.join("a|b")
    assert refusal.value.code == "name_invalid"
    assert second.join("eve").name == "eve"


def test_leaving_delivers_first_and_ends_the_events(connect):
    ada, bob = connect("ada"), connect("bob")
    for number in range(100):
        ada.say(str(number))
    ada.say("/help")
    ada.leave()
    ada.leave()  # twice is once
    answers = list(ada)  # ends when the server has closed
    assert sum(isinstance(item, Ack) for item in answers) == 101
    assert ada.pending == {}, "everything was dealt with, the command too"
    assert [bob.next(Message).text for _ in range(100)] == list(map(str, range(100)))
    assert bob.next(Left).reason == "left"


def test_closing_without_leaving(joining):
    with serving(settings={"limits.absence_seconds": 1}) as server:
        connect = joining(server)
        ada, bob = connect("ada"), connect("bob")
        with ada:
            ada.confirm(ada.say("I am off"))
        assert bob.next(Left).name == "ada", "who may come back has left after a while only"
    ada.receive()  # what had come before
    for method in (ada.receive, ada.leave, lambda: ada.say("hello?")):
        with pytest.raises(DisconnectedError, match="is closed"):
            method()


def test_the_server_closes(connect, server):
    ada = connect("ada")
    ada.confirm(ada.say("hi"))
    server.call(lambda: [session.close("test") for session in server.server.sessions.values()])
    with pytest.raises(DisconnectedError, match="The server has closed the connection"):
        for _ in ada:
            pass


def test_turned_away_at_the_door():
    with serving(settings={"limits.connections": 1}) as server, Client.connect(server.host, server.port) as first:
        first.join("ada")
        with Client.connect(server.host, server.port) as second, pytest.raises(TurnedAwayError, match="is full"):
            second.join("bob")


# --- rooms -----------------------------------------------------------------------------------------------------------


def test_one_client_in_several_rooms(connect):
    ada, bob, eve = connect("ada"), connect("bob"), connect("eve", "garden")
    welcome = ada.enter("Garden")
    assert (welcome.room, set(welcome.members)) == ("garden", {"ada", "eve"})
    assert (ada.room, ada.welcome, list(ada.rooms)) == ("garden", welcome, ["lobby", "garden"])
    ada.say("among roses", "garden")
    ada.say("among all", "lobby")
    with pytest.raises(RefusedError) as refusal:
        ada.confirm(ada.say("among whom?"))
    assert refusal.value.code == "room_required"
    assert eve.next(Message).text == "among roses"
    assert bob.next(Message).text == "among all"

    assert ada.confirm(ada.part("garden")).seq == 0
    assert eve.next(Left).name == "ada"
    assert (ada.room, list(ada.rooms)) == ("lobby", ["lobby"])
    ada.say("back", "lobby")
    assert bob.next(Message).text == "back"

    ada.confirm(ada.part("lobby"))
    assert bob.next(Left).reason == "left"
    assert (ada.room, ada.welcome, ada.rooms) == ("", None, {})
    with pytest.raises(RefusedError) as refusal:
        ada.confirm(ada.say("to nobody", "lobby"))
    assert refusal.value.code == "not_in_room"
    ada.enter("garden")
    ada.say("among roses again", "garden")
    assert eve.next(Message).text == "among roses again"


def test_talking_to_one_person(connect):
    ada, bob, eve = connect("ada"), connect("bob"), connect("eve")
    ack = ada.confirm(ada.say("psst", to="bob"))
    assert (ack.seq, ack.with_) == (1, "bob")
    private = bob.next(Message)
    assert (private.sender, private.text, private.conversation) == ("ada", "psst", ack.conversation)
    answer = bob.confirm(bob.say("/me nods", conversation=private.conversation))
    assert (answer.with_, answer.conversation) == ("ada", ack.conversation)
    assert ada.next(Message).action
    bob.leave()
    ended = ada.next(Ended)
    assert (ended.conversation, ended.with_) == (ack.conversation, "bob")
    connect("bob")
    with pytest.raises(RefusedError) as refusal:
        ada.confirm(ada.say("still you?", conversation=ack.conversation))
    assert refusal.value.code == "conversation_gone"
    for places in {"to": "eve", "room": "lobby"}, {"to": "eve", "conversation": "x"}:
        with pytest.raises(ValueError, match="one message goes into"):
            ada.say("where?", **places)
    ada.say("last", "lobby")
    assert eve.next(Message).text == "last", "and nothing of theirs before"


def test_a_room_that_is_refused_changes_nothing(connect):
    ada = connect("ada")
    with pytest.raises(RefusedError) as refusal:
        ada.enter("no room")
    assert refusal.value.code == "room_invalid"
    with pytest.raises(RefusedError) as refusal:
        ada.confirm(ada.part("garden"))
    assert refusal.value.code == "not_in_room"
    assert list(ada.rooms) == ["lobby"]


def test_a_welcome_that_nobody_asked_for_leads_into_a_room(joined):
    server, client = joined
    frame = {"name": "ada", "room": "garden", "members": ["ada"], "seq": 0, "limits": {}, "server": "raw"}
    server.send({"type": "welcome"} | frame)
    (welcome,) = client.receive(DEADLINE)
    assert (client.room, client.welcome) == ("garden", welcome)
    ref = client.part("garden")
    assert server.read() == {"type": "leave", "room": "garden", "ref": ref}
    server.send({"type": "error", "code": "not_in_room", "text": "You are not in garden.", "ref": ref})
    with pytest.raises(RefusedError):
        client.confirm(ref)
    assert client.room == "lobby", "where one is not, one need not go out of"


def test_out_of_a_room_by_a_command_or_by_force(joined):
    server, client = joined
    frame = {"name": "ada", "room": "garden", "members": ["ada"], "seq": 0, "limits": {}, "server": "raw"}
    renamed = {"type": "renamed", "name": "ada", "new_name": "eve", "time": "2026-01-31T12:00:00Z"}
    left = {"type": "left", "room": "garden", "reason": "kicked", "time": "2026-01-31T12:00:00Z"}
    server.send({"type": "welcome"} | frame, renamed | {"room": "lobby"}, renamed | {"room": "garden"})
    server.send(left | {"name": "ada"}, {"type": "notice", "text": "another one"})
    while not any(isinstance(item, Notice) for item in client.receive(DEADLINE)):
        pass
    assert (client.name, list(client.rooms)) == ("eve", ["lobby", "garden"])
    server.send(left | {"name": "eve"})
    client.receive(DEADLINE)
    assert list(client.rooms) == ["lobby"]


# --- passwords and keys ----------------------------------------------------------------------------------------------


def test_secrets_are_told_to_the_server_alone(raw):
    server, client = raw
    secrets = {"password": "open sesame", "key": "roses", "login": "hunter2"}
    server.send({"type": "error", "code": "login_failed", "text": "Name or password is wrong.", "ref": 1})
    with pytest.raises(RefusedError) as refusal:
        client.join("ada", "garden", **secrets)
    assert server.read() == {"type": "join", "name": "ada", "room": "garden", "ref": 1, **secrets}
    shown = repr(client) + repr(refusal.value)
    assert not [secret for secret in secrets.values() if secret in shown]


# --- looking back ----------------------------------------------------------------------------------------------------

HELLO = {"type": "message", "room": "lobby", "seq": 7, "id": 70, "sender": "bob", "text": "hi"}
HELLO |= {"time": "2026-01-31T12:00:00Z"}


@pytest.fixture
def server_that_replays():
    with serving(settings={"plugins.history.replay": 20}) as running:
        yield running


def test_what_was_said_before_one_came(server_that_replays, joining):
    connect = joining(server_that_replays)
    ada = connect("ada")
    for text in "one rose", "two roses", "three roses":
        ada.confirm(ada.say(text))
    bob = connect("bob")
    assert [message.text for message in bob.next(HistoryPage).events] == ["one rose", "two roses", "three roses"]
    page = bob.history(limit=2)
    assert ([message.text for message in page.events], page.more) == (["two roses", "three roses"], True)
    (first,) = bob.history("lobby", before=page.events[0].seq).events
    assert first.text == "one rose"
    assert bob.history(since=datetime.now()).events == [], "a time without a zone is local"
    found = bob.search("roses", limit=1)
    assert ([message.text for message in found.messages], found.more) == (["three roses"], True)
    with pytest.raises(RefusedError):
        bob.history("no room")


def test_a_page_of_history(joined):
    server, client = joined
    server.send(HELLO, {"type": "history", "room": "lobby", "events": [HELLO], "more": True, "ref": 2})
    page = client.history(after=3, before=9, since=datetime(2026, 1, 31, 13, tzinfo=timezone(timedelta(hours=1))))
    assert server.read() == {"type": "history", "after": 3, "before": 9, "since": "2026-01-31T12:00:00Z", "ref": 2}
    assert ([message.text for message in page.events], page.more) == (["hi"], True)
    assert client.receive(0) == page.events, "what comes meanwhile is not lost"


def test_a_search(joined):
    server, client = joined
    server.send({"type": "found", "text": "hi", "messages": [HELLO], "ref": 2})
    found = client.search("hi", room="lobby", before=99, limit=1)
    assert server.read() == {"type": "search", "text": "hi", "room": "lobby", "before": 99, "limit": 1, "ref": 2}
    assert ([message.seq for message in found.messages], found.more) == ([7], False)
    with pytest.raises(RefusedError) as refusal:
        client.search("\ud83d")
    assert refusal.value.code == "not_utf8"


def test_a_page_that_is_refused(joined):
    server, client = joined
    server.send({"type": "error", "code": "no_history", "text": "This server keeps no history.", "ref": 2})
    with pytest.raises(RefusedError, match="keeps no history") as refusal:
        client.history()
    assert refusal.value.code == "no_history"


# --- where there is no server ----------------------------------------------------------------------------------------


def test_nobody_listens():
    with (
        kept_port() as port,
        pytest.raises(UnreachableError, match=f"No server listens at 127.0.0.1:{port}.*greenchat serve"),
    ):
        Client.connect("127.0.0.1", port)


def test_there_is_no_such_host():
    with pytest.raises(UnreachableError, match=r"There is no host called no\.\.where"):
        Client.connect("no..where", 9999)


@pytest.mark.parametrize("port", [-1, 0, 65536, 99999])
def test_a_port_that_cannot_be(port):
    with pytest.raises(UnreachableError, match=f"{port} is no port"):
        Client.connect("127.0.0.1", port)


def test_a_host_that_does_not_answer():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        host, port = listener.getsockname()
        crowd = [socket.socket() for _ in range(3)]  # they fill the queue that nobody takes from
        try:
            for waiting in crowd:
                waiting.setblocking(False)
                waiting.connect_ex((host, port))
            with pytest.raises(UnreachableError, match=f"{host}:{port} does not answer"):
                Client.connect(host, port, timeout=0.1)
        finally:
            for waiting in crowd:
                waiting.close()


# --- with peers that behave worse ------------------------------------------------------------------------------------


def test_something_else_answers(raw):
    server, client = raw
    server.socket.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with pytest.raises(UnreachableError, match="is no greenchat server"):
        client.join("ada")


def test_refused_in_json_at_the_door(raw):
    server, client = raw
    server.send({"type": "error", "code": "banned", "text": "You are banned until Monday."})
    server.socket.shutdown(socket.SHUT_WR)
    with pytest.raises(TurnedAwayError, match="banned until Monday"):
        client.join("ada")


def test_a_server_without_a_word(raw):
    _, client = raw
    with pytest.raises(NoAnswerError, match=r"has not answered for 0\.05 seconds"):
        client.join("ada", timeout=0.05)


def test_a_server_that_closes_without_a_word(raw):
    server, client = raw
    server.socket.shutdown(socket.SHUT_WR)
    with pytest.raises(DisconnectedError):
        client.join("ada")


def test_a_reset_connection_is_a_closed_one(joined):
    server, client = joined
    client.say("never read")
    server.hang_up()  # with unread bytes: a reset
    with pytest.raises(DisconnectedError, match="The server has closed the connection"):
        client.receive(DEADLINE)
    assert list(client.pending.values()) == ["never read"]


def test_last_words_are_read_even_when_nothing_can_be_sent_any_more(joined):
    server, client = joined
    server.send({"type": "error", "code": "too_slow", "text": "You read too slowly."})
    client.say("never read")
    server.hang_up()
    for _ in range(3):
        client.say("into the void")
    (error,) = client.receive(DEADLINE)
    assert error.text == "You read too slowly."
    with pytest.raises(DisconnectedError):
        client.receive(DEADLINE)


def test_pings_are_answered_and_unknown_words_ignored(joined):
    server, client = joined
    server.send({"type": "ping", "ref": "x"}, {"type": "weather", "sun": True}, {"type": "notice", "text": "hi"})
    (notice,) = client.receive(DEADLINE)
    assert notice.text == "hi"
    assert server.read() == {"type": "pong", "ref": "x"}


def test_an_answer_of_a_type_that_only_its_plugin_knows(joined):
    server, client = joined
    server.send(
        {"type": "rolled", "eyes": [6, 1], "lines": ["You have rolled a 6.", "And a 1."]},
        {"type": "rolled", "lines": "You have rolled."},
        {"type": "message", "lines": ["no message"]},
        {"type": "notice", "text": "done"},
    )
    answer, notice = client.receive(DEADLINE)
    assert answer == Answer(lines=["You have rolled a 6.", "And a 1."])
    assert notice.text == "done", "and nothing of what is no answer"


def test_frames_cut_at_any_byte(joined):
    server, client = joined
    frame = '{"type":"notice","text":"grüße"}\n'.encode()
    for byte in frame[:-1]:
        server.socket.sendall(bytes([byte]))
        assert client.receive(0) == []
    server.socket.sendall(frame[-1:])
    (notice,) = client.receive(DEADLINE)
    assert notice.text == "grüße"


def test_an_answer_that_is_waited_for_does_not_swallow_events(joined):
    server, client = joined
    ref = client.say("hello")
    server.send({"type": "notice", "text": "one"}, {"type": "ack", "ref": ref, "seq": 1, "id": 1})
    server.send({"type": "notice", "text": "two"})
    assert client.confirm(ref).seq == 1
    texts = []
    while len(texts) < 2:
        texts += [item.text for item in client.receive(DEADLINE)]
    assert texts == ["one", "two"]


def test_it_reads_while_the_server_does_not(joined):
    server, client = joined
    lines = 0
    while client.backlog < 100_000:  # more than the kernel takes
        client.say("x" * 1000)
        lines += 1
    server.send({"type": "notice", "text": "you talk a lot"})
    (notice,) = client.receive(DEADLINE)
    assert notice.text == "you talk a lot"
    assert client.backlog > 0
    heard = 0
    while heard < lines:
        heard += server.read()["type"] == "say"
        client.receive(0)
    assert client.backlog == 0


def test_patience_grows_with_what_a_slow_server_has_to_read(raw):
    server, client = raw
    assert client.patience == ANSWER_SECONDS
    server.welcome("ada", flood_rate=10)
    client.join("ada")
    for _ in range(20):
        client.say("hi")
    assert client.patience == ANSWER_SECONDS + 2


# --- what it costs to import -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("greenchat.client", {"gevent", "asyncio", "threading"}),
        ("greenchat.connect", {"gevent", "asyncio", "msgspec", "prompt_toolkit", "textual"}),
        ("greenchat.connect.pipe", {"gevent", "asyncio", "prompt_toolkit", "textual"}),
        ("greenchat.connect.line", {"gevent", "textual"}),
        ("greenchat.connect.model.model", {"gevent", "asyncio", "prompt_toolkit", "textual"}),
        ("greenchat.connect.screen.open", {"gevent", "prompt_toolkit"}),
    ],
)
def test_imports_stay_light(module, absent):
    code = f"import sys, {module}; print(*{absent!r}.intersection(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=DEADLINE, check=True)
    assert done.stdout.split() == []
