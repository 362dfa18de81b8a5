CREATE TABLE blobs (
	id       BLOB    NOT NULL,
	scope    BLOB    NOT NULL,
	uploader BLOB    NOT NULL,
	manifest INTEGER NOT NULL,
	pieces   INTEGER NOT NULL,
	size     INTEGER NOT NULL,
	created  INTEGER NOT NULL,
	expires  INTEGER NOT NULL,
	sum      BLOB    NOT NULL,
	PRIMARY KEY (id, scope, uploader)
) STRICT, WITHOUT ROWID;

CREATE INDEX blobs_listed ON blobs (scope, created) WHERE pieces > 0;
CREATE INDEX blobs_expires ON blobs (expires);
CREATE INDEX blobs_size ON blobs (uploader, size);

CREATE TABLE meta (
	key   TEXT NOT NULL PRIMARY KEY,
	value BLOB NOT NULL,
	sum   BLOB NOT NULL
) STRICT, WITHOUT ROWID;
