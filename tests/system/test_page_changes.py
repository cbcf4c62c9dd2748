"""The web page, when messages change: in step everywhere, after every absence, and on every screen."""

import re

import pytest
from kit.accounts import SECRET, accounts, registered
from kit.browsers import expect, needs_browser
from kit.page_checks import SIZES, Check
from kit.pages import act, chips, cut_off, fill, log_in, reason, row, status
from kit.processes import ServeProcess, kept_port
from kit.programs import Program

pytestmark = needs_browser
pytest_plugins = ["kit.browser_fixtures"]

DELETED = "Message deleted"


def about(window):
    return window.page.locator("#about")


def change(program, kind, seq, **what):
    """A program's edit, deletion or reaction, which must be taken."""
    answer = program.request(type=kind, room="lobby", seq=seq, **what)
    assert answer["type"] == "ack", answer
    return answer


def say(program, *texts):
    return [program.request(type="say", room="lobby", text=text)["seq"] for text in texts]


def test_deleted_words_are_nowhere_in_the_page(chat, visit):
    bob = Program(chat, "bob")
    secret = "ada: the code is 4711"
    (seq,) = say(bob, secret)
    ada = visit(chat).join("ada")
    ada.sees(secret)
    say(bob, "and now you know")
    act(ada, secret, "Answer")
    ada.box.fill("Thanks")
    ada.box.press("Enter")
    expect(ada.line("Thanks")).to_contain_text("4711")
    ada.search("code")
    expect(ada.results).to_contain_text("4711")
    act(ada, secret, "Answer")
    expect(about(ada)).to_contain_text("4711")
    ada.box.fill("is it still right?")
    change(bob, "delete", seq)
    expect(ada.log.get_by_text(DELETED, exact=True)).to_be_visible()
    expect(about(ada)).to_have_text("Answer to a message that was deleted")
    expect(ada.line("Thanks")).to_contain_text("a message that was deleted")
    assert "4711" not in ada.page.evaluate("() => document.documentElement.outerHTML")
    assert "4711" not in ada.page.evaluate("() => JSON.stringify({...sessionStorage, ...localStorage})")
    # What one was about to say to it is not said to nothing.
    ada.box.press("Enter")
    expect(reason(ada)).to_contain_text("Nothing was sent: that message was deleted.")
    expect(ada.box).to_have_value("is it still right?")
    ada.box.press("Escape")
    expect(about(ada)).to_be_hidden()
    ada.box.press("Enter")
    ada.has_stored("is it still right?")


def test_an_answer_and_an_edit_belong_to_their_room_and_outlast_a_reload(chat, visit):
    bob = chat.join("bob")
    ada = visit(chat).join("ada")
    bob.send("MSG|To be or not to be?")
    ada.say("This is the qestion")
    ada.has_stored("This is the qestion")
    ada.box.fill("half a thought")
    act(ada, "This is the qestion", "Edit")
    expect(about(ada)).to_contain_text("Editing: This is the qestion")
    ada.box.fill("That is the question")
    ada.button("Join a room").click()
    ada.answer("dev", ok="Join")
    ada.is_in("dev")
    expect(about(ada)).to_be_hidden()
    expect(ada.box).to_have_value("")
    ada.say("only for dev")
    ada.has_stored("only for dev")
    ada.room("lobby").click()
    expect(ada.box).to_have_value("That is the question")
    ada.page.reload()
    ada.is_in("lobby")
    expect(about(ada)).to_contain_text("Editing: This is the qestion")
    ada.box.press("Enter")
    ada.sees("That is the question")
    # What stood there before is back.
    expect(ada.box).to_have_value("half a thought")
    act(ada, "To be or not to be?", "Answer")
    expect(ada.box).to_have_value("half a thought")
    ada.page.reload()
    expect(about(ada)).to_contain_text("Answer to bob To be or not to be?")
    ada.button("Do not answer").click()
    expect(about(ada)).to_be_hidden()
    expect(ada.box).to_be_focused()
    expect(ada.box).to_have_value("half a thought")


def test_what_one_is_about_to_change_may_be_deleted_elsewhere(visit):
    with accounts() as chat:
        registered(chat, "ada").send("LEAVE")
        ada, phone = log_in(visit(chat), "ada"), log_in(visit(chat), "ada")
        ada.say("one", "two", "three")
        phone.sees("three")
        act(ada, "one", "Edit")
        for number in "one", "two":
            act(phone, number, "More")
            phone.menu.get_by_role("button", name="Delete").click()
            phone.dialog.get_by_role("button", name="Delete").click()
            if number == "one":
                expect(reason(ada)).to_contain_text("What you were about to change was deleted.")
                expect(ada.box).to_have_value("")
                act(ada, "two", "Edit")
                ada.box.fill("2, and much more")
        expect(ada.log.get_by_text("2 messages deleted", exact=True)).to_be_visible()
        ada.box.press("Enter")
        expect(reason(ada)).to_contain_text("Nothing was changed: that message was deleted.")
        ada.box.press("Escape")
        expect(ada.box).to_have_value("2, and much more")
        # An edit that was made elsewhere is in the box, too, unless something else is typed there.
        ada.box.fill("")
        ada.box.press("ArrowUp")
        expect(ada.box).to_have_value("three")
        phone.box.press("ArrowUp")
        phone.say("3")
        expect(ada.box).to_have_value("3")
        ada.sees("3")


