"""Reminders: /remind 10m|17:30|tomorrow TEXT, told in private, on all devices, also after a restart."""

from typing import Annotated, Literal

import greenchat
from greenchat import Call, Context, Job, Meta, Reject, Rest, When, command, job

opt_in = True

# Characters of one: a line or two. As many as there may be are kept, and told to who comes back.
LENGTH = 1000


class Settings(greenchat.Settings, frozen=True):
    """Reminders of those who are logged in."""

    most: Annotated[int, Meta(ge=1, le=100, description="How many one may have at once.")] = 50


def mine(call: Call) -> list[Job]:
    account = call.require_account()
    return [job for job in call.ctx.jobs if job.account == account]


@command(rate="30/1h")
def remind(call: Call, when: When, text: Annotated[Rest, Meta(max_length=LENGTH)]) -> str:
    """Be reminded of something, wherever you are then.
    WHEN is 10m, 17:30, tomorrow, friday 9:00 or 2026-12-24, by the clock of the server.
    Example: /remind 10m Tea is ready"""
    if len(mine(call)) >= call.ctx.settings.most:
        raise Reject("You have as many as you may. /reminders cancel NUMBER makes room.", code="too_many_reminders")
    account = call.require_account()
    call.ctx.at(when, "remember", account, text, account=account)
    return f"You will be reminded on {when}."


@job
def remember(account: int, text: str, ctx: Context) -> None:
    ctx.tell(account, f"Remember: {text}")


@command
def reminders(call: Call, act: Literal["list", "cancel"] = "list", number: int = 0) -> list[str]:
    """Tell what you will be reminded of; or forget one of it, by its number."""
    found = mine(call)
    if act == "list":
        lines = [f"{at}. {When.of(one.when)}: {one.arguments[1]}" for at, one in enumerate(found, 1)]
        return lines or ["There are none."]
    if not 1 <= number <= len(found):
        raise Reject("You have no reminder of that number. /reminders tells which there are.", code="usage")
    call.ctx.cancel(found[number - 1])
    return [f"You will not be reminded: {found[number - 1].arguments[1]}"]
