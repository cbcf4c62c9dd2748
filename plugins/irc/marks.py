"""Up to which times people have read, as their clients have said it (IRCv3, draft/read-marker)."""

from collections.abc import Callable, Mapping
from weakref import WeakKeyDictionary

from greenchat import Member, Space

# So many are kept for one person: the latest, more than anybody has open.
MOST = 500


class Marks:
    """The times that were said, as clients write them; those of accounts are kept, each in `space_of` its id."""

    def __init__(self, space_of: Callable[[int], Space]) -> None:
        self._space_of = space_of
        self._guests: WeakKeyDictionary[Member, dict[str, str]] = WeakKeyDictionary()

    def _of(self, member: Member) -> Mapping[str, str]:
        if member.account_id:
            found: Mapping[str, str] = self._space_of(member.account_id).get("marks") or {}
            return found
        return self._guests.get(member, {})

    def of(self, member: Member, where: str) -> str:
        return self._of(member).get(where, "")

    def put(self, member: Member, where: str, time: str) -> bool:
        """They have read up to this time there: they never go back. Whether that is news."""
        marks = dict(self._of(member))
        if marks.get(where, "") >= time:
            return False
        marks.pop(where, None)
        marks[where] = time
        for old in list(marks)[:-MOST]:
            del marks[old]
        if member.account_id:
            self._space_of(member.account_id)["marks"] = marks
        else:
            self._guests[member] = marks
        return True
