"""Good clients among bad ones, for a while; see soak.py."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from crowd import Ledger
from kit.processes import with_helpers

pytestmark = pytest.mark.alone


def test_the_ledger_counts_what_is_lost_doubled_and_late():
    ledger = Ledger()
    for number in (0, 1, 3, 3, 2, 6):  # 3 twice, 2 late; 4, 5, 7 and 8 never
        ledger.hear(number)
    assert (ledger.lost(sent=9), ledger.duplicated, ledger.late) == (4, 1, 1)


SMALL = ["--minutes", "0.25", "--clients", "10", "--rate", "40", "--faults", "20"]


def test_nobody_loses_anything(full, seed):
    """In the full size, as the script is by itself."""
    command = [sys.executable, str(Path(__file__).with_name("soak.py")), "--seed", str(seed), *(() if full else SMALL)]
    done = subprocess.run(command, env=with_helpers(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = dict(re.split(r"\s{2,}", line, maxsplit=1) for line in done.stdout.splitlines())
    assert rows["lost"] == rows["duplicated"] == rows["out of order"] == rows["unacknowledged"] == "0"
    clients = int(rows["clients that stayed"].partition(" ")[0])
    assert int(rows["delivered"]) == (clients - 1) * int(rows["messages sent"]) > 100
    assert int(rows["faults injected"].split(":")[0]) > 20
