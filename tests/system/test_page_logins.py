"""A person has many windows and devices: the page stays logged in, comes back, and shows in each what is theirs."""

import re

from kit.accounts import SECRET, accounts, registered
from kit.browsers import expect, needs_browser
from kit.pages import choose, cut_off, device_token, forgets_the_device, log_in, resume_token, status, talk_with
from kit.programs import sync

pytestmark = needs_browser
pytest_plugins = ["kit.browser_fixtures"]


# --- staying logged in ---


def test_who_asks_for_it_stays_logged_in_until_they_log_out_in_any_window(visit):
    with accounts() as chat:
        registered(chat, "ada").send("LEAVE")
        ada = log_in(visit(chat), "ada", keep=True)
        ada.say("/join dev")
        ada.is_in("dev")
        first = device_token(ada)
        assert first.startswith("gd_")
        # No form, no password: another window has all one's rooms.
        later = visit(chat, context=ada.context)
        expect(later.box).to_be_visible()
        expect(later.room("lobby")).to_be_visible()
        expect(later.room("dev")).to_be_visible()
        expect(later.member("ada")).to_have_count(1)
        assert device_token(later) not in (first, "")
        for window in ada, later:
            seen = window.page.evaluate("() => document.documentElement.outerHTML + location.href + document.cookie")
            assert SECRET not in seen
            assert "gd_" not in seen
            assert "gr_" not in seen
        later.say("/logout")
        for window in later, ada:
            expect(window.button("Join")).to_be_visible()
            expect(window.problem).to_contain_text("logged out")
            expect(window.field("Name")).to_have_value("")
        forgets_the_device(ada)
        ada.page.reload()
        expect(ada.button("Join")).to_be_visible()
        expect(ada.rooms).to_be_hidden()


def test_nobody_stays_logged_in_unasked(visit):
    with accounts() as chat:
        registered(chat, "ada").send("LEAVE")
        ada = log_in(visit(chat), "ada")
        forgets_the_device(ada)
        later = visit(chat, context=ada.context)
        expect(later.button("Join")).to_be_visible()
        expect(later.page.get_by_label("Keep me logged in")).not_to_be_checked()


def test_a_device_that_is_ended_is_out_at_once_and_asks_for_the_password(visit):
    with accounts() as chat:
        registered(chat, "ada").send("LEAVE")
        ada = log_in(visit(chat), "ada", keep=True)
        away = visit(chat, context=ada.context)
        expect(away.box).to_be_visible()
        stored = away.page.evaluate("() => JSON.stringify({...localStorage})")
        away.page.goto("about:blank")
        phone = log_in(visit(chat), "ada")
        choose(phone, "^Account and devices")
        devices = phone.dialog.get_by_role("listitem")
        expect(devices.filter(has_text="this one")).to_have_count(1)
        phone.dialog.get_by_role("button", name="End Chrome on Linux").first.click()
        expect(devices.filter(has_text="Chrome on Linux")).to_have_count(0)
        expect(ada.problem).to_contain_text(re.compile("logged out|ended"))
        expect(ada.field("Name")).to_have_value("")
        forgets_the_device(ada)
        # Nor does the token lead back that somebody has kept.
        thief = visit(chat, script=f"Object.assign(localStorage, {stored})")
        expect(thief.problem).to_contain_text("not logged in on this device any more")
        expect(thief.field("Name")).to_have_value("ada")
        expect(thief.page.get_by_label("Password")).to_be_focused()


def test_who_registers_may_stay_logged_in_and_a_new_password_keeps_this_device_alone(visit):
    with accounts() as chat:
        ada = visit(chat).join("ada")
        choose(ada, "^Keep this name for me")
        ada.dialog.get_by_label("Keep me logged in").check()
        ada.answer(SECRET)
        expect(ada.log).to_contain_text("ada is yours now")
        choose(ada, "^Account and devices")
        expect(ada.dialog).to_contain_text("Logged in as ada")
        ada.page.keyboard.press("Escape")
        phone = log_in(visit(chat), "ada", keep=True)
        phone.box.press_sequentially("/passwd ")
        phone.answer(SECRET, "another-secret-altogether")
        expect(ada.button("Join")).to_be_visible()
        expect(ada.problem).not_to_be_empty()
        forgets_the_device(ada)
        later = visit(chat, context=phone.context)
        expect(later.box).to_be_visible()
        phone.page.reload()
        expect(phone.box).to_be_visible()
        kept = phone.page.evaluate("() => JSON.stringify([{...localStorage}, {...sessionStorage}])")
        assert SECRET not in kept
        assert "another-secret" not in kept


# --- coming back ---


def test_nobody_reads_that_a_page_was_loaded_again_or_lost_its_connection(chat, visit):
    bob = chat.join("bob")
    ada = visit(chat).join("ada", "dev")
    ada.say("/join lobby")
    ada.is_in("lobby")
    bob.expect("INFO|ada has joined the chat.")
    ada.page.reload()
    ada.is_in("lobby")
    expect(ada.room("dev")).to_be_visible()
    ada.room("dev").click()
    expect(ada.member("ada")).to_contain_text("owner")
    with cut_off(chat, ada, "ada"):
        ada.room("lobby").click()
        ada.say("typed meanwhile")
    ada.has_stored("typed meanwhile")
    bob.expect("MSG|ada|typed meanwhile")
    assert sync(bob) == []


