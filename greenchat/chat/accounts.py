"""Who has registered which name: told by the plugin that keeps accounts, asked by all that have to do with rights.

Rights hang on an account's id, not on its name: a name may be somebody else's later. Ids are for programs; people are
told names.
"""

import secrets
from collections.abc import Callable, Collection, Iterable

from msgspec import Struct

# Random, so that a file of another day, put back beside newer ones, cannot give an id to somebody else; and short
# enough for SQLite's numbers, which are signed.
ID_BITS = 62


class Account(Struct, frozen=True):
    """`id` is never 0, and never that of another account, also when this one is gone. `key` is what `name` is compared
    by. `inherits`: it was there before accounts had ids, and what was kept for its key then is its. `since` is when its
    password was set, in microseconds since 1970: what lets somebody in without it holds no longer than that password.
    """

    id: int
    key: str
    name: str
    inherits: bool = False
    since: int = 0


def new_account_id() -> int:
    return secrets.randbits(ID_BITS) or new_account_id()


class AccountDirectory:
    """The accounts of a server, or of the files on which a command line works.

    `known`: somebody has told who has registered. Until then nobody has an account, and what is kept for one waits.
    """

    def __init__(self) -> None:
        self.known = False
        self._by_key: dict[str, Account] = {}
        self._by_id: dict[int, Account] = {}
        self._watchers: list[Callable[[], None]] = []

    # --- ask ---

    def find(self, key: str) -> Account | None:
        """The account of the name with this key."""
        return self._by_key.get(key)

    def by_id(self, account_id: int) -> Account | None:
        return self._by_id.get(account_id)

    def name_of(self, account_id: int) -> str:
        """The name of an account; empty where it is gone, or not known."""
        account = self._by_id.get(account_id)
        return account.name if account is not None else ""

    def heir_of(self, key: str) -> Account | None:
        """The account that has what was kept for `key` before accounts had ids."""
        account = self._by_key.get(key)
        return account if account is not None and account.inherits else None

    def heirs(self) -> dict[str, int]:
        """The ids of all of these, by their keys."""
        return {key: account.id for key, account in self._by_key.items() if account.inherits}

    @property
    def ids(self) -> Collection[int]:
        return self._by_id.keys()

    def watch(self, changed: Callable[[], None]) -> None:
        """Have `changed()` called, which must not wait, after each change; and now, if something is known already."""
        self._watchers.append(changed)
        if self.known:
            changed()

    # --- tell ---

    def replace(self, accounts: Iterable[Account]) -> None:
        """These are all accounts that there are."""
        self._by_key = {account.key: account for account in accounts}
        self._by_id = {account.id: account for account in self._by_key.values()}
        self.known = True
        self._tell()

    def add(self, account: Account) -> None:
        """There is one more, or this one has changed."""
        self._by_key[account.key] = self._by_id[account.id] = account
        self._tell()

    def remove(self, account: Account) -> None:
        self._by_key.pop(account.key, None)
        self._by_id.pop(account.id, None)
        self._tell()

    def _tell(self) -> None:
        for changed in self._watchers:
            changed()
