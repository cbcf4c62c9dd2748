"""The web page, as people see it: in a real browser, by roles, names and text."""

import re
from contextlib import closing

from kit.browsers import expect, holding, needs_browser
from kit.programs import sync
from kit.terminals import Terminal

from greenchat.testing import serving

pytestmark = needs_browser
pytest_plugins = ["kit.browser_fixtures"]


# --- the way in ---


def test_two_browsers_a_terminal_and_netcat_in_one_conversation(chat, visit):
    carol = chat.join("carol")
    with closing(Terminal("connect", chat.host, chat.port, "--name", "bob")) as bob:
        carol.expect("INFO|bob has joined the chat.")
        ada = visit(chat).join("ada")
        eve = visit(chat).join("eve")
        bob.wait_for("[INFO] ada has joined the chat.", "[INFO] eve has joined the chat.", ">")
        ada.say("Hello, everybody!")
        bob.wait_for("[ada]: Hello, everybody!", ">")
        bob.type("Hi ada, from a terminal.\r")
        eve.sees("Hello, everybody!", "Hi ada, from a terminal.")
        eve.say("And hi from a browser 🎉")
        carol.read_until("MSG|eve|And hi from a browser 🎉")
        carol.send("MSG|And from netcat")
        bob.wait_for("[eve]: And hi from a browser 🎉", "[carol]: And from netcat", ">")
        said = ["Hello, everybody!", "Hi ada, from a terminal.", "And hi from a browser 🎉", "And from netcat"]
        for window in ada, eve:
            expect(window.lines).to_have_text(said)
            for name in "ada", "bob", "carol", "eve":
                expect(window.member(name)).to_be_visible()
        bob.type("/quit\r")
        expect(ada.member("bob")).to_have_count(0)


def test_the_form_tells_what_is_wrong_and_remembers_who_one_is(chat, visit):
    bob = chat.join("bob")
    ada = visit(chat)
    ada.fill_in("bob")
    expect(ada.problem).to_contain_text("bob")
    expect(ada.problem).to_contain_text("taken")
    ada.fill_in("two words")
    expect(ada.problem).not_to_contain_text("taken")
    expect(ada.problem).not_to_be_empty()
    expect(ada.field("Name")).to_be_focused()
    ada.fill_in("ada", "no/such room")
    expect(ada.field("Room")).to_be_focused()
    # By keys alone, from the field to the first word.
    ada.field("Room").fill("dev")
    ada.field("Name").fill("ada")
    ada.page.keyboard.press("Enter")
    expect(ada.box).to_be_focused()
    ada.is_in("dev")
    ada.say("/join lobby")
    ada.is_in("lobby")
    ada.page.keyboard.type("I am in")
    ada.page.keyboard.press("Enter")
    bob.expect("INFO|ada has joined the chat.", "MSG|ada|I am in")
    # A new window knows who one is, a link says more, and a reload is where one was in that window.
    later = visit(chat, context=ada.context)
    expect(later.field("Name")).to_have_value("ada")
    expect(later.field("Room")).to_have_value("dev")
    later = visit(chat, link="?room=garden&name=eve", context=ada.context)
    expect(later.field("Name")).to_have_value("eve")
    later.button("Join").click()
    later.is_in("garden")
    expect(later.page).to_have_title(re.compile("garden"))
    ada.page.reload()
    ada.is_in("lobby")
    expect(ada.room("dev")).to_be_visible()


def test_leaving_ends_at_the_form_and_stays_there(chat, visit):
    bob = chat.join("bob")
    ada = visit(chat).join("ada")
    bob.expect("INFO|ada has joined the chat.")
    ada.rooms.get_by_role("button", name=re.compile("ada")).click()
    ada.button("Leave the chat").click()
    bob.expect("INFO|ada has left the chat.")
    expect(ada.button("Join")).to_be_visible()
    ada.page.reload()
    expect(ada.button("Join")).to_be_visible()
    assert sync(bob) == []


# --- messages ---


def test_an_own_message_is_sending_then_stored_or_refused(chat, visit):
    bob = chat.join("bob")
    ada = visit(chat).join("ada")
    bob.expect("INFO|ada has joined the chat.")
    with holding(chat):
        ada.say("Is this kept?")
        assert ada.mark_of("Is this kept?") == "sending"
    ada.has_stored("Is this kept?")
    assert ada.mark_of("Is this kept?") == "✓"
    ada.say("HELLO")
    row = ada.line("HELLO")
    expect(row).to_contain_text("No shouting, please.")
    assert ada.mark_of("HELLO") == "failed"
    ada.say("calmly now")
    ada.has_stored("calmly now")
    # What is said later, and who comes, has its place as ever while that one waits.
    for name in "carol", "dan":
        chat.join(name)
    expect(ada.log.get_by_text("2 joined", exact=True)).to_be_visible()
    row.get_by_role("button", name="Try again").click()
    expect(row).to_have_count(1)
    expect(row).to_contain_text("No shouting, please.")
    row.get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)
    ada.say("/me waves")
    bob.expect("MSG|ada|Is this kept?", "MSG|ada|calmly now")
    bob.send("MSG|/me waves back")
    expect(ada.line("ada waves")).to_be_visible()
    expect(ada.line("bob waves back")).to_be_visible()
    expect(ada.lines.last).to_have_css("font-style", "italic")


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
    assert re.search(r"day,? \d+ \w+ 20\d\d", ada.line("one").locator("time").get_attribute("title"))
    assert re.fullmatch(r"\d\d:\d\d", ada.line("one").locator("time").inner_text())


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


