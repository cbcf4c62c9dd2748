"""A bot with a cursor, killed again and again, as the server is: in the end it knows what the history has, and it was
told nothing twice."""

import random
from contextlib import closing
from itertools import count

import pytest
from kit.processes import kept_port, serve_process

from greenchat.client import Client, Cursor
from greenchat.protocol.events import Deleted, Edited, Message, Notice, Reacted

ROUNDS, FULL_ROUNDS = 24, 400

# How much happens while the bot is not there: nothing, a little, pages of it, and more than a server tells of.
HAPPENINGS, FULL_HAPPENINGS = (0, 1, 5, 20, 150), (0, 1, 5, 20, 150, 1200)

KINDS = Message | Edited | Deleted | Reacted

PASSWORD = "correct-horse-battery"
SETTINGS = [
    argument
    for setting in ("limits.flood_rate=0", "plugins.accounts.memory_mib=1", "plugins.accounts.passes=1")
    for argument in ("--set", setting)
]


class Talker:
    """Says something in the lobby, and changes some of what she has said of late."""

    def __init__(self, chances):
        self._chances = chances
        self._seqs = []
        self._numbers = count(1)

    def join(self, port):
        self.client = Client.connect("127.0.0.1", port)
        self.client.join("ada", login=PASSWORD if self._seqs else "")
        if not self._seqs:
            self.client.confirm(self.client.say(f"/register {PASSWORD}"))
            self.say()

    def say(self):
        text = f"message {next(self._numbers)}"
        self._seqs.append(self.client.confirm(self.client.say(text, "lobby")).seq)
        return text

    def act(self):
        client, chances = self.client, self._chances
        kind = chances.choice(["say", "say", "edit", "delete", "react"])
        seqs = self._seqs[-50:]
        if kind == "say" or len(seqs) < 2:
            self.say()
            return
        seq = chances.choice(seqs)
        match kind:
            case "edit":
                client.confirm(client.edit("lobby", seq, f"changed {next(self._numbers)}"))
            case "delete":
                client.confirm(client.delete("lobby", seq))
                self._seqs.remove(seq)
            case "react":
                client.confirm(client.react("lobby", seq, chances.choice("🌷🌻🌼"), chances.random() < 0.7))


class Bot:
    """`known` is what the lobby's messages say by what it was told, `reactions` who has put which emoji there."""

    def __init__(self, path, server_is_killed):
        self._path = path
        self._server_is_killed = server_is_killed
        self._names = count(1)
        # What it was dealing with when it was killed; and where the server was killed, too, all that it had caught up
        # with until then.
        self._unsure = []
        self._revs = {}
        self.known = {}
        self.reactions = {}

    def begin(self, port):
        with closing(Client.connect("127.0.0.1", port)) as client:
            client.join("bot")
            assert [*client.catch_up("lobby", Cursor(self._path))] == []

    def run(self, port, last, most):
        """It is done with the message `last`; or is killed before, while it deals with so many things."""
        with closing(Client.connect("127.0.0.1", port)) as client:
            client.join(f"bot{next(self._names)}")
            dealt = 0
            for item in client.follow(Cursor(self._path)):
                if isinstance(item, KINDS):
                    self.learn(item)
                    dealt += 1
                    self._unsure = [*self._unsure, item] if self._server_is_killed else [item]
                    if dealt == most:
                        return
                if isinstance(item, Message) and item.text == last:
                    client.say("/ping")
                elif isinstance(item, Notice):
                    self._unsure = []
                    return

    def learn(self, item):
        is_news = item.rev > self._revs.get(item.seq, 0) or item in self._unsure
        self._revs[item.seq] = item.rev
        match item:
            case Message(seq=seq, text=text, reactions=reactions):
                self.known[seq] = text
                self.reactions[seq] = {(emoji, name) for emoji, names in (reactions or {}).items() for name in names}
            case Edited(seq=seq, text=text):
                self.known[seq] = text
            case Deleted(seq=seq):
                self.known[seq], self.reactions[seq] = None, set()
            case Reacted(seq=seq, by=name, emoji=emoji, on=on):
                change = set.add if on else set.discard
                change(self.reactions[seq], (emoji, name))
        assert is_news, f"{item} was told twice"


@pytest.mark.parametrize("killed", [False, True])
def test_a_bot_misses_nothing_and_is_told_nothing_twice(tmp_path, full, seed, killed):
    chances = random.Random(seed)
    ada, bot = Talker(chances), Bot(tmp_path / "bot.cursor", killed)
    happenings = FULL_HAPPENINGS if full else HAPPENINGS
    with kept_port() as port:
        for turn in range(FULL_ROUNDS if full else ROUNDS):
            with serve_process(tmp_path, "--port", str(port), *SETTINGS) as server:
                if not turn:
                    bot.begin(port)
                ada.join(port)
                for _ in range(chances.randrange(1, 5)):
                    for _ in range(chances.choice(happenings)):
                        ada.act()
                    bot.run(port, ada.say(), chances.choice([0, 0, 1, 3, 40]))
                for _ in range(chances.choice([0, 2])):
                    ada.act()
                ada.client.close()
                if killed:
                    server.process.kill()
                else:
                    server.stop()
        with serve_process(tmp_path, "--port", str(port), *SETTINGS) as server:
            ada.join(port)
            bot.run(port, ada.say(), 0)
            compare(ada.client, bot, reactions=not killed)
            ada.client.close()


def compare(client, bot, *, reactions):
    """The bot knows what the history has."""
    before, kept = 0, {}
    while before != 1:
        page = client.history("lobby", before=before)
        kept |= {event.seq: event for event in page.events if isinstance(event, Message | Deleted)}
        before = min(kept)
    known = {seq: event.text if isinstance(event, Message) else None for seq, event in kept.items()}
    assert {seq: bot.known.get(seq) for seq in known} == known
    if reactions:
        for seq, event in kept.items():
            told = {} if isinstance(event, Deleted) else event.reactions or {}
            assert bot.reactions[seq] == {(emoji, name) for emoji, names in told.items() for name in names}
