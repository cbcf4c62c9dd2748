"""Karma: who says tea++ or rain-- in a room gives a point there, or takes one; /karma tells how many there are."""

import re

from greenchat import Call, Context, Message, command, on

opt_in = per_room = True

# As people write, not as they program: (tea++) gives a point; --force, i++ and C++ do not.
POINT = re.compile(r"(?<![^\s(])(\w[\w.-]{1,60}?)(\+\+|--)(?![^\s,.:!?)])")

# What one may give, and in a room the things that have some: the weakest of more are forgotten.
RATE, MOST = "10/1m", 2000


@on(Message)
def count(event: Message, ctx: Context) -> None:
    for thing, sign in POINT.findall(event.text.casefold()):
        if thing != event.sender.casefold() and ctx.allows(RATE, event.account or event.sender):
            ctx.store.room(event.room).add(thing, 1 if sign == "++" else -1, MOST)


@command
def karma(call: Call, thing: str = "") -> list[str]:
    """Tell how many points THING has here, by THING++ and THING--; without it, what has most."""
    points = call.ctx.store.room(call.member.room.name)
    found = [(thing, points.get(thing.casefold(), 0))] if thing else points.top(10)
    return [f"{name} has {number} karma here." for name, number in found] or ["Nothing has karma here. Say tea++"]
