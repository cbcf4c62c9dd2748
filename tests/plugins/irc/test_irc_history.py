"""What was said before, and how far one has read."""

from datetime import UTC, datetime, timedelta

import pytest
from kit.irc import IrcClient
from kit.machine import eventually
from kit.programs import Program

from greenchat.testing import serving

CAPS = ["message-tags", "server-time", "batch", "draft/chathistory", "draft/read-marker", "echo-message"]


@pytest.fixture(scope="module")
def server():
    with serving(settings={"plugins.history.replay": 5}) as running:
        yield running


def texts(lines):
    return [line.text for line in lines if line.verb == "PRIVMSG"]


@pytest.fixture(scope="module")
def past(server):
    """Who has said ten things in a room, and has their ids and times."""
    with IrcClient(server, "ada", "#past", caps=CAPS) as ada:
        said = [ada.ask(f"PRIVMSG #past :number {number}")[0] for number in range(1, 11)]
        yield ada, [line.tags["msgid"] for line in said], [line.tags["time"] for line in said]


def later(time):
    return f"{datetime.fromisoformat(time) + timedelta(milliseconds=1):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"


def of(*numbers):
    return [f"number {number}" for number in numbers]


def test_by_ids(past):
    ada, ids, _ = past
    told = ada.ask("CHATHISTORY LATEST #past * 3")
    assert [line.verb for line in told] == ["BATCH", "PRIVMSG", "PRIVMSG", "PRIVMSG", "BATCH"]
    assert told[0].params[1:] == ["chathistory", "#past"]
    assert {line.tags["batch"] for line in told[1:-1]} == {told[0].params[0].removeprefix("+")}
    assert [line.tags["msgid"] for line in told[1:-1]] == ids[-3:]
    assert texts(told) == of(8, 9, 10)
    assert texts(ada.ask(f"CHATHISTORY LATEST #past msgid={ids[5]} 2")) == of(9, 10)
    assert texts(ada.ask(f"CHATHISTORY BEFORE #past msgid={ids[5]} 2")) == of(4, 5)
    assert texts(ada.ask(f"CHATHISTORY AFTER #past msgid={ids[5]} 2")) == of(7, 8)
    assert texts(ada.ask(f"CHATHISTORY AROUND #past msgid={ids[5]} 3")) == of(5, 6, 7)
    assert texts(ada.ask(f"CHATHISTORY BETWEEN #past msgid={ids[1]} msgid={ids[8]} 3")) == of(3, 4, 5)
    assert texts(ada.ask(f"CHATHISTORY BETWEEN #past msgid={ids[8]} msgid={ids[1]} 3")) == of(6, 7, 8)


def test_by_times(past):
    ada, ids, times = past
    for bounds in (f"msgid={ids[8]} timestamp=2020-01-01T00:00:00.000Z", f"timestamp={later(times[9])} msgid={ids[6]}"):
        first, second = bounds.split()
        found = texts(ada.ask(f"CHATHISTORY BETWEEN #past {first} {second} 2"))
        assert found == texts(ada.ask(f"CHATHISTORY BETWEEN #past {second} {first} 2"))
        assert found == (of(7, 8) if first.startswith("msgid") else of(9, 10))
    assert texts(ada.ask("CHATHISTORY BEFORE #past timestamp=2030-01-01T00:00:00.000Z 2")) == of(9, 10)
    assert texts(ada.ask("CHATHISTORY AFTER #past timestamp=2020-01-01T00:00:00.000Z 2")) == of(1, 2)
    assert of(9)[0] in texts(ada.ask(f"CHATHISTORY AROUND #past timestamp={times[8]} 6"))
    between = "timestamp=2020-01-01T00:00:00.000Z timestamp=2030-01-01T00:00:00.000Z"
    assert texts(ada.ask(f"CHATHISTORY BETWEEN #past {between} 4")) == of(1, 2, 3, 4)
    assert ada.ask("CHATHISTORY AFTER #past timestamp=2030-01-01T00:00:00.000Z 2")[0].verb == "BATCH"


