"""What calls somebody, as they choose it by /notify: it is their account's, on all devices, and outlasts a restart."""

from contextlib import ExitStack

from kit.accounts import SECRET, accounts
from kit.programs import Program


def logged_in(server, name="ada"):
    program = Program(server)
    welcome = program.join(name=name, login=SECRET)
    assert welcome["type"] == "welcome", welcome
    return program


def chosen(answers):
    [levels] = [answer for answer in answers if answer["type"] == "levels"]
    return levels.get("rooms", {}), levels.get("conversations", {}), levels["lines"]


def test_it_is_chosen_for_a_room_or_a_conversation_told_to_other_devices_and_kept(tmp_path):
    with accounts(data_dir=tmp_path) as server, ExitStack() as stack:
        ada, bob = stack.enter_context(Program(server, "ada")), stack.enter_context(Program(server, "bob"))
        ada.exchange(type="say", text=f"/register {SECRET}")
        refused = bob.request(type="say", text="/notify none")
        assert (refused["type"], refused["code"]) == ("error", "not_logged_in")
        phone = stack.enter_context(logged_in(server))
        assert chosen(ada.exchange(type="say", text="/notify none", room="lobby")) == (
            {"lobby": "none"}, {}, ["Nothing in lobby calls you."],
        )  # fmt: skip
        told = phone.read_until("levels")
        assert (told["rooms"], told.get("lines"), told.get("ref")) == ({"lobby": "none"}, None, None)
        talk = ada.request(type="say", text="Psst", to="bob")["conversation"]
        told = chosen(phone.exchange(type="command", name="notify", args={"level": "all"}, conversation=talk))
        assert told == ({"lobby": "none"}, {talk: "all"}, ["In bob everything calls you."])
        refused = ada.request(type="say", text="/notify loudly", room="lobby")
        assert refused["code"] == "usage"
    with accounts(data_dir=tmp_path) as server, logged_in(server) as ada:
        rooms, talks, lines = chosen(ada.exchange(type="say", text="/notify", room="lobby"))
        assert (rooms, talks) == ({"lobby": "none"}, {talk: "all"})
        assert "Nothing in lobby calls you." in lines
        assert chosen(ada.exchange(type="say", text="/notify usual", room="lobby"))[0] == {}
