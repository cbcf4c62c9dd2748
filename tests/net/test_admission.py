"""Who may come in, without a socket."""

import pytest

from greenchat.config.schema import Limits
from greenchat.errors import Advice, Reject
from greenchat.net.admission import TRIES_SECONDS, Admission
from greenchat.protocol.address import network_of


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


NOTHING = {"connections": 0, "connections_per_address": 0, "attempts_per_minute": 0}


def limits(**changes: int) -> Limits:
    return Limits(**(NOTHING | changes))


def test_the_server_is_full_until_somebody_leaves():
    door, two = Admission(), limits(connections=2)
    door.enter("a", two)
    door.enter("b", two)
    with pytest.raises(Reject, match="The server is full"):
        door.enter("c", two)
    door.leave("a")
    door.enter("c", two)


def test_one_address_has_its_share_and_others_are_not_touched():
    door, one = Admission(), limits(connections_per_address=1)
    door.enter("a", one)
    door.enter("b", one)
    with pytest.raises(Reject, match=r"too many connections from a\. Close one"):
        door.enter("a", one)


def test_who_tries_again_and_again_waits_for_the_minute_to_pass():
    clock = Clock()
    door, three = Admission(clock), limits(attempts_per_minute=3)
    for _ in range(3):
        door.enter("a", three)
        door.leave("a")
    with pytest.raises(Reject, match="Try again in a minute"):
        door.enter("a", three)
    door.enter("b", three)
    clock.now += TRIES_SECONDS
    door.enter("a", three)


def test_zero_is_no_limit():
    door = Admission()
    for _ in range(10_000):
        door.enter("a", limits())


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_what_counts_as_one_address(host, network):
    assert network_of(host) == network


def test_a_pass_phrase_is_checked_and_guessing_has_to_wait():
    clock = Clock()
    door, two = Admission(clock), limits(password_failures=2)
    door.check_password("a", "sesame", "sesame", two)
    for _ in range(2):
        with pytest.raises(Reject, match="This is not the pass phrase"):
            door.check_password("a", "guess", "sesame", two)
    with pytest.raises(Reject, match="Too many wrong pass phrases"):
        door.check_password("a", "sesame", "sesame", two)
    door.check_password("b", "sesame", "sesame", two)
    clock.now += TRIES_SECONDS
    door.check_password("a", "sesame", "sesame", two)


def test_without_a_pass_phrase_one_is_told_how_to_give_it():
    with pytest.raises(Reject, match="has a pass phrase") as refused:
        Admission().check_password("a", "", "sesame", limits())
    assert refused.value.code == "password_required"
    assert refused.value.advice is Advice.PASS_PHRASE, "each kind of client says in its own words how"
