"""Lines of IRC that make no sense, from several clients at once: what others are told is IRC all the same."""

import random
import re
import select
from contextlib import suppress

from kit.irc import IrcClient
from kit.processes import serve_process

ROUNDS, FULL_ROUNDS = 2000, 40_000

CAPS = """
account-notify account-tag away-notify batch draft/chathistory draft/event-playback draft/message-redaction
draft/multiline draft/read-marker echo-message extended-join labeled-response message-tags multi-prefix sasl
server-time setname userhost-in-names
"""
VERBS = """
CAP NICK USER PASS AUTHENTICATE REGISTER PING PONG PRIVMSG NOTICE TAGMSG BATCH REDACT CHATHISTORY MARKREAD MONITOR
JOIN PART MODE KICK INVITE TOPIC WHO WHOIS WHOWAS AWAY LIST NAMES ISON USERHOST LUSERS MOTD STATS HELP OPER
SETNAME INFO TIME VERSION ADMIN LINKS roll rooms ban mute op history search me msg poll remind edit delete react
"""
WORDS = [
    *("ada", "bob", "carl", "#a", "#b", "#a,#b", "bob,#a", "*", "0", "50", ":", ":a", ":a b  c", "!", "~", "+b"),
    *("-o+k", "+B", "-i+t", "+1", "-1", "draft/multiline", "PLAIN", "AGFkYQBz", "LS", "302", "REQ", "END", "LATEST"),
    *(":-server-time batch", ":\x01ACTION hi\x01", ":\x01PING 1\x01", "BETWEEN", "TARGETS", "AROUND", "timestamp=x"),
    *("timestamp=2026-01-01T00:00:00.000Z", "msgid=abc-1", "+", "C", "L", "%tcuhsnfdlaor,1", "a*b?", "É", "ａ！b"),
    *("\x1fa\x1eb", "@", "x" * 60, ":" + "y " * 200, "a!b@c", "#!", "\u202eada", "😀", ":/nick eve", "é" * 200),
]
TAGS = [
    *([""] * 6),
    *("@label=1 ", "@batch=1 ", "@+draft/reply=x-1;+draft/react=👍 ", "@;=; ", "@label=a\x1fb;batch=1 ", "@+typing=a "),
    *("@time=1;account=x;msgid=y;+z=1 ", "@label=\x1e0/9\x1ex "),
]


def begun(server, nick, chance):
    client = IrcClient(server)
    client.send(
        f"CAP REQ :{' '.join(chance.sample(CAPS.split(), 9))}", f"NICK {nick}", "USER u 0 * :R", "CAP END", "JOIN #a,#b"
    )
    return client


def told(client):
    """What has arrived by now; None once the server has closed."""
    data = b""
    while select.select([client.socket], [], [], 0)[0]:
        more = client.socket.recv(65536)
        if not more:
            return None
        data += more
    return data


def test_nonsense(tmp_path, seed, full):
    chance, verbs = random.Random(seed), VERBS.split()
    with serve_process(tmp_path, "--set", "limits.flood_rate=0") as server:
        clients = {nick: begun(server, nick, chance) for nick in ("ada", "bob", "carl")}
        heard = dict.fromkeys(clients, b"")
        for _ in range(FULL_ROUNDS if full else ROUNDS):
            lines = [
                f"{chance.choice(TAGS)}{chance.choice(verbs)} {' '.join(chance.choices(WORDS, k=chance.randrange(5)))}"
                for _ in range(chance.randrange(1, 6))
            ]
            with suppress(OSError):
                clients[chance.choice([*clients])].send(*lines)
            for nick, client in clients.items():
                try:
                    data = told(client)
                except OSError:
                    data = None
                if data is None:
                    client.socket.close()
                    clients[nick], heard[nick] = begun(server, nick, chance), b""
                    continue
                *whole, heard[nick] = (heard[nick] + data).split(b"\r\n")
                for line in whole:
                    tags, _, rest = line.partition(b" ") if line.startswith(b"@") else (b"", b"", line)
                    assert len(rest) <= 510, line
                    assert len(tags) < 8191, line
                    assert re.match(r"(:\S+ )?([A-Z]+|\d{3})( |$)", rest.decode()), line
                    assert not set(b"\r\n\0") & set(line), line
        for client in clients.values():
            client.socket.close()
        with IrcClient(server, "witness", "#there") as witness:
            assert witness.verbs("PRIVMSG witness :still there") == ["PRIVMSG"]
        _, log = server.stop()
        assert not [line for line in log.splitlines() if "ERROR" in line or "Traceback" in line]
