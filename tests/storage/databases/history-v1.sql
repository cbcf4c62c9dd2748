-- history.sqlite3 of version 1
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE rooms (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, removed INTEGER NOT NULL DEFAULT 0);
INSERT INTO rooms VALUES(1,'lobby',0);
INSERT INTO rooms VALUES(2,'garden',0);
CREATE TABLE messages (
    id INTEGER PRIMARY KEY, room INTEGER NOT NULL, seq INTEGER NOT NULL, time INTEGER NOT NULL,
    sender TEXT NOT NULL, text TEXT NOT NULL, action INTEGER NOT NULL
);
INSERT INTO messages VALUES(1,1,1,1767311940000000,'ada','Good morning!',0);
INSERT INTO messages VALUES(2,1,2,1767312000000000,'bob','Good morning, ada. Roses for you.',0);
INSERT INTO messages VALUES(3,2,1,1767312060000000,'ada','Who has watered the roses?',0);
INSERT INTO messages VALUES(4,1,3,1767312120000000,'ada','is in the garden',1);
INSERT INTO messages VALUES(5,2,2,1767312180000000,'Zoë','žluťoučký kůň 🐎',0);
INSERT INTO messages VALUES(6,2,3,1767312240000000,'bob','I have.',0);
CREATE UNIQUE INDEX messages_by_room ON messages (room, seq);
COMMIT;
PRAGMA user_version=1;
