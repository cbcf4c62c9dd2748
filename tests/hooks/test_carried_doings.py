"""What plugins do by themselves goes on over a reload: timers, jobs, bots."""

from datetime import UTC, datetime, timedelta

import gevent
import pytest

from greenchat import hookimpl
from greenchat.hooks.bots import MOST
from greenchat.testing import Chat


class Timers:
    """Notes what happens, over all reloads."""

    def __init__(self, ctx):
        self.ctx = ctx
        self.state = ctx.carry_state()

    def note(self, what="rung"):
        self.state.setdefault("noted", []).append([what, self.ctx.clock.monotonic()])


def noted(chat, plugin):
    return chat.server.plugin_lifecycle.ctx_of(plugin).state.get("noted", [])


def times(chat, plugin, what="rung"):
    return [at for one, at in noted(chat, plugin) if one == what]


# --- timers ---


def test_an_hourly_timer_does_not_begin_anew():
    class Hourly(Timers):
        @hookimpl
        def greenchat_startup(self):
            self.ctx.every("1h", self.note)

    chat = Chat(Hourly)
    for _ in range(4):
        chat.tick("25m")
        chat.reload()
    chat.tick("30m")
    assert times(chat, "Hourly") == [3600, 7200]


def test_several_of_one_name_are_told_apart_by_their_order():
    class Two(Timers):
        @hookimpl
        def greenchat_startup(self):
            self.ctx.every("1h", self.note, "first")
            self.ctx.every("2h", self.note, "second")

    chat = Chat(Two)
    chat.tick("30m")
    chat.reload()
    chat.tick("2h")
    assert times(chat, "Two", "first") == [3600, 7200]
    assert times(chat, "Two", "second") == [7200]


def test_one_that_is_made_more_frequent_does_not_wait_for_its_old_time():
    class Timer(Timers):
        interval = "1d"

        @hookimpl
        def greenchat_startup(self):
            self.ctx.every(self.interval, self.note)

    chat = Chat(Timer)
    chat.tick("1h")
    chat.reload(type("Timer", (Timer,), {"interval": "10m"}))
    chat.tick("20m")
    assert times(chat, "Timer") == [4200, 4800]


def test_one_that_begins_later_begins_anew():
    class Timer(Timers):
        @hookimpl
        def greenchat_startup(self):
            self.ctx.every("1h", self.note)

        @hookimpl
        def greenchat_messages(self):
            self.ctx.every("1h", self.note, "later")

    class Without(Timer):
        @hookimpl
        def greenchat_startup(self):
            pass

    Without.__name__ = "Timer"
    chat = Chat(Timer)
    ada = chat.join("ada")
    chat.tick("30m")
    chat.reload(Without)
    ada.says("go")
    chat.tick("45m")
    assert times(chat, "Timer", "later") == []
    chat.tick("15m")
    assert times(chat, "Timer", "later") == [5400]


def test_what_came_due_while_nobody_ran_is_done_once_all_are_here():
    class Often(Timers):
        @hookimpl
        def greenchat_startup(self):
            self.ctx.every("1s", self.look)

        @hookimpl
        def greenchat_shutdown(self):
            self.ctx.clock.move(5, lambda call: None)  # the pause

        def look(self):
            self.note(len(self.ctx.server.sessions))

    chat = Chat(Often)
    chat.join("ada")
    chat.reload()
    chat.tick(0)
    assert noted(chat, "Often") == [[1, 5]]
    chat.tick("2s")
    assert noted(chat, "Often") == [[1, 5], [1, 6], [1, 7]]


@pytest.mark.parametrize("pause", [0, 2])
def test_what_is_due_each_day_is_done_once_also_in_the_moment_of_a_reload(pause):
    class Daily(Timers):
        @hookimpl
        def greenchat_startup(self):
            self.ctx.at("12:00", self.note)

        @hookimpl
        def greenchat_shutdown(self):
            if self.ctx.clock.monotonic() == 59:
                self.ctx.clock.move(pause, lambda call: None)

    noon = datetime(2026, 6, 1, 12).astimezone().astimezone(UTC)
    chat = Chat(Daily, start=noon - timedelta(minutes=1))
    chat.tick(59)
    chat.reload()
    chat.tick("1m")
    assert len(times(chat, "Daily")) == 1
    chat.reload()
    chat.tick("25h")
    assert len(times(chat, "Daily")) == 2


def test_a_timer_that_is_cancelled_in_the_shutdown_goes_on_all_the_same():
    class Tidy(Timers):
        @hookimpl
        def greenchat_startup(self):
            self.timer = self.ctx.every("1h", self.note)

        @hookimpl
        def greenchat_shutdown(self):
            self.timer.cancel()
            self.ctx.every("1s", self.note, "in the shutdown")
            self.ctx.later(1, self.note, "in the shutdown")
            self.ctx.spawn(self.note, "in the shutdown")

    chat = Chat(Tidy)
    chat.tick("50m")
    chat.reload()
    chat.tick("11m")
    assert noted(chat, "Tidy") == [["rung", 3600]]


