"""What happens later, and what may wait: stored jobs by a decorator, observers in their turn, refusals meanwhile."""

import gevent
import pytest

from greenchat import Duration, Message, PluginError, Reject, Rest, command, job, on
from greenchat.hooks import in_turn
from greenchat.hooks.decorators import marks_of
from greenchat.testing import Chat


class Later:
    @command
    def later(self, call, after: Duration, text: Rest):
        """Tell who types it, later."""
        call.ctx.later(after, "tell", call.require_account(), text)

    @job("tell")
    def tells(self, account_id, text, ctx):
        ctx.tell(account_id, text)


# --- jobs ---


def test_a_job_is_done_after_a_restart(tmp_path):
    with Chat(Later, data_dir=tmp_path) as chat:
        chat.join("ada", account=7).says("/later 1m tea")
    chat = Chat(Later, data_dir=tmp_path)
    ada = chat.join("ada", account=7)
    assert not ada.heard
    chat.tick("1m")
    assert ada.heard == ["INFO|tea"]


def test_a_job_for_an_account_that_is_gone_is_no_failure():
    chat = Chat(Later)
    chat.join("ada", account=7).says("/later 1m tea")
    chat.people[0].leaves()
    chat.server.accounts.remove(chat.server.accounts.by_id(7))
    chat.tick("1m")


def test_a_guest_is_asked_to_log_in():
    bob = Chat(Later).join("bob", kind="json")
    bob.says("/later 1m tea")
    assert bob.hears(
        "This is for who is logged in: /login, or /register to make this name yours.", code="not_logged_in"
    )


def test_a_job_is_called_as_its_function_where_it_has_no_other_name():
    @job
    def remember(text):
        pass

    assert [mark.name for mark in marks_of(remember)] == [None]
    with pytest.raises(PluginError, match="stands above a function"):
        job(3)


def test_two_jobs_of_one_name_are_refused():
    class Twice:
        @job("a")
        def one(self):
            pass

        @job("a")
        def two(self):
            pass

    with pytest.raises(PluginError, match="there is a job a already"):
        Chat(Twice)


# --- observers that wait ---


class Slow:
    def __init__(self):
        self.seen = []

    @on(Message, waits=True)
    def note(self, event, ctx):
        ctx.in_thread(gevent.sleep, 0.002 if event.text == "one" else 0)
        if event.text == "fail":
            raise ValueError("no")
        self.seen.append(event.text)


def test_what_waits_is_called_in_the_order_of_what_has_happened():
    slow = Slow()
    ada = Chat(slow).join("ada")
    ada.sends("MSG|one", "MSG|two", "MSG|three")
    assert slow.seen == ["one", "two", "three"]


def test_one_that_fails_leaves_the_others_and_is_named(caplog):
    slow = Slow()
    chat = Chat(slow)
    with chat.failing() as errors:
        chat.join("ada").sends("MSG|one", "MSG|fail", "MSG|three")
    assert slow.seen == ["one", "three"]
    assert [str(error) for error in errors] == ["no"]
    assert "plugin Slow failed in Slow.note, in the background" in caplog.messages


def test_too_much_that_waits_is_left_out(monkeypatch):
    monkeypatch.setattr(in_turn, "MOST", 2)
    slow = Slow()
    chat = Chat(slow)
    with chat.failing() as errors:
        chat.join("ada").sends("MSG|one", "MSG|two", "MSG|three", "MSG|four", "MSG|five")
    assert "events wait for it already" in str(errors[0])
    assert slow.seen[:2] == ["one", "two"]


# --- refusals ---


def test_a_refusal_in_the_background_is_logged_and_no_failure(caplog):
    class Muted:
        @on(Message, waits=True)
        def answer(self, event):
            raise Reject("You are muted.")

    caplog.set_level("INFO")
    Chat(Muted).join("ada").says("one")
    assert any("You are muted." in message for message in caplog.messages)


def test_a_bot_says_what_is_returned():
    class Echo:
        def __init__(self, ctx):
            ctx.bot("echo", rooms=["lobby"], mentioned=self.heard)

        def heard(self, message):
            return None if "nothing" in message.text else message.text.upper()

    ada = Chat(Echo).join("ada", kind="json")
    ada.says("echo, nothing")
    ada.says("echo, hi")
    assert ada.hears("ECHO, HI", by="echo", reply_to=2)
    assert not ada.hears(by="echo")
