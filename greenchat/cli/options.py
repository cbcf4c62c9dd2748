"""Options that several commands have, and what they mean."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from greenchat.config.schema import Config
    from greenchat.net.encryption import Encryption


def settings_options(command: Any) -> Any:
    """The options that say where the settings come from."""
    path = click.Path(path_type=Path, dir_okay=False)
    for option in reversed(
        [
            click.option("--config", "file", type=path, metavar="FILE.toml", help="Read settings from this file."),
            click.option("--data-dir", metavar="DIR", help="Where plugins keep their files."),
            click.option(
                "--set", "assignments", multiple=True, metavar="KEY=VALUE", help="One setting: limits.flood_rate=0."
            ),
            click.option("--plugin", "modules", multiple=True, metavar="MODULE", help="Load this module as a plugin."),
            click.option(
                "--plugins-dir", "directories", multiple=True, metavar="DIR", help="Load each file and package in DIR."
            ),
            click.option("--disable-plugin", "disabled", multiple=True, metavar="NAME", help="Leave a plugin out."),
        ]
    ):
        command = option(command)
    return command


# Where a client goes.
PLACE = "[PROFILE|HOST[:PORT]|unix:PATH|LINK]"


def profile_names(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """What Tab puts in its place; nothing where the file with the profiles cannot be read."""
    from greenchat.connect.client_file import ClientFile
    from greenchat.connect.profiles import profiles
    from greenchat.errors import ConfigError

    try:
        found, _problems = profiles(ClientFile())
    except ConfigError:
        return []
    return [name for name in found if name.startswith(incomplete)]


def tls_options(command: Any) -> Any:
    """The options that say whether and how a client encrypts."""
    for option in reversed(
        [
            click.option("--tls", is_flag=True, help="Encrypt, and verify whom one talks to."),
            click.option(
                "--cafile", type=click.Path(), metavar="FILE", help="With --tls: trust these certificates (PEM)."
            ),
            click.option(
                "--insecure", is_flag=True, help="With --tls: do not verify. Anybody in between can read along."
            ),
        ]
    ):
        command = option(command)
    return command


def visitor_options(command: Any) -> Any:
    """The options that say as whom a client comes, and by which secrets; all that `visit` takes of them."""
    secret = click.Path(path_type=Path)
    for option in reversed(
        [
            click.option(
                "--login", is_flag=True, help="Log in to the account of that name: its password is asked for."
            ),
            click.option("--login-file", type=secret, metavar="FILE", help="The same; the password is its first line."),
            click.option("--key-file", type=secret, metavar="FILE", help="Its first line is the room's key."),
            click.option(
                "--password-file", type=secret, metavar="FILE", help="Its first line is the server's pass phrase."
            ),
            click.option(
                "--plain", is_flag=True, help="Speak plain frames, as it does by itself where a server knows no others."
            ),
        ]
    ):
        command = option(command)
    return command


def encryption(tls: bool, cafile: str | None, insecure: bool) -> "Encryption | None":
    from greenchat.net.encryption import Encryption

    if (cafile or insecure) and not tls:
        raise click.UsageError("--cafile and --insecure are for --tls. Add it.")
    return Encryption(cafile, insecure) if tls else None


def configure(
    file: Path | None,
    data_dir: str | None,
    assignments: tuple[str, ...],
    modules: tuple[str, ...],
    directories: tuple[str, ...],
    disabled: tuple[str, ...],
    flags: Mapping[str, object] = MappingProxyType({}),
) -> "Config":
    """The configuration, from the options of `settings_options` and more `flags`, by their paths."""
    from greenchat.config.load import load

    common = {
        "server.data_dir": data_dir,
        "server.plugins": list(modules) or None,
        "server.plugins_dirs": list(directories) or None,
        "server.disabled_plugins": list(disabled) or None,
    }
    return load(file, os.environ, assignments, common | dict(flags))
