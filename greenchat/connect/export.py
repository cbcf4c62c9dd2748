"""`greenchat export`: what somebody has said alone with others, as a file."""

import sys
from contextlib import ExitStack
from pathlib import Path

import click

from greenchat.client import Client, ClientError
from greenchat.codecs.jsonlines import JsonCodec
from greenchat.connect.common import DEFAULT_HOST, DEFAULT_PORT, clean, exit_code
from greenchat.connect.options import Exit, asked_password, visit
from greenchat.errors import ConfigError
from greenchat.net.encryption import Encryption
from greenchat.refusals import explain
from greenchat.storage.datadir import open_private


def export(
    address: str | None,
    port: str | None,
    name: str | None,
    login_file: Path | None,
    password_file: Path | None,
    output: Path | None,
    encryption: Encryption | None = None,
) -> Exit:
    """Write a JSON object a line, to `output` or to standard output; returns the exit code. `address` and `port` are
    what `visit` takes. Raises `ConfigError`."""
    whom = visit(encryption, address, port, name, None, False, login_file, None, password_file, False, False)
    if whom.name is None:
        raise ConfigError("It is not said whose account it is. Add --name NAME.")
    login = whom.login or asked_password(whom.name)
    codec, count = JsonCodec(), 0
    try:
        with ExitStack() as stack:
            client = stack.enter_context(
                Client.connect(whom.host or DEFAULT_HOST, whom.port or DEFAULT_PORT, encryption=whom.encryption)
            )
            client.join(whom.name, None, password=whom.password, login=login, replay=False)
            out = sys.stdout
            if output is not None:
                out = stack.enter_context(open_private(output, "x"))
            for message in client.export():
                out.write(codec.encode(message).decode())
                count += 1
            out.flush()
            client.leave()
    except ClientError as error:
        click.echo(f"Error: {clean(str(error))}", err=True)
        return exit_code(error)
    except FileExistsError:
        raise ConfigError(f"{output} is there already. Name a new file.") from None
    except OSError as error:
        raise ConfigError(f"{error.filename or output or 'Standard output'}: {explain(error)}") from None
    click.echo(f"{count:,} message{'' if count == 1 else 's'}.", err=True)
    return Exit.DELIVERED
