"""The places that somebody goes to, by names of their own: `[profiles.NAME]` in `connect.toml`. Never with secrets."""

import difflib
import re
import socket
from contextlib import suppress
from threading import Thread
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from greenchat.connect.client_file import ClientFile
from greenchat.connect.settings import PROFILES
from greenchat.errors import ConfigError, GreenchatError
from greenchat.protocol.address import UNIX, parse_server
from greenchat.protocol.text import printable

# How a terminal shows the chat: empty is a screen where one fits.
View = Literal["", "screen", "lines"]

# Nothing that could be an address with a port, a page or a path; and what a table of TOML may be called as it stands.
NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")

# How long it is looked for whether a profile has the name of a host, too, in seconds: mostly a moment, and nobody is to
# wait for a resolver that does not answer.
LOOKUP_SECONDS = 0.15


class Profile(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`host` may be `unix:/path`, and `cafile` is beside this file unless it says where. One comes into all `rooms`,
    and looks at the first; without, into the server's own. `view` is how a terminal shows it, empty for as it is
    usual."""

    host: str
    port: int | None = None
    tls: bool = False
    cafile: str = ""
    insecure: bool = False
    name: str = ""
    rooms: list[str] = field(default_factory=list)
    view: View = ""

    @property
    def where(self) -> str:
        host = f"[{self.host}]" if ":" in self.host and not self.host.startswith(UNIX) else self.host
        return f"{host}:{self.port}" if self.port else host


def profiles(file: ClientFile) -> tuple[dict[str, Profile], list[str]]:
    """All by their names, and a sentence for each that cannot be used. Raises `ConfigError` where nothing can be
    read."""
    table = _table(file)
    found: dict[str, Profile] = {}
    problems: list[str] = []
    for name in sorted(table):
        try:
            found[name] = _read(file, name, table[name])
        except ConfigError as error:
            problems.append(str(error))
    return found, problems


def find(file: ClientFile, name: str) -> Profile | None:
    """The profile of this name, None where there is none. Raises `ConfigError` where it cannot be read: going elsewhere
    instead might be going to strangers."""
    if NAME.fullmatch(name) is None:
        return None
    table = _table(file)
    return _read(file, name, table[name]) if name in table else None


def save(file: ClientFile, name: str, profile: Profile) -> None:
    """Keep it, in the place of one that was called so before. Raises `ConfigError`."""
    require_name(name)
    file.change([PROFILES, name], msgspec.to_builtins(profile))


def require_name(name: str) -> None:
    """Raises `ConfigError`."""
    if NAME.fullmatch(name) is None:
        raise ConfigError(f"{printable(name)!r} cannot be the name of a profile: 1 to 32 letters, digits, - and _ can.")


def is_host(name: str) -> bool:
    """Whether there seems to be a host of this name, too."""
    found: list[Any] = []

    def look() -> None:
        with suppress(OSError, UnicodeError):
            found.append(socket.getaddrinfo(name, None))

    thread = Thread(target=look, daemon=True)
    thread.start()
    thread.join(LOOKUP_SECONDS)
    return bool(found)


def _table(file: ClientFile) -> dict[str, Any]:
    table = file.tables().get(PROFILES, {})
    if not isinstance(table, dict):
        raise ConfigError(f"{file.where(PROFILES)}: profiles are tables. Write [profiles.NAME], and host = below it.")
    return table


def _read(file: ClientFile, name: str, value: object) -> Profile:
    where = f"{file.where(PROFILES, name)}: profile {printable(name)}"
    require_name(name)
    try:
        profile = msgspec.convert(value, Profile)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {_explained(str(error))}") from None
    try:
        host, port = parse_server(profile.host)
    except GreenchatError as error:
        raise ConfigError(f"{where}: {error}") from None
    if port is not None and profile.port not in (None, port):
        raise ConfigError(f"{where}: host says port {port}, and port {profile.port}. Take one of them out.")
    if profile.port is not None and not 0 < profile.port < 65536:
        raise ConfigError(f"{where}: {profile.port} is no port. Ports are numbers from 1 to 65535.")
    if (profile.cafile or profile.insecure) and not profile.tls:
        raise ConfigError(f"{where}: cafile and insecure are for TLS. Add tls = true.")
    return msgspec.structs.replace(profile, host=host, port=port or profile.port)


def _explained(message: str) -> str:
    what, _, where = message.partition(" - at `$.")
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", what)
    if unknown is None:
        return f"{where.rstrip('`') + ': ' if where else ''}{what[:1].lower()}{what[1:]}."
    key = printable(unknown[1])
    if key.lower() in ("password", "login", "key", "token"):
        return f"{key}: secrets do not belong into this file. Take it out; greenchat asks, or see --login-file."
    near = difflib.get_close_matches(key, Profile.__struct_fields__, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(Profile.__struct_fields__)}."
    return f"{key}: profiles have no such thing. {hint}"
