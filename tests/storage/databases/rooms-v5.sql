-- rooms.sqlite3 of version 5
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE rooms (
        name TEXT PRIMARY KEY,
        key TEXT NOT NULL,
        invite_only INTEGER NOT NULL,
        topic_by TEXT NOT NULL,
        topic TEXT NOT NULL,
        owner_key TEXT NOT NULL
    , kept INTEGER NOT NULL DEFAULT 1, owner INTEGER NOT NULL DEFAULT 0, network TEXT NOT NULL DEFAULT '', used INTEGER NOT NULL DEFAULT 0, removed INTEGER NOT NULL DEFAULT 0, tightened REAL NOT NULL DEFAULT 0);
INSERT INTO "rooms" VALUES('garden','open sesame',0,'everybody','Tulips and roses','',1,2847193650182734651,'192.0.2.7',1769860800,0,1767225600.0);
INSERT INTO "rooms" VALUES('cellar','vintage',0,'owner','','',0,-1,'',1769860800,0,1767225600.0);
COMMIT;
PRAGMA user_version=5;
