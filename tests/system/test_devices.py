"""A person has many devices: five of one and three of another, a guest besides, and everything that can happen to
connections and to the server. Others read of it what has really happened; who is back reads what the others have read.
"""

import random
import secrets
from collections import Counter
from contextlib import closing, contextmanager

import pytest
from devices import Loop, Plain, Program, Web
from households import FAULTS, PASSWORD, ROOMS, Household, Outage
from kit.processes import serve_process

ROUNDS, FULL_ROUNDS = 24, 400

# How long nobody is told that somebody is away. A machine that is busy needs some time to bring eight devices back.
ABSENCE, FULL_ABSENCE = 4, 10

SETTINGS = [
    "limits.flood_rate=0",
    "limits.connections_per_address=0",
    "plugins.accounts.memory_mib=1",
    "plugins.accounts.passes=1",
]

# How many wrong tokens are looked at from one address within a minute: limits.token_failures, of both kinds.
MOST_GUESSES = 2 * 100

KINDS = [
    ("ada", PASSWORD, (Program, Program, Web, Plain, Program)),
    ("bob", PASSWORD, (Web, Program, Plain)),
    ("gus", "", (Program,)),
]


@pytest.fixture
def household(tmp_path, full, seed):
    absence = FULL_ABSENCE if full else ABSENCE
    settings = [*SETTINGS, f"limits.absence_seconds={absence}"]
    with Household(tmp_path, KINDS, absence, settings, random.Random(seed)) as people:
        for person in people.people:
            if person.login:
                people.enrol(person)
        people.watch()
        for person in people.people:
            people.come(person)
        people.check()
        yield people


