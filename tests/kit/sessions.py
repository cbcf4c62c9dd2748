"""People with several sessions, and people who have lost theirs."""

import json

from greenchat.testing import DEADLINE
from kit.machine import eventually
from kit.programs import Program
from kit.socketless import SocketlessServer

# Nobody is told that somebody is away, as long as a test takes.
PATIENT = {"limits.absence_seconds": DEADLINE}
# Everybody is told at once.
IMPATIENT = {"limits.absence_seconds": 0.01}

# What passes where the clock is moved by hand, in seconds: longer than the one, and shorter than the other.
WHILE = 0.1


def device(server, name, room="", *, address=""):
    """One more session of the account of this name, where there is the plugin `Anybody`."""
    one = Program(server, address=address)
    one.ask(f"/become {name}")
    one.welcome = one.join(name=name, room=room)
    assert one.welcome["type"] == "welcome", one.welcome
    return one


def plain_device(server, name, room=""):
    """The same, on netcat."""
    peer = server.connect()
    peer.send(f"MSG|/become {name}", f"JOIN|{name}|{room}" if room else f"JOIN|{name}")
    peer.expect("INFO|You are logged in.")
    assert peer.read().startswith("INFO|Welcome")
    return peer


def lose(server, *programs):
    """Their connections are lost, and the server knows it; their token."""
    for program in programs:
        before = sessions(server)
        program.peer.close()
        eventually(lambda before=before: sessions(server) < before)
    if isinstance(server, SocketlessServer):
        server.chat.tick(WHILE)
    return programs[-1].welcome["token"]


def sessions(server):
    return server.call(lambda: len(server.server.sessions))


def back(server, token, **join):
    """Who comes back with this token: a program that has read its welcome."""
    one = Program(server)
    one.welcome = one.join(token=token, **join)
    return one


def settled(program):
    """All that a program has still to read."""
    program.refs += 1
    program.send(type="ping", ref=program.refs)
    frames = []
    while (frame := program.read()) != {"type": "pong", "ref": program.refs}:
        frames.append(frame)
    return frames


def kinds(frames, *names):
    """Of these frames, those of some types: (type, room, name)."""
    return [(one["type"], one.get("room", ""), one.get("name", "")) for one in frames if one["type"] in names]


def codes(frames):
    return [one["code"] for one in frames if one["type"] == "error"]


def rest(peer):
    """All that somebody still reads, up to the end."""
    lines = (json.loads(line) if line.startswith("{") else line for line in iter(peer.read, ""))
    return [line for line in lines if isinstance(line, str) or line["type"] != "conversations"]
