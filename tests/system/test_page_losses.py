"""The web page, when the connection is lost: what was typed goes where it was to go, or nowhere."""

from kit.accounts import CHEAP, SECRET
from kit.browsers import expect, holding, needs_browser
from kit.pages import cut_off, leave_the_chat, status, talk_with
from kit.programs import owner, says, sync

from greenchat.testing import serving

pytestmark = needs_browser
pytest_plugins = ["kit.browser_fixtures"]


def test_a_line_that_waits_for_a_room_is_said_there_or_nowhere(visit):
    # For longer than one could come back as who one was.
    with serving(settings={"limits.resume_seconds": 0}) as chat:
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


def test_what_is_on_its_way_when_a_conversation_ends_is_kept_and_not_said(chat, visit):
    bob = chat.join("bob")
    ada = visit(chat).join("ada")
    bob.send("MSG|/msg ada hi")
    talk_with(ada, "bob").click()
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
    assert sync(stranger) == []


def test_first_words_that_wait_go_to_nobody_who_has_the_name_by_then(chat, visit):
    bob = chat.join("bob")
    ada = visit(chat).join("ada")
    ada.member("bob").click()
    ada.button("Direct message").click()
    with cut_off(chat, ada, "ada"):
        ada.say("the code is 4711")
        bob.send("LEAVE")
        bob.read_until("")
        stranger = chat.join("bob")
    row = ada.line("the code is 4711")
    expect(row).to_contain_text("This conversation has ended")
    expect(row.get_by_role("button", name="Try again")).to_have_count(0)
    assert sync(stranger) == []
    # Who has the name by now can be written to anew.
    ada.room("lobby").click()
    ada.say("/msg bob hello")
    ada.has_stored("hello")
    stranger.read_until("MSG|ada (private)|hello")


def test_a_command_about_the_last_one_does_not_wait_until_that_is_another_one(chat, visit):
    bob, eve = chat.join("bob"), chat.join("eve")
    ada = visit(chat).join("ada")
    bob.send("MSG|/msg ada hi")
    expect(talk_with(ada, "bob")).to_have_count(1)
    ada.say("important and right")
    ada.has_stored("important and right")
    sync(bob)
    commands = (
        *("/reply the code is 4711", "/delete", "/edit 12", "/re so what", "/REACT 👍"),
        *("/kick bob", "/BAN bob 2h", "/unmute bob", "/deop bob", "/invite bob", "/ignore bob", "/room owner bob"),
    )
    with cut_off(chat, ada, "ada"):
        ada.say(*commands)
        for command in commands:
            expect(ada.log).to_contain_text(f"Not sent: {command}")
        ada.say("/re 1 with a number", "/topic Gold")
        eve.send("MSG|/msg ada hi from eve", "MSG|the last one by now")
    expect(ada.log).to_contain_text("ada has set the topic: Gold")
    read = [line for line in sync(bob) if line.startswith("MSG|ada")]
    assert read == ['MSG|ada|(to ada: "important and right") with a number']
    assert not any("4711" in line for line in sync(eve))
    expect(ada.lines.first).to_have_text("important and right")


def test_a_conversation_of_two_accounts_outlasts_a_loss(visit):
    with serving(settings=CHEAP) as chat:
        windows = []
        for name in "ada", "bob":
            window = visit(chat).join(name)
            window.box.press_sequentially("/register ")
            window.answer(SECRET)
            expect(window.log).to_contain_text(f"{name} is yours now")
            leave_the_chat(window)
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
        expect(talk_with(bob, "ada")).to_have_count(1)
        talk_with(bob, "ada").click()
        bob.sees("one", "two")


def test_another_name_after_being_sent_away_is_another_person(visit):
    with serving(settings={"limits.idle_seconds": 0}) as chat:
        ada = visit(chat).join("ada")
        ada.say("/msg ada mine4711", "/join vault")
        ada.is_in("vault")
        ada.box.fill("draft4711")
        chat.call(lambda: chat.server.chat.members["ada"].sessions[0].close("sent away"))
        expect(ada.button("Join")).to_be_visible()
        # Who comes back under that name finds all.
        ada.join("ada", "vault")
        expect(ada.box).to_have_value("draft4711")
        chat.call(lambda: chat.server.chat.members["ada"].sessions[0].close("sent away"))
        expect(ada.button("Join")).to_be_visible()
        ada.join("eve", "garden")
        expect(ada.rooms).not_to_contain_text("vault")
        expect(ada.page.locator("#direct-list").get_by_role("button")).to_have_count(0)
        assert "4711" not in ada.page.evaluate("() => document.body.outerHTML + JSON.stringify({...sessionStorage})")


def test_who_has_registered_comes_back_as_that_also_after_long(visit):
    with serving(settings=CHEAP | {"limits.resume_seconds": 0}) as chat:
        ada = visit(chat).join("ada", "vault")
        ada.box.press_sequentially("/register ")
        ada.answer(SECRET)
        expect(ada.log).to_contain_text("ada is yours now")
        with cut_off(chat, ada, "ada"):
            ada.say("typed meanwhile")
        ada.has_stored("typed meanwhile")
        kept = ada.page.evaluate("() => JSON.stringify([{...localStorage}, {...sessionStorage}])")
        assert SECRET not in kept
        # After a reload the password is forgotten.
        ada.page.reload()
        expect(ada.problem).to_contain_text("Type your password")
        expect(ada.field("Name")).to_have_value("ada")
        ada.page.get_by_label("Password").fill(SECRET)
        ada.button("Join").click()
        ada.sees("typed meanwhile")


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
    leave_the_chat(ada)
    ada.join("ada")
    expect(ada.box).to_have_value("")
    eve.page.reload()
    expect(eve.box).to_have_value("of eve")


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
