"""How far somebody has read a room and what there is behind that, without a socket."""

from datetime import UTC, datetime

from kit.hall import JSON, PLAIN, Hall

from greenchat.chat import reading
from greenchat.chat.log import RECENT, Past
from greenchat.protocol.events import Deleted, Message

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def lobby(*names):
    hall = Hall(*names, codec=JSON)
    return hall, hall.chat.rooms["lobby"]


def counts(hall, name, room="lobby"):
    member = hall.members[name]
    return tuple(reading.unread(member, hall.chat.rooms[room], hall.chat.names_of(member)))


def past(seq, text="old", account_id=0):
    return Past(Message("lobby", seq, seq, "old-timer", text, NOON, rev=seq), account_id)


def test_who_comes_in_has_nothing_unread_and_then_what_others_say():
    hall, room = lobby("ada", "bob")
    hall.say("bob", "one", "two")
    hall.enter("cy")
    assert counts(hall, "cy") == (2, 0, 0)
    hall.say("bob", "cy?", "three")
    assert counts(hall, "cy") == (2, 2, 1)
    assert counts(hall, "ada") == (0, 4, 0)
    assert hall.chat.read(hall.members["ada"], room, 3)
    assert counts(hall, "ada") == (3, 1, 0)


def test_what_a_guest_has_read_whose_client_knows_no_numbers_is_not_kept_before_they_log_in():
    hall, _ = lobby("bob")
    hall.enter("nell", codec=PLAIN)
    hall.say("bob", "one", "two")
    nell = hall.members["nell"]
    assert not nell.reads
    assert counts(hall, "nell") == (2, 0, 0)
    nell.login.account_id = 7
    hall.chat.account_changed(nell, 0)
    hall.say("bob", "three", "nell?")
    assert counts(hall, "nell") == (2, 2, 1)


def test_a_position_only_rises_and_goes_no_further_than_the_last_message():
    hall, room = lobby("ada", "bob")
    hall.say("bob", *"12345")
    ada = hall.members["ada"]
    assert [hall.chat.read(ada, room, seq) for seq in (3, 3, 2, 0, -7, 4, 2**60, 5, 6)] == [
        *(True, False, False, False, False),
        *(True, True, False, False),
    ]
    assert counts(hall, "ada") == (5, 0, 0)


def test_what_one_says_is_read_and_is_not_unread():
    hall, room = lobby("ada", "bob")
    hall.say("bob", "1", "2")
    hall.say("ada", "3")
    hall.say("bob", "4")
    hall.say("ada", "5")
    hall.say("bob", "6 ada", "7")
    assert counts(hall, "ada") == (5, 2, 1)
    assert not hall.chat.read(hall.members["ada"], room, 4), "that is no news"
    assert counts(hall, "bob") == (7, 0, 0)


def test_what_is_deleted_or_changed_counts_as_it_is_now():
    hall, room = lobby("ada", "bob")
    hall.say("bob", "ada 1", "2", "ada 3")
    bob = hall.members["bob"]
    hall.chat.delete(bob, room, 1)
    hall.chat.edit(bob, room, 2, "2, ada")
    hall.chat.edit(bob, room, 3, "3")
    assert counts(hall, "ada") == (0, 2, 1)


def test_who_is_ignored_names_nobody():
    hall, _ = lobby("ada", "bob", "cy")
    hall.chat.ignore(hall.members["ada"], "bob")
    hall.say("bob", "ada!")
    hall.say("cy", "ada?")
    assert counts(hall, "ada") == (0, 2, 1)


def test_exact_for_the_last_thousand_and_by_numbers_behind_those():
    hall, room = lobby("ada", "bob", "cy")
    hall.say("bob", "ada", *["x"] * 9)
    for seq in (2, 10):  # one behind, one just before the last thousand
        hall.chat.delete(hall.members["bob"], room, seq)
    hall.say("cy", *["ada"] * RECENT)
    hall.chat.delete(hall.members["cy"], room, 11)
    assert counts(hall, "ada") == (0, RECENT - 1 + 10, RECENT - 1)
    hall.chat.read(hall.members["ada"], room, 10)
    assert counts(hall, "ada") == (10, RECENT - 1, RECENT - 1)


