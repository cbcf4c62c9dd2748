"""How the web page runs commands, by the table that the server gives, and what it keeps of them."""

import json
import re
from contextlib import contextmanager
from typing import Literal

from kit.accounts import CHEAP, OTHER, SECRET
from kit.browsers import expect, needs_browser
from kit.pages import choose
from kit.programs import MADE, sync, without_plugins

from greenchat import Call, Command, Member, Room, Secret, command, hookimpl
from greenchat.testing import serving

pytestmark = needs_browser
pytest_plugins = ["kit.browser_fixtures"]


class Vault:
    """Commands of all sorts, as a plugin has them."""

    def __init__(self):
        self.told = []

    @command
    def store(self, call: Call, place: str, words: Secret, note: str = "") -> str:
        """Store what nobody shall see."""
        self.told.append((place, words == "hush 4711", note))
        return f"Stored in {place}."

    @command
    def lock(self, call: Call, state: bool, how: Literal["loose", "tight"] | None = None) -> str:
        """Lock it, or not."""
        return f"Locked: {state}, {how}."

    @command
    def move(self, call: Call, who: Member, room: Room) -> str:
        """Move somebody."""
        return f"{who.name} to {room.name}."

    @command
    def open(self, call: Call, key: Secret = "") -> str:
        """Open it, perhaps with a key."""
        return "Opened."

    @hookimpl
    def greenchat_commands(self):
        return [Command("mutter", "TEXT", "Say it to the server.", lambda session, text: None, private=True)]


@contextmanager
def sent(window):
    """What the page sends, as frames."""
    frames = []
    window.page.on("websocket", lambda socket: socket.on("framesent", lambda data: frames.append(json.loads(data))))
    window.page.reload()
    yield frames


def of(frames, kind):
    return [frame for frame in frames if frame["type"] == kind]


def run(frames):
    """The commands that were sent, without what differs each time."""
    return [(frame["name"], frame.get("args", {}), frame.get("room", "")) for frame in of(frames, "command")]


def recalled(window):
    """What Up brings back into an empty box; it is empty then as before."""
    window.box.fill("")
    window.box.press("ArrowUp")
    text = window.box.input_value()
    window.box.press("Escape")
    window.box.fill("")
    return text


def test_menus_and_dialogs_send_arguments_and_no_lines(visit):
    with serving(settings=CHEAP) as chat:
        bob = chat.join("bob")
        ada = visit(chat)
        with sent(ada) as frames:
            ada.join("ada")
            ada.say("/join garden")
            ada.is_in("garden")
            bob.send("MSG|/join garden")
            ada.member("bob").click()
            ada.button("Who is bob?").click()
            expect(ada.log.locator(".notice").filter(has_text="bob")).not_to_have_count(0)
            for entry, text in ("Set the topic", "two  words"), ("Invite somebody", "carol"), ("Set a key", "se same"):
                ada.button("More").click()
                ada.menu.get_by_role("button", name=re.compile(f"^{entry}")).click()
                ada.answer(text)
            expect(ada.log).to_contain_text("garden needs a key from now on")
            choose(ada, "^I am away")
            ada.answer("")
            choose(ada, "^I am back")
            choose(ada, "^Keep this name for me")
            ada.answer(SECRET)
            expect(ada.log).to_contain_text("ada is yours now")
            ada.say("/who")
            ada.box.press_sequentially("/passwd ")
            ada.answer(SECRET, OTHER)
            choose(ada, "^Account and devices")
            expect(ada.page.locator("#devices li")).to_have_count(1)
            ada.page.locator("#close-account").click()
            ada.button("Join a room").click()
            expect(ada.dialog.get_by_role("button", name="garden")).to_be_visible()
            ada.dialog.get_by_role("button", name="Cancel").click()
        assert [frame["text"] for frame in of(frames, "say")] == ["/who"], "as it was typed"
        assert run(frames) == [
            ("whois", {"user": "bob"}, "garden"),
            ("topic", {"text": "two  words"}, "garden"),
            ("invite", {"room": "garden", "user": "carol"}, "garden"),
            ("room", {"setting": "key", "value": "se same"}, "garden"),
            ("away", {"why": ""}, "garden"),
            ("back", {}, "garden"),
            ("register", {"password": SECRET}, "garden"),
            ("notify", {"level": "list"}, ""),  # what calls the account
            ("passwd", {"old": SECRET, "new": OTHER}, "garden"),
            ("notify", {"level": "list"}, ""),
            ("sessions", {}, ""),
            ("rooms", {}, ""),
        ]