def test_timers_may_begin_while_sessions_are_told_of():
    class Each(Timers):
        @hookimpl
        def greenchat_connected(self, session):
            self.ctx.every("1h", self.note, session.id)

        @hookimpl
        def greenchat_carried(self, session):
            self.ctx.every("1h", self.note, session.id)

    chat = Chat(Each)
    first = chat.join("ada").session.id
    chat.tick("20m")
    second = chat.join("bob").session.id
    chat.tick("20m")
    chat.reload()
    chat.tick("40m")
    assert noted(chat, "Each") == [[first, 3600], [second, 4800]]


def test_a_job_is_done_once():
    class Later(Timers):
        @hookimpl
        def greenchat_startup(self):
            self.ctx.job("note", self.note)

        @hookimpl
        def greenchat_messages(self):
            self.ctx.later("10m", "note", "job")

    chat = Chat(Later)
    chat.join("ada").says("go")
    chat.tick("9m")
    chat.reload()
    chat.tick("2m")
    chat.reload()
    chat.tick("1h")
    assert noted(chat, "Later") == [["job", 600]]


def test_what_is_at_work_ends_as_it_does_with_the_server():
    ended = []

    class Worker(Timers):
        @hookimpl
        def greenchat_startup(self):
            self.ctx.spawn(self.work)

        def work(self):
            try:
                gevent.sleep(3600)
            finally:
                ended.append(True)

    chat = Chat(Worker)
    chat.reload()
    assert ended == [True]


# --- bots ---


class Robot:
    rooms = ("lobby", "attic")

    def __init__(self, ctx):
        self.bot = ctx.bot("robot", self.rooms, self.answer)

    def answer(self, message):
        return f"{message.sender}?"


Robot.greenchat_carried = hookimpl(lambda self, session: None, specname="greenchat_carried")


def robot(**attributes):
    return type("Robot", (Robot,), attributes)


def test_a_bot_goes_on_and_nobody_sees_anything():
    chat = Chat(Robot)
    ada, bob = chat.join("ada", kind="json"), chat.join("bob", "attic", kind="json")
    before = list(chat.server.chat.rooms["lobby"].members)
    chat.reload()
    chat.reload()
    assert ada.heard == []
    assert bob.heard == []
    assert list(chat.server.chat.rooms["lobby"].members) == before
    assert chat.server.chat.members["robot"].bot == "Robot"
    ada.says("hello robot")
    assert ada.hears("ada?", by="robot")
    bob.says("and here, robot?")
    assert bob.hears("bob?", by="robot")


def test_a_bot_that_is_to_be_in_other_rooms_goes_there():
    chat = Chat(Robot)
    ada, bob = chat.join("ada"), chat.join("bob", "attic", kind="json")
    chat.reload(robot(rooms=("lobby", "cellar")))
    assert set(chat.server.chat.members["robot"].rooms) == {"lobby", "cellar"}
    assert ada.heard == []
    assert bob.hears(type="left", name="robot")


def test_rooms_that_a_bot_has_gone_into_by_itself_stay_its_own():
    chat = Chat(Robot)
    chat.run(lambda: chat.server.plugin_lifecycle.ctx_of("Robot").bots[0].enter("cellar"))
    chat.reload()
    (bot,) = chat.server.plugin_lifecycle.ctx_of("Robot").bots
    assert set(bot.rooms) == {"lobby", "attic", "cellar"}
    chat.run(lambda: bot.part("cellar"))
    assert set(bot.rooms) == {"lobby", "attic"}


def test_a_bot_that_nobody_asks_for_any_more_leaves():
    class Nobody:
        greenchat_carried = hookimpl(lambda self, session: None, specname="greenchat_carried")

    chat = Chat(Robot)
    ada = chat.join("ada")
    chat.reload(Nobody)
    assert ada.hears("INFO|robot has left the chat.")
    assert "robot" not in chat.server.chat.members


def test_a_bot_of_which_the_plugin_has_another_one_now_leaves():
    class Other(Robot):
        def __init__(self, ctx):
            self.bot = ctx.bot("android", ["lobby"])

    Other.__name__ = "Robot"
    chat = Chat(Robot)
    ada = chat.join("ada")
    chat.reload(Other)
    assert ada.hears("INFO|android (a bot) has joined the chat.")
    assert ada.hears("INFO|robot has left the chat.")


def test_a_bot_that_was_put_out_stays_out():
    chat = Chat(Robot)
    ada = chat.join("ada")
    chat.run(lambda: chat.server.chat.leave(chat.server.chat.members["robot"], "kicked"))
    ada.heard.clear()
    chat.reload()
    assert "robot" not in chat.server.chat.members
    assert ada.heard == []


def test_a_guest_who_is_called_like_a_bot_was_is_not_taken_for_it():
    chat = Chat(Robot)
    chat.run(lambda: chat.server.chat.leave(chat.server.chat.members["robot"], "kicked"))
    guest = chat.join("robot")
    chat.reload()
    assert guest.is_in
    assert guest.session.member.bot == ""
    assert not chat.server.plugin_lifecycle.ctx_of("Robot").bots[0].is_here


def test_as_many_bots_as_there_may_be_go_on():
    class Swarm:
        def __init__(self, ctx):
            self.bots = [ctx.bot(f"bee{number}", ["lobby"]) for number in range(MOST)]

    Swarm.greenchat_carried = hookimpl(lambda self, session: None, specname="greenchat_carried")
    chat = Chat(Swarm)
    ada = chat.join("ada")
    chat.reload()
    assert ada.heard == []
    assert len(chat.server.chat.rooms["lobby"].members) == MOST + 1
