"""greenchat.client over one reload after the other, where TLS keeps it from being carried over."""

from threading import Thread

import pytest
from greenchat_plugins.switches import TRYING
from kit.accounts import SECRET
from kit.processes import run_greenchat
from kit.programs import Program

from greenchat.client import Cursor, RefusedError
from greenchat.protocol.events import Message, Role
from greenchat.protocol.reload_reports import Reloaded
from greenchat.protocol.replies import Error, Welcome
from greenchat.testing import DEADLINE

pytest_plugins = ["kit.over_reloads"]


def everything(client, until):
    """The texts of messages, and what else comes, up to the message `until`."""
    found = []
    while not found or found[-1] != until:
        items = client.receive(DEADLINE)
        assert items, found
        found += [item.text if isinstance(item, Message) else item for item in items]
    return found


def test_nothing_is_lost_and_nothing_comes_twice(over, by_tls, connect):
    with connect() as ada, connect() as bob, Program(by_tls, "cyd") as cyd:
        ada.join("ada")
        bob.join("bob")
        bob.enter("dev")
        everything_before = ada.confirm(ada.say("one", "lobby"))
        for number in range(5):
            over.hand_over(by_tls)
            cyd.ask(f"of cyd {number}", "lobby")
            bob.confirm(bob.say(f"of bob {number}", "lobby"))
            ada.confirm(ada.say(f"of ada {number}", "lobby"))
        last = bob.confirm(bob.say("last", "lobby"))
        found = [item for item in everything(ada, "last") if isinstance(item, str)]
        expected = [f"of {name} {number}" for number in range(5) for name in ("cyd", "bob")]
        assert found == [*expected, "last"]
        expected = ["one", *(f"of {name} {number}" for number in range(5) for name in ("cyd", "ada"))]
        assert [item for item in bob.receive(DEADLINE) + bob.receive(0.1) if isinstance(item, Message)]
        assert [*ada.rooms], [*bob.rooms] == (["lobby"], ["lobby", "dev"])
        assert last.seq == everything_before.seq + 16
        texts = [event.text for event in ada.history("lobby", limit=100).events if isinstance(event, Message)]
        assert len(texts) == len(set(texts)) == 17
        assert [frame for frame in cyd.exchange(type="ping") if frame["type"] in ("joined", "left")] == []


def test_what_was_under_way_is_asked_again(over, by_tls, connect):
    with connect() as ada:
        ada.join("ada")
        problems = []

        def talk():
            for number in range(150):
                ada.say(f"number {number}")
                problems.extend(item for item in ada.receive(0.02) if isinstance(item, Error))

        talking = Thread(target=talk)
        talking.start()
        for _ in range(3):
            over.hand_over(by_tls)
        talking.join(DEADLINE)
        while ada.pending:
            problems.extend(item for item in ada.receive(DEADLINE) if isinstance(item, Error))
        assert problems == []
        assert ada.command("sayer").lines == ["word 4"]
        page = ada.history("lobby", limit=100)
        texts = [event.text for event in page.events]
        while page.more:
            page = ada.history("lobby", limit=100, before=page.events[0].seq)
            texts[:0] = [event.text for event in page.events]
        assert texts == [f"number {number}" for number in range(150)]


def test_who_follows_misses_nothing(over, by_tls, connect):
    with connect() as ada, Program(by_tls, "bob") as bob:
        ada.join("ada", replay=False)
        following = ada.follow(Cursor())
        for number in range(10):
            bob.ask(f"number {number}")
            if number % 3 == 0:
                over.hand_over(by_tls)
        bob.ask("last")
        found = []
        for item in following:
            if isinstance(item, Message):
                found.append(item.text)
            assert not isinstance(item, Welcome)
            if found[-1:] == ["last"]:
                break
        assert found == [*(f"number {number}" for number in range(10)), "last"]


def test_alone_with_somebody(over, by_tls, connect):
    with connect() as ada, connect() as bob:
        ada.join("ada")
        bob.join("bob")
        first = ada.confirm(ada.say("psst", to="bob"))
        over.hand_over(by_tls)
        second = ada.confirm(ada.say("still there?", conversation=first.conversation))
        assert (second.conversation, second.seq) == (first.conversation, first.seq + 1)
        found = [item for item in everything(bob, "still there?") if isinstance(item, str)]
        assert found == ["psst", "still there?"]
        over.hand_over(by_tls)
        bob.confirm(bob.say("yes", conversation=first.conversation))
        assert [item for item in everything(ada, "yes") if isinstance(item, str)] == ["yes"]


def test_the_command_line_is_told_by_tls_too(over, by_tls, authority):
    word = over.change()
    where = ("--data-dir", str(over.data_dir), "--tls", "--cafile", authority.file)
    done = run_greenchat("reload", f"127.0.0.1:{by_tls.port}", *where)
    assert done.returncode == 0, done
    assert done.stdout.startswith("The server was reloaded: nobody was served for ")
    assert "Changed: plugin sayer: sayer.py has changed" in done.stdout
    with Program(by_tls, "bob") as bob:
        assert bob.told("/sayer", "notice")["text"] == word
    done = run_greenchat("reload", f"127.0.0.1:{by_tls.port}", *where)
    assert done.stdout == "Nothing has changed, so nothing was reloaded.\n"


def test_an_operator_is_told_though_the_connection_does_not_last(over, by_tls, connect):
    with connect() as ada:
        ada.join("ada")
        ada.command("register", password=SECRET)
        added = run_greenchat("operators", "add", "ada", "--data-dir", str(over.data_dir))
        assert added.returncode == 0, added
        next(item for item in ada if isinstance(item, Role) and item.role == "operator")  # the server knows it by now
        with connect() as operator:
            operator.join("ada", login=SECRET)
            word = over.change()
            assert operator.command("reload").lines == [TRYING]
            report = next(item for item in operator if isinstance(item, Reloaded))
            assert (report.ok, report.how, report.changed) == (True, "handover", ["plugin sayer: sayer.py has changed"])
            assert operator.command("sayer").lines == [word]
            operator.command("plugin", what="disable", plugin="sayer")
            report = next(item for item in operator if isinstance(item, Reloaded))
            assert report.ok
            assert "plugin sayer: disabled (was not chosen)" in report.changed
            with pytest.raises(RefusedError, match="There is no command /sayer"):
                operator.command("sayer")
            assert len([act for act in operator.command("audit").lines if " ada: reload " in act]) == 2
        states = run_greenchat("plugins", "list", "--data-dir", str(over.data_dir), *over.arguments[:2]).stdout
        assert "off: disabled by an operator; /plugin enable sayer has it on again" in states
