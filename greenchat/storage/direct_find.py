"""What one account finds in direct.sqlite3, and takes away from it. Each function works in the caller's transaction."""

import sqlite3
from datetime import datetime, timedelta
from heapq import nlargest

from greenchat.protocol.events import EPOCH
from greenchat.search.matching import matches
from greenchat.search.query import Query
from greenchat.storage.direct_rows import LAST, Row, rows_of


def search(
    connection: sqlite3.Connection, account: int, query: Query, conversation: str, before: int, most: int
) -> list[Row]:
    """The latest messages that `query` finds in the conversations of an account, or in this one of them, with ids below
    `before`, unless that is 0; what is not in the index yet is not found."""
    mine = "SELECT number FROM ends JOIN scopes USING (conversation) WHERE account = ?"
    if conversation:
        scopes = connection.execute(f"{mine} AND conversation = ?", (account, conversation))
    else:
        scopes = connection.execute(mine, (account,))
    times = [_microseconds(query.since) if query.since else -LAST, _microseconds(query.until) if query.until else LAST]
    found: list[Row] = []
    for match in matches(query, [number for (number,) in scopes]):
        found += rows_of(
            connection,
            "JOIN words ON messages.id = words.rowid WHERE words MATCH ? AND words.rowid < ? AND time >= ? "
            "AND time < ? AND deleted IS NULL ORDER BY words.rowid DESC LIMIT ?",
            (match, before or LAST, *times, most),
        )
    return nlargest(most, found, key=lambda row: row.id)


def export(
    connection: sqlite3.Connection, account: int, conversation: str, after: tuple[str, int], most: int
) -> list[Row]:
    """The first of what is behind `after`, a conversation and a seq, in the conversations of an account, or in this
    one; without what was deleted."""
    asked = {
        "account": account,
        "conversation": conversation,
        "reached": after[0],
        "seq": min(after[1], LAST),
        "most": most,
    }
    mine = (
        "JOIN ends ON ends.conversation = messages.conversation WHERE ends.account = :account AND deleted IS NULL "
        + "AND ends.conversation = :conversation " * bool(conversation)
    )
    order = "ORDER BY ends.conversation, seq LIMIT :most"
    found = rows_of(connection, f"{mine} AND ends.conversation = :reached AND seq > :seq {order}", asked)
    asked["most"] = most - len(found)
    return found + rows_of(connection, f"{mine} AND ends.conversation > :reached {order}", asked)


def _microseconds(time: datetime) -> int:
    return (time - EPOCH) // timedelta(microseconds=1)
