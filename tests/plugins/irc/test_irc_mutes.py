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
