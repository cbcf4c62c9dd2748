"""greenchat.client comes back by itself from a server that is reloaded, where TLS keeps it from being carried over.
All that it goes through is in tests/system/test_clients_over_reloads.py."""

import pytest
from kit.programs import Program

from greenchat.client import DisconnectedError
from greenchat.protocol.events import Edited, Message
from greenchat.protocol.reload_reports import Reconnect

pytest_plugins = ["kit.over_reloads"]


def test_what_is_asked_is_answered_after_it(over, by_tls, connect):
    with connect() as ada, Program(by_tls, "bob") as bob:
        ada.join("ada")
        number = ada.confirm(ada.say("one")).seq
        ada.receive(0.1)
        over.hand_over(by_tls)
        bob.ask("two")
        over.hand_over(by_tls)
        assert ada.stats().members == 2
        edited = ada.edit("lobby", number, "One")
        ada.confirm(edited)
        found = [item for item in ada.receive(0) if isinstance(item, Message | Edited)]
        assert [item.text for item in found] == ["two", "One"]


def test_who_knows_better_is_told(over, by_tls, connect):
    with connect() as ada:
        ada.comes_back = False
        ada.join("ada")
        over.hand_over(by_tls)
        told = []
        with pytest.raises(DisconnectedError):
            told.extend(ada)
        assert isinstance(told[-1], Reconnect)
        with connect() as again:
            assert again.resume(ada.token).name == "ada"
