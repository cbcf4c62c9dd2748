"""`greenchat status`: how a server is, for a shell."""

import click
import msgspec

from greenchat.client import Client, ClientError
from greenchat.connect.common import DEFAULT_HOST, DEFAULT_PORT, clean, exit_code
from greenchat.connect.options import Exit, where
from greenchat.net.encryption import Encryption


def show(address: str | None, port: str | None, encryption: Encryption | None = None, *, as_json: bool = False) -> Exit:
    """Print how the server at `address` is, as a table or as one JSON object; returns the exit code.

    `address` and `port` are what `where` takes. Raises `ConfigError`.
    """
    host, number = where(address, port)
    try:
        with Client.connect(host or DEFAULT_HOST, number or DEFAULT_PORT, encryption=encryption) as client:
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
