"""How plugins keep order by their contexts: by a right that is granted, on record, and never against operators."""

import time

import pytest
from kit.machine import eventually
from kit.orders import ALONE, ELSEWHERE, bans, connect_from, house, operator, shell
from kit.programs import Anybody, Program, account_id, know, says
from kit.sessions import device
from kit.socketless import serving

from greenchat import PluginError, Reject, hookimpl

ALL = {"plugins.Keeper.may": ["ban", "delete", "kick", "mute", "speak"]}


class Keeper:
    per_room = True

    def __init__(self, ctx):
        self.ctx = ctx

    @hookimpl
    def greenchat_startup(self):
        pass


def keeping(tmp_path, *operators, **settings):
    return house(tmp_path, *operators, plugins=(Keeper,), **(ALL | settings))


def ctx_of(server):
    return server.server.plugin_lifecycle.ctx_of("Keeper")


def waits(server, function, *arguments, **more):
    """What a function returns or raises, called in the server by a greenlet, which may wait."""
    return server.call(lambda: function(*arguments, **more))


def does(server, act, *arguments, **more):
    return waits(server, getattr(ctx_of(server), act), *arguments, **more)


def refused(server, act, *arguments, **more):
    with pytest.raises(Reject) as caught:
        does(server, act, *arguments, **more)
    return caught.value


# --- messages ---


def test_a_message_of_anybody_is_taken_away_and_it_goes_on_record(tmp_path):
    with keeping(tmp_path, "ada") as server:
        ada, bob, eve = operator(server), Program(server, "bob"), server.join("eve")
        seq = bob.request(type="say", text="Buy here!")["seq"]
        rev = does(server, "delete", "LOBBY", seq)
        told = bob.read_until("deleted")
        assert (told["seq"], told["rev"], told["by"]) == (seq, rev, "the plugin Keeper")
        assert "the plugin Keeper has deleted" in "\n".join(says(eve))
        assert refused(server, "delete", "lobby", seq).code == "unknown_message"
        assert refused(server, "delete", "cellar", 1).code
        (line,) = [line for line in says(ada, "/audit") if "delete" in line and "INFO|ada" not in line][-1:]
        assert line.endswith(f"the plugin Keeper: delete bob in lobby (message {seq})")


def test_what_is_deleted_stays_so_in_the_history(tmp_path):
    with serving(Keeper, settings=ALL, data_dir=tmp_path) as server:
        bob = Program(server, "bob")
        seq = bob.request(type="say", text="Buy here!")["seq"]
        does(server, "delete", "lobby", seq)
        bob.read_until("deleted")
    with serving(Keeper, settings=ALL, data_dir=tmp_path) as server:
        events = Program(server, "carl").request(type="history", room="lobby")["events"]
        assert [event for event in events if event.get("text") == "Buy here!"] == []
        assert refused(server, "delete", "lobby", seq).code == "unknown_message"


# --- bans and mutes ---


def test_a_ban_holds_as_that_of_an_operator_does_and_names_the_plugin(tmp_path):
    with keeping(tmp_path, "ada") as server:
        ada, bob = operator(server), connect_from(server, ELSEWHERE, "JOIN|bob")
        says(bob)
        does(server, "ban", ctx_of(server).member("bob"), "Adverts.", "1h")
        assert "bob was banned by the plugin Keeper for 1h" in "\n".join(says(ada))
        peer = connect_from(server, ELSEWHERE, "JOIN|robert")
        assert peer.read().startswith("ERROR|Your address is banned from this chat for")
        assert any("the plugin Keeper: ban bob (with 127.0.0.2, for 1h" in line for line in says(ada, "/audit"))
        assert any("bob is banned until" in line and "by the plugin Keeper" in line for line in says(ada, "/bans"))
        assert "INFO|bob is not banned any more." in says(ada, "/unban bob")
        assert bans(tmp_path) == []
    assert "the plugin Keeper: ban bob" in shell(tmp_path, "audit")


