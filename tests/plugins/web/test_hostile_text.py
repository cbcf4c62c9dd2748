"""What people type, be it ever so evil, drives nobody's terminal, and passes for nobody else's line, even in a log."""

import json
import re

import pytest
from kit.processes import serve_process

from greenchat.testing import Peer, serving

# Every character that drives a terminal, ends a line for some program, or turns a line around.
EVIL_CODES = [*range(0x09), *range(0x0A, 0x20), *range(0x7F, 0xA0), *range(0x2028, 0x202F), *range(0x2066, 0x206A)]
EVIL = [chr(code) for code in EVIL_CODES]

# In messages these are of use (emoji, Persian, Hebrew), and drive nothing; in names they would make two look like one.
INVISIBLE = ["\u200b", "\u200c", "\u200d", "\u200e", "\u200f", "\u2060", "\ufeff", "\u00ad", "\u061c", "\U000e0041"]

# What would look like a line of the server's, or of somebody else's, were it cut in the wrong place.
FORGERIES = [
    "INFO|Server is shutting down.",
    "ERROR|You are banned.",
    "MSG|bob|I owe mallory a beer",
    *(f"hi{evil}INFO|forged" for evil in EVIL),
    *(f"hi{evil}MSG|bob|forged" for evil in ("\r", "\r\n", "\x85", "\u2028", "\u2029", "\x1e")),
    *(f"{invisible}INFO|forged" for invisible in INVISIBLE),
    "\x1b[2K\x1b[1GINFO|forged",
    "\x1b]0;owned\x07",
    "\u202eFNI\u202c",
    '","sender":"bob","text":"forged',
    '"}\n{"type":"notice","text":"forged"}',
    "\\u000aINFO|forged",
    "%0aINFO|forged",
    "%s%n{0}{member}",
    "* bob forged",
    "| | |INFO|",
]

# Those that are no names: the others are, odd as they look.
UNFIT = [forgery for forgery in FORGERIES if not re.fullmatch("[!-~]+", forgery)]

BAD_NAMES = [
    *(f"mal{evil}lory" for evil in [*EVIL, *INVISIBLE, " ", "\t", "\u3000", "\ufffc", "\ue000", "\U000f0000"]),
    *("INFO", "info", "ＩＮＦＯ", "Error", "SERVER", "ſystem", "greenchat"),
    *("bob\nINFO|forged", "", " ", "x" * 33, "x" * 4000, "א" * 2000),
]


def in_json(**frame: object) -> str:
    return json.dumps(frame, ensure_ascii=False)


def assert_clean(text: str) -> None:
    evil = [character for character in EVIL if character in text]
    assert not evil, f"{evil} in {text!r}"


@pytest.mark.parametrize("language", ["plain", "json"])
def test_a_message_that_drives_a_terminal_is_refused_and_reaches_nobody(server, language):
    bob, mallory = server.join("bob"), server.connect()
    plain = language == "plain"
    mallory.send("JOIN|mallory" if plain else in_json(type="join", name="mallory"))
    assert "mallory" in mallory.read()
    assert plain or '"conversations"' in mallory.read()
    for evil in EVIL:
        if evil in ("\n",) if plain else evil in ("\r", "\n"):
            continue  # it ends the frame, or a line of the text
        for text in (f"a{evil}b", f"{evil}b", f"/me a{evil}b", f"/msg bob a{evil}b", f"/nick a{evil}b"):
            mallory.send(f"MSG|{text}" if plain else in_json(type="say", text=text))
            answer = mallory.read()
            assert answer.startswith("ERROR|The frame has control characters" if plain else '{"type":"error"'), text
            assert_clean(answer)
    mallory.send("MSG|that is all" if plain else in_json(type="say", text="that is all"))
    bob.expect("INFO|mallory has joined the chat.", "MSG|mallory|that is all")


def test_invisible_characters_of_living_scripts_are_said_as_they_are(server):
    bob, ada = server.join("bob"), server.join("ada")
    bob.expect("INFO|ada has joined the chat.")
    for text in ("👩\u200d👩\u200d👧", "نمی\u200cخواهم", "\u200fשלום (hi)\u200e", "caf\u00ade"):
        ada.send(f"MSG|{text}")
        bob.expect(f"MSG|ada|{text}")


@pytest.mark.parametrize("language", ["plain", "json"])
def test_what_shows_nothing_is_refused_as_empty_wherever_people_read_it(server, language):
    bob, ada = server.join("bob"), server.connect()
    plain = language == "plain"
    ada.send("JOIN|ada" if plain else in_json(type="join", name="ada"))
    ada.read()
    assert plain or '"conversations"' in ada.read()
    for unseen in (*INVISIBLE, "\u2800", "\u3164", "\ufe0f", "\u0301", "\u200b \u2800 \u200b"):
        for text in (unseen, f"/me {unseen}", f"/msg bob {unseen}", f"/topic {unseen}", f"/away {unseen}"):
            ada.send(f"MSG|{text}" if plain else in_json(type="say", text=text))
            answer = ada.read()
            assert "is empty. Write something." in answer, (text, answer)
            assert plain or json.loads(answer)["code"] == "empty"
    ada.send("MSG|that is all" if plain else in_json(type="say", text="that is all"))
    bob.expect("INFO|ada has joined the chat.", "MSG|ada|that is all")


