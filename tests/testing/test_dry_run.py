"""Trying a plugin on what was said: what is found, and that nothing of it gets out of the process."""

import socket
import subprocess
import sys
import unicodedata
from contextlib import closing
from datetime import timedelta

import psutil
from kit.dry_runs import NOON, bounded, of_kind, tried
from kit.machine import eventually
from msgspec.structs import replace

from greenchat.protocol.dry_runs import MOST, TEXT_LENGTH, DryAsk, DryMessage, DryReport, HookCost, Outcome, differences
from greenchat.server.dry_run import try_out
from greenchat.storage.plugin_store import MIGRATIONS, WRITE, store_path
from greenchat.storage.sqlite import open_database
from greenchat.testing.dry_chat import PEOPLE

GENTLE = """
from greenchat import Message, Notice, Reject, check, on

@check
def gentle(text):
    if text.isupper():
        raise Reject("No shouting.", code="loud")
    return text.replace("damn", "d***")

@on(Message)
def roll(event, ctx):
    if "dice" in event.text:
        ctx.room(event.room).post(Notice("It is a six.", event.room))
        ctx.member(event.sender).info("You have won.")
"""


def test_it_tells_what_would_be_refused_changed_and_said(tmp_path):
    report = tried(tmp_path, GENTLE, "hello", "LOUD", "damn it", "the dice, please")
    assert report.tried == 4
    assert not report.has_failed
    assert report.counts == {"refused": 1, "changed": 1, "said": 1, "told": 1}
    (refused,), (changed,) = of_kind(report, "refused"), of_kind(report, "changed")
    assert (refused.seq, refused.sender, refused.before, refused.code, refused.why) == (
        *(2, "ada", "LOUD", "loud"),
        "No shouting.",
    )
    assert (changed.seq, changed.before, changed.after) == (3, "damn it", "d*** it")
    assert changed.line == 'message 3 of ada in lobby: "damn it" -> "d*** it"'
    assert [one.line for one in report.outcomes[-2:]] == [
        'message 4 of ada in lobby: the server says in lobby: "It is a six."',
        'message 4 of ada in lobby: ada alone is told: "You have won."',
    ]
    costs = {cost.hook: cost for cost in report.costs}
    assert costs["greenchat_check_messages"].calls == 4
    assert costs["greenchat_event"].calls == 3  # what was refused, nobody saw
    assert 0 < costs["greenchat_event"].p50 <= costs["greenchat_event"].p99 <= costs["greenchat_event"].total


BOT = """
from greenchat import Message, Reject, check, every, hookimpl, on

class Bot:
    def __init__(self, ctx):
        self.ctx = ctx
        ctx.bot("echo", ["lobby"], lambda message: f"{message.time:%H:%M} {message.seq}: {message.text}")

    @on(Message, waits=True)
    def watch(self, event):
        if event.text == "spam":
            self.ctx.ban(event.sender, "no spam", "1h")
            self.ctx.delete(event.room, event.seq)

    @every("1s")
    def tick(self):
        self.ctx.chat.announce("tick")

    @hookimpl
    def greenchat_says(self, session, says):
        return says.texts[0] == "take me"

    @hookimpl
    def greenchat_check_enter(self, session, name):
        if name == "eve":
            raise Reject("Not you.", code="banned")

greenchat_plugin = Bot
"""


def test_bots_answer_takes_take_and_order_is_only_told(tmp_path):
    report = tried(tmp_path, BOT, "echo: hi", "take me", "spam", settings={"may": ["ban", "delete"]})
    assert not report.has_failed, report
    (answer,) = of_kind(report, "said")
    assert (answer.by, answer.where, answer.after) == ("echo", "lobby", "12:01 1: echo: hi")
    assert [one.before for one in of_kind(report, "took")] == ["take me"]
    did = [one.after for one in of_kind(report, "did")]
    assert "ban ada in the whole chat for 3600 s: no spam" in did
    assert any("deleted" in text for text in did)
    assert {cost.hook for cost in report.costs} >= {"greenchat_says", "greenchat_event", "in the background"}


