"""switches: operators reload the server, and choose which plugins are on."""

import pytest
from kit.programs import Anybody, Program, says, without_plugins
from kit.reloading import StandIn

from greenchat.storage.plugin_choice import Choice
from greenchat.testing import serving

DICE = """
from greenchat import command

@command
def roll(call):
    "Roll a die."
    return "4"
"""

ALONE = without_plugins("accounts", "history", "moderation", "web") | {
    "server.required_plugins": ["people"],
    "plugins.polls.on": False,
}


@pytest.fixture
def server(tmp_path):
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "dice.py").write_text(DICE)
    with serving(Anybody, settings=ALONE, data_dir=tmp_path) as running:
        yield running


@pytest.fixture
def operator(server):
    program = Program(server, "ada")
    program.ask("/crown")
    return program


def refusal(program, line):
    frame = program.ask(line)[-1]
    assert frame["type"] == "error", frame
    return frame["text"]


def test_who_reloads_is_told_what_came_of_it(server, operator):
    stand_in = StandIn(server)
    told = operator.ask("/reload")
    assert [frame["type"] for frame in told] == ["notice", "ack"]
    ref = told[-1]["ref"]
    assert stand_in.asks == [("ada", operator_id(server), ref, None)]
    stand_in.answer(
        ok=True, how="handover", changed=["plugin dice: dice.py has changed"], pause_seconds=0.1, sessions=1
    )
    frame = operator.read_until("reloaded")
    assert (frame["ref"], frame["ok"], frame["how"], frame["sessions"]) == (ref, True, "handover", 1)
    assert frame["lines"] == [
        "The server was reloaded: nobody was served for 100 ms, and 1 connection went on.",
        "Changed: plugin dice: dice.py has changed",
    ]


def test_a_plain_client_reads_it_line_by_line(server):
    stand_in = StandIn(server)
    bob = server.join("bob")
    says(bob, "/crown", "/reload")
    stand_in.answer(ok=False, why=["The plugin dice cannot be loaded: dice.py:3: invalid syntax. Mend it."])
    bob.expect(
        "INFO|Nothing was reloaded, and all goes on as it was.",
        "INFO|The plugin dice cannot be loaded: dice.py:3: invalid syntax. Mend it.",
    )


def test_nobody_else_may(server):
    stand_in = StandIn(server)
    eve = Program(server, "eve")
    assert refusal(eve, "/reload") == "You may not use /reload."
    for verb in ("load", "unload", "reload", "enable", "disable"):
        assert eve.ask(f"/plugin {verb} dice")[-1]["code"] == "not_allowed"
    assert stand_in.asks == []


def test_a_server_that_cannot_be_reloaded_says_so(operator):
    assert refusal(operator, "/reload") == "This server runs inside another program: restart that."


@pytest.mark.parametrize(
    ("line", "choice"),
    [
        ("/plugin unload dice", Choice(unloaded=("dice",))),
        ("/plugin disable DICE", Choice(disabled=("dice",))),
        ("/plugin reload dice", Choice()),
        ("/plugin enable history", Choice(enabled=("history",))),
        ("/plugin enable karma", Choice(enabled=("karma",))),
        ("/plugin enable polls", Choice(enabled=("polls",))),
    ],
)
def test_plugins_are_chosen(server, operator, line, choice):
    stand_in = StandIn(server)
    operator.ask(line)
    assert [ask[3] for ask in stand_in.asks] == [choice]


def test_a_plugin_that_has_come_meanwhile_is_loaded(server, operator, tmp_path):
    stand_in = StandIn(server)
    (tmp_path / "plugins" / "karma.py").write_text(DICE)
    operator.ask("/plugin load karma")
    assert [ask[3] for ask in stand_in.asks] == [Choice()]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("/plugin unload dise", "There is no plugin dise. Did you mean dice?"),
        ("/plugin load dice", "dice is on already. To take up its code as it is now: /plugin reload dice"),
        ("/plugin enable dice", "dice is on already. To take up its code as it is now: /plugin reload dice"),
        ("/plugin load history", "history is disabled. Type /plugin enable history"),
        ("/plugin reload history", "history is disabled. Type /plugin enable history"),
        (
            "/plugin load karma",
            "karma is off by the configuration. Type /plugin enable karma; or /reload, if that has changed",
        ),
        (
            "/plugin load polls",
            "polls is off by the configuration. Type /plugin enable polls; or /reload, if that has changed",
        ),
        ("/plugin disable history", "history is disabled already."),
        ("/plugin unload history", "history is off already."),
        ("/plugin disable switches", "Without switches nobody could type /plugin any more."),
        ("/plugin unload slash_commands", "Without slash_commands nobody could type /plugin any more."),
        (
            "/plugin unload people",
            "people is required by the configuration. Take it out of server.required_plugins first.",
        ),
        ("/plugin unload", "Which one? Type it so: /plugin unload NAME"),
    ],
)
def test_what_makes_no_sense_is_refused(server, operator, line, why):
    stand_in = StandIn(server)
    assert refusal(operator, line) == why
    assert stand_in.asks == []


def test_clients_are_told_which_plugins_there_are(operator):
    table = operator.request(type="commands")["commands"]
    (entry,) = [command for command in table if command["name"] == "plugin"]
    what, plugin, how = entry["arguments"]
    assert what["choices"] == ["on", "off", "enable", "disable", "load", "unload", "reload"]
    assert plugin["kind"] == "word"
    assert how["choices"] == ["--try", "--yes"]
    assert {"dice", "history"} <= {*plugin["choices"]}


def operator_id(server):
    (session,) = [one.id for one in server.server.sessions.values() if one.role == "operator"]
    return session
