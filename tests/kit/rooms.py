"""Rooms for the tests of the plugin of that name, and who is in them."""

from kit.programs import says, sync, without_plugins

# These would answer, log in and keep things, too.
ALONE = without_plugins("accounts", "history", "moderation", "web")
COMMANDS = ["join", "part", "rooms", "names", "topic", "invite", "room"]


def join(server, name, room):
    """A plain client in `room`, where somebody is already."""
    peer = server.join(name, room)
    sync(peer)
    return peer


def crown(peer):
    assert says(peer, "/crown")[-1] == "INFO|You are an operator."
    return peer
