"""The conversations of accounts, as the chat knows them, from and to the file that keeps them."""

import time as clock
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import msgspec

from greenchat.chat.chat import Chat
from greenchat.chat.conversations import Conversation, Conversations
from greenchat.chat.ends import Entry
from greenchat.chat.keys import UsedKey, place_of
from greenchat.chat.log import Past, Reaction
from greenchat.errors import Reject
from greenchat.protocol.events import EPOCH, Deleted, File, Message
from greenchat.protocol.names import FORGOTTEN
from greenchat.protocol.replies import Ack
from greenchat.protocol.requests import History
from greenchat.protocol.runs import Key
from greenchat.storage import direct_find, direct_rows
from greenchat.storage.direct_rows import KeyRow, Row, Talk, TalkEnd
from greenchat.storage.direct_store import DirectStore

_FILES = msgspec.json.Decoder(list[File])
_REACTIONS = msgspec.json.Decoder(list[tuple[str, str, int]])
_MICROSECOND = timedelta(microseconds=1)

# Conversations that are listed to who comes in: as many as somebody can have in mind, and some 100 KB.
MOST_LISTED = 1000


class DirectKeeper:
    """See `greenchat.chat.conversations.Keeper`."""

    def __init__(self, store: DirectStore, chat: Chat) -> None:
        self._store = store
        self._chat = chat
        self._all: Conversations = chat.conversations
        self._accounts: frozenset[int] = frozenset()
        store.renewed = self._renewed
        chat.conversations.keeper = self
        chat.keys.sources.append(self.used_keys)
        chat.files.sources["direct"] = self.named_files

    def open(self) -> None:
        """Know the file. May wait."""
        self._store.open()
        self._chat.accounts.watch(self._accounts_changed)

    @property
    def epoch(self) -> str:
        return self._store.epoch

    # --- see `Keeper` ---

    def between(self, one: int, other: int) -> Conversation | None:
        return self._restored(self._store.between(one, other))

    def find(self, conversation: str) -> Conversation | None:
        return self._restored(self._store.find(conversation))

    def keep(self, conversation: Conversation, past: Past | None, key: Key | None = None) -> None:
        ends = [end for end in dict.fromkeys(conversation.ends) if isinstance(end, int)]
        facts = conversation.facts
        talk = Talk(
            conversation.id,
            tuple(TalkEnd(end, facts[end].name, facts[end].said, facts[end].read) for end in ends),
            conversation.seq,
            conversation.rev,
            _stored_time(max(conversation.time, EPOCH)),
        )
        row = None if past is None else _row(conversation.id, past)
        stored = None
        if key is not None and row is not None and isinstance(key.owner, int):
            stored = KeyRow(key.owner, key.key, key.said, row.conversation, row.seq, row.rev, row.id, row.time)
        self._store.put(talk, row, stored)

    def hold(self, release: Callable[[Reject | None], None]) -> None:
        self._store.hold(release)

    def message(self, conversation: str, seq: int) -> Past | None:
        row = self._store.message(conversation, seq)
        return past_of(row) if row is not None else None

    def page(self, conversation: str, ask: History) -> tuple[list[Past], bool]:
        self._store.saved()
        since = _stored_time(ask.since) if ask.since is not None else 0
        until = _stored_time(ask.until) if ask.until is not None else direct_rows.LAST
        found = self._store.read(partial(direct_rows.page, conversation=conversation, ask=ask, times=(since, until)))
        more = len(found) > ask.limit
        rows = found[: ask.limit] if direct_rows.from_the_start(ask) else found[-ask.limit :]
        return [past_of(row) for row in rows], more

    def newer(self, conversation: str, rev: int, most: int) -> list[Past] | None:
        self._store.saved()
        found = self._store.read(partial(direct_rows.newer, conversation=conversation, rev=rev, most=most))
        return None if found is None else [past_of(row) for row in found]

    def export(self, account_id: int, conversation: str, after: tuple[str, int], most: int) -> list[Past]:
        self._store.saved()
        asked = partial(direct_find.export, account=account_id, conversation=conversation, after=after, most=most)
        return [past_of(row) for row in self._store.read(asked)]

    def of(self, account_id: int) -> tuple[list[Entry], bool]:
        self._store.saved()
        found = self._store.read(partial(direct_rows.of, account=account_id, most=MOST_LISTED + 1))
        return [_entry(talk, account_id, unread) for talk, unread in found[:MOST_LISTED]], len(found) > MOST_LISTED

    def waiting(self, account_id: int, most: int) -> tuple[list[Past], int, list[str]]:
        self._store.saved()
        rows, count, conversations = self._store.read(partial(direct_rows.waiting, account=account_id, most=most))
        return [past_of(row) for row in rows], count, conversations

    def used_keys(self, owner: int | bytes, key: str | None) -> list[UsedKey]:
        """What was said with keys of late by an account: see `greenchat.chat.keys`."""
        if not isinstance(owner, int):
            return []
        if key is not None and self._store.has_pending(owner, key):
            raise _unknown()  # it may still be lost
        since = clock.time_ns() // 1000 - direct_rows.KEYS_KEPT
        try:
            found = self._store.read(partial(direct_rows.used_keys, owner=owner, key=key, since=since))
        except Reject:
            raise _unknown() from None
        return [
            UsedKey(
                one.key,
                one.said,
                place_of(one.conversation),
                _time(one.time),
                Ack(None, one.seq, one.id, one.rev, one.conversation, name),
            )
            for one, name in found
        ]

    def named_files(self, files: Sequence[str]) -> Sequence[str]:
        """Those of some files that are named by what was said here: see `greenchat.chat.files`."""
        self._store.saved()
        return self._store.read(partial(direct_rows.named, files=files))

    # --- what changes ---

    def _renewed(self) -> None:
        self._chat.ids.begin_above(self._store.highest)
        self._all.set_epoch(self._store.epoch)
        self._chat.keys.forget()

    def trimmed(self, conversations: Iterable[str]) -> None:
        """The oldest messages of these are gone."""
        for number in conversations:
            if (found := self._all.open(number)) is not None:
                found.log.forget()

    def forgot(self, nameless: Iterable[tuple[str, int]]) -> None:
        """Somebody was forgotten; of these conversations, these accounts have no name any more."""
        for number, account in nameless:
            if (known := self._all.open(number)) is not None and account in known.facts:
                known.facts[account].name = FORGOTTEN

    def _accounts_changed(self) -> None:
        before, self._accounts = self._accounts, frozenset(self._chat.accounts.ids)
        if gone := before - self._accounts:
            self._all.accounts_gone(gone)

    def _restored(self, talk: Talk | None) -> Conversation | None:
        if talk is None:
            return None
        conversation = Conversation(self._all, [end.account for end in talk.ends], talk.id, self)
        conversation.seq, conversation.rev, conversation.time = talk.seq, talk.rev, _time(talk.time)
        for end in talk.ends:
            facts = conversation.facts[end.account]
            facts.name, facts.said, facts.read = end.name, end.said, end.read
        return conversation


