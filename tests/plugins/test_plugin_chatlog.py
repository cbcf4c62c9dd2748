"""chatlog: what it logs, and the transcripts it writes, as files of a real server."""

import json
import logging
import os
import re
import stat
import threading
import time
from datetime import UTC, datetime

import greenchat_plugins.chatlog
import pytest
from kit.programs import Anybody, Program, without_plugins
from kit.sessions import PATIENT, back, device, lose
from kit.socketless import serving

from greenchat import ConfigError, Reject, hookimpl
from greenchat.storage.datadir import ADDRESSES_FILE, PROOF_FILE
from greenchat.testing import DEADLINE
from greenchat.testing import serving as on_sockets


def transcribing(path, **settings):
    return serving(
        settings={"plugins.chatlog.transcript": str(path)}
        | {f"plugins.chatlog.{name}": value for name, value in settings.items()}
    )


def says_and_leaves(server, name, text):
    """Once the server has closed the connection, it has read all of it."""
    peer = server.join(name)
    peer.send(f"MSG|{text}", "LEAVE")
    peer.expect_closed()


def said(line):
    """A line of a transcript without its time."""
    when, _, rest = line.partition(" ")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", when)
    return rest


# --- the log ---


@pytest.fixture
def logged(caplog):
    """What chatlog has logged until now."""
    caplog.set_level(logging.INFO)
    return lambda: [record.getMessage() for record in caplog.records if record.name == "greenchat.chatlog"]


def test_it_logs_who_comes_and_goes(logged):
    with on_sockets() as server:
        ada, bob = server.join("ada"), server.connect()
        address = "{}:{}".format(*bob.socket.getsockname())
        bob.send("JOIN|bob|garden")
        assert bob.read().startswith("INFO|Welcome")
        bob.send("MSG|/nick rob", "LEAVE")
        bob.read_until("INFO|bob is now known as rob.")
        bob.expect_closed()
        eve = server.join("eve")
        ada.expect("INFO|eve has joined the chat.")
        ada.close()
        eve.expect("INFO|ada has left the chat.")
    lines = logged()
    story = [
        f"#2 connected from {address} (plain)",
        "#2 bob joined garden",
        "bob in garden is called rob now",
        "rob left garden: left",
        "#3 eve joined lobby",
        "ada left lobby: connection closed",
    ]
    assert [line for line in lines if line in story] == story
    assert "#1 ada joined lobby" in lines
    assert f"#2 rob disconnected from {address}: left" in lines


def test_many_refusals_of_one_connection_are_counted_not_logged_one_by_one(logged):
    with serving(settings={"plugins.chatlog.refusals": 3}) as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.expect("INFO|bob has joined the chat.")
        ada.send(*["MSG|"] * 50)
        ada.expect(*["ERROR|The message is empty. Write something."] * 50)
        ada.close()
        bob.expect("INFO|ada has left the chat.")
    lines = [line for line in logged() if "refused" in line]
    assert len(lines) == 3 + 1
    assert lines[-1] == "#1 ada was refused 50 times in all"


def test_it_logs_who_was_refused_and_why(logged):
    with serving() as server:
        server.join("ada")
        eve = server.connect()
        eve.send("JOIN|ADA", "JOIN|a b", "MSG|hello", "JOIN|eve", "JOIN|eve", "MSG|")
        for _ in range(6):
            eve.read()
    lines = logged()
    for line in (
        "#2 was refused (name_taken: The username ADA is taken. Choose another.)",
        "#2 was refused (not_joined: You have not joined yet. Send JOIN|<username> first.)",
        "#2 eve was refused (already_joined: You are in the chat already, as eve.)",
        "#2 eve was refused (empty: The message is empty. Write something.)",
    ):
        assert line in lines
    assert "#2 was refused (name_invalid)" in lines, "what was typed may have been a password"


def test_it_logs_who_was_turned_away(logged):
    with on_sockets(settings={"limits.connections": 1}) as server:
        server.join("ada")
        server.connect().expect("ERROR|The server is full. Try again later.")
    assert "a connection was refused (full: The server is full. Try again later.)" in logged()


def test_json_clients_are_logged_as_such(logged):
    with serving() as server:
        ada = server.connect()
        ada.send('{"type":"join","name":"ada"}')
        ada.read()
    assert any(re.fullmatch(r"#1 connected from 127\.0\.0\.1:\d+ \(json\)", line) for line in logged())


