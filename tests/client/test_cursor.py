"""A program that misses nothing while it is not there: how it goes on from its cursor."""

import json
from contextlib import ExitStack
from datetime import datetime

import pytest
from kit.peers import RawServer, event, message, page
from kit.programs import Anybody, account_id, without_plugins

from greenchat import Account, hookimpl
from greenchat.client import Client, Cursor, CursorError, RefusedError
from greenchat.protocol.events import Deleted, Edited, Message, Reacted
from greenchat.testing import serving


class Believer(Anybody):
    """Logs in whoever says that they do."""

    @hookimpl
    def greenchat_request(self, session, frame):
        if getattr(frame, "login", ""):
            if self.accounts.find(frame.name) is None:
                self.accounts.add(Account(account_id(frame.name), frame.name, frame.name))
            session.log_in(frame.name, account_id(frame.name))
        return False


@pytest.fixture
def connect():
    """`connect(name, room)`: one more connection of somebody who is logged in."""
    with serving(Believer(), settings=without_plugins("accounts", "history")) as server, ExitStack() as clients:

        def connect(name, room="lobby"):
            client = clients.enter_context(Client.connect(server.host, server.port))
            client.join(name, room, login="yes")
            return client

        yield connect


@pytest.fixture
def path(tmp_path):
    return tmp_path / "bot.cursor"


def told(items):
    """What was told of messages, in short."""
    short = []
    for item in items:
        match item:
            case Message(text=text):
                short.append(text)
            case Edited(seq=seq, text=text):
                short.append(f"{seq}: {text}")
            case Deleted(seq=seq):
                short.append(f"{seq} is gone")
            case Reacted(seq=seq, emoji=emoji, on=on):
                short.append(f"{seq} {'+' if on else '-'}{emoji}")
    return short


def followed(bot, path, last):
    """What it is told from its cursor on, up to the message `last`, with which it is done."""
    items = []
    for item in bot.follow(Cursor(path)):
        if items and items[-1:] == [last]:
            break
        items += told([item])
    return items


def say(client, *texts, room="lobby"):
    return [client.confirm(client.say(text, room)) for text in texts]


# --- with the real server --------------------------------------------------------------------------------------------


def test_what_was_said_and_changed_meanwhile_comes_once_and_as_it_is_now(connect, path):
    ada, bot = connect("ada"), connect("bot")
    assert [*bot.catch_up("lobby", Cursor(path))] == [], "it begins with what is said from now on"
    say(ada, "one", "two", "three", "-", "more")
    assert followed(bot, path, "-") == ["one", "two", "three", "-"]
    bot.close()
    ada.confirm(ada.edit("lobby", 1, "ONE"))
    ada.confirm(ada.delete("lobby", 2))
    say(ada, "four", "five")
    ada.confirm(ada.edit("lobby", 6, "FOUR"))
    ada.confirm(ada.react("lobby", 3, "🌷"))
    bot = connect("bot")
    missed = [*bot.catch_up("lobby", Cursor(path))]
    assert told(missed) == ["more", "ONE", "2 is gone", "five", "FOUR", "three"]
    assert missed[-1].reactions == {"🌷": ["ada"]}
    assert [*bot.catch_up("lobby", Cursor(path))] == []


def test_the_present_begins_right_behind_it(connect, path):
    ada, bot = connect("ada"), connect("bot")
    [*bot.catch_up("lobby", Cursor(path))]
    bot.close()
    say(ada, "one")
    bot = connect("bot")
    say(ada, "two")  # which comes to the bot by itself, and is among what it has missed
    missed = bot.catch_up("lobby", Cursor(path))
    assert told(missed) == ["one", "two"]
    ada.confirm(ada.react("lobby", 1, "🌷"))
    ada.confirm(ada.edit("lobby", 2, "TWO"))
    say(ada, "-")
    items = []
    for item in bot:
        items += told([item])
        if items[-1:] == ["-"]:
            break
    assert items == ["1 +🌷", "2: TWO", "-"]