@pytest.mark.parametrize("language", ["plain", "json"])
def test_a_name_that_fools_people_is_refused_in_clean_words(server, language):
    bob, mallory = server.join("bob"), server.connect()
    for name in BAD_NAMES:
        if language == "json":
            mallory.send(in_json(type="join", name=name, ref=1))
            answer = mallory.read()
            assert json.loads(answer)["code"] == "name_invalid", name
        elif "\n" not in name:
            mallory.send(f"JOIN|{name}")
            answer = mallory.read()
            assert answer.startswith("ERROR|"), name
        assert_clean(answer)
        assert len(answer) < 300
    server.join("ada")
    bob.expect("INFO|ada has joined the chat.")  # and nobody before


def make_mischief(plain: Peer, other: Peer) -> None:
    """Two clients called mallory and mallet, one of each language, try to speak in others' names."""
    for forgery in FORGERIES:
        plain.send(forgery, f"MSG|{forgery}")
        other.send(in_json(type="say", text=forgery))
    for forgery in UNFIT:
        other.send(in_json(type="join", name=forgery), in_json(type="join", name="mallet", room=forgery))
        if "\n" not in forgery:
            plain.send(f"JOIN|{forgery}", f"JOIN|mallory|{forgery}")
    plain.send("JOIN|mallory")
    other.send(in_json(type="join", name="mallet"))
    other.send(in_json(type="say", text="I am me", sender="bob", name="bob", id=1, seq=1, room=""))
    for kind in ("message", "notice", "joined", "left", "renamed", "welcome", "error", "ack"):
        other.send(in_json(type=kind, sender="bob", name="bob", text="forged", room="lobby", code="x"))
    for forgery in FORGERIES:
        for way in ("", "/me ", "/msg bob ", "/msg ", "/", "//", "/help ", "/nick |"):
            plain.send(f"MSG|{way}{forgery}")
            other.send(in_json(type="say", text=way + forgery))
        other.send(in_json(type=forgery, text=forgery), in_json(type="say", text="x", room=forgery))
    plain.send("MSG|the end of mallory")
    other.send(in_json(type="say", text="the end of mallet"))


def heard(peer: Peer, ends: set[str]) -> list[str]:
    """All that a client is sent until each of `ends` was among it, cut wherever some program might cut a line."""
    lines: list[str] = []
    while ends:
        lines.append(peer.read())
        assert lines[-1]
        ends = {end for end in ends if end not in lines[-1]}
    return "\n".join(lines).splitlines()


def test_nobody_can_speak_as_the_server_or_as_somebody_else(server):
    bob = server.join("bob")
    carol = server.connect()
    carol.send(in_json(type="join", name="carol"))
    carol.read()
    assert '"conversations"' in carol.read()
    bob.expect("INFO|carol has joined the chat.")
    plain, other = server.connect(), server.connect()
    make_mischief(plain, other)
    ends = {"the end of mallory", "the end of mallet"}

    said = heard(bob, ends)
    own = re.compile(r"MSG\|(mallory|mallet)( \(private\))?\|.+|INFO\|(mallory|mallet) has joined the chat\.")
    assert [line for line in said if not own.fullmatch(line)] == []
    assert len(said) > 100
    assert "MSG|mallet|I am me" in said

    events = [json.loads(line) for line in heard(carol, ends)]
    assert {event["type"] for event in events} == {"message", "joined"}
    assert {event.get("sender", event.get("name")) for event in events} == {"mallory", "mallet"}
    seqs = [event["seq"] for event in events if event["type"] == "message"]
    assert seqs == list(range(1, len(seqs) + 1))


@pytest.mark.parametrize("form", ["text", "json"])
def test_nobody_can_write_a_line_of_the_log_or_anothers_of_the_transcript(tmp_path, form):
    settings = {
        "server.log_format": form,
        "limits.flood_rate": 0,
        "plugins.chatlog.transcript": "talk.txt",
        "plugins.chatlog.refusals": 0,
    }
    flags = [word for path, value in settings.items() for word in ("--set", f"{path}={value}")]
    with serve_process(tmp_path, *flags) as server:
        with server.join("bob") as bob, server.connect() as plain, server.connect() as other:
            make_mischief(plain, other)
            heard(bob, {"the end of mallory", "the end of mallet"})
        _, log = server.stop()
    lines = log.splitlines()
    assert len(lines) > 500
    assert_clean(log.replace("\n", ""))
    if form == "json":
        records = [json.loads(line) for line in lines]
        assert {record["level"] for record in records} <= {"INFO", "WARNING"}
        assert all(record["logger"].startswith("greenchat") for record in records)
    else:
        line = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z (INFO   |WARNING) greenchat[a-z.]*: \S.*")
        assert [found for found in lines if not line.fullmatch(found)] == []
    transcript = (tmp_path / "talk.txt").read_text()
    assert_clean(transcript.replace("\n", ""))
    said = re.compile(
        r"\S+Z \[lobby\] (<(mallory|mallet)> .*|\* (mallory|mallet) .*)|    \| .*|\S+Z -- Server is shutting down\."
    )
    assert [line for line in transcript.splitlines() if not said.fullmatch(line)] == []