def test_others_read_what_has_happened_and_who_is_back_reads_all(household, full):
    deeds = [one_is_lost, all_are_lost, a_welcome_is_lost, two_at_once, somebody_goes, a_room_is_left]
    rare = [somebody_is_gone, the_server_goes]
    rounds = FULL_ROUNDS if full else ROUNDS
    for number in range(rounds):
        # Each of them comes up in turn, so that the small size has all of them.
        deed = rare[number // 8 % 2] if number % 8 == 7 else deeds[number % len(deeds)]
        deed(household, household.moments)
        household.talk(*household.connected)
        household.talk(*household.connected)
        household.check()
        household.check_that_all_are_there()
        whispers(household)


# --- what happens ---


def one_is_lost(household, moments):
    person = moments.choice(household.people)
    device = moments.choice(person.devices)
    with Outage(household, person):
        household.talk(device.client)
        household.break_off(device, moments.choice(FAULTS))
        household.talk(*household.connected)
        household.back(device, person)


def all_are_lost(household, moments):
    """At once, and one after the other is back."""
    person = moments.choice(household.people)
    with Outage(household, person):
        for device in person.devices:
            household.talk(device.client)
            household.break_off(device, moments.choice(FAULTS))
        household.talk(*household.connected)
        for device in moments.sample(person.programs, len(person.programs)):
            household.back(device, person)
    for device in person.plain:
        household.back(device, person)


def a_welcome_is_lost(household, moments):
    """The connection breaks before the new token has come, which the server takes for delivered."""
    person = moments.choice(household.people)
    device = moments.choice(person.programs)
    client, token = device.client, device.client.token
    with Outage(household, person):
        household.break_off(device, moments.choice(FAULTS))
        client.connect()
        lost = device.proxy.lost
        device.proxy.swallow(up=False)
        client.send(type="join", token=token, room=None)
        household.talk(*(one for one in household.connected if one is not client))
        household.loop.wait(lambda: device.proxy.lost > lost, "a welcome to be lost")
        client.drop()
        client.token = token
        household.back(device, person)


def two_at_once(household, moments):
    """Somebody comes back while the server takes the old connection for sound: that one is told, and closed."""
    person = moments.choice(household.people)
    device = moments.choice(person.programs)
    old = Program(household.loop, household.port)
    with Outage(household, person):
        household.break_off(device, "swallow")
        answer = old.join(token=device.client.token, room=None)
        assert household.welcomed(answer)["name"] == person.name
        household.back(device, person, by=old.token)
        household.loop.wait(lambda: not old.is_connected, "the end of the older connection")
    assert [event["code"] for event in old.events if event["type"] == "error"] == ["resumed_elsewhere"]


def somebody_goes(household, moments):
    """By themselves: told once, when the last device has gone, and at once."""
    person = moments.choice([one for one in household.people if one.login])
    give_up(household, person)
    for device in moments.sample(person.devices, len(person.devices)):
        device.client.leave()
        household.loop.wait(lambda device=device: not device.client.is_connected, "the end")
    household.expect("left", person)
    household.check()
    household.talk(*household.connected)
    for device in person.programs:
        used = device.client.token
        assert device.client.join(token=used)["code"] == "token_invalid", "who has left is not absent"
        household.back(device, person, by=device.client.device_token)
    for device in person.plain:
        household.back(device, person)
    household.expect("joined", person)


def a_room_is_left(household, moments):
    """By one device: all are out of it; and by another one all are in it again."""
    person = moments.choice(household.people)
    out, back = (moments.choice(person.programs).client for _ in range(2))
    assert out.answer(type="leave", room=ROOMS[1])["type"] == "ack"
    clients = [device.client for device in person.programs]
    household.loop.wait(lambda: not any(ROOMS[1] in client.rooms for client in clients if client is not out), "left")
    out.rooms.discard(ROOMS[1])
    household.welcomed(back.answer(type="join", room=ROOMS[1]))
    household.loop.wait(lambda: all(ROOMS[1] in client.rooms for client in clients), "welcomes")
    household.expect("left", person, ROOMS[1])
    household.expect("joined", person, ROOMS[1])


def somebody_is_gone(household, moments):
    """For longer than others are not told of."""
    person = moments.choice(household.people)
    for device in person.devices:
        household.break_off(device, moments.choice(FAULTS))
    give_up(household, person)
    household.talk(*household.connected)
    household.wait_for(*(("left", room, person.name) for room in ROOMS))
    household.expect("left", person)
    household.check()
    for device in person.devices:
        household.back(device, person)
    household.expect("joined", person)


def the_server_goes(household, moments):
    """It stops or is killed, in the midst of talk, and starts again: whoever it knows comes back into their rooms."""
    household.talk(*household.connected)
    household.stop(kill=moments.random() < 0.7)
    clients = [household.witness, household.by_hand, *household.connected]
    household.loop.wait(lambda: not any(client.is_connected for client in clients), "the end of all connections")
    household.serve()
    household.watch()
    for person in moments.sample(household.people, len(household.people)):
        for device in person.devices:
            household.back(device, person)
        if not person.login:
            come_in_again(household, person)
        household.expect("joined", person)


def come_in_again(household, guest):
    """The rooms of a guest are not remembered over a restart."""
    client = guest.devices[0].client
    household.settle_with(client)
    for room in sorted(set(ROOMS) - client.rooms):
        household.welcomed(client.answer(type="join", room=room))


def give_up(household, person):
    """The network has noticed what hangs."""
    for device in person.devices:
        device.proxy.give_up()


def whispers(household):
    """What one says to another alone, all of both devices read, once; and nobody else."""
    ada, bob, _ = household.people
    one = household.moments.choice([device.client for device in ada.programs])
    text = f"psst {secrets.token_hex(4)}"
    assert one.answer(type="say", to=bob.name, text=text)["type"] == "ack"
    household.check()
    for person in household.people:
        for device in person.devices:
            client = device.client
            if isinstance(client, Plain):
                times = [line for line in client.told if text in line]
                assert len(times) == (person is bob), (person.name, times)
            else:
                got = [(event["with"], event.get("own", False)) for event in client.privates if event["text"] == text]
                due = {"ada": [] if client is one else [("bob", True)], "bob": [("ada", False)], "gus": []}
                assert got == due[person.name], (person.name, client.kind, got)


# --- whoever comes with a token that is not theirs ---


def thief(household, *tokens):
    """The codes with which each of these is refused, to a stranger each."""
    found = []
    for token in tokens:
        with household.stranger() as client:
            found.append(client.join(token=token).get("code"))
    return found


def test_nobody_gets_in_with_a_token_that_is_old_guessed_or_void(household):
    ada, bob, gus = household.people
    first, second = (device.client for device in bob.programs)
    # Rotated four times: those before the last three are good for nothing.
    for device, kind in zip(ada.programs, ("token", "device_token"), strict=False):
        for _ in range(4):
            household.break_off(device, "cut")
            household.back(device, ada, by=getattr(device.client, kind))
        used = [token for token in device.client.used if token.startswith("gr_" if kind == "token" else "gd_")]
        assert len(used) == 5
        assert thief(household, *used[:-3]) == ["token_invalid"] * 2
    # One that was ended from another device.
    listed = first.answer(type="say", text="/sessions")
    assert listed["type"] == "ack"
    (answer,) = [event for event in first.events if event["type"] == "sessions"]
    other = [one for one in answer["sessions"] if one["kind"] == second.kind and not one.get("this")]
    assert len(other) == 1
    first.answer(type="say", text=f"/sessions end {other[0]['id']}")
    household.loop.wait(lambda: not second.is_connected, "the end of a session")
    assert [event["code"] for event in second.events if event["type"] == "error"] == ["logged_out"]
    assert thief(household, second.token, second.device_token) == ["token_invalid"] * 2
    # Of a guest who has left.
    guest = gus.devices[0].client
    guest.leave()
    household.loop.wait(lambda: not guest.is_connected, "the end")
    household.expect("left", gus)
    assert thief(household, guest.token) == ["token_invalid"]
    # With another's name it is still its own.
    with household.stranger() as client:
        answer = client.join(token=first.token, name="ada", room=None)
        assert answer.get("name", answer.get("code")) in ("bob", "name_taken", "token_invalid")
    # A new password ends all others.
    owner = ada.programs[1].client
    tokens = [device.client.token for device in ada.programs if device.client is not owner]
    devices = [device.client.device_token for device in ada.programs if device.client is not owner]
    assert owner.answer(type="say", text=f"/passwd {PASSWORD} another-{PASSWORD}")["type"] == "ack"
    others = [device.client for device in ada.devices if device.client is not owner]
    household.loop.wait(lambda: not any(client.is_connected for client in others), "the end of all others")
    assert owner.is_connected
    assert set(thief(household, *tokens, *devices)) == {"token_invalid"}
    household.check_comings()


def test_a_thousand_guesses_from_one_address_get_nowhere(household):
    *_, gus = household.people
    client = gus.devices[0].client
    household.break_off(gus.devices[0], "reset")
    with household.stranger() as guesser:
        guesser.connect()
        told = Counter(
            guesser.answer(type="join", token=f"{'gr_' if number % 2 else 'gd_'}{secrets.token_urlsafe(16)}")["code"]
            for number in range(1000)
        )
        assert told.keys() == {"token_invalid", "try_later"}
        assert told["token_invalid"] <= MOST_GUESSES
        # From here, nobody gets in by a token for a while; from elsewhere, whoever has one does.
        assert guesser.answer(type="join", token=client.token)["code"] == "try_later"
        assert guesser.answer(type="join", name="guesser")["type"] == "welcome"
    household.back(gus.devices[0], gus)


@contextmanager
def few(tmp_path, *settings):
    """A loop, and how to make a client of a server with these settings."""
    arguments = [argument for one in (*SETTINGS, *settings) for argument in ("--set", one)]
    with serve_process(tmp_path, *arguments) as server, closing(Loop()) as loop:
        made = []

        def client():
            made.append(Program(loop, server.port))
            return made[-1]

        try:
            yield loop, client
        finally:
            for one in made:
                one.drop()


def test_a_token_of_somebody_whose_name_another_one_has_by_now_is_refused(tmp_path):
    with few(tmp_path, "limits.absence_seconds=0.1") as (loop, client):
        gus, eve, other = client(), client(), client()
        eve.join(name="eve")
        gus.join(name="gus")
        gus.drop()
        loop.wait(lambda: ("left", "lobby", "gus") in eve.came, "gus to be gone")
        assert other.join(name="gus")["type"] == "welcome"
        assert gus.join(token=gus.token)["code"] == "name_taken"
        other.leave()
        loop.wait(lambda: not other.is_connected, "the end")
        assert gus.join(token=gus.token)["name"] == "gus"


def test_who_is_away_for_long_has_gone(tmp_path):
    with few(tmp_path, "limits.absence_seconds=0.1", "limits.resume_seconds=0.1") as (loop, client):
        gus, eve = client(), client()
        eve.join(name="eve")
        gus.join(name="gus")
        gus.drop()
        loop.wait(lambda: ("left", "lobby", "gus") in eve.came, "gus to be gone")
        assert gus.join(token=gus.token)["code"] == "token_invalid"


def test_of_guests_that_are_away_five_are_held_for_an_address(tmp_path):
    with few(tmp_path, "limits.absence_seconds=30") as (loop, client):
        eve = client()
        eve.join(name="eve")
        guests = [client() for _ in range(6)]
        for number, guest in enumerate(guests):
            guest.join(name=f"gus{number}")
        for guest in guests:
            guest.drop()
            loop.wait(eve.settled(), "all that eve is told")
        loop.wait(lambda: ("left", "lobby", "gus5") in eve.came, "one too many to have left")
        came = eve.came = []
        for guest in guests:
            assert guest.join(token=guest.token)["type"] == "welcome"
        loop.wait(eve.settled(), "all that eve is told")
        assert came == [("joined", "lobby", "gus5")]
