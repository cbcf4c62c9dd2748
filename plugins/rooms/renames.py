"""Stored rooms whose names are not allowed any more get others: names begin neither with `@` nor with `#`.

Before any plugin opens its file, each such room gets one free name, the same in all databases, with all that is stored
of it; none is merged with another. Each database is changed in one transaction, and in it is noted what was renamed
(`renamed_rooms`): so after a crash, or where an older file is put back, the same names are given again.
"""

import logging
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from greenchat import Reject, as_database_error, open_private, require_room, transaction

log = logging.getLogger("greenchat.rooms")

# Where names of rooms stand, in the databases of the bundled plugins: tables and columns. The rules come first: should
# the rest fail, nobody comes into a room whose rules are still under another name. The audit trail stays as written.
PLACES = {
    "rooms.sqlite3": (("rooms", "name"),),
    "moderation.sqlite3": (("bans", "room"), ("mutes", "room"), ("slow", "room")),
    "history.sqlite3": (("rooms", "name"),),
}
RULES = "rooms.sqlite3"

# In the data directory, for whoever runs the server, and for the case that all databases are of another time.
REPORT = "renamed-rooms.txt"

# What a room is called of whose name nothing is left.
NAMELESS = "room"

# How long a command line may hold a file, in seconds.
BUSY_SECONDS = 5.0

_NOTES = """
    CREATE TABLE IF NOT EXISTS renamed_rooms (old TEXT PRIMARY KEY, new TEXT NOT NULL, at REAL NOT NULL) WITHOUT ROWID
"""

Names = dict[str, str]
Note = tuple[float, str]  # when a room was given which name, in seconds since 1970


def is_bad(name: str) -> bool:
    """Whether no room may be called so any more."""
    return name.startswith(("@", "#"))


