"""What is typed in the web page goes to those whom its writer saw, or to nobody; and it stays with its writer then."""

from gevent.event import Event
from kit.browsers import expect, needs_browser
from kit.pages import KEPT_BACK, cut_off, leave_the_chat, reason, status, talk_with
from kit.programs import owner, says, sync

from greenchat import Command, hookimpl
from greenchat.testing import DEADLINE, serving

pytestmark = needs_browser
pytest_plugins = ["kit.browser_fixtures"]


# --- rooms ---


def test_who_is_put_out_of_a_room_says_nothing_in_another_one(chat, visit):
    carol = chat.join("carol")
    bob = owner(chat, "bob", "dev")
    ada = visit(chat).join("ada")
    ada.say("/join dev")
    ada.is_in("dev")
    carol.expect("INFO|ada has joined the chat.")
    ada.box.fill("for dev alone")
    says(bob, "/kick ada too loud")
    expect(status(ada)).to_contain_text("You are not in dev any more")
    expect(ada.log).to_contain_text("too loud")
    ada.picture("kicked-from-one-desktop-light")
    ada.box.press("Enter")
    expect(reason(ada)).to_have_text(KEPT_BACK)
    expect(ada.box).to_have_value("for dev alone")
    ada.box.fill("/me is angry")
    ada.box.press("Enter")
    expect(ada.box).to_have_value("/me is angry")
    ada.say("/topic Angry")
    expect(ada.log).to_contain_text("You are not in dev, but in lobby.")
    ada.box.fill("for dev alone")
    assert sync(carol) == []
    # The way back, and then it is said where it was to be.
    ada.button("Come back").click()
    expect(ada.button("Come back")).to_have_count(0)
    expect(ada.box).to_have_value("for dev alone")
    ada.box.press("Enter")
    ada.has_stored("for dev alone")
    assert "MSG|ada|for dev alone" in sync(bob)
    assert sync(carol) == []


def test_a_loss_leads_back_into_ones_own_rooms_alone(visit):
    # For longer than one could come back as who one was.
    with serving(settings={"limits.resume_seconds": 0}) as chat:
        carol = chat.join("carol")
        bob = owner(chat, "bob", "vault")
        ada = visit(chat).join("ada", "vault")
        with cut_off(chat, ada, "ada"):
            says(bob, "/room key sesame")
            ada.say("/topic Gold")
        expect(status(ada)).to_contain_text("You are in no room: none has let you in again.")
        expect(ada.log).to_contain_text("/topic was not run.")
        expect(status(ada)).to_contain_text("vault needs a key")
        ada.picture("none-lets-in-desktop-light")
        ada.box.fill("anybody?")
        ada.box.press("Enter")
        expect(ada.box).to_have_value("anybody?")
        assert sync(carol) == [], "the default room is not entered unasked"
        ada.button("Come back").click()
        ada.answer("sesame", ok="Join")
        expect(ada.member("bob")).to_be_visible()
        ada.box.press("Enter")
        ada.has_stored("anybody?")
        assert sync(carol) == []


# --- several lines ---


SECRETS = [
    "/msg bob the code is 4711\nkeep it",
    "/join vault KEY4711\nnow",
    "/room key KEY4711\nnow",
    "/password KEY4711\nnow",
    "/login ada KEY4711\nnow",
    "\u200b/login ada KEY4711\nnow",
    "\n\u2800\n/login ada KEY4711\nnow",
    "/me says\n4711",
    f"/msg bob {'4711 ' * 1500}",
]


def test_of_several_lines_the_first_is_no_command_and_is_not_said(chat, visit):
    bob, carol = chat.join("bob"), chat.join("carol")
    ada = visit(chat).join("ada")
    for draft in SECRETS:
        ada.box.fill(draft)
        ada.box.press("Enter")
        expect(reason(ada)).to_have_text(KEPT_BACK)
        expect(ada.dialog).to_have_count(0)
        expect(ada.box).to_have_value(draft)
        stored = ada.page.evaluate("() => JSON.stringify([{...localStorage}, {...sessionStorage}])")
        assert "KEY4711" not in stored
        # The reason goes with what it is about.
        ada.box.fill("shorter")
        expect(reason(ada)).to_have_text("")
    expect(ada.lines).to_have_count(0)
    for peer in bob, carol:
        assert "4711" not in "".join(sync(peer))


def test_a_command_that_is_none_is_not_said(chat, visit):
    bob = chat.join("bob")
    ada = visit(chat).join("ada")
    bob.expect("INFO|ada has joined the chat.")
    ada.say("/logn ada KEY4711", "\u2800/logn ada KEY4711", "/nosuch")
    expect(ada.log.get_by_text("There is no command")).to_have_count(3)
    ada.say("//login is a command")
    ada.has_stored("/login is a command")
    bob.expect("MSG|ada|/login is a command")
    assert sync(bob) == []


class Slow:
    """A command that waits, and what its user is told by others meanwhile."""

    def __init__(self):
        self.go_on = Event()

    @hookimpl
    def greenchat_commands(self):
        return [Command("slow", "", "Wait, and tell that.", self.slow)]

    def slow(self, session, argument):
        session.info("It begins.")
        assert self.go_on.wait(DEADLINE)
        session.info("It is done.")


def test_what_a_command_tells_is_shown_where_it_was_typed_and_nothing_else_is(visit):
    slow = Slow()
    with serving(slow) as chat:
        ada = visit(chat).join("ada")
        ada.say("/join garden")
        ada.is_in("garden")
        ada.say("/slow")
        ada.sees("It begins.")
        ada.room("lobby").click()
        ada.is_in("lobby")
        (session,) = chat.server.sessions.values()
        chat.call(lambda: session.info("By the way."))
        ada.sees("By the way.")
        chat.call(slow.go_on.set)
        ada.room("garden").click()
        ada.sees("It is done.")
        expect(ada.log).not_to_contain_text("By the way.")


