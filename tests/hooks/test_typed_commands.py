"""Commands with typed arguments, as somebody who types them."""

import gevent
import pytest
from gevent.event import Event
from kit.programs import Anybody, Program, says

from greenchat import (
    Answer,
    Argument,
    Command,
    Member,
    PluginError,
    Reject,
    Rest,
    Room,
    Secret,
    hookimpl,
    typed_command,
)
from greenchat.hooks.commands import CommandTable
from greenchat.testing import DEADLINE, serving


class Doubled(Answer, frozen=True, kw_only=True, tag="doubled"):
    number: int


def double(call, number: int):
    """Tell twice a number.

    It may be negative.
    """
    return str(2 * number)


def count(call, *words: str):
    """Tell the words one by one."""
    return [f"{place}: {word}" for place, word in enumerate(words, 1)]


def answer(call, number: int):
    """Tell it as an answer."""
    return Doubled(number=2 * number, lines=[f"Twice is {2 * number}."])


def odd(call):
    """Return what cannot be told."""
    return 5


def poke(call, who: Member, *, how: str = "gently"):
    """Poke somebody."""
    call.say(f"pokes {who.name} {how}", action=True)


def peek(call, room: Room):
    """Tell how many are in a room."""
    return f"{len(room.members)} in {room.name}, says {call.member.name}"


def keep(call, key: Secret):
    """Keep a key."""
    assert key in ("a key",)
    assert "a key" not in repr(call.args)
    return f"{type(key).__name__}: kept."


def note(call, text: Rest):
    """Take a note."""
    return f"{text!r}"


class Toys(Anybody):
    """Those, and some that need more than a function."""

    def __init__(self):
        self.go_on = Event()

    @hookimpl
    def greenchat_commands(self):
        return [
            *super().greenchat_commands(),
            *map(typed_command, (double, count, answer, odd, poke, peek, keep, self.later)),
            typed_command(note, lines=True),
            typed_command(double, "often", rate="2/1h"),
            typed_command(double, "rule", operator=True),
        ]

    def later(self, call, text: Rest):
        """Say something from another greenlet, once it may."""
        gevent.spawn(lambda: self.go_on.wait(DEADLINE) and self.say(call, text))

    def say(self, call, text):
        try:
            call.say(text)
        except Reject as verdict:
            call.reply(f"Not said: {verdict.text}")


@pytest.fixture
def toys():
    return Toys()


@pytest.fixture
def server(toys):
    with serving(toys) as running:
        yield running


@pytest.fixture
def ada(server):
    return server.join("ada")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("/double 21", ["INFO|42"]),
        ("/DOUBLE\t -4", ["INFO|-8"]),
        ("/double", ["ERROR|Something is missing. Type it so: /double NUMBER"]),
        ("/double x", ["ERROR|NUMBER is a whole number, such as 12, not 'x'. Type it so: /double NUMBER"]),
        ("/double 1 2", ["ERROR|That is more than it takes. Type it so: /double NUMBER"]),
        ("/count", []),
        ("/count a b", ["INFO|1: a", "INFO|2: b"]),
        ("/answer 4", ["INFO|Twice is 8."]),
        ("/odd", ["ERROR|/odd has failed. Tell whoever runs the server."]),
        ("/keep a key", ["INFO|Secret: kept."]),
        ("/peek lobby", ["INFO|1 in lobby, says ada"]),
        ("/peek cellar", ["ERROR|There is no room cellar that you may see."]),
        ("/poke eve", ["ERROR|Nobody here is called eve. Look with /who."]),
        ("/rule 1", ["ERROR|You may not use /rule."]),
        ("/often 1", ["INFO|2"]),
    ],
)
def test_what_it_returns_is_told_to_who_typed_it(ada, line, told):
    assert says(ada, line) == told


def test_operators_may_run_what_is_theirs(ada):
    says(ada, "/crown")
    assert says(ada, "/rule 1") == ["INFO|2"]


def test_it_says_where_it_was_typed(server, ada):
    bob = server.join("bob")
    ada.expect("INFO|bob has joined the chat.")
    ada.send("MSG|/poke bob hard")
    bob.expect("MSG|ada|* ada pokes bob hard")


def test_lines_come_only_to_who_takes_them(server):
    program = Program(server, "eve")
    (told, _) = program.ask("/note one\ntwo")
    assert told["text"] == repr("one\ntwo")
    assert program.refused("/double 1\n2") == "usage"


def test_nobody_runs_it_more_often_than_one_may(server, ada):
    assert says(ada, "/often 1", "/often x", "/often 2") == [
        "INFO|2",
        "ERROR|NUMBER is a whole number, such as 12, not 'x'. Type it so: /often NUMBER",
        "INFO|4",
    ]
    (refusal,) = says(ada, "/often 3")
    assert refusal.startswith("ERROR|That is too often. /often again in ")
    assert says(server.join("bob"), "/often 3") == ["INFO|6"]


def test_what_another_greenlet_says_goes_where_it_was_typed_or_nowhere(server, toys):
    program = Program(server, "eve")
    program.join(room="garden")
    bob = server.join("bob", "garden")
    program.send(type="say", text="/later In the garden.", room="garden", ref="a")
    program.read_until("ack")
    server.call(toys.go_on.set)
    bob.expect("MSG|eve|In the garden.")
    server.call(toys.go_on.clear)
    program.send(type="say", text="/later Nowhere else.", room="garden", ref="b")
    program.read_until("ack")
    program.send(type="leave", room="garden", ref="c")
    program.read_until("ack", ref="c")
    server.call(toys.go_on.set)
    assert program.read_until("notice", ref="b")["text"].startswith("Not said: You are not in garden")


def test_what_is_wrong_is_told_when_it_is_loaded():
    table = CommandTable(lambda plugin, where: None)

    def silent(call):
        pass

    with pytest.raises(PluginError, match="no help"):
        typed_command(silent)
    for wrong in ("3", "3/10", "0/10s", "3/0s", "-1/s"):
        with pytest.raises(PluginError, match="no rate"):
            table.add("toys", [typed_command(double, rate=wrong)])


def test_arguments_may_be_declared_by_hand():
    def take(call, args):
        assert args == call.args
        return [f"{name}={value}" for name, value in args.items()]

    class Plugin:
        @hookimpl
        def greenchat_commands(self):
            arguments = (Argument("who"), Argument("times", "integer", optional=True, default=1, minimum=1))
            return [Command("take", "", "Take it.", arguments=arguments, typed=take)]

    with serving(Plugin) as server:
        assert says(server.join("ada"), "/take bob", "/take bob 0", "/help take") == [
            "INFO|who=bob",
            "INFO|times=1",
            "ERROR|TIMES is at least 1, not '0'. Type it so: /take WHO [TIMES]",
            "INFO|/take WHO [TIMES]",
            "INFO|Take it.",
        ]


def test_a_command_with_a_secret_is_private_by_itself():
    table = CommandTable(lambda plugin, where: None)
    table.add("toys", [typed_command(double), typed_command(keep), typed_command(note, private=True)])
    assert {command.name: command.private for command in table} == {"double": False, "keep": True, "note": True}
