"""Polls: /poll asks the room something, /vote answers, and a chart of bars tells how it stands."""

from typing import Annotated, Any

import greenchat
from greenchat import Call, Context, Member, Meta, Reject, Rest, Space, command, job

opt_in = per_room = True

# How wide a bar is, in characters: it fits a telephone with the words beside it.
BAR = 20

# The longest time from a vote to the chart, in seconds.
LONGEST_WAIT = 300.0


class Settings(greenchat.Settings, frozen=True):
    """Polls in rooms."""

    guests: Annotated[bool, Meta(description="Whether who is not logged in may vote.")] = True
    choices: Annotated[int, Meta(ge=2, le=100, description="The most that there may be to choose from.")] = 10
    hours: Annotated[float, Meta(gt=0, le=8760, description="When a poll ends by itself.")] = 24.0
    seconds: Annotated[
        float, Meta(ge=1, le=LONGEST_WAIT, description="From a vote to the chart; each time twice as long.")
    ] = 10.0


def chart(poll: dict[str, Any]) -> list[str]:
    votes = sum(poll["counts"])
    lines = [f"{poll['name']} asks: {poll['question']} ({votes} voted)"]
    for number, (choice, count) in enumerate(zip(poll["choices"], poll["counts"], strict=True), 1):
        full = BAR * count // max(votes, 1)
        lines.append(f"{'█' * full}{'░' * (BAR - full)} {count} for {number}. {choice}")
    return lines


def begun(kept: Space) -> Any:
    """The poll of a room. Raises `Reject` where there is none."""
    if "poll" not in kept:
        raise Reject("There is no poll here. Begin one: /poll Where do we eat? pizza, soup", code="no_poll")
    return kept["poll"]


def keys_of(member: Member) -> list[str]:
    """By what somebody is known: the account, or the name of who has none yet, and may have voted so."""
    return [f"account {member.account_id}"] * bool(member.account_id) + [f"guest {member.key}"]


@command(rate="20/1h")
def poll(call: Call, text: Rest = "") -> list[str] | None:
    """Ask the room something; /poll tells how it stands, /poll end ends it.
    Example: /poll Where do we eat? pizza, soup, at home"""
    member, room, ctx = call.member, call.member.room, call.ctx
    kept = ctx.store.room(room.name)
    if not text:
        return chart(begun(kept))
    if text.lower() == "end":
        is_here = any(begun(kept)["by"] in keys_of(one) for one in room.members.values())
        if is_here and begun(kept)["by"] not in keys_of(member) and not room.role_of(member):
            raise Reject("Who has begun it ends it, or who keeps order here.", code="not_allowed")
        return end_poll(room.name, kept["poll"]["began"], ctx)
    if "poll" in kept:
        raise Reject("There is a poll here. /poll tells how it stands, /poll end ends it.", code="poll_exists")
    question, mark, rest = ctx.chat.require_sayable(member, text, room).partition("?")
    choices = [one.strip() for one in rest.split(",") if one.strip()] or ["yes", "no"]
    most = ctx.settings.choices
    if not mark or not 2 <= len({one.casefold() for one in choices}) == len(choices) <= most:
        raise Reject(f"Ask with a question mark, and name 2 to {most} choices: /poll Where? here, there", code="usage")
    began = ctx.clock.now().isoformat()
    kept["poll"] = {
        "name": member.name,
        "by": keys_of(member)[0],
        "began": began,
        "question": f"{question.strip()}?",
        "choices": choices,
        "counts": [0] * len(choices),
        "wait": ctx.settings.seconds,  # from the next vote to the chart
        "is_due": False,
    }
    ctx.later(3600 * ctx.settings.hours, "end_poll", room.name, began)
    room.info([*chart(kept["poll"]), "Type /vote and a number."])
    return None


@command
def vote(call: Call, choice: Rest) -> str:
    """Vote in the room's poll, by number or in words; once more to change your mind."""
    room, ctx = call.member.room, call.ctx
    kept = ctx.store.room(room.name)
    found = begun(kept)
    if not ctx.settings.guests:
        call.require_account()
    names = [one.casefold() for one in found["choices"]]
    known = {str(at + 1): at for at in range(len(names))} | {name: at for at, name in enumerate(names)}
    number = known.get(choice.casefold())
    if number is None:
        raise Reject(f"Choose from 1 to {len(names)}: /poll tells what there is.", code="usage")
    keys = keys_of(call.member)
    voter = next((key for key in keys if key in kept), keys[0])
    if voter in kept:
        found["counts"][kept[voter]] -= 1
    found["counts"][number] += 1
    if not found["is_due"]:
        ctx.later(found["wait"], "tell_poll", room.name, found["began"])
    kept[voter], kept["poll"] = number, found | {"is_due": True}
    return f"You vote for {found['choices'][number]}."


@job
def tell_poll(room: str, began: str, ctx: Context) -> None:
    kept = ctx.store.room(room)
    if "poll" in kept and kept["poll"]["began"] == began:
        kept["poll"] |= {"is_due": False, "wait": min(2 * kept["poll"]["wait"], LONGEST_WAIT)}
        if room in ctx.rooms:
            ctx.rooms[room].info(chart(kept["poll"]))


@job
def end_poll(room: str, began: str, ctx: Context) -> None:
    kept = ctx.store.room(room)
    if "poll" in kept and kept["poll"]["began"] == began:
        if room in ctx.rooms:
            ctx.rooms[room].info(["The poll has ended.", *chart(kept["poll"])])
        kept.clear()
