"""The client library: messages are answered, changed, deleted and reacted to, and one catches up by a cursor."""

import pytest

from greenchat import Deleted, Edited, Message, Reacted
from greenchat.client import Client, Cursor, PlainClient, RefusedError
from greenchat.testing import serving


def connect(server, name):
    client = Client.connect(server.host, server.port)
    client.join(name)
    return client


def told(client, kind):
    """The next of this kind."""
    while True:
        for item in client.receive():
            if isinstance(item, kind):
                return item


def test_changes_and_their_answers(tmp_path):
    with serving(data_dir=tmp_path) as server, connect(server, "ada") as ada, connect(server, "bob") as bob:
        assert ada.confirm(ada.say("Helo!", "lobby")).rev == 1
        assert bob.confirm(bob.say("Hi.", "lobby", reply_to=1)).rev == 2
        assert told(ada, Message).reply_to == 1
        assert ada.confirm(ada.edit("lobby", 1, "Hello!")).rev == 3
        assert told(bob, Edited).text == "Hello!"
        assert bob.confirm(bob.react("lobby", 1, "👍")).rev == 4
        assert told(ada, Reacted).on
        bob.confirm(bob.react("lobby", 1, "👍", on=False))
        bob.confirm(bob.delete("lobby", 2))
        assert told(ada, Deleted).seq == 2
        with pytest.raises(RefusedError) as refused:
            bob.confirm(bob.edit("lobby", 1, "Mine."))
        assert refused.value.code == "not_allowed"


def test_a_bot_that_survives_restarts_by_a_cursor(tmp_path):
    read, cursor = {}, None
    for number in range(3):
        with serving(data_dir=tmp_path) as server:
            with connect(server, "ada") as ada:
                for text in "abc":
                    ada.confirm(ada.say(f"{text}{number}", "lobby"))
                ada.confirm(ada.edit("lobby", 3 * number + 2, f"B{number}"))
            with connect(server, "bot") as bot:
                more = True
                cursor = cursor or Cursor(bot.cursors["lobby"].epoch, 0)
                while more:
                    page = bot.catch_up("lobby", cursor, limit=2)
                    assert not page.anew
                    read.update((event.seq, event.text) for event in page.events)
                    cursor, more = Cursor(page.epoch, page.rev), page.more
                assert cursor == bot.cursors["lobby"]
    assert [read[seq] for seq in sorted(read)] == [f"{text}{number}" for number in range(3) for text in "aBc"]


def test_a_cursor_moves_with_what_is_told(tmp_path):
    with serving(data_dir=tmp_path) as server, connect(server, "ada") as ada, connect(server, "bob") as bob:
        epoch = bob.cursors["lobby"].epoch
        assert bob.cursors == {"lobby": Cursor(epoch, 0)}
        ada.confirm(ada.say("Helo!", "lobby"))
        told(bob, Message)
        assert bob.cursors == {"lobby": Cursor(epoch, 1)}
        ada.confirm(ada.delete("lobby", 1))
        told(bob, Deleted)
        assert bob.cursors == {"lobby": Cursor(epoch, 2)}
        (gone,) = bob.catch_up("lobby", Cursor(epoch, 1)).events
        assert (gone.seq, gone.by) == (1, "ada")
        assert bob.catch_up("lobby", Cursor("another", 1)).anew


def test_plain_frames_have_no_numbers(tmp_path):
    with serving() as server, PlainClient.connect(server.host, server.port) as ada:
        ada.join("ada")
        for refused in (
            lambda: ada.edit("", 1, "x"),
            lambda: ada.delete("", 1),
            lambda: ada.react("", 1, "👍"),
            lambda: ada.say("x", reply_to=1),
            lambda: ada.catch_up("", Cursor("x", 1)),
        ):
            with pytest.raises(RefusedError):
                refused()
