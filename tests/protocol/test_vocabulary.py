"""The vocabulary: every kind of event, request and answer is in it once, and all others take their lists from it."""

from collections import Counter

import pytest

import greenchat
from greenchat.protocol import vocabulary
from greenchat.protocol.events import Event, Message, Notice, Private
from greenchat.protocol.replies import Ack, Answer
from greenchat.protocol.requests import Frame, Invalid, Unknown
from greenchat.protocol.vocabulary import EVENTS, REPLIES, REQUESTS, SENT, Told

EVENT_TYPES = [kind.type for kind in EVENTS]


def kinds_of_the_core(root):
    return {kind for kind in root.__subclasses__() if kind.__module__.startswith("greenchat.protocol.")}


def test_every_kind_of_event_is_in_it_once():
    assert set(EVENT_TYPES) == kinds_of_the_core(Event)
    assert max(Counter(EVENT_TYPES).values()) == 1


def test_every_kind_of_request_and_answer_is_in_it_once():
    """Some are for codecs alone; the root of what commands answer is for plugins."""
    assert {*REQUESTS, *REPLIES} == kinds_of_the_core(Frame) - {Unknown, Invalid, Answer}
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
    assert vocabulary.room_of(Private("ada", "bob", "psst")) == ""
    assert vocabulary.room_of(Ack(1)) == ""
