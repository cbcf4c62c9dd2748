"""What stands in `[plugins.NAME]` and is not the plugin's: whether it is on, what it may do, and in which rooms."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, field

from greenchat.config.load import convert
from greenchat.config.schema import Settings

# What a plugin may do by its context only where the operator grants it: `may = ["http"]`.
Right = Literal["ban", "delete", "http", "kick", "mute", "speak"]


class Grants(Settings, frozen=True, kw_only=True):
    """What the operator says of a plugin."""

    may: Annotated[
        list[Right],
        Meta(
            description="What it may do that could hurt others: ban, delete (what anybody has said), http, kick, mute, "
            "speak (for people elsewhere)."
        ),
    ] = field(default_factory=list)
    on: Annotated[bool | None, Meta(description="Whether it is on; without, as the plugin itself says.")] = None
    rooms: Annotated[list[str], Meta(description="The only rooms that it is for; none is all.")] = field(
        default_factory=list
    )


def split(table: Mapping[str, Any], plugin: str, declared: type[Settings] | None) -> tuple[dict[str, Any], Grants]:
    """The plugin's own settings in its `table`, and what is granted to it. A setting that it has `declared` itself is
    its own, and grants nothing. Raises `ConfigError`."""
    own = () if declared is None else getattr(declared, "__struct_fields__", ())
    ours = {key: value for key, value in table.items() if key in Grants.__struct_fields__ and key not in own}
    granted = convert(ours, Grants, f"plugins.{plugin}", "the configuration")
    return {key: value for key, value in table.items() if key not in ours}, granted
