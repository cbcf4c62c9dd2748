"""Plugins that mean harm, or know no better: what they declare, check, say and keep. Whatever they do, people go on to
understand each other, and the log names them."""

import sqlite3
import sys
import types

import gevent
import pytest
from kit.failing import failures
from kit.hostile_plugins import talk_goes_on
from kit.machine import eventually

from greenchat import (
    Command,
    Message,
    PluginError,
    Reject,
    check,
    command,
    hookimpl,
    on,
)
from greenchat.hooks import pace
from greenchat.storage.plugin_store import store_path
from greenchat.testing import serving


def plugin(name="evil", **functions):
    """A module with these functions in it."""
    module = types.ModuleType(name)
    vars(module).update(functions)
    return module


def state(server, name="evil"):
    return server.call(lambda: next(one.state for one in server.server.plugins if one.name == name))


def commands_of(*made):
    return plugin(greenchat_commands=hookimpl(specname="greenchat_commands")(lambda: made[0]))


# --- what they declare ---


def endless():
    number = 0
    while True:
        number += 1
        yield Command(f"c{number}", "", "One more.", lambda session, argument: None)


def exits(call, word: "__import__('sys').exit(3)"):
    "Exits when its annotations are read."


class Lies:
    """A hint that fails whatever is asked."""

    def __hash__(self):
        raise KeyboardInterrupt

    def __repr__(self):
        raise SystemExit


def lies(call, word):
    "Its annotation lies."


lies.__annotations__["word"] = Lies()


@pytest.mark.parametrize(
    ("evil", "why"),
    [
        (commands_of(endless()), "more than 1000 commands"),
        (plugin(exits=command(exits)), "annotations cannot be read"),
        (plugin(lies=command(lies)), ""),
    ],
    ids=["endless", "exits", "lies"],
)
def test_what_it_declares_does_not_stop_the_start(evil, why):
    with serving(evil) as server:
        assert state(server).startswith("off")
        assert why in state(server)
        talk_goes_on(server)


def test_it_takes_no_command_of_another_plugin_away():
    taken = [Command(name, "", "Mine.", lambda session, argument: session.info("mine")) for name in ("help", "new")]
    with serving(commands_of(taken)) as server:
        ada = server.join("ada")
        ada.send("MSG|/new")
        ada.expect("INFO|mine")
        talk_goes_on(server)


def test_a_default_is_told_to_nobody():
    def login(call, token: str = "hunter2"):
        "Log in."
        raise KeyError(token)

    with serving(plugin(login2=command("login2")(login))) as server:
        ada = server.connect()
        ada.send('{"type":"join","name":"ada"}', '{"type":"commands"}', '{"type":"say","text":"/help login2"}')
        told = [ada.read() for _ in range(4)]
        assert any("login2" in line for line in told)
        assert "hunter2" not in "".join(told)


# --- what they check ---


class Markup(str):
    def __str__(self):
        return self

    def encode(self, *given):
        raise SystemExit


def closes(session, message):
    session.close("out")
    return "closed"


def sleeps(message):
    if message.text == "hello":
        gevent.sleep(1000)


def exits_at_once(message):
    if message.text == "hello":
        sys.exit(3)


def raises_exit(message):
    if message.text == "hello":
        raise gevent.GreenletExit


@pytest.mark.parametrize("evil", [sleeps, exits_at_once, raises_exit], ids=lambda one: one.__name__)
def test_a_check_harms_nobody_but_who_says_that(evil, caplog):
    with serving(plugin(look=check(evil))) as server:
        ada = server.join("ada")
        ada.send("MSG|hello", "MSG|and on")
        if evil is not sleeps:
            assert "this was not let through" in ada.read()
        talk_goes_on(server)
    assert bool(failures(caplog)) is (evil is not sleeps)


MADE = {
    "markup": Markup("<b>"),
    "surrogate": "\ud800",
    "bytes": b"bytes",
    "controls": "a\nb\x00",
    "long": "x" * 10_000_000,
}


@pytest.mark.parametrize("made", MADE)
def test_what_a_check_makes_of_a_message_harms_nobody(made, caplog):
    def look(message):
        return MADE[made] if message.text == "hello" else None

    with serving(plugin(look=check(look))) as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.read()
        ada.send("MSG|hello", "MSG|and on")
        lines = bob.read_until("MSG|ada|and on")
        assert all(line.startswith("MSG|ada|") for line in lines)
        assert len("".join(lines)) < 100_000
        talk_goes_on(server)


def test_a_check_that_closes_who_speaks(caplog):
    def look(session, message):
        if message.text == "hello":
            session.close("out")

    with serving(plugin(look=check(look))) as server:
        ada, bob = server.join("ada"), server.join("bob")
        bob_hears = []
        ada.read()
        ada.send("MSG|hello")
        while ada.read():
            pass
        while not bob_hears or not bob_hears[-1].startswith("LEFT"):
            bob_hears.append(bob.read())
            if "left" in bob_hears[-1]:
                break
        talk_goes_on(server)


def test_a_check_that_says_something_itself_each_time_is_no_endless_loop(caplog):
    class Echo:
        def __init__(self, ctx):
            self.bot = ctx.bot("echo", ["lobby"])

        @check
        def look(self, message, ctx):
            if message.room == "lobby":
                self.bot.say(f"{message.sender} says {message.text}"[:100], "lobby")

    with serving(Echo) as server:
        ada = server.join("ada")
        ada.send("MSG|hello")
        while not (line := ada.read()).startswith("ERROR|"):
            assert line
        talk_goes_on(server)
    assert failures(caplog)
    assert "has caused itself" in caplog.text


