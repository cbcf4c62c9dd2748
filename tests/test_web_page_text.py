"""What people type in the web page is text: with links and code in it, and never more than that."""

import re
from urllib.parse import quote

from browsers import expect, needs_browser
from programs import sync

pytestmark = needs_browser
pytest_plugins = ["browser_fixtures"]

# What an attacker's text would do, were it ever more than text.
EVIL = "window.evil = 1"
IMAGE = f"<img src=x onerror='{EVIL}'>"
ATTACKS = [
    f"<script>{EVIL}</script>",
    IMAGE,
    f"<svg/onload='{EVIL}'>",
    f'"><img src=x onerror="{EVIL}">',
    f"'><svg onload={EVIL.replace(' ', '')}>",
    f"</textarea></title><script>{EVIL}</script>",
    f"<iframe srcdoc='<script>parent.{EVIL}</script>'></iframe>",
    f"<a href='javascript:{EVIL}'>x</a>",
    f"javascript:{EVIL}",
    f"https://a.example/\"onmouseover='{EVIL}'",
    "https://a.example/<script>alert(1)</script>",
    f"data:text/html,<script>{EVIL}</script>",
    "&lt;img src=x&gt; &#60;script&#62; \\u003cscript\\u003e",
    f"<style>@import 'x'</style><base href=//evil.example><form><button formaction='javascript:{EVIL}'>",
    "constructor toString valueOf",
]
# These have marks in them that are not shown.
MARKED = [
    f"`<img src=x onerror='{EVIL}'>`",
    f"**<b onclick='{EVIL}'>bold</b>** *<i>* ~~<s>~~ __<u>__",
    f"${{{EVIL}}} {{{{{EVIL}}}}} `{EVIL}`",
    f"**{IMAGE}** *{IMAGE}* [x](javascript:{EVIL})",
    "__proto__",
]
# Names have no blanks, and are short.
NAMES = ["<img/src=x>", "<script>", "'><svg/onload=evil=1>", "constructor", "&lt;b&gt;"]

# What no text may become.
STRANGE = "script, img, svg:not(button svg), iframe, style, base, [onclick], [onerror], [onload], [onmouseover]"
LINKS = "a:not([href^='http:'], [href^='https:'], [href^='mailto:'])"


def test_links_code_and_emphasis(chat, visit):
    bob = chat.join("bob")
    ada = visit(chat).join("ada")
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
        expect(link).to_have_attribute("target", "_blank")
    expect(ada.log.get_by_role("code")).to_have_text(["a *b* <c>"])
    expect(ada.log.get_by_role("strong")).to_have_text(["strong"])
    expect(ada.log.get_by_role("emphasis")).to_have_text(["soft"])
    expect(ada.log.get_by_role("deletion")).to_have_text(["gone"])
    expect(ada.log.locator("pre").filter(has_text="def f(*args): pass")).to_be_visible()
    expect(ada.log).to_contain_text("snake_case_name 2*3*4")


