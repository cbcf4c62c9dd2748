"""The log: lines that say their zone, JSON with fields, and no more lines of one source than anybody reads."""

import json
import logging
import queue
import re
import subprocess
import sys
import textwrap
import threading
from datetime import UTC, datetime, timedelta

import pytest
from kit import ROOT
from kit.machine import eventually
from kit.processes import serve_process

from greenchat.server import logs
from greenchat.server.logs import (
    LINES_A_SECOND,
    LINES_AT_ONCE,
    SOURCES,
    TOLD_SECONDS,
    Bounded,
    Queue,
    Writer,
    formatter,
)
from greenchat.testing import DEADLINE

FAILS = """
    from greenchat import Reject, hookimpl
    @hookimpl
    def greenchat_check_message(message):
        if message.text == "fail":
            raise RuntimeError("over\\ntwo lines")
        raise Reject("No.", code="words")
"""


def serve_and_fail(tmp_path, form, *flags):
    """What the log says of somebody who joins, and makes a plugin fail."""
    directory = tmp_path / "plugins"
    directory.mkdir()
    (directory / "words.py").write_text(textwrap.dedent(FAILS))
    with serve_process(tmp_path, "--log-format", form, "-v", "--plugins-dir", str(directory), *flags) as server:
        ada = server.join("ada")
        ada.send("MSG|fail", "MSG|well", "MSG|/ping")
        ada.read_until("INFO|Pong.")
        ada.close()
        _, log = server.stop()
    return log


def test_json_has_times_with_their_zone_and_fields_and_exceptions_one_object_a_line(tmp_path):
    began = datetime.now(UTC)
    records = [json.loads(line) for line in serve_and_fail(tmp_path, "json").splitlines()]
    for record in records:
        assert {"time", "level", "logger", "message"} <= record.keys()
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record["time"])
        when = datetime.fromisoformat(record["time"])
        assert began - timedelta(seconds=1) <= when <= datetime.now(UTC)
    by_message = {re.sub(r"127\.0\.0\.1:\d+", "ADDRESS", record["message"]): record for record in records}
    connected = by_message["#1 connected from ADDRESS (plain)"]
    assert (connected["session"], connected["codec"]) == (1, "plain")
    assert re.fullmatch(r"127\.0\.0\.1:\d+", connected["address"])
    joined = by_message["#1 ada joined lobby"]
    assert (joined["session"], joined["user"], joined["room"]) == (1, "ada", "lobby")
    refused = by_message["#1 ada was refused (words: No.)"]
    assert (refused["session"], refused["user"], refused["code"]) == (1, "ada", "words")
    assert by_message["#1 was refused: words, by plugin words"]["plugin"] == "words"
    failed = by_message["plugin words failed in greenchat_check_message"]
    assert (failed["level"], failed["plugin"], failed["logger"]) == ("ERROR", "words", "greenchat.plugins")
    assert failed["exception"].startswith("Traceback (most recent call last):\n")
    assert failed["exception"].endswith("RuntimeError: over\ntwo lines")
    assert not any("exception" in record for record in records if record is not failed)


def test_text_has_times_with_their_zone(tmp_path):
    lines = serve_and_fail(tmp_path, "text").splitlines()
    ours = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z (DEBUG|INFO|WARNING|ERROR) +greenchat[a-z.]*: \S.*")
    assert ours.fullmatch(lines[0])
    begin = lines.index("Traceback (most recent call last):")
    end = lines.index("two lines")
    assert all(ours.fullmatch(line) for line in [*lines[:begin], *lines[end + 1 :]])


