"""The bundled plugins together: one story for each area, told by plain clients, by JSON clients, and by both.

In every story there are people who only look on. A program's frames are read here as the plain lines that they stand
for, so that both kinds can be held against each other.
"""

import json
import re
from contextlib import contextmanager

import pytest
from click.testing import CliRunner
from kit.accounts import CHEAP
from kit.histories import keep, said
from kit.machine import eventually

from greenchat.cli import main
from greenchat.codecs.jsonlines import JsonCodec
from greenchat.codecs.plain import PlainCodec
from greenchat.protocol.replies import Welcome
from greenchat.protocol.text import FORBIDDEN
from greenchat.testing import Peer, serving

PLAIN = PlainCodec()
SECRETS = {"ada": "correct-horse-battery", "op": "another-secret-altogether"}
NEW_SECRET = "yet-one-more-of-them"

# What clears a screen, writes into a window's title, ends a line for some programs, or turns the rest of it around.
EVIL = ["\x1b[2J", "\x9b2J", "\x1b]0;owned\x07", "\x7f", "\u2028", "\u202e"]


class Person:
    """Somebody on a plain client. `seen` is all that was ever sent to it, `read` what is new."""

    many_rooms = False

    def __init__(self, server):
        self.peer = server.peers.enter_context(Peer(server.host, server.port))
        self.seen = []

    def join(self, name, room="", login=""):
        """All that newcomers are told."""
        self.send(*([f"MSG|/login {name} {login}"] if login else []), f"JOIN|{name}|{room}" if room else f"JOIN|{name}")
        return self.sync()

    def says(self, *lines):
        """All that is still to be read, and what comes of it."""
        self.send(*(f"MSG|{line}" for line in lines))
        return self.sync()

    def goes(self, room, key=""):
        """To another room, out of the one before."""
        return self.says(f"/join {room} {key}".rstrip())

    def sync(self):
        """All that is still to be read. Twice, as what a room is told comes at the end of the server's turn."""
        return [line for _ in range(2) for line in self._ping()]

    def says_last(self, line):
        """All that comes of it, which is the last."""
        self.send(f"MSG|{line}")
        return self.ends()

    def ends(self):
        """All up to the end of the connection, which comes by itself."""
        return list(iter(self.read, ""))

    def read(self):
        """The next line; empty at the end."""
        line = self.peer.read()
        self.seen.append(line)
        return line

    def send(self, *frames):
        self.peer.send(*frames)

    def attacks(self, line, evil):
        self.send(f"MSG|{line.format(evil)}")
        self.sync()

    def _ping(self):
        self.send("MSG|/ping")
        return list(iter(self.read, "INFO|Pong."))

    def check(self):
        """It was sent nothing that a client of six frames does not know, and nothing that drives a terminal."""
        for line in filter(None, self.seen):
            assert line.partition("|")[0] in ("MSG", "INFO", "ERROR"), line
            assert not FORBIDDEN.search(line), line


class Program(Person):
    """Somebody on a JSON client; what it reads are plain lines all the same."""

    many_rooms = True

    def __init__(self, server):
        super().__init__(server)
        self._replies = JsonCodec().reply_decoder()
        self._lines = []
        self._room = ""

    def join(self, name, room="", login=""):
        self._room = room or "lobby"
        self.ask(type="join", name=name, room=room, login=login)
        return self.sync()

    def says(self, *lines):
        for line in lines:
            self.ask(type="say", text=line, room=self._room)
        return self.sync()

    def says_last(self, line):
        self.ask(type="say", text=line, room=self._room)
        return self.ends()

    def goes(self, room, key=""):
        before = self._room
        self.ask(type="join", room=room, key=key)
        told = self.sync()
        if not any(line.startswith("ERROR") for line in told):
            self.ask(type="leave", room=before)
        return told + self.sync()

    def read(self):
        while not self._lines:
            line = self.peer.read()
            if not line:
                return ""
            self.seen.append(line)
            (reply,) = self._replies.feed(f"{line}\n".encode())
            if isinstance(reply, Welcome):  # also by a command
                self._room = reply.room
            self._lines = PLAIN.encode(reply).decode().splitlines()
        return self._lines.pop(0)

    def ask(self, **frame):
        self.send(json.dumps(frame))

    def attacks(self, line, evil):
        self.says(line.format(evil))
        for kind in ("history", "search"):
            self.ask(type=kind, room=f"a{evil}b", text=f"b{evil}c")
        self.ask(type="join", name=f"a{evil}b", room=f"a{evil}b", key=evil)
        self.sync()

    def _ping(self):
        self.ask(type="say", text="/ping")
        return list(iter(self.read, "INFO|Pong."))

    def check(self):
        for line in self.seen:
            for text in _strings(json.loads(line)):
                assert not FORBIDDEN.search(text), line


