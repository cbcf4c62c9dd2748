"""How the page looks: what is told by weight, colour and place, and what its reader has chosen."""

import re

import pytest
from kit.browsers import PHONE, expect
from kit.programs import Program

pytest_plugins = ["kit.browser_fixtures"]

# The contrast of a text with what is behind it, as WCAG 2 has it.
CONTRAST = """(node, [part, back]) => {
    const context = new OffscreenCanvas(1, 1).getContext("2d");
    const light = color => {
        context.fillStyle = color;
        context.fillRect(0, 0, 1, 1);
        const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data].slice(0, 3)
            .map(part => part / 255).map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
    };
    const one = light(getComputedStyle(node, part).color);
    const other = light(getComputedStyle(back ?? node).backgroundColor);
    return Math.max(one, other) / Math.min(one, other);
}"""

SIZE = "() => parseFloat(getComputedStyle(document.documentElement).fontSize)"

# What stands in the log: rows that say when they begin a group.
HEADS = """async times => {
    const {rows} = await import(new URL("rows.js", document.baseURI));
    const items = times.map((time, n) => ({kind: "message", sender: "bob", time: time * 60_000, n, seq: n + 1}));
    return rows(items, null).filter(({kind}) => kind === "message").map(({head}) => head);
}"""


def test_weight_colour_and_place(chat, visit):
    olga = Program(chat, "olga", "dev")
    ada = visit(chat).join("ada")
    ada.say("/join dev")
    ada.is_in("dev")
    ada.room("lobby").click()
    ada.is_in("lobby")
    olga.ask("news for all")
    # Weight is what is unread, colour where one is.
    expect(ada.room("dev")).to_have_css("font-weight", "650")
    expect(ada.room("lobby")).to_have_css("font-weight", "400")
    side, current = (
        node.evaluate("node => getComputedStyle(node).backgroundColor") for node in (ada.rooms, ada.room("lobby"))
    )
    assert side != current
    for scheme in "light", "dark":
        ada.page.emulate_media(color_scheme=scheme)
        assert ada.box.evaluate(CONTRAST, ["::placeholder", None]) >= 4.5
        assert ada.room("lobby").evaluate(CONTRAST, [None, None]) >= 7
    # The server has all before the last one, too.
    ada.say("one", "two", "three")
    for text in "one", "two", "three":
        ada.has_stored(text)
    assert [ada.mark_of(text) for text in ("one", "two", "three")] == ["none", "none", "✓"]
    # One gap behind each #.
    gaps = ada.page.evaluate(
        """() => {
            const mark = document.querySelector("nav i").getBoundingClientRect();
            const name = document.querySelector("nav i + bdi").getBoundingClientRect();
            const heading = getComputedStyle(document.getElementById("title"), "::before").marginInlineEnd;
            return [name.left - mark.right, parseFloat(heading)];
        }"""
    )
    assert gaps[0] == pytest.approx(gaps[1], abs=1.5)


def test_what_one_says_within_five_minutes_is_a_group(chat, visit):
    heads = visit(chat).page.evaluate(HEADS, [0.9, 1.1, 5.8, 5.95, 9, 12])
    assert heads == [True, False, False, True, False, True]


def test_an_empty_room_says_what_to_do(chat, visit):
    ada = visit(chat).join("ada", "garden")
    expect(ada.log.get_by_role("heading", name="Nobody has said anything yet")).to_be_visible()
    ada.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ada.button("Copy the link to garden").click()
    assert ada.page.evaluate("navigator.clipboard.readText()").endswith("/?room=garden")
    ada.say("I have")
    ada.sees("I have")
    expect(ada.log.get_by_role("heading")).to_have_count(0)


def test_lines_above_the_box_when_there_is_more_below(chat, visit):
    ada = visit(chat, size=PHONE).join("ada")
    bob = Program(chat, "bob")
    for number in range(40):
        bob.ask(f"line {number}")
    ada.sees("line 39")
    composer = ada.page.locator("#composer")
    expect(composer).to_have_css("border-top-color", "rgba(0, 0, 0, 0)")
    ada.log.evaluate("log => log.scrollTop = 0")
    expect(composer).not_to_have_css("border-top-color", "rgba(0, 0, 0, 0)")
    # On paper stands all that is loaded.
    ada.page.emulate_media(media="print")
    expect(composer).to_be_hidden()
    tall = ada.page.evaluate("[document.documentElement.scrollHeight, innerHeight]")
    assert tall[0] > tall[1]
    expect(ada.line("line 0")).to_have_css("content-visibility", "visible")


def test_what_one_has_chosen(chat, visit):
    ada = visit(chat).join("ada")
    normal = ada.page.evaluate(SIZE)
    ada.page.locator("#self").click()
    ada.button("Appearance …").click()
    ada.dialog.get_by_label("Theme").select_option("Dark")
    ada.dialog.get_by_label("Text").select_option("Very large")
    ada.dialog.get_by_label("Density").select_option("Compact")
    dark = ada.page.evaluate("getComputedStyle(document.body).color")
    ada.button("Done").click()
    ada.page.reload()
    ada.is_in("lobby")
    assert ada.page.evaluate("getComputedStyle(document.body).color") == dark
    assert ada.page.evaluate(SIZE) > 1.4 * normal
    assert ada.overflow() <= 0
    ada.page.locator("#self").click()
    ada.button("Appearance …").click()
    for what in "Theme", "Text", "Density":
        ada.dialog.get_by_label(what).select_option(index=0 if what != "Text" else 1)
    assert ada.page.evaluate(SIZE) == normal


