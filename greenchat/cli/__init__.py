"""The command line. Each command imports what it needs when it runs, so that `greenchat --help` is quick."""

from greenchat.cli import backup, client, direct, plugin_check, plugin_new, plugin_try, plugins, scripts, server
from greenchat.cli.group import main
from greenchat.cli.shell import data_dir_from, data_dir_of, data_dir_options, plugin_settings

__all__ = [
    "backup",
    "client",
    "data_dir_from",
    "data_dir_of",
    "data_dir_options",
    "direct",
    "main",
    "plugin_check",
    "plugin_new",
    "plugin_settings",
    "plugin_try",
    "plugins",
    "scripts",
    "server",
]