def test_it_goes_on_behind_what_it_was_done_with(connect, path):
    ada, bot = connect("ada"), connect("bot")
    [*bot.catch_up("lobby", Cursor(path))]
    bot.close()
    say(ada, "one", "two", "three", "four")
    for begun in (["one"], ["one", "two"], ["two", "three"], ["three", "four"]):
        bot = connect("bot")
        assert told(item for _, item in zip(begun, bot.follow(Cursor(path)), strict=False)) == begun
        bot.close()


def test_rooms_have_places_of_their_own(connect, path):
    ada, bot = connect("ada"), connect("bot")
    ada.enter("garden")
    assert [*bot.catch_up("lobby", Cursor(path))] == []
    bot.enter("garden")
    assert [*bot.catch_up("Garden", Cursor(path))] == [], "however that is spelt"
    bot.close()
    say(ada, "one")
    say(ada, "roses", room="garden")
    bot = connect("bot", None)
    say(ada, "two")
    say(ada, "tulips", "-", "-", room="garden")
    items = followed(bot, path, "-")
    assert [item for item in items if item in ("one", "two")] == ["one", "two"]
    assert [item for item in items if item not in ("one", "two")] == ["roses", "tulips", "-"]


def test_a_room_that_one_comes_into_later(connect, path):
    ada, bot = connect("ada"), connect("bot")
    ada.enter("garden")
    items = []
    say(ada, "come")
    for item in bot.follow(Cursor(path)):
        items += told([item])
        if items == ["come"]:
            bot.enter("garden")
            say(ada, "roses", "-", room="garden")
        if items[-1:] == ["-"]:
            break
    assert items == ["come", "roses", "-"]


def test_without_a_file_it_lasts_as_long_as_the_program(connect):
    cursor = Cursor()
    ada, bot = connect("ada"), connect("bot")
    [*bot.catch_up("lobby", cursor)]
    bot.close()
    say(ada, "one")
    assert told(connect("bot").catch_up("lobby", cursor)) == ["one"]


# --- where the server cannot tell, or says strange things ------------------------------------------------------------


@pytest.fixture
def raw():
    with RawServer() as server:
        yield server


PLACE = {"epoch": "old", "rev": 5, "id": 103, "time": "2026-01-31T12:00:03Z"}


def at(second):
    return f"2026-01-31T12:00:{second:02}Z"


def said(seq, rev=0, **more):
    return message(seq, f"{seq}", time=at(seq), rev=rev or seq, **more)


def gone(seq, rev, second):
    return {"type": "deleted", "room": "lobby", "seq": seq, "rev": rev, "by": "bob", "time": at(second)}


def caught_up(raw, path, *pages):
    """What a bot with that cursor is told by these answers of the server; and what it has asked for."""
    if not path.exists():
        path.write_text(json.dumps({"lobby": PLACE}))
    with Client.connect(*raw.address) as bot:
        raw.accept()
        raw.welcome("bot")
        bot.join("bot")
        raw.send(*({"ref": ref, **answer} for ref, answer in enumerate(pages, 2)))
        items = told(bot.catch_up("lobby", Cursor(path)))
        assert raw.read()["type"] == "join"
        asked = [raw.read() for _ in pages]
    return items, [{key: ask[key] for key in ask if key in ("rev", "epoch", "since", "after")} for ask in asked]


def test_page_by_page(raw, path):
    items, asked = caught_up(
        raw,
        path,
        page(said(4, 6), gone(2, 7, 9), rev=7, epoch="old", more=True),
        page(said(3, 9), rev=11, epoch="old"),
    )
    assert items == ["4", "2 is gone", "3"]
    assert asked == [{"epoch": "old", "rev": 5}, {"epoch": "old", "rev": 7}]
    assert json.loads(path.read_text()) == {"lobby": {"epoch": "old", "rev": 11, "id": 104, "time": at(9)}}