def test_menus_and_tooltips(chat, visit):
    ada = visit(chat).join("ada", "garden")
    chat.join("bob2", "garden")
    ada.member("bob2").click()
    expect(ada.menu.get_by_role("separator").first).to_be_visible()
    red = ada.menu.get_by_role("button", name=re.compile("^(Kick|Ban)")).first
    calm = ada.menu.get_by_role("button", name="Direct message")
    colors = [node.evaluate("node => getComputedStyle(node).color") for node in (red, calm)]
    assert colors[0] != colors[1]
    ada.page.keyboard.press("Escape")
    # What shows a picture alone says what it is, and its keys.
    silent = ada.page.evaluate(
        """() => [...document.querySelectorAll("#chat button")]
            .filter(node => node.checkVisibility() && node.querySelector("svg:not(.avatar)") && !node.title)
            .map(node => node.outerHTML)"""
    )
    assert silent == []
    ada.page.keyboard.press("Control+Shift+F")
    expect(ada.page.get_by_role("searchbox", name="Search")).to_be_focused()


def test_a_count_of_members_tells_who_is_not_shown(chat, visit):
    ada = visit(chat).join("ada")
    ada.page.evaluate(
        """async () => {
            const {chat} = await import(new URL("state.js", document.baseURI));
            for (let n = 0; n < 700; n++) chat.active.members.set(`m${n}`, {name: `m${n}`});
            chat.active.unnamed = 20;
            chat.changed();
        }"""
    )
    expect(ada.members.get_by_role("heading")).to_have_text("721 members")
    expect(ada.members.get_by_role("listitem").last).to_have_text("and 221 more, not shown here")


def test_colours_of_the_system(chat, visit):
    ada = visit(chat).join("ada")
    Program(chat, "bob").ask("ada: look")
    ada.page.emulate_media(forced_colors="active")
    assert ada.room("lobby").evaluate(CONTRAST, [None, None]) >= 4.5
    assert ada.log.locator("mark").evaluate(CONTRAST, [None, None]) >= 4.5


def test_quotes_lists_links_and_code(chat, visit):
    ada = visit(chat).join("ada")
    ada.context.grant_permissions(["clipboard-read", "clipboard-write"])
    code = "def f():\n\treturn 1"
    bob = Program(chat, "bob")
    bob.ask("> a *quote*\n> of two lines\nand an answer")
    bob.ask("- one\n  - two\n3. three")
    bob.ask(
        "[the bank](https://evil.example/bank) [no](javascript:alert(1)) [https://good.example](https://bad.example/)"
    )
    bob.ask(f"```python\n{code}\n```\n```\n{'wide ' * 80}\n```")
    expect(ada.log.get_by_role("blockquote")).to_have_text("a quote\nof two lines\n")
    expect(ada.log.locator(".body li")).to_have_text(["• one\n", "• two\n", "3. three"])
    link = ada.log.get_by_role("link", name="the bank")
    expect(link).to_have_attribute("href", "https://evil.example/bank")
    expect(ada.log.locator(".host")).to_have_text([" (evil.example)", " (bad.example)"])
    expect(ada.log.get_by_text("[no](javascript:alert(1))")).to_be_visible()
    expect(ada.log.get_by_text("python", exact=True)).to_be_visible()
    ada.button("Copy the code").first.click()
    assert ada.page.evaluate("navigator.clipboard.readText()").rstrip("\n") == code
    wide = ada.log.locator("pre").last
    assert wide.evaluate("pre => pre.scrollWidth > pre.clientWidth && getComputedStyle(pre).whiteSpace") == "pre"
    assert ada.overflow() <= 0


def test_what_is_far_away_is_there_for_copying(chat, visit):
    """It is not drawn, and all the same a part of the page."""
    ada = visit(chat).join("ada")
    bob = Program(chat, "bob")
    for number in range(120):
        bob.ask(f"line {number} " + "with words " * (number % 7))
    expect(ada.log.get_by_text("line 119")).to_be_visible()
    assert ada.log.evaluate("log => log.scrollHeight - log.scrollTop - log.clientHeight") <= 1, "it follows"
    # Far rows keep their sizes: to go up and back leads to the same place.
    ada.page.mouse.move(500, 400)
    ada.page.mouse.wheel(0, -1500)
    expect(ada.button(re.compile("Jump to the latest"))).to_be_visible()
    row = ada.log.get_by_text("line 60 ", exact=False)
    row.scroll_into_view_if_needed()
    before = row.bounding_box()["y"]
    bob.ask("one more")
    expect(ada.button(re.compile("1 new message"))).to_be_visible()
    assert row.bounding_box()["y"] == pytest.approx(before, abs=1), "what one looks at stays"
    text = ada.page.evaluate(
        """() => {
            getSelection().selectAllChildren(document.getElementById("messages"));
            const data = new DataTransfer();
            const event = new ClipboardEvent("copy", {clipboardData: data, cancelable: true, bubbles: true});
            document.getElementById("messages").dispatchEvent(event);
            return data.getData("text/plain");
        }"""
    )
    lines = text.splitlines()
    assert sum("bob: line " in line for line in lines) == 120


def test_many_messages_at_once_are_all_there_in_the_end(chat, visit):
    ada = visit(chat, size=PHONE).join("ada")
    with Program(chat, "bob") as bob:
        bob.ask("before")
        ada.sees("before")
        ada.page.evaluate(
            """async () => {
                const {add} = await import(new URL("incoming.js", document.baseURI));
                const {chat} = await import(new URL("state.js", document.baseURI));
                const time = new Date().toISOString();
                const text = "**line**";
                const event = n => ({type: "message", sender: "bob", text, time, seq: 100 + n, id: `x${n}`});
                add(chat.active, Array.from({length: 150}, (_, n) => event(n)), 249);
            }"""
        )
        expect(ada.log.get_by_role("strong")).to_have_count(150)
        expect(ada.log.locator(".message")).to_have_count(151)
