"""The web page and its direct conversations after a loss, and with somebody else who has the name by now."""

import pytest
from kit.accounts import accounts, registered
from kit.browsers import expect, needs_browser
from kit.pages import cut_off, log_in, status, talk_with
from kit.programs import sync

pytestmark = needs_browser
pytest_plugins = ["kit.browser_fixtures"]

# A window that is told its conversations only once `hear` is called, if `late`; and what `list` makes of them. What a
# server tells late it has read late, too.
LISTED = """
    window.list = frame => frame
    let held, last
    const {set} = Object.getOwnPropertyDescriptor(WebSocket.prototype, "onmessage")
    const later = act => event => {
        const frame = JSON.parse(event.data)
        if (frame.type === "message" && frame.conversation) last = frame
        if (frame.type !== "conversations") return act(event)
        const tell = () => act({data: JSON.stringify(window.list(frame))})
        if (!window.late) return tell()
        held = () => {
            const {seq, rev} = last
            for (const direct of frame.direct) Object.assign(direct, {seq, rev})
            tell()
        }
    }
    Object.defineProperty(WebSocket.prototype, "onmessage", {set(act) { set.call(this, later(act)) }})
    window.hear = () => held()
"""


def two_accounts(chat, visit):
    """bob, and the window of ada, who looks at their conversation."""
    registered(chat, "ada").send("LEAVE")
    bob = registered(chat, "bob")
    ada = log_in(visit(chat, script=LISTED), "ada")
    bob.send("MSG|/msg ada one")
    talk_with(ada, "bob").click()
    ada.sees("one")
    return bob, ada


def test_what_is_said_before_the_list_has_come_hides_nothing_that_was_said_meanwhile(visit):
    with accounts() as chat:
        bob, ada = two_accounts(chat, visit)
        ada.page.evaluate("() => (window.late = true)")
        with cut_off(chat, ada, "ada"):
            bob.send("MSG|/msg ada two", "MSG|/msg ada three")
            sync(bob)
        ada.room("lobby").click()
        ada.say("back")
        ada.has_stored("back")
        bob.send("MSG|/msg ada four")
        expect(talk_with(ada, "bob")).to_contain_text("1")
        ada.page.evaluate("() => hear()")
        talk_with(ada, "bob").click()
        ada.sees("two")
        expect(ada.lines).to_have_text(["one", "two", "three", "four"])


def test_a_conversation_that_is_not_in_a_list_with_more_goes_on_and_one_that_is_listed_again_too(visit):
    with accounts() as chat:
        bob, ada = two_accounts(chat, visit)
        for number, more in enumerate(("true", "false")):
            ada.page.evaluate(f"() => (window.list = frame => ({{...frame, direct: [], more: {more}}}))")
            with cut_off(chat, ada, "ada"):
                ada.say(f"meanwhile {number}")
            if more == "true":
                ada.has_stored("meanwhile 0")
                expect(status(ada)).not_to_contain_text("ended")
        expect(status(ada)).to_contain_text("This conversation has ended.")
        ada.page.evaluate("() => (window.list = frame => frame)")
        with cut_off(chat, ada, "ada"):
            bob.send("MSG|/msg ada two")
            sync(bob)
        ada.sees("two")
        expect(status(ada)).not_to_contain_text("ended")
        ada.say("three")
        ada.has_stored("three")
        assert [line for line in sync(bob) if "three" in line] == ["MSG|ada (private)|three"]


@pytest.mark.parametrize("typed", [False, True])
def test_who_has_the_name_of_somebody_who_has_left_is_written_to_and_not_that_one(visit, typed):
    with accounts() as chat:
        robert = registered(chat, "robert")
        registered(chat, "ada").send("LEAVE")
        robert.send("MSG|/nick bob", "MSG|/msg ada one")
        sync(robert)
        ada = log_in(visit(chat), "ada")
        talk_with(ada, "bob").click()
        ada.sees("one")
        robert.send("LEAVE")
        robert.read_until("")
        guest = chat.join("bob")
        ada.room("lobby").click()
        if typed:
            ada.say("/msg bob for the guest")
        else:
            ada.member("bob").click()
            ada.button("Direct message").click()
            expect(ada.lines).to_have_count(0)
            ada.say("for the guest")
        ada.has_stored("for the guest")
        guest.read_until("MSG|ada (private)|for the guest")
        expect(ada.lines).to_have_count(1)
        expect(talk_with(ada, "bob")).to_have_count(2)


def test_who_comes_back_is_written_to_in_the_conversation_that_was_there(visit):
    with accounts() as chat:
        bob, ada = two_accounts(chat, visit)
        bob.send("LEAVE")
        expect(ada.member("bob")).to_have_count(0)
        window = log_in(visit(chat), "bob")
        ada.room("lobby").click()
        ada.member("bob").click()
        ada.button("Direct message").click()
        ada.say("two")
        ada.has_stored("two")
        expect(ada.lines).to_have_text(["one", "two"])
        expect(talk_with(ada, "bob")).to_have_count(1)
        talk_with(window, "ada").click()
        window.sees("one", "two")
