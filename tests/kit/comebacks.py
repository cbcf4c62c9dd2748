"""A server that goes away from a client, and takes it back."""

from kit.peers import message, page, welcome

LOST = [
    "[ERROR] The server has closed the connection.",
    "[INFO] Coming back as soon as the server can be reached. What you type waits; Ctrl-C leaves.",
]


def said(seq, text, **more):
    """A message of its own minute."""
    return message(seq, text, time=f"2026-01-31T12:{seq:02}:00Z", **more)


def lose(talk, raw):
    """The server vanishes, and that has been seen."""
    raw.hang_up()
    talk.wait(lambda lines: "Ctrl-C leaves." in "".join(lines[-3:]))


def let_back(raw, *events, seq=0, more=False, **fields):
    """Take the client that comes back: its join, answered with these `fields`, and its question what was said
    meanwhile, answered with `events`."""
    raw.accept()
    join = raw.read()
    raw.send(welcome(seq=seq, ref=join["ref"], room=join.get("room") or "lobby", **fields))
    history = raw.read()
    assert history["type"] == "history"
    epoch = fields.get("epoch", "")
    raw.send(page(*events, room=history["room"], more=more, ref=history["ref"], epoch=epoch))
    return join, history
