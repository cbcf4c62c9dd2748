"""Where somebody wants to go, as they have said it: an address, a link, or the name of a profile."""

from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from greenchat.connect.addresses import where
from greenchat.connect.client_file import ClientFile
from greenchat.connect.profiles import NAME, Profile, View, find, is_host
from greenchat.errors import ConfigError, GreenchatError
from greenchat.net.encryption import Encryption
from greenchat.protocol.address import parse_server
from greenchat.protocol.text import FORBIDDEN, printable

# Links to a chat, and whether they want TLS.
SCHEMES = {"greenchat": False, "greenchats": True}


class Destination(NamedTuple):
    """What is None, or empty, was not said. `told` is what whoever goes there is to know."""

    host: str | None = None
    port: int | None = None
    encryption: Encryption | None = None
    name: str = ""
    rooms: tuple[str, ...] = ()
    view: View = ""
    told: str = ""
    is_link: bool = False


def destination(address: str | None, port: str | None, file: ClientFile | None = None) -> Destination:
    """What `address` means: HOST, HOST:PORT, unix:/path, a link, or a profile in `file`; HOST alone may have its `port`
    beside it. Raises `ConfigError`."""
    if address is None:
        return Destination()
    link = parse_link(address)
    if link is not None:
        if port is not None:
            raise ConfigError(f"{printable(address)} says where the server is. Leave {printable(port)} out.")
        return link
    if port is None and NAME.fullmatch(address):
        file = file or ClientFile()
        try:
            profile = find(file, address)
        except ConfigError as error:
            raise ConfigError(f"{error} A host is meant where its port is said, too: {address}:PORT.") from None
        if profile is not None:
            return _of_profile(address, profile, file)
    return Destination(*where(address, port))


def parse_link(text: str) -> Destination | None:
    """What a link to a chat says, `greenchat://[NAME@]HOST[:PORT][/ROOM]`, by TLS as `greenchats://`; None for what is
    no such link. Raises `ConfigError`."""
    scheme, colon, rest = text.strip().partition(":")
    if not colon or scheme.lower() not in SCHEMES:
        return None
    like = "Links are like greenchat://chat.example.org:9999/lobby, or greenchats:// for TLS."
    if FORBIDDEN.search(text.strip()) or not rest.startswith("//"):
        raise ConfigError(f"{printable(text)} is no link to a chat. {like}")
    try:
        parts = urlsplit(text.strip())
        has_password = parts.password is not None
    except ValueError:
        raise ConfigError(f"{printable(text)} is no link to a chat. {like}") from None
    if has_password:  # which is not shown
        raise ConfigError("This link has a password in it, where all can read it. Take it out; you are asked for it.")
    if parts.query or parts.fragment:
        raise ConfigError(f"{printable(text)}: a link ends with the room. {like}")
    name, room = unquote(parts.username or ""), unquote(parts.path.strip("/"))
    if any(FORBIDDEN.search(one) for one in (name, room)):
        raise ConfigError(f"{printable(text)}: its name or room has characters that nothing may be called by.")
    if not parts.hostname:
        raise ConfigError(f"{printable(text)} lacks the host. {like}")
    try:
        host, port = parse_server(parts.netloc.rpartition("@")[2])
    except GreenchatError as error:
        raise ConfigError(str(error)) from None
    encryption = Encryption() if SCHEMES[scheme.lower()] else None
    return Destination(host, port, encryption, name, (room,) if room else (), is_link=True)


def _of_profile(name: str, profile: Profile, file: ClientFile) -> Destination:
    told = ""
    if profile.host != name and is_host(name):
        told = f"{name} is a profile here: {profile.where}. For the host of that name say its port, too: {name}:PORT."
    cafile = str(file.path.parent / Path(profile.cafile).expanduser()) if profile.cafile else None
    encryption = Encryption(cafile, profile.insecure) if profile.tls else None
    return Destination(profile.host, profile.port, encryption, profile.name, tuple(profile.rooms), profile.view, told)
