"""How one gets around in the page, and by what one is called."""

import re

from kit.accounts import SECRET, accounts, gone, registered
from kit.browsers import PHONE, expect, needs_browser
from kit.page_checks import Check
from kit.pages import OUTSIDE, act, log_in, look, outside, row, status, talk_with

pytestmark = needs_browser
pytest_plugins = ["kit.browser_fixtures"]


def places(window):
    return window.page.get_by_role("dialog", name="Go to").get_by_role("option")


def chosen(window):
    return window.page.locator("#places [aria-selected=true]")


def go_to(window, letters, room):
    window.page.keyboard.press("Control+k")
    window.page.keyboard.type(letters)
    window.page.keyboard.press("Enter")
    window.is_in(room)


def choose_for(window, text, what):
    """An entry of the menu of a message."""
    act(window, text, "More")
    window.menu.get_by_role("button", name=what, exact=True).click()


def choose_level(window, level):
    window.page.locator("#more").click()
    window.menu.get_by_role("button", name=re.compile("^Notifications: ")).click()
    window.page.get_by_label("What calls you").select_option(level)
    window.dialog.get_by_role("button", name="OK").click()
    expect(window.dialog).to_be_hidden()


def test_a_few_letters_lead_to_conversations_people_and_rooms(chat, visit, axe):
    chat.join("olga", "orchard")
    bob = chat.join("bob", "dev")
    ada = visit(chat).join("ada")
    keys = ada.page.keyboard
    keys.press("Control+k")
    expect(places(ada)).to_have_text([re.compile("lobby"), re.compile("dev.*1 member"), re.compile("orchard")])
    keys.type("rchd")  # in their order, with others between
    expect(chosen(ada)).to_contain_text("orchard")
    expect(places(ada)).to_have_count(2)  # the last one would be a new room
    keys.press("Enter")
    ada.is_in("orchard")
    expect(ada.box).to_be_focused()
    go_to(ada, "dev", "dev")
    # What is unread comes first, and the list is gone through by keys.
    bob.send("MSG|/msg ada psst", "MSG|/join lobby", "MSG|hello lobby")
    expect(ada.room("lobby")).to_have_accessible_name(re.compile("1 unread"))
    expect(talk_with(ada, "bob")).to_have_accessible_name(re.compile("1 unread"))
    keys.press("Control+k")
    field = ada.page.get_by_role("combobox", name="Go to")
    expect(field).to_be_focused()
    expect(places(ada).nth(0)).to_have_text(re.compile("bob.*1 unread"))
    expect(places(ada).nth(1)).to_have_text(re.compile("lobby.*1 unread"))
    check = Check(ada, axe)
    for size in "desktop", "phone":
        check.resize(size)
        check("switcher", "#switcher")
    check.resize("desktop")
    assert check.violations == [], "\n".join(check.violations)
    keys.press("ArrowDown")
    expect(chosen(ada)).to_contain_text("lobby")
    expect(field).to_have_attribute("aria-activedescendant", chosen(ada).get_attribute("id"))
    # Escape leaves, and all is as it was.
    keys.press("Escape")
    ada.is_in("dev")
    expect(ada.box).to_be_focused()
    # People, and by a click.
    ada.button("Go to …").click()
    keys.type("OLG")
    places(ada).filter(has_text="olga").click()
    ada.is_in("olga")


def test_all_keys_are_in_one_dialog_and_a_question_mark_can_still_be_said(chat, visit, axe):
    ada = visit(chat).join("ada")
    keys = ada.page.keyboard
    keys.type("why?")
    expect(ada.box).to_have_value("why?")
    expect(ada.dialog).to_be_hidden()
    ada.say("why?")
    keys.press("?")
    expect(ada.dialog.get_by_role("heading", name="Keys", exact=True)).to_be_visible()
    check = Check(ada, axe)
    for size in "desktop", "phone":
        check.resize(size)
        check("keys", "#ask")
    check.resize("desktop")
    assert check.violations == [], "\n".join(check.violations)
    keys.press("?")
    expect(ada.dialog).to_be_hidden()
    expect(ada.box).to_have_value("?")
    expect(ada.box).to_be_focused()
    ada.page.locator("#self").click()
    ada.menu.get_by_role("button", name="Keys …").click()
    expect(ada.dialog).to_contain_text("The first new message")
    keys.press("Escape")
    expect(ada.dialog).to_be_hidden()


