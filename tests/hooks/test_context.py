"""What a plugin is given of its own, and that it ends with it."""

import logging
import time
import tomllib
from datetime import UTC, datetime, timedelta

import gevent
import pytest
from click.testing import CliRunner
from kit.failing import failures
from kit.machine import eventually

import greenchat
from greenchat import ConfigError, PluginError, Reject, hookimpl
from greenchat.cli import main
from greenchat.config.load import load
from greenchat.hooks.dispatch import FAILURES
from greenchat.hooks.loader import Plugins
from greenchat.hooks.moments import next_time, seconds_of, time_of_day
from greenchat.hooks.tasks import MOST
from greenchat.testing import serving

# --- how it comes to a plugin ---


class Settings(greenchat.Settings, frozen=True):
    tone: str = "ding"


class ByNames:
    Settings = Settings

    def __init__(self, ctx, settings):
        self.ctx, self.settings = ctx, settings

    @hookimpl
    def greenchat_startup(self, server):
        assert self.ctx.server is server
        self.ctx.chat.announce("Nobody is here.")


class OnlyContext(ByNames):
    def __init__(self, ctx):
        super().__init__(ctx, ctx.settings)


class ByPosition(ByNames):
    def __init__(self, whatever):
        self.ctx, self.settings = None, whatever

    @hookimpl
    def greenchat_startup(self, server):
        pass


class Mixed(ByNames):
    def __init__(self, whatever, ctx):
        super().__init__(ctx, whatever)


@pytest.mark.parametrize("kind", [ByNames, OnlyContext, ByPosition, Mixed])
def test_a_plugin_gets_it_by_the_names_of_its_parameters(kind):
    with serving(kind, settings={f"plugins.{kind.__name__}.tone": "dong"}) as server:
        plugin = next(plugin for plugin in server.server.plugins if plugin.name == kind.__name__)
        assert plugin.state == "on"
        assert plugin.bearer.settings.tone == "dong"
        assert plugin.bearer.ctx in (plugin.ctx, None)
        assert server.server.plugin_lifecycle.ctx_of(kind.__name__) is plugin.ctx


def test_there_is_no_server_before_the_start():
    class Early:
        def __init__(self, ctx):
            ctx.chat  # noqa: B018

        @hookimpl
        def greenchat_startup(self):
            pass

    found = Plugins(load(flags={}), [Early])
    plugin = next(plugin for plugin in found if plugin.name == "Early")
    assert plugin.off == "there is no server yet: ctx.server and ctx.chat are there from greenchat_startup on"


def test_what_is_granted_is_no_setting_of_the_plugin():
    config = load(
        flags={"plugins.ByNames.may": ["kick", "speak"], "plugins.ByNames.rooms": ["dev"], "plugins.ByNames.tone": "x"}
    )
    plugin = next(plugin for plugin in Plugins(config, [ByNames]) if plugin.name == "ByNames")
    assert (plugin.ctx.may, plugin.rooms, plugin.settings.tone) == ({"kick", "speak"}, ("dev",), "x")


def test_what_is_granted_is_in_the_whole_configuration(tmp_path, monkeypatch):
    (tmp_path / "bare.py").write_text(
        "from greenchat import hookimpl\n@hookimpl\ndef greenchat_gone(member):\n    pass\n"
    )
    (tmp_path / "chat.toml").write_text(f'[server]\nplugins_dirs = ["{tmp_path}"]\n[plugins.bare]\nmay = ["http"]\n')
    text = CliRunner().invoke(main, ["config", "--config", str(tmp_path / "chat.toml")]).output
    assert tomllib.loads(text)["plugins"]["bare"] == {"may": ["http"], "rooms": []}
    assert "may" not in tomllib.loads(text)["plugins"]["history"]


def test_a_right_that_there_is_not_is_an_error():
    with pytest.raises(ConfigError, match=r"plugins\.ByNames\.may"):
        Plugins(load(flags={"plugins.ByNames.may": ["reign"]}), [ByNames])


def test_a_setting_of_this_name_that_is_the_plugins_own_stays_so():
    class Own(ByNames):
        class Settings(greenchat.Settings, frozen=True):
            rooms: tuple[str, ...] = ()

    config = load(flags={"plugins.Own.rooms": ["dev"]})
    plugin = next(plugin for plugin in Plugins(config, [Own]) if plugin.name == "Own")
    assert (plugin.settings.rooms, plugin.rooms) == (("dev",), ())