def test_rooms_count_what_was_not_read_and_direct_messages_have_a_place(chat, visit):
    bob = chat.join("bob", "dev")
    ada = visit(chat).join("ada")
    ada.say("/join dev")
    ada.is_in("dev")
    bob.send("MSG|Canada is no name, @Ada is", "MSG|adaptable")
    expect(ada.log.get_by_role("mark")).to_have_text(["@Ada"])
    ada.room("lobby").click()
    ada.is_in("lobby")
    bob.send("MSG|one")
    expect(ada.room("dev")).to_have_accessible_name(re.compile(r"dev\s*1 unread"))
    bob.send("MSG|ada: two", "MSG|three")
    expect(ada.room("dev")).to_have_accessible_name(re.compile(r"dev\s*@3 unread"))
    expect(ada.page).to_have_title(re.compile(r"^\(1\)"))
    ada.room("dev").click()
    ada.sees("one", "ada: two", "three")
    expect(ada.log.get_by_text("New messages", exact=True)).to_be_visible()
    expect(ada.room("dev")).not_to_have_accessible_name(re.compile("unread"))
    expect(ada.page).to_have_title(re.compile("^dev"))
    bob.send("MSG|/msg ada psst")
    talk = ada.rooms.get_by_role("button", name=re.compile("bob"))
    expect(talk).to_have_accessible_name(re.compile("1 unread"))
    expect(ada.log.get_by_text("psst")).to_have_count(0)
    talk.click()
    ada.sees("psst")
    sync(bob)
    ada.say("what?")
    ada.has_stored("what?")
    assert "what?" in "".join(sync(bob))


# --- typing ---


def test_keys_help_with_typing(chat, visit):
    chat.join("barbara")
    ada = visit(chat).join("ada")
    ada.say("first", "second")
    ada.sees("first", "second")
    for key, back in ("Up", "second"), ("Up", "first"), ("Down", "second"), ("Down", ""):
        ada.box.press(f"Arrow{key}")
        expect(ada.box).to_have_value(back)
    ada.box.press_sequentially("bar")
    ada.box.press("Tab")
    expect(ada.box).to_have_value("barbara: ")
    ada.box.fill("")
    ada.box.press_sequentially("/")
    options = ada.page.get_by_role("listbox", name="Suggestions")
    expect(options.get_by_role("option").filter(has_text="/nick NAME")).to_contain_text("name")
    ada.box.press_sequentially("topi")
    expect(options.get_by_role("option")).to_have_count(1)
    ada.box.press("Tab")
    expect(ada.box).to_have_value("/topic ")
    ada.box.press_sequentially("Ducks")
    ada.box.press("Enter")
    expect(ada.log).to_contain_text("ada has set the topic: Ducks")
    ada.box.press_sequentially("two")
    ada.box.press("Shift+Enter")
    ada.box.press_sequentially("lines")
    expect(ada.box).to_have_value("two\nlines")
    ada.box.press("Enter")
    ada.sees("two", "lines")


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


def test_a_pasted_page_is_announced_and_sent_as_its_lines_in_order(chat, visit):
    bob = chat.join("bob")
    ada = visit(chat).join("ada")
    bob.expect("INFO|ada has joined the chat.")
    page = [f"{number}. /not a command" if number % 7 else f"/kick {number}" for number in range(1, 41)]
    ada.say("\n\n".join(page))
    expect(ada.dialog).to_contain_text("40 lines")
    ada.button("Cancel").click()
    expect(ada.lines).to_have_count(0)
    ada.box.press("Enter")
    ada.dialog.get_by_role("button", name="Send").click()
    bob.expect(*(f"MSG|ada|{line}" for line in page))
    expect(ada.lines).to_have_text(page)


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
        ada.say("\n".join(said))
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
    ada.say("/join dev", "/msg bob psst")
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
    assert "INFO|ada has left the chat." in sync(bob)


def test_one_types_where_the_page_expects_it(chat, visit):
    for link in "", "?room=dev", "?room=dev&name=ada":
        ada = visit(chat, link=link)
        expect(ada.field("Name")).to_be_focused()
    ada.page.keyboard.press("Enter")
    ada.is_in("dev")
    expect(ada.box).to_be_focused()
