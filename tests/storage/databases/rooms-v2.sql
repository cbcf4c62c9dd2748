-- rooms.sqlite3 of version 2
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE rooms (
        name TEXT PRIMARY KEY,
        key TEXT NOT NULL,
        invite_only INTEGER NOT NULL,
        topic_by TEXT NOT NULL,
        topic TEXT NOT NULL,
        owner TEXT NOT NULL
    , kept INTEGER NOT NULL DEFAULT 1);
INSERT INTO rooms VALUES('garden','open sesame',0,'everybody','Tulips and roses','ada',1);
INSERT INTO rooms VALUES('cellar','vintage',0,'owner','','zoe',0);
INSERT INTO rooms VALUES('attic','dust',0,'everybody','','',0);
COMMIT;
PRAGMA user_version=2;
