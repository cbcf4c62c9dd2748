"""What people type in the web page is text: with links and code in it, and never more than that."""

import re
from urllib.parse import quote

from kit.browsers import expect, needs_browser
from kit.programs import Program, sync

pytestmark = needs_browser
pytest_plugins = ["kit.browser_fixtures"]

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
STRANGE = "script, img, svg:not(button svg, .avatar), iframe, style, base, [onclick], [onerror], [onload]"
LINKS = "a:not([href^='http:'], [href^='https:'], [href^='mailto:'])"


def test_links_code_and_emphasis(chat, visit):
    bob = chat.join("bob")
    ada = visit(chat).join("ada")
    bob.send(
        "MSG|see (https://a.example/x_(y)?q=1_2#f), http://b.example. or mailto:bob@c.example!",
        "MSG|not javascript:alert(1) data:text/html,x file:///etc/passwd ftp://d.example vbscript:x //e.example",
        "MSG|`a *b* <c>` **strong** *soft* ~~gone~~ snake_case_name 2*3*4",
    )
    Program(chat, "carol").request(type="say", room="lobby", text="```python\ndef f(*args): pass\n```")
    expect(ada.log.locator("pre")).to_be_visible()
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
    expect(ada.log.locator("pre")).to_have_text("def f(*args): pass")
    expect(ada.log.get_by_text("python", exact=True)).to_be_visible()
    expect(ada.log).to_contain_text("snake_case_name 2*3*4")


# What somebody says, and how it is shown: <b> strong, <i> soft, <s> gone, <c> code, <a> a link, <m> a name.
SHOWN = {
    # as people stress words
    "**strong** *soft* ~~gone~~ _so_ __so too__": "<b>strong</b> <i>soft</i> <s>gone</s> <i>so</i> <b>so too</b>",
    "***both*** **a *b* c**": "<b><i>both</i></b> <b>a <i>b</i> c</b>",
    '*a* (*b*) "*c*" *d*! *e*, **f**.': '<i>a</i> (<i>b</i>) "<i>c</i>" <i>d</i>! <i>e</i>, <b>f</b>.',
    "_a snake_case name_": "<i>a snake_case name</i>",
    "*a *b* c* **d *e** f*": "*a <i>b</i> c* <b>d *e</b> f*",
    "这是**重要**的。**说。**他": "这是<b>重要</b>的。<b>说。</b>他",
    "🎉**yay**🎉 ❤️*x*": "🎉<b>yay</b>🎉 ❤️<i>x</i>",
    # and as they do not: programs, arithmetic, paths
    "__init__.py __main__ a.__dict__ x.__a": None,
    "foo.__init__ and __init__.py": None,
    "snake_case_name _private a_ _b c_d_": "snake_case_name <i>private a</i> <i>b c_d</i>",
    "2*3*4 2 * 3 * 4 a*(b)*c + d*(e)*f": None,
    "src/**/*.py test/**/*.js *.md,*.txt": None,
    "in /opt/_x_/y C:\\_a_\\b ~/_posts_/z /*x*/": None,
    "f(*args, **kwargs) and g(*a, **k)": None,
    "*p = *q; ** a** * b *": None,
    "**** ____ *** ~~~x~~~ ~y~": None,
    # code
    "`a *b* <c>` ``a`b`` `` ` `` ` c ` ` `": "<c>a *b* <c></c> <c>a`b</c> <c>`</c> <c>c</c> <c> </c>",
    "*a `b* c`* `open ``other`` *x*": "<i>a <c>b* c</c></i> `open <c>other</c> <i>x</i>",
}