def _unknown() -> Reject:
    text = "Whether this was said before cannot be read now, so it was not said. Send it again later."
    return Reject(text, code="try_again")


def _entry(talk: Talk, account_id: int, unread: int) -> Entry:
    own = next(end for end in talk.ends if end.account == account_id)
    other = next((end for end in talk.ends if end.account != account_id), own)
    return Entry(talk.id, other.account, other.name, talk.seq, talk.rev, own.read, unread)


def _row(conversation: str, past: Past) -> Row:
    said = past.message
    if isinstance(said, Deleted):
        empty = (0, 0, 0, "", "", 0, 0, None, None)
        return Row(conversation, said.seq, said.rev, *empty, _stored_time(said.time), said.by)
    reactions = [(one.emoji, one.name, one.account_id) for one in past.reactions]
    return Row(
        conversation,
        said.seq,
        said.rev,
        said.id,
        _stored_time(said.time),
        past.account_id,
        said.sender,
        said.text,
        int(said.action),
        said.reply_to,
        _stored_time(said.edited) if said.edited is not None else None,
        msgspec.json.encode(reactions).decode() if reactions else None,
        files=msgspec.json.encode([file.as_kept for file in said.files]).decode() if said.files else None,
    )


def past_of(row: Row) -> Past:
    if row.deleted is not None:
        by = row.deleted_by or ""
        return Past(Deleted("", row.seq, row.rev, by, _time(row.deleted), row.conversation))
    reactions = [Reaction(*one) for one in _REACTIONS.decode(row.reactions)] if row.reactions else []
    message = Message(
        "",
        row.seq,
        row.id,
        row.sender,
        row.text,
        _time(row.time),
        bool(row.action),
        False,
        row.rev,
        row.reply_to,
        _time(row.edited) if row.edited is not None else None,
        conversation=row.conversation,
        files=_FILES.decode(row.files) if row.files else None,
    )
    return Past(message, row.account, reactions)


def _stored_time(time: datetime) -> int:
    return (time - EPOCH) // _MICROSECOND


def _time(microseconds: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=microseconds)
