"""How long something is, as people type and read it."""

from datetime import timedelta

import pytest

from greenchat import Duration, Reject, in_units


@pytest.mark.parametrize(
    ("word", "seconds"),
    [
        ("30s", 30),
        ("10m", 600),
        ("1h30m", 5400),
        ("2D", 172_800),
        ("1w", 604_800),
        ("10", None),
        ("h", None),
        ("1h!", None),
    ],
)
def test_durations(word, seconds):
    assert Duration.parse(word) == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize("word", ["0s", "11000w", "9" * 3000 + "s"])
def test_durations_that_cannot_be_meant(word):
    with pytest.raises(Reject, match="too short or too long"):
        Duration.parse(word)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "1s"),
        (30, "30s"),
        (60, "1m"),
        (61, "1m1s"),
        (5399.5, "1h30m"),
        (90_000, "1d1h"),
        (604_800, "1w"),
        (864_000, "1w3d"),
    ],
)
def test_durations_are_written_as_they_are_typed(seconds, text):
    assert in_units(seconds) == text
    assert str(Duration(seconds=seconds)) == text