def test_its_log_tells_whose_it_is(ctx, caplog):
    caplog.set_level("INFO")
    ctx.log.info("It rains in %s.", "dev", extra={"room": "dev"})
    (record,) = caplog.records
    assert (record.getMessage(), record.name) == ("It rains in dev.", "greenchat.plugin.tester")
    assert (record.plugin, record.room) == ("tester", "dev")


# --- what happens by itself ---


def test_later_and_every_and_cancel(ctx, clock):
    done = []
    ctx.later("10m", done.append, "later")
    never = ctx.later(1, done.append, "never")
    task = ctx.every("4m", done.append, "every")
    never.cancel()
    clock.advance(599)
    assert done == ["every"] * 2
    clock.advance(1)
    assert done == ["every"] * 2 + ["later"]
    clock.advance(120)
    task.cancel()
    clock.advance(1000)
    assert done == ["every"] * 2 + ["later", "every"]
    assert task.done


def test_what_takes_long_is_not_begun_again_meanwhile(ctx, clock):
    begun, go_on = [], gevent.event.Event()

    def work():
        begun.append(1)
        go_on.wait()

    ctx.every(1, work)
    clock.advance(5)
    assert len(begun) == 1
    go_on.set()
    clock.advance(1)
    clock.advance(1)
    assert len(begun) >= 2


def test_a_failure_in_a_timer_is_the_plugins_and_it_goes_on(ctx, clock, around):
    done = []

    def work():
        done.append(1)
        raise SystemExit

    ctx.every("5m", work)
    clock.advance(600)
    assert len(done) == 2
    assert [(plugin, type(error)) for plugin, _, error in around.failed] == [("tester", SystemExit)] * 2
    assert around.failed[0][1].endswith("work, every 5m")


def test_a_moment_of_the_clock_on_the_wall(ctx, clock):
    done = []
    ctx.at(datetime(2026, 3, 1, 12, 30, tzinfo=UTC), done.append, "once")
    ctx.at(datetime(2020, 3, 1, 12, 30, tzinfo=UTC), done.append, "long ago")
    clock.advance()
    assert done == ["long ago"]
    clock.advance(1799)
    assert done == ["long ago"]
    clock.advance(1)
    assert done == ["long ago", "once"]
    clock.advance(100000)
    assert done == ["long ago", "once"]


def test_each_day_at_a_time_of_the_local_zone(ctx, clock, berlin):
    done = []
    ctx.at("07:30", lambda: done.append(clock.now().strftime("%d %H:%M")))
    clock.advance(3 * 86400)
    assert done == ["02 06:30", "03 06:30", "04 06:30"]


def test_each_day_has_a_time_once_when_clocks_are_set(berlin):
    in_gap, twice = time_of_day("02:30"), time_of_day("02:15:30")
    spring = datetime(2026, 3, 28, 12, tzinfo=UTC)
    first = next_time(in_gap, spring)
    assert first == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)  # 3:30 of summer time: 2:30 is left out
    assert next_time(in_gap, first) == datetime(2026, 3, 30, 0, 30, tzinfo=UTC)
    first = next_time(twice, datetime(2026, 10, 24, 12, tzinfo=UTC))
    assert first == datetime(2026, 10, 25, 0, 15, 30, tzinfo=UTC)
    assert next_time(twice, first) == datetime(2026, 10, 26, 1, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("1h30m", 5400), ("2D", 172800), (0.5, 0.5), ("1w", 604800), ("0s", 0)]
)
def test_durations(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "5", "1 h", "-5s", -1, float("nan"), None, True, "5y", "9" * 30 + "w", "11000d", 4e8]
)
def test_what_is_no_duration(text):
    with pytest.raises(PluginError, match="no duration"):
        seconds_of(text)


@pytest.mark.parametrize("when", ["7:30", "24:00", "07:60", "", datetime(2026, 3, 1), 5])
def test_what_is_no_time(ctx, when):
    with pytest.raises(PluginError, match="no time"):
        ctx.at(when, print)