def test_who_makes_a_line_with_each_frame_does_not_fill_the_log(tmp_path):
    frames = 4 * LINES_AT_ONCE
    flags = ("--set", "limits.flood_rate=0", "--set", "plugins.chatlog.refusals=0", "--log-format", "json")
    with serve_process(tmp_path, *flags) as server:
        ada, mallory = server.join("ada"), server.join("mallory")
        for _ in range(frames // 100):
            mallory.send(*["MSG|"] * 100)
            mallory.expect(*["ERROR|The message is empty. Write something."] * 100)
        ada.send("MSG|/ping")
        ada.read_until("INFO|Pong.")
        mallory.close()
        ada.close()
        _, log = server.stop()
    records = [json.loads(line) for line in log.splitlines()]
    refusals = [record for record in records if record.get("code") == "empty"]
    left_out = sum(record.get("left_out", 0) for record in records)
    assert len(refusals) < LINES_AT_ONCE + 60 * LINES_A_SECOND
    assert left_out > frames / 2
    # All are there or counted: besides what was refused, who came and went, each with a line or two.
    assert frames <= len(refusals) + left_out <= frames + 20
    assert "more lines like this were left out" in log
    assert "stopping" in log


# --- the arithmetic of it, with a clock of its own ---


class Clock:
    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(logs, "time", clock)
    return clock


def record(message="line", line=1, **fields):
    made = logging.LogRecord("greenchat.test", logging.INFO, "file.py", line, message, (), None)
    vars(made).update(fields)
    return made


@pytest.fixture
def bounded(clock):
    told = []
    bounded = Bounded(told.append)
    bounded.told = told
    return bounded


def passed(bounded, count, **fields):
    return sum(bounded.filter(record(**fields)) for _ in range(count))


def test_a_source_has_so_many_lines_at_once_and_so_many_a_second(bounded, clock):
    assert passed(bounded, LINES_AT_ONCE + 50, session=1) == LINES_AT_ONCE
    assert bounded.told == []
    clock.now += 2
    assert passed(bounded, 50, session=1) == 2 * LINES_A_SECOND
    assert [line.getMessage() for line in bounded.told] == ["50 more lines like this were left out: line"]
    assert bounded.told[0].session == 1
    bounded.finish()
    assert [line.left_out for line in bounded.told] == [50, 40]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"session": 1}, {"session": 2}, False),
        ({"address": "192.0.2.1:5", "session": 1}, {"address": "192.0.2.1:6", "session": 2}, True),
        ({"address": "[2001:db8::1]:5"}, {"address": "[2001:db8::2]:5"}, True),
        ({"address": "192.0.2.1:5"}, {"address": "192.0.2.2:5"}, False),
        ({"address": "unix", "session": 1}, {"address": "unix", "session": 2}, False),
        ({"plugin": "a"}, {"plugin": "b"}, False),
        ({"user": "ada"}, {"user": "bob"}, False),
        ({"line": 1, "message": "x"}, {"line": 1, "message": "y"}, True),
        ({"line": 1}, {"line": 2}, False),
    ],
)
def test_whose_doing_a_line_is(bounded, one, other, same):
    passed(bounded, LINES_AT_ONCE, **one)
    assert passed(bounded, 1, **one) == 0
    assert passed(bounded, 1, **other) == (not same)


def test_what_was_left_out_is_told_though_its_source_says_no_more(bounded, clock):
    passed(bounded, LINES_AT_ONCE + 7, session=1)
    clock.now += TOLD_SECONDS
    assert passed(bounded, 1, session=2) == 1
    assert [(line.session, line.left_out) for line in bounded.told] == [(1, 7)]
    clock.now += TOLD_SECONDS
    passed(bounded, 1, session=2)
    assert len(bounded.told) == 1


def test_sources_are_not_remembered_without_end(bounded):
    passed(bounded, LINES_AT_ONCE + 1, session="first")
    for number in range(SOURCES + 10):
        bounded.filter(record(session=f"s{number}"))
    assert len(bounded._sources) <= SOURCES
    assert [line.left_out for line in bounded.told] == [1]


@pytest.fixture
def written():
    """`written(number)`: what was written until then, in as many pieces; waits for so many lines."""

    class Written:
        def __init__(self):
            self.pieces = queue.SimpleQueue()
            self.gate = threading.Event()
            self.gate.set()

        def write(self, text):
            self.gate.wait(DEADLINE)
            self.pieces.put(text)

        def read(self, lines):
            pieces = []
            while sum(piece.count("\n") for piece in pieces) < lines:
                pieces.append(self.pieces.get(timeout=DEADLINE))
            return pieces

    return Written()


