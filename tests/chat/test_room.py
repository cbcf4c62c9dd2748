"""The way of a message through a room and the chat, without a socket: a member's outlet is a list."""

import pytest
from kit.hall import JSON, Hall, NoHooks, Person

from greenchat.chat.fanout import BATCH_MESSAGES, BATCH_PER_MEMBER
from greenchat.errors import Reject
from greenchat.protocol.events import Message


def test_a_message_goes_to_everybody_else_at_the_end_of_the_turn():
    hall = Hall("ada", "bob", "cy")
    hall.say("ada", "hello")
    assert hall.people["bob"].read() == []
    hall.end_turn()
    assert hall.people["ada"].read() == []
    assert hall.people["bob"].read() == hall.people["cy"].read() == ["MSG|ada|hello"]


def test_all_listeners_share_the_very_same_bytes():
    hall = Hall("ada", "bob", "cy")
    hall.say("ada", "one", "two")
    hall.end_turn()
    (for_bob,), (for_cy,) = hall.people["bob"].batches, hall.people["cy"].batches
    assert for_bob is for_cy


def test_a_speaker_gets_the_others_messages_in_order_without_its_own():
    hall = Hall("ada", "bob", "cy")
    hall.say("ada", "1", "2")
    hall.say("bob", "3")
    hall.say("ada", "4")
    hall.say("cy", "5")
    hall.end_turn()
    assert hall.people["ada"].read() == ["MSG|bob|3", "MSG|cy|5"]
    assert hall.people["bob"].read() == ["MSG|ada|1", "MSG|ada|2", "MSG|ada|4", "MSG|cy|5"]
    assert hall.people["cy"].read() == ["MSG|ada|1", "MSG|ada|2", "MSG|bob|3", "MSG|ada|4"]


def test_who_joins_in_a_turn_gets_only_what_comes_after():
    hall = Hall("ada", "bob")
    hall.say("ada", "before")
    newcomer = hall.enter("cy")
    hall.say("ada", "after")
    hall.end_turn()
    assert newcomer.read() == ["MSG|ada|after"]
    assert hall.people["bob"].read() == ["MSG|ada|before", "INFO|cy has joined the chat.", "MSG|ada|after"]


def test_who_leaves_in_a_turn_gets_what_came_before_and_is_told_of_once():
    hall = Hall("ada", "bob")
    hall.say("ada", "before")
    hall.leave("bob")
    hall.leave("bob")
    hall.say("ada", "after")
    hall.end_turn()
    assert hall.people["bob"].read() == ["MSG|ada|before"]
    assert hall.people["ada"].read() == ["INFO|bob has left the chat."]


def test_who_joins_and_leaves_in_one_turn_gets_what_was_said_in_between():
    hall = Hall("ada")
    hall.say("ada", "before")
    guest = hall.enter("cy")
    hall.say("ada", "between")
    hall.leave("cy")
    hall.say("ada", "after")
    hall.end_turn()
    assert guest.read() == ["MSG|ada|between"]
    assert hall.people["ada"].read() == ["INFO|cy has joined the chat.", "INFO|cy has left the chat."]


def test_a_name_is_free_again_at_once_and_its_new_owner_is_somebody_else():
    hall = Hall("ada", "bob")
    hall.say("bob", "the first bob")
    hall.leave("bob")
    second = hall.enter("bob")
    hall.say("ada", "hi bob")
    hall.end_turn()
    assert second.read() == ["MSG|ada|hi bob"]


@pytest.mark.parametrize(("people", "enough"), [(3, 3 * BATCH_PER_MEMBER), (200, BATCH_MESSAGES)])
def test_when_enough_is_waiting_it_goes_out_before_the_turn_ends_whole_and_in_order(people, enough):
    hall = Hall(*(f"p{number}" for number in range(people)))
    room, listener = hall.chat.rooms["lobby"], hall.people["p2"]
    texts = [str(number) for number in range(enough + 10)]
    hall.say("p0", *texts[: enough - 1])
    room.fanout.flush_if_large()
    assert listener.batches == []
    hall.say("p0", texts[enough - 1])
    room.fanout.flush_if_large()
    assert len(listener.batches) == 1
    hall.say("p1", "interlude")
    hall.say("p0", *texts[enough:])
    hall.end_turn()
    assert len(listener.batches) == 2
    lines = listener.read()
    assert [line for line in lines if line != "MSG|p1|interlude"] == [f"MSG|p0|{text}" for text in texts]
    assert lines.index("MSG|p1|interlude") == enough


def test_an_action_between_messages_stays_one():
    hall = Hall("ada", "bob")
    hall.say("ada", "hello")
    hall.chat.say(hall.members["ada"], "waves", action=True)
    hall.say("ada", "bye")
    hall.end_turn()
    assert hall.people["bob"].read() == ["MSG|ada|hello", "MSG|ada|* ada waves", "MSG|ada|bye"]


def test_sequence_numbers_have_no_gap_and_ids_rise():
    hall = Hall("ada", "bob")
    said = [hall.chat.say(hall.members[name], name) for name in ("ada", "bob", "ada")]
    with pytest.raises(Reject):
        hall.say("ada", "   ")
    said.append(hall.chat.say(hall.members["bob"], "on"))
    assert [message.seq for message in said] == [1, 2, 3, 4]
    assert sorted({message.id for message in said}) == [message.id for message in said]


