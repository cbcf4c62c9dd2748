"""What people type to search, and what is understood by it."""

import sqlite3
from datetime import UTC, datetime

import pytest
from greenchat_plugins.history import index, search, store
from greenchat_plugins.history.search import Reach
from hypothesis import example, given
from hypothesis import strategies as st

from greenchat.errors import Reject
from greenchat.search import query, terms
from greenchat.search.query import Query, Unit
from greenchat.search.query import parse_query as parse
from greenchat.storage.sqlite import open_database, transaction


def units(text):
    return [(" ".join(term.removeprefix(".") for term in unit.terms), unit.begins) for unit in parse(text).units]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("roses", [("roses", False)]),
        ("ROSES Garden roses", [("roses", False), ("garden", False)]),
        ("don't", [("don t", False)]),
        ("roses*", [("roses", True)]),
        ("ros* ro*", [("ros", True), ("ro", False)]),
        ("r*ses", [("r ses", False)]),
        ('"exact words"', [("exact words", False)]),
        ("“exact words”", [("exact words", False)]),
        ('"exact words" roses*', [("exact words", False), ("roses", True)]),
        ('roses"exact words"', [("roses", False), ("exact words", False)]),
        ('"one" "two words', [("one", False), ("two", False), ("words", False)]),
        ('"" roses', [("roses", False)]),
        ("foo:bar", [("foo bar", False)]),
        ("http://x", [("http x", False)]),
        ("x:from:bob", [("x from bob", False)]),
        ("has:link", [(">link", False)]),
        ("HAS:Link has:link", [(">link", False)]),
        ("roses, (garden).", [("roses", False), ("garden", False)]),
    ],
)
def test_words(text, expected):
    assert units(text) == expected


def test_operators():
    found = parse('from:bob in:dev before:2026-11-01 after:2026-10-01 has:link "exact words" roses*')
    assert found == Query(
        (Unit((".exact", ".words")), Unit((".roses",), begins=True), Unit((terms.LINK,))),
        ("<bob",),
        ("dev",),
        datetime(2026, 10, 1, tzinfo=UTC),
        datetime(2026, 11, 1, tzinfo=UTC),
    )


def test_several_of_a_kind():
    found = parse(
        'From:bob FROM:"Bob" from:ｅｖｅ in:dev in:"garden" after:2026-10-01 after:2026-10-03 before:2026-12-01'
    )
    assert found.senders == ("<bob", "<eve")
    assert found.rooms == ("dev", "garden")
    assert (found.since, found.until) == (datetime(2026, 10, 3, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("written", "time"),
    [
        ("2026-10-01", datetime(2026, 10, 1, tzinfo=UTC)),
        ("2026-10-01T18:30", datetime(2026, 10, 1, 18, 30, tzinfo=UTC)),
        ("2026-10-01T18:30:05Z", datetime(2026, 10, 1, 18, 30, 5, tzinfo=UTC)),
        ("2026-10-01t18:30:05.25z", datetime(2026, 10, 1, 18, 30, 5, 250_000, tzinfo=UTC)),
        ("2026-10-01T18:30+02:00", datetime(2026, 10, 1, 16, 30, tzinfo=UTC)),
    ],
)
def test_days_and_times(written, time):
    assert parse(f"after:{written}").since == time


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("", "empty", r"Which words\?"),
        (" \t\n", "empty", r"Which words\?"),
        ("* ! ? ** - .", "empty", r"Which words\?"),
        ('""', "empty", r"Which words\?"),
        ("from: bob", "usage", "Whose messages\\? Write a name, with no space before it: from:bob"),
        ('roses from:""', "usage", "Whose messages"),
        ("in:", "usage", "In which room"),
        ("before:", "usage", "'' is no day"),
        ("before:yesterday", "usage", "'yesterday' is no day. Write it like after:2026-10-01, or with a time"),
        ("before:2026-02-30", "usage", "is no day"),
        ("after:20261001", "usage", "is no day"),
        ("after:2026-10-01T25:00", "usage", "is no day"),
        ("after:0001-01-01T00:00+14:00", "usage", "is no day"),
        ("after:٢٠٢٦-10-01", "usage", "is no day"),
        ("has:image", "usage", "cannot be searched for 'image'. Write has:link."),
        ("word " * 17, "too_long", "more than 16 words"),
        ("from:a " * 17, "too_long", "more than 16 conditions"),
        ('"' + "word " * 65 + '"', "too_long", "too many words"),
        ("好" * 66, "too_long", "too many words"),
    ],
)
def test_what_is_refused_says_what_to_write(text, code, says):
    with pytest.raises(Reject, match=says) as refused:
        parse(text)
    assert refused.value.code == code


def test_the_help_is_true():
    example = query.SEARCH_HELP.splitlines()[-1].removeprefix("Example: /search ")
    assert parse(example) == Query(
        (Unit((".roses",)), Unit((".garden",))), ("<bob",), since=datetime(2026, 10, 1, tzinfo=UTC)
    )


# --- whatever somebody types ---

ODD = "from: in: before: after: has:link \" ' * 2026-10-01 AND OR NOT NEAR( ) ( { } ^ + - : c++ :-) 0. 天气 학교 👍🏽"
PIECES = st.one_of(st.text(max_size=12), st.sampled_from([*ODD.split(), " ", "\x00"]))


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    connection = open_database(tmp_path_factory.mktemp("query") / "history.sqlite3", store.MIGRATIONS)
    transaction(connection, index.index_more)
    yield connection
    connection.close()


@given(text=st.lists(PIECES, max_size=12).map("".join))
@example(text='"')
@example(text='from:"')
@example(text="'\"' OR \"")
@example(text=':"-)')
def test_whatever_is_typed_is_refused_or_looked_for(database, text):
    try:
        asked = parse(text)
    except Reject:
        return
    try:
        assert search.search(database, asked, Reach(True, (7,), (), (3,)), 0, 10) == []
    except sqlite3.Error as error:
        raise AssertionError(f"{asked} is nothing for SQLite") from error


@given(sender=st.text(min_size=1, max_size=8), text=st.text(max_size=60))
def test_a_message_is_found_by_all_that_was_said(sender, text):
    """What is copied from a message finds it, if it has a word. Quotation marks end what is looked for, and signs
    behind one are found with it alone."""
    made = terms.terms_of(0, 1, sender, text).split(" ")
    for word in text.split():
        if '"' in word:
            continue
        try:
            asked = parse(f'"{word}"')
        except Reject:
            continue
        for unit in asked.units:
            sought = [f"0{term}" for term in unit.terms]
            places = range(len(made) - len(sought) + 1)
            assert any(
                made[place : place + len(sought) - 1] == sought[:-1]
                and (made[place + len(sought) - 1] == sought[-1] or unit.begins)
                and made[place + len(sought) - 1].startswith(sought[-1])
                for place in places
            ), (unit, made)