def test_what_is_too_often_or_too_much_is_refused(ctx):
    with pytest.raises(PluginError, match="too often"):
        ctx.every(0.001, print)
    for _ in range(MOST):
        ctx.later(1000, print)
    with pytest.raises(PluginError, match="already"):
        ctx.spawn(print)


def test_a_thread_holds_up_its_caller_alone(ctx):
    order = []
    ctx.spawn(lambda: order.append("meanwhile"))
    ctx.in_thread(time.sleep, 0.01)
    assert order == ["meanwhile"]
    assert ctx.in_thread(max, 1, 2, key=lambda number: -number) == 1
    with pytest.raises(ZeroDivisionError):
        ctx.in_thread(lambda: 1 / 0)
    with pytest.raises(SystemExit):
        ctx.in_thread(lambda: (_ for _ in ()).throw(SystemExit))


def test_all_of_it_ends_with_it(ctx, clock, around):
    done = []

    def work():
        try:
            gevent.sleep(100)
        finally:
            done.append("ended")

    task = ctx.spawn(work)
    ctx.every(1, done.append, "tick")
    ctx.later(1, done.append, "tock")
    gevent.sleep()
    ctx.halt()
    assert task.join(10)
    clock.advance(10)
    assert done == ["ended"]
    assert ctx.spawn(done.append, "late").done
    assert ctx.later(0, done.append, "later").done
    clock.advance(10)
    assert done == ["ended"]
    assert around.failed == []


def test_timers_go_on_once_it_is_on_again_and_what_was_due_is_done_once(ctx, clock):
    done = []
    ctx.every(2, done.append, "every")
    ctx.later(3, done.append, "later")
    ctx.later(100, done.append, "much later")
    ctx.at(clock.now() + timedelta(seconds=5), done.append, "at")
    ctx.halt()
    clock.advance(10)
    gevent.sleep()
    assert done == []
    ctx.resume()
    clock.advance(0)
    gevent.sleep()
    assert sorted(done) == ["at", "later"]
    clock.advance(2)
    gevent.sleep()
    assert sorted(done) == ["at", "every", "later"]
    ctx.end()
    clock.advance(100)
    gevent.sleep()
    assert sorted(done) == ["at", "every", "later"]


class Timekeeper:
    def __init__(self, ctx):
        self.ctx = ctx

    @hookimpl
    def greenchat_check_message(self, message):
        self.ctx.store["count"] = self.ctx.store.get("count", 0) + 1
        if message.text == "fail":
            raise RuntimeError
        if message.text == "no":
            raise Reject("No.")

    @hookimpl
    def greenchat_startup(self, server):
        self.ctx.every(0.1, server.chat.announce, "tick")


def test_one_that_is_switched_off_does_nothing_by_itself_and_checks_go_on():
    with serving(Timekeeper) as server:
        ada, bob = server.join("ada"), server.join("bob")
        bob.read_until("INFO|tick")
        ada.send(*["MSG|fail"] * FAILURES)
        eventually(lambda: server.call(lambda: server.server.plugin_lifecycle.ctx_of("Timekeeper")._tasks.halted))
        ada.send("MSG|no", "MSG|yes")
        ada.read_until("ERROR|No.")
        bob.read_until("MSG|ada|yes")
        ada.send("MSG|again")
        bob.expect("MSG|ada|again")
        server.call(lambda: server.server.switch_plugin_on("Timekeeper"))
        bob.read_until("INFO|tick")


def test_one_that_fails_at_start_leaves_nothing_behind(caplog):
    class Broken(Timekeeper):
        @hookimpl
        def greenchat_startup(self, server):
            self.ctx.every(0.1, self.tick)
            raise RuntimeError

        def tick(self):
            raise AssertionError

    with serving(Broken) as server:
        plugin = next(plugin for plugin in server.server.plugins if plugin.name == "Broken")
        assert plugin.off
        assert plugin.ctx._tasks.halted
    assert failures(caplog) == []


def test_a_failure_in_the_background_is_logged_under_its_name(caplog):
    class Background:
        def __init__(self, ctx):
            self.ctx = ctx

        @hookimpl
        def greenchat_startup(self):
            self.ctx.spawn(self.work)

        def work(self):
            raise RuntimeError("odd")

    with serving(Background):
        eventually(lambda: failures(caplog))
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.plugin == "Background"
    assert record.getMessage().endswith("work, in the background")
