"""The client library in conversations of two: all that one does in rooms, and what one has missed there."""

import pytest
from kit.programs import Believer, without_plugins

from greenchat.client import Client, Cursor, RefusedError
from greenchat.protocol.events import Deleted, Edited, Ended, Message, Reacted, Read
from greenchat.protocol.replies import Conversations, Welcome
from greenchat.testing import DEADLINE, serving


@pytest.fixture
def living(tmp_path):
    return lambda: serving(Believer(), settings=without_plugins("accounts", "history"), data_dir=tmp_path)


def connect(server, name, login="yes", **join):
    client = server.peers.enter_context(Client.connect(server.host, server.port))
    client.join(name, login=login, **join)
    return client


def until(client, kind):
    """The next item of this kind."""
    while True:
        items = client.receive(DEADLINE)
        assert items, f"no {kind.__name__} came"
        for item in items:
            if isinstance(item, kind):
                return item


def write(client, to, *texts):
    """Say this to somebody alone; the answers."""
    return [client.confirm(client.say(text, to=to)) for text in texts]


def test_all_that_one_does_in_rooms(living):
    with living() as server:
        ada, bob = connect(server, "ada"), connect(server, "bob")
        assert ada.overview().direct == []
        one, two = write(bob, "ada", "one", "two")
        place = one.conversation
        assert until(ada, Message).text == "one"
        phone = connect(server, "ada")
        (state,) = phone.overview().direct
        assert (state.conversation, state.with_, state.seq, state.read, state.unread) == (place, "bob", 2, 0, 2)
        phone.confirm(phone.read("", 1, conversation=place))
        assert until(ada, Read) == Read("", 1, place)
        bob.confirm(bob.edit("", 1, "One!", conversation=place))
        assert (until(ada, Edited).text, until(phone, Edited).conversation) == ("One!", place)
        ada.confirm(ada.react("", 2, "👍", conversation=place))
        assert until(bob, Reacted).emoji == "👍"
        ada.confirm(ada.react("", 2, "👍", False, conversation=place))
        answer = ada.confirm(ada.say("Three?", conversation=place, reply_to=2))
        bob.confirm(bob.delete("", 2, conversation=place))
        assert until(ada, Deleted).seq == 2
        page = ada.history(conversation=place)
        assert [(event.seq, getattr(event, "text", None)) for event in page.events] == [
            (1, "One!"),
            (2, None),
            (3, "Three?"),
        ]
        assert (page.room, page.conversation, page.with_, page.events[-1].own) == ("", place, "bob", True)
        newer = ada.history(conversation=place, rev=answer.rev, epoch=ada.overview().epoch)
        assert [type(event) for event in newer.events] == [Deleted]
        with pytest.raises(RefusedError) as refused:
            ada.history(conversation="none-of-mine")
        assert refused.value.code == "conversation_gone"
        assert two.seq == 2


@pytest.mark.parametrize("keep", ["file", "server"])
def test_what_was_written_to_a_bot_meanwhile_comes_once_over_restarts(living, tmp_path, keep):
    def followed(server, last):
        """What a bot is told, up to this one, with which it is not done."""
        texts = []
        bot = connect(server, "bot")
        following = bot.follow(Cursor(tmp_path / "bot.cursor") if keep == "file" else Cursor.on_server("mine"))
        for item in following:
            if isinstance(item, Message):
                texts.append(item.text)
            elif isinstance(item, Deleted):
                texts.append(f"{item.seq} is gone")
            elif isinstance(item, Welcome | Conversations) and not last:
                texts.append(type(item).__name__)
            if texts[-1:] == [last or "Conversations"]:
                if not last:
                    write(connect(server, "ada"), "bot", "one")
                    last = "one"
                    continue
                break
        following.close()
        bot.close()
        return [text for text in texts if text not in ("Welcome", "Conversations")]

    with living() as server:
        ada, bot = connect(server, "ada"), connect(server, "bot")
        write(ada, "bot", "before its time")
        bot.close()
        assert followed(server, "") == ["one"]
        ask, *_ = write(ada, "bot", "two", "three")
        ada.confirm(ada.edit("", 1, "Before!", conversation=ask.conversation))
        ada.confirm(ada.delete("", ask.seq, conversation=ask.conversation))
        write(connect(server, "eve"), "bot", "I am new", "last")
    with living() as server:
        told = followed(server, "last")
        eves = told.index("I am new")
        of_ada = [*told[:eves], *told[eves + 2 :]]
        assert told[eves : eves + 2] == ["I am new", "last"]
        assert of_ada in (["one", "three", "Before!", "3 is gone"], []), told
        write(connect(server, "ada"), "bot", "end")
        told = followed(server, "end")
        assert told[-1:] == ["end"]
        assert "I am new" not in told


def test_a_conversation_with_a_guest_ends_and_the_cursor_forgets_it(living, tmp_path):
    with living() as server:
        bot, cursor = connect(server, "bot"), Cursor(tmp_path / "bot.cursor")
        following = bot.follow(cursor)
        guest = connect(server, "guest", login="")
        place = write(guest, "bot", "one")[0].conversation
        assert next(item for item in following if isinstance(item, Message)).text == "one"
        write(guest, "bot", "two")
        assert next(item for item in following if isinstance(item, Message)).text == "two"
        assert f"@{place}" in cursor
        guest.leave()
        assert next(item for item in following if isinstance(item, Ended)).with_ == "guest"
        connect(server, "ada")
        next(following)
        assert f"@{place}" not in cursor


def test_an_answer_in_a_conversation_is_said_again_by_who_comes_back(living):
    with living() as server:
        ada, bob = connect(server, "ada"), connect(server, "bob")
        place = write(bob, "ada", "one")[0].conversation
        ada.overview()
        ada._connection.send = lambda data: None  # it goes nowhere
        ref = ada.say("Gladly.", conversation=place, reply_to=1)
        ada.close()
        again = server.peers.enter_context(Client.connect(server.host, server.port))
        again.resume(ada.token)
        again.overview()
        new = again.repeat(ada)
        assert again.confirm(new[ref]).conversation == place
        assert until(bob, Message).reply_to == 1
