"""Many at once: floods, halls, and lists as long as they may be. What is told to many is written once for all who have
the same capabilities."""

from collections import Counter
from contextlib import ExitStack
from threading import Thread

import pytest
from kit.irc import IrcClient

from greenchat import Reject, hookimpl
from greenchat.testing import serving

TIMED = ["server-time"]
TAGGED = ["server-time", "message-tags", "batch"]
ECHOED = [*TAGGED, "echo-message"]

# More than a room remembers, and than is kept at once.
FLOOD = 6000


@pytest.fixture(scope="module")
def server():
    with serving() as running:
        yield running


def test_all_words_come_back_also_those_that_a_room_has_forgotten(server):
    said = [str(number) for number in range(FLOOD)]
    with IrcClient(server, "ada", "#flood", caps=ECHOED) as ada, IrcClient(server, "bob", "#flood", caps=TAGGED) as bob:
        ada.sync(), bob.sync()
        sending = Thread(target=ada.send, args=[f"PRIVMSG #flood :{text}" for text in said])
        sending.start()
        echoes, heard = ([one.until("PRIVMSG")[-1] for _ in said] for one in (ada, bob))
        sending.join()
        assert [line.text for line in echoes] == said
        assert echoes == heard
        ada.ask("@label=x PRIVMSG #flood :\x01ACTION waves\x01")
        assert [line.text for line in bob.sync()] == ["\x01ACTION waves\x01"]


@pytest.mark.parametrize("caps", [[], ECHOED])
def test_what_is_refused_of_words_in_a_row_is_told_with_their_room(caps):
    class Censor:
        @hookimpl
        def greenchat_check_message(self, session, message):
            if "darn" in message.text:
                raise Reject("Mind your language.")

    with serving(Censor()) as running, IrcClient(running, "ada", "#one", caps=caps) as ada:
        told = ada.ask(*(f"PRIVMSG #one :{text}" for text in ("hi", "darn", "fine", "darn it")))
        refused = [line.params for line in told if line.verb == "404"]
        assert refused == [["ada", "#one", "Mind your language."]] * 2
        assert [line.text for line in told if line.verb != "404"] == (["hi", "fine"] if caps else [])


def test_a_room_is_written_once_for_all_who_have_the_same(server):
    with ExitStack() as stack:
        for number, caps in enumerate(([], TIMED, TAGGED, ECHOED) * 5):
            stack.enter_context(IrcClient(server, f"u{number}", "#shared", caps=caps))
        room = server.server.chat.rooms["shared"]
        codecs = server.call(lambda: Counter(session.shared_codec for session in room.fanout.listeners))
        assert sorted(codecs.values()) == [5, 5, 10]  # an echo is told to one alone


def test_the_longest_list_of_whom_one_monitors(server):
    with IrcClient(server, "ada") as ada, IrcClient(server, "n7") as other:
        tokens = dict(p.partition("=")[::2] for line in ada.welcome if line.verb == "005" for p in line.params)
        most = int(tokens["MONITOR"])
        nicks = [f"n{number}" for number in range(most)]
        told = ada.ask(*(f"MONITOR + {','.join(nicks[at : at + 50])}" for at in range(0, most, 50)))
        there, missing = (
            [nick for line in told if line.verb == code for nick in line.text.split(",")] for code in ("730", "731")
        )
        assert there == ["n7!n7@greenchat"]
        assert missing == [nick for nick in nicks if nick != "n7"]
        (full,) = ada.ask("MONITOR + one-more")
        assert (full.verb, full.params[1:3]) == ("734", [str(most), "one-more"])
        listed = ada.ask("MONITOR L")
        assert [nick for line in listed if line.verb == "732" for nick in line.text.split(",")] == nicks
        other.ask("JOIN #a,#b,#c")
        for _ in range(3):
            other.ask("NICK gone")
            other.ask("NICK n7")
        told = [(line.verb, line.text) for line in ada.sync()]
        assert told == [("731", "n7"), ("730", "n7!n7@greenchat")] * 3
