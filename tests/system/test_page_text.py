"""What people type in the web page is text, whatever they are called and however long it is."""

import re

import pytest
from kit.browsers import expect, needs_browser
from kit.programs import Program, sync

pytestmark = needs_browser
pytest_plugins = ["kit.browser_fixtures"]


# By name: what is said, and whether that is a mention.
MENTIONS = {
    "e": {
        "e.g. this": False,
        "i.e. that": False,
        "and e?": True,
        "@e": True,
        "e-mail": False,
        "é": False,
        "e\u0301": False,
    },
    "i": {"i'm in": False, "so am i": True, "i.": True, "I: hi": True, "wi-fi": False, "i’ll": False},
    "bob": {"bob-2: hi": False, "bob's": True, "`bob`": False, "https://bob.example": False, "a@bob.example": False},
    "bob-2": {"bob-2: hi": True, "bob: hi": False, "bob-2-3": False, "@bob-2.": True},
    "張偉": {"我問過張偉了": True, "張偉，你好": True, "@張偉吧": True, "張": False, "`張偉`": False},
    "สมชาย": {"สวัสดีสมชายครับ": True, "สม": False},
    "철수": {"철수야 안녕": True, "김철수": False, "@철수": True},
    "Ада": {"ада, привет": True, "адам": False, "у ады": False, "«Ада»": True},
    "josé": {"Jose\u0301!": True, "so JOSÉ": True, "jose": False},
    "^_^": {"^_^: hi": True, "hi ^_^": True, "x^_^": False, "@^_^": True},
    "*b*": {"*b*: hi": True, "*b": False},
}


@pytest.mark.parametrize("name", MENTIONS)
def test_an_alert_is_for_what_is_marked_and_for_nothing_else(chat, visit, name):
    texts = MENTIONS[name]
    window = visit(chat).join(name)
    window.say("/join dev")
    window.is_in("dev")
    someone = chat.join("somebody")
    someone.send(*(f"MSG|{text}" for text in texts))
    sync(someone)
    Program(chat, "program").request(type="say", room="lobby", text=f"```\n{name}\n```\nso")
    count = sum(texts.values())
    expect(window.page).to_have_title(re.compile(rf"^\({count}\) "))
    window.room("lobby").click()
    someone.send("MSG|that is all")
    window.sees("that is all")
    marked = window.log.locator("li.message:has(mark)")
    expect(marked.locator(".body")).to_have_text([text.replace("`", "") for text, mine in texts.items() if mine])
    expect(window.log.locator(".for-me")).to_have_count(count)
    expect(window.log.locator("pre", has_text=name)).to_have_count(1)


LONG_LINK = "https://a.example/" + "0123456789" * 120 + "ab"


def test_a_long_text_is_cut_between_words_and_not_in_a_link(chat, visit):
    bob = chat.join("bob")
    ada = visit(chat).join("ada")
    bob.expect("INFO|ada has joined the chat.")
    assert len(LONG_LINK) == 1220
    ada.say(f"see {LONG_LINK} there", f"看{'好' * 1200}{LONG_LINK}。", f"{'word ' * 1000}end", '"' * 3000, "é" * 2500)
    bob.expect(f"MSG|ada|see {LONG_LINK} there")
    bob.expect(f"MSG|ada|看{'好' * 1200}", f"MSG|ada|{LONG_LINK}。")
    for whole in f"{'word ' * 1000}end", '"' * 3000, "é" * 2500:
        first, second = (bob.read().removeprefix("MSG|ada|") for _ in range(2))
        assert first + (" " if " " in whole else "") + second == whole
        assert len(first.encode()) > 1900  # of 4096, and each quote counts twice
    expect(ada.log.locator("[data-state=failed]")).to_have_count(0)


def test_code_without_an_end_ends_with_its_message(chat, visit):
    bob = Program(chat, "bob")
    ada = visit(chat).join("ada")
    bob.request(type="say", room="lobby", text="*a*\n```\nada = 1\n*b*")
    bob.request(type="say", room="lobby", text="*c*\n``` no `code`\n*d*")
    expect(ada.log.locator("pre")).to_have_text(["ada = 1\n*b*"])
    expect(ada.log.get_by_role("emphasis")).to_have_text(["a", "c", "d"])
    expect(ada.log.locator(".for-me, mark")).to_have_count(0)


def test_what_is_copied_reads_as_lines(chat, visit):
    bob = chat.join("bob")
    ada = visit(chat).join("ada")
    ada.context.grant_permissions(["clipboard-read", "clipboard-write"])
    bob.send("MSG|**one**", "MSG|two", "MSG|/me waves")
    sync(bob)
    Program(chat, "carol").request(type="say", room="lobby", text="```python\nif True:\n    pass\n```")
    bob.send("MSG|end")
    ada.sees("end")
    ada.say("mine")
    ada.has_stored("mine")
    pasted = copy(ada, "[role=log] .message:first-child, [role=log] .day", "[role=log] li:last-child")
    day, *lines = pasted.split("\n")
    assert re.search(r"\d+ \w+ 20\d\d$", day)
    code, joined = ["if True:", "    pass", "```"], "* carol joined"
    said = ["bob: **one**", "bob: two", "* bob waves", joined, "carol: ```python", *code, "bob: end", "ada: mine"]
    assert [re.sub(r"^\[\d\d:\d\d\] ", "", line) for line in lines] == said
    assert [line for line in lines if line.startswith("[")] == [line for line in lines if line not in (*code, joined)]
    # All of the page is selected: what is copied is what was said.
    ada.page.keyboard.press("Escape")
    ada.log.click()
    ada.page.keyboard.press("Control+a")
    ada.page.keyboard.press("Control+c")
    assert clipboard(ada) == pasted
    # A part of one message is that part.
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
