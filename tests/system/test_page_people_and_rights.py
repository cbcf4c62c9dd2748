"""The web page among people: names and rooms that belong to somebody, operators, and who looks elsewhere."""

import re

from click.testing import CliRunner
from kit.accounts import CHEAP, OTHER, SECRET, registered
from kit.browsers import expect, needs_browser
from kit.pages import choose
from kit.programs import MADE, says

from greenchat.cli import main
from greenchat.testing import serving

pytestmark = needs_browser
pytest_plugins = ["kit.browser_fixtures"]


def test_a_name_that_belongs_to_somebody_needs_its_password(visit):
    with serving(settings=CHEAP) as chat:
        registered(chat, "ada").send("LEAVE")
        ada = visit(chat)
        ada.fill_in("ada")
        expect(ada.problem).to_contain_text("belongs to somebody")
        password = ada.page.get_by_label("Password")
        expect(password).to_be_focused()
        password.fill(OTHER)
        ada.button("Join").click()
        expect(ada.problem).to_contain_text("password is wrong")
        expect(password).to_be_focused()
        password.fill(SECRET)
        ada.page.keyboard.press("Enter")
        expect(ada.box).to_be_visible()
        # In a dialog, a password cannot be seen; and it is kept nowhere.
        ada.box.press_sequentially("/passwd ")
        expect(ada.dialog.locator("input[type=password]")).to_have_count(2)
        ada.answer(SECRET, OTHER)
        expect(ada.log.locator(".notice")).not_to_have_count(0)
        kept = ada.page.evaluate("() => JSON.stringify([{...localStorage}, {...sessionStorage}])")
        assert "ada" in kept
        assert SECRET not in kept
        assert OTHER not in kept
        assert SECRET not in ada.page.content()
        # A guest makes a name theirs.
        eve = visit(chat).join("eve")
        choose(eve, "^Keep this name for me")
        eve.answer(SECRET)
        expect(eve.log).to_contain_text("eve is yours now")
        again = visit(chat)
        again.fill_in("eve")
        expect(again.problem).to_contain_text("belongs to somebody")


def test_rooms_that_are_not_open_to_all(chat, visit):
    carol = chat.join("carol", "garden")
    carol.expect(MADE)
    says(carol, "/room key open sesame")
    ada = visit(chat)
    ada.fill_in("ada", "garden")
    expect(ada.problem).to_contain_text("key")
    key = ada.secret("Key of the room")
    expect(key).to_be_focused()
    ada.join("ada", "lobby")
    ada.say("/join garden")
    ada.answer("wrong", ok="Join")
    expect(ada.dialog).to_contain_text(re.compile("is not .* key"))
    ada.answer("open sesame", ok="Join")
    ada.is_in("garden")
    # It comes back by itself, key and all: see the test of a killed server. Out, and in again by invitation.
    ada.button("More").click()
    ada.button("Leave garden").click()
    ada.is_in("lobby")
    expect(ada.room("garden")).to_have_count(0)
    assert says(carol, "/room key off", "/room invite-only on")
    ada.say("/join garden")
    expect(ada.log.get_by_text("garden is for those who are invited.")).to_be_visible()
    says(carol, "/invite ada")
    expect(ada.log.get_by_text("carol asks you into garden.")).to_be_visible()
    ada.button("Join garden").click()
    ada.is_in("garden")
    expect(ada.member("carol")).to_be_visible()


def test_operators_see_what_they_may_do_and_do_it(visit, tmp_path):
    everybody = ["Who is bob?", "Direct message", "Ignore"]
    order = ["Make an operator", "Mute bob …", "Let speak again", "Kick bob …", "Ban bob …"]
    with serving(settings=CHEAP, data_dir=tmp_path) as chat:
        bob = visit(chat).join("bob")
        ada = visit(chat).join("ada")
        entries = ada.menu.get_by_role("button")
        ada.member("bob").click()
        expect(entries).to_have_text(everybody)
        ada.page.keyboard.press("Escape")
        ada.box.press_sequentially("/register ")
        ada.answer(SECRET)
        expect(ada.log.get_by_text("ada is yours now.")).to_be_visible()
        added = CliRunner().invoke(main, ["operators", "add", "ada", "--data-dir", str(tmp_path)])
        assert added.exit_code == 0, added.output
        expect(ada.member("ada")).to_contain_text("operator")
        expect(bob.member("ada")).to_contain_text("operator")
        # Once it hears of that, the page asks for what operators may do; answers come in order.
        ada.say("/whois bob")
        expect(ada.log.locator(".notice").filter(has_text="bob")).not_to_have_count(0)
        ada.box.press_sequentially("/kic")
        expect(ada.page.get_by_role("option")).to_contain_text(["/kick"])
        ada.box.fill("")
        ada.member("bob").click()
        expect(entries).to_have_text(everybody + order)
        ada.picture("operator-desktop-light")
        ada.button("Kick bob …").click()
        ada.answer("enough")
        expect(ada.member("bob")).to_have_count(0)
        expect(bob.page.get_by_role("main")).to_contain_text("enough")
        bob.picture("kicked-desktop-light")
