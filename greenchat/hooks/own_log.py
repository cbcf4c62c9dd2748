"""`ctx.log`: the log of one plugin."""

import logging
from collections.abc import MutableMapping
from typing import Any


class Log(logging.LoggerAdapter):  # type: ignore[type-arg]
    """Each of its lines tells whose it is."""

    def process(self, message: Any, more: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        more["extra"] = {**(more.get("extra") or {}), **(self.extra or {})}
        return message, more


def log_of(plugin: str) -> Log:
    return Log(logging.getLogger(f"greenchat.plugin.{plugin}"), {"plugin": plugin})
