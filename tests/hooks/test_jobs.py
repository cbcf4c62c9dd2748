"""Jobs that are kept over restarts."""

from datetime import UTC, datetime, timedelta

import gevent
import pytest

from greenchat import Context, PluginError

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def start(around):
    """Begin with a new context on the same files."""
    running = []

    def start(begin=lambda ctx: None):
        for ctx in running:
            ctx.end()
        running[:] = [ctx := Context("tester", None, around)]
        ctx.begin()
        begin(ctx)
        ctx.started()
        gevent.sleep()
        return ctx

    yield start
    for ctx in running:
        ctx.end()


def test_a_job_is_done_at_its_time_after_a_restart(start, clock):
    done = []
    ctx = start(lambda ctx: ctx.job("remind", lambda who, what: done.append((who, what))))
    ctx.at(NOON + timedelta(hours=1), "remind", "ada", {"what": [1, None]})
    start(lambda ctx: ctx.job("remind", lambda *found: done.append(found)))
    clock.advance(3599)
    assert done == []
    clock.advance(1)
    assert done == [("ada", {"what": [1, None]})]
    start(lambda ctx: ctx.job("remind", lambda *found: done.append(found)))
    clock.advance(86400)
    assert len(done) == 1


def test_what_was_due_meanwhile_is_done_at_the_start(start, clock):
    done = []
    start(lambda ctx: ctx.job("remind", print)).at(NOON + timedelta(hours=1), "remind", 1)
    ctx = start()  # which does not know it, at first
    clock.advance(7200)
    assert [job.name for job in ctx.jobs] == ["remind"]
    ctx.job("remind", done.append)
    clock.advance()
    assert done == [1]
    assert list(ctx.jobs) == []


def test_each_day_is_one_job_however_often_it_is_asked_for(start, clock):
    done = []

    def begin(ctx):
        ctx.job("greet", lambda: done.append(clock.now()))
        ctx.at("07:30", "greet")

    for _ in range(3):
        ctx = start(begin)
    assert len(list(ctx.jobs)) == 1
    clock.advance(2 * 86400)
    assert len(done) == 2
    assert done[1] - done[0] == timedelta(days=1)
    ctx.cancel(next(iter(ctx.jobs)))
    clock.advance(2 * 86400)
    assert len(done) == 2


def test_a_day_that_was_slept_through_is_made_up_for_once(start, clock):
    done = []

    def begin(ctx):
        ctx.job("greet", lambda: done.append(clock.now()))
        ctx.at("07:30", "greet")

    start(begin)
    clock.passed += 3 * 86400
    start(begin)
    clock.advance()
    assert len(done) == 1
    clock.advance(86400)
    assert len(done) == 2


def test_it_is_cancelled(start, clock):
    done = []
    ctx = start(lambda ctx: ctx.job("remind", done.append))
    job = ctx.at(NOON + timedelta(seconds=5), "remind", 1)
    assert ctx.cancel(job.id)
    assert not ctx.cancel(job)
    clock.advance(10)
    assert done == []


def test_one_that_fails_is_the_plugins_and_is_over(start, clock, around):
    ctx = start(lambda ctx: ctx.job("break", lambda: 1 / 0))
    ctx.at(NOON, "break")
    clock.advance()
    assert [(plugin, where, type(error)) for plugin, where, error in around.failed] == [
        ("tester", "the job break", ZeroDivisionError)
    ]
    assert list(ctx.jobs) == []


def test_one_in_the_middle_of_which_the_server_ends_is_done_again(start, clock):
    done = []

    def slow(what):
        done.append(what)
        if len(done) == 1:
            gevent.sleep(1000)

    start(lambda ctx: ctx.job("slow", slow)).at(NOON, "slow", 1)
    clock.advance()
    start(lambda ctx: ctx.job("slow", slow))
    clock.advance()
    assert done == [1, 1]


def test_what_is_wrong_is_refused(start):
    ctx = start(lambda ctx: ctx.job("known", print))
    with pytest.raises(PluginError, match="no job unknown"):
        ctx.at(NOON, "unknown")
    with pytest.raises(PluginError, match="no JSON"):
        ctx.at(NOON, "known", object())
    with pytest.raises(PluginError, match="no time"):
        ctx.at("soon", "known")
    with pytest.raises(PluginError, match="there is a job known already"):
        ctx.job("known", print)
    assert list(ctx.jobs) == []
