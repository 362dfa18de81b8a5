-- Entries in the order of their commits; seq is that order.
CREATE TABLE entries (
	seq   INTEGER PRIMARY KEY,
	log   INTEGER NOT NULL,
	chain BLOB    NOT NULL,
	idx   INTEGER NOT NULL,
	raw   BLOB    NOT NULL,
	UNIQUE (log, chain, idx)
) STRICT;

-- The newest entry of each chain, apart from the entry.
CREATE TABLE heads (
	log   INTEGER NOT NULL,
	chain BLOB    NOT NULL,
	idx   INTEGER NOT NULL,
	hash  BLOB    NOT NULL,
	PRIMARY KEY (log, chain)
) STRICT, WITHOUT ROWID;

-- sum is a digest of the rest of a row, here and below: these rows are in no
-- chain that would show a flipped bit.
CREATE TABLE rooms (
	id      BLOB    NOT NULL PRIMARY KEY,
	shard   INTEGER NOT NULL,
	created INTEGER NOT NULL,
	closed  INTEGER NOT NULL,
	sum     BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

-- Leaves: for each endpoint 16 bytes id, 4 serial, 32 hash of its envelope.
CREATE TABLE epochs (
	room   BLOB    NOT NULL,
	epoch  INTEGER NOT NULL,
	leaves BLOB    NOT NULL,
	sum    BLOB    NOT NULL,
	PRIMARY KEY (room, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE envelopes (
	room     BLOB    NOT NULL,
	epoch    INTEGER NOT NULL,
	endpoint BLOB    NOT NULL,
	sealed   BLOB    NOT NULL,
	UNIQUE (room, epoch, endpoint)
) STRICT;

CREATE TABLE staged (
	author   BLOB    NOT NULL,
	room     BLOB    NOT NULL,
	root     BLOB    NOT NULL,
	endpoint BLOB    NOT NULL,
	serial   INTEGER NOT NULL,
	hash     BLOB    NOT NULL,
	sealed   BLOB    NOT NULL,
	at       INTEGER NOT NULL,
	UNIQUE (author, room, root, endpoint)
) STRICT;

CREATE INDEX staged_at ON staged (at);
