-- direct.sqlite3 of version 1
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE conversations (
    id TEXT PRIMARY KEY, low INTEGER NOT NULL, high INTEGER NOT NULL, seq INTEGER NOT NULL, rev INTEGER NOT NULL,
    time INTEGER NOT NULL, removed INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
INSERT INTO conversations VALUES('wc3uFFhxLqrU9Kn-',2336679870437044662,4574409015063172599,3,6,1795741224144180,0);
CREATE TABLE ends (
    account INTEGER NOT NULL, conversation TEXT NOT NULL, name TEXT NOT NULL, said INTEGER NOT NULL,
    read INTEGER NOT NULL, PRIMARY KEY (account, conversation)
) WITHOUT ROWID;
INSERT INTO ends VALUES(2336679870437044662,'wc3uFFhxLqrU9Kn-','bob',2,3);
INSERT INTO ends VALUES(4574409015063172599,'wc3uFFhxLqrU9Kn-','ada',1,1);
CREATE TABLE messages (
    conversation TEXT NOT NULL, seq INTEGER NOT NULL, rev INTEGER NOT NULL, id INTEGER NOT NULL, time INTEGER NOT NULL,
    account INTEGER NOT NULL, sender TEXT NOT NULL, text TEXT NOT NULL, action INTEGER NOT NULL,
    reply_to INTEGER NOT NULL, edited INTEGER, reactions TEXT, deleted INTEGER, deleted_by TEXT,
    PRIMARY KEY (conversation, seq)
) WITHOUT ROWID;
INSERT INTO messages VALUES('wc3uFFhxLqrU9Kn-',1,1,1795741224108493,1795741224141758,4574409015063172599,'ada','Roses for you.',0,0,NULL,NULL,NULL,NULL);
INSERT INTO messages VALUES('wc3uFFhxLqrU9Kn-',2,6,1795741224108494,1795741224142828,2336679870437044662,'bob','For me!',0,1,1795741224145465,'[["🌷","ada",4574409015063172599]]',NULL,NULL);
INSERT INTO messages VALUES('wc3uFFhxLqrU9Kn-',3,5,1795741224108495,1795741224144180,0,'','',0,0,NULL,NULL,1795741224144766,'bob');
CREATE TABLE keys (
    owner INTEGER NOT NULL, key TEXT NOT NULL, said BLOB NOT NULL, conversation TEXT NOT NULL, seq INTEGER NOT NULL,
    rev INTEGER NOT NULL, id INTEGER NOT NULL, time INTEGER NOT NULL, PRIMARY KEY (owner, key)
) WITHOUT ROWID;
INSERT INTO keys VALUES(4574409015063172599,'k1',X'69F4A0C219ABD674','wc3uFFhxLqrU9Kn-',1,1,1795741224108493,1795741224141758);
CREATE TABLE marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO marks VALUES('clean',3416806);
INSERT INTO marks VALUES('closed',1795741224154744749);
INSERT INTO marks VALUES('epoch',3762400718005631385);
INSERT INTO marks VALUES('id',1795741224108495);
INSERT INTO marks VALUES('terms',824671045);
INSERT INTO marks VALUES('unclean',2);
CREATE TABLE scopes (number INTEGER PRIMARY KEY AUTOINCREMENT, conversation TEXT NOT NULL UNIQUE);
PRAGMA writable_schema=ON;
INSERT INTO sqlite_master(type,name,tbl_name,rootpage,sql)VALUES('table','words','words',0,'CREATE VIRTUAL TABLE words USING fts5(
    terms, content=''searchable'', content_rowid=''id'', columnsize=0, tokenize="ascii tokenchars ''!""#$%&''''()*+,-./:;<=>?@[\]^_`{|}~''"
)');
CREATE TABLE 'words_data'(id INTEGER PRIMARY KEY, block BLOB);
INSERT INTO words_data VALUES(1,X'');
INSERT INTO words_data VALUES(10,X'00000000000000');
CREATE TABLE 'words_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;
CREATE TABLE 'words_config'(k PRIMARY KEY, v) WITHOUT ROWID;
INSERT INTO words_config VALUES('version',4);
CREATE INDEX conversations_by_ends ON conversations (low, high);
CREATE INDEX messages_by_rev ON messages (conversation, rev);
CREATE INDEX messages_by_time ON messages (time);
CREATE INDEX keys_by_message ON keys (conversation, seq);
CREATE INDEX keys_by_time ON keys (time);
CREATE INDEX messages_by_id ON messages (id);
PRAGMA writable_schema=OFF;
COMMIT;
PRAGMA user_version=1;
