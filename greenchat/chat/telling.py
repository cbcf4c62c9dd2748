"""What was said some time ago, as somebody is told of it now. No socket, no disk.

Names in `reactions` are to say who it is, so that one knows one's own. Whoever is in the chat is told by the name that
they have now, and an account that is not by its own. A guest who has gone is told by the name that they reacted with;
if somebody has that by now, it is marked as nobody's.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from greenchat.chat.accounts import AccountDirectory
from greenchat.chat.directory import Directory
from greenchat.chat.files import Files
from greenchat.chat.ignoring import Reader
from greenchat.chat.log import Past, Reaction
from greenchat.chat.room import Member
from greenchat.protocol.events import Deleted, Message
from greenchat.protocol.names import GONE


class Telling:
    """How messages are told to `reader`: by which accounts they were said, where their files are now, and who has
    reacted, but for those whom `reader` ignores."""

    def __init__(self, people: Directory, accounts: AccountDirectory, reader: Member, files: Files) -> None:
        self._people = people
        self._accounts = accounts
        self._files = files
        self._ignored = reader.ignored

    def told(self, past: Past) -> Message | Deleted:
        message, account_id = past.message, past.account_id
        if isinstance(message, Deleted):
            return message
        if message.files:
            message = replace(message, files=self._files.linked(message.files))
        if not (account_id or past.reactions):
            return message
        account = self._accounts.by_id(account_id) if account_id else None
        return replace(
            message,
            account=account.key if account is not None else "" if account_id else message.account,
            reactions=self._reactions(past.reactions) or None,
        )

    def _reactions(self, reactions: Sequence[Reaction]) -> dict[str, list[str]]:
        names: dict[str, list[str]] = {}
        for reaction in reactions:
            author = self._author(reaction)
            if self._ignored is None or not self._ignored.covers_past(author, reaction.account_id, reaction.key):
                names.setdefault(reaction.emoji, []).append(self._name(reaction, author))
        return names

    def _author(self, reaction: Reaction) -> Reader | None:
        """Whose it is, if they are in the chat."""
        if reaction.account_id:
            return self._people.of_account(reaction.account_id)
        member = reaction.member() if reaction.member is not None else None
        return member if isinstance(member, Member) and self._people.has(member) else None

    def _name(self, reaction: Reaction, author: Reader | None) -> str:
        if author is not None:
            return author.name
        if name := self._accounts.name_of(reaction.account_id):
            return name
        key = reaction.key
        taken = key in self._people.by_name or self._accounts.find(key) is not None
        return f"{reaction.name}{GONE}" if taken else reaction.name
