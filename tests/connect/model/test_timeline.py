"""A timeline holds each thing once, in order, and no more of it than it may."""

from datetime import UTC, datetime, timedelta

import pytest

from greenchat.connect.model.rows import rows, summary
from greenchat.connect.model.timeline import KEPT, SLACK, Gone, Timeline, Told
from greenchat.protocol.events import Deleted, Edited, Joined, Left, Message, Reacted, Renamed

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def said(seq, text="", sender="bob", minute=0, rev=0, **more):
    text = text or f"number {seq}"
    return Message("lobby", seq, 100 + seq, sender, text, NOON + timedelta(minutes=minute), rev=rev or seq, **more)


def kinds(timeline, mark=None):
    return [row.kind for row in rows(timeline, mark, UTC)]


def texts(timeline):
    return [item.what.text for item in timeline.items if isinstance(item.what, Message)]


def test_pages_and_news_fit_together():
    timeline = Timeline()
    timeline.add(said(5), said(6))
    timeline.add(said(3), said(4), said(5))
    timeline.add(said(7))
    assert (timeline.first, timeline.last, texts(timeline)) == (3, 7, [f"number {seq}" for seq in range(3, 8)])


def test_an_older_state_changes_nothing():
    timeline = Timeline()
    timeline.add(said(1, rev=1), said(2, "new", rev=9))
    timeline.add(said(2, "old", rev=2))
    assert texts(timeline) == ["number 1", "new"]
    timeline.changed(Edited("lobby", 2, 5, "between", "bob", NOON))
    assert texts(timeline) == ["number 1", "new"]


def test_a_change_may_come_before_its_message():
    timeline = Timeline()
    assert timeline.changed(Edited("lobby", 1, 8, "changed", "bob", NOON)) is None
    timeline.changed(Deleted("lobby", 2, 9, "bob", NOON))
    timeline.add(said(1), said(2))
    assert texts(timeline) == ["changed"]
    assert isinstance(timeline.item(2).what, Gone)
    timeline.add(said(2))
    assert isinstance(timeline.item(2).what, Gone), "a page that was on its way does not bring it back"


def test_reactions():
    timeline = Timeline()
    timeline.add(said(1))
    timeline.changed(Reacted("lobby", 1, 2, "ada", "🎉", True, NOON))
    timeline.changed(Reacted("lobby", 1, 3, "eve", "🎉", True, NOON))
    timeline.renamed(Renamed("lobby", "eve", "Eva", NOON))
    assert timeline.message(1).reactions == {"🎉": ["ada", "Eva"]}
    timeline.changed(Reacted("lobby", 1, 4, "ada", "🎉", False, NOON))
    assert timeline.message(1).reactions == {"🎉": ["Eva"]}


def test_it_is_bounded_at_the_end_that_is_not_looked_at():
    timeline = Timeline()
    for seq in range(1, 3 * KEPT):
        timeline.add(said(seq))
    assert KEPT <= len(timeline) <= KEPT + SLACK
    assert (timeline.last, timeline.older, timeline.newer) == (3 * KEPT - 1, True, False)
    first = timeline.first
    for start in range(first - 100, first - 1000, -100):
        timeline.add(*(said(seq) for seq in range(start, start + 100)), at_end=False)
    assert len(timeline) <= KEPT + SLACK
    assert timeline.newer
    assert len(timeline._by_seq) == sum(not item.order for item in timeline.items)


def test_days_groups_and_folded_joins():
    timeline = Timeline()
    timeline.add(said(1), said(2), said(3, sender="eve"), said(4, minute=1), said(5, minute=24 * 60))
    assert kinds(timeline) == ["day", *["message"] * 4, "day", "message"]
    assert [row.head for row in rows(timeline, None, UTC) if row.kind == "message"] == [True, False, True, True, True]
    for minute, name in enumerate(("carl", "dora")):
        timeline.add(Joined("lobby", name, NOON + timedelta(days=1, minutes=minute)))
    timeline.add(Left("lobby", "carl", "left", NOON + timedelta(days=1, minutes=3)))
    timeline.add(Told("hello", NOON))
    assert kinds(timeline)[-2:] == ["folded", "told"]
    assert summary(rows(timeline, None, UTC)[-2].items) == "2 joined, 1 left"
    assert kinds(timeline, mark=4).index("new") == kinds(timeline).index("day", 1) + 1


def test_what_one_says_stands_last_until_it_has_a_number():
    timeline = Timeline()
    timeline.add(said(1))
    mine = timeline.say(said(0, "mine", "ada"))
    timeline.add(said(2))
    assert [row.item.what.text for row in rows(timeline, None, UTC)[1:]] == ["number 1", "number 2", "mine"]
    timeline.settle(mine, said(3, "mine", "ada"))
    timeline.settle(mine, said(3, "mine", "ada"))
    assert texts(timeline) == ["number 1", "number 2", "mine"]
    assert timeline.item(3).state == "stored"
    assert not timeline.waiting


@pytest.mark.parametrize("seq", [1, 3])
def test_a_number_that_was_given_again(seq):
    timeline = Timeline()
    timeline.add(said(1), said(2), said(3))
    timeline.add(Message("lobby", seq, 999, "eve", "another", NOON, rev=1))
    assert timeline.message(seq).text == "another"
    timeline.cut(1)
    assert timeline.last == 1


def test_what_is_quoted_and_not_here_is_changed_and_deleted_as_well():
    timeline = Timeline()
    timeline.add(said(300, reply_to=1))
    timeline.quote(1, said(1, "a secret"))
    timeline.changed(Edited("lobby", 1, 301, "no secret", "bob", NOON))
    assert rows(timeline, None, UTC)[-1].original.text == "no secret"
    timeline.changed(Deleted("lobby", 1, 302, "bob", NOON))
    assert rows(timeline, None, UTC)[-1].original == Gone(1, "bob", NOON)
    assert "secret" not in repr(timeline.quotes)
