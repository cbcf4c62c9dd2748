"""`greenchat bench`: in all languages, with noise, with few descriptors, and ended in the middle."""

import json
import signal
import subprocess

import psutil
import pytest
from greenchat_plugins import web
from kit.benches import COMMAND, DUE, SMALL, bench, measured, sentence
from kit.terminals import Terminal, environment

from greenchat import hookimpl
from greenchat.testing import serving


def test_over_web_sockets_as_json():
    finished = bench("--web", "--json", *SMALL, GREENCHAT_SERVER_PLUGINS='["greenchat_plugins.web"]')
    assert (finished.returncode, finished.stderr) == (0, "")
    report = json.loads(finished.stdout)
    assert report["language"] == "web"
    assert report["throughput"]["delivered"] == report["latency"]["delivered"] == DUE


@pytest.mark.parametrize(
    ("language", "shown"),
    [("json", "5 of JSON Lines in one room"), ("web", "5 WebSockets in one room"), ("irc", "5 of IRC in one room")],
)
def test_in_other_languages(language, shown):
    with serving(web) as server:
        report = measured(server, language=language, messages=3000, rate=50_000)
    assert (report.language, report.throughput.lost, report.latency.lost) == (language, 0, 0)
    assert report.throughput.delivered == report.throughput.due == 2 * 3000 * 4
    assert shown in report.table()


@pytest.mark.parametrize("language", ["plain", "json", "web", "irc"])
def test_what_else_the_server_says_is_not_counted(language):
    class Chatty:
        @hookimpl
        def greenchat_check_message(self, session, message):
            session.info("An INFO, to be told from what was said: EIEIO.")

    with serving(web, Chatty()) as server:
        report = measured(server, messages=3000, rate=50_000, language=language)
    assert report.throughput.delivered == report.throughput.due == 2 * 3000 * 4
    assert report.latency.delivered == report.latency.due


def test_what_did_not_arrive_is_told():
    class Thief:
        seen = 0

        @hookimpl
        def greenchat_frame(self, session, frame):
            if type(frame).__name__ == "Say":
                self.seen += 1
                return self.seen % 10 == 0
            return None

    with serving(Thief()) as server:
        finished = bench(f"{server.host}:{server.port}", *SMALL, "--seconds", "1", "--json")
    assert "40 of 400 deliveries of the throughput part did not arrive in time." in sentence(finished)
    report = json.loads(finished.stdout)
    assert (report["throughput"]["delivered"], report["throughput"]["lost"], report["latency"]) == (360, 40, None)


def test_descriptors_are_raised_as_far_as_they_may():
    def with_limit(limit, *arguments):
        script = f'ulimit {limit} && exec "$@"'
        command = ["sh", "-c", script, "sh", *COMMAND, "--idle", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment())

    raised = with_limit("-Sn 100", "--clients", "120")
    assert (raised.returncode, raised.stderr) == (0, "")
    too_low = with_limit("-n 100", "--clients", "120")
    assert "120 clients need 184 open files, and this system allows 100" in sentence(too_low)
    assert "ask for 36 --clients" in too_low.stderr


@pytest.mark.parametrize(("end", "status"), [("Ctrl-C", 1), ("SIGTERM", 128 + signal.SIGTERM)])
def test_no_server_is_left_behind(end, status, tmp_path):
    # One message a second: there is time to end it, and nothing to do meanwhile.
    slow = ["bench", "--clients", "2", "--senders", "1", "--messages", "4", "--rate", "1"]
    terminal = Terminal(*slow, TMPDIR=str(tmp_path))
    try:
        terminal.wait(lambda lines: any(line.startswith("Latency") for line in lines))  # the progress bars
        [server] = psutil.Process(terminal.process.pid).children()
        if end == "Ctrl-C":
            terminal.type("\x03")
        else:
            terminal.process.terminate()
        assert terminal.end() == status
        assert not psutil.pid_exists(server.pid), "its server is left behind"
        assert list(tmp_path.iterdir()) == [], "its files are left behind"
    finally:
        terminal.close()
