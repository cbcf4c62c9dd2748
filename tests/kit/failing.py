"""Plugins that fail, and what is told of them."""

import textwrap
from pathlib import Path


def failures(caplog):
    """What the log says of hooks that failed."""
    return [record.getMessage() for record in caplog.records if "failed in" in record.getMessage()]


def plugin_dir(tmp_path: Path, **files: str) -> Path:
    """Write these plugins there."""
    for name, text in files.items():
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(text))
    return tmp_path


def state(plugins, name):
    """What is told of a plugin by `greenchat plugins list`."""
    return next(plugin.state for plugin in plugins if plugin.name == name)


class Markup(str):
    """As markupsafe has it: a text by all appearances."""

    __slots__ = ()

    def __str__(self):
        return self