def _strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for part in [*value, *value.values()] if isinstance(value, dict) else value:
            yield from _strings(part)


class Company:
    """Those in a story. `kinds` are taken in turn; onlookers are of both, always."""

    def __init__(self, server, kinds):
        self.server = server
        self._kinds = kinds
        self._people = []
        self._onlookers = []

    def person(self):
        """Somebody who has not joined yet."""
        return self._add(self._kinds[len(self._people) % len(self._kinds)])

    def join(self, name, room="", login=""):
        person = self.person()
        person.told = person.join(name, room, login)
        return person

    def look_on(self, room=""):
        """Have both kinds look on from now on, in a room that is open to all."""
        program, plain = self._add(Program), self._add(Person)
        program.join(f"json-{room or 'lobby'}", room)
        plain.join(f"plain-{room or 'lobby'}", room)
        program.sync()
        self._onlookers.append((plain, program, []))

    def seen(self):
        """What onlookers have read since: the same, of whatever kind they are."""
        for plain, program, seen in self._onlookers:
            lines = plain.sync()
            assert lines == program.sync()
            seen += lines
        return [seen for _, _, seen in self._onlookers]

    def attack(self, attacker, *lines):
        """Have all of `lines` said with each of EVIL in it."""
        for evil in EVIL:
            for line in lines:
                attacker.attacks(line, evil)

    def check(self):
        self.seen()
        for person in self._people:
            person.check()
            for secret in (*SECRETS.values(), NEW_SECRET):
                assert not any(secret in line for line in person.seen)

    def _add(self, kind):
        person = kind(self.server)
        self._people.append(person)
        return person


@pytest.fixture(params=[(Person,), (Program,), (Person, Program), (Program, Person)], ids=["plain", "json", "pj", "jp"])
def kinds(request):
    return request.param


@contextmanager
def story(kinds, data_dir=None, **settings):
    with serving(settings=CHEAP | settings, data_dir=data_dir) as server:
        company = Company(server, kinds)
        yield company
        company.check()


def test_rooms(kinds):
    with story(kinds) as company:
        company.look_on()
        ada, bob = company.join("ada"), company.join("bob")
        ada.goes("garden")
        company.look_on("garden")
        assert "INFO|ada has set the topic: Tulips" in ada.says("/topic Tulips")
        ada.says("/room key sesame")
        assert bob.goes("garden") != []
        assert bob.says("only the lobby hears this") == []
        assert any("The topic is: Tulips" in line for line in bob.goes("garden", "sesame"))
        ada.says("hello bob")
        assert "MSG|ada|hello bob" in bob.says("/me waves")
        names = "INFO|In garden (4): ada (owner), json-garden, plain-garden, bob"
        assert ada.says("/names")[-1] == bob.says("/names")[-1] == names
        listed = ["INFO|garden (4, protected): Tulips", "INFO|lobby (2)"]
        assert ada.says("/rooms")[-2:] == bob.says("/rooms")[-2:] == listed
        cy = company.join("cy")
        assert "INFO|ada invites you to garden. Type /join garden" in [*ada.says("/invite cy"), *cy.sync()]
        cy.goes("garden")
        company.attack(ada, "/topic a{0}b", "/room key a{0}b", "/invite a{0}b", "/join a{0}b", "/names a{0}b", "a{0}b")
        lobby, garden = company.seen()
        assert "MSG|bob|only the lobby hears this" in lobby
        assert not any("hello bob" in line for line in lobby)
        assert garden[:1] + garden[2:] == [
            "INFO|ada has set the topic: Tulips",
            "INFO|bob has joined the chat.",
            "MSG|ada|hello bob",
            "MSG|bob|* bob waves",
            "INFO|cy has joined the chat.",
        ]
        assert "sesame" not in str([lobby, garden])