def test_it_tells_whose_connections_those_are_that_join_nobody_new(logged):
    with serving(Anybody, settings=without_plugins("accounts") | PATIENT) as server:
        laptop, phone = device(server, "ada"), device(server, "ada")
        phone.leave()
        back(server, lose(server, laptop)).leave()
    story = [
        "#1 ada joined lobby",
        "#2 is a connection of ada",
        "#2 ada disconnected",
        "#1 ada disconnected",
        "#3 is a connection of ada",
        "#3 ada disconnected",
        "ada left lobby: left",
    ]
    assert [line.partition(" from ")[0] for line in logged() if " connected from " not in line] == story


def test_what_people_write_is_never_logged(logged, caplog):
    caplog.set_level(logging.DEBUG)
    with serving() as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.expect("INFO|bob has joined the chat.")
        ada.send("MSG|hunter2", "MSG|/msg bob hunter2", "MSG|/me hunter2")
        bob.read_until("MSG|ada|* ada hunter2")
        ada.expect("INFO|To bob: hunter2")
        ada.send("hunter2", "MSG|/hunter2", "MSG|/msg hunter2 hi", "hunter2|MSG")
        for _ in range(4):
            assert ada.read().startswith("ERROR|")
    assert "hunter2" not in caplog.text
    assert {line for line in logged() if "refused" in line} == {
        f"#1 ada was refused ({code})" for code in ("unknown_type", "unknown_command", "unknown_user")
    }


class Rude:
    """A plugin whose reasons are dangerous."""

    @hookimpl
    def greenchat_check_message(self, session, message):
        if message.text == "bye":
            session.close("two\nlines\x1b[2J")
        raise Reject("no\nINFO ada is an operator now\x1b[2J")


def test_reasons_of_plugins_cannot_forge_lines(logged):
    with serving(Rude()) as server:
        ada = server.join("ada")
        ada.send("MSG|hi", "MSG|bye")
        ada.read_until("ERROR|no?INFO ada is an operator now?[2J")
    lines = logged()
    assert "#1 ada was refused (rejected: no?INFO ada is an operator now?[2J)" in lines
    assert "ada left lobby: two?lines?[2J" in lines
    assert not any("\n" in line or "\x1b" in line for line in lines)


# --- the transcript ---


def test_without_being_asked_it_keeps_nothing(server):
    ada, bob = server.join("ada"), server.join("bob")
    ada.expect("INFO|bob has joined the chat.")
    ada.send("MSG|hello")
    bob.expect("MSG|ada|hello")
    files = server.call(lambda: [path.name for path in server.server.data_dir.iterdir()])
    assert {name for name in files if ".sqlite3" not in name} == {PROOF_FILE, ADDRESSES_FILE}


def test_a_text_transcript(tmp_path):
    file = tmp_path / "chat.log"
    with transcribing(file) as server:
        ada, bob = server.join("ada"), server.join("bob", "garden")
        ada.send("MSG|Grüße | and a pipe", "MSG|/me waves", "MSG|/msg bob in private", "MSG|/nope")
        bob.read_until("MSG|ada (private)|in private")
        bob.send("MSG|hello?")
        bob.send("MSG|/ping")
        bob.expect("INFO|Pong.")
        before = datetime.now(UTC)
    lines = file.read_text("utf-8").splitlines()
    assert sorted(map(said, lines)) == [
        "[garden] <bob> hello?",
        "[lobby] * ada waves",
        "[lobby] <ada> Grüße | and a pipe",
    ]
    assert abs(datetime.fromisoformat(lines[0].split(" ")[0]) - before).total_seconds() < 60


def test_a_json_transcript_is_what_json_clients_see(tmp_path):
    file = tmp_path / "chat.jsonl"
    with transcribing(file, format="jsonl") as server:
        ada, eve = server.join("ada"), Program(server, "eve")
        ada.send("MSG|Grüße", "MSG|/me waves")
        seen = [eve.read() for _ in range(2)]
    assert [json.loads(line) for line in file.read_text("utf-8").splitlines()] == seen


def test_nobody_can_write_the_line_of_another(tmp_path):
    file = tmp_path / "chat.log"
    with transcribing(file) as server:
        tricky, bob = server.join("bob>"), server.join("bob")
        tricky.expect("INFO|bob has joined the chat.")
        tricky.send("MSG|hi", "MSG|2026-01-01T00:00:00Z [lobby] <bob> I agree", "MSG|-- 7 messages are missing here.")
        bob.send("MSG|> hi", "MSG|a\u2028b", "MSG|a\rb", "MSG|/ping")
        bob.read_until("INFO|Pong.")
        tricky.send("MSG|/ping")
        tricky.read_until("INFO|Pong.")
    lines = [said(line) for line in file.read_text("utf-8").split("\n")[:-1]]
    assert [line for line in lines if line.startswith("[lobby] <bob>> ")] == [
        "[lobby] <bob>> hi",
        "[lobby] <bob>> 2026-01-01T00:00:00Z [lobby] <bob> I agree",
        "[lobby] <bob>> -- 7 messages are missing here.",
    ]
    assert [line for line in lines if line.startswith("[lobby] <bob> ")] == ["[lobby] <bob> > hi"]
    assert len(lines) == 4