def test_the_table_is_asked_for_when_one_comes_in_and_when_one_is_somebody_else(visit):
    with serving(settings=CHEAP) as chat:
        ada = visit(chat)
        with sent(ada) as frames:
            ada.join("ada")
            assert len(of(frames, "commands")) == 1
            choose(ada, "^Keep this name for me")
            ada.answer(SECRET)
            expect(ada.log).to_contain_text("ada is yours now")
            choose(ada, "^Account and devices")
            expect(ada.page.locator("#devices li")).to_have_count(1)
            assert len(of(frames, "commands")) == 2
            ada.page.locator("#close-account").click()
            ada.say("/join dev")  # as its owner
            ada.is_in("dev")
            ada.say("once there")
            ada.has_stored("once there")
        assert len(of(frames, "commands")) == 3


def test_a_secret_of_any_command_is_asked_for_where_nobody_sees_it(visit):
    vault = Vault()
    with serving(vault) as chat:
        bob = chat.join("bob")
        ada = visit(chat).join("ada")
        for typed in "/store ", "\u2800/STORE garden hush":
            ada.box.fill(typed)
            expect(ada.dialog).to_be_visible()
            expect(ada.box).to_have_value("")
            words = ada.secret("Words")
            assert words.evaluate("node => getComputedStyle(node).webkitTextSecurity") == "disc"
            ada.picture("secret-desktop-light")
            ada.page.keyboard.press("Escape")
        ada.box.fill("/store")
        ada.box.press("Enter")
        ada.answer("shelf", "hush 4711", "")
        expect(ada.log).to_contain_text("Stored in shelf.")
        assert vault.told == [("shelf", True, "")]
        assert recalled(ada) == ""
        assert "4711" not in ada.page.content()
        assert not any("4711" in line for line in sync(bob))


def test_up_and_drafts_keep_no_command_that_may_have_a_secret_in_it(visit):
    with serving(Vault()) as chat:
        bob = chat.join("bob", "dev")
        bob.expect(MADE)
        ada = visit(chat).join("ada")
        ada.say("/join dev")
        ada.is_in("dev")
        hidden = ["/join vault KEY4711", "/room key KEY4711", "/mutter KEY4711", "/logn ada KEY4711", "/open KEY4711"]
        for line in hidden:
            # As a draft, neither in another room's box and back, nor over a reload.
            ada.box.fill(line)
            ada.room("lobby").click()
            ada.is_in("lobby")
            assert "4711" not in ada.page.evaluate("() => JSON.stringify([{...localStorage}, {...sessionStorage}])")
            ada.room("dev").click()
            ada.is_in("dev")
            expect(ada.box).to_have_value("")
        ada.say("/topic Gold")
        ada.say(*hidden[1:])
        expect(ada.log).to_contain_text("Opened.")
        assert recalled(ada) == "/topic Gold"
        ada.box.fill("/topic Silver")
        ada.room("lobby").click()
        ada.is_in("lobby")
        ada.room("dev").click()
        expect(ada.box).to_have_value("/topic Silver")
        ada.page.reload()
        expect(ada.box).to_have_value("/topic Silver")


def test_where_no_command_is_known_nothing_that_begins_like_one_is_kept(visit):
    off = without_plugins("history", "slash_commands", "rooms", "people", "accounts", "moderation")
    with serving(settings=off) as chat:
        ada = visit(chat).join("ada")
        ada.say("hi", "/topic Gold")
        expect(ada.log).to_contain_text("There is no command /topic")
        assert recalled(ada) == "hi"


def test_what_an_argument_may_be_is_offered(visit):
    with serving(Vault()) as chat:
        for name, room in ("bob", "dev"), ("barbara", "lobby"):
            chat.join(name, room)
        ada = visit(chat).join("ada")
        ada.say("/join dev")
        ada.is_in("dev")
        options = ada.page.get_by_role("option")
        ada.box.press_sequentially("/lock ")
        expect(options).to_have_text(["on ", "off "])
        ada.picture("argument-desktop-light")
        # Enter sends what stands there, unless one has chosen.
        expect(options.locator("[aria-selected=true]")).to_have_count(0)
        ada.box.press("ArrowDown")
        ada.box.press("ArrowDown")
        ada.box.press("Enter")
        expect(ada.box).to_have_value("/lock off ")
        ada.box.press_sequentially("t")
        expect(options).to_have_text(["tight "])
        ada.box.press("Tab")
        expect(ada.box).to_have_value("/lock off tight ")
        ada.box.press("Enter")
        expect(ada.log).to_contain_text("Locked: False, tight.")
        ada.box.press_sequentially("/move b")
        expect(options).to_have_text(["bob "])
        ada.box.press("Tab")
        expect(ada.box).to_have_value("/move bob ")
        ada.box.press("Tab")
        expect(options).to_have_text(["lobby ", "dev "])
        ada.box.press("Enter")
        ada.box.press("Enter")
        expect(ada.log).to_contain_text("bob to lobby.")
        # What is complete is sent at once, whatever else begins so.
        ada.say("/move bob dev")
        expect(ada.log).to_contain_text("bob to dev.")