# --- what they say ---


class Three:
    """Bots of which each answers each of the others, after a while."""

    def __init__(self, ctx):
        self.ctx = ctx
        self.bots = [ctx.bot(f"bot{number}", ["lobby"]) for number in range(3)]

    @on(Message)
    def heard(self, event, ctx):
        for bot in self.bots:
            if bot.name != event.sender:
                ctx.later(1.01, bot.say, f"{event.sender} is right.")


def test_bots_that_answer_each_other_become_no_avalanche(caplog, monkeypatch):
    caplog.set_level("INFO", "greenchat.plugins")
    monkeypatch.setattr(pace, "BURST", 10.0)
    monkeypatch.setattr(pace, "RATE", 1.0)
    with serving(Three) as server:
        server.join("ada").send("MSG|hello")
        eventually(lambda: "too much at once" in caplog.text)
        assert server.call(lambda: server.server.chat.rooms["lobby"].seq) < 50
        talk_goes_on(server)


def test_what_it_says_for_others_is_nobody_here(caplog):
    names = ["ada", "server", "\x1b[31mroot", "a|b", "ada (irc)", "<b>ada</b>", "\u202eada", "a" * 1_000_000, "\u200b"]

    class Bridge:
        def __init__(self, ctx):
            self.ctx = ctx

        @command
        def bridge(self, call):
            "Speak for everybody."
            for name in names:
                for text in "MSG|ada|hello", "\x1b[2Jhello\r\nMSG|ada|no":
                    try:
                        self.ctx.speak("lobby", name, text)
                    except Reject as verdict:
                        call.reply(f"refused: {verdict.text}"[:200])
            call.reply("done")

    with serving(Bridge, settings={"plugins.Bridge.may": ["speak"]}) as server:
        ada = server.join("ada")
        ada.send("MSG|/bridge")
        told = ada.read_until("INFO|done")
        said = [line for line in told if line.startswith("MSG|")]
        assert said, told
        assert all(line.split("|")[1].endswith(" (Bridge)") for line in said)
        assert not any("\x1b" in line or "\u202e" in line for line in told)
        talk_goes_on(server)


# --- what they keep ---


class Keeper:
    def __init__(self, ctx):
        self.ctx = ctx
        Keeper.last = ctx

    @command
    def keep(self, call, what: str):
        "Keep too much."
        match what:
            case "all":
                for number in range(1000):
                    self.ctx.store[str(number)] = "x" * 1_000_000
            case "one":
                self.ctx.store["a"] = "x" * 10_000_000
            case "key":
                self.ctx.store["k" * 1_000_000] = 1
            case "odd":
                self.ctx.store["a"] = {"a": object()}
            case "deep":
                deep = []
                for _ in range(100_000):
                    deep = [deep]
                self.ctx.store["a"] = deep
            case "wait":
                self.ctx.spawn(self.wait)

    def wait(self):
        with self.ctx.store.transaction():
            self.ctx.store["a"] = 1
            gevent.sleep(1000)


def test_what_it_keeps_is_bounded(caplog):
    with serving(Keeper) as server:
        ada = server.join("ada")
        for what in "all", "one", "key", "odd", "deep":
            ada.send(f"MSG|/keep {what}")
            assert ada.read() == "ERROR|/keep has failed. Tell whoever runs the server."
        ada.send("MSG|/keep wait", "MSG|/keep key")
        assert "has failed" in ada.read()
        talk_goes_on(server)
    assert len(failures(caplog)) == 6
    assert "ctx.store is full: it takes 67108864 bytes" in caplog.text
    after = Keeper.last
    with pytest.raises(PluginError, match="has ended"):
        after.store["a"] = 1
    with pytest.raises(PluginError, match="has ended"):
        after.in_thread(len, "abc")
    with pytest.raises(PluginError, match="no database any more"):
        after.database(["CREATE TABLE a (b)"])
    assert after.spawn(len, "abc").done
    assert after.later(0, len, "abc").done
    assert not after.bot("bob").is_here


@pytest.mark.parametrize("value", ["no JSON", b"\xff", 5, None], ids=["text", "bytes", "number", "no table"])
def test_a_file_that_somebody_has_written_into_does_not_stop_the_start(tmp_path, value):
    path = store_path(tmp_path, "Keeper")
    with serving(Keeper, data_dir=tmp_path) as server:
        server.call(lambda: Keeper.last.store.__setitem__("a", 1))
    with sqlite3.connect(path) as database:
        for space in "", "jobs", "told":
            if value is None:
                database.execute("DROP TABLE IF EXISTS kept")
            else:
                database.execute("INSERT INTO kept VALUES (?, '1', ?)", (space, value))
    database.close()
    with serving(Keeper, data_dir=tmp_path) as server:
        talk_goes_on(server)
        state(server, "Keeper")


def test_a_job_whose_function_is_gone_waits_for_it(tmp_path):
    done = []

    class Jobber:
        has = True

        def __init__(self, ctx):
            if Jobber.has:
                ctx.job("remind", done.append)
            self.ctx = ctx
            Jobber.last = ctx

    with serving(Jobber, data_dir=tmp_path) as server:
        server.call(lambda: Jobber.last.at(Jobber.last.clock.now().replace(year=2000), "remind", 1) and None)
        eventually(lambda: done)
        server.call(lambda: Jobber.last.at(Jobber.last.clock.now().replace(year=2100), "remind", 2) and None)
    Jobber.has = False
    with serving(Jobber, data_dir=tmp_path) as server:
        assert [job.name for job in server.call(lambda: list(Jobber.last.jobs))] == ["remind"]
        talk_goes_on(server)
    assert done == [1]
