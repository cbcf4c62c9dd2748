"""Looking for words in what one has said alone with others, for somebody: whose turn it is, and how long it takes."""

from functools import partial

from greenchat.chat.chat import Chat
from greenchat.errors import Reject
from greenchat.protocol.address import host_of, network_of
from greenchat.protocol.replies import SearchResults
from greenchat.protocol.requests import Search
from greenchat.search.matching import bounded
from greenchat.search.query import Query, parse_query
from greenchat.session.direct_keeper import past_of
from greenchat.session.session import Session
from greenchat.storage import direct_find, direct_index, direct_rows
from greenchat.storage.direct_store import DirectStore, off
from greenchat.storage.fairness import FairQueue, in_quanta
from greenchat.storage.sqlite import DatabaseError

# So many messages one may ask for at once, and after so many seconds a search is given up, as others wait for it.
MOST = 200
SEARCH_SECONDS = 1.0

# So many messages may be missing in the index: a search waits for those, some seconds.
BEHIND = 100_000


class DirectFinder:
    """Searches, one at a time: by address in turn, and by who it is. Only conversations of who asks are looked into."""

    def __init__(self, chat: Chat, store: DirectStore) -> None:
        self._chat = chat
        self._store = store
        self._queue = FairQueue()

    def search(self, session: Session, ask: Search, query: Query | None = None) -> SearchResults:
        """What `session` looks for, by the text or a `query`: in the conversation that is named, or in all of its
        member's. May wait. Raises `Reject`."""
        member = session.require_member()
        query = query or parse_query(ask.text)
        if ask.conversation:
            if query.rooms or ask.room:
                raise Reject("A conversation is in no room. Leave the room out.", code="usage")
            if self._chat.conversation(member, ask.conversation).keeper is None:
                raise Reject("What is said with guests is not kept, and cannot be searched.", code="no_history")
        elif not member.account_id or query.rooms or ask.room:
            return SearchResults(ask.text, [], False, ask.ref)
        limit = min(max(ask.limit, 1), MOST)
        work = partial(
            direct_find.search,
            account=member.account_id,
            query=query,
            conversation=ask.conversation,
            before=min(max(ask.before, 0), direct_rows.LAST),
            most=limit + 1,
        )
        with in_quanta():
            self._store.saved()  # not in one's turn: others search meanwhile
            with self._queue.turn(network_of(host_of(session.address)), session.account):
                self._catch_up()
                found = self._store.read(bounded(SEARCH_SECONDS, work))
        told = self._chat.told_alone(member, map(past_of, found[:limit]))
        return SearchResults(ask.text, told, len(found) > limit, ask.ref)

    def _catch_up(self) -> None:
        """Put all into the index that is on disk now."""
        missing = self._store.read(partial(direct_index.missing, most=BEHIND))
        if missing >= BEHIND:
            text = "What was said is still being put into the index of words. Search again in some minutes."
            raise Reject(text, code="history_off")
        try:
            while missing > 0 and self._store.tidy(direct_index.index_more):
                missing -= direct_index.STEP
        except DatabaseError:
            raise off() from None
