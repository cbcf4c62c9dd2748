"""Dice: /roll 2d6+1, for all to read."""

import re
from random import SystemRandom

from greenchat import Call, Reject, Rest, command

per_room = True

# A sign, and up to 99 dice of up to 9,999 sides; or a number.
TERM = re.compile(r"([+-])(?:([1-9]\d?)?d([1-9]\d{0,3}|%)|(\d{1,6}))", re.ASCII)

# So many dice are told one by one: what one reads at a glance.
SHOWN = 20


@command(rate="30/1m")
def roll(call: Call, dice: Rest = "1d6") -> None:
    """Roll dice, for all to read: d20, 2d6+1, 3d8-1d4, d%.
    Example: /roll 2d6+1"""
    typed = "".join(dice.split()).lower()
    if not re.fullmatch(rf"({TERM.pattern}){{1,10}}", f"+{typed}", re.ASCII):
        raise Reject("DICE are up to ten dice and numbers, with + and - between them: d20, 2d6+1, d%.", code="usage")
    rolled: list[int] = []
    for sign, number, sides, constant in TERM.findall(f"+{typed}"):
        faces = int(sides.replace("%", "100") or 0)
        points = [SystemRandom().randint(1, faces) for _ in range(int(number or 1))] if faces else [int(constant)]
        rolled += [int(f"{sign}{one}") for one in points]
    parts = "".join(f" {'-' if one < 0 else '+'} {abs(one)}" for one in rolled)[3:]
    found = f"{typed}: {parts + ' = ' if 1 < len(rolled) <= SHOWN else ''}{sum(rolled)}"
    call.say(f"rolls {found}", action=True, echo=f"You roll {found}")
