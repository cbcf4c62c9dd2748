"""`greenchat profiles`: the places that somebody goes to."""

import click
import msgspec

from greenchat.connect.client_file import ClientFile
from greenchat.connect.common import clean
from greenchat.connect.profiles import Profile, profiles

NONE = "There are no profiles yet. `greenchat connect HOST --save NAME` makes one."


def show(*, as_json: bool = False) -> None:
    """Print them, and what is wrong with others on standard error. Raises `ConfigError`."""
    file = ClientFile()
    found, problems = profiles(file)
    if as_json:
        for name, profile in found.items():
            click.echo(msgspec.json.encode({"profile": name, **msgspec.to_builtins(profile)}))
    elif found:
        rows = [(name, profile.where, _how(profile)) for name, profile in found.items()]
        widths = [max(len(row[column]) for row in rows) for column in range(2)]
        for name, where, how in rows:
            click.echo(clean(f"{name.ljust(widths[0])}  {where.ljust(widths[1])}  {how}".rstrip()))
    else:
        click.echo(NONE)
    for problem in problems:
        click.echo(f"Error: {clean(problem)}", err=True)
    if not as_json:
        click.echo(f"They are kept in {file.path}.")


def _how(profile: Profile) -> str:
    tls = " unverified" if profile.insecure else ""
    parts = [
        f"TLS{tls}" if profile.tls else "",
        f"as {profile.name}" if profile.name else "",
        f"in {', '.join(profile.rooms)}" if profile.rooms else "",
        f"as a {profile.view}" if profile.view == "screen" else "in lines" if profile.view else "",
    ]
    return ", ".join(part for part in parts if part)
