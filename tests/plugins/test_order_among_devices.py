"""moderation, where somebody has several sessions, or none for a while: it is about people, and neither another device
nor coming back is a way out."""

import pytest
from kit.programs import Anybody, Program, crown, says, without_plugins
from kit.sessions import PATIENT, back, codes, device, kinds, lose, plain_device, rest, settled
from kit.socketless import serving

SETTINGS = without_plugins("accounts", "history", "web") | PATIENT
COMINGS = ("joined", "left")


@pytest.fixture
def server(tmp_path):
    crown(tmp_path, "root")
    with serving(Anybody, settings=SETTINGS, data_dir=tmp_path) as running:
        yield running


@pytest.fixture
def root(server):
    return device(server, "root")


def done(program, line, room=""):
    """What a command tells; it must not be refused."""
    *told, answer = program.ask(line, room)
    assert answer["type"] == "ack", answer
    return told


# --- all devices ---


def test_a_kick_puts_all_devices_out_of_the_room_and_each_is_told(server, root):
    laptop, phone, netcat = device(server, "bob"), device(server, "bob"), plain_device(server, "bob")
    phone.join(room="garden")
    settled(root)
    settled(laptop)
    told = done(root, "/kick bob Enough")
    assert kinds(told + settled(root), *COMINGS) == [("left", "lobby", "bob")]
    for one in laptop, phone:
        frames = settled(one)
        assert codes(frames) == ["kicked"]
        assert kinds(frames, "left") == [("left", "lobby", "bob")]
        assert one.refused("still here?", "lobby") == "not_in_room"
        assert one.ask("and here?", "garden")[-1]["type"] == "ack"
    assert "ERROR|You were put out of lobby by root: Enough" in says(netcat, "hello?")


def test_a_ban_ends_all_devices_and_is_told_once(server, root):
    laptop, phone, netcat = device(server, "bob"), device(server, "bob"), plain_device(server, "bob")
    told = done(root, "/ban bob 1h Enough")
    assert kinds(told + settled(root), "left") == [("left", "lobby", "bob")]
    for one in laptop, phone:
        assert codes(rest(one.peer)) == ["banned"]
    assert any(line.startswith("ERROR|You are banned from this chat for 1h") for line in rest(netcat))
    for one in laptop, phone:
        assert back(server, one.welcome["token"]).welcome["code"] in ("banned", "token_invalid")
    assert Program(server).join(name="bob")["code"] == "banned"


def test_a_mute_holds_on_all_devices_also_on_those_that_come_later(server, root):
    laptop, phone = device(server, "bob"), device(server, "bob")
    done(root, "/mute bob 1h Calm down")
    for one in laptop, phone:
        assert "root has muted you for 1h" in one.read_until("notice")["text"]
        assert one.refused("but", "lobby") == "muted"
    tablet = device(server, "bob")
    assert tablet.refused("but", "lobby") == "muted"
    again = back(server, lose(server, phone))
    assert again.refused("but", "lobby") == "muted"
    done(root, "/unmute bob")
    for one in laptop, tablet, again:
        assert "root has lifted your mute" in one.read_until("notice")["text"]
    assert again.ask("at last", "lobby")[-1]["type"] == "ack"


def test_a_slow_room_is_as_slow_for_all_devices_together(server, root):
    laptop, phone = device(server, "bob"), device(server, "bob")
    done(root, "/slow lobby 1000")
    assert laptop.ask("one")[-1]["type"] == "ack"
    assert laptop.refused("two", "lobby") == "slow"
    for one in phone, back(server, lose(server, laptop)), device(server, "bob"):
        assert one.refused("two", "lobby") == "slow"
    guest = Program(server, "gus")
    assert guest.ask("one")[-1]["type"] == "ack"
    assert back(server, lose(server, guest)).refused("two", "lobby") == "slow"


def test_what_is_repeated_is_so_on_whatever_device(tmp_path):
    with serving(Anybody, settings=SETTINGS | {"plugins.moderation.repeat": 2}, data_dir=tmp_path) as server:
        laptop, phone = device(server, "bob"), device(server, "bob")
        assert laptop.ask("buy this")[-1]["type"] == "ack"
        assert phone.ask("buy this")[-1]["type"] == "ack"
        assert phone.refused("buy this", "lobby") == "repeated"
        assert back(server, lose(server, phone)).refused("buy this", "lobby") == "repeated"


def test_a_role_is_given_to_all_devices_and_told_once(server, root):
    laptop, phone, eve = device(server, "bob"), device(server, "bob"), Program(server, "eve")
    phone.join(room="garden")
    eve.join(room="garden")
    settled(eve)
    done(root, "/op bob")
    roles = [one for one in settled(eve) if one["type"] == "role"]
    assert [(one["name"], one["role"]) for one in roles] == [("bob", "operator")]
    assert laptop.ask("/audit")[-1]["type"] == phone.ask("/audit")[-1]["type"] == "ack"
    done(root, "/deop bob")
    assert laptop.refused("/audit") == phone.refused("/audit") == "not_allowed"


