"""Settings of the screen and its keys: from the file, by /set, and what is seen of them."""

import pytest
from kit.programs import Program
from kit.screens import on_screen, steps

from greenchat.connect.client_file import ClientFile
from greenchat.connect.screen import keymap
from greenchat.connect.screen.theme import DARK, LIGHT
from greenchat.connect.settings import Settings, read
from greenchat.errors import ConfigError


@steps
async def test_set_shows_changes_at_once_and_keeps(server, tmp_path, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    file = ClientFile(tmp_path / "connect.toml")
    async with on_screen(server, "ada", tmp_path, size=(120, 30), file=file) as ada:
        await ada.type("good morning", "enter")
        await ada.sees("good morning", "1 here")
        await ada.type("/set", "enter")
        await ada.sees("theme auto (auto, dark, light, none)", "members auto (auto, show, hide)", "They are kept in")
        await ada.type("/set members hide", "enter")
        await ada.sees("members is hide now.")
        assert "1 here" not in ada.text
        await ada.type("/set members usual", "enter")
        await ada.sees("1 here")
        await ada.type("/set theme light", "enter")
        await ada.sees("theme is light now.")
        grounds = {segment.style.bgcolor.name for strip in strips(ada) for segment in strip if segment.style}
        assert LIGHT.background in grounds
        assert DARK.background not in grounds
        assert any(":" in line.split("ada")[0] for line in ada.lines if "good morning" in line)
        await ada.type("/set times off", "enter")
        await ada.until(lambda: not any(":" in line.split("ada")[0] for line in ada.lines if "good morning" in line))
        await ada.type("/set bell loud", "enter")
        await ada.sees("bell is on or off, not loud.")
        assert read(file).settings == Settings(theme="light", times=False)
        (tmp_path / "connect.toml").write_text('theme = "dark"\ntimes = 3\n')
        await ada.type("/set", "enter")
        await ada.sees("theme dark", "line 2: times is true or false.")


def strips(screen):
    return screen.app.screen._compositor.render_strips()


@steps
async def test_keys_of_ones_own(server, tmp_path):
    file = ClientFile(tmp_path / "connect.toml")
    chosen = Settings(keys={"next": "Alt-N", "unread": "alt+r", "line-start": "ctrl+b", "reply": "x", "recal": "f8"})
    async with on_screen(server, "ada", tmp_path, settings=chosen, file=file) as ada:
        await ada.until(lambda: "every terminal tells of" in ada.text and "you mean recall?" in ada.text)
        await ada.type("/join garden", "enter")
        await ada.until(lambda: ada.chats.current == "garden")
        await ada.press("alt+n")
        await ada.until(lambda: ada.chats.current == "lobby")
        await ada.press("alt+right")
        assert ada.chats.current == "lobby", "the usual one does not do it any more"
        with Program(server) as bob:
            bob.join(name="bob", room="garden")
            bob.request(type="say", text="Roses", room="garden")
            await ada.sees("(1 unread elsewhere)")
            await ada.press("alt+r")
            await ada.until(lambda: ada.chats.current == "garden")
        await ada.type("ow", "ctrl+b")
        await ada.type("n")
        assert ada.lines[-1] == "> now"
        await ada.press("ctrl+u", "ctrl+k")
        await ada.press("f1")
        await ada.sees("Alt-Left, Alt-N")
        await ada.press("escape")
        await ada.type("/set keys unread F9", "enter")
        await ada.sees("unread is on F9 now.")
        await ada.type("/set keys.unread", "enter")
        await ada.sees("unread F9")
        await ada.type("/set keys.unread alt+n", "enter")
        await ada.sees("Alt-N is chosen for next already.")
        assert read(file).settings.keys == {"unread": "F9"}
        await ada.type("/set keys.unread ctrl+c", "enter")
        await ada.sees("unread is on Ctrl-C now. No key has now: interrupt.")
        await ada.type("/set keys.unread usual", "enter")
        await ada.sees("unread has its usual key now.")
        assert read(file).settings.keys == {}


@steps
async def test_the_screen_tells_of_the_keys_that_are_chosen(server, tmp_path):
    chosen = Settings(keys={"help": "F5", "message-up": "Alt-Z", "original": "Alt-W", "latest": "F6"})
    async with on_screen(server, "ada", tmp_path, settings=chosen) as ada:
        await ada.sees("F5 keys")
        await ada.press("alt+c")
        await ada.sees("Select a message first: Alt-Z.")
        await ada.press("alt+w")
        await ada.sees("Select an answer first: Alt-Z.")
        for number in range(30):
            await ada.type(f"line {number}", "enter")
        await ada.sees("line 29")
        await ada.press("alt+z")
        await ada.press("alt+r")
        await ada.type("Yes", "enter")
        await ada.sees("Yes")
        await ada.press("escape", "alt+z")
        await ada.press("enter")
        await ada.sees("Alt-W", "Go to what it answers")
        await ada.press("escape", "escape", "pageup")
        await ada.sees("reading back: F6")
        await ada.press("f6")
        await ada.type("/set keys.help none", "enter")
        await ada.sees("/set keys")


@steps
async def test_one_comes_into_all_rooms_of_a_profile_and_looks_at_the_first(server, tmp_path):
    file = ClientFile(tmp_path / "connect.toml")
    file.path.write_text('theme = "dark\n')
    async with on_screen(server, "ada", tmp_path, size=(200, 30), rooms=("garden", "cellar"), file=file) as ada:
        await ada.sees("connect.toml, line 1: this is not valid TOML", "all settings are the usual ones.")
        await ada.sees("1 #cellar", "2 #garden", "3 #lobby")
        assert ada.chats.current == "lobby"
        assert ada.lines[0].startswith(" #lobby")


@pytest.mark.parametrize(
    ("text", "keys"),
    [("Alt-N", "alt+n"), ("ctrl+up,F5", "ctrl+up,f5"), ("Shift-Ctrl-Left", "ctrl+shift+left"), ("none", "")],
)
def test_how_keys_are_written(text, keys):
    assert keymap.understood("unread", text, {}) == keys


@pytest.mark.parametrize("text", ["a", "up", "ctrl+i", "alt+shift+n", "ctrl+1", "hyper+x", "", "alt+", "ctrl+\x1b"])
def test_what_no_terminal_tells_of(text):
    with pytest.raises(ConfigError) as refused:
        keymap.understood("unread", text, {})
    assert str(refused.value).isprintable()


def test_all_that_keys_do_has_a_name_of_its_own_for_the_file():
    names = [keymap.called(key) for key in keymap.ALL]
    assert len(set(names)) == len(names)
    assert all(name.replace("-", "").isalnum() for name in names), names


@steps
async def test_what_calls_a_guest_holds_until_they_leave(server, tmp_path):
    async with on_screen(server, "ada", tmp_path) as ada:
        await ada.type("/join garden", "enter")
        await ada.until(lambda: ada.chats.current == "garden")
        await ada.press("alt+2")
        await ada.type("/notify none", "enter")
        await ada.sees("What calls you in lobby: none.")
        assert ada.chats.places["lobby"].level == "none"
        assert ada.chats.places["garden"].level == "usual"
        await ada.type("/notify loudly", "enter")
        await ada.sees("LEVEL is one of")
