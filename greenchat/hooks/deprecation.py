"""Telling who writes a plugin, and who runs it, that something will go: once, with what to use instead."""

import logging
import sys
import warnings

log = logging.getLogger("greenchat.plugins")

_told: set[tuple[str, str]] = set()  # what, and by which module it is used


def deprecated(what: str, *, instead: str, until: str, depth: int = 2) -> None:
    """To be called by what is deprecated. It goes with the API version `until`; `depth` is how many calls above this
    one the plugin's own code is."""
    module = str(sys._getframe(depth).f_globals.get("__name__", "?"))
    if (what, module) in _told:
        return
    _told.add((what, module))
    text = f"{what} is deprecated, and goes with API {until}: use {instead}"
    log.warning("%s uses what will go: %s", module, text)
    warnings.warn(text, DeprecationWarning, stacklevel=depth + 1)


def forget() -> None:
    """Tell all of it again: for tests."""
    _told.clear()
