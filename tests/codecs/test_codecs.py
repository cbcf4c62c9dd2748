"""Bytes to frames and back: the corpus in tests/frames/, round trips, and whatever hypothesis can think of."""

import gc
import json
from datetime import UTC, datetime
from itertools import pairwise

import msgspec
import pytest
from hypothesis import strategies as st
from kit import TESTS
from kit.properties import ANY_TEXT, LINES, TEXT, any_of, for_all

from greenchat.codecs.jsonlines import JsonCodec
from greenchat.codecs.lines import SKIP_BYTES, LineBuffer
from greenchat.codecs.plain import PlainCodec
from greenchat.codecs.wording import NEWCOMERS_SHOWN
from greenchat.config.schema import Limits
from greenchat.protocol import vocabulary
from greenchat.protocol.events import (
    EPOCH,
    Away,
    Edited,
    Invited,
    Joined,
    Left,
    Message,
    Notice,
    Renamed,
    Role,
    Topic,
)
from greenchat.protocol.replies import Ack, Answer, Error, HistoryPage, SearchResults, Welcome
from greenchat.protocol.requests import History, Invalid, Join, Leave, Ping, Pong, Say, Unknown
from greenchat.protocol.runs import Messages, Says
from greenchat.protocol.text import FORBIDDEN
from greenchat.protocol.vocabulary import Request

PLAIN, JSON = PlainCodec(), JsonCodec()
CODECS = pytest.mark.parametrize("codec", [PLAIN, JSON], ids=lambda codec: codec.name)
CORPUS = sorted(path for path in (TESTS / "frames").glob("*/*.txt") if not path.name.startswith("irc-"))  # a plugin's
MOST_CUTS = 1000  # of one file: more would only take longer


def feed(decoder, data, cuts=()):
    """All frames of `data`, fed in pieces that end at `cuts`."""
    edges = [0, *sorted(cuts), len(data)]
    return [frame for start, end in pairwise(edges) for frame in decoder.feed(data[start:end])]


def describe(frame):
    """A frame as the corpus writes it down."""
    fields = msgspec.to_builtins(frame)
    if isinstance(frame, Invalid):
        assert fields.pop("text"), "an error without a reason"
    if isinstance(frame, Message) and frame.time == EPOCH:
        return {name: fields[name] for name in ("type", "sender", "text")}
    return fields


