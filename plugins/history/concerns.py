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
        found: list[Past] = []
        answering: set[int] = set()
        reached = before
        for _ in range(STEPS):
            latest, answers, reached = self._finder.concerning(session, query, reached, STEP)
            answering |= answers
            found += self._concerning(member, latest, answers, names)
            if not reached or len(found) > limit:
                break
        alone = self._alone(session, member, names, query, before)
        told = [*self._now(session, member, found, answering, names), *alone]
        told = sorted(told, key=attrgetter("id"), reverse=True)
        return SearchResults("", told[:limit], max(len(told), len(found)) > limit, ask.ref)

    def _concerning(self, member: Member, found: list[Past], answers: set[int], names: Mentions) -> list[Past]:
        """Those that do, as they were read. Others have their turn meanwhile: a text may be long, and words many."""
        concerning = []
        for past in found:
            message = past.message
            if not past.is_by(member) and isinstance(message, Message) and message.sender != member.name:
                if message.id in answers or names(message.text):
                    concerning.append(past)
                self._server.turns.breathe()
        return concerning

    def _now(
        self, session: Session, member: Member, found: list[Past], answering: set[int], names: Mentions
    ) -> list[Message]:
        """These, as they are by now, as far as they concern `member` still, and they may read them still."""
        chat = self._server.chat
        allowed = {room: chat.may_enter(session, member, room) for room in {past.message.room for past in found}}
        as_read = {past.message.id: past.message.text for past in found if isinstance(past.message, Message)}
        there = [past for past in found if allowed[past.message.room] and not is_ignored(past.message, member)]
        told = [one for one in chat.as_told(self._pages.now(there), member) if isinstance(one, Message)]
        return [one for one in told if one.id in answering or one.text == as_read[one.id] or names(one.text)]

    def _alone(
        self, session: Session, member: Member, names: Mentions, query: Query | None, before: int
    ) -> list[Message]:
        """What was said to them alone with a word of theirs: of accounts, as far as it is kept."""
        if query is None or not member.account_id:
            return []
        found = self._server.search_direct(session, Search("", before=before, limit=STEP), query)
        return [one for one in found.messages if not one.own and one.sender != member.name and names(one.text)]
