"""The small bundled plugins in the hands of those who mean harm: much of all they take, and what no calendar has."""

import http.client
import random
import re
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from greenchat_plugins import karma, polls, reminders

from greenchat.testing import Chat, serving

pytestmark = pytest.mark.alone

TOKEN = "a long random word"

# How many posts come in a second, and for how many seconds; with --full, more of these.
POSTS, SECONDS = 1000, 3


def test_a_webhook_posted_a_thousand_times_a_second_holds_nobody_up(full):
    seconds = SECONDS * (4 if full else 1)
    settings = {
        "plugins.webhooks.on": True,
        "plugins.webhooks.may": ["speak"],
        "plugins.webhooks.incoming": {"ci": {"token": TOKEN}},
    }
    with serving(settings=settings) as server:
        ada, bob = server.join("ada"), server.join("bob")
        statuses, slowest, over = [], 0.0, threading.Event()

        def post(share):
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
            due = time.monotonic()
            for number in range(share):
                due += seconds / share
                time.sleep(max(0.0, due - time.monotonic()))
                token = TOKEN if number % 2 else "not the token at all"
                connection.request("POST", "/webhooks/ci", f"{number}", {"Authorization": f"Bearer {token}"})
                answer = connection.getresponse()
                answer.read()
                statuses.append(answer.status)

        posters = [threading.Thread(target=post, args=(POSTS * seconds // 10,)) for _ in range(10)]
        for poster in posters:
            poster.start()
        waiter = threading.Thread(target=lambda: ([one.join() for one in posters], over.set()))
        waiter.start()
        asked = 0
        while not over.is_set():
            began = time.monotonic()
            asked += 1
            ada.send(f"MSG|still {asked}?")
            while bob.read() != f"MSG|ada|still {asked}?":
                pass
            slowest = max(slowest, time.monotonic() - began)
        waiter.join()
        assert len(statuses) == POSTS * seconds
        assert set(statuses) <= {204, 403, 429, 503}
        assert statuses.count(204) >= 100
        assert statuses.count(403) > 0
        assert slowest < 2, "somebody who chats has waited for them"
        off = server.call(server.server.stats).plugins_off
        assert off == {}


def test_a_poll_of_ten_thousand_votes_counts_each_and_tells_few_charts(full):
    votes = 10_000 if full else 3_000
    chat = Chat(polls)
    ada, bob = chat.join("ada"), chat.join("bob", kind="json")
    ada.says("/poll Which? a, b, c, d")
    dice = random.Random(7)
    counts, last = [0, 0, 0, 0], {}
    people = [chat.join(f"g{number}") for number in range(50)]
    store = next(one for one in chat.server.plugins.on if one.name == "polls").ctx.store.room("lobby")
    for number in range(votes - 50):  # of people who have come and gone
        choice = dice.randrange(4)
        counts[choice] += 1
        store[f"account {number + 1000}"] = choice
    store["poll"] |= {"counts": counts[:]}
    for _ in range(4):
        for person in people:
            choice = dice.randrange(4)
            if person.name in last:
                counts[last[person.name]] -= 1
            counts[choice] += 1
            last[person.name] = choice
            assert person.asks(f"/vote {choice + 1}").startswith("You vote for")
            chat.tick("1s")
    charts = [one for one in bob.heard if one["type"] == "notice" and "asks:" in one["text"]]
    assert 2 <= len(charts) <= 8
    told = ada.asks("/poll").splitlines()
    assert told[0] == f"ada asks: Which? ({votes} voted)"
    assert [int(re.search(r"(\d+) for", line)[1]) for line in told[1:]] == counts
    began = time.monotonic()
    ada.says("/poll end")
    assert time.monotonic() - began < 5
    assert len(store) == 0


def test_karma_for_a_hundred_thousand_things_forgets_the_weakest(full):
    things = 100_000 if full else 30_000
    chat = Chat(karma)
    ada = chat.join("ada")
    for _ in range(5):
        ada.says("tea++ rain--")
        chat.tick("1m")
    store = next(one for one in chat.server.plugins.on if one.name == "karma").ctx.store.room("lobby")
    crowd = [chat.join(f"g{number}") for number in range(100)]
    longest = 0.0
    for turn in range(things // 1000):
        for at, person in enumerate(crowd):
            words = " ".join(f"thing{turn}x{at}x{number}++" for number in range(10))
            began = time.monotonic()
            person.says(words)
            longest = max(longest, time.monotonic() - began)
        chat.tick("1m")
        assert len(store) <= karma.MOST
    assert ada.asks("/karma tea") == "tea has 5 karma here."
    assert ada.asks("/karma rain") == "rain has -5 karma here."
    assert longest < 1


def test_one_message_of_nothing_else_gives_ten_points_and_holds_nobody():
    chat = Chat(karma)
    ada = chat.join("ada", kind="json")
    began = time.monotonic()
    for text in ("ab++ " * 190, "a" * 990 + "++", "a." * 490 + "+", "(" * 990, "-" * 990, "ab--" * 240, "a+" * 490):
        ada.says(text)
    assert time.monotonic() - began < 2
    assert ada.asks("/karma ab") == "ab has 10 karma here."


@pytest.mark.parametrize(
    "when",
    ["1000y", "365000d", "999999999999w", "3026-01-01", "9999-12-31", "9999-12-31 23:59", "0000-01-01", "0001-01-01"],
)
def test_a_reminder_in_a_thousand_years_is_refused_in_a_sentence(when):
    ada = Chat(reminders).join("ada", account=7)
    told = ada.asks(f"/remind {when} Tea")
    assert re.search(r"too far away|too short or too long|WHEN is a time|has passed", told)
    assert ada.asks("/reminders") == "There are none."


def test_the_longest_reminder_is_ten_years_away(utc):
    chat = Chat(reminders)
    ada = chat.join("ada", account=7)
    assert ada.asks("/remind 2036-01-02 Tea") == "You will be reminded on Wed 2 Jan 2036, 09:00 UTC."
    assert ada.asks("/remind 2036-01-04 Tea").startswith("2036-01-04 has passed, or is too far away.")
    chat.tick("30d")
    assert not ada.heard


# From which moment, what is typed, what is told, and when it is due.
SWITCHES = [
    # Summer begins: from 2:00 to 3:00 there is nothing.
    (
        datetime(2026, 3, 28, 20, tzinfo=UTC),
        "2:30",
        "Sun 29 Mar 2026, 03:30 CEST",
        datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
    ),
    (
        datetime(2026, 3, 28, 20, tzinfo=UTC),
        "tomorrow",
        "Sun 29 Mar 2026, 09:00 CEST",
        datetime(2026, 3, 29, 7, tzinfo=UTC),
    ),
    (datetime(2026, 3, 28, 20, tzinfo=UTC), "1d", "Sun 29 Mar 2026, 22:00 CEST", datetime(2026, 3, 29, 20, tzinfo=UTC)),
    # It ends: 2:00 to 3:00 is there twice, and the first is meant.
    (
        datetime(2026, 10, 24, 20, tzinfo=UTC),
        "2:30",
        "Sun 25 Oct 2026, 02:30 CEST",
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    ),
    (
        datetime(2026, 10, 24, 20, tzinfo=UTC),
        "tomorrow",
        "Sun 25 Oct 2026, 09:00 CET",
        datetime(2026, 10, 25, 8, tzinfo=UTC),
    ),
    (
        datetime(2026, 10, 25, 0, 45, tzinfo=UTC),
        "2:30",
        "Mon 26 Oct 2026, 02:30 CET",
        datetime(2026, 10, 26, 1, 30, tzinfo=UTC),
    ),
]


@pytest.mark.parametrize(("start", "typed", "told", "due"), SWITCHES)
def test_who_is_reminded_over_a_switch_of_clocks_is_reminded_once_and_then(berlin, start, typed, told, due):
    chat = Chat(reminders, start=start)
    ada = chat.join("ada", account=7)
    assert ada.asks(f"/remind {typed} Tea") == f"You will be reminded on {told}."
    chat.tick(due - start - timedelta(seconds=1))
    assert not ada.heard
    chat.tick("1s")
    assert ada.hears("Remember: Tea")
    chat.tick("2d")
    assert not ada.heard


def test_ten_thousand_reminders_of_two_hundred_people_are_told_to_their_own(utc):
    chat = Chat(reminders)
    people = [chat.join(f"p{number}", account=number + 1) for number in range(20)]
    for person in people:
        for number in range(30):
            person.says(f"/remind {number + 1}m {person.name} {number}")
    assert people[0].asks("/remind 1h one more").startswith("That is too often.")
    chat.tick("1h")
    for person in people:
        assert [line for line in person.heard if "Remember" in line] == [
            f"INFO|Remember: {person.name} {number}" for number in range(30)
        ]


def test_when_the_server_keeps_as_many_jobs_as_it_may_people_are_told_so(monkeypatch):
    from greenchat.hooks import jobs

    monkeypatch.setattr(jobs, "MOST", 3)
    ada = Chat(reminders).join("ada", account=7)
    for number in range(3):
        ada.says(f"/remind 1h {number}")
    assert ada.asks("/remind 1h more") == "So much is to be done later that no more is kept. Try again later."
