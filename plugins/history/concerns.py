"""What concerns somebody: messages of others that have their name or words, or answer them, in all that they may read.

The index finds what may have a word in it; whether it is a word of its own there, and not a part of another one, is
looked at as for what is unread.
"""

from operator import attrgetter

from greenchat import (
    ChatServer,
    ListMentions,
    Member,
    Mentions,
    Message,
    Past,
    Query,
    Search,
    SearchResults,
    Session,
    any_of,
)

from .finder import Finder
from .pages import Pages
from .replays import is_ignored
from .store import LAST

# So many messages are looked at in one go, and so often it is gone on from there where few of them concern somebody
# after all, as with a name that is a beginning of many words.
STEP = 200
STEPS = 10

# So many words the index is asked for at once: it reads a list for each.
WORDS = 64


class Concerns:
    """Looks for it, page by page."""

    def __init__(self, server: ChatServer, finder: Finder, pages: Pages) -> None:
        self._server = server
        self._finder = finder
        self._pages = pages

    def look(self, session: Session, ask: ListMentions) -> SearchResults:
        """The latest, with ids below `ask.before`. Raises `Reject`. The greenlet waits."""
        member = session.require_member()
        words = [word for word in dict.fromkeys(self._server.chat.names_of(member)) if word][:WORDS]
        names, query = Mentions(words), any_of(words)
        limit = min(max(ask.limit, 1), STEP)
        before = min(max(ask.before, 0), LAST)
        told: list[Message] = []
        reached = before
        for _ in range(STEPS):
            found, answers, reached = self._finder.concerning(session, query, reached, STEP)
            told += self._concerning(member, found, answers, names)
            if not reached or len(told) > limit:
                break
        alone = self._alone(session, member, names, query, before)
        told = sorted([*told, *alone], key=attrgetter("id"), reverse=True)
        return SearchResults("", told[:limit], len(told) > limit, ask.ref)

    def _concerning(self, member: Member, found: list[Past], answers: set[int], names: Mentions) -> list[Message]:
        """Those that do, as they are now."""
        others = [past for past in self._pages.now(found) if not past.is_by(member)]
        told = self._server.chat.as_told([past for past in others if not is_ignored(past.message, member)], member)
        there = [message for message in told if isinstance(message, Message) and message.sender != member.name]
        return [message for message in there if message.id in answers or names(message.text)]

    def _alone(
        self, session: Session, member: Member, names: Mentions, query: Query | None, before: int
    ) -> list[Message]:
        """What was said to them alone with a word of theirs: of accounts, as far as it is kept."""
        if query is None or not member.account_id:
            return []
        found = self._server.search_direct(session, Search("", before=before, limit=STEP), query)
        return [one for one in found.messages if not one.own and one.sender != member.name and names(one.text)]
