"""`greenchat bench --irc`: what it counts, and what it says of what cannot be counted."""

import pytest
from kit.benches import measured

from greenchat.bench.irc import Irc
from greenchat.bench.languages import BenchError, Hearing, RefusedError
from greenchat.testing import serving

NOISE = b":greenchat NOTICE bench1 :Not a message, :bench0 PRIVMSG #bench :~9\r\n"


def parts(stream, step):
    return [stream[start : start + step] for start in range(0, len(stream), step)]


@pytest.mark.parametrize("step", [1, 2, 3, 7, 50, 151, 1000, 10_000])
def test_lines_are_counted_wherever_chunks_are_cut(step):
    language, client = Irc(), Hearing()
    text, units = language.begin("bench0", 16)
    said = b":bench0!bench0@greenchat " + language.say(text)
    assert len(said) == units
    stream = b"".join([b"PING :greenchat\r\n", NOISE, *[said] * 20, NOISE, *[said] * 10, NOISE])
    found = sum(language.count(client, bytearray(part.ljust(step)), len(part)) for part in parts(stream, step))
    assert found == 30 * units


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_stamps_are_read_wherever_chunks_are_cut(step):
    language, client = Irc(), Hearing()
    stream = b"".join(b":bench0!bench0@greenchat " + language.say(b"~%d xx" % stamp) for stamp in (1, 23, 456))
    assert [int(stamp) for part in parts(stream, step) for stamp in language.stamps(client, part)] == [1, 23, 456]
    with pytest.raises(RefusedError, match=r"^not now$"):
        language.stamps(client, b":greenchat 404 bench0 #bench :not now\r\n")


def test_what_fits_into_no_line():
    with serving() as server:
        report = measured(server, language="irc", size=Irc.most)
        assert report.throughput.delivered == report.throughput.due
        with pytest.raises(BenchError, match=rf"do not fit into a line of IRC\. Take --size {Irc.most} at the most"):
            measured(server, language="irc", size=Irc.most + 1)


def test_a_server_without_irc():
    with (
        serving(settings={"server.disabled_plugins": ["irc"]}) as server,
        pytest.raises(BenchError, match=r"turned bench\d away: "),
    ):
        measured(server, language="irc")
