"""The web page over time: what was said before, and a server that goes away."""

import json
import re
import socket
from datetime import timedelta

from browsers import expect, needs_browser, note
from histories import START, keep
from processes import ServeProcess
from programs import Program

from greenchat.events import Message
from greenchat.testing import Peer, ServerThread, serving

pytestmark = needs_browser
pytest_plugins = ["browser_fixtures"]

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
    const giveUp = performance.now() + 40_000;
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


def fill(chat: ServerThread, count: int, room: str = "lobby") -> None:
    """`count` messages that were said before."""
    bob = chat.join("bob", room)
    bob.send(*(f"MSG|line {number}" for number in range(1, count + 1)), "LEAVE")
    while bob.read():
        pass


def numbers(window):
    return [int(text.split()[1]) for text in window.lines.all_text_contents()]


def test_scrolling_up_loads_what_is_older_without_a_jump(chat, visit):
    fill(chat, 300)
    ada = visit(chat).join("ada")
    ada.sees("line 300")
    expect(ada.log.get_by_text("line 300", exact=True)).to_be_in_viewport()
    ada.log.hover()
    carol = chat.join("carol")
    for _ in range(60):
        if ada.log.get_by_text("line 1", exact=True).count():
            break
        ada.page.mouse.wheel(0, -1500)
        ada.page.evaluate("() => new Promise(requestAnimationFrame)")
    ada.sees("line 1", "line 150", "line 299")
    assert numbers(ada) == list(range(1, 301))
    # What the reader looks at stays where it is when somebody speaks.
    ada.line("line 150").scroll_into_view_if_needed()
    expect(ada.button(re.compile("Jump to the latest"))).to_be_visible()
    before = ada.line("line 150").bounding_box()
    carol.send("MSG|now", "MSG|and now")
    expect(ada.button(re.compile("^2 new messages"))).to_be_visible()
    assert ada.line("line 150").bounding_box() == before
    ada.button(re.compile("^2 new messages")).click()
    expect(ada.log.get_by_text("and now", exact=True)).to_be_in_viewport()
    expect(ada.button(re.compile("new message|Jump to"))).to_have_count(0)


def test_a_search_jumps_to_its_place(chat, visit):
    fill(chat, 400)
    ada = visit(chat).join("ada")
    ada.sees("line 400")
    ada.search("line 42")
    result = ada.results.get_by_role("button", name=re.compile("line 42$"))
    expect(result).to_have_count(1)
    result.click()
    expect(ada.log.get_by_text("line 42", exact=True)).to_be_in_viewport()
    ada.sees("line 41", "line 43")
    ada.button(re.compile("Jump to the latest")).click()
    expect(ada.log.get_by_text("line 400", exact=True)).to_be_in_viewport()
    ada.search("nothing of that kind")
    expect(ada.results).to_contain_text(re.compile("Nothing.* found"))


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


def test_a_killed_server_comes_back_without_gap_or_double(visit, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    def start():
        return ServeProcess(tmp_path, "--port", str(port), "--set", "limits.flood_rate=0")

    def kill(server):
        server.process.kill()
        server.process.wait()
        server.process.stdout.close()

    def bob(*texts):
        with Peer("127.0.0.1", port) as peer:
            peer.send("JOIN|bob", *(f"MSG|{text}" for text in texts), "LEAVE")
            while peer.read():
                pass

    server = start()
    try:
        ada = visit(server).join("ada")
        ada.say("/join dev")
        ada.is_in("dev")
        ada.say("/room key sesame")
        expect(ada.log.get_by_text("dev needs a key from now on, says ada.")).to_be_visible()
        ada.room("lobby").click()
        ada.is_in("lobby")
        bob("one", "two")
        ada.say("three")
        ada.has_stored("three")
        kill(server)
        expect(ada.page.get_by_text("The connection is lost.")).to_be_visible()
        ada.say("typed meanwhile")
        assert ada.mark_of("typed meanwhile") == "queued"
        missed = [f"missed {number}" for number in range(150)]
        server = start()
        bob(*missed)
        ada.has_stored("typed meanwhile")
        bob("afterwards")
        ada.sees("afterwards")
        expect(ada.page.get_by_text("The connection is lost.")).to_have_count(0)
        said_of_others = ["one", "two", "three", *missed, "afterwards"]
        expect(ada.lines).to_have_count(len(said_of_others) + 1)
        # The line of the outage goes out once the page is back, be that before or behind what bob says: it stands where
        # the server has it.
        with Program(server, "eve").peer as peer:
            peer.send('{"type": "history", "room": "lobby", "limit": 200}')
            frames = map(json.loads, iter(peer.read, ""))
            events = next(frame["events"] for frame in frames if frame["type"] == "history")
        kept = [event["text"] for event in events if event["type"] == "message"]
        assert [text for text in kept if text != "typed meanwhile"] == said_of_others
        assert ada.lines.all_text_contents() == kept
        # In a room with a key, too, one is again.
        ada.room("dev").click()
        ada.is_in("dev")
        ada.say("still here")
        ada.has_stored("still here")
    finally:
        kill(server)
