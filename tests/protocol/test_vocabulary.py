"""The vocabulary: every kind of event, request and answer is in it once, and all others take their lists from it."""

import subprocess
import sys
from collections import Counter

import pytest
from kit import ROOT

import greenchat
from greenchat.codecs import wording
from greenchat.protocol import vocabulary
from greenchat.protocol.events import Ended, Event, Message, Notice, Read
from greenchat.protocol.replies import Ack, Answer
from greenchat.protocol.requests import Frame, Hangup, Invalid, Unknown
from greenchat.protocol.vocabulary import EVENTS, REPLIES, REQUESTS, SENT, Told

# What is told to people without a sentence for plain clients, which cannot do anything about it.
NO_PLAIN_SENTENCE = {Ended}

# What is for programs alone.
NO_SENTENCE = {Read}

EVENT_TYPES = [kind.type for kind in EVENTS]


def kinds_of_the_core(root):
    return {kind for kind in root.__subclasses__() if kind.__module__.startswith("greenchat.protocol.")}


def test_every_kind_of_event_is_in_it_once():
    assert set(EVENT_TYPES) == kinds_of_the_core(Event)
    assert max(Counter(EVENT_TYPES).values()) == 1


def test_every_kind_of_request_and_answer_is_in_it_once():
    """Some are for codecs alone; the root of what commands answer is for plugins."""
    kinds = kinds_of_the_core(Frame) | kinds_of_the_core(Answer)
    assert {*REQUESTS, *REPLIES} == kinds - {Hangup, Unknown, Invalid, Answer}
    assert len(set(REQUESTS)) == len(REQUESTS)
    assert len(set(REPLIES)) == len(REPLIES)


def test_no_two_have_the_same_name_in_one_direction():
    """`history` is a request, and what it is answered."""
    assert len(vocabulary.tags(REQUESTS)) == len(REQUESTS)
    assert len(vocabulary.tags((*EVENT_TYPES, *REPLIES))) == len(EVENT_TYPES) + len(REPLIES)


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.type.__name__)
def test_an_event_is_public_and_what_is_told_in_a_room_names_it(kind):
    assert getattr(greenchat, kind.type.__name__) is kind.type
    if kind.told is Told.ROOM:
        assert "room" in kind.type.__struct_fields__
        assert kind.type in vocabulary.TOLD_IN_ROOMS
    assert (kind.type in SENT) is (kind.told is not Told.NOBODY)


def test_the_room_of_an_event():
    assert vocabulary.room_of(Notice("Tea is ready.", "kitchen")) == "kitchen"
    assert vocabulary.room_of(Message("kitchen", 1, 1, "ada", "Coming!", None)) == "kitchen"
    assert vocabulary.room_of(Notice("Hello.")) == ""
    assert vocabulary.room_of(Message("", 1, 2, "ada", "psst", None, conversation="x", with_="ada")) == ""
    assert vocabulary.room_of(Ack(1)) == ""


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.type.__name__)
def test_what_people_are_told_has_a_sentence(kind):
    told = kind.told is not Told.NOBODY
    plain, rich = kind.type in wording.plain.registry, kind.type in wording.rich.registry
    assert plain is (told and kind.type not in NO_PLAIN_SENTENCE | NO_SENTENCE)
    assert (plain or rich) is (told and kind.type not in NO_SENTENCE)


NEW_KIND = """
import importlib.util, sys
from datetime import UTC, datetime
from pathlib import Path

from greenchat.protocol import events


# 1. Its struct, as events.py would have it.
class Waved(events.Event, frozen=True, gc=False, tag="waved"):
    room: str
    name: str
    time: datetime


# 2. One line more in the table.
spec = importlib.util.find_spec("greenchat.protocol.vocabulary")
table = Path(spec.origin).read_text()
assert table.count("EVENTS = [\\n") == 1
table = table.replace("EVENTS = [\\n", "EVENTS = [\\n    EventKind(Waved, Told.ROOM, words=True),\\n")
vocabulary = importlib.util.module_from_spec(spec)
vocabulary.Waved = Waved
sys.modules[spec.name] = vocabulary
exec(compile(table, spec.origin, "exec"), vars(vocabulary))

# 3. Its sentence.
from greenchat.codecs import wording


@wording.plain.register
def _(waved: Waved):
    return (wording.Line(f"{waved.name} waves."),)


# All else follows.
from greenchat import Command, hookimpl
from greenchat.client import Client
from greenchat.connect.conversation import Conversation
from greenchat.testing import DEADLINE, serving


class Waving:
    @hookimpl
    def greenchat_commands(self):
        def wave(session, argument):
            member = session.require_member()
            member.room.tell_words(Waved(member.room.name, member.name, datetime.now(UTC)), member)

        return [Command("wave", "", "Wave.", wave)]


with serving(Waving()) as server:
    ada, eve = server.join("ada"), server.join("eve")
    ada.expect("INFO|eve has joined the chat.")
    eve.send("MSG|/ignore ada")
    eve.read()
    with Client.connect(server.host, server.port) as bob:
        bob.join("bob")
        talk = Conversation(bob)
        talk.room = "garden"  # where bob looks at the moment
        ada.send("MSG|/wave", "MSG|Hello!")
        ada.expect("INFO|bob has joined the chat.", "INFO|ada waves.")
        eve.expect("INFO|bob has joined the chat.")
        eve.send("MSG|/ping")
        eve.expect("INFO|Pong.")
        come = iter(lambda: bob.receive(DEADLINE), [])
        waved = next(item for items in come for item in items if isinstance(item, Waved))
        assert (waved.room, waved.name) == ("lobby", "ada")
        print(*talk.lines(waved))
"""


def test_a_new_kind_of_event_is_its_struct_one_entry_and_its_sentence():
    """All others know it then: the codecs, the client, the terminal, and who is not told of whom they ignore."""
    done = subprocess.run([sys.executable, "-c", NEW_KIND], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.stdout == "[INFO] [lobby] ada waves.\n", done.stderr
