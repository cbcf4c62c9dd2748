"""Flood control's arithmetic."""

from greenchat.hooks.token_bucket import TokenBucket


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_free_and_then_it_takes_its_time():
    clock = Clock()
    allowance = TokenBucket(3, clock)
    assert [allowance.spend(1, burst=3, rate=10) for _ in range(3)] == [0, 0, 0]
    assert allowance.spend(1, burst=3, rate=10) == 0.1
    clock.now += 0.05
    assert round(allowance.spend(1, burst=3, rate=10), 6) == 0.05
    clock.now += 0.06
    assert allowance.spend(1, burst=3, rate=10) == 0


def test_it_never_holds_more_than_the_burst():
    clock = Clock()
    allowance = TokenBucket(3, clock)
    clock.now += 3600
    assert allowance.spend(3, burst=3, rate=10) == 0
    assert allowance.spend(1, burst=3, rate=10) > 0


def test_less_than_a_frame_costs_less():
    allowance = TokenBucket(1, Clock())
    assert allowance.spend(0.25, burst=1, rate=1) == 0
    assert allowance.left == 0.75
