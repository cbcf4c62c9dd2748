"""The web page and its direct conversations after a loss, and with somebody else who has the name by now."""

from kit.accounts import accounts, registered
from kit.browsers import expect, needs_browser
from kit.pages import cut_off, log_in, talk_with
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
