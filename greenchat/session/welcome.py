"""What a session is told when it comes in, or into one more room."""

from functools import lru_cache

from greenchat.chat.reading import Unread, unread
from greenchat.chat.room import Room
from greenchat.config.icons import media_type
from greenchat.config.schema import Brand
from greenchat.protocol.replies import PROTOCOL, Branded, Welcome
from greenchat.protocol.requests import Ref
from greenchat.session.coming import Newcomer
from greenchat.version import __version__

# Where the operator has nothing to say.
NO_BRAND = Brand()


def welcoming(session: Newcomer, room: Room | None, ref: Ref, token: str) -> Welcome:
    """All about `room`, or that it is here, in none. A device token that waits to be told is told now, and once."""
    member = session.require_member()
    members = room.some_members(member) if room is not None else []
    device_token, session.device_token = session.device_token, ""
    counts = Unread(0)
    if room is not None and getattr(session.codec, "numbers", False):
        counts = unread(member, room, session.server.chat.names_of(member))
    return Welcome(
        name=session.name,
        room=room.name if room is not None else "",
        members=[other.name for other in members],
        members_more=len(room.members) - len(members) if room is not None else 0,
        seq=room.seq if room is not None else 0,
        limits=session.server.config.limits.announced(),
        server=f"greenchat/{__version__}",
        hint="Say /help for the commands." if session.commands else "",
        ref=ref,
        topic=room.topic if room is not None else "",
        account=session.account,
        roles={other.name: role for other in members if room is not None and (role := room.role_of(other))},
        away={other.name: other.away for other in members if other.away and not member.ignores(other)},
        rooms=list(member.rooms),
        token=token,
        device_token=device_token,
        rev=room.rev if room is not None else 0,
        epoch=room.epoch if room is not None else "",
        protocol=PROTOCOL,
        **counts._asdict(),
        bots=[other.name for other in members if other.bot],
    )


@lru_cache(maxsize=1)  # the same for all
def branded(shown: Brand) -> Branded:
    """How the chat shows itself."""
    light, dark = shown.accents
    return Branded(
        name=shown.name,
        accent=light,
        accent_dark=dark,
        icon=media_type(shown.icon) if shown.icon else "",
        welcome="\n".join(shown.welcome_lines),
        rules="\n".join(shown.rules_lines),
    )