def test_messages_have_their_numbers_their_writers_and_their_time(tmp_path):
    path = tmp_path / "tried.py"
    path.write_text(
        "from greenchat import hookimpl\n@hookimpl\ndef greenchat_check_message(session, message):\n"
        "  return f'{message.text} {message.time:%H:%M} {session.account_id} {message.action}'\n"
        "@hookimpl\ndef greenchat_messages(messages): print(messages.seq, messages.reply_to, messages.sender)\n"
    )
    said = [
        DryMessage("lobby", 41, 9001, "ada", "first", NOON, account_id=77),
        DryMessage("dev", 7, 9002, "ada", "guest", NOON + timedelta(hours=1)),
        DryMessage("lobby", 43, 9003, "bob", "answer", NOON + timedelta(hours=2), reply_to=41),
        DryMessage("lobby", 44, 9004, "bob", "/etc", NOON + timedelta(hours=2)),
        DryMessage("lobby", 45, 9005, "bob", "waves", NOON + timedelta(hours=2), action=True),
    ]
    report = try_out(DryAsk("tried", str(path), {}, said))
    assert [one.after for one in of_kind(report, "changed")] == [
        "first 12:00 77 False",
        "guest 13:00 0 False",
        "answer 14:00 0 False",
        "/etc 14:00 0 False",
        "waves 14:00 0 True",
    ]
    assert report.printed.splitlines() == ["41 0 ada", "7 0 ada", "43 41 bob", "44 0 bob", "45 0 bob"]


def test_who_would_not_have_been_let_in_is_told_and_who_cannot_be_called_so_left_out(tmp_path):
    path = tmp_path / "tried.py"
    path.write_text(BOT)
    names = ("eve", "(forgotten user)", "ada (irc)", "echo", "bob")
    said = [DryMessage("lobby", seq, seq, name, "hi", NOON) for seq, name in enumerate(names, 1)]
    report = try_out(DryAsk("tried", str(path), {}, said))
    assert [(one.sender, one.code) for one in of_kind(report, "kept out")] == [("eve", "banned")]
    assert report.left_out == {"said by a plugin": 2, "nobody can be called so, or the room": 1}


def test_hundreds_of_people_and_namesakes_come_and_go(tmp_path):
    path = tmp_path / "tried.py"
    path.write_text(
        "from greenchat import hookimpl\n@hookimpl\ndef greenchat_check_message(session, message):\n"
        "  return f'{session.name} {session.account_id} {len(session.chat.members)}'\n"
    )
    people = [(f"user{number}", 0) for number in range(PEOPLE + 5)] + [("user0", 0), ("user0", 7), ("USER0", 0)]
    said = [
        DryMessage("lobby", seq, seq, name, "hi", NOON, account_id=account)
        for seq, (name, account) in enumerate(people, 1)
    ]
    report = try_out(DryAsk("tried", str(path), {}, said))
    assert not report.has_failed
    assert [one.after for one in report.outcomes[-3:]] == [
        f"user0 0 {PEOPLE}",
        f"user0 7 {PEOPLE}",
        f"USER0 0 {PEOPLE}",
    ]
    assert report.tried == len(people)


def test_it_has_a_copy_of_what_it_keeps_and_settings(tmp_path):
    code = """
import greenchat
from greenchat import check

class Settings(greenchat.Settings, frozen=True):
    word: str = "none"

@check
def count(text, ctx):
    ctx.store["n"] = ctx.store.get("n", 0) + 1
    return f"{ctx.settings.word} {ctx.store['n']}"
"""
    file = store_path(tmp_path, "tried")
    with closing(open_database(file, MIGRATIONS)) as connection:
        connection.execute(WRITE, ("", "n", b"41"))
    before = file.read_bytes()
    report = tried(tmp_path, code, "a", "b", settings={"word": "fish"}, data_dir=tmp_path)
    assert [one.after for one in report.outcomes] == ["fish 42", "fish 43"]
    assert file.read_bytes() == before


