"""The hooks that check. They fail closed: whatever goes wrong in one is a refusal."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from greenchat import values
from greenchat.chat.keys import UsedKey
from greenchat.chat.outlet import Outlet
from greenchat.errors import Reject
from greenchat.hooks.calls import Calls, Failed, FailedFor, Function
from greenchat.hooks.ending import Killed
from greenchat.hooks.ledger import DELAYED, Ledger
from greenchat.hooks.meters import clock
from greenchat.hooks.run_checks import OF_ONE
from greenchat.protocol.events import Message
from greenchat.protocol.runs import Messages

log = logging.getLogger("greenchat.plugins")

# What a check may make of a text, in characters, where that is not as long already: 16 times what a frame holds, unless
# somebody says otherwise. All are sent it, and it is kept.
LONGEST = 64 * 1024

CheckEnter = Callable[[Outlet, str, str, str, datetime | None], None]
CheckMessages = Callable[[Outlet, Messages], Sequence[str | Reject]]
FindKeys = Callable[[int | bytes, str | None], Sequence[UsedKey]]


def check_join(calls: Calls, failed_for: FailedFor) -> Callable[[Outlet, str, str], str] | None:
    def check(session: Outlet, username: str, room: str) -> str:
        for plugin, name, call, _, _ in calls:
            try:
                new = call(session, username, room)
                if new is not None:
                    username = text_of(name, new)
            except BaseException as error:
                raise verdict_of(plugin, name, error, failed_for(session)) from None
        return username

    return check if calls else None


def check_enter(calls: Calls, failed_for: FailedFor) -> CheckEnter | None:
    def check(session: Outlet, username: str, room: str, key: str, since: datetime | None) -> None:
        for plugin, name, call, _, _ in calls:
            try:
                if call(session, username, room, key, since) is not None:
                    raise TypeError(f"{name} returned something; return nothing, or raise Reject")
            except BaseException as error:
                raise verdict_of(plugin, name, error, failed_for(session)) from None

    return check if calls else None


def check_forget_room(calls: Calls, failed: Failed) -> Callable[[str], None] | None:
    def check(room: str) -> None:
        for plugin, name, call, _, _ in calls:
            try:
                call(room)
            except BaseException as error:
                raise verdict_of(plugin, name, error, failed) from None

    return check if calls else None


def check_reaction(calls: Calls, failed: Failed) -> Callable[[Outlet, str, str], None] | None:
    def check(session: Outlet, room: str, emoji: str) -> None:
        for plugin, name, call, _, _ in calls:
            try:
                if call(session, room, emoji) is not None:
                    raise TypeError(f"{name} returned something; return nothing, or raise Reject")
            except BaseException as error:
                raise verdict_of(plugin, name, error, failed) from None

    return check if calls else None


def find_keys(calls: Calls, failed: Failed) -> FindKeys | None:
    """All that plugins keep. It is closed as the checks are: what cannot be read may have been said."""

    def find(owner: int | bytes, key: str | None) -> Sequence[UsedKey]:
        found: list[UsedKey] = []
        for plugin, name, call, _, _ in calls:
            try:
                kept = call(owner, key)
                if kept is None:
                    continue
                if not isinstance(kept, list | tuple) or not all(isinstance(one, UsedKey) for one in kept):
                    raise TypeError(f"{name} returned no list of UsedKey; return one, or None")
                found += kept
            except (Reject, Killed):
                raise
            except BaseException as error:
                failed(plugin, name, error)
                text = "A plugin that knows what you have said has failed, so this was not said. Send it again later."
                raise Reject(text, code="try_again") from None
        return found

    return find if calls else None


def of_one(name: str, call: Function) -> Function:
    """A function that checks runs as one that checks a message: that which it is made of, if it is (run_checks.py)."""
    made_of: Function | None = getattr(call, OF_ONE, None)
    if made_of is not None:
        return made_of

    def check(session: Outlet, message: Message) -> str | None:
        run = Messages(message.room, 0, 0, message.sender, (message.text,), message.time, message.action)
        found = _verdicts(name, call(session, run), run.texts)
        if found is None:
            return None
        (verdict,) = found
        if isinstance(verdict, BaseException):
            raise verdict
        return verdict

    return check


def check_messages(calls: Calls, failed: Failed, ledger: Ledger) -> CheckMessages | None:
    """What becomes of each message of a run: its text, or why it is refused. Raises what refuses all of them."""

    def check(session: Outlet, messages: Messages) -> Sequence[str | Reject]:
        verdicts: list[str | Reject] = list(messages.texts)
        places: Sequence[int] = range(len(verdicts))  # of those that nobody has refused so far
        changed = False
        for plugin, name, call, _, meter in calls:
            began = clock()
            try:
                found = _verdicts(name, call(session, messages), messages.texts)
            except BaseException as error:
                found = [_refusal(plugin, name, error, failed)] * len(places)
            spent = clock() - began
            meter.add(spent)
            if found is None:
                if spent >= DELAYED:
                    ledger.delayed(session, plugin, name, messages.texts[-1], messages.room, spent)
                continue
            fit: list[str] = []
            left: list[int] = []
            for place, new in zip(places, found, strict=True):
                text = verdicts[place]
                if isinstance(new, BaseException):
                    new = _refusal(plugin, name, new, failed)
                    ledger.refused(session, plugin, name, (str(text),), messages.room, new, spent)
                    verdicts[place] = new
                    continue
                if new != text:
                    log_rewritten(plugin, messages.sender, messages.room)
                    ledger.changed(session, plugin, name, str(text), messages.room, spent, place, more=changed)
                    changed = True
                verdicts[place] = new
                fit.append(new)
                left.append(place)
            places = left
            if not places:
                break
            messages = Messages(messages.room, 0, 0, messages.sender, fit, messages.time, messages.action)
        return verdicts

    return check if calls else None


def _verdicts(name: str, found: object, texts: Sequence[str]) -> Sequence[str | BaseException] | None:
    """What a check makes of a run of `texts`, looked at; None for what they are. Raises `TypeError` and
    `ValueError`. What is no text is why a message is refused: a `Reject`, or how a check of ours has failed with it."""
    if found is None:
        return None
    if not isinstance(found, list | tuple) or len(found) != len(texts):
        raise TypeError(f"{name} returned no list of {len(texts)}; return None, or a text or a Reject for each message")
    return [
        new if isinstance(new, BaseException) else text_of(name, new, text)
        for new, text in zip(found, texts, strict=True)
    ]


def _refusal(plugin: str, name: str, error: BaseException, failed: Failed) -> Reject:
    """As `verdict_of`, which is raised where it ends the session."""
    verdict = verdict_of(plugin, name, error, failed)
    if not isinstance(verdict, Reject):
        raise verdict from None
    return verdict


def log_rewritten(plugin: str, sender: str, room: str) -> None:
    fields = {"plugin": plugin, "user": sender, "room": room}
    log.debug("plugin %s has rewritten what %s says", plugin, sender, extra=fields)


def verdict_of(plugin: str, name: str, error: BaseException, failed: Failed) -> BaseException:
    """What is to be raised where a check has raised `error`."""
    if isinstance(error, Reject):
        error.by = error.by or plugin
        return error
    if isinstance(error, Killed):
        return error
    failed(plugin, name, error)
    return Reject(
        "A plugin that checks what comes in has failed, so this was not let through. Tell whoever runs the server.",
        code="check_failed",
    )


def text_of(name: str, new: object, old: str = "") -> str:
    """What a check makes of the text `old`, as a plain `str`. Raises `TypeError` and `ValueError`."""
    try:
        text = values.text(new)
        if len(text) > LONGEST and len(text) > len(old):
            raise ValueError(f"{name} returned {len(text)} characters; {LONGEST} are the most")
        return text
    except TypeError:
        raise TypeError(f"{name} returned {type(new).__name__}; return a str, None, or raise Reject") from None