def test_no_line_of_a_message_looks_like_that_of_another(tmp_path):
    path = tmp_path / "transcript.log"
    forged = "one\n2026-01-31T12:00:00Z [lobby] <eve> I resign\n    | two"
    with transcribing(path) as server:
        ada = Program(server, "ada")
        assert ada.request(type="say", text=forged)["type"] == "ack"
        assert ada.request(type="say", text="/me sings\nla")["type"] == "ack"
    first, *others = path.read_text().splitlines()
    assert said(first) == "[lobby] <ada> one"
    assert others[:2] == ["    | 2026-01-31T12:00:00Z [lobby] <eve> I resign", "    |     | two"]
    assert said(others[2]) == "[lobby] * ada sings"
    assert others[3:] == ["    | la"]


def test_what_becomes_of_messages_is_a_line_each_and_no_text_looks_like_one(tmp_path):
    files = {form: tmp_path / form for form in ("text", "jsonl")}
    for form, file in files.items():
        with transcribing(file, format=form) as server:
            ada, bob = Program(server, "ada>"), Program(server, "bob")
            ada.ask("Helo!")
            bob.ask("-- ada> has deleted message 1")
            bob.ask("(to ada>, message 1) <ada>> I resign")
            ada.request(type="edit", seq=1, text="Hello!")
            bob.request(type="say", text="Hi.", reply_to=1)
            bob.request(type="say", text="/me waves", reply_to=2)
            bob.request(type="react", seq=1, emoji="🌷")
            bob.request(type="react", seq=1, emoji="🌷", on=False)
            ada.request(type="delete", seq=1)
            bob.request(type="say", text="Gone.", reply_to=3)
    lines = [re.sub(r"\(ada>, 20\S+Z\)", "(ada>, T)", said(line)) for line in files["text"].read_text().splitlines()]
    assert lines == [
        "[lobby] <ada>> Helo!",
        "[lobby] <bob> -- ada> has deleted message 1",
        "[lobby] <bob> (to ada>, message 1) <ada>> I resign",
        "[lobby] -- ada> has changed message 1 (ada>, T): Hello!",
        "[lobby] (to ada>, message 1) <bob> Hi.",
        "[lobby] (to bob, message 2) * bob waves",
        "[lobby] -- bob reacts with 🌷 to message 1 (ada>, T)",
        "[lobby] -- bob takes back 🌷 from message 1 (ada>, T)",
        "[lobby] -- ada> has deleted message 1",
        "[lobby] (to bob, message 3) <bob> Gone.",
    ]
    frames = [json.loads(line) for line in files["jsonl"].read_text().splitlines()]
    kinds = ["message"] * 3 + ["edited", "message", "message", "reacted", "reacted", "deleted", "message"]
    assert [frame["type"] for frame in frames] == kinds


def test_everything_is_written_when_the_server_stops(tmp_path):
    file = tmp_path / "chat.log"
    with transcribing(file) as server:
        ada = server.join("ada")
        ada.send(*[f"MSG|{number}" for number in range(3000)], "MSG|/ping")
        ada.expect("INFO|Pong.")
    assert [said(line) for line in file.read_text().splitlines()] == [f"[lobby] <ada> {n}" for n in range(3000)]


