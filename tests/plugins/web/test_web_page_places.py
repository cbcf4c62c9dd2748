"""What is typed in the web page goes to those whom its writer saw, or to nobody; and it stays with its writer then."""

import re
import socket
from contextlib import contextmanager

import pytest
from kit.accounts import CHEAP, SECRET
from kit.browsers import expect, holding, needs_browser
from kit.programs import owner, says, sync

from greenchat.testing import serving

pytestmark = needs_browser
pytest_plugins = ["kit.browser_fixtures"]

KEPT_BACK = re.compile("^Nothing was sent")


def reason(window):
    """Why what is in the box was not sent."""
    return window.page.locator("#composer").get_by_role("alert")


def status(window):
    return window.page.locator("#status")


def talk(window, name):
    """The entries of direct conversations with who is or was called so."""
    return window.page.locator("#direct-list").get_by_role("button").filter(has_text=name)


def leave(window):
    window.page.locator("#self").click()
    window.button("Leave the chat").click()
    expect(window.button("Join")).to_be_visible()


@contextmanager
def cut_off(chat, window, name):
    """`window` has lost its connection, and cannot get another one."""
    window.context.set_offline(True)
    chat.call(lambda: chat.server.chat.members[name].outlet._socket.shutdown(socket.SHUT_RDWR))
    expect(status(window)).to_contain_text("You are offline.")
    yield
    window.context.set_offline(False)


# --- rooms ---


def test_who_is_put_out_of_a_room_says_nothing_in_another_one(chat, visit):
    carol = chat.join("carol")
    bob = owner(chat, "bob", "dev")
    ada = visit(chat).join("ada")
    ada.say("/join dev")
    ada.is_in("dev")
    carol.expect("INFO|ada has joined the chat.")
    ada.box.fill("for dev alone")
    says(bob, "/kick ada too loud")
    expect(status(ada)).to_contain_text("You are not in dev any more")
    expect(ada.log).to_contain_text("too loud")
    ada.picture("kicked-from-one-desktop-light")
    ada.box.press("Enter")
    expect(reason(ada)).to_have_text(KEPT_BACK)
    expect(ada.box).to_have_value("for dev alone")
    ada.box.fill("/me is angry")
    ada.box.press("Enter")
    expect(ada.box).to_have_value("/me is angry")
    ada.say("/topic Angry")
    expect(ada.log).to_contain_text("You are not in dev, but in lobby.")
    ada.box.fill("for dev alone")
    assert sync(carol) == []
    # The way back, and then it is said where it was to be.
    ada.button("Come back").click()
    expect(ada.button("Come back")).to_have_count(0)
    expect(ada.box).to_have_value("for dev alone")
    ada.box.press("Enter")
    ada.has_stored("for dev alone")
    assert "MSG|ada|for dev alone" in sync(bob)
    assert sync(carol) == []


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
    expect(ada.button("Join")).to_be_visible()
    assert sync(carol) == []


def test_a_line_that_waits_for_a_room_is_said_there_or_nowhere(chat, visit):
    carol = chat.join("carol")
    bob = owner(chat, "bob", "vault")
    ada = visit(chat).join("ada")
    ada.say("/join vault")
    ada.is_in("vault")
    with cut_off(chat, ada, "ada"):
        ada.say("only for the vault", "/me whispers", "/topic Gold")
        ada.room("lobby").click()
        ada.say("for all")
        says(bob, "/room key sesame")
        carol.expect("INFO|ada has joined the chat.", "INFO|ada has left the chat.")
    ada.has_stored("for all")
    ada.room("vault").click()
    expect(status(ada)).to_contain_text("vault needs a key")
    expect(ada.line("only for the vault")).to_contain_text("vault needs a key")
    expect(ada.log).to_contain_text("You are not in vault, but in lobby.")
    ada.picture("line-not-said-desktop-light")
    carol.expect("INFO|ada has joined the chat.", "MSG|ada|for all")
    assert sync(carol) == []
    ada.button("Come back").click()
    ada.answer("sesame", ok="Join")
    expect(ada.button("Come back")).to_have_count(0)
    ada.line("only for the vault").get_by_role("button", name="Try again").click()
    ada.has_stored("only for the vault")
    assert "MSG|ada|only for the vault" in sync(bob)
    assert sync(carol) == []


