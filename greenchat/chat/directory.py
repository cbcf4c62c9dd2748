"""Who is in the chat: by their names, and by their accounts."""

from greenchat.chat.room import Member


class Directory:
    """`by_name` has everybody, by the keys of their names; each account is one member at most."""

    def __init__(self) -> None:
        self.by_name: dict[str, Member] = {}
        self._by_account: dict[int, Member] = {}

    def of_account(self, account_id: int) -> Member | None:
        """Who is here by this account; nobody by 0."""
        return self._by_account.get(account_id)

    def has(self, member: Member) -> bool:
        return self.by_name.get(member.key) is member

    def add(self, member: Member) -> None:
        """Somebody has come."""
        self.by_name[member.key] = member
        self.logged_in(member)

    def logged_in(self, member: Member) -> None:
        """To be called when somebody has another account."""
        if member.account_id:
            self._by_account[member.account_id] = member

    def logged_out(self, member: Member, account_id: int) -> None:
        """The account with this id is not theirs any more."""
        if self._by_account.get(account_id) is member:
            del self._by_account[account_id]

    def remove(self, member: Member) -> None:
        del self.by_name[member.key]
        self.logged_out(member, member.account_id)
