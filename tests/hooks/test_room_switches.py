"""In which rooms a plugin is at work: by its configuration, and as the owners of rooms have it."""

from threading import Event as Flag

import gevent
import pytest
from kit.machine import eventually
from kit.programs import Program

from greenchat import Command, ConfigError, ModerationAction, Reject, check, command, hookimpl, on
from greenchat.hooks import room_switches
from greenchat.hooks.room_switches import FILE
from greenchat.protocol.events import Event
from greenchat.testing import serving as serving_all


def serving(*plugins, settings=None, **more):
    """Without the bundled dice, which owners of rooms may do without as well."""
    return serving_all(*plugins, settings={"server.disabled_plugins": ["dice"], **(settings or {})}, **more)


class Dice:
    """It lets owners of rooms do without it."""

    per_room = True

    def __init__(self):
        self.seen = []

    @command
    def roll(self, call):
        """Roll a die."""
        return "4"

    @hookimpl
    def greenchat_commands(self):
        return [Command("toss", "", "Toss a coin.", lambda session, _: session.info("Heads."))]

    @check
    def polite(self, text):
        if text == "damn":
            raise Reject("Not here.", code="rude")

    @check
    def politer(self, session, message):
        if message.text == "drat":
            raise Reject("Not here.", code="rude")

    @hookimpl
    def greenchat_check_reaction(self, session, room, emoji):
        raise Reject("No emoji.", code="rude")

    @on(Event)
    def see(self, event):
        self.seen.append((type(event).__name__, getattr(event, "room", "")))

    @hookimpl
    def greenchat_messages(self, messages):
        self.seen.append(("messages", messages.room))

    @hookimpl
    def greenchat_entered(self, session, room):
        self.seen.append(("entered", room.name))


@pytest.fixture
def dice():
    return Dice()


def in_dev(server, name="ada"):
    """Who has made the room dev, and so owns it."""
    ada = Program(server, name)
    ada.join(room="dev")
    ada.read_until("role")
    return ada


def texts(frames):
    return [frame.get("text") for frame in frames if frame["type"] in ("notice", "error")]


def test_its_owner_switches_it_off_in_a_room_and_nowhere_else(dice):
    with serving(dice) as server:
        ada = in_dev(server)
        assert ada.ask("damn", "dev")[-1]["code"] == "rude"
        assert texts(ada.ask("/plugin", "dev")) == ["In dev: Dice is on."]
        assert texts(ada.ask("/plugin disable dice", "dev")) == ["Dice is off in dev from now on, says ada."]
        assert texts(ada.ask("/plugin", "dev")) == ["In dev: Dice is off."]
        refused = ada.ask("/roll", "dev")[-1]
        assert refused["text"] == "/roll is off in dev. Its owner may switch it on again: /plugin on Dice"
        assert ada.ask("/toss", "dev")[-1]["code"] == "not_allowed"
        dice.seen.clear()
        assert ada.ask("damn", "dev")[-1]["type"] == "ack"
        assert ada.ask("drat", "dev")[-1]["type"] == "ack"
        assert ada.request(type="react", room="dev", seq=1, emoji="👍")["type"] == "ack"
        ada.ask("/topic Dev", "dev")
        Program(server, "bob").join(room="dev")
        # elsewhere it goes on
        assert texts(ada.ask("/roll", "lobby")) == ["4"]
        assert ada.ask("damn", "lobby")[-1]["code"] == "rude"
        ada.ask("words", "lobby")
        assert ada.request(type="react", room="lobby", seq=1, emoji="👍")["code"] == "rude"
        assert ada.request(type="say", to="bob", text="damn")["code"] == "rude"
        eventually(lambda: ("messages", "lobby") in dice.seen)
        assert [what for what in dice.seen if what[1] == "dev"] == []
        assert texts(ada.ask("/plugin enable dice", "dev")) == ["Dice is on in dev from now on, says ada."]
        assert ada.ask("damn", "dev")[-1]["code"] == "rude"
        assert texts(ada.ask("/roll", "dev")) == ["4"]


def test_it_stays_so_over_restarts_and_ends_with_the_room(dice, tmp_path):
    with serving(dice, data_dir=tmp_path) as server:
        in_dev(server).ask("/plugin disable dice", "dev")
    with serving(dice, data_dir=tmp_path) as server:
        ada = in_dev(server)
        assert ada.ask("damn", "dev")[-1]["type"] == "ack"
        server.call(lambda: gevent.spawn(server.server.forget_room, "dev"))
        eventually(lambda: ada.ask("damn", "dev")[-1].get("code") == "rude")
    with serving(dice, data_dir=tmp_path) as server:
        assert in_dev(server).ask("damn", "dev")[-1]["code"] == "rude"


def test_only_who_owns_the_room_and_only_what_lets_itself_be_switched(dice):
    with serving(dice) as server:
        ada = in_dev(server)
        bob = Program(server, "bob")
        bob.join(room="dev")
        assert (
            bob.ask("/plugin disable dice", "dev")[-1]["text"]
            == "Only the owner of dev and operators may switch plugins there."
        )
        assert bob.ask("/plugin disable dice", "lobby")[-1]["code"] == "not_allowed"
        assert ada.ask("/plugin disable history", "dev")[-1]["text"] == (
            "history cannot be switched on and off in a room. There are: Dice."
        )
        assert ada.ask("/plugin disable", "dev")[-1]["text"] == "Which one? Type it so: /plugin disable NAME"
        assert texts(ada.ask("/plugin enable dice", "dev")) == ["Dice is on in dev already."]
        assert ada.ask("/plugin destroy dice", "dev")[-1]["code"] == "usage"


