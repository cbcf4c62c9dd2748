"""The real server, killed or stopped while people write, delete and read: whoever comes back is told how much they have
not read, and it is what the history says."""

import random

from kit.processes import serve_process

from greenchat.client import Client
from greenchat.protocol.events import Message

LIVES, FULL_LIVES = 6, 60
MOST = 120  # acts, until a life ends
PASSWORD = "correct-horse-battery"
ACCOUNTS = ("plugins.accounts.memory_mib=1", "plugins.accounts.passes=1")
SETTINGS = [part for setting in ("limits.flood_rate=0", *ACCOUNTS) for part in ("--set", setting)]
TEXTS = ("hello", "ada?", "adam", "@ADA", "dear ada: come")
NAMING = {"ada?", "@ADA", "dear ada: come"}


def come(server, name, *, first=False):
    client = Client.connect("127.0.0.1", server.port)
    client.join(name, login="" if first else PASSWORD)
    client.confirm(client.say(f"/register {PASSWORD}" if first else "/ping", "lobby"))
    return client


def whole(client):
    """The messages that there are, by their numbers."""
    found, before = {}, 0
    while True:
        page = client.history("lobby", before=before, limit=100)
        found |= {event.seq: event for event in page.events if isinstance(event, Message)}
        if not page.more:
            return found
        before = page.events[0].seq


def test_what_is_told_is_what_the_history_says(tmp_path, full, seed):
    chances = random.Random(seed)
    read, asked, clean = 0, 0, True
    for life in range(FULL_LIVES if full else LIVES):
        with serve_process(tmp_path, *SETTINGS) as server:
            ada, bob = come(server, "ada", first=not life), come(server, "bob", first=not life)
            phone = come(server, "ada")
            (state,) = ada.conversations.rooms
            assert (state,) == tuple(phone.conversations.rooms)
            if life:
                said = {seq: message for seq, message in whole(bob).items() if seq > state.read}
                behind = [message.text for message in said.values() if message.sender != "ada"]
                assert len(said) == len(behind), "what one says is read"
                assert (state.unread, state.mentions) == (len(behind), sum(text in NAMING for text in behind))
                assert state.read <= asked
                assert not clean or state.read == read
            read = state.read
            seqs = []
            for _ in range(chances.randrange(MOST)):
                match chances.choice(["say", "say", "say", "own", "delete", "read"]):
                    case "say":
                        seqs.append(bob.confirm(bob.say(chances.choice(TEXTS), "lobby")).seq)
                    case "own":
                        read = ada.confirm(ada.say("mine", "lobby")).seq
                    case "delete" if seqs:
                        bob.confirm(bob.delete("lobby", seqs.pop(chances.randrange(len(seqs)))))
                    case "read" if seqs:
                        seq, device = chances.choice(seqs), chances.choice([ada, phone])
                        device.confirm(device.read("lobby", seq))
                        read = max(read, seq)
            asked, clean = read, chances.random() < 0.4
            if clean:
                assert "Traceback" not in server.stop()[1]
            else:
                server.process.kill()
                server.process.wait()
            for client in (ada, phone, bob):
                client.close()