# --- hostile ones ---


def is_clean(text):
    return not any(unicodedata.category(sign) == "Cc" and sign != "\n" for sign in text)


def test_one_that_ends_its_process_is_told(tmp_path):
    report = bounded(tmp_path, "  if 'damn' in text: os._exit(0)\n")
    assert report.problem == "it ended its process (0), at message 2 of lobby"
    report = bounded(tmp_path, "  if 'damn' in text: sys.exit(0)\n")
    (failed,) = of_kind(report, "failed")
    assert failed.seq == 2
    assert not report.problem
    assert not of_kind(report, "refused")  # it is one thing, told once


def test_it_starts_no_process_and_sends_no_signal(tmp_path):
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    report = bounded(
        tmp_path,
        "  for step in (os.fork, lambda: os.system('true'), lambda: os.posix_spawn('/bin/true', ['true'], {}),\n"
        "               lambda: os.kill(os.getppid(), 0)):\n"
        "    try: step()\n    except PermissionError: pass\n    else: print('out')\n",
    )
    assert not report.has_failed
    assert not report.printed
    assert report.attempts == {"starting another process": 9, "sending a signal": 3}
    assert {process.pid for process in psutil.Process().children(recursive=True)} == before


def test_what_it_forks_without_python_ends_with_it(tmp_path):
    code = (
        "  import ctypes, time\n  libc = ctypes.CDLL(None)\n  number = libc.fork()\n"
        "  if number == 0:\n    libc.setsid()\n    time.sleep(60)\n    os._exit(0)\n  print(number)\n"
    )
    number = int(bounded(tmp_path, code, "hello").printed)
    eventually(lambda: not psutil.pid_exists(number) or psutil.Process(number).status() == psutil.STATUS_ZOMBIE)


