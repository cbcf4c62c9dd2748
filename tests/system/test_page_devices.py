"""The web page of somebody with several windows and devices: how one stays, leaves, and is another one's name."""

import pytest
from click.testing import CliRunner
from kit.accounts import CHEAP, SECRET, accounts, registered
from kit.browsers import expect, needs_browser
from kit.pages import choose, cut_off, device_token, forgets_the_device, log_in, status
from kit.processes import kept_port, serve_process
from kit.programs import owner, says, sync

from greenchat.cli import main
from greenchat.testing import serving

pytestmark = needs_browser
pytest_plugins = ["kit.browser_fixtures"]


def test_who_quits_stays_logged_in_and_no_other_window_goes(visit):
    with accounts() as chat:
        registered(chat, "ada").send("LEAVE")
        ada = log_in(visit(chat), "ada", keep=True)
        other = visit(chat, context=ada.context)
        expect(other.box).to_be_visible()
        ada.say("/quit")
        expect(ada.problem).to_contain_text("stays logged in as ada")
        assert device_token(ada) != ""
        ada.button("Join").click()
        ada.is_in("lobby")
        other.say("still here")
        other.has_stored("still here")
        ada.sees("still here")
        # What was not said yet is asked about.
        with cut_off(chat, ada, "ada"):
            ada.say("not said yet")
            choose(ada, "^Log out")
            expect(ada.dialog).to_contain_text("1 line of yours would be lost")
            ada.page.keyboard.press("Escape")
            choose(ada, "^Log out")
            ada.dialog.get_by_role("button", name="Leave").click()
            expect(ada.problem).to_contain_text("the server could not be told")
        forgets_the_device(ada)
        ada.page.reload()
        expect(ada.button("Join")).to_be_visible()


# A window that hears what the server tells only once `hear` is called.
SLOW = """
    const held = []
    window.hear = () => (window.slow = false, held.splice(0).forEach(event => event()))
    for (const on of ["onmessage", "onclose"]) {
        const {set} = Object.getOwnPropertyDescriptor(WebSocket.prototype, on)
        const later = act => event => (window.slow ? held.push(() => act(event)) : act(event))
        Object.defineProperty(WebSocket.prototype, on, {set(act) { set.call(this, later(act)) }})
    }
"""

NEW_TOKEN = """before => {
    const token = /gd_[^"]*/.exec(JSON.stringify({...localStorage}))
    return token && token[0] !== before
}"""


@pytest.mark.parametrize("slow", [False, True])
def test_a_new_password_keeps_the_window_and_the_browser_in_which_it_was_given(visit, slow):
    with accounts() as chat:
        registered(chat, "ada").send("LEAVE")
        ada = log_in(visit(chat), "ada", keep=True)
        other = visit(chat, script=SLOW, context=ada.context)
        expect(other.box).to_be_visible()
        other.page.evaluate("slow => (window.slow = slow)", slow)
        before = device_token(ada)
        ada.box.press_sequentially("/passwd ")
        ada.answer(SECRET, "another-secret-altogether")
        ada.page.wait_for_function(NEW_TOKEN, arg=before)
        other.page.evaluate("hear()")
        expect(other.button("Join")).to_be_visible()
        expect(other.problem).to_contain_text("password")
        ada.say("still here")
        ada.has_stored("still here")
        # The browser stays logged in by the new password, not by what it had before.
        other.page.reload()
        other.sees("still here")
        other.say("/logout")
        expect(ada.problem).to_contain_text("logged out")
        forgets_the_device(ada)


def test_a_link_leads_into_its_room_and_another_name_is_asked_for(visit):
    with accounts() as chat:
        registered(chat, "ada").send("LEAVE")
        ada = log_in(visit(chat), "ada", keep=True)
        linked = visit(chat, link="?room=garden", context=ada.context)
        linked.is_in("garden")
        expect(ada.room("garden")).to_be_visible()
        ada.is_in("lobby")
        eve = visit(chat, link="?room=garden&name=eve", context=ada.context)
        expect(eve.field("Name")).to_have_value("eve")
        eve.button("Join").click()
        expect(eve.member("ada")).to_be_visible()
        # That is nobody's device: it goes alone.
        eve.say("/quit")
        expect(eve.button("Join")).to_be_visible()
        ada.say("still here")
        ada.has_stored("still here")


def test_one_session_too_many_ends_the_one_that_was_not_used_for_longest(visit):
    with accounts(settings={"limits.sessions_per_account": 1}) as chat:
        registered(chat, "ada").send("LEAVE")
        ada = log_in(visit(chat), "ada", keep=True)
        other = log_in(visit(chat), "ada")
        expect(ada.problem).to_contain_text("connection")
        expect(ada.field("Name")).to_have_value("ada")
        other.say("in")
        other.has_stored("in")
        # By hand, it is the other way round.
        ada.button("Join").click()
        ada.is_in("lobby")
        expect(other.button("Join")).to_be_visible()


