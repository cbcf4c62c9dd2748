"""The keys of what was said: what is known of them, for how long, and what is asked for."""

from datetime import UTC, datetime, timedelta

import pytest

from greenchat import Reject
from greenchat.chat import keys as module
from greenchat.chat.keys import Keys, Use, UsedKey, digest
from greenchat.protocol.replies import Ack

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
HELLO = digest("Hello!")
OFF = Reject("History is off.", code="not_stored")


class Kept:
    """What a plugin keeps, and what it was asked."""

    def __init__(self):
        self.asked, self.kept, self.problem = [], {}, None

    def find_keys(self, owner, key):
        self.asked.append((owner, key))
        if self.problem is not None:
            raise self.problem
        return [used for used in self.kept.get(owner, []) if key in (None, used.key)]


class Nothing:
    find_keys = None


class WaitsError(Exception):
    """Here it would be waited."""


class Clock:
    def __init__(self):
        self.now = NOON

    def __call__(self):
        return self.now


def waits(tell):
    raise WaitsError


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def kept():
    return Kept()


@pytest.fixture
def keys(kept, clock):
    return Keys(kept, clock)


def use(keys, key="k1", said=HELLO, place="lobby", owner=7, **more):
    return keys.use(owner, key, said, place, waits, **more)


def say(keys, key="k1", seq=1, problem=None, *, is_kept=True, **more):
    """Say it for the first time."""
    begun = use(keys, key, **more)
    assert isinstance(begun, Use), begun
    begun.done(more.get("place") or "lobby", Ack(None, seq, seq, seq), is_kept=is_kept)
    begun.settled(problem)
    begun.free()
    return begun


def used(key="k1", seq=1, time=NOON, said=HELLO, room="lobby"):
    return UsedKey(key, said, room, time, Ack(None, seq, seq, seq))


def refusal(function, *arguments, **more):
    with pytest.raises(Reject) as caught:
        function(*arguments, **more)
    return caught.value.code


def test_what_is_kept_is_asked_for_once_an_owner(keys, kept):
    kept.kept[7] = [used()]
    assert use(keys).seq == 1
    say(keys, "k2", 2)
    assert use(keys, "k2").seq == 2
    say(keys, owner=b"stay")
    assert kept.asked == [(7, None), (b"stay", None)]


def test_where_it_cannot_be_read_nothing_is_said(keys, kept):
    kept.problem = Reject("Later.", code="try_again")
    assert refusal(use, keys) == "try_again"
    kept.problem = None
    say(keys)
    assert len(kept.asked) == 2


def test_who_came_with_this_server_has_said_nothing_before(keys, kept):
    say(keys, owner=b"stay", is_new=True)
    assert use(keys, owner=b"stay", is_new=True).seq == 1
    assert kept.asked == []


def test_who_is_here_only_now_is_known_as_long(keys, kept):
    somebody = object()
    assert say(keys, owner=somebody).stored is None
    assert use(keys, owner=somebody).seq == 1
    assert kept.asked == []
    assert use(keys).stored == (7, "k1", HELLO)


def test_it_is_known_for_a_day(keys, clock):
    say(keys)
    clock.now += timedelta(hours=24)
    assert use(keys).seq == 1
    clock.now += timedelta(seconds=1)
    say(keys)


@pytest.mark.parametrize(("said", "place"), [(digest("Hello?"), "lobby"), (HELLO, "garden"), (digest("Hello!", 3), "")])
def test_another_text_or_place(keys, said, place):
    begun = use(keys)
    assert refusal(use, keys, said=said, place=place) == "key_reused"
    begun.free()
    say(keys)
    assert refusal(use, keys, said=said, place=place) == "key_reused"


def test_a_place_that_is_not_named_is_the_same(keys):
    say(keys, place="lobby")
    assert use(keys, place="").seq == 1


def test_a_text_that_is_gone_is_any(keys, kept):
    kept.kept[7] = [used(said=b"")]
    assert use(keys, said=digest("Hello?")).seq == 1
    assert refusal(use, keys, place="garden") == "key_reused"


