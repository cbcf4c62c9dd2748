"""A program that follows its conversations, on a server that tells of them late, or not of all of them."""

import json

import pytest
from kit.peers import RawServer, event, message, page, welcome

from greenchat.client import Client, Cursor
from greenchat.protocol.events import Deleted, Message
from greenchat.testing import DEADLINE

PLACE = {"epoch": "e", "rev": 5, "id": 105, "time": "2026-01-31T11:00:00Z"}
BOB = {"conversation": "c", "with": "bob", "seq": 9, "rev": 9, "read": 0, "unread": 9}


def overview(*direct, **more):
    return {"type": "conversations", "rooms": [], "epoch": "e", "direct": direct} | more


def said(seq, talk="c"):
    return message(seq, f"{seq}", room="", conversation=talk, rev=seq, **{"with": "bob"})


def missed(ref, *seqs, talk="c"):
    events = [said(seq, talk) for seq in seqs]
    return page(*events, room="", ref=ref, conversation=talk, epoch="e", rev=max(seqs, default=5), **{"with": "bob"})


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


def followed(raw, path, *frames):
    """What a bot is told by all that the server says; and of which conversations it has asked from where."""
    with Client.connect(*raw.address, DEADLINE) as bot:
        raw.accept()
        raw.send(welcome(room="", name="bot", members=[], account="bot", protocol=2, ref=1))
        bot.join("bot")
        raw.send(*frames, END)
        items = []
        for item in bot.follow(Cursor(path)):
            if getattr(item, "name", "") == "eve":
                break
            if isinstance(item, Message | Deleted):
                items.append(item.seq)
        bot.close()
    asked = [json.loads(line) for line in raw.read_end().splitlines()]
    return items, [(ask["conversation"], ask["rev"]) for ask in asked if ask["type"] == "history"]


def places(path):
    return {place: at["rev"] for place, at in json.loads(path.read_text()).items()}


def test_what_comes_before_the_list_hides_nothing_that_was_missed(raw, path):
    items, asked = followed(raw, path, said(9), overview(BOB), missed(2, 6, 7, 8, 9))
    assert (items, asked) == ([6, 7, 8, 9], [("c", 5)])
    assert places(path) == {"@c": 9}


def test_what_comes_before_a_later_list_hides_nothing_either(raw, path):
    """As after a login: the first list is a guest's."""
    later = (said(9), overview(BOB), missed(2, 6, 7, 8, 9))
    items, asked = followed(raw, path, overview(more=True), *later)
    assert (items, asked) == ([6, 7, 8, 9], [("c", 5)])
