"""Reading the configuration: defaults, then a TOML file, then the environment, then --set, then flags.

Each layer is checked by itself, so that an error names where the wrong value stands, its path and what would be right.
"""

import difflib
import re
import textwrap
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from greenchat.config.schema import Config, Settings
from greenchat.errors import ConfigError

PREFIX = "GREENCHAT_"
# Settings whose values are never printed, in whatever table.
SECRETS = frozenset({"password", "secret", "token"})

Tables = dict[str, Any]
S = TypeVar("S", bound=Settings)


def load(
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    assignments: Iterable[str] = (),
    flags: Mapping[str, object] | None = None,
) -> Config:
    """The configuration that all layers make together. Raises `ConfigError`.

    `assignments` are "limits.flood_rate=0", `flags` are paths to values, None for flags that were not given.
    """
    layers = [
        (str(file), _from_file(file) if file else {}),
        ("the environment", _from_environment(environment or {})),
        ("--set", _from_assignments(assignments)),
        ("the command line", _nested({path: value for path, value in (flags or {}).items() if value is not None})),
    ]
    merged: Tables = {}
    for source, tables in layers:
        convert(tables, Config, "", source)
        _merge(merged, tables)
    config = convert(merged, Config, "", "the configuration")
    config.brand.read_icon()  # what is wrong with it is told now
    return config


def convert(value: object, struct: type[S], path: str, source: str) -> S:
    """`value` as `struct`. Raises `ConfigError` naming `source`, the path below `path` and what would be right."""
    try:
        # Not strict: "10" from the environment is the number 10.
        return msgspec.convert(value, struct, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{source}: {_explain(str(error), struct, path)}") from None


def _explain(message: str, struct: type[Settings], path: str) -> str:
    """msgspec's error with the path in front, and the nearest key where one is unknown."""
    what, _, where = message.partition(" - at `$")
    place = ".".join(filter(None, [path, where.rstrip("`").lstrip(".")]))
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", what)
    if not unknown:
        return f"{place or 'the file'}: {what[:1].lower()}{what[1:]}."
    key = unknown[1]
    keys = _keys(struct, where.rstrip("`").lstrip("."))
    near = difflib.get_close_matches(key, keys, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"Known here: {', '.join(keys)}."
    return f"{'.'.join(filter(None, [place, key]))}: there is no such setting. {hint}"


def _keys(struct: type[Settings], path: str) -> list[str]:
    for step in filter(None, path.split(".")):
        struct = next(item.type for item in msgspec.structs.fields(struct) if item.name == step)
    return list(struct.__struct_fields__)


def _from_file(file: Path) -> Tables:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}. Check the path after --config.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file} is not UTF-8 text. Save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file} is not valid TOML: {error}.") from None


def _from_environment(environment: Mapping[str, str]) -> Tables:
    """`GREENCHAT_LIMITS_FLOOD_RATE` is `limits.flood_rate`; `GREENCHAT_PLUGINS_CHATLOG__TRANSCRIPT` is
    `plugins.chatlog.transcript`: two underscores end a plugin's name, which may hold single ones."""
    values: dict[str, object] = {}
    for name, text in environment.items():
        if name.startswith(PREFIX):
            table, _, key = name.removeprefix(PREFIX).lower().partition("_")
            path = f"{table}.{key.replace('__', '.') if table == 'plugins' else key}"
            values[path] = _value(text)
    return _nested(values)


def _from_assignments(assignments: Iterable[str]) -> Tables:
    values: dict[str, object] = {}
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals or "." not in path:
            raise ConfigError(f"--set {assignment}: write it as TABLE.KEY=VALUE, such as limits.flood_rate=0.")
        values[path.strip()] = _value(text.strip())
    return _nested(values)


def _value(text: str) -> object:
    """Lists, tables and quoted strings are TOML; the rest stays text, which `convert` turns into numbers if need be."""
    if text[:1] in ("[", "{", '"', "'"):
        try:
            return tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{text} is not valid TOML: {error}.") from None
    return text


def _nested(values: Mapping[str, object]) -> Tables:
    """`{"a.b": 1}` as `{"a": {"b": 1}}`."""
    tables: Tables = {}
    for path, value in values.items():
        *parents, key = path.split(".")
        table = tables
        for parent in parents:
            table = table.setdefault(parent, {})
            if not isinstance(table, dict):
                raise ConfigError(f"{path}: {parent} has a value of its own already. Set one or the other.")
        table[key] = value
    return tables


def _merge(tables: Tables, over: Tables) -> None:
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(tables.get(key), dict):
            _merge(tables[key], value)
        else:
            tables[key] = value


def as_toml(config: Config, plugins: Mapping[str, Settings], granted: Mapping[str, Settings] | None = None) -> str:
    """The whole configuration as commented TOML: `config`, the settings in force of each plugin by its name, and what
    is `granted` to those to which something is."""
    granted = granted or {}
    parts = ["# greenchat's whole configuration. What is in it is in force; 0 is no limit where a limit is meant."]
    parts += [_table(name, getattr(config, name)) for name in ("server", "brand", "tls", "limits")]
    for name in sorted(plugins.keys() | granted.keys()):
        tables = [table[name] for table in (plugins, granted) if name in table]
        parts.append(_table(f"plugins.{name}", *tables))
    return "\n\n".join(parts) + "\n"


def _table(name: str, *tables: Settings) -> str:
    import tomli_w

    doc = (type(tables[0]).__doc__ or "").strip().split("\n")[0]
    lines, below = [*_comment(doc), f"[{name}]"], list[str]()
    for settings in tables:
        for item in msgspec.structs.fields(type(settings)):
            value = getattr(settings, item.name)
            if value and isinstance(value, dict) and all(isinstance(one, Settings) for one in value.values()):
                below += [_table(f"{name}.{item.name}.{_key(key)}", one) for key, one in value.items()]
                continue
            lines += _comment(description_of(item.type))
            value = msgspec.to_builtins(value)
            if value is None or value == {}:
                lines.append(f"# {item.name} =" if value is None else f"{item.name} = {{}}")
                continue
            if item.name in SECRETS and value:
                lines.append("# It is set, and not shown.")
                value = ""
            lines.append(tomli_w.dumps({item.name: value}).rstrip())
    return "\n\n".join(["\n".join(lines), *below])


def _key(name: str) -> str:
    """As it stands in the name of a table."""
    import tomli_w

    return tomli_w.dumps({name: 0}).rpartition(" = ")[0]


def description_of(annotation: Any) -> str:
    """The description in the `Meta` of an annotated type, or nothing."""
    return next((meta.description for meta in getattr(annotation, "__metadata__", ()) if meta.description), "")


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, 100)]
