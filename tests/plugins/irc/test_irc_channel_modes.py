"""What is set for a channel, and who keeps order there: as modes, whoever has set it, and by what."""

import pytest
from kit.accounts import SECRET
from kit.irc import IrcClient
from kit.models import Person
from kit.programs import Program

from greenchat.testing import serving


@pytest.fixture(scope="module")
def server():
    with serving() as running:
        yield running


def modes(lines):
    return [" ".join(line.params[1:]) for line in lines if line.verb == "MODE"]


def test_what_is_set_is_told_as_a_mode_and_as_nothing_else(server):
    with IrcClient(server, "ada", "#a1") as ada, IrcClient(server, "bob", "#a1") as bob:
        ada.sync()
        ada.ask("MODE #a1 +itkl sesame 7", "MODE #a1 -itk", "MODE #a1 -l")
        told = [line for line in bob.sync() if line.verb in ("MODE", "NOTICE")]
        assert [line.source for line in told] == ["ada"] * 8
        assert modes(told) == ["+i", "+t", "+k *", "+l 7", "-i", "-t", "-k *", "-l"]
        with Program(server, "pat") as pat:
            pat.exchange(type="join", room="a1")
            bob.sync()
            ada.ask("MODE #a1 +q pat")
            bob.sync()
            pat.exchange(type="say", text="/room moderated on", room="a1")
            assert [(line.source, line.verb, line.text) for line in bob.sync()] == [("pat", "MODE", "+m")]
            assert [line.params[2] for line in bob.ask("MODE #a1") if line.verb == "324"] == ["+nm"]


@pytest.mark.parametrize("mode", ["+k two,keys", "+k :two words", "+k :", "+l 0", "+l -1", "+l many", "+l :"])
def test_what_cannot_be_set_says_so(server, mode):
    with IrcClient(server, "ada", "#b1") as ada:
        assert [line.params[1:4] for line in ada.ask(f"MODE #b1 {mode}")] == [["#b1", mode[1], "*"]]
        assert ada.verbs("MODE #b1 +k", "MODE #b1 +l") == ["461", "461"]


def test_only_those_with_a_voice_speak_in_a_moderated_channel(server):
    with IrcClient(server, "ada", "#c1", caps=["multi-prefix"]) as ada, IrcClient(server, "bob", "#c1") as bob:
        ada.ask("MODE #c1 +m")
        bob.sync()
        assert bob.verbs("PRIVMSG #c1 :may I?", "PRIVMSG #c1 :\x01ACTION waves\x01") == ["404", "404"]
        assert [line.verb for line in bob.ask("MODE #c1 +v bob")] == ["482"]
        assert modes(ada.ask("MODE #c1 +v bob", "MODE #c1 +v ada")) == ["+v bob", "+v ada"]
        bob.ask("PRIVMSG #c1 :thanks")
        assert [line.text for line in ada.sync()] == ["thanks"]
        assert [line.text for line in ada.ask("NAMES #c1") if line.verb == "353"] == ["@+ada +bob"]
        assert [line.text for line in bob.ask("NAMES #c1") if line.verb == "353"] == ["@ada +bob"]
        assert [line.params[6] for line in ada.ask("WHO #c1") if line.verb == "352"] == ["H@+", "H+"]
        assert [line.verb for line in ada.ask("MODE #c1 +v nobody")] == ["401"]
        ada.ask("MODE #c1 -v bob")
        assert bob.verbs("PRIVMSG #c1 :and now?") == ["MODE", "404"]


def test_a_full_channel_takes_who_is_invited_and_is_seen_by_all(server):
    with IrcClient(server, "ada", "#d1") as ada, IrcClient(server, "bob") as bob:
        ada.ask("MODE #d1 +l 1")
        assert [line.verb for line in bob.ask("JOIN #d1")] == ["471"]
        assert [line.text for line in bob.ask("NAMES #d1") if line.verb == "353"] == ["@ada"]
        ada.ask("INVITE bob #d1")
        assert "JOIN" in bob.verbs("JOIN #d1")
        bob.ask("PART #d1")
        assert [line.verb for line in bob.ask("JOIN #d1")] == ["471"]


def test_whom_a_mask_means(server):
    with IrcClient(server, "ada", "#e1") as ada, IrcClient(server, "bob", "#e1", user="robert") as bob:
        with IrcClient(server, "robert2", "#e1", user="twin"), IrcClient(server, "eve", "#e1", user="twin") as eve:
            ada.sync()
            # Of two with one user name, and of everybody, none is meant: nobody is put out by mistake.
            # Nor is who is called as the first part of what nobody can be called.
            for mask in (
                "*!*twin@greenchat",
                "*!*@greenchat",
                "*!*@*",
                "*o*!*@*",
                "bob\tx",
                "bob\N{IDEOGRAPHIC SPACE}x",
            ):
                assert [line.verb for line in ada.ask(f"MODE #e1 +b {mask}")] == ["696"], mask
            assert eve.verbs("PRIVMSG #e1 :still here") == []
            ada.sync()
            # As irssi makes them of what WHO shows, and of what stands before one's words.
            assert modes(ada.ask("MODE #e1 +b *!*robert@greenchat")) == ["+b bob!*@*"]
            assert "KICK" in [line.verb for line in bob.sync()]
            assert bob.verbs("JOIN #e1") == ["474"]
            assert [line.params[2] for line in ada.ask("MODE #e1 +b") if line.verb == "367"] == ["bob!*@*"]
            assert modes(ada.ask("MODE #e1 -b bob!*@*")) == ["-b bob!*@*"]
            assert "JOIN" in bob.verbs("JOIN #e1")
            ada.sync()
            assert modes(ada.ask("MODE #e1 +b *!*eve@greenchat")) == ["+b eve!*@*"]
        assert [line.verb for line in ada.ask("MODE #e1 +b *!*@10.1.2.3")][-1:] == ["482"]


