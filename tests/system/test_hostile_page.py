"""Texts that mean no good, in the web page: it answers, whatever somebody writes."""

import pytest
from kit.browsers import expect, needs_browser
from kit.hostile import hostile_texts

from greenchat.testing import serving

pytestmark = [needs_browser, pytest.mark.alone]
pytest_plugins = ["kit.browser_fixtures"]

# In ms, on however busy a machine, for a text of several frames: the slowest takes a tenth of it, and a search that
# begins again at each letter takes longer.
BUDGET = 200
FRAMES = 4

# All that the page does to a text, but for drawing it.
WORK = """async ([texts, budget]) => {
    const {isBlank, fold} = await import("./text.js");
    const {parse} = await import("./markup.js");
    const {mentions} = await import("./mentions.js");
    const {linksIn} = await import("./links.js");
    const {messagesOf, bytesOf} = await import("./typing.js");
    const {complete} = await import("./completion.js");
    const {rows} = await import("./rows.js");
    const [ada, other] = [mentions("ada"), mentions("張偉")];
    const values = new Map([["member", ["ada", "bob"]]]);
    const commands = [{name: "help", usage: "WHO", arguments: [{name: "who", kind: "member", repeated: true}]}];
    const item = (n, text) => ({kind: "message", sender: "bob", time: n, n, seq: n, text});
    const work = {
        parse: text => parse(text, ada),
        mentions: text => other.test(text),
        isBlank,
        linksIn,
        code: text => parse("```\\n" + text + "\\n```\\n" + text, ada),
        messagesOf: text => messagesOf(text, 3900),
        short: text => messagesOf(text, 100),
        codeOf: text => messagesOf("```\\n" + text + "\\n\\n```", 3900),
        complete: text => complete(text, text.length, values, commands, true, commands[0].arguments),
        rows: text => rows([item(1, text), item(2, text)], 1),
    };
    const slow = {};
    for (const [name, text] of Object.entries(texts))
        for (const [what, run] of Object.entries(work)) {
            let took = budget;
            for (let i = 0; i < 3 && took >= budget; i++) {  // somebody else may have had the processor
                const start = performance.now();
                run(text);
                took = performance.now() - start;
            }
            if (took >= budget) slow[`${what}, ${name}`] = took;
        }
    return slow;
}"""

# The longest that the page has not answered, in ms.
WATCH = """() => {
    window.longest = 0;
    new PerformanceObserver(list => {
        for (const {duration} of list.getEntries()) window.longest = Math.max(window.longest, duration);
    }).observe({type: "longtask"});
}"""
LONGEST = 2000

# Somebody types a text: returns how long that held the page.
TYPE = """(box, text) => {
    const start = performance.now();
    box.value = text;
    box.setSelectionRange(text.length, text.length);
    box.dispatchEvent(new Event("input"));
    return performance.now() - start;
}"""


def test_whatever_somebody_writes_is_looked_at_in_linear_time(chat, visit):
    window = visit(chat)
    slow = window.page.evaluate(WORK, [hostile_texts(FRAMES), BUDGET])
    assert not slow


def test_whatever_somebody_writes_never_holds_the_page(visit):
    with serving(settings={"limits.frame_bytes": 5000}) as server:
        bob = server.join("bob")
        ada = visit(server).join("ada")
        ada.page.evaluate(WATCH)
        texts = list(hostile_texts().items())
        for start in range(0, len(texts), 10):
            some = dict(texts[start : start + 10])
            bob.send(*(f"MSG|{text}" for text in some.values()))
            expect(ada.lines).to_have_count(start + len(some))
            longest = ada.page.evaluate("() => [window.longest, window.longest = 0][0]")
            assert longest < LONGEST, some.keys()
        assert {name: ms for name, text in texts if (ms := ada.box.evaluate(TYPE, text)) > LONGEST} == {}
        ada.box.fill("")