def test_a_banned_network_ends_what_comes_from_there_and_the_person_with_the_last(server, root):
    laptop, phone = device(server, "bob", address="127.0.0.2"), device(server, "bob", address="127.0.0.3")
    settled(root)
    told = done(root, "/ban 127.0.0.2")
    assert codes(rest(laptop.peer)) == ["banned"]
    assert codes(settled(phone)) == []
    assert kinds(told + settled(root), *COMINGS) == []
    told = done(root, "/ban 127.0.0.3")
    assert codes(rest(phone.peer)) == ["banned"]
    assert kinds(told + settled(root), *COMINGS) == [("left", "lobby", "bob")]


def test_with_somebody_go_all_addresses_that_nobody_else_has(server, root):
    for address in "127.0.0.2", "127.0.0.3", "127.0.0.4":
        device(server, "bob", address=address)
    other = device(server, "cy", address="127.0.0.3")
    notices = [one["text"] for one in done(root, "/ban bob 1h Enough") if one["type"] == "notice"]
    assert "The address is not banned: others have it, too. /ban 127.0.0.3 bans them all." in notices
    banned = {ban["what"] for ban in root.told("/bans", "bans")["bans"]}
    assert banned == {"bob", "127.0.0.2", "127.0.0.4"}
    assert other.ask("still here")[-1]["type"] == "ack"


# --- who is away for a moment ---


def test_who_is_put_out_while_away_has_left_and_does_not_come_back(server, root):
    for order in "/kick gus Enough", "/ban gus 1h Enough":
        gus = Program(server, "gus")
        token = lose(server, gus)
        settled(root)
        told = done(root, order)
        assert kinds(told + settled(root), *COMINGS) == [("left", "lobby", "gus")]
        assert back(server, token).welcome["code"] == "token_invalid"
    assert Program(server).join(name="gus")["code"] == "banned"


def test_who_is_muted_while_away_comes_back_muted_under_whatever_name(server, root):
    gus = Program(server, "gus")
    token = lose(server, gus)
    done(root, "/mute gus 1h Calm down")
    again = back(server, token)
    assert again.welcome["name"] == "gus"
    assert again.refused("but", "lobby") == "muted"
    assert again.refused("/nick gustav") == "muted"


def test_somebody_who_is_muted_and_registers_on_one_device_is_muted_on_the_others(server, root):
    gus = Program(server, "gus")
    done(root, "/mute gus 1h Calm down")
    gus.ask("/become gus")
    again = back(server, lose(server, gus))
    assert again.refused("but", "lobby") == "muted"
    assert device(server, "gus").refused("but", "lobby") == "muted"


def test_a_guest_who_logs_in_beside_another_device_takes_along_what_was_ordered(server, root):
    laptop, gus = device(server, "bob"), Program(server, "gus")
    done(root, "/slow lobby 1000")
    assert gus.ask("one")[-1]["type"] == "ack"
    done(root, "/mute gus 1h Calm down")
    assert gus.ask("/become bob")[-1]["type"] == "ack"
    assert gus.refused("but", "lobby") == laptop.refused("but") == "muted"
    done(root, "/unmute bob")
    assert gus.refused("two", "lobby") == "slow"


def test_who_is_no_operator_any_more_is_none_on_coming_back(server, root):
    bob = device(server, "bob")
    done(root, "/op bob")
    assert bob.ask("/audit")[-1]["type"] == "ack"
    token = lose(server, bob)
    done(root, "/deop bob")
    assert back(server, token).refused("/audit") == "not_allowed"


def test_who_becomes_an_operator_while_away_is_one_on_coming_back(server, root):
    token = lose(server, device(server, "bob"))
    done(root, "/op bob")
    assert back(server, token).ask("/audit")[-1]["type"] == "ack"


def test_of_who_is_gone_nothing_is_kept(tmp_path):
    crown(tmp_path, "root")
    with serving(Anybody, settings=SETTINGS | {"limits.absence_seconds": 0}, data_dir=tmp_path) as server:
        root, gus = device(server, "root"), Program(server, "gus")
        enforcement = next(
            plugin.bearer for plugin in server.server.plugins if plugin.name == "moderation"
        )._enforcement
        done(root, "/slow lobby 1000")
        gus.ask("hello")
        done(root, "/mute gus 1h")
        assert server.call(lambda: bool(enforcement._marked and enforcement._meant and enforcement._said["lobby"]))
        gus.leave()
        root.read_until("left", name="gus")
        kept = server.call(lambda: [*enforcement._marked, *enforcement._meant, *enforcement._said["lobby"]])
        assert [one for one in kept if one != "gus"] == []