def test_an_epoch_that_the_server_does_not_know(raw, path):
    """Messages 1 to 3 are known, and so is the change of 1; 9 is said while the bot reads what came before."""
    first = said(1, edited=at(2))
    second = said(2, edited=at(7))
    latest = page(first, second, gone(3, 3, 8), said(7), said(8), anew=True, more=True, rev=8, epoch="new")
    items, asked = caught_up(
        raw,
        path,
        latest,
        page(first, second, gone(3, 3, 8), said(4), said(5), more=True),
        page(said(6), said(7), more=True),
        page(said(8), said(9)),
        page(said(9), said(4, 10), rev=10, epoch="new"),
    )
    assert items == ["2", "3 is gone", "4", "5", "6", "7", "8", "9", "4"]
    since = datetime.fromisoformat(PLACE["time"])
    assert datetime.fromisoformat(asked[1].pop("since")) < since, "clocks are set back at times"
    assert asked == [{"epoch": "old", "rev": 5}, {}, {"after": 5}, {"after": 7}, {"epoch": "new", "rev": 8}]
    assert json.loads(path.read_text()) == {"lobby": {"epoch": "new", "rev": 10, "id": 109, "time": at(9)}}


def test_one_is_too_far_behind(raw, path):
    """The epoch is the same: what has reactions, and did not have them then, has changed."""
    items, _ = caught_up(
        raw,
        path,
        page(said(2, 8, reactions={"🌷": ["ada"]}), said(3, 5), said(5), anew=True, rev=8, epoch="old"),
        page(said(3, 5), said(4, 6), said(5, 7)),
        page(rev=8, epoch="old"),
    )
    assert items == ["2", "4", "5"]


def test_where_no_history_is_kept_it_is_what_the_server_remembers(raw, path):
    no_history = {"type": "error", "code": "no_history", "text": "This server keeps no history."}
    items, _ = caught_up(
        raw,
        path,
        page(said(1), said(2, id=105), anew=True, rev=2, epoch="new"),
        no_history,
        page(rev=2, epoch="new"),
    )
    assert items == ["2"], "numbers of messages begin anew there, and their ids do not"


def test_a_server_that_knows_no_epochs(raw, path):
    with pytest.raises(RefusedError) as refusal:
        caught_up(raw, path, page(said(4)))
    assert refusal.value.code == "no_history"


def test_what_was_told_before_one_came_and_what_comes_meanwhile_is_told_once(raw, path):
    path.write_text(json.dumps({"lobby": PLACE}))
    with Client.connect(*raw.address) as bot:
        raw.accept()
        raw.welcome("bot")
        bot.join("bot")
        edited = event("edited", seq=4, rev=7, text="4", by="bob")
        raw.send(
            page(said(3), said(4)),
            said(5, 8),
            page(said(4, 7), said(5, 8), rev=8, epoch="old", ref=2),
            edited,
            said(6, 9),
            event("joined", name="eve"),
        )
        items = []
        for item in bot.follow(Cursor(path)):
            items.append(item)
            if getattr(item, "name", "") == "eve":
                break
        assert told(items) == ["4", "5", "6"]


@pytest.mark.parametrize("data", [b"", b"[]", b'{"lobby": 1}', b"\xff"])
def test_a_file_that_is_no_cursor(path, data):
    path.write_bytes(data)
    with pytest.raises(CursorError, match=r"bot\.cursor is no cursor"):
        Cursor(path)


def test_the_file_is_for_its_program_alone_and_whole_at_each_moment(raw, path):
    path.with_name("bot.cursor.new").write_text("half a curs")
    caught_up(raw, path, page(said(4, 6), rev=6, epoch="old"))
    assert [file.name for file in path.parent.iterdir()] == ["bot.cursor"]
    assert path.stat().st_mode & 0o077 == 0