def test_accounts(kinds):
    with story(kinds) as company:
        company.look_on()
        secret = SECRETS["ada"]
        other = company.join("ada")
        assert any("ada is yours now" in line for line in other.says(f"/register {secret}"))
        stranger = company.person()
        assert any("belongs to somebody" in line for line in stranger.join("ＡＤＡ"))
        assert "ERROR|Name or password is wrong." in stranger.join("ada", login="something-else")
        ada = company.join("ada", login=secret)
        assert any(line.startswith("INFO|Welcome to lobby, ada.") for line in ada.told)
        ada.says("it is me")
        other.says("and me")
        assert "INFO|ada has a new password." in ada.says(f"/passwd {secret} {NEW_SECRET}")
        assert other.ends()[-1].startswith("ERROR|The password of ada was changed on another device.")
        ada.says("still here")
        assert ada.says_last("/logout")[-1].endswith("|You are logged out.")
        assert "ERROR|Name or password is wrong." in company.join("ada", login=secret).told
        ada = company.join("ada", login=NEW_SECRET)
        company.attack(ada, "/nick a{0}b", "/login a{0}b c{0}d", "/register a{0}b", "/passwd a{0}b c")
        (lobby,) = company.seen()
        assert lobby == [
            "INFO|ada has joined the chat.",
            "MSG|ada|it is me",
            "MSG|ada|and me",
            "MSG|ada|still here",
            "INFO|ada has left the chat.",
            "INFO|ada has joined the chat.",
        ]


def test_operators(kinds, tmp_path):
    with story(kinds, tmp_path) as company:
        company.look_on()
        op, bob = company.join("op"), company.join("bob")
        op.says(f"/register {SECRETS['op']}")
        result = CliRunner().invoke(main, ["operators", "add", "op", "--data-dir", str(tmp_path)])
        assert result.exit_code == 0, result.output
        eventually(lambda: "INFO|op is an operator now." in bob.sync())
        assert any(line.startswith("ERROR|") for line in bob.says("/ban op", "/announce I rule"))
        op.says("/mute bob 1h shouting")
        assert any(line.startswith("ERROR|You are muted") for line in bob.says("LET ME SPEAK"))
        op.says("/unmute bob")
        bob.says("thank you")
        op.says("/announce Tea is ready.", "/ban bob 1h that was it")
        assert bob.ends()[-1].endswith(": that was it")
        cy = company.join("cy")
        op.says("/kick cy not you, too")
        assert "ERROR|You were put out of lobby by op: not you, too" in cy.sync()
        again = company.person().join("bob")
        assert again[0].startswith("ERROR|bob is banned from this chat for ")
        assert again[0].endswith(": that was it")
        assert any("INFO|bob is banned" in line and "by op" in line for line in op.says("/bans"))
        company.attack(op, "/ban a{0}b", "/ban eve 1h a{0}b", "/mute json-lobby 1h a{0}b", "/announce a{0}b")
        assert "INFO|bob is not banned any more." in op.says("/unban bob")
        assert any(line.startswith("INFO|Welcome") for line in company.join("bob").told)
        acts = [line.partition(" op: ")[2] for line in op.says("/audit") if " op: " in line]
        assert [act.split(" (")[0] for act in acts] == [
            "mute bob",
            "unmute bob",
            "announce",
            "ban bob",
            "kick cy in lobby",
            "unban bob",
        ]
        (lobby,) = company.seen()
        assert "INFO|Announcement by op: Tea is ready." in lobby
        assert "LET ME SPEAK" not in str(lobby)


