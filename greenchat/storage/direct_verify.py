"""Whether direct.sqlite3 is whole: the file, the numbers of the messages, and between whom they were said."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from greenchat.protocol.text import amount
from greenchat.storage import direct_index, direct_rows
from greenchat.storage.examining import Report, wrong
from greenchat.storage.examining import examine as examining

# What should not be, and the SQL that finds it: values for the sentence. NOT INDEXED, so that the rows count.
_WRONG = {
    "Conversation {} has messages, and is not in the list.": """
        SELECT DISTINCT conversation FROM messages NOT INDEXED
        WHERE conversation NOT IN (SELECT id FROM conversations) ORDER BY 1
    """,
    "Conversation {} is between two accounts, and has {} ends of theirs.": """
        SELECT id, count(account) FROM conversations NOT INDEXED LEFT JOIN ends ON conversation = id
        AND account IN (low, high) GROUP BY id HAVING count(account) <> 1 + (low <> high) ORDER BY 1
    """,
    "Conversation {} has an end that is of another account.": """
        SELECT id FROM conversations NOT INDEXED JOIN ends ON conversation = id WHERE account NOT IN (low, high)
    """,
    "Accounts have an end in conversation {}, which is not in the list.": """
        SELECT DISTINCT conversation FROM ends WHERE conversation NOT IN (SELECT id FROM conversations) ORDER BY 1
    """,
    "Conversation {}: seq {} is of somebody else.": """
        SELECT conversation, messages.seq FROM messages NOT INDEXED JOIN conversations
        ON conversations.id = conversation WHERE account NOT IN (low, high) AND deleted IS NULL ORDER BY 1, 2
    """,
    "Conversation {}: seq {} is there, but all up to {} was removed.": """
        SELECT conversation, messages.seq, removed FROM messages NOT INDEXED JOIN conversations
        ON conversations.id = conversation WHERE messages.seq <= removed ORDER BY 1, 2
    """,
    "Conversation {}: seq {} to {} is missing.": """
        SELECT id, before + 1, now - 1 FROM (
            SELECT id, said.seq AS now, max(removed, lag(said.seq, 1, 0) OVER (PARTITION BY id ORDER BY said.seq))
            AS before FROM conversations NOT INDEXED JOIN (
                SELECT conversation, seq FROM messages NOT INDEXED UNION ALL SELECT id, seq + 1 FROM conversations
            ) AS said ON said.conversation = id
        ) WHERE now > before + 1 ORDER BY 1, 2
    """,
    "Conversation {}: seq {} is beyond its last, which is {}.": """
        SELECT conversation, messages.seq, conversations.seq FROM messages NOT INDEXED JOIN conversations
        ON conversations.id = conversation WHERE messages.seq > conversations.seq ORDER BY 1, 2
    """,
    "Conversation {}: rev {} is of {} messages.": """
        SELECT conversation, rev, count(*) FROM messages NOT INDEXED GROUP BY conversation, rev HAVING count(*) > 1
        ORDER BY 1, 2
    """,
    "Conversation {}: seq {} has rev {}, and the last there was is {}.": """
        SELECT conversation, messages.seq, messages.rev, conversations.rev FROM messages NOT INDEXED JOIN conversations
        ON conversations.id = conversation WHERE messages.rev > conversations.rev OR messages.rev < messages.seq
        ORDER BY 1, 2
    """,
    "Message {} is there {} times.": """
        SELECT id, count(*) FROM messages NOT INDEXED WHERE id > 0 GROUP BY id HAVING count(*) > 1 ORDER BY 1
    """,
    "Conversation {}: account {} has read up to {}, and there are {}.": """
        SELECT id, account, read, seq FROM ends JOIN conversations ON id = conversation WHERE read > seq ORDER BY 1
    """,
}

_SUMMARY = "SELECT (SELECT count(*) FROM conversations), (SELECT count(*) FROM messages)"


def examine(path: Path) -> Report:
    """Look at the file as it is at this moment. Raises `DatabaseError` where it cannot be read at all."""
    return examining(path, direct_rows.MIGRATIONS, _summary, _findings)


def _summary(connection: sqlite3.Connection) -> str:
    conversations, messages = connection.execute(_SUMMARY).fetchone()
    return f"{amount(conversations, 'conversation')}, {amount(messages, 'message')}."


def _findings(connection: sqlite3.Connection) -> Iterator[str]:
    yield from wrong(connection, _WRONG)
    try:
        direct_index.verify(connection)
    except sqlite3.DatabaseError as error:
        yield f"The index of words does not fit what was said: {error}."
    (highest,) = connection.execute("SELECT coalesce(max(id), 0) FROM messages").fetchone()
    if highest > (marked := direct_rows.highest(connection)):
        yield f"Message {highest} is there, but ids go on behind {marked}."
