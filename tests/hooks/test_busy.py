"""What of plugins keeps a reload from happening: threads, processes, and what they say themselves."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import gevent
import pytest

from greenchat import hookimpl
from greenchat.testing import DEADLINE, Chat


def busy(chat):
    return chat.run(chat.server.plugin_lifecycle.busy)


begun = []  # the events that end the threads of a test


@pytest.fixture(autouse=True)
def no_thread_outlasts_its_test():
    """One that did would keep the next test's server from being reloaded, too."""
    yield
    while begun:
        begun.pop().set()
    for thread in threading.enumerate():
        if thread.name.startswith("worker"):
            thread.join(DEADLINE)


class Threads:
    """Has a thread of its own, as long as the test wants it."""

    def __init__(self, ctx):
        self.ctx = ctx
        self.over = threading.Event()
        begun.append(self.over)

    def begin(self, **options):
        threading.Thread(target=self.work, name="worker\n-1", **options).start()

    def work(self):
        self.over.wait(DEADLINE)

    @hookimpl
    def greenchat_carried(self, session):
        pass


class EndingThreads(Threads):
    @hookimpl
    def greenchat_shutdown(self):
        self.over.set()


def bearer(chat, name):
    return next(plugin.bearer for plugin in chat.server.plugins if plugin.name == name)


def test_nobody_is_busy_where_nothing_is_under_way():
    assert busy(Chat(Threads)) == []


def test_a_thread_that_lasts_is_named():
    chat = Chat(Threads)
    plugin = bearer(chat, "Threads")
    plugin.begin()
    assert busy(chat) == ["plugin Threads: the thread worker?-1, which its greenchat_shutdown has to end"]
    plugin.over.set()
    [thread.join(DEADLINE) for thread in threading.enumerate() if thread.name.startswith("worker")]
    assert busy(chat) == []


def test_one_that_its_plugin_may_end_or_has_called_a_daemon_is_let_be():
    chat = Chat(EndingThreads)
    plugin = bearer(chat, "EndingThreads")
    plugin.begin()
    plugin.begin(daemon=True)
    assert busy(chat) == []


def test_one_that_its_plugin_has_not_ended_is_told_of():
    class Careless(EndingThreads):
        @hookimpl
        def greenchat_shutdown(self):
            pass

    chat = Chat(Careless)
    plugin = bearer(chat, "Careless")
    plugin.begin()
    with chat.failing() as failures:
        chat.reload()
    assert "plugin Careless has not ended its thread worker?-1: it is cut off" in str(failures[0])
    plugin.over.set()


def test_a_pool_of_threads_that_wait_for_work_is_let_be():
    chat = Chat(Threads)
    plugin = bearer(chat, "Threads")
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result(DEADLINE)
        with gevent.Timeout(DEADLINE):
            while busy(chat):  # it goes back to waiting a moment later
                gevent.sleep(0)
        pool.submit(plugin.work)
        with gevent.Timeout(DEADLINE):
            while not (found := busy(chat)):
                gevent.sleep(0)
        assert found[0].startswith("plugin Threads: the thread ThreadPoolExecutor")
        plugin.over.set()


def test_calls_in_threads_are_counted():
    chat = Chat(Threads)
    plugin, ctx = bearer(chat, "Threads"), chat.server.plugin_lifecycle.ctx_of("Threads")
    greenlets = [gevent.spawn(ctx.in_thread, plugin.work) for _ in range(2)]
    gevent.sleep(0)
    assert chat.server.plugin_lifecycle.busy() == ["plugin Threads: 2 calls by ctx.in_thread"]
    plugin.over.set()
    gevent.joinall(greenlets, DEADLINE, raise_error=True)
    assert busy(chat) == []


def test_a_process_that_was_started_is_named_without_its_arguments():
    chat = Chat(Threads)
    child = subprocess.Popen([sys.executable, "-c", "input()", "--password=hunter2"], stdin=subprocess.PIPE)
    try:
        (line,) = busy(chat)
        assert f"the process {child.pid} (" in line
        assert "hunter2" not in line
        assert chat.server.plugin_lifecycle.busy([child.pid]) == []
    finally:
        child.communicate(b"\n", DEADLINE)
    assert busy(chat) == []


def test_what_a_plugin_says_keeps_a_reload_from_happening():
    class Says:
        why = "half a\nsentence"

        @hookimpl
        def greenchat_busy(self):
            return self.why

    chat = Chat(Says)
    ada = chat.join("ada")
    assert busy(chat) == ["plugin Says: half a?sentence"]
    with pytest.raises(AssertionError, match=r"half a.sentence"):
        chat.reload()
    bearer(chat, "Says").why = None
    chat.reload(Threads)
    assert ada.is_in


@pytest.mark.parametrize("answer", [7, ["busy"], True])
def test_what_is_no_text_keeps_nothing_from_happening(answer):
    class Odd:
        @hookimpl
        def greenchat_busy(self):
            return answer

    chat = Chat(Odd)
    with chat.failing():
        assert chat.server.plugin_lifecycle.busy() == []
        assert chat.server.plugin_lifecycle.busy() == []


def test_one_that_cannot_say_keeps_nothing_from_happening_and_is_told_of_once(monkeypatch):
    monkeypatch.setattr("greenchat.hooks.busy.ANSWER_SECONDS", 0.05)

    class Bad:
        @hookimpl
        def greenchat_busy(self):
            raise SystemExit(1)

    class Hanging:
        @hookimpl
        def greenchat_busy(self):
            gevent.sleep(3600)

    chat = Chat(Bad, Hanging)
    with chat.failing() as failures:
        for _ in range(3):
            assert chat.server.plugin_lifecycle.busy() == []
    assert len(failures) == 2
