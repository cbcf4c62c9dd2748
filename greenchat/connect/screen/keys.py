"""All keys of the screen, as F1 shows them."""

from typing import NamedTuple


class Key(NamedTuple):
    """`keys` as Textual spells them, with commas between several for the same; `action` is the screen's method for it;
    `shown` is how people call them."""

    keys: str
    action: str
    shown: str
    what: str


KEYS = (
    Key("alt+up", "select(-1)", "Alt-Up, Alt-Down", "Select a message: it can be answered, changed, copied"),
    Key("alt+down", "select(1)", "", ""),
    Key("alt+r", "reply", "Alt-R", "Answer it"),
    Key("alt+e", "edit", "Alt-E", "Change it; without one selected, your last"),
    Key("alt+x", "delete", "Alt-X twice", "Delete it"),
    Key("alt+plus,alt+t", "react", "Alt-T", "React to it: Enter for 👍, or some letters of another name"),
    Key("alt+c", "copy", "Alt-C", "Copy it"),
    Key("alt+i", "quote", "Alt-I", "Quote it: it stands in the box"),
    Key("alt+g", "original", "Alt-G", "Go to what it answers"),
    Key("escape", "cancel", "Esc", "Shut a list, select no message, answer and change nothing"),
    Key("alt+left", "step(-1)", "Alt-Left, Alt-Right", "The conversation before, or behind"),
    Key("alt+right", "step(1)", "", ""),
    Key("alt+a", "unread", "Alt-A", "The next with something unread"),
    Key("alt+k", "jump", "Ctrl-K, Alt-K", "To any conversation, by some letters of its name"),
    Key("f4", "search", "F4", "Search in all that you may read; again: what you found"),
    Key("f5", "mentions", "F5", "What concerns you: your name, your words, answers"),
    Key("alt+1", "go(1)", "Alt-1 to Alt-9", "A conversation by its number"),
    *(Key(f"alt+{number}", f"go({number})", "", "") for number in range(2, 10)),
    Key("pageup", "scroll(-1)", "PageUp, PageDown", "Read back, and on"),
    Key("pagedown", "scroll(1)", "", ""),
    Key("alt+end,ctrl+end", "latest", "Ctrl-End", "To the latest"),
    Key("alt+o", "open", "Alt-O", "Open who came and went, or fold them again"),
    Key("f2", "fold('conversations')", "F2, F3", "Show or hide conversations, members"),
    Key("f3", "fold('members')", "", ""),
    Key("alt+m", "people", "Alt-M", "Somebody who is here: talk to them, who is that, read nothing more of them"),
    Key("f1", "help", "F1", "These keys"),
    Key("ctrl+l", "redraw", "Ctrl-L", "Draw all anew"),
    Key("ctrl+c", "interrupt", "Ctrl-C", "Clear the line; twice: leave"),
    Key("ctrl+d", "end", "Ctrl-D", "Leave, where nothing is typed"),
    Key("ctrl+q", "leave", "Ctrl-Q", "Leave"),
)  # fmt: skip

# What keys do in the box: `action` is the name of it in box.py.
BOX_KEYS = (
    Key("enter", "enter", "Enter, Alt-Enter", "Send, or use the message that is selected; a new line"),
    Key("alt+enter,ctrl+j,shift+enter", "new_line", "", ""),
    Key("up,ctrl+p", "up", "Up, Down", "A line up or down; what you sent before"),
    Key("down,ctrl+n", "down", "", ""),
    Key("ctrl+r", "recall", "Ctrl-R", "Search in what you sent"),
    Key("tab", "complete", "Tab, Shift-Tab", "Complete a name, a room, a command, an :emoji:"),
    Key("shift+tab", "complete_back", "", ""),
    Key("left,ctrl+b", "left", "", ""),
    Key("right,ctrl+f", "right", "", ""),
    Key("home,ctrl+a", "home", "Ctrl-A, Ctrl-E", "To the start or the end of the line"),
    Key("end,ctrl+e", "end", "", ""),
    Key("ctrl+left,alt+b", "word_left", "Ctrl-Left, Ctrl-Right", "Word by word; also Alt-B, Alt-F"),
    Key("ctrl+right,alt+f", "word_right", "", ""),
    Key("backspace,ctrl+h", "backspace", "", ""),
    Key("delete", "delete", "", ""),
    Key("ctrl+w", "kill_word", "Ctrl-W, Ctrl-U", "Cut a word; cut up to the start"),
    Key("alt+backspace,ctrl+backspace", "kill_word_back", "", ""),
    Key("alt+d,ctrl+delete", "kill_word_ahead", "", ""),
    Key("ctrl+u", "kill_to_start", "", ""),
    Key("ctrl+k", "kill_to_end", "Ctrl-K", "Cut up to the end of the line; go elsewhere where nothing stands there"),
    Key("ctrl+y", "yank", "Ctrl-Y, Alt-Y", "Put back what was cut; what was cut before it"),
    Key("alt+y", "yank_earlier", "", ""),
    Key("ctrl+underscore,ctrl+slash", "undo", "Ctrl-_", "Undo what you typed"),
)  # fmt: skip
