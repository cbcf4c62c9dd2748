"""What the tests of the web page look at and do, where several do it."""

import re
import socket
from contextlib import contextmanager

from greenchat.testing import ServerThread
from kit.accounts import SECRET
from kit.browsers import expect
from kit.machine import eventually

KEPT_BACK = re.compile("^Nothing was sent")


def reason(window):
    """Why what is in the box was not sent."""
    return window.page.locator("#composer").get_by_role("alert")


def status(window):
    return window.page.locator("#status")


def talk_with(window, name):
    """The entries of direct conversations with who is or was called so."""
    return window.page.locator("#direct-list").get_by_role("button").filter(has_text=name)


def leave_the_chat(window):
    window.page.locator("#self").click()
    window.button("Leave the chat").click()
    expect(window.button("Join")).to_be_visible()


def log_in(window, name, password=SECRET, *, keep=False):
    """With the account's password; `keep`: stay logged in."""
    window.field("Name").fill(name)
    window.page.get_by_label("Password").fill(password)
    window.page.get_by_label("Keep me logged in").set_checked(keep)
    window.button("Join").click()
    expect(window.box).to_be_visible()
    return window


def device_token(window):
    """By which this browser stays logged in; empty where it does not."""
    return window.page.evaluate("() => /gd_[^\"]*/.exec(JSON.stringify({...localStorage}))?.[0] ?? ''")


def forgets_the_device(window):
    """Where the server has ended it, that takes a while: another window may be about to have a new token."""
    eventually(lambda: device_token(window) == "", "this browser stays logged in")


def resume_token(window):
    """What a copy of this tab would come back by; empty while the page holds it itself."""
    return window.page.evaluate("() => /gr_[^\"]*/.exec(JSON.stringify({...sessionStorage}))?.[0] ?? ''")


# Chromium lets a web socket through while it is offline.
UNREACHABLE = """() => {
    if (window.throughout) return
    window.throughout = window.WebSocket
    window.WebSocket = class extends window.throughout {
        constructor(url, protocol) { super(navigator.onLine ? url : new URL("nowhere", url), protocol) }
    }
}"""


@contextmanager
def cut_off(chat, window, name):
    """`window` has lost its connection, and cannot get another one."""
    window.page.evaluate(UNREACHABLE)
    window.context.set_offline(True)
    chat.call(lambda: chat.server.chat.members[name].sessions[0]._socket.shutdown(socket.SHUT_RDWR))
    expect(status(window)).to_contain_text("You are offline.")
    yield
    window.context.set_offline(False)


# Where somebody looks, and what then is shown or heard outside of the page, is the browser's: here it is written down.
OUTSIDE = """
    window.notes = []
    window.sounds = 0
    window.asked = 0
    window.elsewhere = false
    document.hasFocus = () => !window.elsewhere
    window.Notification = class {
        constructor(title, {body}) { window.notes.push(`${title} | ${body}`) }
        static requestPermission() { return Promise.resolve(++window.asked && "granted") }
    }
    const {start} = AudioScheduledSourceNode.prototype
    AudioScheduledSourceNode.prototype.start = function (...when) {
        window.sounds++
        return start.apply(this, when)
    }
"""


def look(window, elsewhere):
    window.page.evaluate(
        "away => { window.elsewhere = away; window.dispatchEvent(new Event(away ? 'blur' : 'focus')) }", elsewhere
    )


def outside(window):
    return window.page.evaluate("() => [window.notes.splice(0), window.sounds]")


def choose(window, entry):
    """An entry of one's own menu. What needs a command is in there once the server has told which ones it has."""
    chosen = window.menu.get_by_role("button", name=re.compile(entry))

    def is_offered():
        window.page.locator("#self").click()
        return chosen.count() or window.page.keyboard.press("Escape")

    eventually(is_offered, f"the menu has no {entry}")
    chosen.click()


def fill(chat: ServerThread, count: int, room: str = "lobby") -> None:
    """`count` messages that were said before."""
    bob = chat.join("bob", room)
    bob.send(*(f"MSG|line {number}" for number in range(1, count + 1)), "LEAVE")
    while bob.read():
        pass


def numbers(window):
    return [int(text.split()[1]) for text in window.lines.all_text_contents()]


def row(window, text):
    """The whole row of the message that says it, and not of those that answer it."""
    whole = re.compile(rf"^{re.escape(text)}$")
    return window.log.locator(".message", has=window.page.locator(".body").filter(has_text=whole))


def act(window, text, what):
    """Do something with the message, with the mouse."""
    row(window, text).hover()
    window.log.get_by_role("button", name=what, exact=True).click()


def chips(window):
    """The reactions."""
    return window.log.locator(".reactions").get_by_role("button")
