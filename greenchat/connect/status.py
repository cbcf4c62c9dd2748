"""`greenchat status`: how a server is, for a shell."""

import click
import msgspec

from greenchat.client import ClientError
from greenchat.connect.common import clean, exit_code
from greenchat.connect.nearby import Nearby
from greenchat.connect.options import Exit


def show(server: Nearby, *, as_json: bool = False) -> Exit:
    """Print how a server is, as a table or as one JSON object; returns the exit code. Raises `ConfigError`."""
    try:
        with server.connect() as client:
            stats = client.stats()
    except ClientError as error:
        click.echo(f"Error: {clean(str(error))}", err=True)
        return exit_code(error)
    if as_json:
        click.echo(msgspec.json.encode({key: getattr(stats, key) for key in stats.__struct_fields__ if key != "ref"}))
    else:
        rows = stats.rows()
        width = max(len(label) for label, _ in rows)
        for label, value in rows:
            click.echo(f"{label.ljust(width)}  {clean(value)}")
    return Exit.DELIVERED
