"""The web page over time: what was said before, what comes too fast, and a server that goes away."""

import re
import socket
from contextlib import ExitStack

from browsers import WEB, Window, expect, needs_browser
from processes import ServeProcess

from greenchat.testing import Peer, ServerThread, serving

pytestmark = needs_browser
pytest_plugins = ["browser_fixtures"]


# --- history ---


def fill(chat: ServerThread, count: int, room: str = "lobby") -> None:
    """`count` messages that were said before."""
    bob = chat.join("bob", room)
    bob.send(*(f"MSG|line {number}" for number in range(1, count + 1)), "LEAVE")
    while bob.read():
        pass


def test_scrolling_up_loads_what_is_older_without_a_jump(chat, visit):
    fill(chat, 300)
    ada = visit().join("ada")
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
    numbers = [int(text.split()[1]) for text in ada.lines.all_text_contents()]
    assert numbers == list(range(1, 301))
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
    ada = visit().join("ada")
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


def test_what_is_over_the_rate_waits_and_is_not_lost(browser):
    with serving(*WEB, settings={"limits.flood_rate": 10, "limits.flood_burst": 5}) as chat, ExitStack() as stack:
        bob = chat.join("bob")
        ada = Window(browser, f"http://{chat.host}:{chat.port}").join("ada")
        stack.callback(ada.context.close)
        bob.read()
        said = [f"quick {number}" for number in range(9)]
        ada.box.fill("\n".join(said))
        ada.box.press("Enter")
        expect(ada.page.get_by_text(re.compile(r"lines? waiting: \d+ s"))).to_be_visible()
        bob.expect(*(f"MSG|ada|{line}" for line in said))
        expect(ada.page.get_by_text(re.compile("waiting"))).to_have_count(0)
        assert ada.errors == []


# --- the connection ---


def test_a_killed_server_comes_back_without_gap_or_double(browser, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    plugin = ["--plugin", "greenchat_plugins.web"] if WEB else []

    def start():
        return ServeProcess(tmp_path, "--port", str(port), "--set", "limits.flood_rate=0", *plugin)

    def bob(*texts):
        with Peer("127.0.0.1", port) as peer:
            peer.send("JOIN|bob", *(f"MSG|{text}" for text in texts), "LEAVE")
            while peer.read():
                pass

    server = start()
    try:
        ada = Window(browser, f"http://127.0.0.1:{port}").join("ada")
        bob("one", "two")
        ada.say("three")
        expect(ada.line("three")).to_have_attribute("data-state", "stored")
        server.process.kill()
        server.process.wait()
        server.process.stdout.close()
        expect(ada.page.get_by_text("The connection is lost.")).to_be_visible()
        ada.say("typed meanwhile")
        server = start()
        bob(*(f"missed {number}" for number in range(150)))
        expect(ada.line("typed meanwhile")).to_have_attribute("data-state", "stored")
        bob("afterwards")
        ada.sees("afterwards")
        expect(ada.page.get_by_text("The connection is lost.")).to_have_count(0)
        others = ["one", "two", "three", *(f"missed {number}" for number in range(150)), "afterwards"]
        expect(ada.lines).to_have_count(len(others) + 1)
        lines = ada.lines.all_text_contents()
        lines.remove("typed meanwhile")  # it goes out once the page is back, be that before or behind what bob says
        assert lines == others
        ada.context.close()
    finally:
        server.process.kill()
        server.stop()
        server.process.stdout.close()
