"""The words that people read: there are some for everything that they are told, and they fit their kind of client."""

import json
import socket
from datetime import UTC, datetime

import pytest

from greenchat.codecs.advice import BY_BROWSER, BY_CLIENT, BY_HAND, in_full
from greenchat.codecs.plain import PlainCodec
from greenchat.codecs.wording import Line, plain, rich
from greenchat.errors import Advice, Reject, sendable
from greenchat.protocol import vocabulary
from greenchat.protocol.events import Ended, Event, Joined, Left, Message, Read
from greenchat.protocol.replies import Answer, Error, HistoryPage, SearchResults, Welcome
from greenchat.testing import serving

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "kind",
    [kind.type for kind in vocabulary.EVENTS if kind.told is not vocabulary.Told.NOBODY and kind.type is not Read],
)
def test_each_kind_of_event_has_its_sentence(kind):
    functions = (plain, rich)
    assert any(function.dispatch(kind) is not function.dispatch(object) for function in functions)


def test_what_has_no_words_is_no_line():
    class Odd(Event, frozen=True):
        """A plugin's own."""

    assert not [*rich(Odd())]
    assert PlainCodec().encode(Odd()) == b""


def test_a_plugins_kind_of_answer_has_the_words_of_all_answers():
    class Dice(Answer, frozen=True, kw_only=True, tag="dice"):
        eyes: int

    assert [*rich(Dice(lines=["a", "b"], eyes=3))] == [Line("a"), Line("b")]


def test_nobody_who_says_something_is_taken_for_the_server():
    said = Message("lobby", 1, 1, "", "The server is closing.", NOON)
    assert [*plain(said)] == [Line("The server is closing.", "")]
    assert PlainCodec().encode(said) == b"MSG||The server is closing.\n"


def test_who_knows_rooms_reads_where_somebody_went():
    assert [*plain(Left("lobby", "ada", "went to garden", NOON))] == [Line("ada has left the chat.")]
    assert [*rich(Left("lobby", "ada", "went to garden", NOON))] == [Line("ada went to garden.")]
    assert [*rich(Left("lobby", "ada", "left", NOON))] == [Line("ada has left the room.")]
    assert [*rich(Left("lobby", "ada", "kicked", NOON))] == [Line("ada has left the room (kicked).")]


def test_who_knows_conversations_reads_that_one_has_ended():
    ended = Ended("c1", "ada", "ada has left the chat.")
    assert [*plain(ended)] == []
    assert [*rich(ended)] == [Line("ada has left the chat. Your conversation with ada has ended.")]


def test_who_knows_roles_reads_who_keeps_order_and_who_is_away():
    welcome = Welcome("ada", "lobby", ["ada", "bob"], 0, {}, "x", roles={"bob": "owner"}, away={"bob": "lunch"})
    assert [*plain(welcome)] == [Line("Welcome to lobby, ada. Here is bob.")]
    assert [*rich(welcome)] == [*plain(welcome), Line("Owner: bob. Away: bob (lunch).")]


def test_an_action_and_a_private_message():
    assert [*plain(Message("lobby", 1, 1, "ada", "waves", NOON, True))] == [Line("* ada waves", "ada")]
    assert [*rich(Message("", 1, 2, "ada", "hi", NOON, conversation="x", with_="ada"))] == [Line("hi", "ada (private)")]


def test_a_page_of_what_was_said():
    said = [Joined("lobby", "ada", NOON), *(Message("lobby", n, n, "ada", str(n), NOON) for n in (1, 2))]
    assert [line.text for line in plain(HistoryPage("lobby", said))] == [
        "The last 2 messages in lobby, since 2026-01-31 12:00 UTC:",
        "ada has joined the chat.",
        "1",
        "2",
        "That was before, until 2026-01-31 12:00 UTC.",
    ]
    assert [*plain(HistoryPage("lobby", []))] == [], "nobody has asked for it"
    assert [*plain(HistoryPage("lobby", [], ref=1))] == [Line("Nothing was said here before.")]


@pytest.mark.parametrize(
    ("count", "more", "by_plain", "by_rich"),
    [
        (0, False, "Nothing was found with tea.", "Nothing was found with tea."),
        (1, False, "1 message with tea. That is all.", "1 message with tea."),
        (2, True, "2 messages with tea. The latest of them are these.", "These are the latest 2 messages with tea."),
    ],
)
def test_what_was_found(count, more, by_plain, by_rich):
    found = SearchResults("tea", [Message("lobby", n, n, "ada", f"tea {n}", NOON) for n in range(count)], more)
    *lines, last = plain(found)
    assert last == Line(by_plain)
    assert [line.text for line in lines] == [f"2026-01-31 12:00 UTC in lobby, ada: tea {n}" for n in range(count)]
    *lines, last = rich(found)
    assert last == Line(by_rich)
    assert [line.text[-5:] for line in lines] == [f"tea {n}" for n in reversed(range(count))], "the latest comes last"


# --- what to do ---


