"""What a plugin is given of its own: `ctx`. All that it takes by it is ended with it, and fails under its name."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypeVar, overload

import gevent

from greenchat.chat.accounts import Account
from greenchat.chat.chat import Chat
from greenchat.chat.room import Member, Room
from greenchat.errors import PluginError, Reject
from greenchat.hooks.bots import Bot, Bots, Mentioned
from greenchat.hooks.carried import CarriedPlugin, Declared, State
from greenchat.hooks.courier import Courier, Couriers
from greenchat.hooks.fetching import Http
from greenchat.hooks.interfaces import ChatServer
from greenchat.hooks.jobs import Job, Jobs
from greenchat.hooks.meters import TIMERS
from greenchat.hooks.moments import seconds_of
from greenchat.hooks.order import name_of, ordered, put_out
from greenchat.hooks.own_log import log_of
from greenchat.hooks.pace import Pace
from greenchat.hooks.plugin_state import PluginState
from greenchat.hooks.rates import Allowances
from greenchat.hooks.surroundings import Surroundings
from greenchat.hooks.tasks import Task, Tasks
from greenchat.hooks.telling import Waiting
from greenchat.hooks.voices import Voices
from greenchat.hooks.where import Where
from greenchat.protocol.events import Message
from greenchat.protocol.text import printable
from greenchat.storage.plugin_store import Store, store_path, tables_path
from greenchat.storage.sqlite import Database

T = TypeVar("T")


class Context:
    """That of the plugin called `name`, with its `settings`, and with the rights that it `may` use."""

    def __init__(self, name: str, settings: Any, around: Surroundings, may: frozenset[str] = frozenset()) -> None:
        self.name = name
        self.settings = settings
        self.may = may
        self.log = log_of(name)
        self.clock = around.clock
        self._around = around
        self._tasks = Tasks(name, around.clock, self._failed, around.meters.of(name, TIMERS), self._failed_alone)
        path = None if around.data_dir is None else store_path(around.data_dir, name)
        self.store = Store(name, path)
        self.jobs = Jobs(self.store.own("jobs"), self._tasks, around.clock)
        self.http = Http(self.in_thread, lambda: self.require("http"))
        self._waiting = Waiting(self.store.own("told"))
        self._databases: list[Database] = []
        self._pace = Pace(around.clock.monotonic)
        self._allowances = Allowances(around.clock.monotonic)
        self._couriers = Couriers(self.store, self.http, self._tasks, self.clock, self.log, self.require)
        self._where = Where(name, around, self._tasks)
        self._bots = Bots(name, self._tasks, around.ears, self._where, self._pace)
        self._voices: Voices | None = None
        self._ended = False
        self._state = PluginState(name)
        self._carried, self._is_carried = CarriedPlugin(), False

    def __repr__(self) -> str:
        return f"<Context of {self.name}>"

    # --- the server ---

    @property
    def server(self) -> ChatServer:
        """From `greenchat_startup` on. Raises `PluginError` before."""
        if self._around.server is None:
            raise PluginError("there is no server yet: ctx.server and ctx.chat are there from greenchat_startup on")
        return self._around.server

    @property
    def chat(self) -> Chat:
        return self.server.chat

    @property
    def data_dir(self) -> Path:
        """Where its files belong. Raises `PluginError` where no server runs, as in `greenchat plugins list`."""
        if self._around.data_dir is None:
            raise PluginError("no server runs here, so there is no ctx.data_dir; use it from greenchat_startup on")
        return self._around.data_dir

    # --- what happens by itself ---

    def spawn(self, function: Callable[..., object], *arguments: Any, **more: Any) -> Task:
        """Call a function in a greenlet of its own."""
        return self._tasks.spawn(function, *arguments, **more)

    @overload
    def later(self, seconds: object, what: str, *arguments: Any, account: int = 0) -> Job: ...

    @overload
    def later(self, seconds: object, what: Callable[..., object], *arguments: Any, **more: Any) -> Task: ...

    def later(self, seconds: object, what: str | Callable[..., object], *arguments: Any, **more: Any) -> Task | Job:
        """Call a function once, after so many seconds, or "10m". A job's name instead of it is kept over restarts, as
        by `at`."""
        if isinstance(what, str):
            return self.at(self.clock.now() + timedelta(seconds=seconds_of(seconds)), what, *arguments, **more)
        return self._tasks.later(seconds, what, *arguments, **more)

    def every(self, interval: object, function: Callable[..., object], *arguments: Any, **more: Any) -> Task:
        """Call it again and again, with so many seconds, or "5m", from one time to the next. It is left out as long as
        the last time has not ended."""
        return self._tasks.every(interval, function, *arguments, **more)

    @overload
    def at(self, when: str | datetime, what: str, *arguments: Any, account: int = 0) -> Job: ...

    @overload
    def at(self, when: str | datetime, what: Callable[..., object], *arguments: Any, **more: Any) -> Task: ...

    def at(self, when: str | datetime, what: str | Callable[..., object], *arguments: Any, **more: Any) -> Task | Job:
        """Call a function at a moment (an aware `datetime`, at once where that has passed), or each day at "07:30", by
        the local time of this machine. A job's name instead of a function is kept over restarts, with its arguments,
        which must be JSON; see `job`. One that is for an `account`, by its id, is forgotten with that."""
        if isinstance(what, str):
            return self.jobs.add(when, what, arguments, **more)
        return self._tasks.at(when, what, *arguments, **more)

    def job(self, name: str, function: Callable[..., object]) -> None:
        """`function` is what `ctx.at(when, name)` calls, also after a restart: to be called at each start. What was due
        while no server ran is done once, when this one has started. It is done again where the server has ended in the
        middle of it."""
        self.jobs.register(name, function)

    def cancel(self, job: Job | str) -> bool:
        """Forget a stored job, by its id; whether there was one."""
        return self.jobs.cancel(job if isinstance(job, str) else job.id)

    def allows(self, rate: str, who: Hashable) -> bool:
        """Whether `who` has not done it more often than `rate`, such as "3/10s", of late; then it is counted."""
        return self._allowances.allows(rate, who)

    def courier(self, name: str, url: str, secret: str = "") -> Courier:
        """What keeps what is posted to `url` until that has taken it; see `Courier`. Needs the right "http"."""
        return self._couriers.add(name, url, secret)

    def in_thread(self, function: Callable[..., T], *arguments: Any, **more: Any) -> T:
        """What it returns or raises, called in a thread: this greenlet waits, and no other does."""
        return self._tasks.in_thread(function, *arguments, **more)

    # --- what it keeps ---

    def database(self, migrations: Sequence[str]) -> Database:
        """A SQLite file of its own, for what `store` is too small for; see `Database`. It is closed with the plugin."""
        if self._ended:
            raise PluginError("its plugin has ended, so it gets no database any more")
        if self._databases:
            raise PluginError("it has its database already: keep what ctx.database has returned")
        database = Database(tables_path(self.data_dir, self.name), migrations)
        self._databases.append(database)
        return database

    @property
    def state(self) -> State:
        """What it keeps in memory, under texts, and what goes with it over a reload, if it has called `carry_state`:
        texts, numbers, bools, None, members, and lists and dicts of them, STATE_BYTES in all (see carried.py). What was
        carried is there from `greenchat_startup` on; a member who is gone for good is None then."""
        return self._state.state

    def carry_state(self, version: int = 1, accepts: Iterable[int] = ()) -> State:
        """Have what is in `state` go with it over a reload: to be called while the plugin is made. `version` is that of
        its form; a state of another one is taken up only if it `accepts` that, and `state.version` says then which it
        is. What this returns is `state`. Raises `PluginError`."""
        if self._around.server is not None:
            raise PluginError("it has started already: call ctx.carry_state in greenchat_plugin, or __init__")
        return self._state.declare(version, accepts)

    # --- people and rooms ---

    @property
    def rooms(self) -> Mapping[str, Room]:
        """Those in which somebody is, by their names."""
        return self.chat.rooms

    @property
    def members(self) -> Mapping[str, Member]:
        """Who is in the chat, by the keys of their names."""
        return self.chat.members

    def room(self, name: str) -> Room:
        """The room called so, however it is spelt. Raises `Reject` where nobody is in one."""
        found = self.chat.rooms.get(self.chat.room_name(name))
        if found is None:
            raise Reject(f"There is no room {printable(name)}, or nobody is in it.", code="unknown_room")
        return found

    def member(self, name: str) -> Member:
        """Who is called `name`, however it is spelt. Raises `Reject` where nobody is."""
        return self.chat.find(name)

    def tell(self, who: Member | Account | int, text: str) -> bool:
        """Tell somebody, a member, or an account or its id, on all of their devices; who is away is told when they come
        in, also after a restart. Whether they know at once."""
        told = self._waiting.tell(self.chat, who, text)
        if not told:
            self._around.doorman.minds(self._waiting)
        return told

    def require(self, right: str) -> None:
        """Raises `PluginError` where the operator has not granted this right."""
        if right not in self.may:
            hint = f'write may = ["{right}"] into [plugins.{self.name}] of the configuration'
            raise PluginError(f"the plugin {self.name} may not do that ({right}); to let it, {hint}")

    def kick(self, member: Member, why: str = "", room: Room | None = None) -> None:
        """Put somebody out of `room`, or out of the chat; they may come back. Needs the right "kick"."""
        self.require("kick")
        self._where.require_on("" if room is None else room.name)
        put_out(self.chat, self.name, member, why, room)

    def delete(self, room: str | Room, seq: int) -> int:
        """Take away a message of a room, whoever has said it; its `rev` then. May wait. Needs the right "delete".
        Raises `Reject` where there is no such message."""
        self.require("delete")
        found = room if isinstance(room, Room) else self.room(room)
        self._where.require_on(found.name)
        return self.chat.delete_as(name_of(self.name), found, seq)

    def ban(self, who: Member | str, why: str = "", duration: object = None, room: str | Room = "") -> None:
        """Keep somebody, a member or who is called so, out of `room`, or out of the chat, for so many seconds, or "1h";
        for good where nothing is said. It is kept when this returns, so it may wait. Needs the right "ban". Raises
        `Reject`, and always where no plugin that keeps order is on."""
        self._order("ban", who, why, duration, room)

    def mute(self, who: Member | str, why: str = "", duration: object = "10m", room: str | Room = "") -> None:
        """As `ban`, but they may read, and not write. Needs the right "mute"."""
        self._order("mute", who, why, duration, room)

    def _order(
        self, act: Literal["ban", "mute"], who: Member | str, why: str, duration: object, room: str | Room
    ) -> None:
        self.require(act)
        if gevent.getcurrent() is gevent.get_hub():
            raise PluginError(f"ctx.{act} may wait, and nothing may here: call it by ctx.spawn")
        order = ordered(self.chat, self.name, act, who, why, duration, room)
        self._where.require_on(order.room)
        self._around.keep_order(order)

    def bot(self, name: str, rooms: Iterable[str] = (), mentioned: Mentioned | None = None) -> Bot:
        """A member of its own, called `name`, in these rooms: it needs no pass phrase, is marked as a bot, and nobody
        else has the name while it is there. `mentioned(message)` is called, in a greenlet of its own, where somebody
        names it in one of them; a text that it returns is said there, as an answer. It comes in once all plugins have
        started; raises `Reject` where it may not, as it would be raised for people."""
        return self._bots.add(name, rooms, mentioned)

    @property
    def bots(self) -> list[Bot]:
        """Those that it has."""
        return list(self._bots)

    def speak(self, room: str | Room, name: str, text: str, *, action: bool = False) -> Message:
        """Say something in `room` for who is called `name` elsewhere: as `name (plugin)`, which nobody here can be
        called. It passes the checks, has a number and an id, and is kept. Needs the right "speak". Raises `Reject`, as
        it would be raised for people, and where nobody is in the room: a bot there keeps it."""
        self.require("speak")
        found = room if isinstance(room, Room) else self.room(room)
        self._where.require_on(found.name)
        return self._my_voices.speak(self.server, found, name, text, action=action)

    def has_said(self, message: Message) -> bool:
        """Whether a message was said by `speak`, or by one of its bots: a bridge does not send that back."""
        return self._my_voices.has_said(message) or self._bots.has_said(message)

    @property
    def _my_voices(self) -> Voices:
        if self._voices is None:
            self._voices = Voices(self.name, self._pace)
        return self._voices

    # --- for the loader ---

    @property
    def is_used(self) -> bool:
        """Whether the plugin has taken anything by it."""
        return bool(self._bots or self._databases or self._tasks or self.jobs.names)

    def begin(self) -> None:
        """The server starts. May wait. Raises `DatabaseError`."""
        self.store.begin()
        if self._waiting:
            self._around.doorman.minds(self._waiting)

    def started(self) -> None:
        """The plugin has started. Where it goes on, nobody is connected yet: see `taken_over`."""
        server = self._around.server
        if server is not None and not self._tasks.halted:
            if self._is_carried:
                self._bots.go_on(server)
            else:
                self._bots.start(server)
        if not self._is_carried:
            self._begin_kept()

    def _begin_kept(self) -> None:
        """What it has kept to be done goes on."""
        self.jobs.start()
        self._couriers.start()

    @property
    def declared(self) -> Declared | None:
        """What it has said of its state."""
        return self._state.declared

    @property
    def in_threads(self) -> int:
        """How many calls of it are being done in threads."""
        return self._tasks.in_threads

    @property
    def calls_to_end(self) -> int:
        """How many of these have to end before another process takes over: what a courier posts is posted again."""
        return max(self.in_threads - self._couriers.asking, 0)

    def forget_room(self, room: str) -> None:
        self.store.forget_room(room)

    def forget_accounts(self, gone: Iterable[int]) -> None:
        for account_id in gone:
            self.store.forget_account(account_id)
            self.jobs.forget_account(account_id)
            self._waiting.forget(account_id)

    def halt(self) -> None:
        """End what it does by itself, without waiting: its plugin is off. What it keeps stays at hand, as its checks go
        on to be asked."""
        self._tasks.halt()
        if self._around.server is not None:
            gevent.spawn(self._bots.halt)  # this may be in the midst of something that is being told in their rooms

    def resume(self) -> None:
        """Its plugin is on again. May wait. Raises `Reject` where a bot may not come in."""
        self._tasks.resume()
        self.jobs.resume()
        self._couriers.start()
        if self._around.server is not None:
            self._bots.start(self._around.server)

    def leave(self, *, carried: bool = False) -> None:
        """As `halt`, for all plugins, when the server ends: whoever keeps what happens still does. Where it is
        `carried`, nobody sees its bots go."""
        if carried:
            self._carried = CarriedPlugin(
                timers=self._tasks.dues(daily=False), daily=self._tasks.dues(daily=True), bots=self._bots.carry()
            )
        self._tasks.halt()
        self._bots.leave()

    def take_up(self, carried: CarriedPlugin, people: Sequence[Member | None]) -> None:
        """Go on with what another process has had of this plugin, and these `people` in it: before it starts."""
        self._is_carried = True
        self._tasks.take_up(carried.timers, carried.daily)
        self._bots.take_up(carried.bots)
        self._state.take_up(carried, people)

    def taken_over(self) -> None:
        """Everybody is here again who was carried: its timers begin, and its bots are where they are to be. Raises
        `Reject`."""
        self._is_carried = False
        self._tasks.taken_over()
        self._begin_kept()
        if not self._tasks.halted:
            self._bots.start(self.server)
        self._bots.taken_over(self.chat)

    def carry(self, referred: dict[Member, int]) -> CarriedPlugin:
        """What goes with it, once it has ended: to be called behind `leave(carried=True)`. Members in its state are
        added to `referred`."""
        return self._state.carried_with(self._carried, referred)

    def end(self) -> None:
        """Let go of everything. May wait. Raises `DatabaseError` where what it keeps cannot be written."""
        self._ended = True
        self._tasks.end()
        self.http.close()
        try:
            for database in self._databases:
                database.close()
        finally:
            self.store.close()

    def _failed_alone(self, plugin: str, where: str, error: BaseException | None = None) -> None:
        self._around.failed_alone(plugin, where, error)

    def _failed(self, plugin: str, where: str, error: BaseException | None = None) -> None:
        self._around.failed(plugin, where, error)
