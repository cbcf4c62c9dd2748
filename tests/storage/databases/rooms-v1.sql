-- rooms.sqlite3 of version 1
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE rooms (
        name TEXT PRIMARY KEY,
        key TEXT NOT NULL,
        invite_only INTEGER NOT NULL,
        topic_by TEXT NOT NULL,
        topic TEXT NOT NULL,
        owner TEXT NOT NULL
    );
INSERT INTO rooms VALUES('garden','open sesame',0,'everybody','Tulips and roses','ada');
COMMIT;
PRAGMA user_version=1;
