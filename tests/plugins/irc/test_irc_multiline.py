"""Messages of several lines (IRCv3, draft/multiline), for who takes them as such and for who does not."""

import pytest
from kit.irc import IrcClient

from greenchat.testing import serving

BASE = ["message-tags", "batch", "echo-message", "server-time", "labeled-response"]
CAPS = [*BASE, "draft/multiline"]


@pytest.fixture(scope="module")
def server():
    with serving() as running:
        yield running


def in_batch(*lines, room):
    return [f"BATCH +123 draft/multiline {room}", *(f"@batch=123{line}" for line in lines), "BATCH -123"]


def test_as_it_was_written(server):
    with (
        IrcClient(server, "ada", "#one", caps=CAPS) as ada,
        IrcClient(server, "bob", "#one", caps=CAPS) as bob,
        IrcClient(server, "carl", "#one", caps=BASE) as carl,
    ):
        for one in (ada, bob, carl):
            one.sync()
        first, *rest = in_batch(
            " PRIVMSG #one :",
            " PRIVMSG #one :#how is ",
            ";draft/multiline-concat PRIVMSG #one :everyone?",
            room="#one",
        )
        begin, *lines, end = ada.ask(f"@label=xyz;+tag=1 {first}", *rest)
        assert (begin.verb, begin.params[1:]) == ("BATCH", ["draft/multiline", "#one"])
        assert (begin.tags["label"], begin.tags["+tag"], end.params) == ("xyz", "1", [f"-{begin.params[0][1:]}"])
        ours, *told, _ = bob.sync()
        assert {"msgid", "time", "+tag"} <= ours.tags.keys()
        for found in (lines, told):
            assert [line.text for line in found] == ["", "#how is ", "everyone?"]
            assert [set(line.tags) for line in found] == [{"batch"}, {"batch"}, {"batch", "draft/multiline-concat"}]
        fallback = carl.sync()
        assert [line.text for line in fallback] == ["#how is ", "everyone?"]
        assert [line.tags.get("msgid") for line in fallback] == [ours.tags["msgid"], None]
        assert {(line.tags["time"], line.tags["+tag"]) for line in fallback} == {(ours.tags["time"], "1")}


def test_what_is_no_message(server):
    with IrcClient(server, "ada", "#two", caps=CAPS) as ada, IrcClient(server, "bob", "#two") as bob:
        ada.sync(), bob.sync()
        for lines, code in (
            ([" PRIVMSG #two :hi", ";draft/multiline-concat PRIVMSG #two :"], "MULTILINE_INVALID"),
            ([" PRIVMSG #two :hi", " NOTICE #two :there"], "MULTILINE_INVALID"),
            ([" PRIVMSG #two :hi", " PRIVMSG bob :psst"], "MULTILINE_INVALID_TARGET"),
            ([" PRIVMSG #two :", " PRIVMSG #two : "], "MULTILINE_INVALID"),
            ([], "MULTILINE_INVALID"),
            ([" PRIVMSG #two :hi"] * 101, "MULTILINE_MAX_LINES"),
            ([f" PRIVMSG #two :{'x' * 400}"] * 11, "MULTILINE_MAX_BYTES"),
        ):
            (failed,) = ada.ask(*in_batch(*lines, room="#two"))
            assert (failed.verb, failed.params[:2]) == ("FAIL", ["BATCH", code])
        (failed,) = ada.ask("@batch=231 PRIVMSG #two :alone")
        assert failed.params[:2] == ["BATCH", "MULTILINE_INVALID"]
        assert bob.sync() == []
        assert [
            line.verb for line in ada.ask(*in_batch(" PRIVMSG nobody :a", " PRIVMSG nobody :b", room="nobody"))
        ] == ["401"]


def test_notices_and_commands_of_several_lines(server):
    with IrcClient(server, "ada", caps=CAPS) as ada, IrcClient(server, "bob", caps=CAPS) as bob:
        ada.send(*in_batch(" NOTICE bob :/a", " NOTICE bob :/b", room="bob"))
        ada.sync()
        _, *lines, _ = bob.sync()
        assert [(line.verb, line.text) for line in lines] == [("NOTICE", "/a"), ("NOTICE", "/b")]
