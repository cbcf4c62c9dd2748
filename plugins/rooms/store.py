"""rooms.sqlite3: what lasts of rooms. Work for the server's `Database`, and for the command line."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field

FILE = "rooms.sqlite3"

MIGRATIONS = (
    """
    CREATE TABLE rooms (
        name TEXT PRIMARY KEY,
        key TEXT NOT NULL,
        invite_only INTEGER NOT NULL,
        topic_by TEXT NOT NULL,
        topic TEXT NOT NULL,
        owner TEXT NOT NULL
    );
    """,
    "ALTER TABLE rooms ADD COLUMN kept INTEGER NOT NULL DEFAULT 1;",
    # Owners are accounts, by their ids. `owner_key` is what there was instead, until it is known whose it is.
    """
    ALTER TABLE rooms RENAME COLUMN owner TO owner_key;
    ALTER TABLE rooms ADD COLUMN owner INTEGER NOT NULL DEFAULT 0;
    """,
    # `removed` rooms are still there until all that is kept of them elsewhere is forgotten. `used` is in seconds since
    # 1970: of rooms from before, when they were found.
    """
    ALTER TABLE rooms ADD COLUMN network TEXT NOT NULL DEFAULT '';
    ALTER TABLE rooms ADD COLUMN used INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE rooms ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;
    UPDATE rooms SET used = strftime('%s', 'now');
    """,
    # In seconds since 1970. Nobody was remembered in a room before, so none of them has come back to one.
    "ALTER TABLE rooms ADD COLUMN tightened REAL NOT NULL DEFAULT 0;",
    # `most` is 0 where there is no limit; `voices` are the ids of accounts, with blanks between them.
    """
    ALTER TABLE rooms ADD COLUMN moderated INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE rooms ADD COLUMN most INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE rooms ADD COLUMN voices TEXT NOT NULL DEFAULT '';
    """,
)

# The owner of a room whose account is gone: it is nobody's, and does not become that of who comes in next.
GONE = -1

Work = Callable[[sqlite3.Connection], None]


@dataclass(eq=False, slots=True, weakref_slot=True)
class Rules:
    """What holds for a room.

    `topic_by` is "everybody" or "owner". `topic` and `owner`, the id of an account, are what the room has when it is
    opened again; empty and 0 for none. `owner_key` is the owner's name, from before accounts had ids, until it is known
    whose it is. `network` is where it was protected from, `used` when somebody was in it last, roughly. `removed`: it
    is closed, until it is gone. `tightened` is when it was made harder to come in, by a key or for invited people only:
    who was in there since, and has not left, comes back without. `entered`: somebody has come in before, so who comes
    now has not made the room. Where it is `moderated`, only the owner, operators and those with a voice say something;
    `voices` are the accounts that have one when it is opened again. It takes `limit` members, 0 for as many as the
    server allows.
    """

    key: str = field(default="", repr=False)
    invite_only: bool = False
    topic_by: str = "everybody"
    topic: str = ""
    owner: int = 0
    owner_key: str = ""
    kept: bool = False
    network: str = ""
    used: int = 0
    removed: bool = False
    tightened: float = 0.0
    entered: bool = False
    moderated: bool = False
    limit: int = 0
    voices: list[int] = field(default_factory=list)

    @property
    def protected(self) -> bool:
        return bool(self.key) or self.invite_only


_COLUMNS = (
    "name, key, invite_only, topic_by, topic, owner, owner_key, kept, network, used, tightened, moderated, most, voices"
)


def load(connection: sqlite3.Connection) -> dict[str, Rules]:
    found = {}
    for name, *row, removed in connection.execute(f"SELECT {_COLUMNS}, removed FROM rooms ORDER BY name"):
        key, only, by, topic, owner, owner_key, kept, network, used, tightened, moderated, most, voices = row
        found[name] = Rules(
            *(key, bool(only), by, topic, owner, owner_key, bool(kept), network, used, bool(removed), tightened),
            moderated=bool(moderated),
            limit=most,
            voices=[int(one) for one in voices.split()],
        )
    return found


def put(name: str, rules: Rules) -> Work:
    """All of it but `removed`: that is never taken back."""
    values = (
        *(name, rules.key, rules.invite_only, rules.topic_by, rules.topic),
        *(rules.owner, rules.owner_key, rules.kept, rules.network, rules.used, rules.tightened),
        *(rules.moderated, rules.limit, " ".join(map(str, rules.voices))),
    )
    changes = ", ".join(f"{column} = excluded.{column}" for column in _COLUMNS.split(", ")[1:])

    def work(connection: sqlite3.Connection) -> None:
        connection.execute(
            f"INSERT INTO rooms ({_COLUMNS}) VALUES ({', '.join('?' * len(values))}) "
            f"ON CONFLICT (name) DO UPDATE SET {changes}",
            values,
        )

    return work


def drop(name: str, *, unless_removed: bool = False) -> Work:
    """Nothing lasts of the room any more; `unless_removed`: then there is something to do before."""

    def work(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM rooms WHERE name = ? AND removed <= ?", (name, not unless_removed))

    return work


def mark_removed(name: str) -> Callable[[sqlite3.Connection], bool]:
    """Whether there is such a room."""

    def work(connection: sqlite3.Connection) -> bool:
        return connection.execute("UPDATE rooms SET removed = 1 WHERE name = ?", (name,)).rowcount == 1

    return work


def removed(connection: sqlite3.Connection) -> list[str]:
    return [name for (name,) in connection.execute("SELECT name FROM rooms WHERE removed ORDER BY name")]
