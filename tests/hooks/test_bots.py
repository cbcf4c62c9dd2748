"""Bots: members of the chat like everybody, but that a plugin moves them."""

import gevent
import pytest
from kit.failing import failures
from kit.machine import eventually
from kit.programs import Anybody, Program, enrol, without_plugins
from kit.sessions import device

from greenchat import PluginError, Reject, hookimpl
from greenchat.testing import serving


class Helper:
    """Answers who names it."""

    rooms = ("lobby",)
    bots = ("helper",)

    def __init__(self, ctx):
        self.ctx, self.heard = ctx, []

    @hookimpl
    def greenchat_startup(self):
        for name in self.bots:
            setattr(self, name, self.ctx.bot(name, self.rooms, lambda message, name=name: self.answer(name, message)))
        assert not self.helper.is_here

    def answer(self, name, message):
        self.heard.append((name, message.sender, message.text))
        getattr(self, name).say(f"helper and helper2, {message.sender} said {message.text}", message.room)


def plugin(server, kind=Helper):
    return next(plugin.bearer for plugin in server.server.plugins if plugin.name == kind.__name__)


def test_it_says_with_number_and_id_and_is_in_the_history(tmp_path):
    with serving(Helper, data_dir=tmp_path) as server:
        ada = Program(server, "ada")
        assert ada.welcome["bots"] == ["helper"]
        assert ada.welcome["members"] == ["helper", "ada"]
        ada.send(type="say", text="Helper, are you there?", ref=7)
        frames = {}
        while frames.keys() != {"ack", "message"}:  # in whichever order
            frame = ada.read()
            frames[frame["type"]] = frame
        ack, said = frames["ack"], frames["message"]
        assert (said["sender"], said["seq"]) == ("helper", ack["seq"] + 1)
        assert said["id"] > ack["id"]
        assert said["text"] == "helper and helper2, ada said Helper, are you there?"
        assert ada.request(type="react", seq=said["seq"], emoji="👍")["type"] == "ack"
        found = ada.request(type="history", room="lobby")["events"]
        assert [event["sender"] for event in found if event["type"] == "message"] == ["ada", "helper"]
        assert plugin(server).heard == [("helper", "ada", "Helper, are you there?")]
        sent = server.call(lambda: server.server.stats())
        assert (sent.messages, sent.deliveries) == (2, 1)
    with serving(data_dir=tmp_path) as server:
        found = Program(server, "bob").request(type="history", room="lobby")["events"]
        assert "helper" in [event["sender"] for event in found if event["type"] == "message"]


def test_plain_clients_read_it_like_anybody(caplog):
    with serving(Helper) as server:
        ada = server.join("ada")
        ada.send("MSG|helper: hi", "MSG|nobody is named")
        ada.expect("MSG|helper|helper and helper2, ada said helper: hi")
        ada.send("MSG|/names")
        assert "helper" in ada.read()
        ada.send("MSG|/ignore helper", "MSG|helper?", "MSG|/ping")
        ada.expect("INFO|You read nothing more of helper. /unignore helper ends it.", "INFO|Pong.")
        eventually(lambda: len(plugin(server).heard) == 2)
        ada.send("MSG|/ping")
        ada.expect("INFO|Pong.")
    assert failures(caplog) == []


def test_it_comes_and_goes_once_and_is_marked():
    with serving(Helper) as server:
        ada, bob = Program(server, "ada"), server.join("bob")
        ctx = plugin(server).ctx
        extra = server.call(lambda: ctx.bot("extra", ["lobby", "other"]))
        assert ada.read_until("joined", name="extra")["bot"] is True
        bob.expect("INFO|extra (a bot) has joined the chat.")
        assert sorted(extra.rooms) == ["lobby", "other"]
        with pytest.raises(Reject, match="room"):
            server.call(lambda: extra.say("Where?"))
        server.call(lambda: extra.part("other"))
        with pytest.raises(Reject, match="room"):
            server.call(lambda: extra.say("Where?"))
        server.call(lambda: extra.say("Here.", "lobby"))
        bob.expect("MSG|extra|Here.")
        server.call(extra.leave)
        bob.expect("INFO|extra has left the chat.")
        with pytest.raises(Reject, match="not in the chat"):
            server.call(lambda: extra.say("Gone."))
        assert list(server.server.chat.rooms) == ["lobby"]


def test_nobody_else_has_its_name():
    with serving(Helper) as server:
        peer = server.connect()
        peer.send("JOIN|HELPER")
        peer.expect("ERROR|The username HELPER is taken. Choose another.")
        server.join("ada")
        with pytest.raises(Reject, match="taken"):
            server.call(lambda: plugin(server).ctx.bot("Ada"))


