"""/room: what holds for a room, and how its owner changes that."""

from greenchat import AccountDirectory, Member, Notice, Reject, Room, Session, printable

from .answers import RoomSettings
from .quota import Quota, network_of_session
from .rights import record, require_right
from .rules import PROTECTION, RuleBook
from .store import Rules

# The longest key, in characters: a sentence that one can still remember.
KEY_LENGTH = 100

# The most members that a room may be told to take: more than any server has.
HIGHEST_LIMIT = 999_999

VALUES = {
    "key": "KEY|off",
    "invite-only": "on|off",
    "topic-by": "everybody|owner",
    "moderated": "on|off",
    "limit": "N|off",
    "keep": "on|off",
    "owner": "USER",
}

HELP = "\n".join(
    [
        "Tell what holds for the room, or change it.",
        "/room key KEY: Who comes in from now on needs KEY; /room key off: nobody does.",
        "/room invite-only on: Only who is invited comes in; or off.",
        "/room topic-by owner: The owner alone sets the topic; or everybody.",
        "/room moderated on: Only the owner, operators and those with a voice say something, see /voice; or off.",
        "/room limit N: It takes N members; /room limit off: as many as the server allows.",
        "/room owner USER: Give the room to somebody who is in it.",
        "/room keep on: Keep the room when nobody is in it, and over restarts; or off. For operators.",
        "Who has made the room is its owner. What is set goes with the room, unless it is kept; its protection stays.",
        "Example: /room key open sesame",
    ]
)


