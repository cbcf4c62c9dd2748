"""The web page: how people read in it, and type into it."""

import re

from kit.browsers import expect, needs_browser
from kit.pages import fill, numbers
from kit.programs import sync

from greenchat.testing import serving

pytestmark = needs_browser
pytest_plugins = ["kit.browser_fixtures"]


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


def test_messages_are_grouped_and_tell_their_time(chat, visit):
    bob, carol = chat.join("bob"), chat.join("carol")
    ada = visit(chat).join("ada")
    expect(ada.log.get_by_text("Today", exact=True)).to_have_count(0)
    bob.send("MSG|one", "MSG|two")
    ada.sees("two")
    carol.send("MSG|three")
    ada.sees("three")
    expect(ada.log.get_by_text("Today", exact=True)).to_have_count(1)
    heads = ada.log.locator("b").all_text_contents()
    assert heads in (["bob", "carol"], ["bob", "bob", "carol"])  # at the turn of a minute
    time = ada.line("one").locator("time")
    time.hover()
    expect(time).to_have_attribute("title", re.compile(r"day,? \d+ \w+ 20\d\d"))
    assert re.fullmatch(r"\d\d:\d\d", time.inner_text())


def test_joins_and_leaves_are_folded(chat, visit):
    ada = visit(chat).join("ada")
    ada.say("quiet here")
    ada.has_stored("quiet here")
    peers = [chat.join(name) for name in ("bob", "carol", "dan")]
    peers[0].send("LEAVE")
    expect(ada.log.get_by_text("3 joined, 1 left", exact=True)).to_be_visible()
    expect(ada.log.get_by_text("carol joined")).to_be_hidden()
    ada.log.get_by_text("3 joined, 1 left", exact=True).click()
    expect(ada.log.get_by_text("carol joined")).to_be_visible()
    # Who only goes to another room has not left the chat.
    expect(ada.log.get_by_text("bob has left the room")).to_be_visible()
    peers[2].send("MSG|/join garden")
    expect(ada.log.get_by_text("dan went to garden")).to_be_visible()
    peers[1].send("MSG|/nick carla")
    expect(ada.member("carla")).to_be_visible()
    expect(ada.member("carol")).to_have_count(0)


def test_a_room_keeps_its_draft(chat, visit):
    ada = visit(chat).join("ada")
    ada.box.fill("half a thou")
    ada.rooms.get_by_role("button", name=re.compile("^Join (a|another) room")).click()
    ada.answer("dev", ok="Join")
    ada.is_in("dev")
    expect(ada.box).to_have_value("")
    ada.box.fill("other")
    ada.room("lobby").click()
    expect(ada.box).to_have_value("half a thou")
    ada.room("dev").click()
    expect(ada.box).to_have_value("other")


def test_a_pasted_page_is_announced_and_sent_in_order(chat, visit):
    bob = chat.join("bob")
    ada = visit(chat).join("ada")
    bob.expect("INFO|ada has joined the chat.")
    page = [f"{number}. /not a command" for number in range(1, 241)]
    ada.say("\n".join(page))
    expect(ada.dialog).to_contain_text("Send 3 messages?")
    ada.button("Cancel").click()
    expect(ada.lines).to_have_count(0)
    ada.box.press("Enter")
    ada.dialog.get_by_role("button", name="Send").click()
    bob.expect(*(f"MSG|ada|{line}" for line in page))
    expect(ada.log.locator("[data-state=stored]")).to_have_count(3)
    assert "\n".join(ada.lines.all_text_contents()) == "\n".join(page)


def test_what_is_over_the_rate_waits_with_a_countdown_and_is_not_lost(visit):
    with serving(settings={"limits.flood_rate": 10, "limits.flood_burst": 5}) as chat:
        bob = chat.join("bob")
        ada = visit(chat).join("ada")
        bob.expect("INFO|ada has joined the chat.")
        said = [f"quick {number}" for number in range(9)]
        # It is over within half a second: too soon for somebody who looks in from outside.
        ada.page.evaluate(
            """() => {
                window.told = [];
                const waiting = document.getElementById("waiting");
                new MutationObserver(() => told.push(waiting.textContent)).observe(waiting, {childList: true});
            }"""
        )
        ada.box.evaluate(
            """(box, said) => {
                for (const text of said) {
                    box.value = text;
                    box.dispatchEvent(new InputEvent("input"));
                    box.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", cancelable: true}));
                }
            }""",
            said,
        )
        bob.expect(*(f"MSG|ada|{line}" for line in said))
        expect(ada.page.get_by_text(re.compile("waiting"))).to_have_count(0)
        told = [text for text in ada.page.evaluate("() => told") if text]
        assert told
        assert all(re.fullmatch(r"\d lines? waiting: \d s", text) for text in told), told
        expect(ada.lines).to_have_text(said)


def test_an_enter_that_ends_a_composition_sends_nothing(chat, visit):
    ada = visit(chat).join("ada")
    ada.box.fill("にほん")
    # As Safari tells of it: no composition any more, but a key that none has.
    for how in "keyCode: 229", "isComposing: true":
        ada.box.evaluate(
            f"box => box.dispatchEvent(new KeyboardEvent('keydown', {{key: 'Enter', {how}, cancelable: true}}))"
        )
    expect(ada.box).to_have_value("にほん")
    expect(ada.lines).to_have_count(0)
    ada.box.press("Enter")
    ada.has_stored("にほん")


def test_back_and_forward_lead_through_the_rooms(chat, visit):
    bob = chat.join("bob")
    ada = visit(chat).join("ada")
    ada.say("/join dev")
    ada.is_in("dev")  # who types before would stay where they began
    ada.say("/msg bob psst")
    ada.has_stored("psst")
    for step, place in (-1, "dev"), (-1, "lobby"), (1, "dev"), (1, "bob"), (-2, "lobby"):
        ada.page.evaluate("step => history.go(step)", step)
        ada.is_in(place)
    expect(ada.page).to_have_url(re.compile(r"\?room=lobby$"))
    ada.say("back again")
    ada.has_stored("back again")
    # A room that one has left is passed over, and stays so.
    ada.room("dev").click()
    ada.room("lobby").click()
    ada.say("/part dev")
    expect(ada.room("dev")).to_have_count(0)
    ada.page.go_back()
    expect(ada.page).to_have_url(re.compile(r"\?room=lobby$"))
    ada.is_in("lobby")
    expect(ada.room("dev")).to_have_count(0)
    # A reload is where one was, be it on the way back.
    ada.room("lobby").click()
    ada.say("/join garden")
    ada.is_in("garden")
    ada.page.go_back()
    ada.is_in("lobby")
    ada.page.reload()
    ada.is_in("lobby")
    expect(ada.room("garden")).to_be_visible()
    ada.page.go_forward()
    ada.is_in("garden")
    assert "INFO|ada has left the chat." not in sync(bob), "a reload is no absence"


def test_one_types_where_the_page_expects_it(chat, visit):
    for link in "", "?room=dev", "?room=dev&name=ada":
        ada = visit(chat, link=link)
        expect(ada.field("Name")).to_be_focused()
    ada.page.keyboard.press("Enter")
    ada.is_in("dev")
    expect(ada.box).to_be_focused()