def test_the_second_waits_until_it_is_kept(keys):
    begun, woken = use(keys), []
    with pytest.raises(WaitsError):
        use(keys)
    begun.when_settled(lambda: woken.append("now"))
    begun.done("lobby", Ack(None, 1, 1, 1), is_kept=True)
    begun.free()
    with pytest.raises(WaitsError):
        use(keys)
    assert not woken
    begun.settled(None)
    assert woken == ["now"]
    assert use(keys).seq == 1


def test_a_refused_one_uses_no_key(keys):
    begun, woken = use(keys), []
    begun.when_settled(lambda: woken.append("now"))
    begun.free()
    assert woken == ["now"]
    say(keys, said=digest("Hello?"))


def test_what_was_not_kept_at_once_is_asked_for(keys, kept):
    say(keys, problem=OFF)
    kept.problem = Reject("Later.", code="try_again")
    assert refusal(use, keys) == "try_again", "it may still be kept"
    kept.problem, kept.kept[7] = None, [used(seq=5)]
    assert use(keys).seq == 5, "it was, and with another number"
    say(keys, "k2", problem=OFF)
    say(keys, "k2", seq=6)
    assert use(keys, "k2").seq == 6, "it was not, and so was said again"


def test_what_was_not_kept_and_nobody_can_tell(clock):
    keys = Keys(Nothing(), clock)
    say(keys, problem=OFF, is_kept=False)
    assert refusal(use, keys) == "not_stored"


def test_numbers_that_have_changed_are_read_again(keys, kept):
    say(keys, "k0")
    begun = use(keys)
    begun.done("lobby", Ack(None, 1, 1, 1), is_kept=True)
    keys.forget()
    begun.settled(None)
    begun.free()
    kept.kept[7] = [used("k0", 3), used("k1", 4)]
    assert (use(keys, "k0").seq, use(keys).seq) == (3, 4)
    assert kept.asked == [(7, None)] * 2


def test_what_nobody_keeps_stays_in_memory(keys, kept):
    say(keys, place="@conversation", is_kept=False)
    say(keys, "k2", place="@conversation", problem=OFF, is_kept=False)
    begun = use(keys, "k3", place="@conversation")
    begun.done("@conversation", Ack(None, 3, 3, 3), is_kept=False)
    keys.forget()
    begun.settled(None)
    assert use(keys, place="").seq == 1
    assert use(keys, "k3", place="").seq == 3
    assert refusal(use, keys, "k2", place="") == "not_stored", "a plugin knows of rooms only"


def test_a_store_of_the_core_hands_in_its_own(keys, kept):
    keys.sources.append(lambda owner, key: [used("k9", 9, room="@conversation")])
    kept.kept[7] = [used()]
    assert use(keys, "k9", place="@conversation").seq == 9
    assert use(keys).seq == 1


def test_there_is_a_bound_for_each_and_for_all(keys, kept, monkeypatch):
    monkeypatch.setattr(module, "MOST_EACH", 3)
    monkeypatch.setattr(module, "MOST_IN_ALL", 6)
    for number in range(5):
        say(keys, f"k{number}", number + 1)
    assert [use(keys, f"k{number}").seq for number in (2, 3, 4)] == [3, 4, 5]
    open_one = use(keys, "k1", owner=8)
    for owner in range(10, 20):
        say(keys, owner=owner)
    assert len(keys._books) <= 4
    with pytest.raises(WaitsError):
        use(keys, "k1", owner=8)
    open_one.free()
    kept.kept[7] = [used("k4", 5)]
    assert use(keys, "k4").seq == 5, "it is read once more"
    assert kept.asked.count((7, None)) == 2


def test_who_has_used_none_for_a_day_is_forgotten(keys, clock):
    for owner in range(5):
        say(keys, owner=owner)
    clock.now += timedelta(hours=25)
    for owner in range(10, 16):
        say(keys, owner=owner)
    assert set(keys._books) == set(range(10, 16))
    assert keys._count == 12
