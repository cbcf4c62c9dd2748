"""The web page, as people see it: in a real browser, by roles, names and text."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from browsers import ATTACKING_NAMES, ATTACKS, expect, needs_browser

from greenchat.testing import DEADLINE, ServerThread

pytestmark = needs_browser

pytest_plugins = ["browser_fixtures"]


@contextmanager
def holding(server: ServerThread) -> Iterator[None]:
    """The server does nothing meanwhile."""
    held, release = threading.Event(), threading.Event()
    thread = threading.Thread(target=server.call, args=(lambda: (held.set(), release.wait(DEADLINE / 2)),))
    thread.start()
    try:
        assert held.wait(DEADLINE)
        yield
    finally:
        release.set()
        thread.join()


# --- the way in ---


def test_two_browsers_and_netcat_in_one_conversation(chat, visit):
    bob = chat.join("bob")
    ada = visit().join("ada")
    bob.expect("INFO|ada has joined the chat.")
    eve = visit().join("eve")
    bob.expect("INFO|eve has joined the chat.")
    ada.say("Hello, everybody!")
    bob.expect("MSG|ada|Hello, everybody!")
    bob.send("MSG|Hi ada, from a terminal.")
    eve.sees("Hello, everybody!", "Hi ada, from a terminal.")
    eve.say("And hi from a browser 🎉")
    bob.expect("MSG|eve|And hi from a browser 🎉")
    for window in ada, eve:
        expect(window.lines).to_have_text(["Hello, everybody!", "Hi ada, from a terminal.", "And hi from a browser 🎉"])
        for name in "ada", "bob", "eve":
            expect(window.members.get_by_role("button", name=name)).to_be_visible()
    bob.send("LEAVE")
    expect(ada.members.get_by_role("button", name="bob")).to_have_count(0)


def test_ten_seconds_from_the_page_to_chatting(chat, visit):
    bob = chat.join("bob")
    began = time.monotonic()
    ada = visit()
    ada.field("Name").press_sequentially("ada", delay=20)
    ada.page.keyboard.press("Enter")
    expect(ada.box).to_be_focused()
    ada.page.keyboard.type("I am in")
    ada.page.keyboard.press("Enter")
    bob.expect("INFO|ada has joined the chat.", "MSG|ada|I am in")
    assert time.monotonic() - began < 10


def test_the_form_tells_what_is_wrong_and_remembers_who_one_is(chat, visit):
    chat.join("bob")
    ada = visit()
    ada.fill_in("bob")
    expect(ada.problem).to_contain_text("bob")
    expect(ada.problem).to_contain_text("taken")
    ada.fill_in("two words")
    expect(ada.problem).not_to_contain_text("taken")
    expect(ada.problem).not_to_be_empty()
    expect(ada.field("Name")).to_be_focused()
    ada.fill_in("ada", "no/such room")
    expect(ada.field("Room")).to_be_focused()
    ada.join("ada", "dev")
    expect(ada.page.get_by_role("heading", name="dev")).to_be_visible()
    later = visit(context=ada.context)
    expect(later.field("Name")).to_have_value("ada")
    expect(later.field("Room")).to_have_value("dev")


def test_a_link_says_room_and_name(chat, visit):
    ada = visit(link="?room=dev&name=ada")
    expect(ada.field("Name")).to_have_value("ada")
    expect(ada.field("Room")).to_have_value("dev")
    ada.button("Join").click()
    expect(ada.page.get_by_role("heading", name="dev")).to_be_visible()
    expect(ada.page).to_have_title(re.compile("dev"))


def test_a_reload_is_where_one_was(chat, visit):
    ada = visit().join("ada")
    ada.say("/join dev")
    expect(ada.page.get_by_role("heading", name="dev")).to_be_visible()
    ada.page.reload()
    expect(ada.page.get_by_role("heading", name="dev")).to_be_visible()
    expect(ada.room("lobby")).to_be_visible()


# --- messages ---


def test_an_own_message_is_sending_then_stored(chat, visit):
    ada = visit().join("ada")
    with holding(chat):
        ada.say("Is this kept?")
        assert ada.mark_of("Is this kept?") == "sending"
    expect(ada.line("Is this kept?")).to_have_attribute("data-state", "stored")
    assert ada.mark_of("Is this kept?") == "✓"


def test_a_refused_message_says_why_and_can_be_sent_again(chat, visit):
    ada = visit().join("ada")
    ada.say("HELLO")
    row = ada.line("HELLO")
    expect(row).to_contain_text("No shouting, please.")
    assert ada.mark_of("HELLO") == "failed"
    row.get_by_role("button", name="Try again").click()
    expect(row).to_have_count(1)
    expect(row).to_contain_text("No shouting, please.")
    row.get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)


def test_what_one_does_with_me(chat, visit):
    bob = chat.join("bob")
    ada = visit().join("ada")
    ada.say("/me waves")
    expect(ada.line("ada waves")).to_be_visible()
    bob.send("MSG|/me waves back")
    expect(ada.line("bob waves back")).to_be_visible()
    assert ada.lines.first.evaluate("line => getComputedStyle(line).fontStyle") == "italic"


def test_links_code_and_emphasis(chat, visit):
    bob = chat.join("bob")
    ada = visit().join("ada")
    bob.send(
        "MSG|see (https://a.example/x_(y)?q=1_2#f), http://b.example. or mailto:bob@c.example!",
        "MSG|not javascript:alert(1) data:text/html,x file:///etc/passwd ftp://d.example vbscript:x //e.example",
        "MSG|`a *b* <c>` **strong** *soft* ~~gone~~ snake_case_name 2*3*4",
        "MSG|```python",
        "MSG|def f(*args): pass",
        "MSG|```",
    )
    expect(ada.log.get_by_text("def f(*args): pass", exact=True)).to_be_visible()
    links = ada.log.get_by_role("link")
    hrefs = ["https://a.example/x_(y)?q=1_2#f", "http://b.example", "mailto:bob@c.example"]
    expect(links).to_have_text(hrefs)
    for link, href in zip(links.all(), hrefs, strict=True):
        expect(link).to_have_attribute("href", href)
        expect(link).to_have_attribute("rel", re.compile("noopener"))
    expect(ada.log.get_by_role("code")).to_have_text(["a *b* <c>"])
    expect(ada.log.get_by_role("strong")).to_have_text(["strong"])
    expect(ada.log.get_by_role("emphasis")).to_have_text(["soft"])
    expect(ada.log.get_by_role("deletion")).to_have_text(["gone"])
    expect(ada.log.locator("pre").filter(has_text="def f(*args): pass")).to_be_visible()
    expect(ada.log).to_contain_text("snake_case_name 2*3*4")


def test_mentions_are_marked_and_counted_where_nobody_looks(chat, visit):
    bob = chat.join("bob", "dev")
    ada = visit().join("ada")
    ada.say("/join dev")
    expect(ada.page.get_by_role("heading", name="dev")).to_be_visible()
    bob.send("MSG|Canada is no name, @Ada is", "MSG|adaptable")
    expect(ada.log.get_by_role("mark")).to_have_text(["@Ada"])
    ada.room("lobby").click()
    bob.send("MSG|one", "MSG|ada: two", "MSG|three")
    expect(ada.room("dev")).to_have_accessible_name(re.compile(r"dev\s*@3 unread"))
    expect(ada.page).to_have_title(re.compile(r"^\(1\)"))
    ada.room("dev").click()
    ada.sees("one", "ada: two", "three")
    expect(ada.log.get_by_text("New messages")).to_be_visible()
    expect(ada.room("dev")).not_to_have_accessible_name(re.compile("unread"))
    expect(ada.page).to_have_title(re.compile("^dev"))


def test_joins_and_leaves_are_folded(chat, visit):
    ada = visit().join("ada")
    ada.say("quiet here")
    expect(ada.line("quiet here")).to_have_attribute("data-state", "stored")
    peers = [chat.join(name) for name in ("bob", "carol", "dan")]
    peers[0].send("LEAVE")
    expect(ada.log.get_by_text("3 joined, 1 left", exact=True)).to_be_visible()
    expect(ada.log.get_by_text("carol joined")).to_be_hidden()
    ada.log.get_by_text("3 joined, 1 left", exact=True).click()
    expect(ada.log.get_by_text("carol joined")).to_be_visible()


def test_a_direct_message_has_a_place_of_its_own(chat, visit):
    bob = chat.join("bob")
    ada = visit().join("ada")
    bob.read()
    bob.send("MSG|/msg ada psst")
    talk = ada.rooms.get_by_role("button", name=re.compile("bob"))
    expect(talk).to_have_accessible_name(re.compile("1 unread"))
    expect(ada.lines).to_have_count(0)
    talk.click()
    ada.sees("psst")
    ada.say("what?")
    expect(ada.line("what?")).to_have_attribute("data-state", "stored")
    assert "what?" in "".join(bob.read() for _ in range(2))


# --- nobody's text is more than text ---


def test_no_text_of_anybody_is_more_than_text(chat, visit):
    mallory = chat.join("mallory")
    ada = visit().join("ada", "lobby")
    for name in ATTACKING_NAMES:
        chat.join(name).send(f"MSG|/away {ATTACKS[1]}", f"MSG|I am {name}", f"MSG|/me {name}")
    expect(ada.lines).to_have_count(2 * len(ATTACKING_NAMES))
    mallory.send(*(f"MSG|{attack}" for attack in ATTACKS))
    mallory.send(f"MSG|/topic {ATTACKS[1]}", f"MSG|/msg ada {ATTACKS[1]}", "MSG|That was all")
    ada.sees("That was all")
    shown = "\n".join(ada.lines.all_text_contents())
    for attack in (ATTACKS[i] for i in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14, 15)):
        assert attack in shown
    for name in ATTACKING_NAMES:
        assert f"I am {name}" in shown
        expect(ada.members.get_by_role("button").filter(has_text=name)).to_have_count(1)
    ada.members.get_by_role("button").filter(has_text=ATTACKING_NAMES[0]).click()
    ada.page.keyboard.press("Escape")
    ada.say(*ATTACKS[:3])
    ada.search("evil")
    expect(ada.results.get_by_role("listitem").first).to_contain_text("evil")
    assert ada.page.evaluate("window.evil") is None
    strange = (
        "script, img, svg, iframe, style, base, form, a:not([href^='http'], [href^='mailto:']), [onclick], [onerror]"
    )
    for place in (
        ada.log,
        ada.members.get_by_role("list"),
        ada.results.get_by_role("list"),
        ada.rooms.get_by_role("list"),
    ):
        assert place.locator(strange).count() == 0


# --- typing ---


def test_keys_help_with_typing(chat, visit):
    chat.join("barbara")
    ada = visit().join("ada")
    ada.say("first", "second")
    ada.sees("first", "second")
    ada.box.press("ArrowUp")
    expect(ada.box).to_have_value("second")
    ada.box.press("ArrowUp")
    expect(ada.box).to_have_value("first")
    ada.box.press("ArrowDown")
    ada.box.press("ArrowDown")
    expect(ada.box).to_have_value("")
    ada.box.press_sequentially("bar")
    ada.box.press("Tab")
    expect(ada.box).to_have_value("barbara: ")
    ada.box.fill("")
    ada.box.press_sequentially("/")
    options = ada.page.get_by_role("listbox", name="Suggestions")
    expect(options.get_by_role("option").filter(has_text="/nick NAME")).to_contain_text("name")
    ada.box.press_sequentially("topi")
    expect(options.get_by_role("option")).to_have_count(1)
    ada.box.press("Tab")
    expect(ada.box).to_have_value("/topic ")
    ada.box.press_sequentially("Ducks")
    ada.box.press("Enter")
    expect(ada.log).to_contain_text("ada has set the topic: Ducks")
    ada.box.press_sequentially("two")
    ada.box.press("Shift+Enter")
    ada.box.press_sequentially("lines")
    expect(ada.box).to_have_value("two\nlines")
    ada.box.press("Enter")
    ada.sees("two", "lines")


def test_a_pasted_page_is_sent_as_its_lines_in_order(chat, visit):
    bob = chat.join("bob")
    ada = visit().join("ada")
    bob.read()
    page = [f"{number}. /not a command" if number % 7 else f"/kick {number}" for number in range(1, 41)]
    ada.say("\n\n".join(page))
    expect(ada.page.get_by_role("dialog")).to_contain_text("40 lines")
    ada.button("Cancel").click()
    expect(ada.lines).to_have_count(0)
    ada.box.press("Enter")
    ada.page.get_by_role("dialog").get_by_role("button", name="Send").click()
    bob.expect(*(f"MSG|ada|{line}" for line in page))
    expect(ada.lines).to_have_text(page)


def test_a_room_keeps_its_draft(chat, visit):
    ada = visit().join("ada")
    ada.box.fill("half a thou")
    ada.rooms.get_by_role("button", name=re.compile("^Join (a|another) room")).click()
    ada.field("Room").fill("dev")
    ada.page.get_by_role("dialog").get_by_role("button", name="Join").click()
    expect(ada.page.get_by_role("heading", name="dev")).to_be_visible()
    expect(ada.box).to_have_value("")
    ada.box.fill("other")
    ada.room("lobby").click()
    expect(ada.box).to_have_value("half a thou")
    ada.room("dev").click()
    expect(ada.box).to_have_value("other")


def test_leaving_ends_at_the_form(chat, visit):
    bob = chat.join("bob")
    ada = visit().join("ada")
    bob.read()
    ada.rooms.get_by_role("button", name=re.compile("ada")).click()
    ada.button("Leave the chat").click()
    bob.expect("INFO|ada has left the chat.")
    expect(ada.button("Join")).to_be_visible()