class File:
    """One database: the names of rooms in it, and what was renamed there at which time."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self.connection = connection
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        self.places = [(table, column) for table, column in PLACES[path.name] if table in tables]
        self.names = {
            name
            for table, column in self.places
            for (name,) in connection.execute(f"SELECT DISTINCT {column} FROM {table}")
            if name
        }
        self.notes: dict[str, Note] = {}
        if "renamed_rooms" in tables:
            rows = connection.execute("SELECT old, new, at FROM renamed_rooms")
            self.notes = {old: (at, new) for old, new, at in rows}
        self.bad = set(filter(is_bad, self.names))


class Plan:
    """Which names are given: `names` are all, `doubtful` are those where it is not sure whose rules hold there."""

    def __init__(self, files: Iterable[File], reported: Mapping[str, Note], default_room: str, length: int) -> None:
        files = list(files)
        latest = dict(reported)
        for file in files:
            for old, note in file.notes.items():
                latest[old] = max(note, latest.get(old, note))
        self.names: Names = {old: new for old, (_, new) in latest.items()}
        self.doubtful: Names = {}
        self.new: Names = {}
        self._length = length
        self._taken = {
            default_room,
            *self.names,
            *self.names.values(),
            *(name for file in files for name in file.names),
        }
        given = set(self.names.values())
        for file in files:
            for old in sorted(file.bad):
                # Noted here already, and there again: an earlier version has run since then, and made another one.
                if old in file.notes and file.notes[old][1] == self.names[old]:
                    self.doubtful[self._give(old)] = file.notes[old][1]
                elif old not in self.names:
                    self._give(old)
        for file in files:
            if file.bad and not file.notes:  # from before: what has one of the names given since is another room
                for name in sorted(file.names & given):
                    if name not in self.names:
                        self._give(name)
                    self.doubtful[self.names[name]] = name

    def of(self, file: File) -> Names:
        """What is to be renamed in `file`; in an order in which no name is given before it is free."""
        away = {} if file.notes or not file.bad else {name: self.names[name] for name in file.names & set(self.names)}
        names = away | {name: self.names[name] for name in file.bad}
        return dict(sorted(names.items(), key=lambda item: is_bad(item[0])))

    def _give(self, old: str) -> str:
        new = next(name for name in self._possible(old) if name not in self._taken)
        self._taken.add(new)
        self.names[old] = self.new[old] = new
        return new

    def _possible(self, old: str) -> Iterator[str]:
        """Names for a room, the nearest first, all of them such as one can type."""
        base = old.lstrip("@#")
        try:
            base = require_room(base, 0)
        except Reject:
            base = NAMELESS
        number = 1
        while True:
            end = f"-{number}" if number > 1 else ""
            yield f"{base[: self._length - len(end)] if self._length else base}{end}"
            number += 1


def rename_stored_rooms(data_dir: Path, default_room: str, length: int) -> None:
    """Rename what has to be renamed, in all databases that there are; nothing may have them open.

    `default_room` stays free, since everybody may come in there; `length` is that of the longest name, 0 for any. Where
    a file cannot be read, nothing is changed, and the log says so. Raises `DatabaseError` where the change could not be
    made everywhere: it is gone on with at the next start, and until then no rules are known that are sure to hold.
    """
    with ExitStack() as stack:
        files = []
        for path in filter(Path.exists, (data_dir / name for name in PLACES)):
            try:
                connection = sqlite3.connect(
                    f"file:{quote(str(path))}?mode=rw", BUSY_SECONDS, isolation_level=None, uri=True
                )
                stack.enter_context(closing(connection))
                files.append(File(path, connection))
            except sqlite3.Error as error:
                log.error("rooms keep their names for now, whatever they are: %s", as_database_error(error, path))
                return
        if any(file.bad for file in files):
            _rename(data_dir, files, Plan(files, _reported(data_dir / REPORT), default_room, length))


def _rename(data_dir: Path, files: list[File], plan: Plan) -> None:
    _report(data_dir / REPORT, plan.new)
    for file in files:
        names = plan.of(file)
        try:
            transaction(file.connection, lambda _: _apply(file, names, plan))  # noqa: B023
        except sqlite3.Error as error:
            raise as_database_error(error, file.path) from error
        for old, new in names.items():
            log.warning("room renamed in %s: %s -> %s", file.path.name, old, new)


def _apply(file: File, names: Mapping[str, str], plan: Plan) -> None:
    connection, now = file.connection, time.time()
    for old, new in names.items():
        for table, column in file.places:
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", (new, old))
    if file.path.name == RULES and file.places:
        for new, rules_of in plan.doubtful.items():
            _copy_rules(connection, new, rules_of)
    connection.execute(_NOTES)
    for old, new in plan.names.items():
        if old in plan.new or file.notes.get(old, (0.0, ""))[1] != new:
            connection.execute("REPLACE INTO renamed_rooms VALUES (?, ?, ?)", (old, new, now))


def _copy_rules(connection: sqlite3.Connection, new: str, rules_of: str) -> None:
    """What was said in a room of which it is not sure which one it was is nobody's to read but for those who may come
    into either."""
    columns = [name for _, name, *_ in connection.execute("PRAGMA table_info(rooms)") if name != "name"]
    listed = ", ".join(f'"{column}"' for column in columns)
    connection.execute(
        f"INSERT OR IGNORE INTO rooms (name, {listed}) SELECT ?, {listed} FROM rooms WHERE name = ?", (new, rules_of)
    )


def _report(path: Path, names: Mapping[str, str]) -> None:
    if not names:
        return
    try:
        with open_private(path, "a") as file:
            for old, new in names.items():
                file.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {old} -> {new}\n")
    except OSError as error:
        log.error("%s cannot be written: %s. The renamed rooms are in the log.", path, error.strerror)


def _reported(path: Path) -> dict[str, Note]:
    """What `_report` has written, as far as it can be read; the last of each name."""
    found = {}
    with suppress(OSError, ValueError):
        for line in path.read_text("utf-8").splitlines():
            match line.split(" "):
                case [when, old, "->", new]:
                    found[old] = datetime.fromisoformat(when).timestamp(), new
    return found