def test_a_ban_from_one_room_outlasts_a_restart(tmp_path):
    with keeping(tmp_path) as server:
        bob = Program(server, "bob", "dev")
        does(server, "ban", "Bob", room="Dev")
        assert bob.read_until("error")["code"] == "banned"
        assert bob.request(type="join", room="cellar")["type"] == "welcome"
    with keeping(tmp_path) as server:
        Program(server, "eve", "dev")
        assert Program(server).join(name="bob", room="dev")["code"] == "banned"


def test_a_mute_is_told_and_ends(tmp_path):
    with keeping(tmp_path) as server:
        bob = server.join("bob")
        does(server, "mute", "bob", "Calm down.", "1h", "lobby")
        assert "INFO|You are muted in lobby by the plugin Keeper for 1h" in bob.read()
        bob.send("MSG|hello")
        assert bob.read().startswith("ERROR|You are muted in lobby for ")
        does(server, "mute", "bob", "", 0.2, "lobby")  # in its place
        bob.read()
        eventually(lambda: not server.call(lambda: mutes_of(server)))


def mutes_of(server):
    """Whether bob is still muted."""
    plugin = server.server.plugins.manager.get_plugin("moderation")
    return [mute for mute in plugin._records.rules.mutes if mute.is_in_force(time.time())]


def test_who_is_away_is_banned_by_account(tmp_path):
    with keeping(tmp_path) as server:
        know(server, "bob")
        does(server, "ban", "bob")
        with pytest.raises(AssertionError):
            device(server, "bob")
        assert account_id("bob")


def test_operators_are_safe(tmp_path):
    with keeping(tmp_path, "ada", "zoe") as server:
        operator(server)
        know(server, "zoe")
        for act, who in [("ban", "ada"), ("mute", "ada"), ("ban", "zoe"), ("mute", "Zoe")]:
            assert refused(server, act, who).code == "operator"
        assert refused(server, "kick", ctx_of(server).member("ada")).code == "operator"
        assert bans(tmp_path) == []


def test_the_address_of_an_operator_is_not_banned_along(tmp_path):
    with keeping(tmp_path, "ada") as server:
        ada, bob = operator(server), server.join("bob")
        does(server, "ban", "bob")
        bob.read_until("ERROR|You are banned from this chat for good.")
        assert bans(tmp_path) == [("bob",)]
        assert "INFO|bob was banned by the plugin Keeper for good." in says(ada)


def test_plugins_do_not_ban_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr("greenchat_plugins.moderation.plugin_orders.MOST_OF_PLUGINS", 2)
    with keeping(tmp_path) as server:
        does(server, "ban", "bob")
        does(server, "mute", "eve")
        assert refused(server, "ban", "zoe").code == "too_many_bans"


def test_who_has_gone_is_not_taken_for_somebody_else(tmp_path):
    with keeping(tmp_path) as server:
        first = server.join("bob")
        member = server.call(lambda: ctx_of(server).member("bob"))
        first.send("LEAVE")
        first.expect_closed()
        server.join("bob")
        assert refused(server, "ban", member).code == "unknown_user"
        assert refused(server, "ban", "no body").code == "unknown_user"


def test_where_nothing_keeps_order_it_is_refused():
    disabled = [*ALONE["server.disabled_plugins"], "moderation"]
    with serving(Keeper, Anybody, settings=ALL | {"server.disabled_plugins": disabled}) as server:
        server.join("bob")
        verdict = refused(server, "ban", "bob")
        assert (verdict.code, verdict.text) == (
            "not_allowed",
            "No plugin that is on here can ban anybody: see moderation.",
        )


class Warden:
    """Keeps order in another way."""

    def __init__(self):
        self.orders = []

    @hookimpl(tryfirst=True)
    def greenchat_order(self, order):
        self.orders.append((order.act, order.name, order.room, order.seconds, order.why, order.by))
        return {"yes": True, "odd": 1}[order.why]


