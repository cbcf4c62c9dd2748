"""The client library, where what was said is answered, changed, deleted and reacted to: with the real server."""

from contextlib import ExitStack

import pytest

from greenchat.client import Client, PlainClient, RefusedError
from greenchat.protocol.events import Change, Deleted, Edited, Message, Reacted
from greenchat.testing import DEADLINE


@pytest.fixture
def connect(server):
    """`connect(name)`: a client that has joined."""
    with ExitStack() as clients:

        def connect(name, kind=Client):
            client = clients.enter_context(kind.connect(server.host, server.port))
            client.join(name)
            return client

        yield connect


def until(client, kind):
    """What comes up to an item of this kind, with it."""
    items = []
    while not any(isinstance(item, kind) for item in items):
        new = client.receive(DEADLINE)
        assert new, f"no {kind.__name__} came"
        items += new
    return items


def test_an_answer_names_what_it_answers(connect):
    ada, bob = connect("ada"), connect("bob")
    first = ada.confirm(ada.say("Shall we?"))
    second = bob.confirm(bob.say("We shall.", "lobby", reply_to=first.seq))
    *_, answer = until(ada, Message)
    assert (answer.text, answer.seq, answer.reply_to, answer.rev) == ("We shall.", second.seq, first.seq, second.rev)
    with pytest.raises(RefusedError) as refusal:
        bob.confirm(bob.say("Or not.", "lobby", reply_to=99))
    assert refusal.value.code == "unknown_message"


def test_all_in_the_room_are_told_of_a_change_and_who_makes_it_before_the_answer(connect):
    ada, bob = connect("ada"), connect("bob")
    said = ada.confirm(ada.say("Helo"))
    changes = [
        (ada.edit("lobby", said.seq, "Hello"), Edited, {"text": "Hello", "by": "ada"}),
        (ada.react("lobby", said.seq, "🌷"), Reacted, {"emoji": "🌷", "on": True}),
        (ada.react("lobby", said.seq, "🌷", False), Reacted, {"emoji": "🌷", "on": False}),
        (ada.delete("lobby", said.seq), Deleted, {"by": "ada"}),
    ]
    assert [*ada.pending.values()] == ["Hello", "🌷", "🌷", ""], "until they are answered"
    answers = [ada.confirm(ref) for ref, *_ in changes]
    assert ada.pending == {}
    told = [item for item in until(bob, Deleted) if isinstance(item, Change)]
    assert [item for item in ada.receive(0) if isinstance(item, Change)] == told
    assert [(answer.seq, answer.rev) for answer in answers] == [(said.seq, item.rev) for item in told]
    for item, (_, kind, fields) in zip(told, changes, strict=True):
        assert isinstance(item, kind)
        assert {name: getattr(item, name) for name in fields} == fields


def test_what_is_refused(connect):
    ada, bob = connect("ada"), connect("bob")
    said = ada.confirm(ada.say("Hello"))
    for ref, code in [
        (bob.edit("lobby", said.seq, "Bye"), "not_allowed"),
        (bob.delete("lobby", said.seq), "not_allowed"),
        (bob.react("lobby", said.seq, "words"), "emoji_invalid"),
        (bob.react("lobby", 99, "🌷"), "unknown_message"),
        (bob.edit("cellar", 1, "Bye"), "not_in_room"),
    ]:
        with pytest.raises(RefusedError) as refusal:
            bob.confirm(ref)
        assert refusal.value.code == code
    assert bob.pending == {}


def test_plain_frames_have_no_numbers(connect):
    ada = connect("ada", PlainClient)
    for change in (
        lambda: ada.say("Hello", reply_to=1),
        lambda: ada.edit("lobby", 1, "Hello"),
        lambda: ada.delete("lobby", 1),
        lambda: ada.react("lobby", 1, "🌷"),
    ):
        with pytest.raises(RefusedError, match="say /"):
            change()
