"""Which plugins operators have chosen to be on and off, whatever the configuration says."""

import logging
import os
from collections.abc import Collection
from pathlib import Path
from typing import Literal

import msgspec

from greenchat.storage.datadir import CHOICE_FILE, open_private

log = logging.getLogger("greenchat.plugins")

Verb = Literal["load", "unload", "enable", "disable"]


class Choice(msgspec.Struct, frozen=True, omit_defaults=True):
    """By their names. `disabled` and `enabled` ones are kept, over restarts; the `unloaded` ones are off as long as
    the server lives, reloads included."""

    disabled: tuple[str, ...] = ()
    enabled: tuple[str, ...] = ()
    unloaded: tuple[str, ...] = ()

    def after(self, verb: Verb, plugin: str) -> "Choice":
        """What is chosen once an operator has said this of `plugin`."""
        match verb:
            case "load":
                return Choice(self.disabled, self.enabled, _without(self.unloaded, plugin))
            case "unload":
                return Choice(self.disabled, self.enabled, _with(self.unloaded, plugin))
            case "enable":
                unloaded = _without(self.unloaded, plugin)
                return Choice(_without(self.disabled, plugin), _with(self.enabled, plugin), unloaded)
            case "disable":
                return Choice(_with(self.disabled, plugin), _without(self.enabled, plugin), self.unloaded)

    @property
    def names(self) -> tuple[tuple[str, ...], ...]:
        return self.disabled, self.enabled, self.unloaded

    def said_of(self, plugin: str) -> str:
        """What is chosen of it; empty for nothing."""
        states = zip(("disabled", "enabled", "unloaded"), self.names, strict=True)
        return " and ".join(state for state, names in states if plugin in names)

    def off(self, plugin: str, disabled: Collection[str]) -> str:
        """Why `plugin` is off, if it is; `disabled` are those that the configuration leaves out."""
        if plugin in self.disabled:
            return f"disabled by an operator; /plugin enable {plugin} has it on again"
        if plugin in self.unloaded:
            return f"unloaded by an operator; /plugin load {plugin} has it on again, and so has a restart"
        return "disabled" if plugin in disabled and plugin not in self.enabled else ""


def moved(wanted: Choice, before: Choice, now: Choice) -> Choice:
    """What is `wanted` by who had `before` in mind, where `now` holds: somebody else has chosen something, too."""
    return Choice(
        *(
            tuple(sorted(({*there} - ({*was} - {*names})) | ({*names} - {*was})))
            for names, was, there in zip(wanted.names, before.names, now.names, strict=True)
        )
    )


def difference(before: Choice, now: Choice) -> list[str]:
    """What operators have chosen anew, in lines for people."""
    lines = []
    for plugin in sorted({name for choice in (before, now) for names in choice.names for name in names}):
        was, is_ = before.said_of(plugin), now.said_of(plugin)
        if was != is_:
            lines.append(f"plugin {plugin}: {is_ or 'as the configuration has it'} (was {was or 'not chosen'})")
    return lines


def _with(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    return tuple(sorted({*names, name}))


def _without(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    return tuple(one for one in names if one != name)


class _Kept(msgspec.Struct, omit_defaults=True):
    disabled: tuple[str, ...] = ()
    enabled: tuple[str, ...] = ()


def read_choice(data_dir: Path) -> Choice:
    """What is kept in `data_dir`. What cannot be read is told to the log, and counts for nothing chosen."""
    path = data_dir / CHOICE_FILE
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=_Kept)
    except FileNotFoundError:
        return Choice()
    except (OSError, ValueError) as error:
        log.error(
            "%s cannot be read, so that only the configuration says which plugins are off: %s. "
            "Mend it or remove it, and reload",
            *(path, error),
        )
        return Choice()
    return Choice(kept.disabled, kept.enabled)


def keep_choice(data_dir: Path, choice: Choice) -> None:
    """Keep what outlasts a restart of it: wholly or not at all. Raises `OSError`."""
    path = data_dir / CHOICE_FILE
    new = path.with_suffix(".new")
    with open_private(new) as file:
        file.write(msgspec.json.format(msgspec.json.encode(_Kept(choice.disabled, choice.enabled)).decode()) + "\n")
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
