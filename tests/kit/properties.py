"""What holds for whatever is tried: hypothesis, as the tests use it, and anything that can be in the vocabulary."""

from datetime import UTC, datetime
from types import NoneType
from typing import Union, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from greenchat.protocol.requests import Edit, RunCommand, Say
from greenchat.protocol.text import FORBIDDEN, is_blank

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
TEXT = ANY_TEXT.map(lambda text: FORBIDDEN.sub("", text))
SEEN = TEXT.filter(lambda text: not is_blank(text))
LINES = st.builds(lambda first, others, last: "\n".join([first, *others, last]), SEEN, st.lists(TEXT, max_size=2), SEEN)

PLAIN_VALUES = {
    str: ANY_TEXT,
    int: st.integers(0, 2**63 - 1),
    float: st.floats(0, 1e9),
    bool: st.booleans(),
    datetime: st.datetimes(timezones=st.just(UTC)),
    NoneType: st.none(),
}

# What goes over the wire is not all that a field could hold.
FIELDS = {
    (Say, "text"): TEXT | LINES,
    (Edit, "text"): TEXT | LINES,
    (RunCommand, "args"): st.dictionaries(
        ANY_TEXT, TEXT | LINES | st.integers(0, 9) | st.booleans() | st.none() | st.lists(TEXT, max_size=2), max_size=2
    ),
    (Say, "key"): st.sampled_from(["", "k", "0b9f-ä"]),
}


def for_all(*strategies):
    """hypothesis' `given`, with the same examples in each run, on however busy a machine."""
    return lambda test: settings(derandomize=True, deadline=None, max_examples=150)(given(*strategies)(test))


def any_of(kinds):
    """Something of one of these kinds of events, requests or answers, whatever is in its fields."""
    return st.one_of([_struct(kind) for kind in kinds])


def _struct(kind):
    hints = get_type_hints(kind)
    names = kind.__struct_fields__
    return st.builds(
        kind, **{name: FIELDS[kind, name] if (kind, name) in FIELDS else _value(hints[name]) for name in names}
    )


def _value(hint):
    arguments = get_args(hint)
    if get_origin(hint) is list:
        return st.lists(_value(arguments[0]), max_size=3)
    if get_origin(hint) is dict:
        return st.dictionaries(*map(_value, arguments), max_size=3)
    if arguments:
        assert get_origin(hint) is Union or isinstance(hint, type(int | str)), hint
        return st.one_of([_value(argument) for argument in arguments])
    return _struct(hint) if issubclass(hint, msgspec.Struct) else PLAIN_VALUES[hint]
