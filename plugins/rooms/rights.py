"""Who may do what in a room, and what is put on record of it."""

from greenchat import Reject, Room, Session


def require_right(session: Session, room: Room, what: str) -> None:
    """Raises `Reject` for who is neither the owner of `room` nor an operator."""
    if not room.role_of(session.require_member()):
        raise Reject(f"Only the owner of {room.name} and operators may {what}.", code="not_allowed")


def record(session: Session, room: Room, act: str, target: str = "", details: str = "") -> None:
    """Have it on record what an operator does in somebody else's room."""
    if session.role == "operator" and not room.owned_by(session.require_member()):
        session.chat.audit(session.name_on_record(), act, target, room.name, details)