def test_a_loss_leads_back_into_ones_own_rooms_alone(chat, visit):
    carol = chat.join("carol")
    bob = owner(chat, "bob", "vault")
    ada = visit(chat).join("ada", "vault")
    with cut_off(chat, ada, "ada"):
        says(bob, "/room key sesame")
        ada.say("/topic Gold")
    expect(status(ada)).to_contain_text("You are in no room: none has let you in again.")
    expect(ada.log).to_contain_text("/topic was not run.")
    expect(status(ada)).to_contain_text("vault needs a key")
    ada.picture("none-lets-in-desktop-light")
    ada.box.fill("anybody?")
    ada.box.press("Enter")
    expect(ada.box).to_have_value("anybody?")
    assert sync(carol) == [], "the default room is not entered unasked"
    ada.button("Come back").click()
    ada.answer("sesame", ok="Join")
    expect(ada.member("bob")).to_be_visible()
    ada.box.press("Enter")
    ada.has_stored("anybody?")
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
        leave(ada)
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
    expect(ada.log).to_contain_text("You are not in lobbi.")
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


# --- several lines ---


SECRETS = [
    "/msg bob the code is 4711\nkeep it",
    "/join vault KEY4711\nnow",
    "/room key KEY4711\nnow",
    "/password KEY4711\nnow",
    "/login ada KEY4711\nnow",
    "\u200b/login ada KEY4711\nnow",
    "\n\u2800\n/login ada KEY4711\nnow",
    "/me says\nKEY4711",
    f"/msg bob {'4711 ' * 1500}",
]


def test_of_several_lines_the_first_is_no_command_and_is_not_said(chat, visit):
    bob, carol = chat.join("bob"), chat.join("carol")
    ada = visit(chat).join("ada")
    for draft in SECRETS:
        ada.box.fill(draft)
        ada.box.press("Enter")
        expect(reason(ada)).to_have_text(KEPT_BACK)
        expect(ada.dialog).to_have_count(0)
        expect(ada.box).to_have_value(draft)
        stored = ada.page.evaluate("() => JSON.stringify([{...localStorage}, {...sessionStorage}])")
        assert "4711" not in stored
        # The reason goes with what it is about.
        ada.box.fill("shorter")
        expect(reason(ada)).to_have_text("")
    expect(ada.lines).to_have_count(0)
    for peer in bob, carol:
        assert "4711" not in "".join(sync(peer))


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
        expect(ada.lines).to_have_count(2 * (number - 1))
        assert sync(bob) == []
        ada.box.press("Enter")
        ada.button("Send 2 lines").click()
        bob.expect("MSG|ada|hello", f"MSG|ada|{second}")
        expect(ada.lines).to_have_count(2 * number)


def test_a_command_that_is_none_is_not_said(chat, visit):
    bob = chat.join("bob")
    ada = visit(chat).join("ada")
    bob.expect("INFO|ada has joined the chat.")
    ada.say("/logn ada KEY4711", "\u2800/logn ada KEY4711", "/nosuch")
    expect(ada.log.get_by_text("There is no command")).to_have_count(3)
    ada.say("//login is a command")
    ada.has_stored("/login is a command")
    bob.expect("MSG|ada|/login is a command")
    assert sync(bob) == []


# --- direct conversations ---


def test_commands_in_a_direct_conversation_act_there_or_nowhere(chat, visit):
    carol = chat.join("carol")
    bob = visit(chat).join("bob")
    ada = visit(chat).join("ada")
    ada.member("bob").click()
    ada.button("Direct message").click()
    ada.say("/topic Us two")
    expect(ada.log).to_contain_text("This is for rooms.")
    ada.say("/me hugs you", "//not a command", "psst")
    ada.has_stored("psst")
    talk(bob, "ada").click()
    bob.sees("ada hugs you", "/not a command", "psst")
    bob.say("/me hugs back")
    expect(ada.line("bob hugs back")).to_be_visible()
    ada.say("/room key sesame", "/kick carol", "/invite carol", "/who")
    expect(ada.log.get_by_text("This is for rooms.")).to_have_count(5)
    assert [line for line in sync(carol) if "joined" not in line] == []
    expect(talk(ada, "bob")).to_have_count(1)
    expect(talk(bob, "ada")).to_have_count(1)


def test_a_direct_conversation_ends_with_its_person(chat, visit):
    bob = visit(chat).join("bob")
    ada = visit(chat).join("ada")
    ada.member("bob").click()
    ada.button("Direct message").click()
    ada.say("the code is")
    ada.has_stored("the code is")
    leave(bob)
    stranger = chat.join("bob")
    expect(status(ada)).to_contain_text("bob has left the chat.")
    ada.say("4711")
    expect(reason(ada)).to_have_text(KEPT_BACK)
    expect(ada.box).to_have_value("4711")
    expect(talk(ada, "bob")).to_contain_text("ended")
    ada.picture("ended-desktop-light")
    assert sync(stranger) == []
    # A new one is begun by a choice that can be seen, and is another one.
    ada.button("Write to bob anew").click()
    expect(ada.lines).to_have_count(0)
    expect(ada.box).to_have_value("")
    expect(talk(ada, "bob")).to_have_count(2)
    ada.say("who are you?")
    ada.has_stored("who are you?")
    stranger.expect("MSG|ada (private)|who are you?")
    stranger.send("MSG|/msg ada a stranger")
    ada.sees("a stranger")
    ada.picture("two-of-one-name-desktop-light")
    talk(ada, "bob").filter(has_text="ended").click()
    expect(ada.lines).to_have_text(["the code is"])
    expect(ada.box).to_have_value("4711")
    ada.button("More").click()
    ada.button("Close").click()
    expect(talk(ada, "bob")).to_have_count(1)


