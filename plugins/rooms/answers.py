"""What the commands of this plugin answer to programs; `lines` are for people."""

from msgspec import Struct, field

from greenchat import Answer


class Listed(Struct, frozen=True, omit_defaults=True):
    """One room, as it is shown to who looks around. `protected`: it needs a key, or an invitation."""

    name: str
    members: int
    topic: str = ""
    kept: bool = False
    protected: bool = False


class RoomList(Answer, frozen=True, kw_only=True, tag="rooms"):
    """The answer to /rooms, those with most members first. `more`: how many there are besides."""

    rooms: list[Listed]
    more: int = 0


class NameList(Answer, frozen=True, kw_only=True, tag="names"):
    """The answer to /names; the fields are as in a welcome."""

    room: str
    members: list[str]
    roles: dict[str, str] = field(default_factory=dict)
    away: dict[str, str] = field(default_factory=dict)
    voiced: list[str] = field(default_factory=list)
    members_more: int = 0


class RoomSettings(Answer, frozen=True, kw_only=True, tag="room"):
    """The answer to /room. `key` is told to who may change it; all others know by `needs_key` that there is one.
    `limit` is 0 where there is none."""

    room: str
    topic_by: str
    topic: str = ""
    owner: str = ""
    key: str = ""
    needs_key: bool = False
    invite_only: bool = False
    kept: bool = False
    moderated: bool = False
    limit: int = 0
