-- accounts.sqlite3 of version 1
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE accounts (
    key TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    hash TEXT NOT NULL,
    password_set INTEGER NOT NULL,
    created INTEGER NOT NULL,
    last_login INTEGER
) WITHOUT ROWID;
INSERT INTO accounts VALUES('ada','ada','$argon2id$v=19$m=1024,t=1,p=1$2WPK5wZeLAwNsaV+RFQIuw$3esQ2SaYifmSOAGPZkvgbl0o5qQ0+n1KWflmBlYDP0o',1795376564089778,1795376564089778,1795376564089778);
COMMIT;
PRAGMA user_version=1;