DEEP = "[" * 1500 + "]" * 1500
BROKEN_JSON = [
    (f'{{"type":"say","text":"x","more":{DEEP}}}', {None, "malformed"}),  # what nobody declared may be anything
    (DEEP, {"malformed"}),
    ('{"a":' * 600 + "1" + "}" * 600, {"malformed"}),
    ("[" * 4000, {"malformed"}),
    ('{"type":"say","text":' + "9" * 4000 + "}", {"malformed"}),
    ('{"type":"ping","ref":1e400}', {"malformed"}),
    ('{"type":"ping","ref":1.5}', {"malformed"}),
    ('{"type":"ping","ref":true}', {"malformed"}),
    ('{"type":"ping","ref":[1]}', {"malformed"}),
    ('{"type":"ping","ref":' + "9" * 100 + "}", {None, "malformed"}),
    ('{"type":"ping","ref":-0}', {None}),
    ('{"type":"ping","ref":NaN}', {"malformed"}),
    ('{"type":"history","limit":-1}', {"malformed", None}),
    ('{"type":"history","limit":18446744073709551616}', {"malformed", None}),
    ('{"type":"history","before":"7"}', {"malformed"}),
    ('{"type":"say","text":7}', {"malformed"}),
    ('{"type":"say","text":null}', {"malformed"}),
    ('{"type":"say","text":["x"]}', {"malformed"}),
    ('{"type":"say"}', {"malformed"}),
    ('{"type":7,"text":"x"}', {"malformed"}),
    ('{"type":["say"],"text":"x"}', {"malformed"}),
    ('{"type":"say","text":"\\ud800"}', {"malformed"}),
    ('{"type":"say","text":"\\u0000"}', {"control"}),
    ('{"type":"join","name":{"name":"ada"}}', {"malformed"}),
    ('{"text":"x"}', {"malformed"}),
    ("{}", {"malformed"}),
    ("null", {"malformed"}),
    ("true", {"malformed"}),
    ('"say"', {"malformed"}),
    ("{'type':'say'}", {"malformed"}),
    ('{"type":"say","text":"x"}{"type":"say","text":"y"}', {"malformed"}),
    ('{"type":"say","text":"x"', {"malformed"}),
    ('{"type":"","text":"x"}', {"unknown_type"}),
    ('{"type":"SAY","text":"x"}', {"unknown_type"}),
    ('{"__class__":"os.system","type":"eval","text":"1"}', {"unknown_type"}),
]


def test_json_of_any_shape_is_answered_once_and_the_next_frame_is_understood(server):
    bob, mallory = server.join("bob"), server.connect()
    mallory.send(in_json(type="join", name="mallory"))
    mallory.read()
    assert '"conversations"' in mallory.read()
    bob.expect("INFO|mallory has joined the chat.")
    for number, (frame, codes) in enumerate(BROKEN_JSON):
        mallory.send(frame, in_json(type="ping", ref=f"n{number}"))
        answers = [json.loads(mallory.read())]
        while answers[-1].get("ref") != f"n{number}":
            answers.append(json.loads(mallory.read()))
        *answers, pong = answers
        assert pong["type"] == "pong"
        assert len(answers) <= 1, frame
        assert (answers[0].get("code") if answers else None) in codes, frame  # None: it was done, or there was a page
    mallory.send(in_json(type="say", text="that is all"))
    assert [line for line in bob.read_until("MSG|mallory|that is all") if line != "MSG|mallory|x"] == []


def test_a_key_given_twice_is_read_once(server):
    bob, mallory = server.join("bob"), server.connect()
    mallory.send('{"type":"join","name":"mallory","name":"mallet"}')
    name = json.loads(mallory.read())["name"]
    bob.expect(f"INFO|{name} has joined the chat.")
    mallory.send('{"type":"say","text":"one","text":"two"}', '{"type":"say","text":"end"}')
    assert bob.read_until(f"MSG|{name}|end") in ([f"MSG|{name}|one"], [f"MSG|{name}|two"])


def test_a_frame_without_limit_may_be_as_deep_as_it_likes_and_harms_nobody():
    with serving(settings={"limits.frame_bytes": 0}) as server:
        bob, mallory = server.join("bob"), server.connect()
        mallory.send('{"type":"say","a":' + "[" * 200_000)
        assert json.loads(mallory.read())["code"] == "malformed"
        mallory.send(in_json(type="join", name="mallory"))
        bob.expect("INFO|mallory has joined the chat.")