# --- the corpus ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_corpus(path):
    data = path.read_bytes()
    case = json.loads(path.with_suffix(".json").read_text())
    language, direction, _ = path.stem.split("-", 2)
    codec = {"plain": PLAIN, "json": JSON}[language]

    def frames(cuts=()):
        limit = case.get("frame_bytes", Limits().frame_bytes)
        decoder = {"request": lambda: codec.request_decoder(limit), "reply": codec.reply_decoder}[direction]()
        return [describe(frame) for frame in feed(decoder, data, cuts)]

    assert frames() == case["frames"]
    assert frames(range(1, len(data))) == case["frames"], "fed byte by byte"
    for cut in range(0, len(data), 1 + len(data) // MOST_CUTS):
        assert frames([cut]) == case["frames"], f"cut before byte {cut}"


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_corpus_is_sorted_into_valid_and_invalid(path):
    frames = json.loads(path.with_suffix(".json").read_text())["frames"]
    troubled = any(frame["type"] in ("invalid", "unknown") for frame in frames)
    assert path.parent.name == ("invalid" if troubled else "valid")


def test_corpus_is_complete():
    files = {path for path in (TESTS / "frames").glob("*/*") if not path.name.startswith("irc-")}
    assert files == {path.with_suffix(suffix) for path in CORPUS for suffix in (".txt", ".json")}
    kinds = {(path.parent.name, *path.stem.split("-")[:2]) for path in CORPUS}
    assert len(kinds) == 8, "both codecs, both directions, valid and invalid"


@pytest.mark.parametrize(("direction", "kinds"), [("request", vocabulary.REQUESTS), ("reply", vocabulary.SENT)])
def test_corpus_has_every_kind_of_the_vocabulary(direction, kinds):
    cases = [json.loads(path.read_text()) for path in (TESTS / "frames" / "valid").glob(f"json-{direction}-*.json")]
    assert {frame["type"] for case in cases for frame in case["frames"]} == vocabulary.tags(kinds)


# --- what is too big for a file --------------------------------------------------------------------------------------


@CODECS
def test_ten_thousand_frames_in_one_feed(codec):
    frames = [Join("alice"), *(Say(f"message {n} | {n}") for n in range(10_000)), Leave()]
    data = b"".join(map(codec.encode_request, frames))
    assert codec.request_decoder(4096).feed(data) == frames
    assert feed(codec.request_decoder(4096), data, range(0, len(data), 65536)) == frames


@CODECS
@pytest.mark.parametrize("size", [7, 1000, 65536])
def test_an_endless_line_is_reported_once_and_is_fatal_once(codec, size):
    decoder, piece = codec.request_decoder(64), b"x" * size
    reports = []
    for fed in range(size, SKIP_BYTES + 2 * size, size):
        reports.extend((fed, frame) for frame in decoder.feed(piece))
    (early, first), (late, second) = reports
    assert (first.code, first.fatal) == ("too_long", False)
    assert 64 < early <= 64 + size, "reported as soon as it is known"
    assert (second.code, second.fatal) == ("too_long", True)
    assert SKIP_BYTES < late <= SKIP_BYTES + size
    assert decoder.feed(b"x\n" + codec.encode_request(Say("too late"))) == [], "nothing follows what is fatal"
    assert decoder.feed(codec.encode_request(Say("too late"))) == []


@CODECS
def test_an_endless_line_in_one_feed(codec):
    frames = codec.request_decoder(64).feed(b"x" * (SKIP_BYTES + 1))
    assert [(frame.code, frame.fatal) for frame in frames] == [("too_long", False), ("too_long", True)]


@CODECS
def test_an_end_that_comes_too_late_is_none(codec):
    decoder = codec.request_decoder(64)
    decoder.feed(b"x" * SKIP_BYTES)
    (frame,) = decoder.feed(b"x\n" + codec.encode_request(Say("too late")))
    assert (frame.code, frame.fatal) == ("too_long", True)


@CODECS
def test_a_very_long_line_that_ends_in_time_is_not_fatal(codec):
    decoder = codec.request_decoder(64)
    data = b"x" * SKIP_BYTES + b"\n" + codec.encode_request(Say("ok"))
    frames = feed(decoder, data, range(0, len(data), 65536))
    assert frames == [Invalid("too_long", frames[0].text), Say("ok")]


@CODECS
def test_too_long_says_how_long_it_may_be(codec):
    (frame,) = codec.request_decoder(64).feed(b"x" * 100)
    assert "64 bytes" in frame.text


@pytest.mark.parametrize("opening", [b"[", b'{"type":"ping","x":', b'{"type":"dance","x":', b'{"a":'])
def test_deep_nesting_is_refused(opening):
    data = b"[" * 200_000 if opening == b"[" else opening + b"[" * 200_000
    frames = JSON.request_decoder(0).feed(data + b"\n" + JSON.encode_request(Say("ok")))
    assert [describe(frame) for frame in frames] == [{"type": "invalid", "code": "malformed"}, describe(Say("ok"))]
    assert [type(frame) for frame in JSON.reply_decoder().feed(data + b"\n")] == [Invalid]


# --- whatever arrives ------------------------------------------------------------------------------------------------

# Bytes as a client of either language might send them, well or badly.
TOKENS = [
    b"MSG|",
    b"msg|",
    b"JOIN|",
    b"LEAVE",
    b"|",
    b"a",
    b" ",
    b"\t",
    b"x" * 11,
    b"\n",
    b"\n",
    b"\nMSG|",
    b"\r",
    b"\r\n",
]
BAD_TOKENS = [b"\0", b"\x1b", b"\x7f", b"\xc2\x9b", b"\xe2\x80\xa8", b"\xff", b"\xe4\xb8", b"\x96", b"\xc0\x8a"]
JSON_TOKENS = [
    b'{"type":"say","text":"',
    b'"}',
    b'{"type":"ping","ref":',
    b"}",
    b"{",
    b'"',
    b"1e9",
    b"\\u0007",
    b"\\r\\n",
    b"\\ud800",
    b"[" * 9,
]


def stream(tokens):
    return st.lists(st.sampled_from(tokens) | st.binary(max_size=3), max_size=30).map(b"".join)


STREAMS = stream(TOKENS + BAD_TOKENS) | stream(TOKENS + JSON_TOKENS) | stream(TOKENS + BAD_TOKENS + JSON_TOKENS)
LIMITS = st.sampled_from([0, 1, 8, 15, 16, 40])
CUTS = st.lists(st.integers(0, 400), max_size=8)


@CODECS
@for_all(STREAMS, LIMITS, CUTS)
def test_any_bytes_are_requests_however_they_are_cut(codec, data, limit, cuts):
    whole = feed(codec.request_decoder(limit), data)
    assert all(isinstance(frame, Request) for frame in whole)
    assert feed(codec.request_decoder(limit), data, [cut for cut in cuts if cut < len(data)]) == whole
    assert feed(codec.request_decoder(limit), data, range(1, len(data))) == whole


@CODECS
@for_all(STREAMS, CUTS)
def test_a_client_survives_any_bytes_however_they_are_cut(codec, data, cuts):
    whole = feed(codec.reply_decoder(), data)
    assert feed(codec.reply_decoder(), data, [cut for cut in cuts if cut < len(data)]) == whole
    assert feed(codec.reply_decoder(), data, range(1, len(data))) == whole


@CODECS
@for_all(STREAMS, LIMITS)
def test_no_text_with_control_characters_gets_through(codec, data, limit):
    for frame in feed(codec.request_decoder(limit), data):
        if isinstance(frame, Say):
            assert not any(map(FORBIDDEN.search, frame.text.split("\n") if codec is JSON else [frame.text]))


@CODECS
@for_all(STREAMS, st.sampled_from([1, 8, 40]))
def test_a_bad_line_spoils_no_other(codec, data, limit):
    decoder = codec.request_decoder(limit)
    decoder.feed(data + b"\n")
    assert decoder.feed(b"LEAVE\n{}\n") == codec.request_decoder(limit).feed(b"LEAVE\n{}\n")


@for_all(
    stream([b"MSG|", b"\nMSG|", b"\n", b"a", b"x" * 11, b"\t", b"|", b"\x07", b"\x7f", b"LEAVE", "é".encode()]), LIMITS
)
def test_the_fast_way_of_plain_gives_what_the_slow_way_gives(data, limit):
    data = data.replace(b"\r", b"")
    slow = data.replace(b"\n", b"\r\n")  # any \r sends a chunk the slow way
    assert feed(PLAIN.request_decoder(limit), data + b"\n") == feed(PLAIN.request_decoder(limit), slow + b"\r\n")


@for_all(
    stream(
        [b'{"type":"say","text":"a"}', b'{"type":"ping"}', b"\n", b"\n", b"{}", b"{", b"}", b" ", b"x" * 41, b"\x7f"]
    ),
    LIMITS,
)
def test_the_fast_way_of_json_gives_what_the_slow_way_gives(data, limit):
    slow = b"".join(line + b"\n\n" for line in data.split(b"\n"))  # an empty line sends a chunk the slow way
    assert feed(JSON.request_decoder(limit), data + b"\n") == feed(JSON.request_decoder(limit), slow)


@for_all(st.lists(stream(TOKENS) | st.binary(max_size=100), max_size=20), st.integers(1, 40))
def test_no_more_is_kept_than_one_frame(chunks, limit):
    buffer = LineBuffer(limit)
    for chunk in chunks:
        buffer.feed(chunk)
        kept = [thing for thing in gc.get_referents(buffer) if isinstance(thing, bytes)]
        assert sum(map(len, kept)) <= limit + 1


# --- round trips -----------------------------------------------------------------------------------------------------

WORD = TEXT.map(lambda text: text.replace("|", ""))

PLAIN_REQUESTS = (
    st.builds(Say, TEXT)
    | st.builds(Join, WORD, TEXT)
    | st.just(Leave())
    | st.builds(Unknown, WORD.map(lambda word: f"x{word}"), TEXT)
)
UNKNOWN = st.builds(
    lambda ref: Unknown("dance", json.dumps({"type": "dance", "ref": ref}), ref), st.none() | st.integers() | ANY_TEXT
)
JSON_REQUESTS = any_of(vocabulary.REQUESTS) | UNKNOWN
JSON_REPLIES = any_of(vocabulary.SENT)
PLAIN_REPLIES = (
    st.builds(lambda sender, text: Message("", 0, 0, sender, text, EPOCH), WORD, TEXT)
    | st.builds(Notice, TEXT)
    | st.builds(lambda text: Error("", text), TEXT)
)


@pytest.mark.parametrize(
    ("codec", "one_request"), [(PLAIN, PLAIN_REQUESTS), (JSON, JSON_REQUESTS)], ids=["plain", "json"]
)
def test_requests_come_through(codec, one_request):
    @for_all(st.lists(one_request, max_size=5))
    def round_trip(requests):
        data = b"".join(map(codec.encode_request, requests))
        assert data.count(b"\n") == len(requests)
        assert codec.request_decoder(0).feed(data) == requests

    round_trip()


@pytest.mark.parametrize(("codec", "one_reply"), [(PLAIN, PLAIN_REPLIES), (JSON, JSON_REPLIES)], ids=["plain", "json"])
def test_replies_come_through(codec, one_reply):
    @for_all(st.lists(one_reply, max_size=5))
    def round_trip(replies):
        data = b"".join(map(codec.encode, replies))
        assert data.count(b"\n") == len(replies)
        assert codec.reply_decoder().feed(data) == replies

    round_trip()


@CODECS
@for_all(WORD, st.lists(TEXT | LINES, min_size=1, max_size=5))
def test_a_run_is_its_messages(codec, sender, texts):
    now = datetime(2026, 1, 31, 12, tzinfo=UTC)
    messages = [Message("lobby", seq, 1000 + seq, sender, text, now) for seq, text in enumerate(texts, start=1)]
    run = Messages("lobby", 1, 1001, sender, texts, now)
    assert run == messages
    assert codec.encode_run(run) == b"".join(map(codec.encode, messages))


@CODECS
def test_acks_together_are_acks(codec):
    acks = [Ack("a", 1, 1001), Ack(2, 2, 1002), Ack("command"), Ack("d", conversation="x", with_="bob")]
    assert codec.encode_acks(acks) == b"".join(map(codec.encode, acks))


# Parts of a read: whatever is in it, and however it is cut, it is decoded as if each line had come alone.
PARTS = st.sampled_from(
    [
        "hi",
        "",
        " ",
        "\t/x",
        "/x",
        "//x",
        "é",
        "αβγ",
        "🎉",
        "\u2028",
        "\u202e",
        "\x85",
        "…",
        "\u200b",
        "\x7f",
        "\r",
        "a\nb",
        "a|b",
        "MSG|",
    ]
)


@for_all(st.lists(st.tuples(st.sampled_from(["MSG|", "msg|", "", "LEAVE"]), PARTS), min_size=1, max_size=6))
def test_a_plain_read_is_its_lines(lines):
    lines = [(kind, text) for kind, text in lines if "\n" not in text]
    lines = [f"{kind}{text}\n".encode() for kind, text in lines]
    alone = [frame for line in lines for frame in PLAIN.request_decoder(100).feed(line)]
    assert list(PLAIN.request_decoder(100).feed(b"".join(lines))) == alone


@for_all(
    st.lists(
        st.fixed_dictionaries(
            {"type": st.sampled_from(["say", "say", "say", "ping"]), "text": PARTS},
            optional={
                "ref": st.integers(0, 3) | st.none(),
                "room": st.sampled_from(["", "a"]),
                "to": st.sampled_from(["", "bob"]),
                "key": st.sampled_from(["", "k1", "no key"]),
            },
        ),
        min_size=1,
        max_size=6,
    ),
    st.booleans(),
)
def test_a_json_read_is_its_lines(frames, escaped):
    lines = [json.dumps(frame, ensure_ascii=escaped).encode() + b"\n" for frame in frames]
    alone = [frame for line in lines for frame in JSON.request_decoder(200).feed(line)]
    assert list(JSON.request_decoder(200).feed(b"".join(lines))) == alone


@pytest.mark.parametrize("codec", [PLAIN, JSON], ids=["plain", "json"])
@pytest.mark.parametrize("texts", [["hello", "2"], ["γεια", "σου"], ["🎉", "hi"], ["(x)", "…"]])
def test_messages_alone_are_a_run(codec, texts):
    data = b"".join(codec.encode_request(Say(text)) for text in texts)
    assert type(codec.request_decoder(100).feed(data)) is Says


def test_what_is_not_utf8_is_refused_also_in_the_middle_of_a_read():
    said = PLAIN.request_decoder(100).feed(b"MSG|one\nMSG|\xff\xfe\nMSG|three\n")
    assert [type(frame) for frame in said] == [Say, Invalid, Say]


@pytest.mark.parametrize("codec", [PLAIN, JSON], ids=["plain", "json"])
def test_what_cannot_be_asked_is_not_sent(codec):
    with pytest.raises(ValueError, match="Invalid"):
        codec.encode_request(Invalid("control", "x"))
    with pytest.raises(ValueError, match="History"):
        PLAIN.encode_request(History())


# --- what plain clients see ------------------------------------------------------------------------------------------

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("reply", "line"),
    [
        (Message("lobby", 1, 1, "alice", "a|b", NOON), "MSG|alice|a|b"),
        (Message("lobby", 1, 1, "alice", "waves", NOON, action=True), "MSG|alice|* alice waves"),
        (Message("lobby", 1, 1, "alice", "a\n\nMSG|bob|b", NOON), "MSG|alice|a\nMSG|alice|\nMSG|alice|MSG|bob|b"),
        (Message("lobby", 1, 1, "alice", "sings\nla", NOON, action=True), "MSG|alice|* alice sings\nMSG|alice|la"),
        (Message("lobby", 2, 2, "alice", "a\nb", NOON, reply_to=1), "MSG|alice|(to message 1) a\nMSG|alice|b"),
        (
            Message("", 1, 2, "alice", "a\nb", NOON, conversation="x", with_="alice"),
            "MSG|alice (private)|a\nMSG|alice (private)|b",
        ),
        (Edited("lobby", 1, 2, "a\nb", "alice", NOON), "INFO|alice has changed message 1: a …"),
        (Notice("a\nMSG|bob|b"), "INFO|a?MSG|bob|b"),
        (Message("", 1, 2, "alice", "psst", NOON, conversation="x", with_="alice"), "MSG|alice (private)|psst"),
        (
            Message("", 1, 2, "alice", "winks", NOON, True, conversation="x", with_="alice"),
            "MSG|alice (private)|* alice winks",
        ),
        (Joined("lobby", "alice", NOON), "INFO|alice has joined the chat."),
        (Left("lobby", "alice", "connection lost", NOON), "INFO|alice has left the chat."),
        (Renamed("lobby", "alice", "al", NOON), "INFO|alice is now known as al."),
        (Topic("lobby", "Roses", "bo", NOON), "INFO|bo has set the topic: Roses"),
        (Topic("lobby", "", "bo", NOON), "INFO|bo has cleared the topic."),
        (Away("lobby", "bo", "lunch", NOON), "INFO|bo is away: lunch"),
        (Away("lobby", "bo", "", NOON), "INFO|bo is back."),
        (Role("lobby", "bo", "operator", NOON), "INFO|bo is an operator now."),
        (Role("lobby", "bo", "owner", NOON), "INFO|bo is the owner of lobby now."),
        (Role("lobby", "bo", "", NOON), "INFO|bo is neither operator nor owner now."),
        (Invited("garden", "bo", NOON), "INFO|bo invites you to garden. Type /join garden"),
        (Notice("Back soon.", "lobby"), "INFO|Back soon."),
        (Error("name_taken", "Taken.", 7), "ERROR|Taken."),
        (Welcome("al", "lobby", ["al"], 0, {}, "x"), "INFO|Welcome to lobby, al. Nobody else is here yet."),
        (Welcome("al", "lobby", ["al", "bo"], 0, {}, "x", "Hint."), "INFO|Welcome to lobby, al. Here is bo. Hint."),
        (Welcome("al", "lobby", ["bo", "cy", "al"], 0, {}, "x"), "INFO|Welcome to lobby, al. Here are bo, cy."),
        (
            Welcome("al", "lobby", ["al", "bo"], 0, {}, "x", topic="Roses"),
            "INFO|Welcome to lobby, al. Here is bo. The topic is: Roses",
        ),
        (HistoryPage("lobby", []), ""),
        (HistoryPage("lobby", [], ref=""), "INFO|Nothing was said here before."),
        (
            HistoryPage("lobby", [Message("lobby", 1, 1, "al", "hi", NOON), Message("lobby", 2, 2, "bo", "ho", NOON)]),
            "INFO|The last 2 messages in lobby, since 2026-01-31 12:00 UTC:\nMSG|al|hi\nMSG|bo|ho\n"
            "INFO|That was before, until 2026-01-31 12:00 UTC.",
        ),
        (
            SearchResults("ro", [Message("lobby", 1, 1, "al", "roses", NOON)]),
            "INFO|2026-01-31 12:00 UTC in lobby, al: roses\nINFO|1 message with ro. That is all.",
        ),
        (SearchResults("ro", []), "INFO|Nothing was found with ro."),
        (Answer(lines=["one", "two\x1b"]), "INFO|one\nINFO|two?"),
    ],
    ids=lambda thing: type(thing).__name__ if not isinstance(thing, str) else "",
)
def test_plain_lines(reply, line):
    assert PLAIN.encode(reply) == (f"{line}\n".encode() if line else b"")


def test_a_welcome_into_a_crowd_is_one_short_line():
    members = [f"user{n}" for n in range(1000)]
    line = PLAIN.encode(Welcome("user999", "lobby", members, 0, {}, "x")).decode()
    assert line.endswith(f"user{NEWCOMERS_SHOWN - 1} and {999 - NEWCOMERS_SHOWN} more.\n")
    assert len(line) < 200


@pytest.mark.parametrize("reply", [Ack(1, 1, 1), Ping(1), Pong(1)], ids=lambda reply: type(reply).__name__)
def test_plain_has_no_word_for_what_its_clients_did_not_ask(reply):
    assert PLAIN.encode(reply) == b""
