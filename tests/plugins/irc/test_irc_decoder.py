"""Bytes of clients to requests: the corpus in tests/frames/, and whatever hypothesis can think of."""

import json
from itertools import pairwise

import msgspec
import pytest
from greenchat_plugins.irc.client import Client
from greenchat_plugins.irc.decoder import Decoder
from hypothesis import strategies as st
from kit import TESTS
from kit.properties import for_all

CORPUS = sorted((TESTS / "frames").glob("*/irc-*.txt"))
MOST_CUTS = 300  # of one file: more would only take longer


def feed(decoder, data, cuts=()):
    """All frames of `data`, fed in pieces that end at `cuts`."""
    edges = [0, *sorted(cuts), len(data)]
    return [frame for start, end in pairwise(edges) for frame in decoder.feed(data[start:end])]


def describe(frame):
    """A frame as the corpus writes it down."""
    fields = msgspec.to_builtins(frame)
    if fields["type"] == "invalid":
        fields.pop("text")
    return fields


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_corpus(path):
    data = path.read_bytes()
    case = json.loads(path.with_suffix(".json").read_text())

    def frames(cuts=()):
        client = msgspec.convert(case["client"], Client)
        return [describe(frame) for frame in feed(Decoder(client, lambda *_: True), data, cuts)]

    assert frames() == case["frames"]
    assert frames(range(1, len(data))) == case["frames"], "fed byte by byte"
    for cut in range(0, len(data), 1 + len(data) // MOST_CUTS):
        assert frames([cut]) == case["frames"], f"cut before byte {cut}"


VERBS = st.sampled_from(
    [
        *("CAP", "NICK", "USER", "PASS", "AUTHENTICATE", "REGISTER", "PING", "PONG", "QUIT", "nick", "roll"),
        *("PRIVMSG", "NOTICE", "TAGMSG", "BATCH", "REDACT", "CHATHISTORY", "MARKREAD", "MONITOR"),
        *("JOIN", "PART", "MODE", "KICK", "INVITE", "TOPIC", "WHO", "WHOIS", "AWAY"),
    ]
)
WORDS = st.text(max_size=8) | st.sampled_from(
    [
        *("ada", "#a", "#b", "#a,#b", "bob,#a", "*", "0", "50", ":", ":a", ":a\tb", "!", "~", "+b", "-o+k"),
        *("+1", "-1", "draft/multiline", "PLAIN", "AGFkYQBz", "LS", "302", "REQ", "END", "\x01ACTION\x01"),
        *("LATEST", "BETWEEN", "TARGETS", "timestamp=2026-01-01T00:00:00.000Z", "timestamp=x"),
        *("msgid=abc-1", "msgid=abc-²"),
    ]
)
TAGS = st.sampled_from(
    ["", "@label=1 ", "@batch=1 ", "@+draft/reply=x-1;+draft/react=👍 ", "@;=; ", "@batch=1;label=2 "]
)
LINES_OF_IRC = st.builds(
    lambda tags, verb, words, end: f"{tags}{verb} {' '.join(words)}{end}".encode(errors="replace"),
    TAGS,
    VERBS | st.text(max_size=4),
    st.lists(WORDS, max_size=5),
    st.sampled_from(["\r\n", "\n", "\r"]),
)
BYTES = st.lists(LINES_OF_IRC | st.binary(max_size=20), max_size=12).map(b"".join)


@for_all(BYTES, st.lists(st.integers(0, 400), max_size=4), st.booleans(), st.booleans())
def test_anything_at_all(data, cuts, is_in, caps):
    """It is read the same way in whatever pieces it comes, and when another process takes over in between."""

    def begun():
        client = Client(nick="ada", user="ada", name="ada", is_registered=True) if is_in else Client()
        client.caps = frozenset({"labeled-response", "batch", "sasl"} if caps else ())
        return Decoder(client, lambda *_: True)

    whole = [describe(frame) for frame in feed(begun(), data)]
    cuts = [cut for cut in cuts if cut <= len(data)]
    assert [describe(frame) for frame in feed(begun(), data, cuts)] == whole
    at = cuts[0] if cuts else 0
    first, second = begun(), begun()
    before = [*first.feed(data[:at])]
    second.restore(first.state())
    assert [describe(frame) for frame in [*before, *second.feed(data[at:])]] == whole
