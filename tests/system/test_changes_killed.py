"""The real server, killed or stopped while messages are changed: what was acknowledged is kept, and who catches up over
all of that by a cursor has in the end what the history has."""

import random

from kit.histories import verified
from kit.processes import serve_process

from greenchat import Deleted
from greenchat.client import Client, DisconnectedError

LIVES, FULL_LIVES = 6, 60
FEWEST, MOST = 20, 200  # requests, until a life ends
AT_ONCE = 8  # requests that are on their way
EMOJI = "🌷👍🌹"
SETTINGS = ("--set", "limits.flood_rate=0", "--set", "plugins.history.page_messages=50")


class Writer:
    """Somebody who changes what they have said in this life. `kept` is what each message must be: text, emoji; None
    where it is gone. What is on its way is `open`, by its ref: it may have happened, or not."""

    def __init__(self, client, rng):
        self.client, self._rng = client, rng
        self.mine, self.kept, self.open = [], {}, {}

    def step(self):
        client, rng = self.client, self._rng
        seq = rng.choice(self.mine) if self.mine and rng.random() < 0.6 else 0
        busy = {seq for seq, _, _ in self.open.values()}
        if not seq or seq in busy:
            text = f"said {rng.random()}"
            self.open[client.say(text, "lobby")] = 0, (text, frozenset()), None
            return
        text, emoji = self.kept[seq]
        kind = rng.choice(["edit", "react", "react", "delete"])
        if kind == "edit":
            after = f"changed {rng.random()}", emoji
            ref = client.edit("lobby", seq, after[0])
        elif kind == "react":
            one = rng.choice(EMOJI)
            after = text, emoji ^ {one}
            ref = client.react("lobby", seq, one, one not in emoji)
        else:
            after = None
            ref = client.delete("lobby", seq)
            self.mine.remove(seq)
        self.open[ref] = seq, after, self.kept[seq]

    def settle(self):
        """Wait for the answer to what was asked first."""
        ref = next(iter(self.open))
        ack = self.client.confirm(ref)
        seq, after, _ = self.open.pop(ref)
        if not seq:
            self.mine.append(ack.seq)
        self.kept[seq or ack.seq] = after


def state(event):
    return None if isinstance(event, Deleted) else (event.text, frozenset(event.reactions or ()))


def caught_up(client, known, cursor):
    """All that `known` is after it has been brought up to the present, and the cursor then."""
    while True:
        epoch, rev = cursor
        page = client.history("lobby", epoch=epoch, rev=rev)
        if page.anew:
            known = whole(client)
        known = {**known, **{event.seq: state(event) for event in page.events}}
        cursor = page.epoch, page.rev
        if not page.more or page.anew:
            return known, cursor


def whole(client):
    """The history, page by page."""
    found, before = {}, 0
    while True:
        page = client.history("lobby", before=before, limit=50)
        found |= {event.seq: state(event) for event in page.events}
        if not page.more:
            return found
        before = page.events[0].seq


def test_what_was_acknowledged_is_kept_and_a_cursor_finds_it(tmp_path, full, seed):
    rng = random.Random(seed)
    expected, known, cursor, anew = {}, {}, ("none", 0), 0
    for _ in range(FULL_LIVES if full else LIVES):
        killed = rng.random() < 0.6
        with serve_process(tmp_path, *SETTINGS) as server:
            with Client.connect("127.0.0.1", server.port) as reader:
                reader.join("reader")
                anew += reader.rooms["lobby"].epoch != cursor[0]
                known, cursor = caught_up(reader, known, cursor)
                found = whole(reader)
                assert known == found
                assert {seq: found[seq] for seq in expected} == expected
            with Client.connect("127.0.0.1", server.port) as client:
                client.join("writer")
                writer = Writer(client, rng)
                for _ in range(rng.randrange(FEWEST, MOST)):
                    writer.step()
                    while len(writer.open) > AT_ONCE:
                        writer.settle()
                if killed:
                    server.process.kill()
                    server.process.wait()
                try:
                    while writer.open:
                        writer.settle()
                except DisconnectedError:
                    assert killed
            doubtful = {seq for seq, _, _ in writer.open.values()}
            expected |= {seq: kept for seq, kept in writer.kept.items() if seq not in doubtful}
            if not killed:
                log = server.stop()[1]
                assert "Traceback" not in log
        assert verified(tmp_path) == (0, ["It is whole."])
    assert anew < (FULL_LIVES if full else LIVES), "a clean end keeps the epoch"
