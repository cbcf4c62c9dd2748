-- files.sqlite3 of version 1
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE parts (id INTEGER PRIMARY KEY, hash TEXT NOT NULL, place INTEGER NOT NULL, data BLOB NOT NULL);
INSERT INTO parts VALUES(1,'f6f564de16df424c7922be348d0801dac496df1abcf517da98789059608726ca',0,X'526f73657320666f7220796f752e0a');
CREATE TABLE files (
    id TEXT PRIMARY KEY, hash TEXT NOT NULL, small TEXT NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL,
    size INTEGER NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, stored INTEGER NOT NULL,
    account INTEGER NOT NULL, address TEXT NOT NULL, place TEXT NOT NULL, time INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO files VALUES('c2l4dGVlbiBieXRlcw','f6f564de16df424c7922be348d0801dac496df1abcf517da98789059608726ca','','roses.txt','text/plain',15,0,0,15,123,'ab','lobby',1767312000);
CREATE TABLE sources (name TEXT PRIMARY KEY) WITHOUT ROWID;
INSERT INTO sources VALUES('direct');
INSERT INTO sources VALUES('history');
CREATE UNIQUE INDEX parts_by_hash ON parts (hash, place);
CREATE INDEX files_by_hash ON files (hash);
CREATE INDEX files_by_small ON files (small);
COMMIT;
PRAGMA user_version=1;
