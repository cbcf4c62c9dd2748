"""A program that follows its conversations, on a server that tells of them late, or not of all of them."""

import json
from threading import Thread

import pytest
from kit.peers import RawServer, event, message, page, welcome

from greenchat.client import Client, Cursor
from greenchat.protocol.events import Message
from greenchat.testing import DEADLINE

PLACE = {"epoch": "e", "rev": 5, "id": 105, "time": "2026-01-31T11:00:00Z"}
BOB = {"conversation": "c", "with": "bob", "seq": 9, "rev": 9, "read": 0, "unread": 9}


def overview(*direct, **more):
    return {"type": "conversations", "rooms": [], "epoch": "e", "direct": direct} | more


def said(seq, talk="c"):
    return message(seq, f"{seq}", room="", conversation=talk, rev=seq, **{"with": "bob"})


def missed(*seqs, talk="c"):
    events = [said(seq, talk) for seq in seqs]
    return page(*events, room="", conversation=talk, epoch="e", rev=max(seqs, default=5), **{"with": "bob"})


def error(code):
    return {"type": "error", "code": code, "text": "No."}


END = event("joined", name="eve")


@pytest.fixture
def raw():
    with RawServer() as server:
        yield server


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "bot.cursor"
    path.write_text(json.dumps({"@c": PLACE}))
    return path


def followed(raw, path, frames, answers=(), account="bot"):
    """What a bot is told by what the server says, and answers when asked for what was missed; and of which
    conversations it has asked, from where."""
    answers, asked = [*answers], []

    def answer():
        for ask in raw.frames():
            if ask["type"] == "history":
                asked.append((ask["conversation"], ask["rev"]))
                raw.send(answers.pop(0) | {"ref": ask["ref"]})

    with Client.connect(*raw.address, DEADLINE) as bot:
        raw.accept()
        raw.send(welcome(room="", name="bot", members=[], account=account, protocol=2, ref=1))
        bot.join("bot")
        raw.send(*frames, END)
        answering = Thread(target=answer)
        answering.start()
        items = []
        for item in bot.follow(Cursor(path)):
            if getattr(item, "name", "") == "eve":
                break
            if isinstance(item, Message):
                items.append(item.seq)
    answering.join()
    raw.hang_up()
    return items, asked


def places(path):
    return {place: at["rev"] for place, at in json.loads(path.read_text()).items()}


def test_what_comes_before_the_list_hides_nothing_that_was_missed(raw, path):
    items, asked = followed(raw, path, [said(9), overview(BOB)], [missed(6, 7, 8, 9)])
    assert (items, asked) == ([6, 7, 8, 9], [("c", 5)])
    assert places(path) == {"@c": 9}


def test_what_comes_before_a_later_list_hides_nothing_either(raw, path):
    """As after a login: the first list is a guest's."""
    items, asked = followed(raw, path, [overview(more=True), said(9), overview(BOB)], [missed(6, 7, 8, 9)])
    assert (items, asked) == ([6, 7, 8, 9], [("c", 5)])


def test_what_a_list_with_more_does_not_name_is_asked_for(raw, path):
    path.write_text(json.dumps({"@c": PLACE | {"rev": 9}, "@d": PLACE, "@gone": PLACE}))
    answers = [missed(6, 7, talk="d"), error("conversation_gone")]
    items, asked = followed(raw, path, [overview(BOB, more=True)], answers)
    assert (items, asked) == ([6, 7], [("d", 5), ("gone", 5)])
    assert places(path) == {"@c": 9, "@d": 7}


def test_while_the_conversations_cannot_be_read_nothing_is_passed_and_nothing_told_twice(raw, path):
    unread, off = overview(more=True), error("history_off")
    assert followed(raw, path, [unread]) == ([], [])
    assert places(path) == {"@c": 5}
    assert followed(raw, path, [unread, said(9)], [off]) == ([9], [("c", 5)])
    assert places(path) == {"@c": 5}
    items, asked = followed(raw, path, [unread, said(9), said(10)], [off, missed(6, 7, 8, 9, 10)])
    assert (items, asked) == ([9, 6, 7, 8, 10], [("c", 5), ("c", 5)])
    assert places(path) == {"@c": 10}


def test_conversations_that_have_ended_are_forgotten_by_a_list_of_all(raw, path):
    path.write_text(json.dumps({"lobby": PLACE, "@c": PLACE | {"rev": 9}, "@guest": PLACE}))
    followed(raw, path, [overview(more=True)])
    assert places(path) == {"lobby": 5, "@c": 9, "@guest": 5}
    followed(raw, path, [overview(BOB)])
    assert places(path) == {"lobby": 5, "@c": 9}


def test_what_a_guest_is_told_of_says_nothing_of_the_account_that_logs_in_later(raw, path):
    followed(raw, path, [overview()], account="")
    assert places(path) == {"@c": 5}
