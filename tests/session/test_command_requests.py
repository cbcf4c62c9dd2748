"""What programs ask for by `commands` and `command`: as what people type, without a line to be taken apart."""

from typing import Literal

import pytest
from kit.programs import Program

from greenchat import Command, Rest, Secret, hookimpl, typed_command
from greenchat.testing import serving


def double(call, number: int):
    """Tell twice a number."""
    return str(2 * number)


def sums(call, mode: Literal["low", "high"], *numbers: float):
    """Tell the least or the most of numbers."""
    return f"{(min if mode == 'low' else max)(numbers):g}"


def shout(call, text: Rest):
    """Say it loudly."""
    call.say(text.upper())


def unlock(call, room: str, key: Secret):
    """Take a key."""
    return f"{room}: {len(key)}"


class Toys:
    """Some commands with arguments, and one by hand."""

    def __init__(self):
        self.seen = []

    @hookimpl
    def greenchat_frame(self, session, frame):
        self.seen.append(repr(frame))

    @hookimpl
    def greenchat_commands(self):
        return [
            typed_command(double),
            typed_command(sums),
            typed_command(shout, lines=True),
            typed_command(unlock),
            typed_command(double, "rule", operator=True),
            Command("hand", "TEXT", "By hand.", lambda session, text: session.info(f"By hand: {text}")),
        ]


@pytest.fixture
def toys():
    return Toys()


@pytest.fixture
def server(toys):
    with serving(toys) as running:
        yield running


@pytest.fixture
def ada(server):
    return Program(server, "ada")


def run(program, name, args, room="lobby"):
    """What comes back: the texts, and what the last answer is."""
    frames = program.exchange(type="command", name=name, args=args, room=room)
    assert {frame.get("ref") for frame in frames if frame["type"] in ("notice", "ack", "error")} == {program.refs}
    return [frame["text"] for frame in frames if "text" in frame], frames[-1]


def test_the_table_says_what_each_takes(ada):
    (answer,) = ada.exchange(type="commands")
    table = {command.pop("name"): command for command in answer["commands"]}
    assert "lines" not in answer
    assert "rule" not in table
    assert table["double"]["arguments"] == [{"name": "number", "kind": "integer"}]
    assert table["sums"]["arguments"] == [
        {"name": "mode", "kind": "choice", "choices": ["low", "high"]},
        {"name": "numbers", "kind": "number", "optional": True, "repeated": True},
    ]
    assert table["unlock"]["arguments"][1] == {"name": "key", "kind": "secret"}
    assert table["unlock"]["private"] is True
    assert table["shout"]["lines"] is True
    assert table["hand"]["arguments"] == [{"name": "text", "kind": "rest"}]
    assert "private" not in table["hand"]


def test_it_is_told_before_join_too(server):
    program = Program(server)
    (answer,) = program.exchange(type="commands")
    assert any(command["name"] == "double" for command in answer["commands"])
    assert program.exchange(type="command", name="double", args={"number": 4})[0]["text"] == "8"
    assert program.exchange(type="command", name="shout", args={"text": "hi"})[-1]["code"] == "not_joined"


@pytest.mark.parametrize(
    ("name", "args", "told"),
    [
        ("double", {"number": 21}, "42"),
        ("double", {"number": "21"}, "42"),
        ("/DOUBLE", {"number": 21}, "42"),
        ("sums", {"mode": "high", "numbers": [1, 2.5, "-3"]}, "2.5"),
        ("unlock", {"room": "cellar", "key": "open sesame"}, "cellar: 11"),
        ("hand", {"text": "  as it  was "}, "By hand: as it  was"),
    ],
)
def test_a_command_is_run_by_its_arguments(ada, name, args, told):
    assert run(ada, name, args)[0] == [told]


@pytest.mark.parametrize(
    ("name", "args", "code"),
    [
        ("double", {}, "usage"),
        ("double", {"number": "x"}, "usage"),
        ("double", {"number": [1]}, "usage"),
        ("double", {"number": None}, "usage"),
        ("double", {"number": 1, "size": 2}, "usage"),
        ("sums", {"mode": "low", "numbers": 5}, "usage"),
        ("unlock", {"room": "a b", "key": "x"}, "usage"),
        ("unlock", {"room": "a", "key": "x\ny"}, "usage"),
        ("hand", {}, "usage"),
        ("hand", {"text": "a\nb"}, "usage"),
        ("hand", {"words": "a"}, "usage"),
        ("duoble", {"number": 1}, "unknown_command"),
        ("rule", {"number": 1}, "not_allowed"),
    ],
)
def test_what_does_not_fit_is_refused(ada, name, args, code):
    texts, answer = run(ada, name, args)
    assert (answer["type"], answer["code"], len(texts)) == ("error", code, 1)


def test_what_it_says_is_acknowledged_where_it_was_said(server, ada):
    ada.join(room="garden")
    bob = Program(server, "bob", "garden")
    _, ack = run(ada, "shout", {"text": "hello\nbob"}, "garden")
    assert (ack["type"], ack["seq"]) == ("ack", 1)
    assert bob.read_until("message")["text"] == "HELLO\nBOB"
    _, answer = run(ada, "shout", {"text": "hello"}, "cellar")
    assert answer["code"] == "not_in_room"
    assert ada.exchange(type="command", name="shout", args={"text": "x"})[-1]["code"] == "room_required"


def test_it_is_said_to_one_person_alone_where_that_is_asked(server, ada):
    bob = Program(server, "bob")
    begun = ada.exchange(type="command", name="shout", args={"text": "psst"}, to="bob")[-1]
    message = bob.read_until("message")
    assert (message["room"], message["text"], message["conversation"]) == ("", "PSST", begun["conversation"])
    again = ada.exchange(type="command", name="shout", args={"text": "a"}, conversation=begun["conversation"])[-1]
    assert again["seq"] == begun["seq"] + 1


def test_a_command_has_no_key(ada):
    assert ada.exchange(type="command", name="double", args={"number": 1}, key="k")[-1]["code"] == "malformed"


def test_a_secret_in_it_is_shown_to_no_plugin(ada, toys):
    run(ada, "unlock", {"room": "cellar", "key": "hunter2"})
    assert any("RunCommand" in seen for seen in toys.seen)
    assert "hunter2" not in "".join(toys.seen)