def test_what_is_looked_for_twice_has_one_label(past):
    ada, ids, times = past
    ada.ask("CAP REQ labeled-response")
    try:
        for where in (f"AROUND #past timestamp={times[8]}", f"BETWEEN #past msgid={ids[1]} timestamp={times[8]}"):
            told = ada.ask(f"@label=one CHATHISTORY {where} 6")
            assert told[0].tags.get("label") == "one", where
            assert texts(told), where
    finally:
        ada.ask("CAP REQ -labeled-response")


def test_what_cannot_be_told(past):
    ada, ids, _ = past
    for asked, code in (
        ("LATEST #nowhere * 5", "INVALID_TARGET"),
        ("LATEST nobody * 5", "INVALID_TARGET"),
        ("LATEST #read * 5", "INVALID_TARGET"),
        ("BEFORE #past msgid=nonsense 5", "INVALID_PARAMS"),
        (f"SIDEWAYS #past msgid={ids[0]} 5", "INVALID_PARAMS"),
        ("LATEST #past *", "NEED_MORE_PARAMS"),
    ):
        (failed,) = ada.ask(f"CHATHISTORY {asked}")
        assert (failed.verb, failed.params[:2]) == ("FAIL", ["CHATHISTORY", code]), asked
        if code == "INVALID_TARGET":
            assert failed.params[2:4] == asked.split()[:2]


def test_alone_with_somebody(server, past):
    ada, _, _ = past
    with IrcClient(server, "bob", caps=CAPS) as bob:
        ada.ask("PRIVMSG bob :one")
        bob.ask("PRIVMSG ada :two")
        told = bob.ask("CHATHISTORY LATEST ada * 5")
        assert [(line.source, *line.params) for line in told if line.verb == "PRIVMSG"] == [
            ("ada", "bob", "one"),
            ("bob", "ada", "two"),
        ]
        found = bob.ask("CHATHISTORY TARGETS timestamp=2020-01-01T00:00:00.000Z timestamp=2030-01-01T00:00:00.000Z 5")
        assert [line.params[1] for line in found if line.verb == "CHATHISTORY"] == ["ada"]
        ada.sync()


def test_who_cannot_ask_is_told_as_they_come_in(server, past):
    with IrcClient(server, "old") as old:
        told = old.ask("JOIN #past")
        assert [line.text.partition("] ")[2] for line in told if line.verb == "PRIVMSG"][-2:] == of(9, 10)
    with IrcClient(server, "newer", caps=["server-time", "batch"]) as newer:
        told = newer.ask("JOIN #past")
        assert texts(told)[-2:] == of(9, 10)
        assert all("time" in line.tags for line in told if line.verb == "PRIVMSG")
    ada, _, _ = past
    ada.sync()


def test_a_notice_is_one_later_too(tmp_path):
    with serving(data_dir=tmp_path) as server, IrcClient(server, "ada", "#past", caps=CAPS) as ada:
        ada.ask("REGISTER * * correct-horse-battery")
        ada.ask("NOTICE #past :watch out", "PRIVMSG #past :why?", "NOTICE #past :it rains")
    with serving(data_dir=tmp_path) as server, IrcClient(server, "bob", "#past", caps=CAPS) as bob:
        told = [(line.verb, line.text) for line in bob.ask("CHATHISTORY LATEST #past * 5") if line.verb != "BATCH"]
        assert told == [("NOTICE", "watch out"), ("PRIVMSG", "why?"), ("NOTICE", "it rains")]


