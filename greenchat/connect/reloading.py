"""`greenchat reload`: for a shell."""

import secrets
import time

import click
import msgspec

from greenchat.client import ClientError, DisconnectedError
from greenchat.connect.common import clean, exit_code
from greenchat.connect.nearby import Nearby
from greenchat.connect.options import Exit
from greenchat.protocol.reload_reports import ReloadReport
from greenchat.storage.proof import read_proof

# A connection by TLS does not outlast what it asks for. For so long one tries to come back, so often: a new process has
# to begin, and thousands may come back with us. In seconds.
BACK_SECONDS = 20.0
TRY_SECONDS = 0.1

# Nobody else's, so that we find what came of ours.
REF_BYTES = 16


def reload(server: Nearby, *, as_json: bool = False) -> Exit:
    """Reload a server, and print what came of it: sentences, or one JSON object. Returns the exit code. Raises
    `ConfigError`."""
    try:
        report = _asked(server)
    except ClientError as error:
        click.echo(f"Error: {clean(str(error))}", err=True)
        return exit_code(error)
    if as_json:
        click.echo(msgspec.json.encode({key: getattr(report, key) for key in report.__struct_fields__}))
    else:
        for line in report.lines:
            click.echo(clean(line), err=not report.ok)
    return Exit.DELIVERED if report.ok else Exit.FAILED


def _asked(server: Nearby) -> ReloadReport:
    """Raises `ClientError`."""
    again, lost = secrets.token_hex(REF_BYTES), 0.0
    while True:
        try:
            with server.connect() as client:
                client.comes_back = False  # the next process has another proof
                return client.reload(read_proof(server.data_dir), again=again)
        except ClientError as error:
            if not lost and not isinstance(error, DisconnectedError):
                raise
            lost = lost or time.monotonic()
            if time.monotonic() - lost > BACK_SECONDS:
                raise
        time.sleep(TRY_SECONDS)
