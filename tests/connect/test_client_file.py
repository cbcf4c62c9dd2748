"""What `connect.toml` may say, and what is told where it says something else."""

import pytest
from kit.terminals import ENTER, UP

from greenchat.connect.client_file import ClientFile
from greenchat.connect.settings import Settings, read, understood
from greenchat.errors import ConfigError

pytest_plugins = ["kit.terminal_fixtures"]


@pytest.fixture
def file(tmp_path):
    return ClientFile(tmp_path / "new" / "connect.toml")


def write(file, text):
    file.path.parent.mkdir(exist_ok=True)
    file.path.write_bytes(text.encode() if isinstance(text, str) else text)


def test_without_a_file_all_is_as_usual(file):
    assert read(file) == (Settings(), [])


def test_one_wrong_value_takes_nothing_else_with_it(file):
    text = 'theme = "light"\ntimes = "of"\nmembers = "hide"\nthem = "dark"\n\n[keys]\nunread = "alt+n"\nreply = 3\n'
    write(file, text + "next = ['alt+j', 'f6']\n[profiles.work]\nhost = 'h'\n")
    settings, problems = read(file)
    keys = {"unread": "alt+n", "next": "alt+j, f6"}
    assert settings == Settings(theme="light", members="hide", keys=keys)
    assert problems == [
        f"{file.path}, line 2: times is true or false.",
        f"{file.path}, line 4: there is no setting them. Did you mean theme?",
        f'{file.path}, line 8: write the key as a text, such as reply = "alt+n".',
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('theme = "dark"\ntimes = \n', "line 2: this is not valid TOML"),
        (b'theme = "dark"\n# caf\xe9\n', "line 2: this is no text in UTF-8"),
        ("x" * 2_000_000, "is larger than a file of settings"),
        ("keys = 3\n", "line 1: keys are a table"),
    ],
)
def test_what_is_no_file_of_settings_keeps_nobody_from_chatting(file, text, told):
    write(file, text)
    settings, [problem] = read(file)
    assert settings == Settings()
    assert told in problem
    assert str(file.path) in problem


def test_a_change_leaves_all_else_as_it_is_and_follows_links(file, tmp_path):
    write(file, '# at home\ntheme = "dark"   # for the night\n[keys]\n# none yet\n')
    file.path.rename(tmp_path / "dotfile")
    file.path.symlink_to(tmp_path / "dotfile")
    file.change(["theme"], "light")
    file.change(["bell"], False)
    file.change(["keys", "unread"], "alt+n")
    file.change(["members"], None)
    assert file.path.is_symlink()
    text = (tmp_path / "dotfile").read_text()
    assert text.startswith('# at home\ntheme = "light"   # for the night\n')
    assert "# none yet" in text
    assert read(file) == (Settings(theme="light", bell=False, keys={"unread": "alt+n"}), [])
    file.change(["keys", "unread"], None)
    assert read(file).settings.keys == {}


def test_what_cannot_be_written_is_told_and_what_cannot_be_read_is_not_written_over(file, tmp_path):
    write(file, "theme = \n")
    with pytest.raises(ConfigError, match="line 1: this is not valid TOML"):
        file.change(["theme"], "light")
    assert file.path.read_text() == "theme = \n"
    with pytest.raises(ConfigError, match="cannot be written"):
        ClientFile(file.path / "below" / "connect.toml").change(["theme"], "light")
    new = ClientFile(tmp_path / "nowhere" / "connect.toml")
    new.change(["profiles", "work"], {"host": "h"})
    assert new.path.stat().st_mode & 0o777 == 0o600


def test_values_as_they_are_typed():
    assert understood("Theme", "LIGHT") == ("theme", "light")
    assert understood("bell", "off") == ("bell", False)
    assert understood("times", "yes") == ("times", True)
    with pytest.raises(ConfigError, match="bell is on or off, not loud"):
        understood("bell", "loud")
    with pytest.raises(ConfigError, match="no setting belle"):
        understood("belle", "on")


def test_set_at_the_prompt(open_terminal, server, tmp_path, state_home):
    file = ClientFile(tmp_path / "greenchat" / "connect.toml")
    terminal = open_terminal(server.host, server.port, "--name", "ada", XDG_CONFIG_HOME=str(tmp_path), size=(100, 40))
    terminal.wait(lambda lines: lines[-1] == ">")
    terminal.type("/set bell off" + ENTER)
    terminal.wait(lambda lines: "[INFO] bell is off now." in lines)
    assert read(file).settings == Settings(bell=False)
    terminal.type("/set bell loud" + ENTER)
    terminal.wait(lambda lines: "[ERROR] bell is on or off, not loud." in lines)
    terminal.type("/set" + ENTER)
    terminal.wait(lambda lines: any("bell off (on, off)" in line for line in lines))
    terminal.type("/set bell usual" + ENTER)
    terminal.wait(lambda lines: "[INFO] bell is on now, as usual." in lines)
    assert read(file).settings == Settings()
    terminal.type("/set history off" + ENTER)
    terminal.wait(lambda lines: "[INFO] history is off now." in lines)
    terminal.type("nobody's business" + ENTER)
    terminal.wait(lambda lines: lines[-1] == ">" and lines[-2].endswith("nobody's business"))
    terminal.type(UP)
    terminal.wait(lambda lines: lines[-1] == "> nobody's business")
    kept = "".join(path.read_text() for path in state_home.rglob("*") if path.is_file())
    assert "/set bell" in kept
    assert "nobody" not in kept