def test_a_kick_is_told_once_with_its_reason(server):
    with IrcClient(server, "ada", "#f1", "#f2") as ada, IrcClient(server, "bob", "#f1", "#f2") as bob:
        ada.sync()
        assert [(line.verb, line.text) for line in ada.ask("KICK #f1 bob :That: will do")] == [
            ("KICK", "That: will do")
        ]
        assert [(line.verb, line.text) for line in bob.sync()] == [("KICK", "That: will do")]
        assert [(line.verb, line.text) for line in ada.ask("KICK #f2 bob")] == [("KICK", "ada")]
        assert ada.verbs("KICK #nowhere bob") == ["403"]
        bob.sync()
        assert bob.verbs("PART #f1", "TOPIC #f1 :mine", "KICK #f1 ada", "INVITE ada #f1") == ["442"] * 4


def test_who_leaves_may_say_why(server):
    with IrcClient(server, "ada", "#g1") as ada, IrcClient(server, "bob", "#g1") as bob, Program(server, "pam") as pam:
        pam.exchange(type="join", room="g1")
        ada.sync()
        assert [line.params for line in bob.ask("PART #g1 :bye, all")][-1:] == [["#g1", "bye, all"]]
        assert [line.params for line in ada.sync()] == [["#g1", "bye, all"]]
        left = [frame for frame in pam.exchange(type="ping") if frame["type"] == "left"]
        assert [frame["reason"] for frame in left] == ["left: bye, all"]
        assert bob.verbs("PART #g1 :again", "PART #nowhere :again") == ["442", "403"]


def test_ones_other_devices_know_that_one_has_left_by_oneself(server):
    with IrcClient(server, "una") as irc:
        irc.ask(f"REGISTER * * {SECRET}")
        with Person(server, "una", "g2", login=SECRET) as terminal:
            irc.ask("PART #g2 :bye, all")
            terminal.until(lambda: terminal.place.gone)
            assert "by another device" in terminal.place.gone


def test_operators_are_another_thing_and_irc_says_so_in_its_words(server):
    with IrcClient(server, "ada", "#h1") as ada, IrcClient(server, "bob", "#h1") as bob, IrcClient(server, "eve"):
        ada.sync()
        (refused,) = ada.ask("MODE #h1 +o bob")
        assert refused.verb == "482"
        assert refused.text.endswith("MODE #h1 +q bob")
        codes = [bob.verbs("MODE #h1 +o bob"), *(ada.verbs(f"MODE #{room}") for room in ("h1 +o eve", "h1 +o no"))]
        assert codes == [["482"], ["441"], ["401"]]
        assert ada.verbs("MODE #nowhere +o bob") == ["403"]
        (refused,) = ada.ask("JOIN lobby")
        assert refused.text.endswith("begin with #, such as #lobby")
        assert modes(ada.ask("MODE #h1 +q bob"))[-1:] == ["+o bob"]


def test_a_channel_is_theirs_for_good_once_they_have_an_account(server):
    with IrcClient(server, "ann", "#i1") as ann, IrcClient(server, "bob", "#i1") as bob:
        ann.ask("REGISTER * * correct-horse-battery")
        assert modes(bob.sync()) == ["-o+q ann ann"]
        assert [line.text for line in bob.ask("NAMES #i1") if line.verb == "353"] == ["~ann bob"]


def test_which_channels_are_listed(server):
    with IrcClient(server, "ada", "#j1", "#j2") as ada, IrcClient(server, "bob", "#j2"):

        def listed(what):
            return {line.params[1] for line in ada.ask(f"LIST {what}") if line.verb == "322"} & {"#j1", "#j2"}

        assert listed("#j*") == {"#j1", "#j2"}
        assert listed("*J1") == {"#j1"}
        assert listed("!*j1") == {"#j2"}
        assert listed(">1") == {"#j2"}
        assert listed("<2,#j*") == {"#j1"}
        assert listed("*j1,*j2") == {"#j1", "#j2"}


def test_how_many_were_here_at_one_time(server):
    with IrcClient(server, "ada") as ada:
        with IrcClient(server, "bob"), IrcClient(server) as newcomer:
            newcomer.send("NICK eve")
            newcomer.send("PING x")
            newcomer.until("PONG")
            told = {line.verb: line.params for line in ada.ask("LUSERS")}
            assert told["253"][1] == "1"
            most = int(told["265"][2])
            assert most >= int(told["265"][1]) >= 2
        (local,) = [line.params for line in ada.ask("LUSERS") if line.verb == "265"]
        assert int(local[1]) < most <= int(local[2])
