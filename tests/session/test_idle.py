"""What follows from a client's silence, without a clock."""

import pytest

from greenchat.config.schema import Limits
from greenchat.session.idle import IdleMonitor, Next

LIMITS = Limits(ping_seconds=60, idle_seconds=0)


def look(silence, now, limits=LIMITS, joined=True, pings=True):
    return silence.look(now, limits, joined=joined, pings=pings)


def test_a_silent_client_is_pinged_once_and_given_up_when_it_used_to_answer():
    silence = IdleMonitor(1000)
    silence.knows_pings = True
    assert look(silence, 1060) is Next.WAIT
    assert look(silence, 1061) is Next.PING
    assert look(silence, 1075) is Next.WAIT
    silence.heard(1080)
    assert look(silence, 1130) is Next.WAIT
    assert look(silence, 1141) is Next.PING
    assert look(silence, 1201) is Next.GIVE_UP


def test_one_that_knows_no_pings_is_pinged_and_left_alone():
    silence = IdleMonitor(1000)
    assert look(silence, 1061) is Next.PING
    assert look(silence, 9999) is Next.WAIT


@pytest.mark.parametrize("off", [{"pings": False}, {"limits": Limits(ping_seconds=0)}])
def test_where_there_are_no_pings_nobody_is_pinged(off):
    assert look(IdleMonitor(1000), 9999, **off) is Next.WAIT


def test_one_who_has_joined_and_only_answers_pings_is_sent_home():
    limits = Limits(ping_seconds=60, idle_seconds=100)
    silence = IdleMonitor(1000)
    silence.spoke(1050)
    silence.heard(1140)
    assert look(silence, 1150, limits) is Next.WAIT
    assert look(silence, 1151, limits, joined=False) is Next.WAIT
    assert look(silence, 1151, limits) is Next.SEND_HOME


def test_nobody_is_silent_while_what_they_sent_is_being_worked_on():
    silence = IdleMonitor(1000)
    silence.knows_pings = silence.busy = True
    assert look(silence, 9999, Limits(ping_seconds=1, idle_seconds=1)) is Next.WAIT
