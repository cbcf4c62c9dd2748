"""Before a server is reloaded, another process tries what is on disk. Where that is not well, nothing happens."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from kit.machine import eventually
from kit.trials import STARTER, Reloaded, serve_reloaded

from greenchat.server.apart import MARK

SAY = """
from greenchat import command, example

@command
@example("/say", "one")
def say(call):
    '''Say it.'''
    return "one"
"""

CHANGED = SAY + "# more\n"


def still_says_one(it: Reloaded) -> None:
    with it.server.join("ada") as ada:
        ada.send("MSG|/say")
        ada.read_until("INFO|one")


def beside(it: Reloaded) -> set[Path]:
    """All files that there are, but for the audit trail: that the server was to be reloaded is on record."""
    return {path for path in it.data_dir.rglob("*") if not path.name.startswith("moderation.sqlite3")}


# --- plugins ---

BROKEN = {
    "SyntaxError: invalid syntax": "def (",
    "ModuleNotFoundError: No module named 'nothing_of_this_name' (sayer.py:1)": "import nothing_of_this_name",
    "there is no hook greenchat_strtup; did you mean greenchat_startup?": (
        "from greenchat import hookimpl\n@hookimpl\ndef greenchat_strtup(): pass"
    ),
    "the example /say is to tell 'one', and tells two": SAY.replace('return "one"', 'return "two"'),
    "the example /say is refused: No.": SAY.replace(', "one")', ")").replace(
        'return "one"', "from greenchat import Reject\n    raise Reject('No.')"
    ),
    "SystemExit: 3 (sayer.py:2)": "import sys\nsys.exit(3)",
    "has ended with exit code 0, while loading the plugin sayer": "import os\nos._exit(0)",
    "has ended by SIGKILL, while loading the plugin sayer": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    "it opens a port while it is loaded": "import socket\nsocket.create_server(('127.0.0.1', 0))",
    "it writes note in the data directory while it is loaded": "open(HERE / 'note', 'w')",
    "it writes chat.toml in the data directory while it is loaded": "(HERE / 'chat.toml').unlink()",
    "it writes new in the data directory while it is loaded": "(HERE / 'new').mkdir()",
    "it writes moved in the data directory while it is loaded": (
        "import tempfile, os\nos.rename(tempfile.mkstemp()[1], HERE / 'moved')"
    ),
    "it writes one.sqlite3 in the data directory while it is loaded": (
        "import sqlite3\nsqlite3.connect(HERE / 'one.sqlite3').execute('CREATE TABLE a (b)')"
    ),
}


@pytest.mark.parametrize("why", BROKEN)
def test_a_plugin_that_cannot_be_used(tmp_path, why):
    with serve_reloaded(tmp_path, sayer=SAY) as it:
        before = beside(it)
        here = f"from pathlib import Path\nHERE = Path({str(tmp_path)!r})\n" if "HERE" in BROKEN[why] else ""
        it.write(sayer=here + BROKEN[why])
        assert why in it.reload()
        assert beside(it) == before
        still_says_one(it)
        it.write(sayer=CHANGED)
        assert it.reload() == ""
        still_says_one(it)
        assert not it.trials
        assert "Traceback" not in it.log


HARMLESS = {
    "prints": "import os, sys\nprint('x' * 200_000)\nos.write(1, b'y' * 200_000)\nsys.stderr.write('z' * 200_000)",
    "closes": "import sys\nsys.stdout.close()\nsys.stdin.read()",
    "reads": "import sys, os\nassert os.read(0, 10) == b''",
    "forks": "import os, time\nif os.getppid() and not os.fork():\n    time.sleep(1000)",
    "forks to go on": "import os\nos.fork() if 'TMPDIR' in os.environ else 0",
    "starts": "import subprocess\nsubprocess.Popen(['sleep', '1000'], start_new_session=True)",
    "ends late": "import atexit, time\natexit.register(time.sleep, 1000)",
    "has a thread": "import threading, time\nthreading.Thread(target=time.sleep, args=(1000,)).start()",
}


@pytest.mark.parametrize("what", HARMLESS)
def test_whatever_a_plugin_does_the_answer_is_found_and_nothing_is_left(tmp_path, what):
    """What it does when the server itself loads it is another matter: so it does it in the trial alone."""
    alone = f"import os\nif {MARK!r} in os.environ:\n" + "\n".join(f"    {line}" for line in HARMLESS[what].split("\n"))
    with serve_reloaded(tmp_path, sayer=SAY) as it:
        it.write(sayer=f"{alone}\n{CHANGED}")
        assert it.reload() == ""
        still_says_one(it)
        assert not it.trials


def test_a_plugin_cannot_answer_in_the_place_of_the_trial(tmp_path):
    lie = """
        import os
        for word in ("", *os.environ.values()):
            for number in range(3):
                os.write(number, f'greenchat-trial {word} {{"finding":{{"ok":true}}}}\\n'.encode()) if number else None
        os._exit(0)
    """
    with serve_reloaded(tmp_path, sayer=SAY) as it:
        it.write(sayer=lie)
        assert "has ended with exit code 0, while loading the plugin sayer" in it.reload()
        still_says_one(it)


SHORT = "import greenchat.server.proving as proving\nproving.prove.__defaults__ = (%s,)\n" + STARTER


def test_one_that_hangs_is_ended_with_all_that_it_has_started_while_the_chat_goes_on(tmp_path):
    hang = """
        import subprocess, time, os
        subprocess.Popen(["sleep", "1000"], start_new_session=True)
        if not os.fork():
            os.setsid()
            time.sleep(1000)
        open("/dev/stderr", "w").write("hanging\\n")
        time.sleep(1000)
    """
    with serve_reloaded(tmp_path, starter=SHORT % 3, sayer=SAY) as it:
        it.write(sayer=hang)
        it.ask()
        eventually(lambda: it.trials)
        still_says_one(it)
        assert "did not end within 3 seconds, while loading the plugin sayer" in it.outcome()
        assert not it.trials


def test_a_server_that_is_stopped_meanwhile_leaves_nobody_behind(tmp_path):
    with serve_reloaded(tmp_path, sayer=SAY) as it:
        it.write(sayer="import time\ntime.sleep(1000)")
        it.ask()
        eventually(lambda: it.trials)
        it.server.stop()
        assert it.server.process.returncode == 0
        assert not it.trials


def test_a_server_that_is_killed_meanwhile_leaves_nothing_behind(tmp_path):
    with serve_reloaded(tmp_path, sayer=SAY) as it:
        it.write(sayer=f"import os, time\nif {MARK!r} in os.environ:\n    time.sleep(2)")
        it.ask()
        eventually(lambda: it.trials)
        (environment,) = (Path("/proc", number, "environ").read_bytes() for number in it.trials)
        (scratch,) = (one.removeprefix(b"TMPDIR=") for one in environment.split(b"\0") if one.startswith(b"TMPDIR="))
        assert Path(scratch.decode()).is_dir()
        it.server.process.kill()
        eventually(lambda: not it.trials)
        assert not Path(scratch.decode()).exists()


def test_a_plugin_that_could_not_be_used_before_hinders_nobody(tmp_path):
    with serve_reloaded(tmp_path, sayer=SAY, other="1/0") as it:
        it.write(sayer=CHANGED)
        assert it.reload() == ""
        it.write(other="1/0 # and changed")
        assert "The plugin other cannot be used: ZeroDivisionError" in it.reload()


def test_a_new_plugin_that_is_broken_is_told(tmp_path):
    with serve_reloaded(tmp_path, sayer=SAY) as it:
        it.write(other="1/0")
        assert "The plugin other cannot be used: ZeroDivisionError: division by zero (other.py:1)" in it.reload()


WRONG = SAY.replace('return "one"', 'return "two"')
NEEDS_START = "from greenchat import hookimpl\n@hookimpl\ndef greenchat_startup(server): pass\n"


def test_examples_are_tried_where_that_hurts_nobody_and_something_has_changed(tmp_path):
    granted = "[plugins.sayer]\nmay = ['http']\n"
    with serve_reloaded(tmp_path, sayer=WRONG, other=SAY.replace("say", "tell")) as it:
        it.write(other=SAY.replace("say", "tell") + "# more\n")
        assert it.reload() == ""  # of the one that is wrong nothing has changed
        it.write(sayer=WRONG + NEEDS_START)
        assert it.reload() == ""
        it.write(sayer=WRONG)
        it.config.write_text(granted)
        assert it.reload() == ""
        it.config.write_text(granted.replace("http", "kick"))
        assert "the example /say is to tell 'one', and tells two" in it.reload()


# --- what a plugin carries and keeps ---

CARRIES = """
from greenchat import hookimpl

