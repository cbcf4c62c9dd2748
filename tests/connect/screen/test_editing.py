"""Line editing, by what stands there and where the cursor is."""

import pytest

from greenchat.connect.screen.editing import Editor
from greenchat.connect.screen.laying import lay
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
    assert editor.text == "one two  three", "what is cut in a row comes back as one"
    editor.kill_word()
    editor.home()
    editor.word_right()
    editor.kill_to_end()
    assert (editor.text, editor.cursor) == ("one", 3)
    editor.kill_to_start()
    assert editor.text == ""
    editor.yank()
    assert editor.text == "one two  "
    editor.word_left()
    editor.word_left()
    assert editor.cursor == 0


def test_what_was_sent_is_brought_back_but_no_secrets():
    editor = Editor(lambda text: "secret" not in text)
    for text in ("first", "a secret", "second\nline"):
        editor.insert(text)
        assert editor.take() == text
    editor.insert("draft")
    assert editor.earlier()
    assert editor.text == "second\nline"
    assert editor.earlier()
    assert editor.text == "first"
    assert not editor.earlier()
    editor.later()
    editor.later()
    assert editor.text == "draft"
    assert not editor.later()


def test_what_was_cut_comes_back_as_in_emacs():
    editor = Editor(secret_start=lambda text: text.find("pw") % (len(text) + 1))
    editor.insert("one two three")
    editor.kill_word()
    editor.kill_word()
    editor.left()
    editor.kill_to_start()
    editor.yank()
    assert editor.text == "one "
    editor.yank_earlier()
    assert editor.text == "two three "
    editor.yank_earlier()
    assert editor.text == "one "
    editor.set("/login pw")
    editor.kill_word()
    editor.yank()
    assert editor.text == "/login one", "a secret is not kept"


def test_undo():
    editor = Editor()
    for character in "one two  three":
        editor.insert(character)
    editor.undo()
    assert editor.text == "one two  "
    editor.undo()
    assert editor.text == "one "
    editor.insert("pasted text")
    editor.kill_word()
    editor.backspace()
    editor.backspace()
    for text in ("one pasted ", "one pasted text", "one "):
        assert editor.undo()
        assert editor.text == text
    editor.take_back()
    editor.undo()
    assert (editor.text, editor.cursor) == ("one ", 4)
    editor.take()
    assert not editor.undo(), "what is sent is sent"


def places(text):
    """Where the cursor may stand, one step after the other; and the same way back."""
    editor = Editor()
    editor.set(text, 0)
    found = [0]
    while editor.cursor < len(text):
        editor.right()
        found.append(editor.cursor)
    for place in reversed(found):
        assert editor.cursor == place
        editor.left()
    return found


@pytest.mark.parametrize(
    "text", ["plain words in here", "世界世界世界", f"a{FAMILY}b{FLAG}{THUMB}", "a\n\nbc", "x" * 30]
)
def test_who_points_at_a_sign_gets_there(text):
    laid = lay(text, 8)
    for at in places(text):
        row, column = laid.where(at)
        assert column < 8
        assert laid.at(row, column) == at
        if laid.under(at) == 2:
            assert laid.at(row, column + 1) == at
    assert laid.at(len(laid.rows) - 1, 7) == len(text)
    assert laid.at(99, 99) == len(text)


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
    assert lines("ab 世界世界", 6) == ["ab 世", "界世界"], "which has no spaces between words"
    assert lines("世界世。世（世", 6) == ["世界", "世。世", "（世"], "with what they belong to"
    assert (cut("a longer text", 8), cut("世界世界", 5), cut("two\nlines", 20)) == ("a longe…", "世界…", "two lines")


def test_what_drives_terminals_is_not_there():
    assert "".join(one.text for one in graphemes("a\x1b[2J\x9b\u202eb\u2066")) == "a?[2J??b?"
    assert width_of("\u200d\u200b\ufe0f") == 0
    assert len("".join(one.text for one in graphemes("Z" + "\u0300" * 500))) < 40
