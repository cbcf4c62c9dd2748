"""Who is elsewhere speaks here by a bridge, and is nobody here."""

import pytest
from kit.failing import failures
from kit.machine import eventually
from kit.programs import Program

from greenchat import PluginError, Reject, hookimpl
from greenchat.testing import serving


class irc:  # noqa: N801
    """The bridge to another chat, which is a list here."""

    def __init__(self, ctx):
        self.ctx, self.sent = ctx, []

    @hookimpl
    def greenchat_startup(self):
        self.bot = self.ctx.bot("irc-bridge", ["lobby"])

    @hookimpl
    def greenchat_messages(self, messages):
        self.sent += [(one.sender, one.text) for one in messages if not self.ctx.has_said(one)]

    def comes(self, name, text, **more):
        return self.ctx.speak("lobby", name, text, **more)


def bridged(**more):
    settings = {"plugins.irc.may": ["speak"]} | more.pop("settings", {})
    return serving(irc, settings=settings, **more)


def bridge(server):
    return next(plugin.bearer for plugin in server.server.plugins if plugin.name == "irc")


def test_it_is_a_message_like_others(tmp_path, caplog):
    settings = {"plugins.chatlog.transcript": str(tmp_path / "log.txt")}
    with bridged(data_dir=tmp_path, settings=settings) as server:
        ada, bob, here = Program(server, "ada"), server.join("bob"), bridge(server)
        said = server.call(lambda: here.comes("Eve", "Hello!"))
        assert (said.sender, said.text, said.seq) == ("Eve (irc)", "Hello!", 1)
        told = ada.read_until("message")
        assert (told["sender"], told["seq"], told["id"]) == ("Eve (irc)", 1, said.id)
        bob.expect("MSG|Eve (irc)|Hello!")
        server.call(lambda: here.comes("Eve", "waves", action=True))
        bob.read()
        assert ada.read_until("message")["action"]
        assert ada.request(type="say", text="Hi Eve!", reply_to=1)["seq"] == 3
        assert "Eve (irc)" in bob.read()
        assert ada.request(type="react", seq=1, emoji="👍")["type"] == "ack"
        assert server.call(lambda: here.sent) == [("ada", "Hi Eve!")]
        stats = server.call(server.server.stats)
        assert (stats.messages, stats.deliveries) == (3, 5)
    with serving(data_dir=tmp_path) as server:
        found = Program(server, "carl").request(type="history", room="lobby")["events"]
        assert [event["sender"] for event in found if event["type"] == "message"] == ["Eve (irc)", "Eve (irc)", "ada"]
        found = server.join("dan")
        found.send("MSG|/history 5")
        assert any("Eve (irc)" in line for line in [found.read() for _ in range(3)])
    assert "Eve (irc)" in (tmp_path / "log.txt").read_text()
    assert failures(caplog) == []


def test_nobody_can_be_called_so():
    with bridged() as server:
        peer = server.connect()
        peer.send("JOIN|Eve (irc)")
        assert peer.read().startswith("ERROR|The username 'Eve (irc)' is not valid.")
        ada = server.join("ada")
        ada.send("MSG|/names")
        assert "Eve" not in ada.read()
        ada.send("MSG|/msg Eve hi")
        assert ada.read().startswith("ERROR|")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("ada (bob) |x", "ada-bob-x (irc)"),
        ("server", "server- (irc)"),
        ("@op", "op (irc)"),
        ("\u202eada", "ada (irc)"),
        ("Jürgen", "Jürgen (irc)"),
        ("x" * 100, "x" * 32 + " (irc)"),
        ("a\nb", "a-b (irc)"),
    ],
)
def test_odd_names_become_such_as_can_be_shown(name, shown):
    with bridged() as server:
        server.join("ada")
        assert server.call(lambda: bridge(server).comes(name, "hi")).sender == shown


def test_who_is_ignored_is_not_read_however_it_is_written():
    with bridged() as server:
        ada = server.join("ada")
        ada.send("MSG|/ignore eve (irc)")
        ada.expect("INFO|You read nothing more of eve (irc). /unignore eve (irc) ends it.")
        server.call(lambda: bridge(server).comes("Eve", "hi"))
        server.call(lambda: bridge(server).comes("mallory", "hi"))
        ada.expect("MSG|mallory (irc)|hi")
        ada.send("MSG|/unignore Eve (irc)")
        ada.expect("INFO|You read again what Eve (irc) says.")
        server.call(lambda: bridge(server).comes("Eve", "hi again"))
        ada.expect("MSG|Eve (irc)|hi again")


def test_it_passes_the_checks(caplog):
    settings = {"plugins.moderation.words": ["heck"], "plugins.moderation.repeat": 2}
    with bridged(settings=settings) as server:
        server.join("ada")
        comes = bridge(server).comes
        for text, why in [("What the heck!", "word"), (" ", "empty"), ("x" * 10_000, "longer"), ("\x1b[0m", "control")]:
            with pytest.raises(Reject, match=why):
                server.call(lambda text=text: comes("eve", text))
        server.call(lambda: comes("eve", "same"))
        with pytest.raises(Reject):
            server.call(lambda: [comes("eve", "same") for _ in range(3)])
        server.call(lambda: comes("mallory", "same"))
    assert failures(caplog) == []


def test_it_needs_a_right_and_a_room_with_somebody_in_it():
    with bridged(settings={"plugins.irc.may": []}) as server, pytest.raises(PluginError, match="speak"):
        server.call(lambda: bridge(server).comes("eve", "hi"))
    with bridged() as server, pytest.raises(Reject, match="nobody is in it"):
        server.call(lambda: bridge(server).ctx.speak("cellar", "eve", "hi"))


def test_one_that_sends_back_what_it_hears_ends(caplog):
    class Echo(irc):
        @hookimpl
        def greenchat_messages(self, messages):
            for one in messages:
                self.ctx.speak(one.room, "echo", one.text)

    with serving(Echo, settings={"plugins.Echo.may": ["speak"]}) as server:
        ada = server.join("ada")
        ada.send("MSG|one", "MSG|/ping")
        ada.read_until("INFO|Pong.")
        eventually(lambda: failures(caplog))
