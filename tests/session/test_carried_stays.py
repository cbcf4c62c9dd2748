"""Another process takes over while some are away: whoever comes back is who they were, and nobody waits anew."""

import pytest
from kit.carried_chats import take_over

from greenchat.chat.carried import NotAtRestError
from greenchat.testing import Chat

LATE = {"limits.absence_seconds": 30.0, "limits.resume_seconds": 100.0}


def in_json(chat, name, room="", **more):
    """Somebody who speaks JSON, and the token of their welcome."""
    person = chat.connect(kind="json")
    if more.get("account"):
        chat._log_in(person, name, more["account"], False)
    person.joins(name, room)
    welcome = next(one for one in person.heard if one["type"] == "welcome")
    person.heard.clear()
    return person, welcome["token"]


def back(chat, token, address=""):
    """Who comes back with this token."""
    person = chat.connect(kind="json", address=address)
    person.joins("", token=token)
    return person, person.heard[0]


def types(person):
    found = [one["type"] for one in person.heard]
    person.heard.clear()
    return found


def test_who_was_away_comes_back_as_who_they_were_and_nobody_has_noticed():
    chat = Chat(settings=LATE)
    ada, token = in_json(chat, "ada", "garden")
    bob, _ = in_json(chat, "bob", "garden")
    ada.says("helo")
    ada.vanishes()
    there = take_over(chat, settings=LATE)
    assert types(bob) == ["message"]
    again, welcome = back(there, token)
    assert (welcome["type"], welcome["name"], welcome["room"]) == ("welcome", "ada", "garden")
    assert types(bob) == []
    again.sends({"type": "edit", "room": "garden", "seq": 1, "text": "hello"})
    assert bob.hears("hello", type="edited")


def test_an_absence_is_told_when_it_would_have_been():
    chat = Chat(settings=LATE)
    ada, _ = in_json(chat, "ada")
    bob, _ = in_json(chat, "bob")
    ada.vanishes()
    chat.tick(20)
    there = take_over(chat, settings=LATE)
    there.tick(9)
    assert types(bob) == []
    there.tick(2)
    assert types(bob) == ["left"]


def test_whose_absence_was_told_comes_back_to_all_that_they_had():
    chat = Chat("rooms", settings=LATE)
    ada, token = in_json(chat, "ada", "garden")
    bob, _ = in_json(chat, "bob", "garden")
    chat.server.chat.ignore(ada.session.member, "bob")
    chat.server.chat.set_away(ada.session.member, "Lunch")
    ada.vanishes()
    chat.tick(40)
    there = take_over(take_over(chat, "rooms", settings=LATE), "rooms", settings=LATE)
    assert types(bob) == ["away", "left"]
    again, welcome = back(there, token)
    assert welcome["room"] == "garden"
    assert welcome["roles"] == {"ada": "owner"}
    assert welcome["away"] == {"ada": "Lunch"}
    assert types(bob) == ["joined"]
    again.heard.clear()
    bob.says("ada?", room="garden")
    assert types(again) == []


def test_nobody_comes_back_later_than_they_might_have():
    chat = Chat(settings=LATE)
    ada, token = in_json(chat, "ada")
    ada.vanishes()
    chat.tick(90)
    there = take_over(chat, settings=LATE)
    there.tick(11)
    assert back(there, token)[1]["code"] == "token_invalid"
    assert there.server.chat.members == {}


def test_the_token_of_who_is_connected_is_good_afterwards_and_each_one_once():
    chat = Chat(settings=LATE)
    ada, token = in_json(chat, "ada")
    ada.vanishes()
    ada, welcome = back(chat, token)
    there = take_over(chat, settings=LATE)
    ada.vanishes()
    again, welcome = back(there, welcome["token"])
    assert welcome["name"] == "ada"
    assert back(there, "gr_" + token[3:][::-1])[1]["code"] == "token_invalid"
    assert again.is_in


def test_a_session_that_was_not_carried_over_is_lost_and_who_has_no_other_place_leaves():
    chat = Chat(settings=LATE)
    ada, token = in_json(chat, "ada")
    nell = chat.join("nell")
    bob, _ = in_json(chat, "bob")
    there = take_over(chat, settings=LATE, without=[ada, nell])
    assert [one["name"] for one in bob.heard if one["type"] == "left"] == ["nell"]
    bob.heard.clear()
    there.tick(29)
    assert back(there, token)[1]["name"] == "ada"
    assert types(bob) == []


