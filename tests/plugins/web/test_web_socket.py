"""WebSockets: what the protocol says (RFC 6455), case by case, and the chat over them.

The numbers are those of the cases for servers in the Autobahn test suite, after which these are made. Where that has
an echo, here a ping of the chat is answered with its `ref`, in a frame of the same size.
"""

import json
import struct

import pytest
from greenchat_plugins import web
from hypothesis import given
from hypothesis import strategies as st
from kit.sessions import IMPATIENT
from kit.web_peer import BINARY, CLOSE, CONTINUATION, MASK, PING, PONG, TEXT, WebPeer, frame

from greenchat.testing import serving

LIMIT = 100_000
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def server():
    """As people have it, but for longer frames."""
    with serving(web, settings={"limits.frame_bytes": LIMIT}) as running:
        yield running


@pytest.fixture
def peer(server):
    with WebPeer(server) as connected:
        assert connected.status == 101
        yield connected


def sized(size: int, text: str = "*") -> tuple[bytes, bytes]:
    """A ping of the chat of so many bytes, and what answers it."""
    ref = text * ((size - len('{"type":"ping","ref":""}')) // len(text.encode()))
    return tuple(json.dumps({"type": kind, "ref": ref}, separators=(",", ":")).encode() for kind in ("ping", "pong"))


ASK, ANSWER = sized(40)


def still_there(peer: WebPeer) -> None:
    """The connection goes on, and nothing else has come on it."""
    peer.send(TEXT, ASK)
    assert peer.read() == (TEXT, ANSWER)


# --- 1: framing ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [24, 125, 126, 127, 128, 65535, 65536])
@pytest.mark.parametrize("chop", [0, 997])
def test_1_1_texts_of_any_size(peer, size, chop):
    ask, answer = sized(size)
    assert len(ask) == size
    peer.send_bytes(frame(TEXT, ask), chop)
    assert peer.read() == (TEXT, answer)


def test_1_1_1_an_empty_text_is_skipped_like_an_empty_line(peer):
    peer.send(TEXT)
    still_there(peer)


@pytest.mark.parametrize("size", [0, 125, 126, 127, 128, 65535, 65536])
def test_1_2_binary_frames_are_refused(peer, size):
    peer.send(BINARY, bytes(size))
    peer.expect_close(1003, "Send text frames.")


# --- 2: pings and pongs ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("payload", [b"", b"Hello, world!", b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff", b"\xfe" * 125])
@pytest.mark.parametrize("chop", [0, 1])
def test_2_1_to_2_6_a_ping_is_answered_with_its_payload(peer, payload, chop):
    peer.send_bytes(frame(PING, payload), chop)
    assert peer.read() == (PONG, payload)


def test_2_5_a_ping_may_not_have_more_than_125_bytes(peer):
    peer.send(PING, b"\xfe" * 126)
    peer.expect_close(1002)


@pytest.mark.parametrize("payload", [b"", b"unsolicited pong payload"])
def test_2_7_to_2_9_a_pong_that_nobody_asked_for_is_ignored(peer, payload):
    peer.send(PONG, payload)
    peer.send(PING, b"ping payload")
    assert peer.read() == (PONG, b"ping payload")


@pytest.mark.parametrize("chop", [0, 1])
def test_2_10_and_2_11_many_pings(peer, chop):
    payloads = [f"payload-{number}".encode() for number in range(10)]
    peer.send_bytes(b"".join(frame(PING, payload) for payload in payloads), chop)
    assert [peer.read() for _ in payloads] == [(PONG, payload) for payload in payloads]


# --- 3 and 4: what is reserved ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("chop", [0, 1])
@pytest.mark.parametrize(
    ("rsv", "opcode"), [(1, TEXT), (2, TEXT), (3, TEXT), (4, BINARY), (5, PING), (6, CLOSE), (7, TEXT)]
)
def test_3_reserved_bits(peer, rsv, opcode, chop):
    payload = b"" if opcode == CLOSE else ASK
    peer.send_bytes(frame(TEXT, ASK) + frame(opcode, payload, rsv=rsv) + frame(PING), chop)
    assert peer.read() == (TEXT, ANSWER), "what came before is answered"
    peer.expect_close(1002)


@pytest.mark.parametrize("chop", [0, 1])
@pytest.mark.parametrize("payload", [b"", ASK])
@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
def test_4_reserved_opcodes(peer, opcode, payload, chop):
    peer.send_bytes(frame(TEXT, ASK) + frame(opcode, payload) + frame(PING), chop)
    assert peer.read() == (TEXT, ANSWER)
    peer.expect_close(1002)


# --- 5: fragments ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("opcode", [PING, PONG, CLOSE])
def test_5_1_and_5_2_control_frames_are_not_fragmented(peer, opcode):
    peer.send(opcode, b"fragment1", fin=False)
    peer.send(CONTINUATION, b"fragment2")
    peer.expect_close(1002)


@pytest.mark.parametrize("chop", [0, 1])
@pytest.mark.parametrize("pinged", [False, True])
@pytest.mark.parametrize("cut", [0, 1, 20, 40])
def test_5_3_to_5_8_a_text_in_two_fragments(peer, cut, pinged, chop):
    between = frame(PING, b"ping payload") if pinged else b""
    peer.send_bytes(frame(TEXT, ASK[:cut], fin=False) + between + frame(CONTINUATION, ASK[cut:]), chop)
    if pinged:
        assert peer.read() == (PONG, b"ping payload")
    assert peer.read() == (TEXT, ANSWER)
    still_there(peer)


@pytest.mark.parametrize("fin", [True, False])
@pytest.mark.parametrize("chop", [0, 1])
def test_5_9_to_5_14_a_continuation_of_nothing(peer, fin, chop):
    peer.send_bytes(frame(CONTINUATION, b"non-continuation payload", fin=fin) + frame(TEXT, ASK), chop)
    peer.expect_close(1002)


def test_5_15_a_continuation_of_what_has_ended(peer):
    peer.send_bytes(
        frame(TEXT, ASK[:9], fin=False)
        + frame(CONTINUATION, ASK[9:])
        + frame(CONTINUATION, b"fragment3", fin=False)
        + frame(TEXT, b"fragment4")
    )
    assert peer.read() == (TEXT, ANSWER)
    peer.expect_close(1002)


@pytest.mark.parametrize("fin", [True, False])
def test_5_16_and_5_17_again_and_again(peer, fin):
    piece = frame(CONTINUATION, b"fragment1", fin=fin) + frame(TEXT, b"frag", fin=False) + frame(CONTINUATION, b"ment")
    peer.send_bytes(piece * 2)
    peer.expect_close(1002)


def test_5_18_a_text_within_a_text(peer):
    peer.send(TEXT, b"fragment1", fin=False)
    peer.send(TEXT, b"fragment2")
    peer.expect_close(1002)


@pytest.mark.parametrize("chop", [0, 1])
def test_5_19_and_5_20_pings_among_many_fragments(peer, chop):
    pieces = [ASK[start : start + 8] for start in range(0, 40, 8)]
    stream = b""
    for number, piece in enumerate(pieces):
        stream += frame(CONTINUATION if number else TEXT, piece, fin=number == 4)
        if number in (1, 3):
            stream += frame(PING, b"pongme %d!" % number)
    peer.send_bytes(stream, chop)
    assert [peer.read() for _ in range(3)] == [(PONG, b"pongme 1!"), (PONG, b"pongme 3!"), (TEXT, ANSWER)]


# --- 6: UTF-8 --------------------------------------------------------------------------------------------------------

VALID = [
    "Hello-µ@ßöäüàá-UTF-8!!", "κόσμε", "\x20", "\x7e", "\x80", "\u0800", "\U00010000", "\u07ff", "\uffff", "\U0010ffff",
    "\ud7ff", "\ue000", "\ufffd", "\ufffe", "\U0001fffe", "\U0010fffe",
]  # fmt: skip

INVALID = [
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",  # a surrogate
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90\x80\x80edited",  # above the last code point
    b"\x80", b"\xbf", b"\x80\xbf", b"\x80\xbf\x80\xbf\x80\xbf",  # continuations of nothing
    b"\xc0 ", b"\xdf ", b"\xe0 ", b"\xef ", b"\xf0 ", b"\xf7 ", b"\xf8 ", b"\xfc ", b"\xfd ",  # beginnings alone
    b"\xc0", b"\xe0\x80", b"\xf0\x80\x80", b"\xf8\x80\x80\x80", b"\xdf", b"\xef\xbf", b"\xf7\xbf\xbf",  # no end
    b"\xfe", b"\xff", b"\xfe\xfe\xff\xff",  # never anywhere
    b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xf8\x80\x80\x80\xaf",  # longer than need be
    b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xf0\x8f\xbf\xbf",
    b"\xed\xa0\x80", b"\xed\xad\xbf", b"\xed\xae\x80", b"\xed\xbf\xbf", b"\xed\xa0\x80\xed\xb0\x80",  # surrogates
]  # fmt: skip


@pytest.mark.parametrize("chop", [0, 1])
@pytest.mark.parametrize("text", VALID)
def test_6_valid(peer, text, chop):
    ask = json.dumps({"type": "ping", "ref": text}, ensure_ascii=False).encode()
    half = ask.index(text.encode()) + 1  # within a character, where that has more bytes
    peer.send_bytes(frame(TEXT, ask) + frame(TEXT, ask[:half], fin=False) + frame(CONTINUATION, ask[half:]), chop)
    for _ in range(2):
        assert peer.hear() == {"type": "pong", "ref": text}


@pytest.mark.parametrize("fragmented", [False, True])
@pytest.mark.parametrize("data", INVALID)
def test_6_invalid(peer, data, fragmented):
    pieces = [bytes([byte]) for byte in data] if fragmented else [data]
    stream = b"".join(
        frame(CONTINUATION if number else TEXT, piece, fin=number + 1 == len(pieces))
        for number, piece in enumerate(pieces)
    )
    peer.send_bytes(frame(TEXT, ASK) + stream)
    assert peer.read() == (TEXT, ANSWER)
    peer.expect_close(1007, "This is not UTF-8.")


@pytest.mark.parametrize("fragmented", [False, True])
def test_6_4_it_fails_as_soon_as_it_is_known(peer, fragmented):
    """Nobody waits for the rest."""
    good, bad = "κόσμε".encode(), b"\xf4\x90"
    if fragmented:
        peer.send(TEXT, good, fin=False)
        peer.send(CONTINUATION, bad, fin=False)
    else:
        peer.send_bytes(frame(TEXT, good + bad + b"\x80\x80edited")[: -len(b"\x80\x80edited")])
    peer.expect_close(1007)


# --- 7: closing ------------------------------------------------------------------------------------------------------


def closing(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, struct.pack("!H", code) + reason)


def test_7_1_1_a_message_and_then_a_close(peer):
    peer.send_bytes(frame(TEXT, ASK) + closing(1000))
    assert peer.read() == (TEXT, ANSWER)
    peer.expect_close(1000, "")


@pytest.mark.parametrize(
    "after", [closing(1000), frame(PING), frame(TEXT, ASK), frame(CONTINUATION, b"x"), b"\xff" * 20]
)
def test_7_1_2_to_7_1_5_nothing_counts_after_a_close(peer, after):
    peer.send_bytes(closing(1000) + after)
    peer.expect_close(1000)


def test_7_1_5_a_close_within_a_message(peer):
    peer.send_bytes(frame(TEXT, ASK[:5], fin=False) + closing(1000) + frame(CONTINUATION, ASK[5:]))
    peer.expect_close(1000)


def test_7_1_6_a_long_message_and_then_a_close(peer):
    ask, answer = sized(LIMIT)
    peer.send_bytes(frame(TEXT, ask) + closing(1000) + frame(PING))
    assert peer.read() == (TEXT, answer)
    peer.expect_close(1000)


def test_7_3_1_a_close_without_a_code_is_answered_without_one(peer):
    peer.send(CLOSE)
    peer.expect_close(None)


@pytest.mark.parametrize("payload", [b"x", struct.pack("!H", 1000) + b"*" * 124])
def test_7_3_2_and_7_3_6_a_close_too_short_or_too_long(peer, payload):
    peer.send(CLOSE, payload)
    peer.expect_close(1002)


@pytest.mark.parametrize("reason", [b"", b"Hello World!", b"*" * 123, "grüße".encode()])
@pytest.mark.parametrize("chop", [0, 1])
def test_7_3_3_to_7_3_5_a_close_with_a_reason(peer, reason, chop):
    peer.send_bytes(closing(1000, reason), chop)
    peer.expect_close(1000)


def test_7_5_1_a_reason_that_is_no_utf_8(peer):
    peer.send_bytes(closing(1000, b"\xce\xba\xe1\xbd\xb9\xed\xa0\x80edited"))
    peer.expect_close(1007)


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999])
def test_7_7_codes_that_may_be_sent_come_back(peer, code):
    peer.send_bytes(closing(code))
    peer.expect_close(code)


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535])
def test_7_9_and_7_13_codes_that_may_not(peer, code):
    peer.send_bytes(closing(code))
    peer.expect_close(1002)