@pytest.mark.parametrize("how", [BY_HAND, BY_CLIENT, BY_BROWSER])
def test_each_kind_of_client_has_all_advice(how):
    assert set(how) == set(Advice)


def test_only_who_writes_frames_by_hand_is_told_of_frames():
    for how in (BY_CLIENT, BY_BROWSER):
        assert not any("|" in sentence or "<username>" in sentence for sentence in how.values())


def test_advice_follows_the_text_in_the_words_of_the_client():
    verdict = Reject("You are in no room.", "room_required", Advice.ENTER_ROOM)
    verdict.by = "rooms"
    told = in_full(verdict, BY_HAND, "ada")
    assert (told.text, told.code, told.by) == (
        "You are in no room. Send JOIN|ada, or MSG|/join ROOM",
        "room_required",
        "rooms",
    )
    assert in_full(verdict, BY_CLIENT, "ada").text == "You are in no room. /join ROOM leads into one."
    assert in_full(Reject("No."), BY_HAND).text == "No."
    braces = in_full(verdict, BY_HAND, "{line}{0}")
    assert braces.text == "You are in no room. Send JOIN|{line}{0}, or MSG|/join ROOM", "a name is no template"


def test_a_plugins_own_kind_of_reject_keeps_its_advice():
    class Mine(Reject):
        pass

    assert sendable(Mine("No.", "not_joined", Advice.JOIN_FIRST)).advice is Advice.JOIN_FIRST
    assert sendable(Mine("No.", "odd", "join")).advice is None  # type: ignore[arg-type]


class Speaker:
    """Sends requests in JSON Lines or in plain frames, and reads what is refused."""

    def __init__(self, peer, by_hand):
        self.peer, self.by_hand = peer, by_hand

    def refused(self, frame, request):
        self.peer.send(frame if self.by_hand else json.dumps(request))
        return self.error()

    def error(self):
        while line := self.peer.read():
            if self.by_hand and line.startswith("ERROR|"):
                return line.removeprefix("ERROR|")
            if not self.by_hand and (told := json.loads(line))["type"] == "error":
                return told["text"]
        raise AssertionError("the server has closed")


# What goes wrong, and what is said of it: to who writes frames by hand, and to who does not.
MISTAKES = [
    (
        ("MSG|early", {"type": "say", "text": "early"}),
        "You have not joined yet. Send JOIN|<username> first.",
        "You have not joined yet. Join first.",
    ),
    (
        ("JOIN|", {"type": "join", "name": ""}),
        "A username is missing. Send JOIN|<username> or JOIN|<username>|<room>.",
        "A username is missing. Choose one.",
    ),
    (
        ("DANCE", {"type": "DANCE"}),
        "'DANCE' is no frame type. Send JOIN|<username>, MSG|<text> or LEAVE.",
        "'DANCE' is no frame type. PROTOCOL.md has all that there are.",
    ),
    (
        ("MSG|a\x07b", {"type": "say", "text": "a\x07b"}),
        "The frame has control characters. Send plain text, a frame for each line.",
        "The text has control characters. Send plain text.",
    ),
]


@pytest.mark.parametrize("by_hand", [True, False], ids=["plain", "json"])
def test_what_to_do_is_said_in_words_that_fit(by_hand):
    with serving() as server:
        for (frame, request), to_hands, to_clients in MISTAKES:
            speaker = Speaker(server.connect(), by_hand)
            assert speaker.refused(frame, request) == (to_hands if by_hand else to_clients)


@pytest.mark.parametrize("by_hand", [True, False], ids=["plain", "json"])
def test_the_pass_phrase(by_hand):
    with serving(settings={"server.password": "open sesame"}) as server:
        told = Speaker(server.connect(), by_hand).refused("JOIN|ada", {"type": "join", "name": "ada"})
        if by_hand:
            assert told == "This chat has a pass phrase. Say MSG|/password PHRASE first, or send it with a JSON join."
        else:
            assert told == "This chat has a pass phrase. Join with it; whoever invited you knows it."


@pytest.mark.parametrize("by_hand", [True, False], ids=["plain", "json"])
def test_who_comes_too_late(by_hand):
    with serving(settings={"limits.join_seconds": 0.2}) as server:
        peer = server.connect()
        told = Speaker(peer, by_hand).refused("DANCE", {"type": "DANCE"})
        assert "no frame type" in told
        told = Speaker(peer, by_hand).error()
        how = "Connect again and send JOIN|<username>." if by_hand else "Connect again and join."
        assert told == f"You have not joined in time. {how}"


def test_a_browser_that_is_turned_away_is_answered_in_http_and_told_what_to_do():
    with serving(settings={"limits.connections": 1}) as server, socket.create_connection((server.host, server.port)):
        peer = server.connect()
        peer.socket.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert peer.read().rstrip() == "HTTP/1.1 503 Service Unavailable"
        assert peer.read_until("The server is full. Try again later.")


def test_an_error_is_marked_as_one():
    assert [*plain(Error("full", "The server is full."))] == [Line("The server is full.", error=True)]
