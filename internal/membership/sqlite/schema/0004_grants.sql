-- Keys of epochs that were handed on to endpoints that came later, with the
-- epoch since. They need no sum: what is sealed opens for its row alone, and a
-- flipped bit is one key less.
CREATE TABLE grants (
	room     BLOB    NOT NULL,
	endpoint BLOB    NOT NULL,
	epoch    INTEGER NOT NULL,
	actor    BLOB    NOT NULL,
	since    INTEGER NOT NULL,
	serial   INTEGER NOT NULL,
	author   BLOB    NOT NULL,
	sealed   BLOB    NOT NULL,
	UNIQUE (room, endpoint, epoch, actor)
) STRICT;

CREATE INDEX grants_author ON grants (author);
CREATE INDEX grants_epoch ON grants (room, epoch);