# --- 9: limits -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fragment", [64, 1000, LIMIT])
@pytest.mark.parametrize("chop", [0, 1460])
def test_9_long_messages_in_fragments(peer, fragment, chop):
    ask, answer = sized(LIMIT)
    stream = b"".join(
        frame(CONTINUATION if start else TEXT, ask[start : start + fragment], fin=start + fragment >= LIMIT)
        for start in range(0, LIMIT, fragment)
    )
    peer.send_bytes(stream, chop)
    assert peer.read() == (TEXT, answer)


@pytest.mark.parametrize("fragment", [5000, 2 * LIMIT])
def test_9_what_is_too_long_is_refused_and_the_next_is_understood(peer, fragment):
    ask, _ = sized(LIMIT + 1)
    for start in range(0, LIMIT + 1, fragment):
        peer.send(CONTINUATION if start else TEXT, ask[start : start + fragment], fin=start + fragment > LIMIT)
    error = peer.hear()
    assert (error["type"], error["code"]) == ("error", "too_long")
    assert str(LIMIT) in error["text"]
    still_there(peer)


def test_9_what_is_far_too_long_ends_the_connection(peer):
    head = frame(TEXT, bytes(1 << 16))[:2] + struct.pack("!Q", 1 << 40) + MASK  # a terabyte, as announced
    piece = frame(TEXT, b"x" * 100)[-100:] * (MIB // 100 + 1)
    peer.send_bytes(head + piece)
    peer.expect_close(1009, f"The message is longer than {LIMIT} bytes.")


@pytest.mark.parametrize("opcode", [TEXT, PING, CLOSE])
def test_frames_that_are_not_masked_are_refused(peer, opcode):
    peer.send(opcode, b"" if opcode == CLOSE else ASK, mask=b"")
    peer.expect_close(1002)


@pytest.mark.parametrize(
    "head", [b"\x81\xfe\x00\x18", b"\x81\xff\x00\x00\x00\x00\x00\x00\x00\x18", b"\x81\xff" + b"\xff" * 8]
)
def test_lengths_that_are_not_written_as_they_must_be(peer, head):
    peer.send_bytes(head + frame(TEXT, b"x" * 0x18)[2:])
    peer.expect_close(1002)


# --- cuts ------------------------------------------------------------------------------------------------------------

PAYLOADS = st.sampled_from(
    [b"", b"{}", ASK, ASK[:20], ASK[20:], b'{"type":\n"ping"}\r', "ß".encode(), b"\xc3", b"x" * 300]
)
FRAMES = st.builds(
    frame,
    st.sampled_from([TEXT, TEXT, TEXT, CONTINUATION, PING, PONG, BINARY, CLOSE, 3]),
    PAYLOADS | st.binary(max_size=8),
    fin=st.sampled_from([True, True, False]),
    rsv=st.sampled_from([0] * 20 + [1]),
    mask=st.sampled_from([MASK] * 20 + [b"\0\0\0\0", b""]),
)


@given(st.lists(FRAMES, max_size=8), st.binary(max_size=3), st.data())
def test_wherever_the_bytes_are_cut_the_frames_are_the_same(frames, rest, data):
    from greenchat_plugins.web.websocket import WebSocketCodec

    stream = b"".join(frames) + rest
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=5)))
    whole = WebSocketCodec().request_decoder(200).feed(stream)
    for places in (cuts, range(len(stream))):
        decoder = WebSocketCodec().request_decoder(200)
        found = []
        for start, stop in zip([0, *places], [*places, len(stream)], strict=True):
            found += decoder.feed(stream[start:stop])
        assert found == whole


