"""A large history, or a middling one, is read as fast as the script promises; see history_scale.py."""

import subprocess
import sys
from pathlib import Path

import pytest
from kit.processes import with_helpers

pytestmark = pytest.mark.alone

SMALL = ["--messages", "50000", "--rounds", "50"]


def test_pages_and_searches_are_quick(full, seed):
    """In the full size, as the script is by itself."""
    script = Path(__file__).with_name("history_scale.py")
    command = [sys.executable, str(script), "--seed", str(seed), *(() if full else SMALL)]
    done = subprocess.run(command, env=with_helpers(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "page: the last page" in done.stdout
