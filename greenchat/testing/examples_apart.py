"""The examples of one plugin, tried before a server is reloaded: in a chat of its own, without sockets, with the
settings that it is to have."""

from importlib.metadata import entry_points
from typing import Any

from greenchat.config.schema import Config
from greenchat.errors import GreenchatError
from greenchat.hooks.finding import GROUP, told
from greenchat.hooks.loader import Plugin
from greenchat.testing.chat import Chat
from greenchat.testing.examples import wrong_examples


def tried(plugin: Plugin, config: Config) -> tuple[int, list[str]]:
    """How many there are, and those that are answered otherwise than they say."""
    table: dict[str, Any] = dict(config.plugins.get(plugin.name, {}))
    table.pop("rooms", None)  # they are tried in a room of no name
    settings = {f"plugins.{plugin.name}": table} if table and "." not in plugin.name else {}
    try:
        with Chat(_known(plugin), settings=settings) as chat:
            commands = chat.server.commands.of(plugin.name)
            return sum(len(command.examples) for command in commands), wrong_examples(chat, [plugin.name])
    except GreenchatError as error:
        return 0, [f"its examples cannot be tried: {error}"]
    except Exception as error:
        return 0, [f"its examples cannot be tried: {type(error).__name__}: {told(error)}"]


def _known(plugin: Plugin) -> object:
    """What a chat is given: the name of an installed plugin, under which its settings are; else the plugin itself."""
    installed = entry_points(group=GROUP, name=plugin.name)
    return plugin.name if any(entry.load() is plugin.found for entry in installed) else plugin.found