def test_it_has_no_network(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        port = server.getsockname()[1]
        report = bounded(
            tmp_path,
            f"  import socket\n  for where in (('127.0.0.1', {port}), ('localhost', {port})):\n"
            "    try: socket.create_connection(where, 1)\n    except OSError: pass\n    else: print('out')\n"
            "  try: ctx.http.get('http://example.org')\n  except HttpError as error: pass\n",
            settings={"may": ["http"]},
        )
        assert not report.printed
        assert any("127.0.0.1" in attempt for attempt in report.attempts)
        try:
            server.accept()
        except BlockingIOError:
            return
    raise AssertionError("it has reached a server")


def test_it_writes_no_file_elsewhere(tmp_path):
    out = tmp_path / "out"
    code = f"""
  import ctypes, sqlite3, tempfile
  def write(): open({str(out)!r}, "w").close()
  def database(): sqlite3.connect({str(out)!r}).execute("CREATE TABLE t (x)")
  def rename(): os.rename(tempfile.mkstemp()[1], {str(out)!r})
  def remove(): os.remove({str(tmp_path / "kept")!r})
  for step in (write, database, rename, remove):
    try: step()
    except PermissionError: pass
  ctypes.CDLL(None).open({str(out)!r}.encode(), os.O_WRONLY | os.O_CREAT, 0o600)
  (ctx.data_dir / "mine").write_text("here I may")
"""
    (tmp_path / "kept").write_text("kept")
    report = bounded(tmp_path, code)
    assert not report.has_failed, report
    assert f"writing {out}" in report.attempts
    assert (tmp_path / "kept").exists()
    if "writing files elsewhere" in report.kernel:
        assert not out.exists()  # not from C either


def test_python_writes_no_file_elsewhere_where_the_system_does_not_see_to_it(tmp_path):
    inside, kept = tmp_path / "inside", tmp_path / "kept"
    inside.mkdir()
    kept.mkdir()
    (kept / "file").write_text("kept")
    code = f"""
import os, shutil, sqlite3, tempfile
from pathlib import Path
from greenchat.testing.fence import Fence
os.chdir({str(inside)!r})
tempfile.tempdir = {str(inside)!r}
out = os.open({str(kept)!r}, os.O_RDONLY)
file = os.open({str(kept / "file")!r}, os.O_RDONLY)
Fence(Path({str(inside)!r})).put_up()
for step in (
    lambda: shutil.rmtree({str(kept)!r}),
    lambda: os.remove("file", dir_fd=out),
    lambda: os.mkdir("new", dir_fd=out),
    lambda: os.rename("file", "taken", src_dir_fd=out),
    lambda: os.symlink("file", "new", dir_fd=out),
    lambda: os.chmod(file, 0o777),
    lambda: sqlite3.connect({f"file:{kept}/new?mode=rwc"!r}, uri=True),
):
    try: step()
    except PermissionError: pass
    else: print("out")
with tempfile.TemporaryDirectory() as mine:
    Path(mine, "file").write_text("here I may")
sqlite3.connect({f"file:{inside}/mine?mode=rwc"!r}, uri=True).execute("CREATE TABLE t (x)")
sqlite3.connect("file::memory:", uri=True)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.stderr) == ("", "")
    assert [path.name for path in kept.iterdir()] == ["file"]
    assert (kept / "file").stat().st_mode & 0o777 != 0o777
    assert [path.name for path in inside.iterdir()] == ["mine"]


def test_memory_is_bounded(tmp_path):
    report = bounded(tmp_path, "  ctx.kept = [*getattr(ctx, 'kept', ()), bytearray(900_000_000)]\n", *"abc")
    assert "MemoryError" in of_kind(report, "failed")[0].why


def test_what_it_prints_and_says_is_shown_without_control_codes(tmp_path):
    report = bounded(
        tmp_path,
        "  print('\\x1b]0;title\\x07\\x9b2J')\n  ctx.members['ada'].info('a')\n"
        "  raise Reject('\\x1b[2J\\x9b', code='\\x1b')\n",
    )
    assert report.printed.count("title") == 3
    lines = list(report.lines(is_all=True))
    assert all(map(is_clean, lines))
    assert is_clean(report.printed)


def test_a_report_that_a_plugin_has_forged_is_cleaned_and_bounded():
    forged = DryReport(
        "x",
        counts={"refused": 1, "\x1b[2J": 3},
        outcomes=[Outcome("changed", "lobby", 1, "a\x1b", "\x9b" * 5000, "b\nc")] * (MOST + 5) + [Outcome("odd")],
        costs=[HookCost("\x1b[1m", 1, 0.1, 0.1, 0.1, 0.1)],
        attempts={"\x07" * 400: 2},
        problem="\x1b]0;x\x07",
        printed="\x1b[1m",
    ).cleaned()
    assert len(forged.outcomes) == MOST
    assert len(forged.outcomes[0].before) <= TEXT_LENGTH
    assert forged.counts == {"refused": 1}
    assert all(map(is_clean, forged.lines()))


def test_one_that_cannot_start_is_told(tmp_path):
    report = tried(tmp_path, "1 / 0\n")
    assert report.problem == "ZeroDivisionError: division by zero in tried.py:1"
    assert report.tried == 0
    report = tried(tmp_path, GENTLE, settings={"volume": 3})
    assert "this plugin has no settings" in report.problem


def test_what_differs_between_two(tmp_path):
    old = tried(tmp_path, GENTLE, "hello", "LOUD", "damn it")
    new = tried(tmp_path, GENTLE.replace("d***", "darn").replace("isupper()", "islower()"), "hello", "LOUD", "damn it")
    assert [one.line for one in differences(old, new)] == [
        'message 1 of ada in lobby: said as it was; and then: refused (loud): "hello": No shouting.',
        'message 2 of ada in lobby: refused (loud): "LOUD": No shouting.; and then: said as it was',
        'message 3 of ada in lobby: "damn it" -> "d*** it"; and then: refused (loud): "damn it": No shouting.',
    ]
    assert differences(old, replace(old, seconds=9.0)) == []