def test_who_has_left_a_room_and_comes_again_has_nothing_unread():
    hall, room = lobby("ada", "bob")
    garden = hall.go("ada", "garden")
    hall.chat.part(hall.members["ada"], room, "left")
    hall.say("bob", "1")
    assert "lobby" not in hall.members["ada"].reads
    hall.go("ada", "lobby")
    assert counts(hall, "ada") == (1, 0, 0)
    assert garden.name in hall.members["ada"].reads


def test_numbers_that_were_given_anew_take_a_position_back():
    hall, room = lobby("ada", "bob")
    ada = hall.members["ada"]
    ada.reads["lobby"] = 900
    hall.say("bob", "1")
    assert counts(hall, "ada") == (1, 0, 0)
    reading.begin(ada, room)
    hall.say("bob", "2")
    assert counts(hall, "ada") == (1, 1, 0)


# --- what is handed in after a restart ---


def restarted(seq, read):
    hall, room = lobby("ada", "bob")
    room.restore(seq)
    hall.members["ada"].reads["lobby"] = read
    return hall, room


def test_before_it_is_handed_in_all_is_counted_by_numbers():
    hall, room = restarted(50, 40)
    assert reading.needs_recall(hall.members["ada"], room)
    assert counts(hall, "ada") == (40, 10, 0)
    hall.say("bob", "ada")
    assert counts(hall, "ada") == (40, 11, 1)
    assert not reading.needs_recall(hall.members["bob"], room)


def test_what_is_handed_in_is_looked_at_as_if_it_had_been_said():
    hall, room = restarted(50, 40)
    ada = hall.members["ada"]
    ada.login.account, ada.login.account_id = "ada", 7
    hall.say("bob", "51")
    deleted = Past(Deleted("lobby", 45, 60, "bob", NOON))
    room.log.recall(
        [*map(past, (50, 43, 44)), deleted, past(46, "ada?"), past(47, "mine", 7), past(51)], 50, is_all=False
    )
    assert counts(hall, "ada") == (47, 2, 0), "48 and 49 are gone"
    ada.login.account_id = 0
    ada.reads["lobby"] = 41
    assert counts(hall, "ada") == (41, 7, 1), "of 42 nothing is known; 43, 44, 46, 47, 50 and 51 are there"
    room.log.recall([past(50), past(46)], 50, is_all=True)
    assert counts(hall, "ada") == (41, 3, 0), "there is nothing else"
    ada.reads["lobby"] = 0
    assert counts(hall, "ada") == (0, 3, 0)
    room.log.recall([], 50, is_all=True)
    assert counts(hall, "ada") == (0, 1, 0)


def test_what_was_handed_in_goes_once_newer_words_have_filled_its_place():
    hall, room = restarted(50, 0)
    room.log.recall([past(seq, "ada") for seq in range(1, 51)], 50, is_all=True)
    assert counts(hall, "ada") == (0, 50, 50)
    hall.say("bob", *["x"] * (RECENT - 25))
    assert counts(hall, "ada") == (0, 25 + RECENT, 25)
    hall.say("bob", *["x"] * 25)
    assert counts(hall, "ada") == (0, 50 + RECENT, 0)
    assert room.log._recalled == []


def test_what_becomes_of_what_was_handed_in_is_remembered():
    hall, room = restarted(50, 40)
    old = [past(seq) for seq in range(41, 51)]
    room.log.recall(old, 50, is_all=False)
    room.log.change(old[3], Deleted("lobby", 44, 51, "bob", NOON), hall.members["bob"])
    assert counts(hall, "ada") == (40, 9, 0)
    room.log.forget()
    assert counts(hall, "ada") == (40, 10, 0)
    assert room.log.is_recalled is None