CHARACTERS = "aß€😀é".encode()
PARTS = st.builds(
    frame,
    st.sampled_from([TEXT, CONTINUATION, CONTINUATION, PING]),
    st.sampled_from([b"", b"{}", ASK, b"x" * 150, b"y" * 70_000, *(CHARACTERS[:at] for at in range(12)), b"\xc3"])
    | st.builds(lambda start, stop: CHARACTERS[start:stop], st.integers(0, 12), st.integers(0, 12)),
    fin=st.sampled_from([True, False, False]),
    mask=st.binary(min_size=4, max_size=4),
)


@given(st.lists(FRAMES | PARTS, max_size=8), st.binary(max_size=3), st.data())
def test_another_decoder_goes_on_wherever_one_was(frames, rest, data):
    from greenchat_plugins.web.websocket import WebSocketCodec

    stream = b"".join(frames) + rest
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    whole = WebSocketCodec().request_decoder(200)
    expected = whole.feed(stream)
    decoder = WebSocketCodec().request_decoder(200)
    found = []
    for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += decoder.feed(stream[start:stop])
        state, decoder = decoder.state(), WebSocketCodec().request_decoder(200)
        decoder.restore(state)
        assert decoder.state() == state
    assert found == list(expected)
    assert decoder.goodbye("left") == whole.goodbye("left")