class Counts:
    def __init__(self, ctx):
        ctx.carry_state(%s)

    @hookimpl
    def greenchat_startup(self, server):
        pass

greenchat_plugin = Counts
"""


def test_a_state_that_cannot_be_taken_up(tmp_path):
    with serve_reloaded(tmp_path, counts=CARRIES % "version=1") as it:
        it.write(counts=CARRIES % "version=2")
        assert "counts" in (why := it.reload())
        assert "version 1" in why
        it.write(counts=CARRIES % "version=2, accepts=(1,)")
        assert it.reload() == ""


KEEPS = """
from greenchat import hookimpl

%s

class Keeps:
    def __init__(self, ctx):
        self.ctx = ctx

    @hookimpl
    def greenchat_startup(self, server):
        self.database = self.ctx.database(%s)
        self.database.run(lambda connection: connection.execute("INSERT INTO points (name) VALUES ('a')"))

greenchat_plugin = Keeps
"""
FIRST = '"CREATE TABLE points (name TEXT)"'


def keeps(*scripts):
    return KEEPS % (f"MIGRATIONS = ({', '.join([FIRST, *scripts])},)", "MIGRATIONS")


def test_only_what_is_done_in_a_moment_is_done_to_tables(tmp_path):
    with serve_reloaded(tmp_path, keeper=keeps()) as it:
        tables = tmp_path / "plugin-keeper.tables.sqlite3"
        it.write(keeper=keeps('"ALTER TABLE points ADD COLUMN number INTEGER"'))
        assert it.reload() == ""
        it.write(keeper=keeps('"ALTER TABLE points ADD COLUMN number INTEGER"', '"UPDATE points SET number = 1"'))
        why = it.reload()
        assert "takes the longer the more is in it (UPDATE points SET number = 1). Restart the server" in why
        it.write(keeper=keeps('"ALTER TABLE points ADD COLUMN number INTEGER"', '"ALTER TABLE point ADD more"'))
        assert "cannot be brought up to date: no such table: point" in it.reload()
        it.write(keeper=keeps())
        assert f"{tables} was written by a later greenchat" in it.reload()
        it.server.stop()
    with closing(sqlite3.connect(tables)) as connection:
        assert connection.execute("SELECT * FROM points").fetchall() == [("a", None), ("a", None)]


def test_a_plugin_that_does_not_tell_of_its_tables_needs_a_restart(tmp_path):
    with serve_reloaded(tmp_path, keeper=KEEPS % ("", f"({FIRST},)"), sayer=SAY) as it:
        it.write(sayer=CHANGED)
        assert it.reload() == ""
        it.write(keeper=KEEPS % ("# more", f"({FIRST},)"))
        assert "What the plugin keeper does to its tables cannot be known beforehand. Restart the server" in it.reload()


def test_a_file_of_a_greenchat_that_is_newer(tmp_path):
    with serve_reloaded(tmp_path, sayer=SAY) as it:
        with closing(sqlite3.connect(tmp_path / "sessions.sqlite3")) as connection:
            connection.execute("PRAGMA user_version = 99")
        it.write(sayer=CHANGED)
        assert "sessions.sqlite3 was written by a later greenchat" in it.reload()


# --- the configuration, and greenchat itself ---


def test_a_setting_that_is_wrong(tmp_path):
    with serve_reloaded(tmp_path, sayer=SAY) as it:
        it.config.write_text("[plugins.moderation]\nwrods = 3\n")
        assert "plugins.moderation.wrods: there is no such setting" in it.reload()
        it.config.write_text("[server]\nrequired_plugins = ['nobody']\n")
        assert "server.required_plugins: there is no plugin nobody" in it.reload()
        it.config.write_text("[server]\nprot = 3\n")
        assert "server.prot: there is no such setting. Did you mean port?" in it.reload()
        it.config.write_text("[server]\npassword = 'a-secret-word'\n[plugins.sayer]\ntoken = 'a-secret-word'\n")
        assert "plugins.sayer: this plugin has no settings" in it.reload()
        assert "a-secret-word" not in it.log


def test_another_data_directory_takes_a_restart(tmp_path):
    other = tmp_path / "other"
    with serve_reloaded(tmp_path, sayer=SAY) as it:
        it.starter.write_text(f"import os, sys\nsys.argv[sys.argv.index('--data-dir') + 1] = {str(other)!r}\n{STARTER}")
        it.write(sayer=CHANGED)
        assert f"The data directory is another one: {other}. Restart the server to go there." in it.reload()
        assert not other.exists()


OLDER = "from greenchat.server import apart\napart.enter = lambda environ: None\n" + STARTER
MUCH_OLDER = "import os\nos.environ.pop('_GREENCHAT_TRIAL', '')\n" + OLDER


@pytest.mark.parametrize("starter", [OLDER, MUCH_OLDER])
def test_a_greenchat_that_knows_nothing_of_trials_does_not_begin_to_serve(tmp_path, starter):
    with serve_reloaded(tmp_path, sayer=SAY) as it:
        it.starter.write_text(starter)
        it.write(sayer=CHANGED)
        assert "The greenchat on disk is too old, or too new, to take this one's place." in it.reload()
        still_says_one(it)


def test_a_greenchat_that_does_not_know_the_format_of_the_state(tmp_path):
    newer = "from greenchat.server import trial\ntrial.KNOWN_FORMATS = frozenset({77})\n" + STARTER
    with serve_reloaded(tmp_path, sayer=SAY) as it:
        it.starter.write_text(newer)
        it.write(sayer=CHANGED)
        assert "does not know what this one would leave to it (format 1). Restart the server" in it.reload()


@pytest.mark.parametrize(
    ("starter", "why"),
    [
        ("def (", "What is on disk does not start: SyntaxError: invalid syntax"),
        ("raise SystemExit(7)", "What is on disk does not start: ended with exit code 7"),
        (f"import sys\nsys.argv.append('--nonsense')\n{STARTER}", "does not start: No such option '--nonsense'."),
    ],
)
def test_a_program_that_does_not_start(tmp_path, starter, why):
    with serve_reloaded(tmp_path, sayer=SAY) as it:
        it.starter.write_text(starter)
        it.write(sayer=CHANGED)
        assert why in it.reload()
        still_says_one(it)


def test_a_trial_has_nothing_of_the_server_but_what_it_says(tmp_path):
    """Neither its sockets, nor its service manager, nor how it takes signals."""
    look = f"""
        import os, signal, sys
        if {MARK!r} in os.environ:
            paths = [f"/proc/self/fd/{{number}}" for number in os.listdir("/proc/self/fd")]
            found = [os.readlink(path) for path in paths if os.path.exists(path)]
            others = [name for name in os.environ if name.startswith(("NOTIFY", "WATCHDOG", "LISTEN"))]
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
            ignored = signal.getsignal(signal.SIGUSR1)
            own = os.getsid(0) == os.getpid()
            sockets = [one for one in found if "socket" in one or "lock" in one]
            raise ValueError(f"{{sockets}} {{others}} {{mask}} {{ignored}} {{own}}")
    """
    starter = "import signal, os\nsignal.signal(signal.SIGUSR1, signal.SIG_IGN)\nos.environ['LISTEN_FDNAMES'] = 'x'\n"
    with serve_reloaded(tmp_path, starter=starter + STARTER, sayer=SAY) as it, it.server.join("bob"):
        it.starter.write_text(STARTER)
        it.write(sayer=look)
        assert "ValueError: [] [] set() 0 True (sayer.py:" in it.reload()
