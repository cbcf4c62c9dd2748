"""Wherever in its stream a decoder is, another one can go on; and what it has read can be carried."""

import pytest
from greenchat_plugins.web.websocket import ControlPing, Failed, WebSocketCodec
from hypothesis import strategies as st
from kit.properties import any_of, for_all

from greenchat.codecs.jsonlines import JsonCodec
from greenchat.codecs.lines import SKIP_BYTES
from greenchat.codecs.plain import PlainCodec
from greenchat.protocol.requests import Hangup, Invalid, Ping, Say, Unknown
from greenchat.protocol.runs import Says
from greenchat.protocol.vocabulary import REQUESTS
from greenchat.session.carried import decode_frames, encode_frames

LIMIT = 40
CODECS = {"plain": PlainCodec(), "json": JsonCodec()}
LINES = st.sampled_from(
    [
        b"MSG|hi\n",
        "MSG|grüße 😀\r\n".encode(),
        b"JOIN|ada\n",
        b"\n",
        b"\r\n",
        b'{"type":"say","text":"hi"}\n',
        '{"type":"say","text":"ß"}\r\n'.encode(),
        b"{}\n",
        b"\xff\n",
        b"x" * LIMIT + b"\r\n",
        b"x" * (LIMIT + 1) + b"\n",
        b"x" * (SKIP_BYTES + 10),
        b"GET / HTTP/1.1\n",
        b"  \t\n",
    ]
)


@pytest.mark.parametrize("name", CODECS)
@for_all(st.lists(LINES | st.binary(max_size=5), max_size=6), st.data())
def test_another_decoder_goes_on_wherever_one_was(name, lines, data):
    codec = CODECS[name]
    stream = b"".join(lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, min(len(stream), 300)), max_size=6)))
    uncut, decoder = codec.request_decoder(LIMIT), codec.request_decoder(LIMIT)
    expected, found = [], []
    for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        expected += uncut.feed(stream[start:stop])
        found += decoder.feed(stream[start:stop])
        state, decoder = decoder.state(), codec.request_decoder(LIMIT)
        decoder.restore(state)
    assert found == expected


@pytest.mark.parametrize("state", [b"", b"\xc1", b"\x90"])
@pytest.mark.parametrize("codec", [*CODECS.values(), WebSocketCodec()], ids=lambda codec: codec.name)
def test_what_is_no_state_is_refused(codec, state):
    with pytest.raises(ValueError, match=r"."):
        codec.request_decoder(LIMIT).restore(state)


@for_all(st.lists(any_of(REQUESTS), max_size=3))
def test_all_that_a_client_can_ask_can_be_carried(frames):
    assert decode_frames(encode_frames(frames), JsonCodec()) == frames


def test_what_decoders_make_besides_can_be_carried():
    frames = [Hangup(), Unknown("x", "y", 2**70), Invalid("malformed", "no", "r", True), Ping(2**70), Say("hi")]
    assert decode_frames(encode_frames(frames), PlainCodec()) == frames
    own = [ControlPing(answer=b"\x8a\x01x"), Failed(code="malformed", text="why")]
    assert decode_frames(encode_frames(own), WebSocketCodec()) == own
    for run in Says(["a", "b"], "lobby", [1, None]), Says(["a"]):
        found = decode_frames(encode_frames(run), PlainCodec())
        assert type(found) is Says
        assert (found.texts, found.room, list(found.refs)) == (run.texts, run.room, list(run.refs))
