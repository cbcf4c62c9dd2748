"""`/plugin reload NAME --try`: what new code would do otherwise is told before it is taken up."""

import pytest
from kit import ROOT
from kit.dry_runs import NOON, SAID
from kit.histories import keep, said
from kit.programs import Anybody, Program, without_plugins
from kit.reloading import StandIn

from greenchat.server.kept_sources import MOST_BYTES, KeptSources
from greenchat.server.plugin_tries import MESSAGES, PluginTries
from greenchat.testing import serving

GENTLE = """
from greenchat import Reject, check

@check
def gentle(text):
    if text.isupper():
        raise Reject("No shouting.")
    return text.replace("damn", "d***")
"""


@pytest.fixture
def file(tmp_path):
    (tmp_path / "plugins").mkdir()
    file = tmp_path / "plugins" / "gentle.py"
    file.write_text(GENTLE)
    keep(tmp_path, said(*SAID, start=NOON))
    return file


@pytest.fixture
def server(file, tmp_path):
    with serving(Anybody, settings=without_plugins("accounts", "moderation", "web"), data_dir=tmp_path) as running:
        server = running.server
        running.call(lambda: setattr(server, "tries", PluginTries(server, lambda: server.config)))
        yield running


@pytest.fixture
def operator(server):
    program = Program(server, "ada")
    program.ask("/crown")
    return program


def tried(operator):
    """What an operator reads of it, up to the last line or a refusal."""
    assert "It is tried on what was said last. That takes some seconds." in str(
        operator.ask("/plugin reload gentle --try")
    )
    lines = []
    while not lines or not lines[-1].startswith(("To take it up", "Another plugin")):
        lines.append(operator.read_until("notice")["text"])
    return lines


def test_what_would_be_otherwise_is_told_and_taken_up_by_yes(server, operator, file):
    stand_in = StandIn(server)
    file.write_text(GENTLE.replace("d***", "darn").replace("isupper()", "startswith('roll')"))
    first, *lines, cost, _, last = tried(operator)
    assert first == "gentle: over 7 messages it would do otherwise to 3 messages of 7."
    assert lines == [
        '  message 1 of ada in dev: "damn it" -> "d*** it"; and then: "damn it" -> "darn it"',
        '  message 2 of bob in dev: said as it was; and then: refused (rejected): "roll the dice": No shouting.',
        '  message 2 of bob in lobby: refused (rejected): "DAMN LOUD": No shouting.; and then: said as it was',
    ]
    assert "a message takes" in cost
    assert last == "To take it up: /plugin reload gentle --yes"
    assert stand_in.asks == []
    operator.ask("/plugin reload gentle --yes")
    assert len(stand_in.asks) == 1


def test_what_was_not_tried_or_has_changed_since_is_not_taken_up_by_yes(server, operator, file):
    stand_in = StandIn(server)
    error = operator.ask("/plugin reload gentle --yes")[-1]
    assert error["text"] == "What is on the disk now was not tried. Type /plugin reload gentle --try"
    assert tried(operator)[0] == "gentle: over 7 messages it would do the same."
    file.write_text("1 / 0")
    error = operator.ask("/plugin reload gentle --yes")[-1]
    assert error["text"] == "It has changed since it was tried. Type /plugin reload gentle --try"
    assert (
        tried(operator)[0]
        == "The new one could not be tried to its end: ZeroDivisionError: division by zero in gentle.py:1"
    )
    assert stand_in.asks == []


def test_it_is_for_operators_and_reload_alone(server, operator):
    bob = Program(server, "bob")
    assert bob.ask("/plugin reload gentle --try")[-1]["code"] == "not_allowed"
    assert "goes with /plugin reload alone" in operator.ask("/plugin unload gentle --try")[-1]["text"]


def test_a_try_ends_where_the_server_is_reloaded(server, operator, file):
    file.write_text(GENTLE + "\nimport time\ntime.sleep(60)\n")
    operator.ask("/plugin reload gentle --try")
    server.call(server.server.tries.end)
    text = operator.read_until("notice")["text"]
    assert text == "The server is reloaded meanwhile. Try it again after that."


def test_code_is_kept_as_it_was(tmp_path):
    package = tmp_path / "dice"
    package.mkdir()
    (package / "__init__.py").write_text("from .parts import roll")
    (package / "parts.py").write_text("roll = 1")
    (package / "words.txt").write_text("six")
    naming = tmp_path / "naming"
    naming.mkdir()
    (naming / "__init__.py").write_text("import naming.parts")
    kept = KeptSources([("dice", package), ("naming", naming), ("gone", tmp_path / "gone.py")])
    (package / "parts.py").write_text("roll = 2")
    place = kept.lay_down("dice", tmp_path / "then")
    assert place == tmp_path / "then" / "dice"
    assert (place / "parts.py").read_text() == "roll = 1"
    assert (place / "words.txt").read_text() == "six"
    assert kept.lay_down("naming", tmp_path) is None  # it would load what is there now
    assert kept.lay_down("gone", tmp_path) is None


def test_the_guide_has_the_bounds_right():
    guide = " ".join((ROOT / "plugins" / "README.md").read_text("utf-8").split())
    assert f"runs the last {MESSAGES} messages of all rooms" in guide
    assert f"up to {MOST_BYTES} bytes of a plugin" in guide
