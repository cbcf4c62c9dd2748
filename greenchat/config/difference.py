"""What a configuration that is read again changes while the server runs, and what has to wait for a restart."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from greenchat.config.load import SECRETS
from greenchat.config.schema import Config

# Of the table `server`: what is looked up each time it is needed. All of `brand`, `tls` and `limits` is, at the latest
# by the next connection; the rest of the configuration has made things that stand by now, such as sockets and plugins.
LIVE = ("log_level", "grace_seconds", "direct_days")

# What has many lines, none of which belongs into a log.
TEXTS = ("brand.welcome", "brand.rules")


class Reload(msgspec.Struct, frozen=True):
    """`config` is what is in force from now on. `changed` says what has changed in it, such as
    "limits.flood_rate = 5.0 (was 10.0)"; `waiting` are the paths of settings whose change needs a restart, without
    their values, which may be secret."""

    config: Config
    changed: list[str]
    waiting: list[str]


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What is different in a whole configuration, for people, of plain values: "limits.flood_rate = 5.0 (was 10.0)". Of
    what may be secret, as anything of a plugin may be, no value is told."""
    before, now = dict(_flat(old)), dict(_flat(new))
    lines = []
    for path in sorted(before.keys() | now.keys()):
        if path in before and path in now and before[path] == now[path]:
            continue
        if path.startswith("plugins.") or path.rpartition(".")[2] in SECRETS or path not in before or path not in now:
            lines.append(f"{path} has changed")
        else:
            lines.append(_told(path, before[path], now[path]))
    return lines


def compare(old: Config, new: Config) -> Reload:
    """What of `new` can take the place of `old`, which is in force."""
    server = msgspec.structs.replace(old.server, **{key: getattr(new.server, key) for key in LIVE})
    config = msgspec.structs.replace(old, server=server, brand=new.brand, tls=new.tls, limits=new.limits)
    before, now, wanted = (dict(_flat(msgspec.to_builtins(each))) for each in (old, config, new))
    return Reload(
        config,
        changed=[_told(path, before[path], now[path]) for path in now if now[path] != before[path]],
        waiting=sorted(path for path in wanted | now if wanted.get(path) != now.get(path)),
    )


def _told(path: str, before: object, now: object) -> str:
    """One change, in a line."""
    return f"{path} has changed" if path in TEXTS else f"{path} = {now} (was {before})"


def _flat(tables: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """`{"a": {"b": 1}}` as `("a.b", 1)`."""
    for key, value in tables.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield above + key, value