def test_a_message_may_be_carried_at_each_of_its_bytes():
    from greenchat_plugins.web.websocket import WebSocketCodec

    text = json.dumps({"type": "say", "text": "aß€😀" * 3}, ensure_ascii=False).encode()
    pieces = frame(TEXT, text[:21], fin=False) + frame(PING, b"here?") + frame(CONTINUATION, text[21:])
    stream = pieces + frame(TEXT, text) + frame(CLOSE, b"\x03\xe8")
    expected = list(WebSocketCodec().request_decoder(200).feed(stream))
    assert len(expected) == 4
    decoder, found = WebSocketCodec().request_decoder(200), []
    for at in range(len(stream)):
        found += decoder.feed(stream[at : at + 1])
        state, decoder = decoder.state(), WebSocketCodec().request_decoder(200)
        decoder.restore(state)
    assert found == expected


# --- the chat --------------------------------------------------------------------------------------------------------


def test_all_languages_in_one_room():
    with serving(web) as server, WebPeer(server) as ada, WebPeer(server) as eve:
        assert ada.join("ada", ref=7)["ref"] == 7
        bob = server.join("bob")
        assert ada.hear()["name"] == "bob"
        eve.join("eve")
        assert ada.hear() | {"time": ""} == {"type": "joined", "room": "lobby", "name": "eve", "time": ""}
        bob.expect("INFO|eve has joined the chat.")
        ada.say(type="say", text="Grüße ✨", ref="a")
        ack = ada.hear()
        assert (ack["type"], ack["ref"], ack["seq"]) == ("ack", "a", 1)
        bob.expect("MSG|ada|Grüße ✨")
        assert eve.hear()["text"] == "Grüße ✨"
        bob.send(*(f"MSG|{number}" for number in range(300)))
        for peer in ada, eve:
            heard = [peer.hear() for _ in range(300)]
            assert [message["text"] for message in heard] == [str(number) for number in range(300)]
            assert [message["seq"] for message in heard] == list(range(2, 302))
        codecs = server.call(lambda: [session.codec for session in server.server.sessions.values()])
        web_codecs = [codec for codec in codecs if codec.name == "web"]
        assert web_codecs[0] is web_codecs[1], "what is framed is framed once for all of them"


