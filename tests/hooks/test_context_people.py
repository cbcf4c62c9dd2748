"""What a plugin does with people by its context."""

import pytest
from kit.machine import eventually
from kit.programs import Anybody, Program, account_id, know
from kit.sessions import device

from greenchat import PluginError, Reject, hookimpl
from greenchat.testing import serving


class Tester:
    __test__ = False

    def __init__(self, ctx):
        self.ctx = ctx

    @hookimpl
    def greenchat_startup(self, server):
        self.database = self.ctx.database(("CREATE TABLE numbers (n INTEGER)",))


def serving_one(**more):
    settings = {"plugins.Tester.may": ["kick"]} | more.pop("settings", {})
    return serving(Tester, Anybody, settings={"server.disabled_plugins": ["accounts"]} | settings, **more)


def ctx_of(server):
    return server.server.plugin_lifecycle.ctx_of("Tester")


def test_who_is_here_is_told_on_all_devices():
    with serving_one() as server:
        phone, laptop = device(server, "ada"), device(server, "ada")
        assert server.call(lambda: ctx_of(server).tell(account_id("ada"), "One.\nTwo."))
        for one in (phone, laptop):
            assert one.read_until("notice", text="One.")
            assert one.read_until("notice", text="Two.")
        bob = server.join("bob")
        assert server.call(lambda: ctx_of(server).tell(server.server.chat.find("bob"), "Hello."))
        bob.expect("INFO|Hello.")


def test_who_is_away_is_told_on_coming_in_after_a_restart(tmp_path):
    with serving_one(data_dir=tmp_path) as server:
        know(server, "ada")
        assert not server.call(lambda: ctx_of(server).tell(account_id("ada"), "It rains."))
        assert not server.call(lambda: ctx_of(server).tell(server.server.accounts.find("ada"), "Again."))
    with serving_one(data_dir=tmp_path) as server:
        ada = device(server, "ada")
        assert ada.read_until("notice", text="It rains.")
        assert ada.read_until("notice", text="Again.")
        again = device(server, "ada")
        assert "Again." not in [frame.get("text") for frame in again.ask("/rooms")]


def test_who_comes_into_no_room_is_told_at_the_welcome():
    with serving_one() as server:
        know(server, "ada")
        server.call(lambda: ctx_of(server).tell(account_id("ada"), "It rains."))
        ada = Program(server)
        ada.ask("/become ada")
        ada.send(type="join", name="ada", room=None, ref=1)
        assert ada.read_until("welcome")["room"] == ""
        assert ada.read()["text"] == "It rains."
        assert ada.join(room="lobby")["room"] == "lobby"
        assert "It rains." not in [frame.get("text") for frame in ada.ask("/rooms")]


def test_an_account_that_is_gone_is_forgotten(tmp_path):
    with serving_one(data_dir=tmp_path) as server:
        know(server, "ada", "bob")
        ctx, accounts = ctx_of(server), server.server.accounts
        server.call(lambda: ctx.tell(account_id("ada"), "It rains."))
        for name in ("ada", "bob"):
            server.call(lambda name=name: ctx.store.account(account_id(name)).update(points=1))
        server.call(lambda: accounts.remove(accounts.find("ada")))
        assert [dict(ctx.store.account(account_id(name))) for name in ("ada", "bob")] == [{}, {"points": 1}]
        device_of_the_next = device(server, "ada")
        assert "It rains." not in [frame.get("text") for frame in device_of_the_next.ask("/rooms")]


def test_who_cannot_be_told(monkeypatch):
    monkeypatch.setattr("greenchat.hooks.telling.MOST", 2)
    with serving_one() as server:
        know(server, "ada")
        tell = ctx_of(server).tell
        bob = server.join("bob")
        member = server.call(lambda: server.server.chat.find("bob"))
        bob.send("LEAVE")
        bob.expect_closed()
        for who, text, kind, why in [
            (member, "x", Reject, "This guest has gone"),
            (4711, "x", Reject, "no such account"),
            ("ada", "x", PluginError, "is nobody"),
            (account_id("ada"), "", PluginError, "1 to"),
            (account_id("ada"), "x" * 5000, PluginError, "1 to"),
        ]:
            with pytest.raises(kind, match=why):
                server.call(lambda who=who, text=text: tell(who, text))
        server.call(lambda: [tell(account_id("ada"), "x") for _ in range(2)])
        with pytest.raises(Reject, match="as many as may"):
            server.call(lambda: tell(account_id("ada"), "x"))


def test_rooms_and_members():
    with serving_one() as server:
        server.join("Ada", "Dev")
        ctx = ctx_of(server)
        assert list(ctx.rooms) == ["dev"]
        assert ctx.room("DEV") is ctx.member("ada").room
        assert [member.name for member in ctx.members.values()] == ["Ada"]
        with pytest.raises(Reject, match="There is no room cellar"):
            ctx.room("cellar")
        with pytest.raises(Reject, match="bob"):
            ctx.member("bob")


def test_its_database_is_closed_with_it(tmp_path):
    with serving_one(data_dir=tmp_path) as server:
        ctx = ctx_of(server)
        plugin = next(plugin for plugin in server.server.plugins if plugin.name == "Tester")
        run = plugin.bearer.database.run
        task = server.call(lambda: ctx.spawn(run, lambda file: file.execute("INSERT INTO numbers VALUES (1)")))
        eventually(lambda: task.done)
        with pytest.raises(PluginError, match="already"):
            ctx.database(())
    assert (tmp_path / "plugin-Tester.tables.sqlite3").exists()


def test_kick_needs_a_right():
    with serving_one(settings={"plugins.Tester.may": []}) as server:
        server.join("ada")
        with pytest.raises(PluginError, match=r'write may = \["kick"\] into \[plugins\.Tester\]'):
            server.call(lambda: ctx_of(server).kick(server.server.chat.find("ada"), "Enough."))


def test_kick_out_of_a_room_and_out_of_the_chat():
    class Audit:
        acts = []  # noqa: RUF012

        @hookimpl
        def greenchat_acted(self, act):
            self.acts.append((act.by, act.act, act.target, act.room, act.details))

    with serving(Tester, Audit, settings={"plugins.Tester.may": ["kick"]}) as server:
        ada, bob = Program(server, "ada"), server.join("bob")
        bob.send("MSG|here")
        ada.read_until("message")
        find, ctx = server.server.chat.find, ctx_of(server)
        server.call(lambda: ctx.kick(find("ada"), "Enough.", ctx.room("lobby")))
        text = "You were put out of lobby by the plugin Tester: Enough."
        assert ada.read_until("error", code="kicked")["text"] == text
        bob.read_until("INFO|ada was put out of lobby by the plugin Tester: Enough.")
        bob.expect("INFO|ada has left the chat.")
        server.call(lambda: ctx.kick(find("bob")))
        bob.read_until("ERROR|You were put out of the chat by the plugin Tester.")
        bob.expect_closed()
        assert Audit.acts == [
            ("the plugin Tester", "kick", "ada", "lobby", "Enough."),
            ("the plugin Tester", "kick", "bob", "", ""),
        ]
