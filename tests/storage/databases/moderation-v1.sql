-- moderation.sqlite3 of version 1
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE operators (key TEXT PRIMARY KEY, name TEXT NOT NULL, since REAL NOT NULL, "by" TEXT NOT NULL);
INSERT INTO operators VALUES('ada','ada',1795376564.1264002322,'shell');
CREATE TABLE slow (room TEXT PRIMARY KEY, seconds REAL NOT NULL, account TEXT NOT NULL);
INSERT INTO slow VALUES('garden',5.0,'ada');
CREATE TABLE audit (
        id INTEGER PRIMARY KEY, time REAL NOT NULL, "by" TEXT NOT NULL, act TEXT NOT NULL, target TEXT NOT NULL,
        room TEXT NOT NULL, details TEXT NOT NULL
    );
INSERT INTO audit VALUES(1,1795376564.1323111057,'shell','op','ada','','');
INSERT INTO audit VALUES(2,1795376565.3367478847,'ada','keep','','garden','');
INSERT INTO audit VALUES(3,1795376565.3372910022,'ada','slow','','garden','one message every 5s');
INSERT INTO audit VALUES(4,1795376565.3386731147,'ada','ban','203.0.113.0/24','','for good: Spam');
INSERT INTO audit VALUES(5,1795376565.3396320343,'ada','ban','eve','','for good: Told you so');
INSERT INTO audit VALUES(6,1795376565.3407399654,'ada','mute','bob','','until 2300-01-01 00:00 UTC: Calm down');
CREATE TABLE bans (
        id INTEGER PRIMARY KEY, kind TEXT NOT NULL, what TEXT NOT NULL, room TEXT NOT NULL, whom TEXT NOT NULL,
        "by" TEXT NOT NULL, account TEXT NOT NULL, why TEXT NOT NULL, since REAL NOT NULL, until REAL,
        UNIQUE (kind, what, room)
    );
INSERT INTO bans VALUES(1,'network','203.0.113.0/24','','','ada','ada','Spam',1795376565.3386659622,NULL);
INSERT INTO bans VALUES(2,'name','eve','','eve','ada','ada','Told you so',1795376565.339628458,NULL);
CREATE TABLE mutes (
        id INTEGER PRIMARY KEY, kind TEXT NOT NULL, what TEXT NOT NULL, room TEXT NOT NULL, whom TEXT NOT NULL,
        "by" TEXT NOT NULL, account TEXT NOT NULL, why TEXT NOT NULL, since REAL NOT NULL, until REAL,
        UNIQUE (kind, what, room)
    );
INSERT INTO mutes VALUES(1,'name','bob','','bob','ada','ada','Calm down',1795376565.3406872749,10413792000.0);
CREATE INDEX audit_by_time ON audit (time);
COMMIT;
PRAGMA user_version=1;
