"""What `greenchat connect`, `say` and `tail` are told, and how they end:

| code | name            | meaning                                                                                 |
|------|-----------------|-----------------------------------------------------------------------------------------|
| 0    | DELIVERED       | left in good order, and everything was delivered; on a terminal also after Ctrl-C; of   |
|      |                 | `tail`, that nobody reads it any more, or with --no-follow, that all was told           |
| 1    | FAILED          | something else went wrong                                                               |
| 2    | (click's)       | the command line was not understood                                                     |
| 3    | UNREACHABLE     | no greenchat server could be reached there: nothing was said                            |
| 4    | TURNED_AWAY     | not let in: the name, its password or the room was refused, or the connection itself;   |
|      |                 | or put out of the room (but on a terminal)                                              |
| 5    | LOST            | the connection ended before everything was delivered, or before one wanted to leave; of |
|      |                 | `say`, that it is not known whether it was said                                         |
| 6    | REFUSED         | a line, or what `say` was to say, was refused, or stood behind /quit (but on a          |
|      |                 | terminal, where one reads why)                                                          |
| 130  | INTERRUPTED     | Ctrl-C, but on a terminal with `connect`                                                |
"""

import sys
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING

import click

from greenchat.connect.addresses import where as where
from greenchat.errors import ConfigError
from greenchat.protocol.text import printable

if TYPE_CHECKING:
    from greenchat.connect.destination import Destination
    from greenchat.connect.profiles import View
    from greenchat.net.encryption import Encryption

# The longest secret that is read from a file, in bytes: past it, this is no file of secrets.
SECRET_BYTES = 64 * 1024


class Exit(IntEnum):
    """The exit codes of all three; the table above says what they mean."""

    DELIVERED = 0
    FAILED = 1
    UNREACHABLE = 3
    TURNED_AWAY = 4
    LOST = 5
    REFUSED = 6
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Visit:
    """Where to go, and as whom. What is None is asked for on a terminal, and has its default elsewhere.

    `password` is the server's, `key` the room's, `login` the one of the account called `name`; empty for none.
    `asks_login`: that one is to be asked for. `commands`: in a pipe, too, a line that begins with a slash is a command.
    `plain`: plain frames are spoken, else only where the server knows nothing else. `stay`: whether one stays logged in
    on this machine; None is asked where a password is. Without `encryption` there is none. `view` is what somebody
    wants on a terminal: a "screen", or "lines" and a prompt; empty is a screen where one fits. `rooms` are those that
    one comes into besides. `save` is what the profile is called that is made of it. `once`: in a pipe, a lost
    connection is not made again.
    """

    host: str | None = None
    port: int | None = None
    name: str | None = None
    room: str = ""
    encryption: "Encryption | None" = None
    password: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    login: str = field(default="", repr=False)
    asks_login: bool = False
    commands: bool = False
    plain: bool = False
    stay: bool | None = None
    view: "View" = ""
    rooms: tuple[str, ...] = ()
    save: str = ""
    once: bool = False


def asked_password(name: str) -> str:
    """The password of `name`, as it is typed at the terminal. Raises `ConfigError` where there is none."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise ConfigError("The password is asked for on a terminal, and this is none. Use --login-file FILE.")
    typed: str = click.prompt(f"Password of {name}", hide_input=True, err=True)
    return typed


def visit(
    encryption: "Encryption | None",
    address: str | None,
    port: str | None,
    name: str | None,
    room: str | None,
    login: bool,
    login_file: Path | None,
    key_file: Path | None,
    password_file: Path | None,
    commands: bool,
    plain: bool,
    stay: bool | None = None,
    view: "View | None" = None,
    save: str | None = None,
    once: bool = False,
) -> Visit:
    """What the options of `greenchat connect` mean. Whoever would go elsewhere than they may think reads so on standard
    error. Raises `ConfigError`."""
    if login and login_file:
        raise ConfigError("--login asks for the password, --login-file has it. Take one of them.")
    if plain and (login or login_file or key_file or password_file or stay):
        raise ConfigError("Plain frames carry no passwords and keys. Leave --plain out, or the options for those.")
    # Imported here: what reads files of TOML takes longer than all that only names a Visit.
    from greenchat.connect.destination import destination
    from greenchat.connect.profiles import require_name

    if save is not None:
        require_name(save)
    there = destination(address, port)
    if there.told:
        print(f"[INFO] {there.told}", file=sys.stderr)
    first, *rooms = _rooms(there, room)
    return Visit(
        there.host,
        there.port,
        name or there.name or None,
        first,
        _encryption(encryption, there.encryption),
        password=first_line(password_file),
        key=first_line(key_file),
        login=first_line(login_file),
        asks_login=login,
        commands=commands,
        plain=plain,
        stay=stay,
        view=view or there.view,
        rooms=tuple(rooms),
        save=save or "",
        once=once,
    )


def _rooms(there: "Destination", room: str | None) -> tuple[str, ...]:
    """The one that is looked at first; one that is named comes in the place of those of a profile."""
    if room and there.is_link and there.rooms and there.rooms != (room,):
        raise ConfigError(
            f"The link is to {printable(there.rooms[0])}, and you want {printable(room)}. Say one of them."
        )
    return (room,) if room else there.rooms or ("",)


def _encryption(asked: "Encryption | None", there: "Encryption | None") -> "Encryption | None":
    """There is TLS where one of both wants it. Whom to trust, the options say before the profile does."""
    return asked if asked is not None and (asked.cafile or asked.insecure) else there or asked


def first_line(file: Path | None) -> str:
    """The password or key that is the first line of `file`; empty without one. Raises `ConfigError`.

    Nothing behind that line is read, so that `file` may be a pipe which has more to say.
    """
    if file is None:
        return ""
    try:
        with file.open("rb", buffering=0) as source:
            line = source.readline(SECRET_BYTES).rstrip(b"\r\n").decode()
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"The first line of {file} is no text in UTF-8.") from None
    if not line:
        raise ConfigError(f"The first line of {file} is empty. Write the password or key there.")
    return line
