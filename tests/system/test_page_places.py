"""What is typed in the web page, in all places: it goes to those whom its writer saw, or to nobody."""

import re

import pytest
from kit.browsers import expect, holding, needs_browser
from kit.pages import KEPT_BACK, leave_the_chat, reason, status, talk_with
from kit.programs import owner, says, sync

pytestmark = needs_browser
pytest_plugins = ["kit.browser_fixtures"]


def test_who_is_in_no_room_stays_there_until_they_go_somewhere(chat, visit):
    carol = chat.join("carol")
    bob = owner(chat, "bob", "dev")
    ada = visit(chat).join("ada", "dev")
    says(bob, "/kick ada")
    expect(status(ada)).to_contain_text("You are not in dev any more")
    ada.is_in("dev")
    assert sync(carol) == [], "nobody is put into another room"
    for text in "hello", "/me waves":
        ada.box.fill(text)
        ada.box.press("Enter")
        expect(ada.box).to_have_value(text)
    expect(reason(ada)).to_have_text(KEPT_BACK)
    # All else works, and nothing fails.
    ada.say("/ping", "/nick adele")
    expect(ada.log.get_by_text("Pong.")).to_be_visible()
    expect(ada.page.locator("#self")).to_contain_text("adele")
    for keys in "Alt+ArrowDown", "Alt+ArrowUp":
        ada.page.keyboard.press(keys)
    ada.is_in("dev")
    ada.search("anything")
    expect(ada.results).to_contain_text(re.compile("Nothing.* found"))
    ada.page.keyboard.press("Escape")
    ada.button("More").click()
    expect(ada.menu.get_by_role("button")).to_have_text(["Come back", "Join another room …"])
    ada.button("Join another room …").click()
    ada.answer("garden", ok="Join")
    ada.is_in("garden")
    expect(status(ada).get_by_role("button")).to_have_count(0)
    ada.room("dev").click()
    ada.button("Come back").click()
    expect(ada.member("bob")).to_be_visible()
    # One leaves the last room, too, and is in none.
    for room in "dev", "garden":
        ada.room(room).click()
        ada.button("More").click()
        ada.button(f"Leave {room}").click()
    expect(status(ada)).to_contain_text("You have left garden.")
    ada.is_in("garden")
    ada.picture("no-room-desktop-light")
    assert chat.call(lambda: list(chat.server.chat.members["adele"].rooms)) == []
    ada.page.reload()
    expect(status(ada)).to_contain_text("You look at no room.")
    ada.picture("nowhere-desktop-light")
    ada.box.fill("anybody?")
    ada.box.press("Enter")
    expect(ada.box).to_have_value("anybody?")
    ada.button("Join a room").last.click()
    ada.answer("attic", ok="Join")
    ada.is_in("attic")
    assert sync(carol) == []


def test_a_dialog_acts_where_it_was_opened(chat, visit):
    ada = visit(chat).join("ada", "vault")
    ada.say("/join garden")
    ada.is_in("garden")
    ada.room("vault").click()
    ada.button("More").click()
    ada.button("Set a key …").click()
    ada.page.evaluate("() => history.back()")  # on a phone, say
    ada.is_in("garden")
    ada.answer("sesame")
    ada.room("vault").click()
    expect(ada.log).to_contain_text("vault needs a key from now on")


def test_a_room_has_one_name(chat, visit):
    bob, spelling = owner(chat, "bob", "dev"), "##DEV"
    for link, room in ("", spelling), (f"?room={spelling}&name=ada", None):
        ada = visit(chat, link=link)
        if room:
            ada.fill_in("ada", room)
        else:
            expect(ada.field("Name")).to_have_value("ada")
            ada.button("Join").click()
        ada.is_in("dev")
        expect(ada.member("bob")).to_be_visible()
        leave_the_chat(ada)
    ada = visit(chat).join("ada")
    ada.say(f"/join {spelling}")
    ada.is_in("dev")
    ada.say("in dev")
    ada.has_stored("in dev")
    assert "MSG|ada|in dev" in sync(bob)
    ada.room("lobby").click()
    ada.say(f"/join {spelling}")
    ada.is_in("dev")
    expect(ada.page.locator("#room-list").get_by_role("button")).to_have_count(2)
    ada.say(f"/part {spelling}")
    ada.is_in("lobby")
    assert "INFO|ada has left the chat." in sync(bob)


def test_a_mistyped_room_is_not_left(chat, visit):
    ada = visit(chat).join("ada")
    for mistyped in "/part lobbi", "/party":
        ada.say(mistyped)
    expect(ada.log).to_contain_text("You are not in lobbi")
    ada.say("still here")
    ada.has_stored("still here")


def test_who_types_goes_on_where_they_began(chat, visit):
    bob = chat.join("bob")
    ada = visit(chat).join("ada")
    # The answer to /join comes while one types on: what is in the box is for the room that it was begun in.
    with holding(chat):
        ada.say("/join dev")
        ada.box.press_sequentially("for the lobby")
    expect(ada.button("Go to dev")).to_be_visible()
    ada.is_in("lobby")
    ada.box.press("Enter")
    ada.has_stored("for the lobby")
    assert "MSG|ada|for the lobby" in sync(bob)
    ada.button("Go to dev").click()
    ada.is_in("dev")


LATER = ["/login ada KEY4711", "  \t/login ada KEY4711", "\u200b/login ada KEY4711", "//login KEY4711"]