def test_lines_that_nobody_reads_do_not_wait_without_end(monkeypatch, written):
    monkeypatch.setattr(logs, "WAITING_LINES", 3)
    written.gate.clear()
    writer = Writer(written.write, logging.Formatter("%(message)s"))
    into = Queue(writer)
    into.emit(record("first"))
    writer.hurry()
    eventually(writer.lines.empty)
    for number in range(10):
        into.emit(record(f"line {number}"))
    assert writer.lines.qsize() == 3
    written.gate.set()
    assert "".join(written.read(4)).splitlines() == ["first", "line 0", "line 1", "line 2"]
    into.emit(record("last"))
    assert "".join(written.read(2)).splitlines() == ["7 lines were left out, as nobody has read the log", "last"]


def test_lines_are_written_many_at_a_time(written):
    into = Queue(Writer(written.write, logging.Formatter("%(message)s")))
    for number in range(500):
        into.emit(record(f"line {number}"))
    into.flush()
    pieces = written.read(500)
    assert "".join(pieces).splitlines() == [f"line {number}" for number in range(500)]
    assert len(pieces) < 50


def test_an_error_is_written_at_once_with_what_came_before_it(monkeypatch, written):
    monkeypatch.setattr(logs, "BATCH_SECONDS", 10 * DEADLINE)
    into = Queue(Writer(written.write, logging.Formatter("%(message)s")))
    into.emit(record("before"))
    into.emit(record("error", levelno=logging.ERROR))
    assert "".join(written.read(2)) == "before\nerror\n"


def test_a_line_with_a_field_that_cannot_be_shown_is_told_all_the_same(written):
    into = Queue(Writer(written.write, formatter("text")))
    into.emit(record("odd", created="never"))
    into.emit(record("next"))
    odd, following = "".join(written.read(2)).splitlines()
    assert odd.startswith("INFO greenchat.test: odd (")
    assert following.endswith("greenchat.test: next")


def logged_by(code, **options):
    """A process that has its log as `greenchat serve` has it, and runs `code`."""
    head = "import logging, os, signal, sys; from greenchat.server.logs import Log; log = Log('text', 'info')\n"
    return subprocess.Popen([sys.executable, "-c", head + textwrap.dedent(code)], stderr=subprocess.PIPE, **options)


@pytest.mark.parametrize("end", ["raise RuntimeError('unexpected')", "sys.exit(3)", "log.stop()"])
def test_nothing_is_lost_however_the_process_ends(end):
    with logged_by(f"logging.info('the last line')\n{end}\n") as process:
        _, said = process.communicate(timeout=DEADLINE)
    assert b"the last line" in said


def test_nothing_is_lost_by_a_second_signal(tmp_path):
    (tmp_path / "hurried.py").write_text(
        textwrap.dedent("""
            import logging, os, signal
            from greenchat import hookimpl
            @hookimpl
            def greenchat_shutdown():
                logging.getLogger("hurried").info("the last line")
                os.kill(os.getpid(), signal.SIGTERM)
        """)
    )
    with serve_process(tmp_path, "--plugins-dir", str(tmp_path), "-v") as server:
        _, said = server.stop()
    lines = said.splitlines()
    assert lines[-1] == "Stopped at once."
    assert lines[-2].endswith("hurried: the last line")


def test_a_log_that_nobody_reads_does_not_keep_the_process(tmp_path):
    code = """
        for number in range(3000):
            logging.getLogger(f"source {number}").info("x" * 100)
        log.stop()
    """
    with logged_by(code) as process:
        assert process.wait(DEADLINE) == 0
        assert process.stderr.read(100).endswith(b"x")


def test_a_time_is_utc_wherever_the_server_is(monkeypatch):
    import time

    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        made = record()
        made.created = 0.25
        assert formatter("text").format(made).startswith("1970-01-01 00:00:00.250Z INFO")
        assert json.loads(formatter("json").format(made))["time"] == "1970-01-01T00:00:00.250Z"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_readme_has_the_numbers():
    readme = (ROOT / "README.md").read_text("utf-8")
    assert f"it is {LINES_AT_ONCE} lines at once and {LINES_A_SECOND:.0f} a second" in readme