def test_history(kinds, tmp_path):
    keep(tmp_path, said("lobby eve: very old"))
    with story(kinds, tmp_path, **{"plugins.history.replay": 20}) as company:
        company.look_on()
        ada, bob = company.join("ada"), company.join("bob")
        ada.says("roses are red")
        bob.says("/me likes roses")
        ada.says("/join garden")
        ada.says("roses of the garden")
        company.attack(bob, "/search a{0}b", "/history {0}")
        company.seen()
    with story(kinds, tmp_path, **{"plugins.history.replay": 2}) as company:
        company.look_on()
        people = [company.join(name) for name in ("cy", "dan")]
        for person in people:
            assert [line for line in person.told if line.startswith("MSG|")] == [
                "MSG|ada|roses are red",
                "MSG|bob|* bob likes roses",
            ]
        told, also_told = (person.says("/history 3")[-5:] for person in people)
        # Who knows no numbers reads them with it.
        assert [re.sub(r"\[\d\] ", "", line) for line in told] == [re.sub(r"\[\d\] ", "", line) for line in also_told]
        assert told[1].endswith("very old")
        found, also_found = (person.says("/search roses")[-4:] for person in people)
        assert found == also_found
        assert [line.rpartition(" in ")[2] for line in found[:3]] == [
            "garden, ada: roses of the garden",
            "lobby, * bob likes roses",
            "lobby, ada: roses are red",
        ]


def test_what_is_in_the_history_by_other_means_drives_no_terminal_either(tmp_path):
    keep(tmp_path, said(*(f"lobby eve: poison {evil}" for evil in EVIL)))
    with story((Person,), tmp_path, **{"plugins.history.replay": 20}) as company:
        ada = company.join("ada")
        for lines in (ada.told, ada.says("/history"), ada.says("/search poison")):
            assert sum("poison ?" in line for line in lines) == len(EVIL)


def test_people(kinds):
    with story(kinds) as company:
        company.look_on()
        ada, bob, cy = (company.join(name) for name in ("ada", "bob", "cy"))
        assert "INFO|To bob: lunch at one?" in ada.says("/msg bob lunch at one?")
        assert "MSG|ada (private)|lunch at one?" in bob.says("/reply gladly", "/away at lunch")
        assert "MSG|bob (private)|gladly" in ada.sync()
        assert "INFO|bob is away: at lunch" in ada.says("/msg bob where are you?")
        assert "away: at lunch" in cy.says("/whois bob")[-1]
        cy.says("/ignore ada")
        ada.says("can cy hear me?", "/nick ida", "and now?")
        assert not any(line.startswith("MSG|") for line in cy.sync())
        cy.says("/unignore ida")
        ada.says("at last")
        assert "MSG|ida|at last" in cy.sync()
        bob.says("/back")
        company.attack(
            bob, "/away a{0}b", "/msg ida a{0}b", "/whois a{0}b", "/ignore a{0}b", "/nick a{0}b", "/me a{0}b"
        )
        (lobby,) = company.seen()
        assert lobby == [
            "INFO|ada has joined the chat.",
            "INFO|bob has joined the chat.",
            "INFO|cy has joined the chat.",
            "INFO|bob is away: at lunch",
            "MSG|ada|can cy hear me?",
            "INFO|ada is now known as ida.",
            "MSG|ida|and now?",
            "MSG|ida|at last",
            "INFO|bob is back.",
        ]