def test_a_browser_that_closes_is_lost_and_may_come_back():
    with serving(web, settings=IMPATIENT) as server, WebPeer(server) as ada, WebPeer(server) as bob:
        ada.join("ada")
        bob.join("bob")
        ada.hear()
        bob.send_bytes(closing(1001))
        bob.expect_close(1001)
        left = ada.hear()
        assert (left["type"], left["name"], left["reason"]) == ("left", "bob", "connection lost")


def test_what_comes_with_the_handshake_is_not_lost(server):
    with WebPeer(server, first=frame(TEXT, ASK)) as peer:
        assert peer.status == 101
        assert peer.read() == (TEXT, ANSWER)


def test_a_failure_is_counted_like_any_refusal(server):
    def refusals():
        return server.call(lambda: dict(server.server.counters.refusals))

    before = refusals().get("not_utf8", 0)
    with WebPeer(server) as peer:
        peer.send(TEXT, b"\xff")
        peer.expect_close(1007)
    assert refusals()["not_utf8"] == before + 1


def test_a_refused_request_is_answered_and_the_connection_goes_on(peer):
    peer.say(type="dance", ref=1)
    assert peer.hear()["code"] == "unknown_type"
    peer.send(TEXT, "no JSON")
    assert peer.hear()["code"] == "malformed"
    still_there(peer)


