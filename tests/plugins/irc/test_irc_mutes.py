"""Who may not say anything says nothing by what only clients of IRC tell each other."""

import pytest
from kit.irc import IrcClient

from greenchat import Reject, hookimpl
from greenchat.testing import serving


class Gag:
    """Nobody says a bad word."""

    @hookimpl
    def greenchat_check_message(self, message):
        if "badword" in message.text:
            raise Reject("No such words.", code="muted")


@pytest.fixture(scope="module")
def server():
    with serving(Gag()) as running:
        yield running


def test_not_by_requests_tags_or_real_names(server):
    caps = ["message-tags", "setname"]
    with IrcClient(server, "ada", "#a", caps=caps) as ada, IrcClient(server, "bob", "#a", caps=caps) as bob:
        ada.sync()
        ada.ask("PRIVMSG #a :\x01VERSION badword\x01", "PRIVMSG bob :\x01badword\x01")
        ada.ask("@+draft/x=badword TAGMSG #a", "@+typing=badword TAGMSG #a", "SETNAME :a badword")
        assert bob.sync() == []
        ada.ask("PRIVMSG #a :\x01VERSION\x01", "@+typing=active TAGMSG #a", "SETNAME :Ada \x1b[31mL")
        told = bob.sync()
        assert [line.verb for line in told] == ["PRIVMSG", "TAGMSG", "SETNAME"]
        assert told[2].text == "Ada ?[31mL"


def test_not_to_who_does_not_read_them(server):
    """What comes with what all are told of: who goes, a deletion, a real name."""
    caps = ["message-tags", "setname", "draft/message-redaction", "echo-message"]
    with IrcClient(server, "ann", "#b", caps=caps) as ann, IrcClient(server, "eve", "#b", caps=caps) as eve:
        ann.ask("ignore eve")
        msgid = eve.ask("PRIVMSG #b :one")[-1].tags["msgid"]
        eve.ask("SETNAME :words", f"REDACT #b {msgid} :words", "PART #b :words", "JOIN #b")
        eve.send("QUIT :words")
        assert [
            (line.verb, line.params[2:] if line.verb == "REDACT" else line.params) for line in ann.until("QUIT")
        ] == [
            ("REDACT", []),
            ("PART", ["#b"]),
            ("JOIN", ["#b"]),
            ("QUIT", ["left"]),
        ]


def test_no_control_codes_in_tags(server):
    with (
        IrcClient(server, "cat", "#c", caps=["message-tags"]) as cat,
        IrcClient(server, "dan", "#c", caps=["message-tags"]) as dan,
    ):
        dan.sync()
        cat.ask(
            "@+a=\x1b[31m;+b=\x9b31m;+c=\x7f;+d=fine\\n\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL} PRIVMSG #c :hi",
            "@+a=\x07 TAGMSG #c",
        )
        (told,) = dan.sync()
        assert {name: value for name, value in told.tags.items() if name[0] == "+"} == {
            "+d": "fine\\n\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}"
        }
