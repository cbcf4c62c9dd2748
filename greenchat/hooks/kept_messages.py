"""What was said in rooms, as plugins keep it in a data directory: for who has no server to ask, or is not to ask it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pluggy

from greenchat.chat.log import Past
from greenchat.errors import GreenchatError, PluginError
from greenchat.protocol.dry_runs import DryMessage
from greenchat.protocol.events import Message


def last_messages(manager: pluggy.PluginManager, data_dir: Path, room: str, count: int) -> list[DryMessage]:
    """The last `count` messages of `room`, or of all where that is empty, in the order in which they were said; without
    those that were deleted. Raises `GreenchatError`. It waits for the disk, and may be called in a thread."""
    found: list[DryMessage] = []
    given: dict[str, Any] = {"data_dir": data_dir, "room": room, "count": count}
    for item in reversed(manager.hook.greenchat_last_messages.get_hookimpls()):
        try:
            pasts: Any = item.function(*(given[name] for name in item.argnames))
            found += _messages(pasts or ())
        except GreenchatError:
            raise
        except (Exception, SystemExit) as error:
            what = f"{type(error).__name__}: {error}"
            raise PluginError(f"The plugin {item.plugin_name} cannot tell what was said: {what}") from error
    found.sort(key=lambda message: message.id)
    return found[-count:]


def _messages(pasts: Sequence[Past]) -> list[DryMessage]:
    found = []
    for past in pasts:
        message = past.message
        if not isinstance(message, Message) or not message.room or message.conversation:
            continue  # it was deleted; or said alone, which is nobody's to be shown
        about = message.room, message.seq, message.id, message.sender, message.text, message.time, message.action
        found.append(DryMessage(*about, message.reply_to, past.account_id))
    return found