def test_a_later_line_with_a_slash_is_asked_about(chat, visit):
    bob = chat.join("bob")
    ada = visit(chat).join("ada")
    bob.expect("INFO|ada has joined the chat.")
    for number, second in enumerate(LATER, 1):
        ada.box.fill(f"hello\n{second}")
        ada.box.press("Enter")
        expect(ada.dialog).to_contain_text("KEY4711")
        ada.picture("slash-asked-desktop-light")
        ada.page.keyboard.press("Enter")  # by mistake: that is no consent
        expect(ada.dialog).to_have_count(0)
        expect(ada.box).to_have_value(f"hello\n{second}")
        expect(ada.lines).to_have_count(number - 1)
        assert sync(bob) == []
        ada.box.press("Enter")
        ada.button("Send 2 lines").click()
        bob.expect("MSG|ada|hello", f"MSG|ada|{second}")
        expect(ada.lines).to_have_count(number)


def test_a_conversation_goes_along_with_a_new_name_and_others_of_that_name_stay_apart(chat, visit):
    bob, carol = chat.join("bob"), chat.join("carol")
    ada = visit(chat).join("ada")
    for peer in bob, carol:
        peer.read_until("INFO|ada has joined the chat.")
        peer.send("MSG|/msg ada hi")
    talk_with(ada, "bob").click()
    ada.sees("hi")
    carol.send("LEAVE")
    carol.read_until("")
    expect(talk_with(ada, "carol")).to_contain_text("ended")
    bob.send("MSG|/nick carol")
    ada.is_in("carol")
    ada.say("still you")
    ada.has_stored("still you")
    assert "MSG|ada (private)|still you" in sync(bob)
    expect(talk_with(ada, "carol")).to_have_count(2)
    expect(talk_with(ada, "carol").filter(has_text="ended")).to_have_count(1)
    # Nor is it who was chosen while the name is somebody else's by the time of the first word.
    dan = chat.join("dan")
    ada.room("lobby").click()
    ada.member("dan").click()
    ada.button("Direct message").click()
    ada.box.fill("for dan alone")
    dan.send("LEAVE")
    expect(status(ada)).to_contain_text("dan is not here any more.")
    stranger = chat.join("dan")
    ada.box.press("Enter")
    expect(ada.box).to_have_value("for dan alone")
    assert sync(stranger) == []


def test_people_of_other_rooms_are_told_apart_by_the_server(chat, visit):
    """In whose rooms one is not, of them one is not told that they changed names."""
    bob = chat.join("bob", "elsewhere")
    ada = visit(chat).join("ada")
    ada.say("/msg bob one")
    ada.has_stored("one")
    bob.send("MSG|/nick rob")
    sync(bob)
    stranger = chat.join("bob", "elsewhere")
    ada.say("two")
    ada.has_stored("two")
    ada.is_in("rob")
    assert "MSG|ada (private)|two" in sync(bob)
    ada.room("lobby").click()
    ada.say("/msg bob three")
    ada.has_stored("three")
    ada.is_in("bob")
    assert "three" not in "".join(sync(bob))
    assert "MSG|ada (private)|three" in sync(stranger)
    # Whom one had a conversation with already, that one goes on.
    ada.room("lobby").click()
    ada.say("/msg rob four")
    ada.has_stored("four")
    expect(ada.lines).to_have_text(["one", "two", "four"])
    expect(ada.page.locator("#direct-list").get_by_role("button")).to_have_count(2)


def test_no_room_is_taken_for_a_person(chat, visit):
    """A room may be called as a conversation was kept here once: the two are never one."""
    stranger = chat.join("x", "bob")
    bob = chat.join("bob")
    ada = visit(chat).join("ada")
    ada.say("/msg bob psst")
    ada.has_stored("psst")
    ada.say("/join bob")
    ada.is_in("bob")
    expect(ada.member("x")).to_be_visible()
    talk_with(ada, "bob").click()
    ada.say("only for him")
    ada.has_stored("only for him")
    assert "MSG|ada (private)|only for him" in sync(bob)
    assert "only" not in "".join(sync(stranger))


STRANGE = ["constructor", "__proto__", "toString"]


@pytest.mark.parametrize("name", STRANGE)
def test_names_that_code_has_are_names_like_others(chat, visit, name):
    chat.join("bob")
    ada = visit(chat).join(name, name)
    expect(ada.box).to_have_value("")
    # Rooms have names in lower case.
    ada.is_in(name.lower())
    other = visit(chat).join("eve", name)
    expect(other.member(name)).to_have_count(1)
    expect(other.member(name)).to_have_text(re.compile(f"{re.escape(name)}(owner)?$"))
    ada.box.fill("a draft")
    ada.say("/join lobby")
    ada.is_in("lobby")
    expect(ada.box).to_have_value("")
    other.say(f"/msg {name} psst")
    other.has_stored("psst")
    talk_with(ada, "eve").click()
    ada.sees("psst")
    ada.say("/msg eve pssst", f"/msg {name} note to self", "/away lunch")
    ada.has_stored("note to self")
    expect(ada.lines).to_have_text(["note to self"])
    other.page.locator("#room-list").get_by_role("button").filter(has_text=name.lower()).click()
    expect(other.member(name)).to_contain_text("away: lunch")
    ada.say(f"/{name}", "/back")
    expect(ada.log).to_contain_text("There is no command")
    expect(other.member(name)).not_to_contain_text("away")
