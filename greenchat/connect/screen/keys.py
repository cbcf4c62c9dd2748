"""All keys of the screen, as F1 shows them. Those of the box are in box.py, and named here."""

from typing import NamedTuple


class Key(NamedTuple):
    """`keys` as Textual spells them, with commas between several for the same; `action` is the screen's method for it,
    empty where the box has it; `shown` is how people call them."""

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
    Key("escape", "cancel", "Esc", "Select none; answer and change nothing"),
    Key("alt+left", "step(-1)", "Alt-Left, Alt-Right", "The conversation before, or behind"),
    Key("alt+right", "step(1)", "", ""),
    Key("alt+a", "unread", "Alt-A", "The next with something unread"),
    Key("ctrl+k", "jump", "Ctrl-K", "To any conversation, by some letters of its name"),
    Key("alt+1", "go(1)", "Alt-1 to Alt-9", "A conversation by its number"),
    *(Key(f"alt+{number}", f"go({number})", "", "") for number in range(2, 10)),
    Key("pageup", "scroll(-1)", "PageUp, PageDown", "Read back, and on"),
    Key("pagedown", "scroll(1)", "", ""),
    Key("ctrl+end,alt+end", "latest", "Ctrl-End", "To the latest"),
    Key("f2", "fold('conversations')", "F2, F3", "Show or hide conversations, members"),
    Key("f3", "fold('members')", "", ""),
    Key("alt+m", "people", "Alt-M", "Somebody who is here: talk to them, who is that, read nothing more of them"),
    Key("f1", "help", "F1", "These keys"),
    Key("ctrl+l", "redraw", "Ctrl-L", "Draw all anew"),
    Key("ctrl+c", "interrupt", "Ctrl-C", "Clear the line; twice: leave"),
    Key("ctrl+d", "end", "Ctrl-D", "Leave, where nothing is typed"),
    Key("ctrl+q", "leave", "Ctrl-Q", "Leave"),
)  # fmt: skip

BOX_KEYS = (
    ("Enter, Alt-Enter", "Send; a new line. With a message selected and nothing typed: all that can be done with it"),
    ("Up, Down", "What you sent before"),
    ("Tab", "Complete a name, a room or a command"),
    ("Ctrl-A, Ctrl-E", "To the start or the end of the line"),
    ("Ctrl-Left, Ctrl-Right", "Word by word"),
    ("Ctrl-W, Ctrl-U, Ctrl-K", "Cut a word, up to the start, up to the end; Ctrl-Y puts it back"),
)


def table() -> list[tuple[str, str]]:
    """What F1 shows."""
    return [(key.shown, key.what) for key in KEYS if key.shown] + [*BOX_KEYS]
