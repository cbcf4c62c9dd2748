"""The page while the server is reloaded: nothing is to be seen of it, on a clear port or by TLS."""

import re

import pytest
from kit.authority import Authority
from kit.browsers import DESKTOP, LAST_PATIENCE, PATIENCE, PHONE, Window, expect, needs_browser, patience, process_of
from kit.handovers import Handovers
from kit.machine import eventually
from kit.processes import serve_process
from kit.programs import Program

from greenchat.testing import DEADLINE

pytestmark = needs_browser
pytest_plugins = ["kit.browser_fixtures"]

# Notes how the page looks at each frame, if that is another way than before: where what is, in which colours,
# and what it says.
WATCH = """
() => {
    window.looks = [];
    const look = () => [...document.querySelectorAll("body *")].map(node => {
        const { x, y, width, height } = node.getBoundingClientRect();
        if (!width) return "";
        const { color, backgroundColor, opacity, visibility } = getComputedStyle(node);
        const text = [...node.childNodes].filter(one => one.nodeType === 3).map(one => one.data).join("");
        return [node.id, x, y, width, height, color, backgroundColor, opacity, visibility, text].join(" ");
    }).filter(Boolean).join("\\n");
    const frame = () => {
        const now = look();
        if (now !== looks.at(-1)) looks.push(now);
        requestAnimationFrame(frame);
    };
    frame();
}
"""


@pytest.fixture
def over(tmp_path):
    return Handovers(tmp_path)


@pytest.fixture(params=["clear", "tls"])
def serving(request, over, tmp_path):
    settings = Authority(tmp_path).settings if request.param == "tls" else {}
    with serve_process(over.data_dir, *over.arguments, *(f"--set={k}={v}" for k, v in settings.items())) as serving:
        serving.scheme = "https" if settings else "http"
        yield serving


@pytest.fixture
def visit(browser, serving, request):
    windows = []

    def open_window(size=DESKTOP, scheme="light"):
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            reduced_motion="reduce",
            ignore_https_errors=True,
        )
        windows.append(Window(browser, f"{serving.scheme}://127.0.0.1:{serving.port}", context=context))
        return windows[-1]

    with patience(PATIENCE, request.node.name, kill=process_of(browser)):
        yield open_window
    with patience(LAST_PATIENCE, "closing windows"):
        for window in windows:
            window.context.close()
    assert [error for window in windows for error in window.errors] == []


def settled(window):
    """Wait until the page is connected, knows all that there is, and has told what is read."""
    rest = "({chat: {state, active}}) => state === 'in' && !active.checking && active.told === active.latest"
    eventually(lambda: window.page.evaluate(f"async () => ({rest})(await import(new URL('state.js', location)))"))


def test_nothing_flickers_and_what_is_typed_stays(over, serving, visit):
    windows = [visit(*how) for how in ((DESKTOP, "light"), (DESKTOP, "dark"), (PHONE, "light"))]
    with Program(serving, "bob") as bob:
        for number, window in enumerate(windows):
            window.join(f"ada{number}")
        for number in range(30):
            bob.ask(f"line {number}")
        bob.ask("A question for you all")
        for number, window in enumerate(windows):
            window.sees("A question for you all", "This is where lobby begins.")
            window.box.type("an answer that is not yet")
            settled(window)
            window.picture(f"reload-{serving.scheme}-{number}-before")
        for window in windows:
            window.page.evaluate(WATCH)
        for _ in range(2):
            over.hand_over(serving)
            for window in windows:
                settled(window)
        bob.ask("after it")
        for number, window in enumerate(windows):
            window.sees("after it")
            first, *others = window.page.evaluate("() => looks")
            changed = [look for look in others if "after it" not in look]
            assert changed == [], "\n".join(set(changed[0].split("\n")) ^ set(first.split("\n")))
            expect(window.box).to_have_value("an answer that is not yet")
            expect(window.box).to_be_focused()
            window.picture(f"reload-{serving.scheme}-{number}-after")
        for number, window in enumerate(windows):
            window.box.press("Enter")
            assert bob.read_until("message", sender=f"ada{number}")["text"] == "an answer that is not yet"
        assert bob.exchange(type="ping")[-1]["type"] == "pong"


def test_what_is_said_meanwhile_comes_once_and_in_order(over, serving, visit):
    with Program(serving, "bob") as bob, Program(serving, "cyd") as cyd:
        window = visit().join("ada")
        cyd.read_until("joined")
        for number in range(3):
            over.change()
            over.hang_up(serving)
            for one in range(5):
                window.say(f"{number}.{one}")
            over.wait_for(number + 1)
            bob.ask(f"bob {number}")
        expected = [f"{number}.{one}" for number in range(3) for one in range(5)]
        heard = [cyd.read_until("message") for _ in range(len(expected) + 3)]
        assert [frame["text"] for frame in heard if frame["sender"] == "ada"] == expected
        for text in expected:
            window.has_stored(text)
        window.sees(*expected, "bob 0", "bob 1", "bob 2")
        expect(window.page.get_by_text(re.compile("connection|Trying again"))).to_have_count(0)
        assert bob.request(type="history", limit=100)["events"][-1]["type"] in ("message", "left")
        texts = [event["text"] for event in bob.request(type="history", limit=100)["events"] if "text" in event]
        assert sorted(texts) == sorted([*expected, "bob 0", "bob 1", "bob 2"])


def test_one_reload_after_the_other(over, serving, visit):
    with Program(serving, "bob") as bob:
        window = visit().join("ada")
        for number in range(40):
            bob.ask(f"line {number}")
        window.sees("line 39")
        for number in range(5):
            over.hand_over(serving)
            bob.ask(f"after {number}")
        window.sees(*(f"after {number}" for number in range(5)))
        window.say("done")
        window.has_stored("done")
        settled(window)
        expect(window.line("line 39")).to_have_count(1)


def test_where_the_server_does_not_come_back_one_reads_that(over, serving, visit):
    if serving.scheme == "http":
        pytest.skip("nobody is sent away there")
    window = visit().join("ada")
    over.hand_over(serving)
    serving.process.kill()
    serving.process.wait(DEADLINE)
    expect(window.page.get_by_text(re.compile("The connection is lost"))).to_be_visible()
