"""What was said, for plugins to be tried on: a data directory with a history, and plugins as files."""

import json
from datetime import UTC, datetime, timedelta

from greenchat.protocol.dry_runs import DryAsk, DryMessage
from greenchat.server.dry_run import try_out
from kit.histories import keep, said
from kit.processes import run_greenchat

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)

SAID = (
    "lobby ada: hello",
    "lobby bob: DAMN LOUD",
    "dev ada: damn it",
    "lobby cy: bot: what is up?",
    "lobby * ada waves",
    "lobby ada: /etc is a directory",
    "dev bob: roll the dice",
)

# A check that refuses, changes, and lets be.
GENTLE = """
from greenchat import Reject, check

@check
def gentle(text):
    if text.isupper():
        raise Reject("No shouting.")
    return text.replace("damn", "d***")
"""


def history(tmp_path, *lines):
    """A data directory in which this was said, or SAID."""
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    keep(data_dir, said(*(lines or SAID), start=NOON))
    return data_dir


def write(tmp_path, code, name="tried.py"):
    path = tmp_path / name
    path.write_text(code, "utf-8")
    return path


def messages(*texts, sender="ada", room="lobby"):
    """One a minute."""
    return [
        DryMessage(room, seq, seq, sender, text, NOON + timedelta(minutes=seq)) for seq, text in enumerate(texts, 1)
    ]


def tried(tmp_path, code, *texts, settings=None, data_dir=None, seconds=60.0):
    """What is found of a plugin of this code, to which `texts` were said."""
    path = write(tmp_path, code)
    ask = DryAsk("tried", str(path), settings or {}, messages(*(texts or ("hello", "damn it", "bye"))))
    return try_out(ask, data_dir, seconds=seconds)


def run_try(*arguments):
    """What `greenchat plugins try` answers: its exit code, and what it tells, as JSON if it was asked for that."""
    result = run_greenchat("plugins", "try", *map(str, arguments))
    found = [json.loads(line) for line in result.stdout.splitlines()] if "--json" in arguments else result.stdout
    return result.returncode, found, result.stderr


def of_kind(report, kind):
    return [one for one in report.outcomes if one.kind == kind]


def bounded(tmp_path, code, *texts, **more):
    """What is found of one that does in its check what `code` says."""
    return tried(
        tmp_path, f"import os, sys\nfrom greenchat import *\n@check\ndef c(text, ctx):\n{code}", *texts, **more
    )
