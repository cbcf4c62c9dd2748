"""The web page over time: what was said before, and a server that goes away."""

import re

import pytest
from kit.browsers import expect, needs_browser
from kit.pages import fill
from kit.processes import ServeProcess, kept_port
from kit.programs import Program

from greenchat.testing import Peer, serving

pytestmark = needs_browser
pytest_plugins = ["kit.browser_fixtures"]


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


def test_what_is_kept_for_messages_that_are_still_to_come_has_a_bound(visit):
    with serving(settings={"limits.flood_rate": 0}) as chat:
        ada = visit(chat).join("ada")
        bob = Program(chat, "bob")
        for number in range(250):
            seq = bob.request(type="say", room="lobby", text=f"line {number}")["seq"]
            bob.request(type="delete", room="lobby", seq=seq)
        bob.request(type="say", room="lobby", text="all of it is gone")
        ada.sees("all of it is gone")
        kept = ada.page.evaluate(
            "async () => (await import('./conversations.js')).rooms.get('lobby').recent.map(({type}) => type)"
        )
        assert set(kept) == {"deleted"}
        assert len(kept) <= 200
