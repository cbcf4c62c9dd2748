"""The web page, as people see it: in a real browser, by roles, names and text."""

import re
from contextlib import closing

from kit.browsers import expect, holding, needs_browser
from kit.programs import sync
from kit.terminals import Terminal

pytestmark = needs_browser
pytest_plugins = ["kit.browser_fixtures"]


# --- the way in ---


def test_two_browsers_a_terminal_and_netcat_in_one_conversation(chat, visit):
    carol = chat.join("carol")
    with closing(Terminal("connect", "--line", chat.host, chat.port, "--name", "bob")) as bob:
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


def test_one_comes_in_once_however_often_one_asks(chat, visit):
    bob = chat.join("bob")
    ada = visit(chat)
    ada.fill_in("bob")
    expect(ada.problem).to_contain_text("taken")  # over this connection, the next one follows
    ada.field("Name").fill("ada")
    ada.button("Join").evaluate("button => { button.click(); button.click() }")
    expect(ada.box).to_be_focused()
    ada.say("I am in")
    ada.has_stored("I am in")
    bob.expect("INFO|ada has joined the chat.", "MSG|ada|I am in")


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
    bob = chat.join("barbara")
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
    bob.read_until("MSG|ada|two")
    assert bob.read() == "MSG|ada|lines"
    expect(ada.line("two lines")).to_have_attribute("data-state", "stored")
    # They are still several when one changes them.
    ada.box.press("ArrowUp")
    expect(ada.box).to_have_value("two\nlines")
    ada.box.press("End")
    ada.box.press_sequentially("!")
    ada.box.press("Enter")
    assert bob.read() == 'INFO|ada has changed "two …": two …'
    expect(ada.line("two lines!")).to_be_visible()