def test_a_read_marker_is_as_it_was_said(server):
    with IrcClient(server, "kay", "#marks", caps=CAPS) as kay:
        kay.ask("REGISTER * * correct-horse-battery")
        later, earlier = "timestamp=2019-06-01T12:00:00.123Z", "timestamp=2019-01-01T00:00:00.000Z"
        with IrcClient(server, "phone", caps=CAPS, account=("kay", "correct-horse-battery")) as phone:
            for target in ("#marks", "somebody"):
                assert [line.params for line in kay.ask(f"MARKREAD {target} {later}")] == [[target, later]]
                assert [line.params for line in phone.sync() if line.verb == "MARKREAD"] == [[target, later]]
                for asked in (f"MARKREAD {target} {earlier}", f"MARKREAD {target}"):
                    assert [line.params for line in kay.ask(asked)] == [[target, later]]
        assert [line.params for line in kay.ask("MARKREAD #nowhere")] == [["#nowhere", "*"]]
        assert [line.params[:2] for line in kay.ask("MARKREAD")] == [["MARKREAD", "NEED_MORE_PARAMS"]]
        kay.ask("PART #marks")
        assert ["#marks", later] in [line.params for line in kay.ask("JOIN #marks") if line.verb == "MARKREAD"]


def test_how_far_one_has_read_is_the_same_on_all_devices(server):
    with IrcClient(server, "eve", "#read", caps=CAPS) as eve, Program(server, "pat") as pat:
        eve.ask("REGISTER * * correct-horse-battery")
        pat.exchange(type="join", room="read")
        pat.ask("one", "read")
        first = next(line for line in eve.sync() if line.verb == "PRIVMSG")
        eventually(
            lambda: f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}" > f"{first.tags['time'][:-1]}999"
        )  # times have ms
        pat.ask("two", "read")
        second = next(line for line in eve.sync() if line.verb == "PRIVMSG")
        assert [line.params for line in eve.ask("MARKREAD #read")] == [["#read", "*"]]
        with IrcClient(server, "phone", caps=CAPS, account=("eve", "correct-horse-battery")) as phone:
            marked = f"timestamp={first.tags['time']}"
            assert [line.params for line in eve.ask(f"MARKREAD #read {marked}")] == [["#read", marked]]
            assert [line.params for line in phone.sync() if line.verb == "MARKREAD"] == [["#read", marked]]
            later = f"timestamp={second.tags['time']}"
            phone.ask(f"MARKREAD #read {later}")
            assert [line.params for line in eve.ask(f"MARKREAD #read {marked}") if line.verb == "MARKREAD"] == [
                ["#read", later],
                ["#read", later],
            ]
        with IrcClient(server, "phone", caps=CAPS, account=("eve", "correct-horse-battery")) as phone:
            again = [line.params for line in phone.welcome if line.verb == "MARKREAD"]
            assert again == [["#read", later]]


def test_who_asks_for_no_history_is_told_what_they_have_missed(server):
    """And not again what they were told before."""
    account = ("moe", "correct-horse-battery")
    with IrcClient(server, "moe", "#bar") as moe, IrcClient(server, "ned", "#bar") as ned:
        moe.ask(f"REGISTER * * {account[1]}")
        ned.ask("PRIVMSG #bar :read by moe")
        assert texts(moe.sync()) == ["read by moe"]
        moe.close()
        ned.ask("PRIVMSG #bar :missed by moe")
        with IrcClient(server, "moe", account=account) as moe:
            assert len(texts(moe.welcome)) == 2  # a device that was never here
            moe.close()
        ned.ask("PRIVMSG #bar :missed as well")
        with IrcClient(server, "moe", account=account) as moe:
            assert [text.partition("] ")[2] for text in texts(moe.welcome)] == ["missed as well"]
            before, after = [line.text for line in moe.welcome if (line.verb, line.params[0]) == ("NOTICE", "#bar")]
            assert (before[:28], after) == ("What was said before, since ", "That was before.")
            assert [text.partition("] ")[2] for text in texts(moe.ask("PART #bar", "JOIN #bar"))] == [
                *("read by moe", "missed by moe", "missed as well")
            ]
            # Two of a kind are not told apart: each is told all.
            with IrcClient(server, "moe", account=account) as another:
                assert len(texts(another.welcome)) == 3