def test_a_name_that_somebody_else_has_by_now_is_not_taken_back(visit):
    with serving(settings={"limits.absence_seconds": 0}) as chat:
        bob = chat.join("bob")
        ada = visit(chat).join("ada")
        with cut_off(chat, ada, "ada"):
            ada.box.fill("for later")
            bob.read_until("INFO|ada has left the chat.")
            stranger = chat.join("ada")
        expect(ada.problem).to_contain_text("taken")
        stranger.send("LEAVE")
        stranger.read_until("")
        ada.button("Join").click()
        expect(ada.box).to_be_focused()
        expect(ada.box).to_have_value("for later")
        ada.box.press("Enter")
        ada.has_stored("for later")


def test_a_guest_who_logs_in_is_one_more_window_of_the_account(visit):
    with accounts() as chat:
        registered(chat, "ada").send("LEAVE")
        ada = log_in(visit(chat), "ada")
        ada.say("/join dev")
        ada.is_in("dev")
        guest = visit(chat).join("guest")
        choose(guest, "^Log in")
        guest.dialog.get_by_label("Keep me logged in").check()
        guest.answer("ada", SECRET)
        expect(guest.page.locator("#self")).to_contain_text("ada")
        expect(guest.room("dev")).to_be_visible()
        guest.is_in("lobby")
        expect(guest.member("guest")).to_have_count(0)
        choose(guest, "^Account and devices")
        expect(guest.dialog.get_by_role("listitem")).to_have_count(2)
        guest.page.keyboard.press("Escape")
        later = visit(chat, context=guest.context)
        expect(later.room("dev")).to_be_visible()


def test_who_was_put_out_meanwhile_is_out_and_not_back_unasked(visit):
    with accounts() as chat:
        registered(chat, "ada").send("LEAVE")
        bob = owner(chat, "bob", "dev")
        ada = log_in(visit(chat), "ada", keep=True)
        ada.say("/join dev")
        ada.is_in("dev")
        with cut_off(chat, ada, "ada"):
            ada.say("for dev alone")
            says(bob, "/kick ada too loud")
        expect(status(ada)).to_contain_text("You are not in dev any more")
        expect(ada.line("for dev alone")).to_contain_text("You are not in dev any more")
        assert [line for line in sync(bob) if "ada" in line] == []
        ada.room("lobby").click()
        ada.say("still in the lobby")
        ada.has_stored("still in the lobby")


def test_an_operator_is_one_in_all_rooms_and_then_an_owner_in_one(visit, tmp_path):
    def operators(act):
        done = CliRunner().invoke(main, ["operators", act, "bob", "--data-dir", str(tmp_path)])
        assert done.exit_code == 0, done.output

    def roles(*wanted):
        for room, role in zip(("lobby", "dev"), wanted, strict=True):
            ada.room(room).click()
            expect(ada.member("bob").locator("small")).to_have_text(role)

    with accounts(data_dir=tmp_path) as chat:
        registered(chat, "bob").send("LEAVE")
        bob, ada = log_in(visit(chat), "bob"), visit(chat).join("ada")
        for window in bob, ada:
            window.say("/join dev")
            window.is_in("dev")
        roles("", "owner")
        operators("add")
        roles("operator", "operator")
        operators("remove")
        roles("", "owner")


def test_a_guest_has_nothing_to_log_out_of(chat, visit):
    ada = visit(chat).join("ada")
    ada.say("/logout")
    expect(ada.log.locator(".error")).to_contain_text("logged in")
    ada.say("still here")
    ada.has_stored("still here")


def test_who_gives_the_name_up_is_a_guest_and_no_device_stays(visit):
    with accounts() as chat:
        registered(chat, "ada").send("LEAVE")
        ada = log_in(visit(chat), "ada", keep=True)
        phone = log_in(visit(chat), "ada", keep=True)
        phone.box.press_sequentially("/unregister ")
        phone.answer(SECRET)
        expect(ada.button("Join")).to_be_visible()
        for window in ada, phone:
            forgets_the_device(window)
        phone.say("a guest by now")
        phone.has_stored("a guest by now")
        phone.page.locator("#self").click()
        expect(phone.menu).to_contain_text("Keep this name for me")
        expect(phone.menu).to_contain_text("Leave the chat")


def test_a_restart_changes_nobody(visit, tmp_path):
    cheap = (f"{name}={value}" for name, value in CHEAP.items())
    with kept_port() as port:
        arguments = ["--port", str(port), *(part for setting in cheap for part in ("--set", setting))]
        with serve_process(tmp_path, *arguments) as server:
            ada, guest = visit(server).join("ada"), visit(server).join("guest")
            choose(ada, "^Keep this name for me")
            ada.answer(SECRET)
            expect(ada.log).to_contain_text("ada is yours now")
            for window in ada, guest:
                window.say("/join dev")
                window.is_in("dev")
            server.process.kill()
            expect(status(guest)).to_contain_text("The connection is lost.")
            guest.say("typed meanwhile")
        with serve_process(tmp_path, *arguments):
            guest.has_stored("typed meanwhile")
            ada.sees("typed meanwhile")
            for window in ada, guest:
                expect(window.room("lobby")).to_be_visible()
                for name in "ada", "guest":
                    expect(window.member(name)).to_have_count(1)
            ada.page.reload()
            ada.is_in("dev")
            ada.sees("typed meanwhile")
