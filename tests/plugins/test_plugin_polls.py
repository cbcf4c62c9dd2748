"""polls, as rooms hold them."""

import re

import pytest
from greenchat_plugins import polls

from greenchat import Reject, check
from greenchat.testing import Chat

ASKED = "/poll Where do we eat? pizza, soup"


@pytest.fixture
def chat():
    return Chat(polls)


def told(person):
    """All that a plain client reads, as it is without INFO; each once."""
    lines = [line.removeprefix("INFO|") for line in person.heard]
    person.heard.clear()
    return lines


def test_a_poll_is_asked_voted_and_ended(chat):
    ada, bob = chat.join("ada"), chat.join("bob", kind="json")
    told(ada)
    ada.says(ASKED)
    assert told(ada) == [
        "ada asks: Where do we eat? (0 voted)",
        "░░░░░░░░░░░░░░░░░░░░ 0 for 1. pizza",
        "░░░░░░░░░░░░░░░░░░░░ 0 for 2. soup",
        "Type /vote and a number.",
    ]
    assert bob.asks("/vote Soup") == "You vote for soup."
    assert ada.asks("/vote 2") == "You vote for soup."
    assert ada.asks("/vote 1") == "You vote for pizza."
    assert told(ada) == []
    chat.tick("10s")
    chart = [
        "ada asks: Where do we eat? (2 voted)",
        "██████████░░░░░░░░░░ 1 for 1. pizza",
        "██████████░░░░░░░░░░ 1 for 2. soup",
    ]
    assert told(ada) == chart
    assert bob.asks("/poll") == "\n".join(chart)
    assert bob.asks("/poll end") == "Who has begun it ends it, or who keeps order here."
    ada.says("/poll end")
    assert told(ada) == ["The poll has ended.", *chart]
    assert bob.asks("/vote 1").startswith("There is no poll here. Begin one: /poll ")
    chat.tick("3d")
    assert told(ada) == []


def test_votes_are_told_less_and_less_often(chat):
    ada, bob = chat.join("ada"), chat.join("bob")
    ada.says(ASKED)
    told(bob)
    charts = []
    for at in range(100):
        ada.says(f"/vote {at % 2 + 1}")
        chat.tick("10s")
        charts += [at] * any("asks:" in line for line in told(bob))
    assert charts == [0, 2, 6, 14, 30, 60, 90]


def test_a_poll_that_nobody_votes_in_is_not_told_again(chat):
    ada = chat.join("ada")
    ada.says(ASKED)
    told(ada)
    chat.tick("23h")
    assert told(ada) == []
    chat.tick("1h")
    assert told(ada)[0] == "The poll has ended."


def test_the_chart_that_was_due_of_a_poll_that_has_ended_is_not_told_of_the_next(chat):
    ada, bob = chat.join("ada"), chat.join("bob")
    ada.says(ASKED)
    ada.says("/vote 1")
    ada.says("/poll end")
    chat.tick("1s")
    ada.says(ASKED)
    ada.says("/vote 2")
    told(bob)
    chat.tick("10s")
    assert len([line for line in told(bob) if "asks:" in line]) == 1


def test_a_number_as_long_as_a_frame_is_no_choice():
    ada = Chat(polls, settings={"limits.frame_bytes": 0}).join("ada")
    ada.says(ASKED)
    assert ada.asks(f"/vote {'9' * 5000}") == "Choose from 1 to 2: /poll tells what there is."


def test_without_choices_it_is_yes_or_no(chat):
    ada = chat.join("ada")
    ada.says("/poll Shall we?")
    assert ada.asks("/vote YES") == "You vote for yes."


@pytest.mark.parametrize(
    "typed", ["no question", "What? one", "What? a, A", "What? " + ",".join(map(str, range(11))), "What? ,,,x"]
)
def test_what_is_no_poll_is_refused_with_what_is(chat, typed):
    assert chat.join("ada").asks(f"/poll {typed}").startswith("Ask with a question mark, and name 2 to 10 choices")