# --- direct conversations ---


def test_commands_in_a_direct_conversation_act_there_or_nowhere(chat, visit):
    carol = chat.join("carol")
    bob = visit(chat).join("bob")
    ada = visit(chat).join("ada")
    ada.member("bob").click()
    ada.button("Direct message").click()
    ada.say("/topic Us two")
    expect(ada.log).to_contain_text("This is for rooms.")
    ada.say("/me hugs you", "//not a command", "psst")
    ada.has_stored("psst")
    talk_with(bob, "ada").click()
    bob.sees("ada hugs you", "/not a command", "psst")
    bob.say("/me hugs back")
    expect(ada.line("bob hugs back")).to_be_visible()
    ada.say("/room key sesame", "/kick carol", "/invite carol", "/who")
    expect(ada.log.get_by_text("This is for rooms.")).to_have_count(5)
    assert [line for line in sync(carol) if "joined" not in line] == []
    expect(talk_with(ada, "bob")).to_have_count(1)
    expect(talk_with(bob, "ada")).to_have_count(1)


def test_a_direct_conversation_ends_with_its_person(chat, visit):
    bob = visit(chat).join("bob")
    ada = visit(chat).join("ada")
    ada.member("bob").click()
    ada.button("Direct message").click()
    ada.say("the code is")
    ada.has_stored("the code is")
    leave_the_chat(bob)
    stranger = chat.join("bob")
    expect(status(ada)).to_contain_text("bob has left the chat.")
    ada.say("4711")
    expect(reason(ada)).to_have_text(KEPT_BACK)
    expect(ada.box).to_have_value("4711")
    expect(talk_with(ada, "bob")).to_contain_text("ended")
    ada.picture("ended-desktop-light")
    assert sync(stranger) == []
    # A new one is begun by a choice that can be seen, and is another one.
    ada.button("Write to bob anew").click()
    expect(ada.lines).to_have_count(0)
    expect(ada.box).to_have_value("")
    expect(talk_with(ada, "bob")).to_have_count(2)
    ada.say("who are you?")
    ada.has_stored("who are you?")
    stranger.expect("MSG|ada (private)|who are you?")
    stranger.send("MSG|/msg ada a stranger")
    ada.sees("a stranger")
    ada.picture("two-of-one-name-desktop-light")
    talk_with(ada, "bob").filter(has_text="ended").click()
    expect(ada.lines).to_have_text(["the code is"])
    expect(ada.box).to_have_value("4711")
    ada.button("More").click()
    ada.button("Close").click()
    expect(talk_with(ada, "bob")).to_have_count(1)


# --- one window, several people ---


def test_nothing_of_who_has_left_is_there_for_who_comes_next(chat, visit):
    secrets = ["vault", "sesame", "psst4711", "draft4711", "said4711", "topic4711", "lost4711"]
    bob = owner(chat, "bob", "vault")
    says(bob, "/room key sesame", "/topic topic4711")
    ada = visit(chat).join("ada")
    ada.say("/join vault sesame")
    ada.is_in("vault")
    ada.say("said4711", "/away psst4711")
    ada.has_stored("said4711")
    bob.send("MSG|/msg ada psst4711", "MSG|ada: psst4711")
    talk_with(ada, "bob").click()
    ada.sees("psst4711")
    ada.search("said4711")
    expect(ada.results.get_by_role("listitem").first).to_be_visible()
    ada.page.keyboard.press("Escape")
    ada.box.fill("draft4711")
    ada.room("vault").click()
    ada.box.fill("draft4711")
    ada.room("lobby").click()
    leave_the_chat(ada)
    expect(ada.page).to_have_title("greenchat")
    assert "?" not in ada.page.url
    everything = """() => [document.body.outerHTML, location.href, document.title, JSON.stringify(history.state),
        JSON.stringify({...localStorage}), JSON.stringify({...sessionStorage}),
        ...[...document.querySelectorAll("input, textarea")].map(({value}) => value)].join("\\n")"""
    for secret in [*secrets, "ada"]:
        assert secret not in ada.page.evaluate(everything), secret
    for step in -1, 1, 1, 1:
        ada.page.evaluate("step => history.go(step)", step)
        for secret in secrets:
            assert secret not in ada.page.evaluate(everything), secret
    ada.join("eve")
    ada.is_in("lobby")
    expect(ada.page.locator("#direct-list").get_by_role("button")).to_have_count(0)
    expect(ada.page.locator("#room-list").get_by_role("button")).to_have_count(1)
    expect(ada.box).to_have_value("")
    ada.box.press("ArrowUp")
    expect(ada.box).to_have_value("")
    for secret in secrets:
        assert secret not in ada.page.evaluate(everything), secret
    # Not even where no page looks.
    memory = heap(ada)
    for secret in secrets:
        assert secret not in memory, secret
    ada.say("hello")
    ada.has_stored("hello")
    ada.page.reload()
    ada.is_in("lobby")
    expect(ada.page.locator("#self")).to_contain_text("eve")


def heap(window):
    """All that the page's code holds, as a text."""
    parts = []
    tools = window.context.new_cdp_session(window.page)
    tools.on("HeapProfiler.addHeapSnapshotChunk", lambda event: parts.append(event["chunk"]))
    tools.send("HeapProfiler.enable")
    tools.send("HeapProfiler.collectGarbage")
    tools.send("HeapProfiler.takeHeapSnapshot", {"reportProgress": False})
    return "".join(parts)
