"""Where settings come from, which wins, and what is said when one is wrong."""

import itertools
import tomllib

import pytest

from greenchat.config.load import as_toml, load
from greenchat.config.schema import Config, Limits, Settings
from greenchat.errors import ConfigError
from greenchat.hooks.loader import Plugins


def test_the_last_layer_wins(tmp_path):
    file = tmp_path / "chat.toml"
    file.write_text(
        "[limits]\nflood_rate = 1\nflood_burst = 1\nname_length = 1\nframe_bytes = 99\n[server]\nport = 1\n"
    )
    config = load(
        file,
        {
            "GREENCHAT_LIMITS_FLOOD_RATE": "2",
            "GREENCHAT_LIMITS_FLOOD_BURST": "2",
            "GREENCHAT_SERVER_PORT": "2",
            "HOME": "/",
        },
        ["limits.flood_rate=3", "server.port=3"],
        {"server.port": 4, "server.host": None},
    )
    assert (config.limits.name_length, config.limits.frame_bytes) == (1, 99)
    assert (config.limits.flood_burst, config.limits.flood_rate) == (2, 3.0)
    assert (config.server.port, config.server.host) == (4, "0.0.0.0")
    assert config.limits.outbox_bytes == Limits().outbox_bytes


def test_the_environment_reaches_plugins():
    config = load(environment={"GREENCHAT_PLUGINS_SLASH_COMMANDS__SOME_KEY": "[1, 2]"})
    assert config.plugins == {"slash_commands": {"some_key": [1, 2]}}


@pytest.mark.parametrize(
    ("text", "value"),
    [("a", ["a"]), ('["a", "b"]', ["a", "b"])],
)
def test_lists_are_written_as_in_toml(text, value):
    if text.startswith("["):
        assert load(assignments=[f"server.plugins={text}"]).server.plugins == value
    else:
        with pytest.raises(ConfigError, match=r"--set: server.plugins: expected `array`, got `str`"):
            load(assignments=[f"server.plugins={text}"])


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        (
            {"assignments": ["limits.flod_rate=1"]},
            "--set: limits.flod_rate: there is no such setting. Did you mean flood_rate?",
        ),
        ({"assignments": ["limits.flood_rate=fast"]}, "--set: limits.flood_rate: expected `float`, got `str`."),
        ({"assignments": ["limits.flood_rate=-1"]}, "--set: limits.flood_rate: expected `float` >= 0.0."),
        (
            {"assignments": ["flood_rate"]},
            "--set flood_rate: write it as TABLE.KEY=VALUE, such as limits.flood_rate=0.",
        ),
        ({"assignments": ["server.plugins=[1"]}, "[1 is not valid TOML"),
        ({"assignments": ["server.port=1", "server.port.x=1"]}, "server.port.x: port has a value of its own already."),
        (
            {"environment": {"GREENCHAT_LIMIT_FLOOD_RATE": "1"}},
            "the environment: limit: there is no such setting. Did you mean limits?",
        ),
        ({"environment": {"GREENCHAT_SERVER_PORT": "70000"}}, "the environment: server.port: expected `int` <= 65535."),
        ({"flags": {"server.log_format": "xml"}}, "the command line: server.log_format: invalid enum value 'xml'."),
    ],
)
def test_a_wrong_setting_is_named_with_its_source_its_path_and_what_would_be_right(sources, message):
    with pytest.raises(ConfigError) as error:
        load(**sources)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[limits]\nframe_bytes = 'x'\n", "limits.frame_bytes: expected `int`, got `str`."),
        (b"[limits\n", "is not valid TOML"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (None, "cannot be read: No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_plainly(tmp_path, content, message):
    file = tmp_path / "chat.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError) as error:
        load(file)
    assert str(file) in str(error.value)
    assert message in str(error.value)


def test_the_printed_configuration_is_the_whole_one_and_can_be_read_again(tmp_path):
    config = load(
        assignments=["limits.flood_rate=7", 'server.plugins_dirs=["a", "b"]', "plugins.moderation.words=['x']"]
    )
    loaded = {plugin.name: plugin.settings for plugin in Plugins(load(assignments=["plugins.moderation.words=['x']"]))}
    text = as_toml(config, {name: settings for name, settings in loaded.items() if settings is not None})
    tables = tomllib.loads(text)
    assert set(tables["limits"]) == set(Limits.__struct_fields__)
    assert tables["plugins"]["moderation"]["words"] == ["x"]
    file = tmp_path / "again.toml"
    file.write_text(text)
    again = load(file)
    assert (again.server, again.limits) == (config.server, config.limits)


def test_every_setting_is_printed_with_its_reason():
    lines = as_toml(Config(), {}).splitlines()
    for before, line in itertools.pairwise(lines):
        if " = " in line and not line.startswith(("#", " ")):
            assert before.startswith("# "), f"{line} has no reason"


class Door(Settings, frozen=True):
    token: str
    room: str = "lobby"


class Doors(Settings, frozen=True):
    doors: dict[str, Door] = {}  # noqa: RUF012
    count: int = 1


class Granted(Settings, frozen=True):
    on: bool | None = None


def test_tables_in_tables_are_printed_below_and_without_their_secrets():
    settings = Doors({"front door": Door("open sesame"), "back": Door("hush", "garden")})
    text = as_toml(Config(), {"house": settings}, {"house": Granted()})
    assert "sesame" not in text
    assert "hush" not in text
    assert tomllib.loads(text)["plugins"]["house"] == {
        "count": 1,
        "doors": {"front door": {"token": "", "room": "lobby"}, "back": {"token": "", "room": "garden"}},
    }


def test_a_secret_is_never_printed():
    text = as_toml(load(assignments=["server.password=open sesame"]), {})
    assert "sesame" not in text
    assert "# It is set, and not shown." in text