def test_by_its_configuration_it_is_in_some_rooms_alone(dice):
    with serving(dice, settings={"plugins.Dice.rooms": ["Dev", "#ops"]}) as server:
        ada = in_dev(server)
        assert texts(ada.ask("/roll", "dev")) == ["4"]
        assert ada.ask("damn", "dev")[-1]["code"] == "rude"
        assert ada.ask("/roll", "lobby")[-1]["text"] == "/roll works in these rooms alone: dev, ops."
        assert ada.ask("damn", "lobby")[-1]["type"] == "ack"
        bob = Program(server, "bob")
        bob.join(room="garden")
        bob.read_until("role")
        assert texts(bob.ask("/plugin", "garden")) == ["You may not use /plugin."]
        assert bob.request(type="say", to="ada", text="damn")["type"] == "ack"
        assert {room for what, room in dice.seen} <= {"dev", "ops"}


def test_a_name_of_no_room_stops_the_start(dice):
    nothing = {"plugins.Dice.rooms": [" "]}
    with pytest.raises(ConfigError, match=r"plugins\.Dice\.rooms: "), serving(dice, settings=nothing):
        pass


def test_what_is_not_restricted_is_called_as_it_is(dice):
    with serving(dice) as server:
        ada = in_dev(server)
        lifecycle = server.server.plugin_lifecycle
        function = dice.polite
        assert lifecycle.rooms.gated("Dice", "greenchat_check_message", function, True) is function
        ada.ask("/plugin disable dice", "dev")
        assert lifecycle.rooms.gated("Dice", "greenchat_check_message", function, True) is not function


def test_where_it_cannot_be_read_checks_go_on_and_nothing_else_does(dice, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(room_switches, "RETRY_SECONDS", 0.05)
    with serving(dice, data_dir=tmp_path) as server:
        in_dev(server).ask("/plugin disable dice", "dev")
    good = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(b"no database at all" * 1000)
    for beside in tmp_path.glob(f"{FILE}-*"):
        beside.unlink()
    dice.seen.clear()
    with serving(dice, data_dir=tmp_path) as server:
        assert "it is not known which plugins are off in which rooms" in caplog.text
        ada = in_dev(server)
        assert ada.ask("damn", "dev")[-1]["code"] == "rude"
        assert ada.ask("/roll", "dev")[-1]["text"] == "/roll does not work at the moment. Try again later."
        assert ada.ask("/plugin enable dice", "dev")[-1]["code"] == "try_again"
        assert dice.seen == []
        (tmp_path / FILE).write_bytes(good)
        eventually(lambda: ada.ask("damn", "dev")[-1]["type"] == "ack")
        assert texts(ada.ask("/roll", "lobby")) == ["4"]


def test_so_much_is_kept_and_rooms_that_nobody_is_in_are_forgotten_first(dice, monkeypatch):
    monkeypatch.setattr(room_switches, "MOST_KEPT", 1)
    with serving(dice) as server:
        ada = Program(server, "ada")
        for room in "one", "two":
            ada.join(room=room)
            ada.read_until("role")
        ada.ask("/plugin disable dice", "one")
        assert ada.ask("/plugin disable dice", "two")[-1]["text"] == (
            "Too much is switched off in too many rooms already."
        )
        ada.request(type="leave", room="one")
        assert texts(ada.ask("/plugin disable dice", "two")) == ["Dice is off in two from now on, says ada."]


def test_commands_that_are_typed_to_one_person_are_of_no_room(dice):
    with serving(dice) as server:
        ada, _ = in_dev(server), Program(server, "bob")
        ada.ask("/plugin disable dice", "dev")
        ref = ada.refs = ada.refs + 1
        ada.send(type="say", to="bob", text="/roll", ref=ref)
        assert ada.read_until("notice")["text"] == "4"
        ref = ada.refs = ada.refs + 1
        ada.send(type="say", to="bob", text="/plugin disable dice", ref=ref)
        assert ada.read_until("error")["code"] in ("room_required", "not_allowed")


def test_what_an_operator_switches_in_somebodys_room_is_on_record(dice):
    class Desk:
        def __init__(self):
            self.acts = []

        @command
        def promote(self, call):
            """Become an operator."""
            call.session.role = "operator"

        @on(ModerationAction)
        def note(self, event):
            self.acts.append((event.act, event.target, event.room))

    desk = Desk()
    with serving(dice, desk) as server:
        ada, eve = in_dev(server), Program(server, "eve")
        eve.join(room="dev")
        eve.ask("/promote", "dev")
        assert texts(eve.ask("/plugin off dice", "dev")) == ["Dice is off in dev from now on, says eve."]
        ada.read_until("notice", text="Dice is off in dev from now on, says eve.")
        ada.ask("/plugin enable dice", "dev")
        assert desk.acts == [("plugin disable", "Dice", "dev")]


def test_what_was_switched_off_is_forgotten_with_the_room_though_the_plugin_is_not_there(dice, tmp_path):
    with serving(dice, data_dir=tmp_path) as server:
        in_dev(server).ask("/plugin disable dice", "dev")
    with serving(data_dir=tmp_path) as server:
        forgotten = Flag()

        def forget():
            server.server.forget_room("dev")
            forgotten.set()

        server.call(lambda: gevent.spawn(forget))
        eventually(forgotten.is_set)
    with serving(dice, data_dir=tmp_path) as server:
        assert in_dev(server).ask("damn", "dev")[-1]["code"] == "rude"