def test_owners_delete_what_others_have_said_and_others_do_not(visit):
    with accounts() as chat:
        registered(chat, "olga").send("LEAVE")
        olga = log_in(visit(chat), "olga")
        olga.button("Join a room").click()
        olga.answer("den", ok="Join")
        olga.is_in("den")
        ada = visit(chat).join("ada", "den")
        ada.say("Cheap watches!")
        olga.say("Not here.")
        ada.sees("Not here.")
        act(ada, "Not here.", "More")
        expect(ada.menu.get_by_role("button", name="Copy link")).to_be_visible()
        for what in "Edit", "Delete":
            expect(ada.menu.get_by_role("button", name=what)).to_have_count(0)
        ada.page.keyboard.press("Escape")
        act(olga, "Cheap watches!", "More")
        expect(olga.menu.get_by_role("button", name="Edit")).to_have_count(0)
        olga.menu.get_by_role("button", name="Delete").click()
        olga.dialog.get_by_role("button", name="Delete").click()
        for window in ada, olga:
            expect(window.log.get_by_title("by olga")).to_have_text(DELETED)
            expect(window.log.get_by_text("Cheap watches!")).to_have_count(0)


@pytest.mark.parametrize("scrolled", [False, True], ids=["at the end", "far up"])
def test_what_became_of_messages_while_the_connection_was_lost_is_seen(chat, visit, scrolled):
    bea = Program(chat, "bea")
    ada = visit(chat).join("ada")
    first, second, third = say(bea, "first", "second", "third")
    ada.sees("first", "second", "third")
    if scrolled:
        fill(chat, 60)
        ada.sees("line 60")
        ada.log.evaluate("log => { log.scrollTop = 0 }")
        expect(ada.button(re.compile("Jump to the latest"))).to_be_visible()
    with cut_off(chat, ada, "ada"):
        change(bea, "edit", first, text="first of all")
        change(bea, "delete", second)
        change(bea, "react", third, emoji="🎉")
        (said,) = say(bea, "said meanwhile")
        change(bea, "edit", said, text="said and mended meanwhile")
    ada.sees("first of all", "said and mended meanwhile")
    expect(ada.log.get_by_text("second", exact=True)).to_have_count(0)
    expect(ada.log.get_by_text(DELETED, exact=True)).to_have_count(1)
    expect(chips(ada)).to_have_text(["🎉 1"])
    expect(ada.lines).to_have_count(3 + 60 * scrolled)
    say(bea, "and on")
    ada.sees("and on")
    with cut_off(chat, ada, "ada"):
        change(bea, "react", third, emoji="🎉", on=False)
    expect(chips(ada)).to_have_count(0)


@pytest.fixture
def port():
    with kept_port() as kept:
        yield kept


@pytest.mark.parametrize("end", ["clean", "killed"])
def test_what_became_of_messages_while_the_server_was_away_is_seen(visit, tmp_path, port, end):
    def start():
        return ServeProcess(tmp_path, "--port", str(port), "--set", "limits.flood_rate=0")

    def stop(server):
        server.process.terminate() if end == "clean" else server.process.kill()
        server.process.wait()
        server.process.stdout.close()

    def bob():
        """With an account: a guest's messages are nobody's after a restart."""
        program = Program(server)
        program.join(name="bob", login=SECRET)
        return program

    server = start()
    try:
        ada = visit(server).join("ada")
        with Program(server, "bob") as program:
            program.request(type="say", room="lobby", text=f"/register {SECRET}")
        with bob() as program:
            first, second, third = say(program, "first", "second", "third")
        ada.sees("first", "second", "third")
        ada.context.set_offline(True)
        stop(server)
        expect(status(ada)).to_contain_text("You are offline.")
        server = start()
        with bob() as program:
            change(program, "delete", second)
            change(program, "edit", third, text="third time lucky")
            change(program, "react", first, emoji="👍")
        stop(server)
        server = start()
        ada.context.set_offline(False)
        ada.sees("first", "third time lucky")
        expect(chips(ada)).to_have_text(["👍 1"])
        expect(ada.log.get_by_text("second", exact=True)).to_have_count(0)
        ada.say("here again")
        ada.has_stored("here again")
        expect(ada.lines).to_have_text(["first", "third time lucky", "here again"])
    finally:
        stop(server)


