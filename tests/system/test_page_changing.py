"""The web page, when messages are answered, reacted to, edited and deleted."""

from kit.browsers import PHONE, expect, needs_browser
from kit.pages import act, chips, reason

pytestmark = needs_browser
pytest_plugins = ["kit.browser_fixtures"]


def test_messages_are_answered_reacted_to_edited_and_deleted_with_the_mouse(chat, visit):
    ada, bob = visit(chat).join("ada"), visit(chat).join("bob")
    ada.say("The roses **are** out", "Bring scisors")
    bob.sees("Bring scisors")
    assert bob.page.locator(".acts").count() == 0, "it is calm until one looks for it"
    act(bob, "Bring scisors", "React")
    bob.menu.get_by_role("button", name="👍").click()
    act(bob, "The roses are out", "Answer")
    expect(bob.box).to_be_focused()
    expect(bob.box).to_have_accessible_description("Answer to ada The roses are out")
    bob.say("How lovely!")
    expect(bob.page.locator("#about")).to_be_hidden()
    for window in ada, bob:
        expect(window.line("How lovely!")).to_contain_text("Answer to ada The roses are out")
        expect(chips(window)).to_have_text(["👍 1"])
        expect(chips(window)).to_have_attribute("title", "bob")
        expect(chips(window)).to_have_accessible_name("👍 1: bob")
    expect(chips(bob)).to_have_attribute("aria-pressed", "true")
    expect(chips(ada)).to_have_attribute("aria-pressed", "false")
    chips(ada).click()
    expect(chips(bob)).to_have_text(["👍 2"])
    chips(bob).click()
    expect(chips(ada)).to_have_attribute("title", "ada")
    # What is one's own can be edited and deleted, and nothing else.
    ada.line("How lovely!").hover()
    expect(ada.button("Answer")).to_be_visible()
    expect(ada.button("Edit")).to_have_count(0)
    act(ada, "Bring scisors", "Edit")
    expect(ada.box).to_have_value("Bring scisors")
    ada.say("Bring scissors")
    for window in ada, bob:
        window.sees("Bring scissors")
        expect(window.line("Bring scissors").get_by_title("Edited: ")).to_have_text("edited")
        expect(window.log.get_by_text("scisors")).to_have_count(0)
    act(ada, "Bring scissors", "More")
    ada.menu.get_by_role("button", name="Delete").click()
    ada.dialog.get_by_role("button", name="Delete").click()
    for window in ada, bob:
        expect(window.log.get_by_text("Message deleted", exact=True)).to_be_visible()
        expect(window.log.get_by_text("Bring scissors")).to_have_count(0)


def test_the_keyboard_edits_answers_and_reacts(chat, visit):
    bob = chat.join("bob")
    ada = visit(chat).join("ada")
    bob.send("MSG|What time is it?")
    ada.say("first", "secnd")
    ada.has_stored("secnd")
    keys = ada.page.keyboard
    ada.box.press("ArrowUp")
    expect(ada.box).to_have_value("secnd")
    keys.press("Escape")
    expect(ada.box).to_have_value("")
    keys.press("ArrowUp")
    keys.type("!")
    keys.press("ArrowUp")  # within what was typed
    expect(ada.box).to_have_value("secnd!")
    ada.say("second :tada:")
    ada.sees("second 🎉")
    expect(ada.box).to_have_value("")
    expect(ada.page.locator("#about")).to_be_hidden()
    # From the log, message by message.
    ada.page.mouse.move(0, 0)
    keys.press("Shift+Tab")
    expect(ada.log).to_be_focused()
    for _ in range(3):
        keys.press("ArrowUp")
    expect(ada.line("What time is it?")).to_be_focused()
    keys.press("Tab")
    keys.press("Enter")
    expect(ada.menu.get_by_role("button", name="👍")).to_be_focused()
    keys.press("Enter")
    expect(chips(ada)).to_have_text(["👍 1"])
    expect(ada.button("React")).to_be_focused()
    keys.press("ArrowDown")
    keys.press("ArrowUp")
    keys.press("Enter")
    ada.menu.get_by_role("button", name="Answer").press("Enter")
    expect(ada.box).to_be_focused()
    keys.type("Noon")
    keys.press("Escape")  # no answer after all
    expect(ada.page.locator("#about")).to_be_hidden()
    expect(ada.box).to_have_value("Noon")
    # A command that was typed last comes back as ever.
    ada.box.fill("")
    ada.say("/back")
    ada.box.press("ArrowUp")
    expect(ada.box).to_have_value("/back")


def test_what_is_refused_stays_in_the_box(chat, visit):
    ada = visit(chat).join("ada")
    ada.say("hello")
    ada.has_stored("hello")
    ada.box.press("ArrowUp")
    for text, why in {
        "HELLO": "No shouting, please.",
        "two\nlines " * 999: "this is too long",
        "/nick eve": "begins like a command",
    }.items():
        ada.say(text)
        expect(reason(ada)).to_contain_text(why)
        expect(ada.box).to_have_value(text)
    ada.say("//nick")
    ada.sees("/nick")
    ada.box.press("ArrowUp")
    expect(ada.box).to_have_value("//nick")
    ada.say("")
    ada.dialog.get_by_role("button", name="Delete").click()
    expect(ada.log.get_by_text("Message deleted", exact=True)).to_be_visible()


def test_on_a_phone_a_tap_shows_what_can_be_done(chat, visit):
    bob = chat.join("bob")
    ada = visit(chat, size=PHONE).join("ada")
    bob.send("MSG|Coming?", "MSG|We are all here")
    ada.sees("We are all here")
    expect(ada.button("More")).to_have_count(1)  # the room's
    ada.line("Coming?").get_by_text("Coming?").tap()
    ada.log.get_by_role("button", name="More").tap()
    ada.picture("message-menu-touch")
    ada.menu.get_by_role("button", name="👀").tap()
    expect(chips(ada)).to_have_text(["👀 1"])
    ada.line("Coming?").get_by_text("Coming?").tap()
    ada.button("Answer").tap()
    ada.box.fill("In a minute")
    ada.button("Send").tap()
    ada.has_stored("In a minute")
    bob.read_until('MSG|ada|(to bob: "Coming?") In a minute')
    expect(ada.line("In a minute")).to_contain_text("bob Coming?")
    ada.picture("answer-touch")
