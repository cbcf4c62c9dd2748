"""How the web page looks, on all kinds of screens, what it is made of, and whether everybody can use it."""

import gzip
from pathlib import Path

from greenchat_plugins import web
from kit.browsers import PHONE, expect, needs_browser, note
from kit.page_checks import Check, lively

pytestmark = needs_browser
pytest_plugins = ["kit.browser_fixtures"]


MOST_BYTES = 60_000  # of all that is sent, compressed together


def test_everybody_can_use_the_page(chat, visit, axe):
    window = visit(chat)
    check = Check(window, axe)
    check.resize("phone")
    check("form", "#welcome")
    check.resize("desktop")
    lively(chat, window)
    check.resize("phone")
    check("room", "#talk")
    assert check.violations == [], "\n".join(check.violations)


def test_a_phone_shows_one_pane_and_has_the_others_in_drawers(chat, visit):
    ada = visit(chat, size=PHONE).join("ada")
    bob = chat.join("bob", "dev")
    for pane in ada.rooms, ada.members:
        expect(pane).to_be_hidden()
    expect(ada.log).to_be_in_viewport()
    expect(ada.box).to_be_in_viewport()
    ada.button("Members").tap()
    expect(ada.member("ada")).to_be_visible()
    ada.page.keyboard.press("Escape")
    expect(ada.members).to_be_hidden()
    ada.box.fill("/join dev")
    ada.button("Send").tap()
    ada.is_in("dev")
    ada.button("Rooms").tap()
    ada.room("lobby").tap()
    ada.is_in("lobby")
    expect(ada.rooms).to_be_hidden()
    # What is unread elsewhere is seen, and heard, without the drawer; and Back leads to the room before.
    bob.send("MSG|one", "MSG|ada: two")
    expect(ada.button("Rooms")).to_have_accessible_description("2 unread")
    expect(ada.button("Rooms")).to_contain_text("@2")
    ada.picture("unread-phone-light")
    ada.page.go_back()
    ada.is_in("dev")
    ada.sees("ada: two")
    expect(ada.button("Rooms")).to_have_accessible_description("")
    expect(ada.button("Rooms")).to_have_text("")


def test_the_keyboard_does_everything(chat, visit):
    bob = chat.join("bob")
    ada = visit(chat).join("ada")
    bob.read()
    ada.say("/join dev")
    ada.is_in("dev")
    ada.page.keyboard.press("Alt+ArrowUp")
    ada.is_in("lobby")
    expect(ada.box).to_be_focused()
    outlines = set()
    for _ in range(40):
        ada.page.keyboard.press("Tab")
        focus = ada.page.locator(":focus")
        if focus.count():
            outlines.add(focus.evaluate("node => getComputedStyle(node).outlineStyle"))
            if focus.inner_text().endswith("bob"):
                break
    assert outlines == {"solid"}, "focus must be seen"
    ada.page.keyboard.press("Enter")
    expect(ada.button("Who is bob?")).to_be_focused()
    ada.page.keyboard.press("Tab")
    ada.page.keyboard.press("Enter")
    expect(ada.box).to_be_focused()
    ada.page.keyboard.type("psst")
    ada.page.keyboard.press("Enter")
    assert "psst" in bob.read()


def test_the_page_is_small_whole_and_all_our_own(chat, visit):
    ada = visit(chat)
    # Windows complain of every address that is not our server's: see the fixture.
    static = Path(web.__file__).parent / "static"
    names = sorted((file.name for file in static.iterdir()), key=lambda name: (name.rpartition(".")[2], name))
    files = [ada.page.request.get(f"{ada.page.url}{name}").body() for name in names]
    together = len(gzip.compress(b"".join(files), 9))
    each = sum(len(gzip.compress(file, 9)) for file in files)
    note("size", f"{together} bytes compressed together, {each} file by file, of {sum(map(len, files))}\n")
    assert together < MOST_BYTES
    loaded = ada.page.evaluate("() => performance.getEntriesByType('resource').map(({name}) => new URL(name).pathname)")
    expect(ada.page.locator("img").first).not_to_have_js_property("naturalWidth", 0)
    tools = ada.context.new_cdp_session(ada.page)
    manifest = tools.send("Page.getAppManifest")
    assert manifest["errors"] == []
    assert '"icon.svg"' in manifest["data"]
    errors = tools.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert {error["errorId"] for error in errors} <= {"in-incognito"}  # in a window that keeps nothing, as all here
    served = {f"/{file.name}" for file in static.iterdir()} - {"/index.html", "/manifest.webmanifest"}
    assert served <= set(loaded), "nothing lies there that is not used"
    paint = ada.page.evaluate("() => performance.getEntriesByName('first-contentful-paint')[0].startTime")
    note("first-paint", f"first contentful paint: {paint:.0f} ms; {len(loaded)} requests\n")
    # Nobody else may have the page in a frame, and nothing else may be run in it.
    head = ada.page.request.get(ada.page.url).headers
    policy = head["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert (head["x-content-type-options"], head["referrer-policy"]) == ("nosniff", "no-referrer")