def test_what_is_on_its_way_when_a_conversation_ends_is_kept_and_not_said(chat, visit):
    bob = chat.join("bob")
    ada = visit(chat).join("ada")
    bob.send("MSG|/msg ada hi")
    talk(ada, "bob").click()
    ada.sees("hi")
    with cut_off(chat, ada, "ada"):
        ada.say("the code is 4711")
        bob.send("LEAVE")
        bob.read_until("")
        stranger = chat.join("bob")
    row = ada.line("the code is 4711")
    expect(row).to_contain_text("This conversation has ended")
    expect(row.get_by_role("button", name="Try again")).to_have_count(0)
    expect(row.get_by_role("button", name="Delete")).to_be_visible()
    stranger.expect("INFO|ada has joined the chat.")
    assert sync(stranger) == []


def test_a_conversation_goes_along_with_a_new_name_and_others_of_that_name_stay_apart(chat, visit):
    bob, carol = chat.join("bob"), chat.join("carol")
    ada = visit(chat).join("ada")
    for peer in bob, carol:
        peer.read_until("INFO|ada has joined the chat.")
        peer.send("MSG|/msg ada hi")
    talk(ada, "bob").click()
    ada.sees("hi")
    carol.send("LEAVE")
    carol.read_until("")
    expect(talk(ada, "carol")).to_contain_text("ended")
    bob.send("MSG|/nick carol")
    ada.is_in("carol")
    ada.say("still you")
    ada.has_stored("still you")
    assert "MSG|ada (private)|still you" in sync(bob)
    expect(talk(ada, "carol")).to_have_count(2)
    expect(talk(ada, "carol").filter(has_text="ended")).to_have_count(1)
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


def test_a_conversation_of_two_accounts_outlasts_a_loss(visit):
    with serving(settings=CHEAP) as chat:
        windows = []
        for name in "ada", "bob":
            window = visit(chat).join(name)
            window.box.press_sequentially("/register ")
            window.answer(SECRET)
            expect(window.log).to_contain_text(f"{name} is yours now")
            leave(window)
            window.fill_in(name)
            window.page.get_by_label("Password").fill(SECRET)
            window.button("Join").click()
            expect(window.box).to_be_visible()
            windows.append(window)
        ada, bob = windows
        ada.member("bob").click()
        ada.button("Direct message").click()
        ada.say("one")
        ada.has_stored("one")
        with cut_off(chat, ada, "ada"):
            ada.say("two")
        ada.has_stored("two")
        expect(talk(bob, "ada")).to_have_count(1)
        talk(bob, "ada").click()
        bob.sees("one", "two")


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
    talk(ada, "bob").click()
    ada.say("only for him")
    ada.has_stored("only for him")
    assert "MSG|ada (private)|only for him" in sync(bob)
    assert "only" not in "".join(sync(stranger))


# --- one window, several people ---


STRANGE = ["constructor", "__proto__", "toString"]


def test_nothing_of_who_has_left_is_there_for_who_comes_next(chat, visit):
    secrets = ["vault", "sesame", "psst4711", "draft4711", "said4711", "topic4711", "lost4711"]
    bob = owner(chat, "bob", "vault")
    says(bob, "/room key sesame", "/topic topic4711")
    ada = visit(chat).join("ada")
    ada.say("/join vault sesame")
    ada.is_in("vault")
    ada.say("said4711", "/away psst4711")
    ada.has_stored("said4711")
    bob.send("MSG|/msg ada psst4711", "MSG|ada: psst4711")
    talk(ada, "bob").click()
    ada.sees("psst4711")
    ada.search("said4711")
    expect(ada.results.get_by_role("listitem").first).to_be_visible()
    ada.page.keyboard.press("Escape")
    ada.box.fill("draft4711")
    ada.room("vault").click()
    ada.box.fill("draft4711")
    ada.room("lobby").click()
    leave(ada)
    expect(ada.page).to_have_title("greenchat")
    assert "?" not in ada.page.url
    everything = """() => [document.body.outerHTML, location.href, document.title, JSON.stringify(history.state),
        JSON.stringify({...localStorage}), JSON.stringify({...sessionStorage}),
        ...[...document.querySelectorAll("input, textarea")].map(({value}) => value)].join("\\n")"""
    for secret in [*secrets, "ada"]:
        assert secret not in ada.page.evaluate(everything), secret
    for step in -1, 1, 1, 1:
        ada.page.evaluate("step => history.go(step)", step)
        for secret in secrets:
            assert secret not in ada.page.evaluate(everything), secret
    ada.join("eve")
    ada.is_in("lobby")
    expect(ada.page.locator("#direct-list").get_by_role("button")).to_have_count(0)
    expect(ada.page.locator("#room-list").get_by_role("button")).to_have_count(1)
    expect(ada.box).to_have_value("")
    ada.box.press("ArrowUp")
    expect(ada.box).to_have_value("")
    for secret in secrets:
        assert secret not in ada.page.evaluate(everything), secret
    # Not even where no page looks.
    memory = heap(ada)
    for secret in secrets:
        assert secret not in memory, secret
    ada.say("hello")
    ada.has_stored("hello")
    ada.page.reload()
    ada.is_in("lobby")
    expect(ada.page.locator("#self")).to_contain_text("eve")


