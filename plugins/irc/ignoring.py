"""Who does not want to read what others say, where the chat does not see to it by itself."""

from collections.abc import Iterable
from typing import Any

from greenchat import Member, Room, Session


def ignores(session: Session, member: Member) -> bool:
    """Whether its user does not want to read what `member` says."""
    return session.member is not None and session.member.ignores(member)


def is_read_by_all(member: Member, places: Iterable[Any]) -> bool:
    """Whether nobody in these rooms and conversations ignores `member`: what is told of them to all together, such as
    that they go, has words of theirs only then."""
    for place in places:
        there = place.members.values() if isinstance(place, Room) else [place.partner(member)]
        if any(one is not None and one.ignores(member) for one in there):
            return False
    return True
