"""Dry runs of plugins that take longer than they may: they end, and what was found by then is told."""

from kit.dry_runs import bounded

from greenchat.testing.dry_child import MESSAGE_SECONDS

NEVER = """
  while 'damn' in text:
    try:
      while True: pass
    except BaseException: pass
"""


def test_one_that_never_ends_is_ended_and_told_where(tmp_path):
    report = bounded(tmp_path, NEVER)
    assert report.tried == 1
    assert report.problem == f"it held everybody up for {MESSAGE_SECONDS:g} seconds at message 2 of lobby in tried.py:8"


def test_one_that_hears_no_signal_is_ended_from_outside(tmp_path):
    report = bounded(tmp_path, "  import signal\n  signal.signal(signal.SIGALRM, signal.SIG_IGN)" + NEVER, seconds=15)
    assert report.problem == "it had not ended after 15 seconds, and was ended, at message 2 of lobby"


def test_what_there_is_no_time_for_is_left_out(tmp_path):
    report = bounded(tmp_path, "  import time\n  time.sleep(1)\n", *("hi",) * 30, seconds=20)
    assert not report.has_failed
    assert report.tried < 30
    assert report.left_out == {"there was no time left for them": 30 - report.tried}