def test_line_breaks_within_json_are_white_space(peer):
    peer.send(TEXT, '{\n"type": "ping",\r\n"ref": 1\n}\n')
    assert peer.hear() == {"type": "pong", "ref": 1}


def test_leaving_is_a_normal_close(peer):
    peer.join("lea")
    peer.say(type="leave")
    peer.expect_close(1000, "left")


def test_who_is_sent_away_is_told_why():
    with serving(web, settings={"limits.join_seconds": 0.05}) as server, WebPeer(server) as peer:
        assert peer.hear()["code"] == "timeout"
        peer.expect_close(1008, "did not join in time")


def test_a_stop_tells_all_to_come_back():
    with serving(web) as server, WebPeer(server) as ada, WebPeer(server) as nobody:
        ada.join("ada")
        server.stop()
        for peer in ada, nobody:
            assert peer.hear()["text"] == "Server is shutting down."
            peer.expect_close(1001, "server is shutting down")


def test_a_silent_browser_is_pinged_and_given_up():
    with serving(web, settings={"limits.ping_seconds": 0.4}) as server, WebPeer(server) as peer:
        peer.join("ada")
        assert peer.read() == (PING, b"")
        peer.send(PONG)
        assert peer.read() == (PING, b""), "it was heard of"
        peer.expect_close(1001, "did not answer a ping")


def test_who_reads_too_slowly_is_closed_without_a_word():
    limits = {"limits.outbox_bytes": 100_000, "limits.outbox_seconds": 0, "limits.frame_bytes": 0}
    with serving(web, settings=limits | IMPATIENT) as server, WebPeer(server) as slow:
        slow.join("slow")
        bob = server.join("bob")
        text = "x" * 50_000
        while server.call(lambda: len(server.server.chat.members)) > 1:
            bob.send(f"MSG|{text}")
        bob.read_until("INFO|slow has left the chat.")
        opcodes = set()
        with pytest.raises(EOFError):
            opcodes.update(iter(lambda: slow.read()[0], None))
        assert opcodes == {TEXT}, "in the midst of a frame, no other can be sent"
