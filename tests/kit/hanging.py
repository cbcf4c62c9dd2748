"""`greenchat serve` with a plugin that hangs."""

import subprocess
import sys

from kit.failing import plugin_dir

HANG = """
    import time, threading, gevent
    from greenchat import hookimpl
    def busy():
        while True:
            pass
    @hookimpl
    def greenchat_{where}():
        print("hanging", flush=True)
        {how}
"""

HOW = {"gevent": "gevent.sleep(60)", "blocked": "time.sleep(60)", "lock": "threading.Event().wait()", "busy": "busy()"}

# Deadlines that a test can wait for.
SHORT = (
    "import greenchat.server.signals as s, greenchat.hooks.lifecycle as l; "
    "s.SHUTDOWN_SECONDS = l.SHUTDOWN_SECONDS = 1; "
)


def serve_hanging(tmp_path, where, how):
    """`greenchat serve` with a plugin that hangs, up to where it does, and what its log will be in."""
    directory = tmp_path / "plugins"
    directory.mkdir()
    plugin_dir(directory, hangs=HANG.format(where=where, how=HOW[how]))
    command = [sys.executable, "-c", f"{SHORT}from greenchat.cli import main; main()", "serve"]
    options = ["--host", "127.0.0.1", "--port", "0", "--data-dir", str(tmp_path), "--plugins-dir", str(directory)]
    log = tmp_path / "stderr.log"
    with log.open("w") as file:
        return subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=file, text=True), log
