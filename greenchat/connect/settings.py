"""What somebody has chosen for their own screen."""

from typing import Literal

from msgspec import Struct, field


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """`bell` and `notify` are about what calls one: mentions, and what is said to one alone. `keys` are keys by the
    actions that they do, in place of the usual ones. `history`: what one has sent is kept for the next time, see
    screen/past.py."""

    theme: Literal["auto", "dark", "light", "none"] = "auto"
    times: bool = True
    bell: bool = True
    notify: bool = True
    history: bool = True
    conversations: Literal["auto", "show", "hide"] = "auto"
    members: Literal["auto", "show", "hide"] = "auto"
    keys: dict[str, str] = field(default_factory=dict)
