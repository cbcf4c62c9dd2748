"""`greenchat plugins show`, `hooks` and `check`, as processes."""

import pytest
from kit.processes import run_greenchat

from greenchat.hooks import specs

TEA = '''
from typing import Annotated

import greenchat
from greenchat import Command, Meta, Reject, check, every, hookimpl, http


class Settings(greenchat.Settings, frozen=True):
    """Tea."""

    minutes: Annotated[float, Meta(gt=0, description="From one pot to the next.")] = 5
    password: Annotated[str, Meta(description="For the good tea.")] = ""


@hookimpl
def greenchat_commands():
    return [
        Command("brew", "[KIND]", "Make tea.", lambda session, argument: session.info(f"{argument} it is"),
                examples=(("/brew assam", "assam it is"), ("/brew", ""))),
        Command("pour", "", "Pour it.", lambda session, argument: None, operator=True),
    ]


@check
def no_coffee(text):
    if "coffee" in text:
        raise Reject("No.")


@every("5m")
def ask(ctx):
    ctx.kick("bob", "no tea")


@http("POST", "/tea/{kind}")
def order(request, kind):
    return "ok"
'''


@pytest.fixture
def plugins(tmp_path):
    directory = tmp_path / "plugins"
    directory.mkdir()
    return directory


def write(plugins, name, code):
    (plugins / name).write_text(code)
    return plugins / name


def test_show_tells_all_about_a_plugin(plugins, tmp_path):
    write(plugins, "tea.py", TEA)
    set_ = ("--set", "plugins.tea.minutes=3", "--set", "plugins.tea.password=darjeeling", "--data-dir", str(tmp_path))
    told = run_greenchat("plugins", "show", "tea", "--plugins-dir", str(plugins), *set_).stdout
    lines = [line.split(maxsplit=1)[-1] if line.startswith("  ") else line for line in told.splitlines()]
    assert lines[0] == "tea"
    assert f"  from      {plugins / 'tea.py'}\n  state     on\n" in told
    assert "greenchat_check_messages(session: Session, messages: Messages) -> Sequence[str | Reject] | None" in told
    assert "  commands  /brew [KIND]  Make tea.\n" in told
    assert "/pour         Pour it.   operator\n" in told
    assert "  routes    POST /tea/{kind}\n" in told
    assert '  timers    @every("5m") ask\n' in told
    assert "# From one pot to the next.\n            minutes = 3.0  # the default is 5\n" in told
    assert "darjeeling" not in told
    assert "(set, and not shown)" in told


def test_show_tells_why_a_plugin_is_off_and_which_is_meant(plugins):
    write(plugins, "bad.py", "import nothing_of_this_name")
    told = run_greenchat("plugins", "show", "bad", "--plugins-dir", str(plugins)).stdout
    assert "  state     off: ModuleNotFoundError: No module named 'nothing_of_this_name'" in told
    result = run_greenchat("plugins", "show", "room")
    assert result.returncode == 1
    assert "There is no plugin room. Did you mean rooms?" in result.stderr


def test_hooks_tells_each_with_its_kind_and_arguments():
    told = run_greenchat("plugins", "hooks").stdout
    for name in (name for name in vars(specs) if name.startswith("greenchat_")):
        assert f"  {name}(" in told
    checks = told.split("\nCHECK: ")[1].split("\nOBSERVE: ")[0]
    assert "  greenchat_check_message(session: Session, message: Message) -> str | None\n" in checks
    told = run_greenchat("plugins", "hooks", "check_message").stdout
    assert "Check: a message is about to be said; return another text, or raise Reject" in told
    result = run_greenchat("plugins", "hooks", "greenchat_check_mesage")
    assert result.returncode == 1
    assert "Did you mean greenchat_check_message?" in result.stderr


def test_check_tells_what_a_plugin_would_do_and_runs_its_examples(plugins):
    result = run_greenchat("plugins", "check", str(write(plugins, "tea.py", TEA)))
    assert result.returncode == 0, result.stdout + result.stderr
    for line in ("/brew [KIND]  Make tea.", "POST /tea/{kind}", '@every("5m") ask', "examples  2", '["kick"]'):
        assert line in result.stdout
    assert "warning: it has no tests" in result.stdout
    assert result.stdout.endswith("no faults, 1 warning.\n")