def heap(window):
    """All that the page's code holds, as a text."""
    parts = []
    tools = window.context.new_cdp_session(window.page)
    tools.on("HeapProfiler.addHeapSnapshotChunk", lambda event: parts.append(event["chunk"]))
    tools.send("HeapProfiler.enable")
    tools.send("HeapProfiler.collectGarbage")
    tools.send("HeapProfiler.takeHeapSnapshot", {"reportProgress": False})
    return "".join(parts)


def test_another_name_after_being_sent_away_is_another_person(visit):
    with serving(settings={"limits.idle_seconds": 0}) as chat:
        ada = visit(chat).join("ada")
        ada.say("/msg ada mine4711", "/join vault")
        ada.is_in("vault")
        ada.box.fill("draft4711")
        chat.call(lambda: chat.server.chat.members["ada"].outlet.close("sent away"))
        expect(ada.button("Join")).to_be_visible()
        # Who comes back under that name finds all.
        ada.join("ada", "vault")
        expect(ada.box).to_have_value("draft4711")
        chat.call(lambda: chat.server.chat.members["ada"].outlet.close("sent away"))
        expect(ada.button("Join")).to_be_visible()
        ada.join("eve", "garden")
        expect(ada.rooms).not_to_contain_text("vault")
        expect(ada.page.locator("#direct-list").get_by_role("button")).to_have_count(0)
        assert "4711" not in ada.page.evaluate("() => document.body.outerHTML + JSON.stringify({...sessionStorage})")


def test_who_has_registered_and_comes_back_by_the_password_goes_on(visit):
    with serving(settings=CHEAP) as chat:
        ada = visit(chat).join("ada", "vault")
        ada.box.press_sequentially("/register ")
        ada.answer(SECRET)
        expect(ada.log).to_contain_text("ada is yours now")
        with cut_off(chat, ada, "ada"):
            ada.say("typed meanwhile")
        expect(ada.problem).to_contain_text("belongs to somebody")
        ada.page.get_by_label("Password").fill(SECRET)
        ada.button("Join").click()
        ada.has_stored("typed meanwhile")


def test_drafts_of_two_tabs_and_two_names_are_apart(chat, visit):
    ada = visit(chat).join("ada")
    eve = visit(chat, context=ada.context).join("eve")
    ada.box.fill("of ada")
    eve.box.fill("of eve")
    for window, text in (eve, "of eve"), (ada, "of ada"):
        window.page.bring_to_front()  # a browser draws others once a second
        window.page.reload()
        expect(window.box).to_have_value(text)
    ada.say("/nick adele")  # said instead of the draft
    ada.box.fill("of adele")
    expect(ada.page.locator("#self")).to_contain_text("adele")
    ada.page.reload()
    expect(ada.page.locator("#self")).to_contain_text("adele")
    expect(ada.box).to_have_value("of adele")
    leave(ada)
    ada.join("ada")
    expect(ada.box).to_have_value("")
    eve.page.reload()
    expect(eve.box).to_have_value("of eve")


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
    talk(ada, "eve").click()
    ada.sees("psst")
    ada.say("/msg eve pssst", f"/msg {name} note to self", "/away lunch")
    ada.has_stored("note to self")
    expect(ada.lines).to_have_text(["note to self"])
    other.page.locator("#room-list").get_by_role("button").filter(has_text=name.lower()).click()
    expect(other.member(name)).to_contain_text("away: lunch")
    ada.say(f"/{name}", "/back")
    expect(ada.log).to_contain_text("There is no command")
    expect(other.member(name)).not_to_contain_text("away")