def test_plain_and_json_members_see_the_same_chat():
    hall = Hall("ada", "bob")
    cy = hall.enter("cy", codec=JSON)
    hall.end_turn()
    hall.say("ada", "hello")
    hall.end_turn()
    joined, heard = hall.people["bob"].read()
    assert (joined, heard) == ("INFO|cy has joined the chat.", "MSG|ada|hello")
    (message,) = JSON.reply_decoder().feed(b"".join(cy.batches))
    assert (message.sender, message.text, message.room, message.seq) == ("ada", "hello", "lobby", 1)


def test_rooms_do_not_hear_each_other_and_names_are_unique_across_them():
    hall = Hall("ada", "bob")
    cy = hall.enter("cy", room="Dev")
    hall.say("cy", "in dev")
    hall.say("ada", "in lobby")
    hall.end_turn()
    assert cy.read() == []
    assert hall.people["bob"].read() == ["MSG|ada|in lobby"]
    with pytest.raises(Reject, match="ADA is taken"):
        hall.chat.join(Person(), "ADA", "dev")


def test_an_empty_room_goes_but_the_default_room_stays():
    hall = Hall("ada")
    hall.enter("cy", room="dev")
    hall.leave("cy")
    hall.leave("ada")
    assert list(hall.chat.rooms) == ["lobby"]


def test_a_new_name_is_told_to_all_and_the_old_one_is_free():
    hall = Hall("ada", "bob")
    hall.say("ada", "as ada")
    hall.chat.rename(hall.members["ada"], "Lovelace")
    hall.say("ada", "as Lovelace")
    hall.enter("ada2")
    hall.end_turn()
    assert hall.people["bob"].read() == [
        "MSG|ada|as ada",
        "INFO|ada is now known as Lovelace.",
        "MSG|Lovelace|as Lovelace",
        "INFO|ada2 has joined the chat.",
    ]
    hall.enter("ada")
    hall.leave("ada2")
    assert set(hall.chat.members) == {"bob", "lovelace", "ada"}


def test_one_may_change_the_case_of_ones_own_name_but_not_take_anothers():
    hall = Hall("ada", "bob")
    hall.chat.rename(hall.members["ada"], "Ada")
    assert hall.chat.find("ADA").name == "Ada"
    with pytest.raises(Reject, match="taken"):
        hall.chat.rename(hall.members["ada"], "BOB")
    with pytest.raises(Reject, match="already"):
        hall.chat.rename(hall.members["ada"], "Ada")


def test_a_whisper_is_for_one_person_whatever_the_room():
    hall = Hall("ada", "bob")
    cy = hall.enter("cy", room="dev")
    hall.end_turn()
    hall.people["bob"].read()
    hall.chat.whisper(hall.members["ada"], "CY", "psst")
    hall.end_turn()
    assert cy.read() == ["MSG|ada (private)|psst"]
    assert hall.people["bob"].read() == []
    with pytest.raises(Reject, match="Nobody here is called dora"):
        hall.chat.whisper(hall.members["ada"], "dora", "psst")


@pytest.mark.parametrize(
    ("text", "code"), [("", "empty"), (" \t ", "empty"), ("a\x85b", "control"), ("\x1b[2J", "control")]
)
def test_a_check_cannot_make_a_message_that_forges_lines(text, code):
    class Rewrite(NoHooks):
        check_message = staticmethod(lambda session, message: text)

    hall = Hall("ada", "bob", hooks=Rewrite())
    with pytest.raises(Reject) as refused:
        hall.say("ada", "harmless")
    assert refused.value.code == code
    hall.end_turn()
    assert hall.people["bob"].read() == []


@pytest.mark.parametrize("texts", [("harmless",), ("one", "two")])
def test_lines_that_a_check_makes_are_all_of_who_says_them(texts):
    class Rewrite(NoHooks):
        check_message = staticmethod(lambda session, message: f"{message.text}\nINFO|forged\n")

    hall = Hall("ada", "bob", hooks=Rewrite())
    for text in texts:
        hall.say("ada", text)
    hall.end_turn()
    assert hall.people["bob"].read() == [line for text in texts for line in (f"MSG|ada|{text}", "MSG|ada|INFO|forged")]


def test_a_message_whose_sender_left_during_a_slow_check_is_not_said():
    class Slow(NoHooks):
        def check_message(self, session, message: Message) -> str:
            hall.leave("ada")
            return message.text

    hall = Hall("ada", "bob", hooks=Slow())
    with pytest.raises(Reject, match="left"):
        hall.say("ada", "too late")
    hall.end_turn()
    assert hall.people["bob"].read() == ["INFO|ada has left the chat."]


def test_observers_see_what_was_told_once_and_in_order():
    seen = []

    class Observer(NoHooks):
        event = staticmethod(seen.extend)

    hall = Hall("ada", hooks=Observer())
    hall.say("ada", "one", "two")
    hall.leave("ada")
    hall.end_turn()
    assert [type(event).__name__ for event in seen] == ["Joined", "Message", "Message", "Left"]