def test_what_calls_one_is_chosen_for_each_conversation_on_all_devices(visit):
    with accounts() as chat:
        gone(registered(chat, "ada"))
        bob, eve = chat.join("bob", "noise"), chat.join("eve", "garden")
        ada = log_in(visit(chat, script=OUTSIDE), "ada")
        phone = log_in(visit(chat, size=PHONE, script=OUTSIDE), "ada")
        look(phone, elsewhere=True)
        for room in "garden", "noise", "attic":
            ada.say(f"/join {room}")
            ada.is_in(room)
        go_to(ada, "noi", "noise")
        choose_level(ada, "none")
        go_to(ada, "gard", "garden")
        choose_level(ada, "all")
        go_to(ada, "lob", "lobby")
        listed = ada.page.locator("#room-list").get_by_role("button")
        expect(listed).to_have_text(["#attic", "#gardenall", "#lobby", "#noisemuted"])
        # So it is in a direct conversation, where else everything calls.
        bob.send("MSG|/msg ada psst")
        talk_with(ada, "bob").click()
        ada.sees("psst")
        choose_level(ada, "mentions")
        expect(talk_with(ada, "bob")).to_contain_text("mentions")
        go_to(ada, "lob", "lobby")
        # The words that call one are the account's as well.
        ada.page.locator("#self").click()
        ada.menu.get_by_role("button", name="Words that call me …").click()
        ada.answer("roses tulips")
        expect(ada.dialog).to_be_hidden()
        look(ada, elsewhere=True)
        assert ada.page.evaluate("() => window.asked") == 0, "nobody is asked before somebody has called them"
        bob.send("MSG|ada, bzz", "MSG|/msg ada hello", "MSG|/join lobby", "MSG|mind the Roses")
        expect(ada.page).to_have_title(re.compile(r"^\(1\) lobby"))
        eve.send("MSG|just so")
        expect(ada.page).to_have_title(re.compile(r"^\(2\) lobby"))
        expect(listed).to_have_text(["#attic", "#gardenall@1 unread", "#lobby@1 unread", "#noisemuted"])
        expect(talk_with(ada, "bob").locator(".badge")).to_have_text("1 unread")
        expect(ada.line("mind the Roses")).to_have_class(re.compile("for-me"))
        expect(ada.line("mind the Roses").locator("mark")).to_have_text("Roses")
        # Then one is asked, in the page; and the browser asks by the click.
        look(ada, elsewhere=False)
        expect(status(ada)).to_contain_text("called you while you looked elsewhere")
        ada.button("Notify me").click()
        expect(status(ada)).not_to_contain_text("called you")
        assert ada.page.evaluate("() => window.asked") == 1
        look(ada, elsewhere=True)
        bob.send("MSG|TULIPS!")
        eve.send("MSG|once more")
        expect(ada.page).to_have_title(re.compile(r"^\(3\) lobby"))
        assert sorted(outside(ada)[0]) == ["garden | eve: once more", "lobby | bob: TULIPS!"]
        # The other device does by it, also after it has come anew.
        for again in False, True:
            if again:
                phone.page.reload()
            phone.button("Rooms").click()
            expect(phone.room("noise")).to_contain_text("muted")
            expect(phone.room("garden")).to_contain_text("all")
            phone.picture("levels-phone")
            phone.page.keyboard.press("Escape")
        expect(phone.line("mind the Roses").locator("mark")).to_have_text("Roses")
        # Without the account, all is as usual.
        look(ada, elsewhere=False)
        ada.box.press_sequentially("/unregister ")
        ada.answer(SECRET)
        expect(ada.room("noise")).not_to_contain_text("muted")
        expect(ada.line("mind the Roses").locator("mark")).to_have_count(0)


