"""The web page over time: what was said before, and a server that goes away."""

import re

import pytest
from kit.browsers import expect, holding, needs_browser
from kit.processes import ServeProcess, kept_port
from kit.programs import Program, sync

from greenchat.testing import Peer, ServerThread

pytestmark = needs_browser
pytest_plugins = ["kit.browser_fixtures"]


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
    # One is marked, that one.
    ada.search("line 45")
    ada.results.get_by_role("button", name=re.compile("line 45$")).click()
    expect(ada.log.locator(".found")).to_contain_text(["line 45"])
    ada.button(re.compile("Jump to the latest")).click()
    expect(ada.log.get_by_text("line 400", exact=True)).to_be_in_viewport()
    ada.search("nothing of that kind")
    expect(ada.results).to_contain_text(re.compile("Nothing.* found"))


@pytest.fixture
def port():
    with kept_port() as kept:
        yield kept


def test_a_killed_server_comes_back_without_gap_or_double(visit, tmp_path, port):
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
        with Program(server, "eve") as eve:
            events = eve.request(type="history", room="lobby", limit=200)["events"]
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


def test_a_network_that_goes_is_noticed_at_once_and_one_that_stays_is_not_doubted(chat, visit):
    bob = chat.join("bob")
    ada = visit(chat).join("ada")
    status = ada.page.locator("#status").get_by_role("status")
    # The server answers, be it on this very machine: all goes on.
    for event in "offline", "online":
        ada.page.evaluate("event => dispatchEvent(new Event(event))", event)
        ada.say(f"still there: {event}")
        ada.has_stored(f"still there: {event}")
    expect(status).to_have_text("")
    with holding(chat):
        ada.context.set_offline(True)
        expect(status).to_contain_text("Is the server still there?")
        expect(status).to_contain_text("You are offline.")
        ada.say("typed meanwhile")
        ada.picture("offline-desktop-light")
    expect(status).to_contain_text("Next try in")
    ada.context.set_offline(False)
    ada.has_stored("typed meanwhile")
    expect(status).to_have_text("")
    assert [line for line in sync(bob) if "typed" in line] == ["MSG|ada|typed meanwhile"]


def test_what_was_today_is_not_any_more_after_midnight(chat, visit):
    ada = visit(chat)
    ada.page.clock.install()
    ada.join("ada")
    ada.say("in the evening")
    ada.has_stored("in the evening")
    expect(ada.log.get_by_text("Today", exact=True)).to_be_visible()
    ada.page.clock.fast_forward("24:00:00")
    expect(ada.log.get_by_text("Today", exact=True)).to_have_count(0)
    expect(ada.log.locator(".day")).to_have_count(1)