@pytest.mark.parametrize("choice", ["0", "3", "-1", "1.5", "fish", "²", "9" * 400])
def test_there_is_nothing_else_to_choose(chat, choice):
    ada = chat.join("ada")
    ada.says(ASKED)
    assert ada.asks(f"/vote {choice}") == "Choose from 1 to 2: /poll tells what there is."


def test_there_is_one_poll_in_a_room_and_one_in_another(chat):
    ada, bob = chat.join("ada"), chat.join("bob", room="garden")
    ada.says(ASKED)
    assert ada.asks("/poll What else?").startswith("There is a poll here.")
    bob.says("/poll Roses or lilies? roses, lilies")
    assert bob.asks("/vote roses") == "You vote for roses."
    assert not ada.hears(re.compile("lilies"))


def test_a_person_has_one_vote_on_all_devices(chat):
    laptop = chat.join("ada", account=7, kind="json")
    phone = chat.join("ada", account=7, kind="json")
    laptop.says(ASKED)
    laptop.says("/vote 1")
    phone.says("/vote 2")
    assert phone.asks("/poll").splitlines()[1:] == [f"{'░' * 20} 0 for 1. pizza", f"{'█' * 20} 1 for 2. soup"]


def test_who_registers_in_between_has_one_vote_and_ends_what_they_have_begun():
    chat = Chat(polls, "accounts", settings={"plugins.accounts.memory_mib": 8})
    ada = chat.join("ada")
    ada.says(ASKED)
    ada.says("/vote 1")
    ada.says("/register correct-horse-9")
    assert ada.session.account_id
    ada.says("/vote 2")
    assert ada.asks("/poll").splitlines()[0] == "ada asks: Where do we eat? (1 voted)"
    ada.says("/poll end")
    assert ada.hears("The poll has ended.")


def test_guests_may_be_left_out():
    chat = Chat(polls, settings={"plugins.polls.guests": False})
    bob = chat.join("bob")
    bob.says(ASKED)
    assert bob.asks("/vote 1") == "This is for who is logged in: /login, or /register to make this name yours."
    assert chat.join("ada", account=7).asks("/vote 1") == "You vote for pizza."


def test_a_poll_and_its_votes_outlast_a_restart(tmp_path):
    with Chat(polls, data_dir=tmp_path) as chat:
        ada = chat.join("ada", account=7)
        ada.says(ASKED)
        ada.says("/vote 1")
    chat = Chat(polls, data_dir=tmp_path)
    ada = chat.join("ada", account=7)
    assert ada.asks("/vote 2") == "You vote for soup."
    assert ada.asks("/poll").splitlines()[0] == "ada asks: Where do we eat? (1 voted)"


def test_a_poll_goes_on_over_a_reload_with_the_chart_that_was_due(chat):
    ada = chat.join("ada")
    ada.says(ASKED)
    ada.says("/vote 1")
    chat.reload()
    assert ada.asks("/vote 2") == "You vote for soup."
    told(ada)
    chat.tick("10s")
    assert told(ada)[-1] == f"{'█' * 20} 1 for 2. soup"


def test_what_may_not_be_said_may_not_be_asked():
    class Gentle:
        @check
        def no_fish(self, text):
            if "fish" in text:
                raise Reject("No fish, please.")
            return text.replace("soup", "broth")

    chat = Chat(polls, Gentle)
    ada = chat.join("ada")
    assert ada.asks("/poll Fish? fish, soup") == "No fish, please."
    ada.says(ASKED)
    assert ada.asks("/vote broth") == "You vote for broth."


def test_what_somebody_has_begun_who_is_gone_everybody_may_end(chat):
    ada, bob = chat.join("ada"), chat.join("bob")
    ada.says(ASKED)
    ada.leaves()
    bob.says("/poll end")
    assert bob.hears("The poll has ended.")


def test_an_owner_ends_what_others_have_begun(chat):
    ada, bob = chat.join("ada", operator=True), chat.join("bob")
    bob.says(ASKED)
    ada.says("/poll end")
    assert bob.hears("The poll has ended.")
