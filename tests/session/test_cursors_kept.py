"""How far programs have got, which the server keeps for accounts."""

import pytest
from kit.programs import Anybody, Program, without_plugins
from kit.sessions import device

from greenchat.storage.cursors import MOST_NAMES, MOST_PLACES
from greenchat.testing import serving

SETTINGS = without_plugins("accounts")


@pytest.fixture
def living(tmp_path):
    return lambda: serving(Anybody(), settings=SETTINGS, data_dir=tmp_path)


def keep(program, name, room="lobby", epoch="e1", rev=1, **more):
    return program.request(type="cursor", name=name, room=room, epoch=epoch, rev=rev, **more)


def places(program, name):
    program.refs += 1
    program.send(type="cursor", name=name, ref=program.refs)
    answer = program.read_until("cursor", "error")
    assert (answer.pop("type"), answer.pop("ref"), answer.pop("name")) == ("cursor", program.refs, name)
    return answer["places"]


def test_it_is_kept_over_a_restart_each_place_by_itself(living):
    whole = {"id": 1769860800000007, "time": "2026-01-31T12:00:00.250000Z"}
    with living() as server:
        bot = device(server, "bot")
        assert places(bot, "weather") == []
        assert keep(bot, "weather", "Lobby", rev=4) == {"type": "ack", "ref": bot.refs}
        keep(bot, "weather", rev=5)
        keep(bot, "weather", "garden", "e2", 2**53 - 1, **whole)
        keep(bot, "other", rev=7)
    with living() as server:
        bot, else_ = device(server, "bot"), device(server, "else")
        assert places(bot, "weather") == [
            {"room": "garden", "epoch": "e2", "rev": 2**53 - 1, **whole},
            {"room": "lobby", "epoch": "e1", "rev": 5},
        ]
        keep(bot, "weather", rev=2)
        assert places(bot, "weather")[1]["rev"] == 2, "a program may go back"
        keep(bot, "weather", "garden", epoch="")
        bot.send(type="cursor", name="weather", epoch="e3", rev=9)  # where one is in one room only
        assert places(bot, "weather") == [{"room": "lobby", "epoch": "e3", "rev": 9}]
        assert places(bot, "other") == [{"room": "lobby", "epoch": "e1", "rev": 7}]
        assert places(else_, "weather") == []


def test_there_are_only_so_many(living):
    with living() as server:
        bot = device(server, "bot")
        for number in range(MOST_NAMES):
            assert keep(bot, f"{number}")["type"] == "ack"
        assert keep(bot, "more")["code"] == "too_many_cursors"
        assert keep(bot, "0", "garden", rev=2)["type"] == "ack"
        assert keep(bot, "0", epoch="")["type"] == keep(bot, "0", "garden", epoch="")["type"] == "ack"
        assert keep(bot, "more")["type"] == "ack"
        for number in range(1, MOST_PLACES):
            bot.send(type="cursor", name="more", room=f"r{number}", epoch="e", rev=1)
        assert len(places(bot, "more")) == MOST_PLACES
        assert keep(bot, "more", "one-more")["code"] == "too_many_cursors"
        assert keep(bot, "more", "r1", rev=2)["type"] == "ack"


@pytest.mark.parametrize(
    "wrong",
    [
        *({"name": name} for name in ("", " ", "x" * 33, "a\nb", "\u200b")),
        *({"rev": -1}, {"rev": 2**53}, {"id": -1}, {"epoch": "e" * 65}),
    ],
)
def test_what_is_no_cursor_is_refused(living, wrong):
    with living() as server:
        bot = device(server, "bot")
        assert keep(bot, **{"name": "x" * 32} | wrong)["code"] == "cursor_invalid"
        assert keep(bot, "x" * 32)["type"] == "ack"


def test_guests_have_none_and_are_told_what_to_do(living):
    with living() as server:
        guest = Program(server)
        assert keep(guest, "x")["code"] == "not_joined"
        guest.join(name="guest")
        for refused in (keep(guest, "x"), guest.request(type="cursor", name="x")):
            assert refused["code"] == "not_allowed"
            assert "Log in first" in refused["text"]
        bot = device(server, "bot")
        assert bot.request(type="cursor", name="x", conversation="AAAA", epoch="e")["code"] == "conversation_gone"
        assert keep(bot, "x", "@bob")["code"] == "room_invalid"


def test_where_the_file_cannot_be_used_it_is_said(tmp_path):
    (tmp_path / "sessions.sqlite3").write_bytes(b"no database")
    with serving(Anybody(), settings=SETTINGS, data_dir=tmp_path) as server:
        bot = device(server, "bot")
        assert keep(bot, "x")["code"] == bot.request(type="cursor", name="x")["code"] == "cursors_off"