def test_another_plugin_may_keep_order_and_where_it_fails_nobody_takes_that_for_done(tmp_path):
    warden = Warden()
    with house(tmp_path, plugins=(warden, Keeper), **ALL) as server:
        server.join("bob")
        does(server, "ban", "bob", "yes", "1m")
        assert warden.orders == [("ban", "bob", "", 60.0, "yes", "the plugin Keeper")]
        with server.chat.failing():
            assert refused(server, "ban", "bob", "odd").code == "check_failed"
        assert not (tmp_path / "moderation.sqlite3").exists()


def test_each_needs_its_right(tmp_path):
    with keeping(tmp_path, **{"plugins.Keeper.may": []}) as server:
        server.join("bob")
        for act, arguments in [("ban", ("bob",)), ("mute", ("bob",)), ("delete", ("lobby", 1))]:
            with pytest.raises(PluginError, match=rf'may = \["{act}"\]'):
                does(server, act, *arguments)
        with pytest.raises(PluginError, match="ban"):
            server.call(lambda: ctx_of(server).ban("bob"))


# --- in which rooms ---


def test_what_it_does_is_bound_to_its_rooms(tmp_path):
    with keeping(tmp_path, **{"plugins.Keeper.rooms": ["Dev"]}) as server:
        Program(server, "ada", "lobby"), Program(server, "bob", "dev")
        ctx = ctx_of(server)
        bob = server.call(lambda: ctx.member("bob"))
        for act, arguments in [
            ("delete", ("lobby", 1)),
            ("speak", ("lobby", "eve", "hi")),
            ("kick", (bob,)),
            ("ban", ("bob",)),
            ("mute", ("bob", "", "1m", "lobby")),
            ("bot", ("helper", ["lobby"])),
        ]:
            verdict = refused(server, act, *arguments)
            assert verdict.text == "The plugin Keeper works in these rooms alone: dev."
        bot = server.call(lambda: ctx.bot("helper", ["dev"]))
        with pytest.raises(Reject):
            server.call(lambda: bot.enter("lobby"))
        assert list(bot.rooms) == ["dev"]
        assert server.call(lambda: bot.say("hello")).room == "dev"
        assert server.call(lambda: ctx.speak("dev", "eve", "hi")).room == "dev"
        does(server, "mute", "bob", room="dev")


def test_where_the_owner_has_switched_it_off_its_bots_hear_and_say_nothing(tmp_path):
    with keeping(tmp_path) as server:
        ada, heard = Program(server, "ada", "dev"), []
        ctx = ctx_of(server)
        bot = server.call(lambda: ctx.bot("helper", ["dev"], lambda message: heard.append(message.text)))
        waits(server, server.server.plugin_lifecycle.rooms.switch, "Keeper", "dev", False)
        ada.request(type="say", text="helper, one")
        for act in (lambda: bot.say("hi", "dev"), lambda: ctx.speak("dev", "eve", "hi"), lambda: ctx.delete("dev", 1)):
            with pytest.raises(Reject, match="is off in dev"):
                server.call(act)
        waits(server, server.server.plugin_lifecycle.rooms.switch, "Keeper", "dev", True)
        ada.request(type="say", text="helper, two")
        eventually(lambda: heard == ["helper, two"])
        server.call(lambda: bot.say("hi", "dev"))


def test_a_plugin_that_is_off_keeps_no_order(tmp_path):
    with keeping(tmp_path) as server:
        server.join("bob")
        ctx = ctx_of(server)
        server.call(ctx.halt)
        for act, arguments in [("ban", ("bob",)), ("delete", ("lobby", 1)), ("kick", (ctx.member("bob"),))]:
            assert refused(server, act, *arguments).text == "The plugin Keeper is off."


def test_a_refusal_in_the_background_is_told_in_the_log_and_is_no_failure(tmp_path, caplog):
    with keeping(tmp_path, "ada") as server:
        operator(server)
        for _ in range(30):
            server.call(lambda: ctx_of(server).spawn(ctx_of(server).ban, "ada"))
        eventually(lambda: caplog.text.count("plugin Keeper was refused something in") == 30)
        assert "ada is an operator" in caplog.text
        assert server.call(lambda: server.server.plugin_lifecycle.off) == {}