def test_a_transcript_is_continued_and_is_the_operators_alone(tmp_path):
    file = tmp_path / "chat.log"
    for text in ("first", "second"):
        with transcribing(file) as server:
            says_and_leaves(server, "ada", text)
    assert [said(line) for line in file.read_text().splitlines()] == ["[lobby] <ada> first", "[lobby] <ada> second"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_relative_path_is_below_the_data_directory():
    with transcribing("chat.log") as server:
        assert server.call(lambda: (server.server.data_dir / "chat.log").is_file())


def test_files_are_rotated_by_size_and_the_oldest_go(tmp_path):
    file = tmp_path / "chat.log"
    with transcribing(file, rotate="size", rotate_bytes=1000, keep=2) as server:
        ada = server.join("ada")
        ada.send(*[f"MSG|message number {number:04}" for number in range(100)], "MSG|/ping")
        ada.expect("INFO|Pong.")
    files = ["chat.log.2", "chat.log.1", "chat.log"]
    assert sorted(os.listdir(tmp_path)) == sorted(files)
    assert all((tmp_path / name).stat().st_size <= 1000 for name in files)
    lines = [said(line) for name in files for line in (tmp_path / name).read_text().splitlines()]
    assert lines == [f"[lobby] <ada> message number {number:04}" for number in range(100 - len(lines), 100)]


def test_a_new_day_begins_a_new_file(tmp_path):
    file = tmp_path / "chat.log"
    file.write_text("an old line\n")
    yesterday = time.time() - 24 * 3600
    os.utime(file, (yesterday, yesterday))
    with transcribing(file, rotate="day") as server:
        says_and_leaves(server, "ada", "today")
    older = tmp_path / f"chat.log.{datetime.fromtimestamp(yesterday, UTC):%Y-%m-%d}"
    assert older.read_text() == "an old line\n"
    assert said(file.read_text().rstrip("\n")) == "[lobby] <ada> today"


@pytest.mark.parametrize("file", ["missing/chat.log", "."])
def test_a_file_that_cannot_be_written_stops_the_start(tmp_path, file):
    with (
        pytest.raises(ConfigError, match=r"plugins\.chatlog\.transcript: .* cannot be written: .*\. Choose another"),
        transcribing(tmp_path / file),
    ):
        pass


@pytest.mark.parametrize(
    ("setting", "value"), [("format", "xml"), ("rotate", "hourly"), ("rotate_bytes", 0), ("keep", 0), ("file", "x")]
)
def test_a_wrong_setting_stops_the_start(tmp_path, setting, value):
    with (
        pytest.raises(ConfigError, match=rf"plugins\.chatlog\.{setting}: "),
        transcribing(tmp_path / "x", **{setting: value}),
    ):
        pass


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_full_disk_is_told_once_and_the_chat_goes_on(logged, caplog):
    with transcribing("/dev/full") as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.expect("INFO|bob has joined the chat.")
        ada.send(*[f"MSG|{number}" for number in range(50)])
        bob.expect(*[f"MSG|ada|{number}" for number in range(50)])
    errors = [(record.name, record.getMessage()) for record in caplog.records if record.levelno >= logging.ERROR]
    assert errors == [
        ("greenchat.chatlog", "the transcript cannot be written: [Errno 28] No space left on device"),
        ("greenchat.chatlog", "the end of the transcript is not written: [Errno 28] No space left on device"),
    ]


@pytest.fixture
def slowest_disk(tmp_path):
    """A pipe that nobody reads: `(path, file to read it)`."""
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    with open(os.open(fifo, os.O_RDONLY | os.O_NONBLOCK), encoding="utf-8") as reader:
        yield fifo, reader


def say_a_lot(server):
    ada, bob = server.join("ada"), server.join("bob")
    ada.expect("INFO|bob has joined the chat.")
    words = "word" * 500
    texts = [f"{number} {words}" for number in range(100)]  # 200 KB: a pipe holds 64
    ada.send(*[f"MSG|{text}" for text in texts])
    bob.expect(*[f"MSG|ada|{text}" for text in texts])
    return ada, bob, texts


def test_a_disk_that_hangs_holds_nobody_up_and_what_is_missing_is_told(slowest_disk, monkeypatch, logged):
    monkeypatch.setattr(greenchat_plugins.chatlog, "WAITING_MESSAGES", 10)
    fifo, reader = slowest_disk
    lines = []
    with transcribing(fifo) as server:
        ada, bob, texts = say_a_lot(server)
        os.set_blocking(reader.fileno(), True)
        reading = threading.Thread(target=lambda: lines.extend(reader))
        reading.start()
        for text in ("after", "all"):
            ada.send(f"MSG|{text}")
            bob.expect(f"MSG|ada|{text}")
            texts.append(text)
    reading.join(DEADLINE)
    at = gaps = 0
    for line in map(said, lines):
        if gap := re.fullmatch(r"-- (\d+) messages are missing here\.\n", line):
            at += int(gap[1])
            gaps += 1
        else:
            assert line == f"[lobby] <ada> {texts[at]}\n"
            at += 1
    assert at == len(texts)
    assert gaps > 0
    assert logged().count("the transcript misses messages: the disk is too slow for so many") == gaps


def test_a_disk_that_hangs_does_not_keep_the_server_from_stopping(slowest_disk, monkeypatch, logged):
    monkeypatch.setattr(greenchat_plugins.chatlog, "STOP_SECONDS", 0.1)
    fifo, reader = slowest_disk
    with transcribing(fifo) as server:
        say_a_lot(server)
    reader.close()  # lets the thread go that is left behind
    for thread in threading.enumerate():
        if thread.name.startswith("greenchat-transcript"):
            thread.join(DEADLINE)
    assert "the end of the transcript is not written: the disk does not answer" in logged()
