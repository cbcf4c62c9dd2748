"""The web page, when the connection is lost: an answer and an edit are about the message that was meant, or none."""

import gevent
import greenchat_plugins.history
import pytest
from kit.browsers import expect, needs_browser
from kit.machine import eventually
from kit.pages import act, cut_off, reason, row, status
from kit.processes import ServeProcess, kept_port
from kit.programs import Program

from greenchat import hookimpl
from greenchat.protocol.requests import History
from greenchat.testing import serving

pytestmark = needs_browser
pytest_plugins = ["kit.browser_fixtures"]


def say(program, *texts):
    return [program.request(type="say", room="lobby", text=text)["seq"] for text in texts]


def answer(window, what, text):
    act(window, what, "Answer")
    window.say(text)


class LateHistory:
    """A plugin: pages of history come only once they may; with `but_changes`, what has changed comes before."""

    def __init__(self, but_changes=False):
        self.may_come = True
        self.but_changes = but_changes
        self.asked = 0

    @hookimpl(tryfirst=True)
    def greenchat_request(self, frame):
        if type(frame) is History and not (self.but_changes and frame.epoch):
            self.asked += 1
            while not self.may_come:
                gevent.sleep(0.01)
        return False


def test_an_answer_that_waited_is_said_once_it_is_known_what_became_of_the_message(visit):
    late = LateHistory()
    with serving(late) as chat:
        bea = Program(chat, "bea")
        ada = visit(chat).join("ada")
        first, second = say(bea, "first", "second")
        ada.say("my own")
        ada.has_stored("my own")
        with cut_off(chat, ada, "ada"):
            ada.say("before")
            answer(ada, "first", "to the first")
            answer(ada, "second", "to the second")
            ada.say("behind")
            assert bea.request(type="delete", room="lobby", seq=first)["type"] == "ack"
            act(ada, "my own", "Edit")
            late.may_come = False
        # What follows an answer waits with it: one's words keep their order. An edit stays in the box.
        expect(ada.line("before")).to_have_attribute("data-state", "sending")
        for text in "to the first", "to the second", "behind":
            expect(ada.line(text)).to_have_attribute("data-state", "queued")
        ada.say("my very own")
        expect(reason(ada)).to_contain_text("still to come. Try again.")
        late.may_come = True
        ada.has_stored("to the second")
        ada.has_stored("behind")
        expect(row(ada, "to the second")).to_contain_text("Answer to bea second")
        expect(ada.line("to the first")).to_contain_text("What you answer is gone.")
        ada.box.press("Enter")
        ada.sees("my very own")
        with Program(chat, "eve") as eve:
            events = eve.request(type="history", room="lobby", limit=200)["events"]
        said = [(event["text"], event.get("reply_to")) for event in events if event.get("sender") == "ada"]
        assert said == [("my very own", None), ("before", None), ("to the second", second), ("behind", None)]


def begin_an_epoch(chat):
    """As the history does after an outage, once numbers may be given again."""
    plugins = chat.server.hooks._manager.get_plugins()
    [history] = [plugin for plugin in plugins if isinstance(plugin, greenchat_plugins.history.Plugin)]
    history._message_writer._renew()


def test_a_second_loss_while_all_is_compared_has_it_compared_again(visit):
    """As where a server comes back from a backup."""
    late = LateHistory(but_changes=True)
    with serving(late, settings={"limits.flood_rate": 0}) as chat:
        bea = Program(chat, "bea")
        ada = visit(chat).join("ada")
        say(bea, *(f"line {number}" for number in range(1, 151)))
        ada.sees("line 3", "line 150")
        with cut_off(chat, ada, "ada"):
            assert bea.request(type="delete", room="lobby", seq=3)["type"] == "ack"
            chat.call(lambda: begin_an_epoch(chat))
            late.may_come, late.asked = False, 0
        eventually(lambda: late.asked, "pages were not compared")
        with cut_off(chat, ada, "ada"):
            late.may_come = True
        expect(ada.log.get_by_text("Message deleted", exact=True)).to_be_visible()
        expect(ada.log.get_by_text("line 3", exact=True)).to_have_count(0)
        expect(ada.lines).to_have_count(149)


@pytest.mark.parametrize("history", [True, False], ids=["with history", "without history"])
def test_an_answer_does_not_go_to_another_message_that_has_the_number_by_now(visit, tmp_path, history):
    """As where a server comes back from a backup, or keeps nothing."""
    disabled = [] if history else ["--set", 'server.disabled_plugins=["history"]']

    def start(name, port):
        (tmp_path / name).mkdir()
        return ServeProcess(tmp_path / name, "--port", str(port), *disabled)

    def stop(server):
        server.process.kill()
        server.process.wait()
        server.process.stdout.close()

    with kept_port() as port:
        server = start("before", port)
        try:
            ada = visit(server).join("ada")
            with Program(server, "bea") as bea:
                say(bea, "Shall we meet?", "Where?")
            ada.sees("Where?")
            ada.context.set_offline(True)
            stop(server)
            expect(status(ada)).to_contain_text("You are offline.")
            answer(ada, "Shall we meet?", "Gladly!")
            ada.say("/re 1 Gladly!", "/react 2 👍")
            act(ada, "Where?", "Answer")
            ada.box.fill("At mine.")
            server = start("after", port)
            with Program(server, "eve") as eve:
                say(eve, "Shall I go?", "Shall I tell all?")
                ada.context.set_offline(False)
                expect(ada.line("Gladly!")).to_contain_text("What you answer is gone.")
                for command in "/re 1 Gladly!", "/react 2 👍":
                    expect(ada.log).to_contain_text(f"Not sent: {command}")
                ada.box.press("Enter")
                expect(reason(ada)).to_contain_text("Nothing was sent")
                ada.box.press("Escape")
                ada.box.press("Enter")
                ada.has_stored("At mine.")
                events = [frame for frame in eve.exchange(type="ping") if frame["type"] == "message"]
                assert [(event["text"], event.get("reply_to")) for event in events] == [("At mine.", None)]
        finally:
            stop(server)
