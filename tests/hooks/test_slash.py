"""A line that begins with a slash is a command or nothing: it is never said, in case there is a secret in it."""

import pytest
from kit.programs import Program, says

from greenchat import Command, hookimpl
from greenchat.testing import serving

ALONE = {"plugins.history.replay": 0}
SECRET = "correct-horse-battery"

# What nobody sees before a slash does not make it a message.
BEFORE = ["", " ", "\t", "\u00a0", "\u3000", "\u200b", "\ufeff", "\u2060", "\u00ad", "\u3164", "\u2800", " \u200b\t"]


@pytest.fixture(params=["with commands", "without"])
def server(request):
    settings = {"server.disabled_plugins": ["slash_commands"]} if request.param == "without" else {}
    with serving(settings=ALONE | settings) as running:
        yield running


def everything(peer):
    """All that a plain client reads, up to the end of its connection."""
    peer.send("LEAVE")
    return list(iter(peer.read, ""))


@pytest.mark.parametrize("before", BEFORE, ids=ascii)
def test_what_no_plugin_takes_is_refused_and_read_by_nobody(server, before):
    bob, ada, program = server.join("bob"), server.join("ada"), Program(server, "cy")
    ada.send(f"MSG|{before}/logn ada {SECRET}", f"msg|{before}/ {SECRET}", f"MSG|{before}/", "MSG|after")
    assert program.refused(f"{before}/logn cy {SECRET}") == "unknown_command"
    bob.read_until("MSG|ada|after")
    read = everything(ada)
    assert sum(line.startswith(("ERROR|There is no command /", "ERROR|There is no such")) for line in read) == 3
    assert SECRET not in str([read, everything(bob), program.leave()])


@pytest.mark.parametrize("before", BEFORE, ids=ascii)
def test_two_slashes_say_one(server, before):
    bob, ada, program = server.join("bob"), server.join("ada"), Program(server, "cy")
    ada.send(f"MSG|{before}//shrug", f"MSG|{before}///", "LEAVE")
    bob.read_until(f"MSG|ada|{before}/shrug")
    bob.expect(f"MSG|ada|{before}//", "INFO|ada has left the chat.")
    assert program.ask(f"{before}//etc/passwd")[-1]["type"] == "ack"
    bob.expect(f"MSG|cy|{before}/etc/passwd")


def test_a_slash_further_on_is_no_command(server):
    bob, ada = server.join("bob"), server.join("ada")
    bob.expect("INFO|ada has joined the chat.")
    for text in ("and/or", "1/2", "é /login", "漢/字", ":/", "-/-", "x", "~/bin"):
        ada.send(f"MSG|{text}")
        bob.expect(f"MSG|ada|{text}")


class Broken:
    """A plugin whose command fails wherever it is touched."""

    @hookimpl
    def greenchat_commands(self):
        def fail(*_):
            raise RuntimeError("broken")

        return [Command("broken", "", "It is broken.", fail, fail)]


def test_a_secret_is_safe_whatever_other_plugins_break():
    with serving(Broken, settings=ALONE) as server:
        ada, eve, bob = server.join("ada"), server.join("eve"), server.join("bob")
        for _ in range(25):
            says(eve, "/help", "/broken")
        assert says(ada, f"/login ada {SECRET}")[-1].startswith("ERROR|")
        assert not [line for line in everything(bob) if line.startswith("MSG|")]


def test_a_plugin_may_say_what_begins_with_a_slash():
    class Shrug:
        @hookimpl
        def greenchat_commands(self):
            return [Command("shrug", "", "Shrug.", lambda session, _: session.say("/shrug"))]

    with serving(Shrug, settings=ALONE) as server:
        ada, bob = server.join("ada"), server.join("bob")
        says(ada, "/shrug")
        bob.expect("MSG|ada|/shrug")
