"""What plugins rely on changes only where that was meant, and is told in the changelog."""

import warnings

import pytest
from kit import surface

import greenchat
from greenchat.hooks import deprecation
from greenchat.hooks.deprecation import deprecated


def test_nothing_public_changes_without_a_line_in_the_changelog():
    before = surface.snapshot()
    found = surface.changes(before, surface.surface())
    if found:
        pytest.fail(surface.ADVICE.format(changes="\n".join(found.values()), version=surface.latest(before)))
    later = [name for name, (_, since) in before.items() if since != "1.0"]
    assert surface.unnamed(later) == []
    assert surface.number(greenchat.api_version) >= surface.number(surface.latest(before))


def test_what_counts_as_a_change():
    before = {"a": ("(x)", "1.0"), "b": ("a class", "1.0")}
    assert surface.changes(before, {"a": "(x)", "b": "a class"}) == {}
    assert set(surface.changes(before, {"a": "(x, y=)", "c": "a value"})) == {"a", "b", "c"}


def test_arguments_hooks_and_attributes_are_in_it():
    now = surface.surface()
    assert now["Reject"] == "a class"
    assert now["Session.say"] == "(self, text, *, action=, room=, reply_to=)"
    assert now["Say"].startswith("a struct: text, room=")
    assert "message" in now["greenchat_check_message"]
    assert "ChatServer.data_dir" in now


def test_what_is_deprecated_is_told_once_with_what_to_do(caplog):
    deprecation.forget()

    def old():
        deprecated("old()", instead="new()", until="2.0")

    with pytest.warns(DeprecationWarning, match=r"old\(\) is deprecated, and goes with API 2\.0: use new\(\)"):
        old()
    (record,) = caplog.records
    assert __name__ in record.getMessage()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        old()