def test_what_concerned_one_and_what_is_pinned_leads_to_its_message(chat, visit, axe):
    ada = visit(chat).join("ada", "garden")  # it is hers: who has made it keeps order there
    bob = chat.join("bob", "garden")
    bob.send(*(f"MSG|ada: {number}" for number in range(60)), "MSG|not for her")
    ada.sees("not for her")
    choose_for(ada, "ada: 0", "Pin")
    expect(ada.log.get_by_text("ada has pinned a message of bob: /pins")).to_be_visible()
    choose_for(ada, "ada: 1", "Pin")
    ada.say("/join dev")
    ada.is_in("dev")
    ada.button("What concerned me").click()
    pane = ada.page.get_by_role("search", name="What concerned you")
    found = pane.get_by_role("listitem")
    expect(found).to_have_count(50)
    expect(found.first).to_have_text(re.compile("^bob in garden, .*ada: 59$"))
    expect(ada.button("Close")).to_be_focused()
    ada.button("Earlier ones").click()
    expect(found).to_have_count(60)
    expect(found.nth(50).get_by_role("button")).to_be_focused()
    expect(ada.button("Earlier ones")).to_be_hidden()
    check = Check(ada, axe)
    for size in "phone", "desktop":
        check.resize(size)
        check("mentions", "#search")
    assert check.violations == [], "\n".join(check.violations)
    found.last.get_by_role("button").click()
    ada.is_in("garden")
    expect(row(ada, "ada: 0")).to_be_in_viewport()
    # What was deleted meanwhile goes from the pane, too.
    choose_for(ada, "ada: 59", "Delete …")
    ada.answer(ok="Delete")
    expect(found).to_have_count(59)
    # The pins take its place, and are as they are in the room.
    ada.page.locator("#more").click()
    ada.menu.get_by_role("button", name="Pinned messages (2)").click()
    pins = ada.page.get_by_role("search", name="Pinned in garden").get_by_role("listitem")
    expect(pins).to_have_text([re.compile("ada: 1$"), re.compile("ada: 0$")])
    ada.picture("pins")
    pins.last.get_by_role("button").click()
    expect(row(ada, "ada: 0")).to_have_class(re.compile("found"))
    choose_for(ada, "ada: 0", "Unpin")
    expect(pins).to_have_count(1)
    # Searching is as before.
    ada.button("Search").click()
    ada.search("her")
    expect(ada.results.get_by_role("listitem")).to_have_text([re.compile("not for her")])
    expect(ada.page.get_by_role("search", name="Search")).to_be_visible()


def test_keys_lead_to_what_is_new(chat, visit):
    ada = visit(chat, script=OUTSIDE).join("ada")
    bob, eve = chat.join("bob"), chat.join("eve", "garden")
    for room in "dev", "garden", "lobby":
        ada.say(f"/join {room}")
        ada.is_in(room)
    ada.say("before")
    ada.has_stored("before")
    look(ada, elsewhere=True)
    bob.send(*(f"MSG|line {number}" for number in range(60)))
    ada.sees("line 59")
    look(ada, elsewhere=False)
    up = ada.button("New messages ↑")
    expect(up).to_be_visible()
    expect(ada.line("line 0")).not_to_be_in_viewport()
    ada.page.keyboard.press("Shift+PageUp")
    expect(ada.log.get_by_text("New messages", exact=True)).to_be_in_viewport()
    expect(ada.line("line 0")).to_be_focused()
    expect(up).to_be_hidden()
    # By the button, too, which keys find above the messages.
    ada.button(re.compile("↓$")).click()
    expect(up).to_be_visible()
    ada.log.focus()
    ada.page.keyboard.press("Shift+Tab")
    expect(up).to_be_focused()
    ada.page.keyboard.press("Enter")
    expect(ada.line("line 0")).to_be_focused()
    # The conversation that is shown is in sight in a long list, too.
    for number in range(12):
        ada.say(f"/join room-{number}")
        ada.is_in(f"room-{number}")
    ada.page.set_viewport_size({"width": 1280, "height": 300})
    for name in "dev", "room-11":
        go_to(ada, name, name)
        expect(ada.room(name)).to_be_in_viewport(ratio=1)
        is_free = "node => { const {x, y, height} = node.getBoundingClientRect();"
        is_free += " return node.contains(document.elementFromPoint(x + 9, y + height / 2)) }"
        assert ada.room(name).evaluate(is_free), f"something lies on {name}"
    go_to(ada, "lobby", "lobby")
    # And to the next conversation with something unread: past dev, which has nothing.
    eve.send("MSG|over here")
    expect(ada.room("garden")).to_have_accessible_name(re.compile("1 unread"))
    ada.page.keyboard.press("Alt+Shift+ArrowDown")
    ada.is_in("garden")
    # What calls a guest is as they have chosen until they go.
    choose_level(ada, "none")
    expect(ada.room("garden")).to_contain_text("muted")
    go_to(ada, "lobby", "lobby")
    bob.send("MSG|/join garden", "MSG|ada: nobody hears", "MSG|/join lobby", "MSG|done")
    ada.sees("done")
    expect(ada.room("garden")).to_have_accessible_name("# garden muted")
    ada.page.keyboard.press("Alt+Shift+ArrowDown")
    ada.is_in("lobby")
    expect(ada.page).to_have_title(re.compile("^lobby"))
