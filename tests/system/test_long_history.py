"""Histories of many messages: what they cost."""

import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from kit.browsers import expect, needs_browser, note
from kit.histories import START, keep, opened

from greenchat.protocol.events import Message
from greenchat.testing import serving

pytest_plugins = ["kit.browser_fixtures"]

MEASURED = """
import re, sys
from pathlib import Path
from greenchat.cli import main
from greenchat_plugins.history import export
export.PAGE = 100  # of long messages, so that there are many pages and little to do
for form in ("jsonl", "text", "html"):
    main(["history", "export", "--format", form, *sys.argv[1:]], standalone_mode=False)
    print(*re.findall(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text()), file=sys.stderr)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system does not tell what a process has taken")
def test_a_long_history_takes_no_more_memory_than_a_short_one(tmp_path):
    peaks, size = [], 5000
    for rows in (1, 4000):
        data = tmp_path / str(rows)
        data.mkdir()
        keep(data, [])
        with opened(data) as connection:
            connection.execute("INSERT INTO rooms (id, name) VALUES (1, 'lobby')")
            connection.execute(
                "WITH RECURSIVE numbers(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < ?) "
                "INSERT INTO messages SELECT n, 1, n, n, 'ada', hex(zeroblob(?)), 0, 0, NULL FROM numbers",
                (rows, size // 2),
            )
        command = [sys.executable, "-c", MEASURED, "--data-dir", str(data)]
        process = subprocess.run(command, capture_output=True, timeout=60)
        assert len(process.stdout) >= 3 * rows * size
        peaks.append([int(peak) for peak in process.stderr.split()])
    short, long = peaks
    assert len(short) == len(long) == 3
    assert max(long) - max(short) < 10_000  # KiB, of 20 MB


# --- in the web page ---

KEPT = 500  # rows of messages in the document, PAGE.md says; days and the like come on top
BESIDES = 50
HEAP = 50  # MB: ten times of what it takes

# Scrolls on, a window less a bit at a time, until a certain line is in the window. Which lines were in it, frame by
# frame; how long a frame took, in ms; and the most rows that the document had.
SCROLL = """async ([down, to]) => {
    const box = document.querySelector("[role=log]");
    const list = box.querySelector("ol");
    const views = [], times = [];
    let most = 0;
    const giveUp = performance.now() + 150_000;
    for (let last = performance.now(); last < giveUp; ) {
        const {top, bottom} = box.getBoundingClientRect();
        const numbers = [];
        for (const row of list.children) {
            const place = row.getBoundingClientRect();
            const number = /line (\\d+)$/.exec(row.textContent)?.[1];
            if (number && place.bottom > top && place.top < bottom) numbers.push(+number);
        }
        views.push(numbers);
        most = Math.max(most, list.children.length);
        if (numbers.includes(to)) break;
        box.scrollBy(0, (down ? 0.8 : -0.8) * box.clientHeight);
        const now = await new Promise(requestAnimationFrame);
        times.push(now - last);
        last = now;
    }
    return [views, times, most];
}"""


@needs_browser
def test_ten_thousand_messages_are_scrolled_through(visit, tmp_path):
    count = 10_000
    messages = (
        Message("lobby", number, number, f"name{number // 7 % 5}", f"line {number}", START + timedelta(seconds=number))
        for number in range(1, count + 1)
    )
    keep(tmp_path, messages, indexed=False)
    with serving(data_dir=tmp_path) as chat:
        ada = visit(chat, size=(1280, 1600)).join("ada")
        expect(ada.log.get_by_text(f"line {count}", exact=True)).to_be_in_viewport()
        measured = []
        for direction, start, to in ("up", count, 1), ("down", 1, 1000):
            views, times, most = ada.page.evaluate(SCROLL, [direction == "down", to])
            # Every one comes by, in order, and none a second time: nothing jumps when more is loaded.
            if direction == "up":
                assert {number for view in views for number in view} == set(range(1, count + 1))
            else:
                assert {number for view in views for number in view} >= set(range(start, to + 1))
            assert all(view == list(range(view[0], view[-1] + 1)) for view in views), "a gap within the window"
            firsts = [view[0] for view in views]
            assert firsts == sorted(firsts, reverse=direction == "up"), "jumped"
            assert most <= KEPT + BESIDES
            times.sort()
            middle, slow, slowest = times[len(times) // 2], times[len(times) * 99 // 100], times[-1]
            measured.append(f"{direction}: {len(times)} frames, at most {most} rows; a frame takes {middle:.0f} ms, ")
            measured.append(f"99 of 100 within {slow:.0f} ms, the longest {slowest:.0f} ms\n")
        expect(ada.log.get_by_text("This is where lobby begins.")).not_to_be_in_viewport()
        tools = ada.context.new_cdp_session(ada.page)
        tools.send("Performance.enable")
        tools.send("HeapProfiler.collectGarbage")
        metrics = {metric["name"]: metric["value"] for metric in tools.send("Performance.getMetrics")["metrics"]}
        heap = metrics["JSHeapUsedSize"] / 1e6
        note("history-10000", f"{''.join(measured)}heap: {heap:.1f} MB\n")
        assert heap < HEAP
        # And at once where the others are.
        chat.join("bob").send("MSG|you are late")
        expect(ada.button(re.compile("^1 new message "))).to_be_visible()
        ada.button(re.compile("^1 new message ")).click()
        ada.sees("you are late", f"line {count}")
        expect(ada.log.get_by_text("you are late")).to_be_in_viewport()
