"""What the tests share: servers, peers, browsers, terminals, and plugins to try them with."""

from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
TESTS = ROOT / "tests"
