"""Every way to put words before others, and all that keeps somebody from it: the whole table, over a real server."""

import itertools

import pytest
from kit.programs import Anybody, Program, without_plugins
from kit.socketless import serving

# The word that is not said here, and what is left of it where it is starred out.
WORD, STARS = "darn", "****"

# Ways to put words before others. `yes`: it is let through; a code: with that it is refused; `masked`: with stars. In
# `room` somebody is muted by its owner, in `chat` by an operator; `slow`: they have just said something in a slow room.
# Then they are not muted, and use the word. Names are not starred out: they are refused.
TABLE = """
way          room     chat     slow     block         mask

say          muted    muted    slow     word          masked
me           muted    muted    slow     word          masked
topic        muted    muted    slow     word          masked
away         muted    muted    slow     word          masked
away_bare    yes      yes      yes      -             -
msg          yes      muted    yes      word          masked
nick         muted    muted    slow     name_invalid  name_invalid
join_name    -        yes      -        name_invalid  name_invalid
kick         -        muted    -        word          masked
kick_bare    -        yes      -        -             -
ban          -        muted    -        word          masked
mute         -        muted    -        word          masked
new_room     yes      yes      yes      room_invalid  room_invalid
"""

TEXT = "{word} it"
LINES = {
    "say": TEXT,
    "me": f"/me {TEXT}",
    "topic": f"/topic {TEXT}",
    "away": f"/away {TEXT}",
    "away_bare": "/away",
    "msg": f"/msg {{reader}} {TEXT}",
    "nick": "/nick {word}-{number}",
    "kick": f"/kick {{reader}} {TEXT}",
    "kick_bare": "/kick {reader}",
    "ban": f"/ban {{reader}} 1h {TEXT}",
    "mute": f"/mute {{reader}} 1h {TEXT}",
    "new_room": "/join {word}-{number}",
}

numbers = itertools.count()


def cases(*columns):
    head, *rows = (line.split() for line in TABLE.splitlines() if line)
    for way, *results in rows:
        for column, result in zip(head[1:], results, strict=True):
            if column in columns and result != "-":
                yield pytest.param(way, column, result, id=f"{way}-{column}")


@pytest.fixture(scope="module")
def moderated():
    with served("block") as blocking, served("mask") as masking:
        yield {"block": blocking, "mask": masking}


def served(action="block"):
    settings = {"plugins.moderation.words": [WORD], "plugins.moderation.action": action}
    return serving(Anybody, settings=settings | without_plugins("accounts", "history", "web"))


@pytest.fixture(scope="module")
def server():
    with served() as running:
        yield running


def people(server, owns):
    """Who writes, who reads, and who keeps order, in a room of their own. Who writes owns it, or else who keeps order,
    who is an operator as well."""
    number = next(numbers)
    room = f"room{number}"
    first, second = ("writer", "keeper") if owns else ("keeper", "writer")
    made = {name: Program(server, f"{name}{number}", room) for name in (first, second, "reader")}
    return number, room, made["writer"], made["keeper"], made["reader"]


def put(writer, way, number, word="roses"):
    """The answer to putting words before others."""
    line = LINES[way].format(word=word, number=number, reader=f"reader{number}")
    return writer.ask(line, "" if way == "join_name" else f"room{number}")


def code(answers):
    return answers[-1].get("code", "yes")


def orders(way):
    return way.partition("_")[0] in ("kick", "ban", "mute")


@pytest.mark.parametrize(("way", "by", "expected"), list(cases("room", "chat", "slow")))
def test_who_may_not_talk_may_not_put_words_before_others(server, way, by, expected):
    number, room, writer, keeper, reader = people(server, owns=orders(way))
    if by == "room":
        order = f"/mute writer{number} 1h"
    else:
        order = f"/mute writer{number} 1h" if by == "chat" else f"/slow {room} 1h"
    # A crown that is nobody's in the file is gone once that is looked at.
    for _ in range(3):
        if by != "room":
            keeper.ask("/crown", room)
        if (found := code(keeper.ask(order, room))) == "yes":
            break
    assert found == "yes"
    if by == "slow":
        assert code(writer.ask("first", room)) == "yes"
    if way == "join_name":
        writer.leave()
        assert Program(server).join(name=f"writer{number}")["type"] == "welcome", "who is muted may read"
        return
    found = put(writer, way, number)
    assert code(found) == expected
    if expected != "yes":
        assert "roses" not in everything(reader)


def everything(reader):
    """All that somebody is told, up to now."""
    reader.send(type="ping", ref="then")
    return "".join(iter(lambda: text_of(reader.read()), ""))


def text_of(frame):
    return "" if frame["type"] == "pong" else repr(frame)


@pytest.mark.parametrize(("way", "action", "expected"), list(cases("block", "mask")))
def test_a_word_that_is_not_said_is_not_put_before_others_in_any_way(moderated, way, action, expected):
    server = moderated[action]
    number, room, writer, keeper, reader = people(server, owns=orders(way))
    if way == "join_name":
        answer = Program(server).join(name=f"the-{WORD}", room=room)
        assert answer["code"] == expected
    elif expected == "masked":
        assert code(put(writer, way, number, WORD)) == "yes"
        told = everything(reader)
        if way == "away":
            told += repr(keeper.ask(f"/whois writer{number}", room))
        assert STARS in told
        assert WORD not in told
    else:
        assert code(put(writer, way, number, WORD)) == expected
        assert WORD not in everything(reader)


def test_a_room_that_is_there_may_be_called_as_it_is(server):
    root = Program(server, f"root{next(numbers)}")
    root.ask("/crown")
    for joined in root.join(room="darn-it"), Program(server, f"eve{next(numbers)}").join(room="darn-it"):
        assert joined["type"] == "welcome", joined


def test_a_name_that_the_server_gives_is_had_by_who_is_muted_or_has_just_talked(server):
    number, room, writer, keeper, _ = people(server, owns=False)
    assert code(keeper.ask("/crown", room)) == "yes"
    assert code(keeper.ask(f"/mute writer{number} 1h", room)) == "yes"
    assert code(writer.ask("/nick guest-7", room)) == "yes"
    answers = writer.ask("hello", room)
    assert code(answers) == "muted", answers


def test_a_rename_in_a_slow_room_is_something_said(server):
    number, room, writer, keeper, _ = people(server, owns=False)
    keeper.ask("/crown", room)
    keeper.ask(f"/slow {room} 1h", room)
    assert code(writer.ask(f"/nick one{number}", room)) == "yes"
    assert code(writer.ask(f"/nick two{number}", room)) == "slow"
    assert code(writer.ask("hello", room)) == "slow"
