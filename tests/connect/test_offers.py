"""What a word may become of which some is typed."""

import pytest

from greenchat.connect.commands import Commands
from greenchat.connect.offers import offers
from greenchat.protocol.replies import ArgumentEntry, CommandEntry

TABLE = [
    CommandEntry("away", "[WHY]", "Tell that you are away.", [ArgumentEntry("why", "rest", optional=True)]),
    CommandEntry("help", "[COMMAND]", "", [ArgumentEntry("command", "word", optional=True)]),
    CommandEntry("join", "ROOM [KEY]", "", [ArgumentEntry("room", "word"), ArgumentEntry("key", "secret", True)]),
    CommandEntry("kick", "USER [WHY]", "", [ArgumentEntry("user", "member"), ArgumentEntry("why", "rest", True)]),
    CommandEntry("login", "NAME PASSWORD", "", [ArgumentEntry("name", "word"), ArgumentEntry("password", "secret")]),
    CommandEntry("react", "EMOJI", "", [ArgumentEntry("emoji", "rest")]),
    CommandEntry("slow", "on|off", "", [ArgumentEntry("on", "switch")]),
    CommandEntry("evil\x1b[2J", "", "", []),
]
PEOPLE, ROOMS = ["carol", "Bob", "bobby", "a\x1bb"], ["lobby", "garden"]


def offered(before, *, asked=False):
    commands = Commands()
    commands.learn(TABLE, "")
    found = offers(before, commands, lambda: PEOPLE, lambda: ROOMS, asked=asked)
    return before[found.start :], [option.text + option.end for option in found.options]


@pytest.mark.parametrize(
    ("before", "word", "texts"),
    [
        ("/", "/", ["/away ", "/help ", "/join ", "/kick ", "/login ", "/react ", "/slow "]),
        ("  /J", "/J", ["/join "]),
        ("/join ", "", ["lobby ", "garden "]),
        ("/join G", "G", ["garden "]),
        ("/join garden ", "", []),
        ("/kick b", "b", ["Bob ", "bobby "]),
        ("/slow o", "o", ["on ", "off "]),
        ("/help k", "k", ["kick "]),
        ("/react :tad", ":tad", ["🎉 "]),
        ("/login bob ca", "ca", []),  # which may be the beginning of a password
        ("//j", "//j", []),
        ("hello @b", "@b", ["@Bob ", "@bobby "]),
        ("世界@b", "@b", ["@Bob ", "@bobby "]),
        ("me@b", "me@b", []),
        ("see #g", "#g", ["#garden "]),
        ("at 10:30", "10:30", []),
        ("`:tad", "`:tad", []),
        ("`x` :tad", ":tad", []),
        ("b", "b", []),
        ("@" + "b" * 300, None, []),
    ],
)
def test_what_is_offered_by_itself(before, word, texts):
    found = offered(before)
    assert found[1] == texts
    assert word is None or found[0] == word


def test_what_is_offered_to_who_asks():
    assert offered("b", asked=True) == ("b", ["Bob: ", "bobby: "])
    assert offered("so b", asked=True) == ("b", ["Bob ", "bobby "])
    assert offered("so ", asked=True)[1] == ["carol ", "Bob ", "bobby "]
    assert offered("/away c", asked=True) == ("c", ["carol "])
    assert offered("/login bob ca", asked=True)[1] == []