def test_a_link_leads_to_a_message_wherever_it_is(chat, visit):
    fill(chat, 300)
    bob = visit(chat).join("bob")
    bob.context.grant_permissions(["clipboard-read", "clipboard-write"])
    bob.search("40")
    bob.results.get_by_text("line 40", exact=True).click()
    expect(bob.log.locator(".found")).to_contain_text("line 40")
    act(bob, "line 40", "More")
    bob.menu.get_by_role("button", name="Copy link").click()
    expect(bob.page.get_by_text("Link copied")).to_be_visible()
    link = bob.page.evaluate("() => navigator.clipboard.readText()")
    eve = visit(chat, link=link.rpartition("/")[2])
    eve.field("Name").fill("eve")
    expect(eve.field("Room")).to_have_value("lobby")
    eve.button("Join").click()
    expect(eve.log.locator(".found")).to_contain_text("line 40")
    expect(row(eve, "line 40")).to_be_in_viewport()
    # In the chat it opens no other tab; and what is answered is quoted, however far up it is.
    act(eve, "line 40", "Answer")
    eve.say("You mean that one?")
    eve.has_stored("You mean that one?")
    bob.say(f"Yes, {link}")
    eve.log.get_by_role("link", name=link).click()
    expect(row(eve, "line 40")).to_be_in_viewport()
    assert len(eve.context.pages) == 1
    quoting = bob.line("You mean that one?")
    expect(quoting).to_contain_text("bob line 40")
    quoting.locator(".quote").click()
    expect(row(bob, "line 40")).to_be_in_viewport()


def test_what_others_type_is_no_markup_in_quotations_names_and_chips(chat, visit):
    bob = Program(chat, "bob")
    ada = visit(chat).join("ada")
    (seq,) = say(bob, "<img src=x onerror=alert(1)> **bold** <b>")
    change(bob, "edit", seq, text="<i>it</i> is `code` and <script>alert(1)</script>")
    bob.request(type="say", room="lobby", text="<b>answer</b>", reply_to=seq)
    expect(ada.line("<b>answer</b>").locator(".quote")).to_contain_text(
        "bob <i>it</i> is code and <script>alert(1)</script>"
    )
    assert ada.log.locator("img, script, i, :is(.body, .quote) b:not([style])").count() == 0


def test_everybody_can_use_what_changes_messages_on_every_screen(chat, visit, axe):
    window = visit(chat)
    check = Check(window, axe)
    window.join("ada")
    bob, carol = Program(chat, "bob"), Program(chat, "carol")
    long = "Has anybody seen the watering can? I have looked in the shed, behind the shed and under the shed, in vain."
    first, _, third = say(bob, long, "It is the green one", "And nobody touch the roses until I say so")
    say(carol, "Not me")
    for person, seq, emoji in (bob, first, "🙏"), (carol, first, "🙏"), (carol, first, "👀"), (carol, third, "😂"):
        change(person, "react", seq, emoji=emoji)
    for emoji in "👍❤🎉✅🤔😮😢🚀":
        change(bob, "react", third, emoji=emoji)
    change(bob, "edit", third, text="And nobody touch the **roses** until I say so, please")
    (spam,) = say(bob, "spam")
    change(bob, "delete", spam)
    window.say("Good morning! I have just come", "Look behind the compost heap, where you left it on Friday")
    window.has_stored("Look behind the compost heap, where you left it on Friday")
    carol.request(type="say", room="lobby", text="He did leave it there", reply_to=first)
    bob.request(type="say", room="lobby", text="ada: found it, thank you!", reply_to=first)
    window.sees("ada: found it, thank you!")
    chips(window).first.click()
    expect(chips(window).first).to_have_attribute("aria-pressed", "true")
    for size in SIZES:
        check.resize(size)
        act(window, long, "React")
        check("faces", "#menu")
        window.page.keyboard.press("Escape")
        act(window, "He did leave it there", "Answer")
        check("answer", "#talk")
        window.page.keyboard.press("Escape")
        act(window, "Good morning! I have just come", "Edit")
        check("edit", "#talk")
        window.page.keyboard.press("Escape")
        act(window, "Good morning! I have just come", "More")
        check("message-menu", "#menu")
        window.page.keyboard.press("Escape")
        if (latest := window.button("Jump to the latest ↓")).is_visible():
            latest.click()
        window.box.press_sequentially(":th")
        check("emoji", "#composer")
        window.box.fill("")
    assert check.violations == [], "\n".join(check.violations)