class RoomCommand:
    """The command /room."""

    def __init__(self, book: RuleBook, accounts: AccountDirectory, quota: Quota) -> None:
        self._book = book
        self._quota = quota
        self._accounts = accounts

    def run(self, session: Session, name: str, value: str) -> None:
        room = session.require_member().room
        if not name:
            self._show(session, room, self._book.of(room))
            return
        name = name.lower()
        if name not in VALUES:
            raise Reject(f"There is no setting {printable(name)}. There are {', '.join(VALUES)}.", code="usage")
        require_right(session, room, "change that")
        if not value:
            raise _usage(name)
        match name:
            case "key":
                self._set_key(session, room, value)
            case "invite-only":
                self._set_invite_only(session, room, _choice(name, value) == "on")
            case "topic-by":
                self._set_topic_by(session, room, _choice(name, value))
            case "moderated":
                self._set_moderated(session, room, _choice(name, value) == "on")
            case "limit":
                self._set_limit(session, room, value)
            case "keep":
                self._keep(session, room, _choice(name, value) == "on")
            case _:
                self._hand_over(session, room, value)

    def _show(self, session: Session, room: Room, rules: Rules) -> None:
        may_change = bool(room.role_of(session.require_member()))
        owner = room.owner.name if isinstance(room.owner, Member) else self._accounts.name_of(room.owner or 0)
        key = rules.key if may_change else ""
        lines = [
            f"{room.name}: its owner is {owner or 'nobody'}",
            f"key: {key or ('there is one' if rules.key else 'off')}",
            f"invite-only: {'on' if rules.invite_only else 'off'}",
            f"topic-by: {rules.topic_by}",
            f"moderated: {'on' if rules.moderated else 'off'}",
            f"limit: {rules.limit or 'off'}",
            f"keep: {'on' if rules.kept else 'off'}",
        ]
        if may_change:
            lines.append("Change them by /room SETTING VALUE. /help room explains.")
        answer = RoomSettings(
            room=room.name,
            topic_by=rules.topic_by,
            topic=room.topic,
            owner=owner,
            key=key,
            needs_key=bool(rules.key),
            invite_only=rules.invite_only,
            kept=rules.kept,
            moderated=rules.moderated,
            limit=rules.limit,
            lines=lines,
        )
        session.tell(answer)

    def _set_key(self, session: Session, room: Room, value: str) -> None:
        _require_optional(session, room)
        if len(value) > KEY_LENGTH:
            raise Reject(f"The key is longer than {KEY_LENGTH} characters. Make it shorter.", code="too_long")
        key = "" if value.lower() == "off" else value
        text = f"{room.name} needs a key from now on" if key else f"{room.name} needs no key any more"
        self._set(session, room, "key", key, text, "key set" if key else "key off")

    def _set_invite_only(self, session: Session, room: Room, on: bool) -> None:
        _require_optional(session, room)
        text = f"{room.name} is for those who are invited" if on else f"{room.name} needs no invitation any more"
        self._set(session, room, "invite_only", on, text, f"invite-only {'on' if on else 'off'}")

    def _set_topic_by(self, session: Session, room: Room, who: str) -> None:
        text = f"In {room.name}, {'its owner sets' if who == 'owner' else 'everybody may set'} the topic"
        self._set(session, room, "topic_by", who, text, f"topic-by {who}")

    def _set_moderated(self, session: Session, room: Room, on: bool) -> None:
        text = f"In {room.name}, only who has a voice may speak" if on else f"In {room.name}, everybody may speak"
        self._set(session, room, "moderated", on, text, f"moderated {'on' if on else 'off'}")

    def _set_limit(self, session: Session, room: Room, value: str) -> None:
        _require_optional(session, room)
        off = value.lower() == "off"
        if not off and not (value.isdecimal() and 0 < int(value[:7]) <= HIGHEST_LIMIT):
            raise _usage("limit")
        limit = 0 if off else int(value)
        text = f"{room.name} takes {members(limit) if limit else 'as many as the server allows'}"
        self._set(session, room, "limit", limit, text, f"limit {limit or 'off'}")

    def _set(self, session: Session, room: Room, name: str, value: str | bool | int, text: str, details: str) -> None:
        if value and name in PROTECTION:
            self._quota.check_protected(session, room.name)
        try:
            self._book.set(room, name, value, "" if session.role == "operator" else network_of_session(session))
        finally:
            if getattr(self._book.of(room), name) == value:  # though it may not have been kept
                room.post(Notice(f"{text}, says {session.name}.", room.name, None, "room", session.name, "", details))
                record(session, room, "room", details=details)

    def _keep(self, session: Session, room: Room, on: bool) -> None:
        if session.role != "operator":
            raise Reject("Which rooms are kept, operators say. Ask one.", code="not_allowed")
        if on == self._book.of(room).kept:
            raise Reject(f"{room.name} is {'kept already' if on else 'not kept'}.", code="not_allowed")
        otherwise = "No room can be kept at the moment." if on else "This cannot be changed at the moment."
        self._book.keep(room, otherwise, kept=on)
        session.chat.audit(session.name_on_record(), "keep" if on else "unkeep", "", room.name)
        text = "is kept from now on, also when nobody is in it" if on else "goes when all have left it"
        room.post(Notice(f"{room.name} {text}, says {session.name}.", room.name))

    def _hand_over(self, session: Session, room: Room, name: str) -> None:
        heir = session.chat.find(name)
        if room.members.get(heir.key) is not heir:
            raise Reject(f"{heir.name} is not in {room.name}. Send an invitation: /invite {heir.name}", "not_in_room")
        if room.owned_by(heir):
            raise Reject(f"{heir.name} is the owner already.", code="not_allowed")
        record(session, room, "room", heir.name, "owner")
        before = [member for member in room.members.values() if room.owned_by(member)]
        account_id = heir.account_id
        room.owner = account_id or heir
        for member in (*before, heir):
            room.tell_role(member)
        self._book.set(room, "owner", account_id)


def members(limit: int) -> str:
    """So many, in words."""
    return f"{limit} members" if limit > 1 else "one member"


def _require_optional(session: Session, room: Room) -> None:
    if room.name == session.chat.default_room:
        raise Reject(f"Everybody comes into {room.name} first: it cannot be closed.", code="not_allowed")


def _choice(name: str, value: str) -> str:
    if value.lower() not in VALUES[name].split("|"):
        raise _usage(name)
    return value.lower()


def _usage(name: str) -> Reject:
    return Reject(f"Type it so: /room {name} {VALUES[name]}", code="usage")
