"""The client library: what one has read, all that one takes part in, and cursors that the server keeps."""

import pytest
from kit.programs import Believer, without_plugins

from greenchat.client import Client, Cursor, RefusedError
from greenchat.client.cursor import SAVE_SECONDS
from greenchat.protocol.events import EPOCH, Ended, Message, Read
from greenchat.protocol.replies import CursorPlace, HistoryPage, RoomState
from greenchat.testing import DEADLINE, serving


@pytest.fixture
def living(tmp_path):
    settings = without_plugins("accounts") | {"plugins.history.replay": 20}
    return lambda: serving(Believer(), settings=settings, data_dir=tmp_path)


def connect(server, name, **join):
    client = server.peers.enter_context(Client.connect(server.host, server.port))
    client.join(name, **{"login": "yes"} | join)
    return client


def say(client, *texts):
    return [client.confirm(client.say(text, "lobby")).seq for text in texts]


def until(client, kind):
    """The next item of this kind."""
    while True:
        items = client.receive(DEADLINE)
        assert items, f"no {kind.__name__} came"
        for item in items:
            if isinstance(item, kind):
                return item


def test_what_one_reads_comes_to_ones_other_devices(living):
    with living() as server:
        laptop, bob = connect(server, "ada"), connect(server, "bob")
        say(bob, "one", "ada, two")
        phone = connect(server, "ada")
        assert (phone.welcome.read, phone.welcome.unread, phone.welcome.mentions) == (0, 2, 1)
        phone.confirm(phone.say("/ping"))
        assert phone.conversations.rooms == [RoomState("lobby", 2, 2, 0, 2, 1)]
        assert phone.conversations.direct == []
        laptop.confirm(laptop.read("lobby", 1))
        assert until(phone, Read) == Read("lobby", 1)
        ref = laptop.read("cellar", 1)
        with pytest.raises(RefusedError, match="You are not in cellar"):
            laptop.confirm(ref)
        assert laptop.pending == {}


def test_no_replay_is_asked_for_by_the_client(living):
    with living() as server:
        say(connect(server, "ada"), "one")
        quiet, usual = connect(server, "bot", replay=False), connect(server, "eve")
        for client in (quiet, usual):
            client.confirm(client.say("/ping"))
        pages = [[item for item in client.receive(0) if isinstance(item, HistoryPage)] for client in (quiet, usual)]
        assert [len(told) for told in pages] == [0, 1]


def test_a_cursor_is_kept_by_the_server(living):
    with living() as server:
        bot = connect(server, "bot")
        bot.keep_cursor("mine", "lobby", "e", 3)
        bot.keep_cursor("mine", "garden", "e", 4, 5, EPOCH.replace(year=2026))
        assert bot.cursor("mine") == [
            CursorPlace("garden", "", "e", 4, 5, EPOCH.replace(year=2026)),
            CursorPlace("lobby", "", "e", 3),
        ]
        bot.keep_cursor("mine", "lobby", "", 0)
        assert [place.room for place in bot.cursor("mine")] == ["garden"]
        with pytest.raises(RefusedError, match="32 characters"):
            bot.cursor("x" * 33)


def followed(server, last):
    """What a bot is told that has nothing but the name of its cursor, up to the message `last`, which it is not done
    with."""
    texts = []
    bot = connect(server, "bot", replay=False)
    following = bot.follow(Cursor.on_server("mine"))
    for item in following:
        if isinstance(item, Message):
            texts.append(item.text)
        if texts[-1:] == [last]:
            break
    following.close()
    bot.close()
    return texts


def test_a_bot_that_is_started_again_goes_on_where_it_was(living):
    with living() as server:
        ada, bot = connect(server, "ada"), connect(server, "bot")
        say(ada, "before")
        assert [*bot.catch_up("lobby", Cursor.on_server("mine"))] == []
        bot.close()
        say(ada, "one", "two", "three")
        assert followed(server, "two") == ["one", "two"]
        assert followed(server, "three") == ["two", "three"], "it was not done with two"
        say(ada, "four")
    with living() as server:
        ada = connect(server, "ada")
        say(ada, "five")
        assert followed(server, "five") == ["three", "four", "five"]


def test_it_is_kept_also_while_nothing_comes_and_not_with_each_message(living):
    with living() as server:
        ada, bot = connect(server, "ada"), connect(server, "bot")
        watcher = connect(server, "bot")
        cursor, texts = Cursor.on_server("mine"), [f"{number}" for number in range(50)]
        [*bot.catch_up("lobby", cursor)]
        seqs = say(ada, *texts)
        saved = []
        keep = bot.keep_cursor
        bot.keep_cursor = lambda *arguments, **more: (saved.append(arguments), keep(*arguments, **more))
        following = bot.follow(cursor)
        for item in following:
            if isinstance(item, Message) and item.text == texts[-1]:
                break
        say(ada, "-")
        next(following)
        assert len(saved) < 10
        assert cursor.due is None or cursor.due <= SAVE_SECONDS
        cursor.save()
        assert [place.rev for place in watcher.cursor("mine")] == [seqs[-1]]


def test_guests_are_told_that_the_server_keeps_none(living):
    with living() as server, Client.connect(server.host, server.port) as guest:
        guest.join("guest")
        with pytest.raises(RefusedError, match="Log in first"):
            next(guest.follow(Cursor.on_server("mine")))


def test_conversations_that_have_ended_leave_room_in_a_cursor_for_others(living, monkeypatch):
    monkeypatch.setattr("greenchat.storage.cursors.MOST_PLACES", 3)
    with living() as server:
        bot, guests = connect(server, "bot"), [connect(server, name, login="") for name in ("ann", "ben")]
        cursor = Cursor.on_server("mine")
        [*bot.catch_up("lobby", cursor)]
        for guest in guests:
            talk = guest.confirm(guest.say("Hi!", to="bot")).conversation
            [*bot.catch_up("", cursor, conversation=talk)]
        assert len(bot.cursor("mine")) == 3
        for guest in guests:
            guest.leave()
            until(bot, Ended)
        bot.close()
        again, eve = connect(server, "bot"), connect(server, "eve", login="")
        cursor, texts = Cursor.on_server("mine"), []
        talk = eve.confirm(eve.say("Hello!", to="bot")).conversation
        for item in again.follow(cursor):
            texts += [item.text] if isinstance(item, Message) else []
            if texts == ["Hello!", "Bye!"]:
                break
            if texts == ["Hello!"]:
                eve.confirm(eve.say("Bye!", conversation=talk))
        cursor.save()
        assert [place.conversation for place in again.cursor("mine")] == [talk, ""]
