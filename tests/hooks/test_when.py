"""Times as people type them, by this machine's zone, summer time and all."""

from datetime import UTC, datetime

import pytest

from greenchat import Reject, When

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)  # a Monday


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("10m", "Mon 5 Jan 2026, 13:10 CET"),
        ("1W", "Mon 12 Jan 2026, 13:00 CET"),
        ("13:00", "Tue 6 Jan 2026, 13:00 CET"),
        ("13:01", "Mon 5 Jan 2026, 13:01 CET"),
        ("today 17:30", "Mon 5 Jan 2026, 17:30 CET"),
        ("Tomorrow", "Tue 6 Jan 2026, 09:00 CET"),
        ("tomorrow 0:00", "Tue 6 Jan 2026, 00:00 CET"),
        ("monday", "Mon 12 Jan 2026, 09:00 CET"),
        ("sun 18:00", "Sun 11 Jan 2026, 18:00 CET"),
        ("2026-07-01", "Wed 1 Jul 2026, 09:00 CEST"),
        ("2026-07-01T07:05", "Wed 1 Jul 2026, 07:05 CEST"),
        ("2026-07-01 07:05", "Wed 1 Jul 2026, 07:05 CEST"),
    ],
)
def test_what_people_type_is_a_moment(berlin, typed, told):
    assert str(When.parse(typed, NOON)) == told


@pytest.mark.parametrize(
    ("now", "typed", "told"),
    [
        # Summer begins on 29 March: from 2:00 to 3:00 there is nothing.
        (datetime(2026, 3, 28, 12, tzinfo=UTC), "2:30", "Sun 29 Mar 2026, 03:30 CEST"),
        (datetime(2026, 3, 28, 12, tzinfo=UTC), "tomorrow", "Sun 29 Mar 2026, 09:00 CEST"),
        (datetime(2026, 3, 28, 12, tzinfo=UTC), "1d", "Sun 29 Mar 2026, 14:00 CEST"),
        # It ends on 25 October: 2:00 to 3:00 is there twice.
        (datetime(2026, 10, 24, 12, tzinfo=UTC), "2:30", "Sun 25 Oct 2026, 02:30 CEST"),
        (datetime(2026, 10, 25, 0, 45, tzinfo=UTC), "2:30", "Mon 26 Oct 2026, 02:30 CET"),
        (datetime(2026, 10, 25, 0, 45, tzinfo=UTC), "1h", "Sun 25 Oct 2026, 02:45 CET"),
        (datetime(2026, 10, 24, 12, tzinfo=UTC), "tomorrow", "Sun 25 Oct 2026, 09:00 CET"),
    ],
)
def test_clocks_that_are_set_confuse_nobody(berlin, now, typed, told):
    found = When.parse(typed, now)
    assert str(found) == told
    assert found > now


@pytest.mark.parametrize("typed", ["", "soon", "24:00", "7", "7:5", "tomorrow noon", "su", "2026-13-01", "to", "７:30"])
def test_what_is_no_moment_is_none(berlin, typed):
    assert When.parse(typed, NOON) is None


@pytest.mark.parametrize(
    "typed", ["today 9:00", "2025-12-31", "3026-01-01", "9999-12-31", "0001-01-01", "36500d", "0s"]
)
def test_what_cannot_be_meant_is_refused(berlin, typed):
    with pytest.raises(Reject, match=r"passed|too far|too short or too long"):
        When.parse(typed, NOON)
