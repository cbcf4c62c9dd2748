"""Line editing, by what stands there and where the cursor is."""

import pytest

from greenchat.connect.screen.editing import Editor
from greenchat.connect.screen.wrapping import Span, cut, graphemes, width_of, wrap

FAMILY, FLAG, ACCENT, THUMB = "👩‍👩‍👧", "🇩🇪", "e\u0301", "👍🏽"


@pytest.mark.parametrize("one", ["a", "世", FAMILY, FLAG, ACCENT, THUMB, "☺️", "नि"])
def test_what_is_seen_as_one_is_one_step_and_one_backspace(one):
    editor = Editor()
    for character in f"x{one}y":
        editor.insert(character)
    editor.left()
    editor.left()
    assert editor.text[: editor.cursor] == "x"
    editor.right()
    editor.backspace()
    assert editor.text == "xy"
    editor.insert(one)
    editor.left()
    editor.delete()
    assert editor.text == "xy"


def test_as_in_a_shell():
    editor = Editor()
    editor.insert("one two  three")
    editor.kill_word()
    assert editor.text == "one two  "
    editor.kill_word()
    assert editor.text == "one "
    editor.yank()
    assert editor.text == "one two  "
    editor.home()
    editor.word_right()
    editor.kill_to_end()
    assert (editor.text, editor.cursor) == ("one", 3)
    editor.kill_to_start()
    assert editor.text == ""
    editor.yank()
    assert editor.text == "one"
    editor.word_left()
    assert editor.cursor == 0


def test_several_lines_and_what_was_sent():
    editor = Editor(lambda text: "secret" not in text)
    for text in ("first", "a secret", "second\nline"):
        editor.insert(text)
        assert editor.take() == text
    editor.insert("draft")
    assert editor.up()
    assert editor.text == "second\nline"
    assert editor.up(), "a line up"
    assert editor.up()
    assert editor.text == "first"
    assert not editor.up()
    editor.down()
    editor.down()
    assert editor.text == "draft"


def test_wrapping_by_words():
    def lines(text, width):
        return ["".join(segment.text for segment in line) for line in wrap([Span(text)], width)]

    assert lines("one two three", 7) == ["one two", "three"]
    assert lines("one  two", 4) == ["one ", "two"]
    assert lines("abcdefghij k", 4) == ["abcd", "efgh", "ij k"]
    assert lines("世界世界", 5) == ["世界", "世界"]
    assert lines(FAMILY * 3, 4) == [FAMILY * 2, FAMILY]
    assert lines("a\n\nb", 4) == ["a", "", "b"]
    assert lines("", 4) == [""]
    assert (cut("a longer text", 8), cut("世界世界", 5), cut("two\nlines", 20)) == ("a longe…", "世界…", "two lines")


def test_what_drives_terminals_is_not_there():
    assert "".join(one.text for one in graphemes("a\x1b[2J\x9b\u202eb\u2066")) == "a?[2J??b?"
    assert width_of("\u200d\u200b\ufe0f") == 0
    assert len("".join(one.text for one in graphemes("Z" + "\u0300" * 500))) < 40