# The same for what is only marked.
MARKED_UP = [
    "see (<a>https://a.example/x_(y)?q=1_2#f</a>), <a>http://b.example</a>. or <a>mailto:c@d.example</a>!",
    "「<a>https://a.example/あ</a>」と”<a>https://b.example</a>”。",
    "<a>https://c.example/路径</a>。次（<a>https://d.example/x</a>）（",
    "『<a>http://a.example</a>』 《<a>http://b.example</a>》 ’<a>http://c.example</a>’ »<a>http://d.example</a>«",
    "｢<a>http://e.example</a>｣ ［<a>http://f.example</a>］ <a>http://g.example</a>！ <a>http://h.example</a>？",
    '<a>http://c.example</a>… <a>http://d.example</a>؟ <a>http://e.example</a>। "<a>http://f.example/</a>"',
    "[<a>http://a.example/[x]</a>] {<a>http://b.example</a>} <a>http://c.example/a_b_c/*d*/_e</a>",
    "https:// http://: xhttp://a.example ftp://b.example",
    f"<a>https://a.example/{'x' * 3000}</a>",
    "<m>ada</m>: <m>@ada</m>, <m>Ada</m>! (<m>ada</m>) <m>ada</m>'s '<m>ada</m>' <m>ＡＤＡ</m> <m>ada</m>",
    "ada-2 ada.example.org x@ada ada@b.example ada_2 my_ada adam #ada @adam a.ada c.ada",
    "你好<m>ada</m>你好 <m>@ada</m>你好 <m>ada</m>야",
    "<a>https://ada.example/ada</a> and <m>ada</m>",
]
SHOWN |= {re.sub("</?[am]>", "", shown): shown for shown in MARKED_UP}
SHOWN |= {
    "**http://a.example** _http://b.example/x_": "<b><a>http://a.example</a></b> <i><a>http://b.example/x</a></i>",
    "**ada** `ada`": "<b><m>ada</m></b> <c>ada</c>",
}

# The tags as above, without all else.
SHAPE = """node => {
    const tags = {STRONG: "b", EM: "i", DEL: "s", CODE: "c", A: "a", MARK: "m"};
    const shape = node => [...node.childNodes].map(child => {
        const tag = tags[child.nodeName];
        return child.nodeType === 3 ? child.data : `<${tag}>${shape(child)}</${tag}>`;
    }).join("");
    return shape(node);
}"""


def test_what_is_emphasis_code_a_link_or_a_name_and_what_is_not(chat, visit):
    bob = chat.join("bob")
    ada = visit(chat).join("ada")
    bob.send(*(f"MSG|{text}" for text in SHOWN))
    expect(ada.lines).to_have_count(len(SHOWN))
    shapes = ada.lines.evaluate_all(f"nodes => nodes.map({SHAPE})")
    for shape, (text, shown) in zip(shapes, SHOWN.items(), strict=True):
        assert shape == (shown or text)


# --- names -----------------------------------------------------------------------------------------------------------


# --- lines and code --------------------------------------------------------------------------------------------------


CODE = """\
def f():
\tif x:

        return 1


def g(): pass
"""


def test_several_lines_are_one_message_and_code_keeps_its_empty_ones(chat, visit):
    bob = chat.join("bob")
    ada, carol = visit(chat).join("ada"), visit(chat).join("carol")
    bob.expect("INFO|ada has joined the chat.", "INFO|carol has joined the chat.")
    ada.say(f"\nLook:\n\n```python\n{CODE}```\nWell?\n")
    bob.read_until("MSG|ada|Well?")
    for window in ada, carol:
        expect(window.log.locator(".message")).to_have_count(1)
        expect(window.lines).to_contain_text("Well?")
        assert window.log.locator("pre").evaluate("pre => pre.lastChild.data") == CODE
    # What is longer than a message may be goes as several, in which code is code.
    ada.say("```\n" + "x = 1\n" * 150 + "```")
    expect(carol.log.locator("pre")).to_have_count(3)
    assert "".join(carol.log.locator("pre").all_text_contents()[1:]) == "x = 1\n" * 150
    expect(ada.log.locator("[data-state=stored]")).to_have_count(3)


# --- attacks ---------------------------------------------------------------------------------------------------------


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
    assert page.locator("head script, body > script").count() == 2
    assert page.locator("iframe, base, form form").count() == 0