LATER = """
from greenchat import job

class Later:
    def __init__(self, ctx):
        ctx.bot("sibyl")
        ctx.job("forget", self.remember)

    @job
    def remember(self, text):
        pass

greenchat_plugin = Later
"""


def test_check_tells_of_jobs_and_bots(plugins):
    told = run_greenchat("plugins", "check", str(write(plugins, "later.py", LATER))).stdout
    assert "  jobs      forget\n            remember\n  bots      sibyl\n" in told


WRONG = {
    "nothing in it is called": "",
    "greenchat has no comand; did you mean command?": "from greenchat import comand",
    "there is no hook greenchat_check_mesage; did you mean greenchat_check_message?": (
        "@hookimpl\ndef greenchat_check_mesage(message): pass"
    ),
    "has no argument mesage. Did you mean message?": "@hookimpl\ndef greenchat_check_message(mesage): pass",
    "greenchat_event is not called, since it has no @hookimpl": (
        "@hookimpl\ndef greenchat_says(says): pass\ndef greenchat_event(event): pass"
    ),
    "wrong.py:2: ZeroDivisionError: division by zero": "1 / 0",
    "wrong.py:2: '(' was never closed": "print(",
    "wrong.py:4: RuntimeError: no luck": "@hookimpl\ndef greenchat_startup():\n  raise RuntimeError('no luck')",
    "the example /a is to tell '1', and tells 2": (
        "@hookimpl\ndef greenchat_commands():\n"
        "  return [Command('a', '', 'A.', lambda session, argument: session.info('2'), examples=(('/a', '1'),))]"
    ),
    "wrong.py:4: ZeroDivisionError: division by zero": (
        "@hookimpl\ndef greenchat_commands():\n"
        "  return [Command('a', '', 'A.', lambda session, argument: 1 / 0, examples=(('/a', '1'),))]"
    ),
}


@pytest.mark.parametrize("fault", WRONG)
def test_check_finds_what_is_wrong(plugins, fault):
    file = write(plugins, "wrong.py", f"from greenchat import Command, hookimpl\n{WRONG[fault]}\n")
    result = run_greenchat("plugins", "check", str(file))
    assert result.returncode == 1
    assert f"fault: {fault}" in result.stdout or fault in result.stdout, result.stdout + result.stderr
    assert "1 fault" in result.stdout
    assert "Traceback" not in result.stdout + result.stderr


SLEEPY = """
from time import sleep
import urllib.request
from greenchat import Command, hookimpl
from greenchat.hooks import loader

@hookimpl
def greenchat_commands():
    return [Command("sleep", "", "Sleep.", lambda session, argument: sleep(0.4))]
"""
TEST_SLEEPY = """
import sleepy
def test_it(greenchat_chat):
    greenchat_chat(sleepy).join("ada").says("/sleep")
"""


def test_check_warns_of_what_is_known_to_hurt_and_of_what_was_seen_to_hold_the_loop(plugins):
    file = write(plugins, "sleepy.py", SLEEPY)
    write(plugins, "test_sleepy.py", TEST_SLEEPY)
    result = run_greenchat("plugins", "check", str(file))
    assert result.returncode == 0, result.stdout + result.stderr
    assert "sleepy.py:9: time.sleep holds up everybody in the chat; use gevent.sleep" in result.stdout
    assert "sleepy.py:3: what waits in urllib.request holds up everybody" in result.stdout
    assert "sleepy.py:5: greenchat.hooks may change without a word" in result.stdout
    assert "the event loop is held for more than 0.1 seconds by plugin sleepy" in result.stdout
    assert "no faults, 4 warnings." in result.stdout


def test_check_runs_the_tests(plugins):
    file = write(plugins, "sleepy.py", SLEEPY)
    write(plugins, "test_sleepy.py", "def test_it():\n    assert 1 == 2\n")
    result = run_greenchat("plugins", "check", str(file))
    assert result.returncode == 1
    assert "fault: its tests fail:" in result.stdout
    assert "assert 1 == 2" in result.stdout


def test_check_of_nothing_says_what_there_may_be(plugins):
    result = run_greenchat("plugins", "check", str(plugins))
    assert result.returncode == 1
    assert "There is no plugin at" in result.stderr
