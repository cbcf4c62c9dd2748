"""What a server still holds of clients that have gone."""

import os

from kit.processes import ServeProcess

from greenchat.testing import Peer

# A plugin that answers COUNT.
COUNTER = """
import gc
from greenchat import Session, Unknown, hookimpl
from greenchat.chat.room import Member
from greenlet import greenlet

@hookimpl
def greenchat_frame(session, frame):
    if type(frame) is Unknown and frame.kind == "COUNT":
        gc.collect()
        things = gc.get_objects()
        greenlets = sum(isinstance(thing, greenlet) and not thing.dead for thing in things)
        members = sum(isinstance(thing, Member) for thing in things)
        sessions = sum(isinstance(thing, Session) for thing in things)
        session.info(f"{greenlets} greenlets, {members} members, {sessions} sessions")
        return True
"""


def left_over(server: ServeProcess, counter: Peer) -> str:
    """What a server that forgets something has more of."""
    counter.send("COUNT")
    return f"{counter.read()}, {len(os.listdir(f'/proc/{server.process.pid}/fd'))} descriptors"