def test_no_text_of_anybody_is_more_than_text(chat, visit):
    mallory = chat.join("mallory")
    ada = visit(chat, link=f"?name={quote(ATTACKS[3])}&room={quote(ATTACKS[0])}")
    expect(ada.field("Name")).to_have_value(ATTACKS[3])
    ada.join("<i>ada")
    sync(mallory)
    for name in NAMES:
        chat.join(name).send(f"MSG|/away {IMAGE}", f"MSG|I am {name}", f"MSG|/me {name}")
    expect(ada.lines).to_have_count(2 * len(NAMES))
    mallory.send(*(f"MSG|{attack}" for attack in ATTACKS + MARKED), "MSG|```<script>", f"MSG|{IMAGE} fenced", "MSG|```")
    mallory.send(f"MSG|/topic {IMAGE}", f"MSG|/nick {NAMES[0][:-1]}y", "MSG|That was all")
    ada.sees("That was all")
    shown = "\n".join(ada.lines.all_text_contents())
    for text in [*ATTACKS, *(f"I am {name}" for name in NAMES)]:
        assert text in shown
    for name in NAMES:
        expect(ada.member(name)).to_have_count(1)
    expect(ada.page.locator("header").filter(has_text=IMAGE)).to_be_visible()
    expect(ada.log.get_by_text(f"mallory is now known as {NAMES[0][:-1]}y")).to_be_visible()
    # Notices: what was refused is said again to who has typed it, what somebody is away for to who asks.
    ada.say(f"/{IMAGE}", f"/whois {NAMES[0]}", f"{IMAGE} of mine")
    ada.has_stored(f"{IMAGE} of mine")
    expect(ada.log.locator(".notice").filter(has_text=IMAGE)).not_to_have_count(0)
    # An invitation, a direct message, a menu, the dialog of a command.
    mallory.send("MSG|/join <b>room</b>", "MSG|/invite <i>ada", *(f"MSG|/msg <i>ada {attack}" for attack in ATTACKS))
    expect(ada.button("Join <b>room</b>")).to_be_visible()
    ada.member(NAMES[2]).click()
    expect(ada.menu).to_contain_text(NAMES[2])
    ada.page.keyboard.press("Escape")
    ada.search("evil")
    expect(ada.results.get_by_role("listitem").first).to_contain_text("evil")
    nothing_strange(ada)
    ada.rooms.get_by_role("button").filter(has_text=f"{NAMES[0][:-1]}y").click()
    expect(ada.lines).to_have_text(ATTACKS)
    nothing_strange(ada)
    ada.say(f"/join {NAMES[1]}")
    ada.is_in(re.escape(NAMES[1]))
    nothing_strange(ada)


def nothing_strange(window):
    """All that the page shows is its own elements, and no code of anybody ran."""
    page = window.page
    assert page.evaluate("() => window.evil") is None
    places = window.log, window.rooms, window.members, window.results.locator("ul"), window.menu
    for place in (*places, page.locator("main header")):
        for found in place.locator(f"{STRANGE}, {LINKS}").all():
            raise AssertionError(found.evaluate("node => node.outerHTML"))
    assert page.locator("head script, body > script").count() == 1
    assert page.locator("iframe, base, form form").count() == 0


def test_what_is_copied_reads_as_lines(chat, visit):
    bob = chat.join("bob")
    ada = visit(chat).join("ada")
    ada.context.grant_permissions(["clipboard-read", "clipboard-write"])
    bob.send(
        "MSG|**one**", "MSG|two", "MSG|/me waves", "MSG|```python", "MSG|if True:", "MSG|    pass", "MSG|```", "MSG|end"
    )
    ada.sees("end")
    ada.say("mine")
    ada.has_stored("mine")
    pasted = copy(ada, "[role=log] .message:first-child, [role=log] .day", "[role=log] li:last-child")
    day, *lines = pasted.split("\n")
    assert re.search(r"\d+ \w+ 20\d\d$", day)
    code = ["if True:", "    pass", "```"]
    said = ["bob: **one**", "bob: two", "* bob waves", "bob: ```python", *code, "bob: end", "ada: mine"]
    assert [re.sub(r"^\[\d\d:\d\d\] ", "", line) for line in lines] == said
    assert [line for line in lines if line.startswith("[")] == [line for line in lines if line not in code]
    # All of the page is selected: what is copied is what was said.
    ada.page.keyboard.press("Escape")
    ada.log.click()
    ada.page.keyboard.press("Control+a")
    ada.page.keyboard.press("Control+c")
    assert clipboard(ada) == pasted
    # Code alone is code; and a part of one message is that part.
    assert copy(ada, "[role=log] pre.open", "[role=log] pre.close") == "if True:\n    pass"
    assert copy(ada, "[role=log] strong", "[role=log] strong") == "one"
    # Out of the box comes what is in the box.
    ada.box.fill("of the box")
    ada.box.press("Control+a")
    ada.box.press("Control+c")
    assert clipboard(ada) == "of the box"


def clipboard(window):
    return window.page.evaluate("() => navigator.clipboard.readText()")


def copy(window, first, last):
    """What is in the clipboard once all from `first` to `last` was selected and copied."""
    window.page.evaluate(
        """([first, last]) => {
            document.activeElement.blur();
            const [from, to] = [document.querySelector(first), document.querySelector(last)];
            getSelection().setBaseAndExtent(from, 0, to, to.childNodes.length);
        }""",
        [first, last],
    )
    window.page.keyboard.press("Control+c")
    return clipboard(window)