def test_it_does_not_take_the_name_of_an_account(tmp_path):
    with serving(data_dir=tmp_path):
        pass
    enrol(tmp_path, "helper")
    with serving(Helper, data_dir=tmp_path) as server:
        found = next(plugin for plugin in server.server.plugins if plugin.name == "Helper")
        assert "belongs to somebody" in found.off


def test_it_needs_no_pass_phrase():
    with serving(Helper, settings={"server.password": "secret"}) as server:
        assert plugin(server).helper.is_here


def test_two_of_them_do_not_talk_for_ever(caplog):
    class Two(Helper):
        bots = ("helper", "helper2")

    with serving(Two) as server:
        ada = server.join("ada")
        ada.send("MSG|helper?")
        ada.read_until("MSG|helper|helper and helper2, ada said helper?")
        ada.send("MSG|/ping")
        ada.expect("INFO|Pong.")
        assert len(plugin(server, Two).heard) == 1
    assert failures(caplog) == []


def test_words_of_a_bot_pass_the_checks():
    settings = {"plugins.moderation.words": ["heck"]}
    with serving(Helper, settings=settings) as server:
        ada, helper = server.join("ada"), plugin(server).helper
        with pytest.raises(Reject):
            server.call(lambda: helper.say("What the heck!"))
        with pytest.raises(Reject, match="empty"):
            server.call(lambda: helper.say(" "))
        with pytest.raises(Reject, match="longer than"):
            server.call(lambda: helper.say("x" * 10_000))
        server.call(lambda: helper.say("one\ntwo"))
        ada.expect("MSG|helper|one", "MSG|helper|two")


def test_nothing_is_said_to_it_alone():
    with serving(Helper) as server:
        ada = server.join("ada")
        ada.send("MSG|/msg helper psst")
        ada.expect(
            "ERROR|helper is a bot, and reads nothing that is said to it alone. Name it in a room that it is in."
        )


def test_operators_put_it_out(tmp_path):
    with serving(data_dir=tmp_path):
        pass
    with serving(Helper, data_dir=tmp_path, settings={"plugins.Helper.may": ["kick"]}) as server:
        helper, ctx = plugin(server).helper, plugin(server).ctx
        ada = Program(server, "ada", "lobby")
        server.call(lambda: ctx.kick(helper.member, "Enough."))
        ada.read_until("left", name="helper")
        assert not helper.is_here


@pytest.mark.parametrize(
    ("order", "why"),
    [("/mute helper 1h Enough", "muted|not talk"), ("/kick helper", "in no room"), ("/ban helper", "not in the chat")],
)
def test_operators_keep_it_in_order(order, why, caplog):
    settings = without_plugins("accounts")
    with serving(Helper, Anybody, settings=settings) as server:
        ada, helper = device(server, "ada"), plugin(server).helper
        ada.ask("/crown")
        answer = ada.ask(order)
        assert answer[-1]["type"] == "ack", answer
        with pytest.raises(Reject, match=why):
            server.call(lambda: helper.say("Still here."))
        bob = server.join("bob")
        bob.send("MSG|helper?", "MSG|/ping")
        bob.expect("INFO|Pong.")
    assert [line for line in failures(caplog) if "in the background" not in line] == []


def test_it_changes_and_deletes_what_it_has_said():
    with serving(Helper) as server:
        ada, helper = Program(server, "ada"), plugin(server).helper
        seq = server.call(lambda: helper.say("one")).seq
        server.call(lambda: gevent.spawn(helper.edit, "lobby", seq, "two"))
        assert ada.read_until("edited")["text"] == "two"
        server.call(lambda: gevent.spawn(helper.react, "lobby", seq, "👍"))
        assert ada.read_until("reacted")["by"] == "helper"
        server.call(lambda: gevent.spawn(helper.delete, "lobby", seq))
        assert ada.read_until("deleted")["seq"] == seq


def test_it_goes_with_its_plugin():
    class Broken(Helper):
        @hookimpl
        def greenchat_event(self, event):
            if getattr(event, "text", "") == "fail":
                raise RuntimeError

    with serving(Broken) as server:
        ada = server.join("ada")
        ada.send(*["MSG|fail"] * 20)
        ada.read_until("INFO|helper has left the chat.")
        ada.send("MSG|helper?", "MSG|/ping")
        ada.expect("INFO|Pong.")


def test_there_are_not_too_many(monkeypatch):
    monkeypatch.setattr("greenchat.hooks.bots.MOST", 2)
    with serving(Helper) as server:
        ctx = plugin(server).ctx
        with pytest.raises(Reject, match="not valid"):
            server.call(lambda: ctx.bot("a b"))
        server.call(lambda: ctx.bot("second"))
        with pytest.raises(PluginError, match="already"):
            server.call(lambda: ctx.bot("third"))