def test_a_duplicated_tab_is_somebody_else(chat, visit):
    ada = visit(chat).join("ada")
    # A hidden page may end without a word, so that its token lies there; who copies the tab copies it.
    ada.page.evaluate(
        """() => {
            Object.defineProperty(document, "hidden", {value: true});
            document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    assert resume_token(ada).startswith("gr_")
    with ada.page.expect_popup() as opened:
        ada.page.evaluate("() => void open(location.href)")
    copy = opened.value
    expect(copy.get_by_role("button", name="Join", exact=True)).to_be_visible()
    copy.wait_for_function("() => !JSON.stringify({...sessionStorage}).includes('gr_')")
    expect(copy.get_by_role("button", name="Join", exact=True)).to_be_visible()
    copy.close()
    ada.say("still me")
    ada.has_stored("still me")


def test_two_tabs_do_not_take_a_session_from_each_other_for_ever(chat, visit):
    bob = chat.join("bob")
    ada = visit(chat).join("ada")
    bob.expect("INFO|ada has joined the chat.")
    ada.page.evaluate("() => dispatchEvent(new Event('pagehide'))")
    stored = ada.page.evaluate("() => JSON.stringify({...sessionStorage})")
    other = visit(chat, script=f"Object.assign(sessionStorage, {stored})")
    expect(other.box).to_be_visible()
    expect(status(ada)).to_contain_text("another tab")
    ada.picture("elsewhere-desktop-light")
    other.say("from the other")
    other.has_stored("from the other")
    ada.button("Go on here").click()
    expect(status(other)).to_contain_text("another tab")
    ada.say("from here")
    ada.has_stored("from here")
    ada.sees("from the other")
    bob.expect("MSG|ada|from the other", "MSG|ada|from here")
    assert sync(bob) == []


# --- several windows ---


def test_what_one_does_in_one_window_is_there_in_the_other(visit):
    with accounts() as chat:
        registered(chat, "ada").send("LEAVE")
        bob = chat.join("bob")
        ada, phone = (log_in(visit(chat), "ada") for _ in range(2))
        assert sum("ada has joined" in line for line in sync(bob)) == 1
        ada.say("from the desk")
        ada.has_stored("from the desk")
        phone.has_stored("from the desk")
        phone.say("from the train")
        ada.has_stored("from the train")
        expect(ada.lines).to_have_text(["from the desk", "from the train"])
        # Rooms come and go in both. What one looks at, and types, stays.
        phone.box.fill("for the lobby")
        ada.say("/join dev")
        ada.is_in("dev")
        expect(phone.room("dev")).to_be_visible()
        phone.is_in("lobby")
        expect(phone.box).to_have_value("for the lobby")
        ada.say("in dev")
        ada.has_stored("in dev")
        expect(phone.room("dev")).not_to_contain_text("unread")
        ada.room("lobby").click()
        ada.button("More").click()
        ada.button("Leave lobby").click()
        ada.is_in("dev")
        expect(ada.room("lobby")).to_have_count(0)
        expect(status(phone)).to_contain_text("You have left lobby.")
        phone.box.press("Enter")
        expect(phone.box).to_have_value("for the lobby")
        phone.room("dev").click()
        phone.sees("in dev")
        # What happens to a person is told once, and holds in all rooms.
        chat.join("carol", "dev").send("MSG|/away lunch")
        expect(ada.member("carol")).to_contain_text("lunch")
        expect(phone.member("carol")).to_contain_text("lunch")
        phone.say("/nick adele")
        for window in ada, phone:
            expect(window.page.locator("#self")).to_contain_text("adele")
            expect(window.member("adele")).to_have_count(1)


def test_a_conversation_is_the_same_in_all_windows(visit):
    with accounts() as chat:
        registered(chat, "ada").send("LEAVE")
        bob = chat.join("bob")
        ada, phone = (log_in(visit(chat), "ada") for _ in range(2))
        ada.say("/msg bob one")
        ada.has_stored("one")
        expect(talk_with(phone, "bob")).not_to_contain_text("unread")
        talk_with(phone, "bob").click()
        phone.sees("one")
        bob.read_until("MSG|ada (private)|one")
        bob.send("MSG|/msg ada two")
        for window in ada, phone:
            window.sees("two")
        phone.say("three")
        phone.has_stored("three")
        expect(ada.lines).to_have_text(["one", "two", "three"])
        expect(talk_with(ada, "bob")).to_have_count(1)


def test_what_happens_to_a_person_holds_in_all_rooms_that_are_shared(chat, visit):
    bob = visit(chat).join("bob")
    ada = visit(chat).join("ada")
    for window in ada, bob:
        window.say("/join dev")
        window.is_in("dev")
    bob.say("/away lunch")
    expect(ada.member("bob")).to_contain_text("away: lunch")
    ada.room("lobby").click()
    expect(ada.member("bob")).to_contain_text("away: lunch")
    bob.say("/nick rob")
    for room in "lobby", "dev":
        ada.room(room).click()
        expect(ada.member("rob")).to_have_count(1)
        expect(ada.log).to_contain_text("bob is now known as rob")