def test_the_devices_of_an_account_are_still_one_member():
    chat = Chat(settings=LATE)
    phone, token = in_json(chat, "ada", account=7)
    desk, _ = in_json(chat, "ada", account=7)
    phone.vanishes()
    there = take_over(chat, settings=LATE)
    ada = desk.session.member
    assert (len(ada.sessions), ada.awaited, ada.account_id) == (1, 1, 7)
    back(there, token)
    assert (len(ada.sessions), ada.awaited) == (2, 0)
    assert ada.sessions[0].login is ada.sessions[1].login


def test_who_was_put_out_while_they_were_away_does_not_come_back():
    chat = Chat(settings=LATE)
    ada, token = in_json(chat, "ada")
    ada.vanishes()
    member = chat.server.chat.find("ada")
    chat.run(lambda: chat.server.chat.leave(member, "kicked"))
    there = take_over(chat, settings=LATE)
    assert back(there, token)[1]["code"] == "token_invalid"


def test_wrong_tokens_and_the_absent_of_an_address_count_on():
    settings = {**LATE, "limits.token_failures": 2, "limits.absent_per_address": 1}
    chat = Chat(settings=settings)
    chat.tick(1)
    for wrong in ("gr_" + "a" * 22, "gr_" + "b" * 22):
        assert back(chat, wrong, "192.0.2.7:50000")[1]["code"] == "token_invalid"
    ada, _ = in_json(chat, "ada")
    cy, _ = in_json(chat, "cy")
    bob, _ = in_json(chat, "bob")
    ada.vanishes()
    there = take_over(chat, settings=settings)
    assert back(there, "gr_" + "c" * 22, "192.0.2.7:50000")[1]["code"] == "try_later"
    cy.vanishes()  # one more than may hold a name
    assert [one["name"] for one in bob.heard if one["type"] == "left"] == ["cy"]


def test_a_bot_whose_plugin_is_gone_leaves():
    chat = Chat(settings=LATE)
    robbie, bob = chat.join("robbie"), in_json(chat, "bob")[0]
    robbie.session.member.bot = "robots"
    there = take_over(chat, settings=LATE, without=[robbie])
    assert bob.hears(type="left", name="robbie")
    assert list(there.server.chat.members) == ["bob"]


def test_who_is_coming_back_at_this_moment_is_waited_for():
    chat = Chat(settings=LATE)
    in_json(chat, "ada")
    (stay,) = chat.server.chat.find("ada").stays
    stay.is_busy = True
    with pytest.raises(NotAtRestError):
        take_over(chat, settings=LATE)
    stay.is_busy = False


def test_what_flood_control_lets_one_send_is_what_was_left():
    from greenchat.hooks.token_bucket import TokenBucket

    chat = Chat(settings=LATE)
    ada, _ = in_json(chat, "ada")
    ada.session.member.allowance = bucket = TokenBucket(10)
    bucket.spend(7, 10, 0.001)
    there = take_over(chat, settings=LATE)
    allowance = there.server.chat.find("ada").allowance
    assert allowance.stored == bucket.stored
    assert allowance.spend(4, 10, 0.001) > 0
    assert allowance.spend(3, 10, 0.001) == 0


def test_who_is_absent_is_looked_after_by_one_process_alone():
    chat = Chat(settings=LATE)
    ada, _ = in_json(chat, "ada")
    ada.vanishes()
    take_over(chat, settings=LATE)
    chat.tick(200)
    assert list(chat.server.chat.members) == ["ada"]


def test_an_account_that_was_removed_meanwhile_is_written_to_no_more():
    chat = Chat(settings=LATE)
    ada, _ = in_json(chat, "ada", account=7)
    bob, _ = in_json(chat, "bob", account=8)
    ada.says("hello", to="bob")
    bob.leaves()
    accounts = chat.server.accounts
    del accounts._by_id[8], accounts._by_key["bob"]  # while nobody is there to hear of it
    take_over(chat, settings=LATE)
    assert ada.hears(type="ended", reason="The account bob was removed.")
