package profile

// migrations lead from an empty database to the one of this version, one step
// a number: user_version is how many were taken. A step that was released
// never changes.
//
// In columns named sealed stands what ProfileKey.Seal made of a value, for a
// place that names the table and the other columns of the row. Times are Unix
// milliseconds.
func migrations() []string {
	return []string{
		`CREATE TABLE entry (
			log    INTEGER NOT NULL,
			chain  BLOB    NOT NULL,
			number INTEGER NOT NULL,
			raw    BLOB    NOT NULL,
			PRIMARY KEY (log, chain, number)
		) STRICT, WITHOUT ROWID;
		CREATE TABLE head (
			log    INTEGER NOT NULL,
			chain  BLOB    NOT NULL,
			sealed BLOB    NOT NULL,
			PRIMARY KEY (log, chain)
		) STRICT, WITHOUT ROWID;
		CREATE TABLE secret (
			room   BLOB    NOT NULL,
			epoch  INTEGER NOT NULL,
			sealed BLOB    NOT NULL,
			PRIMARY KEY (room, epoch)
		) STRICT, WITHOUT ROWID;
		CREATE TABLE room (
			room   BLOB NOT NULL PRIMARY KEY,
			sealed BLOB NOT NULL
		) STRICT, WITHOUT ROWID;
		CREATE TABLE cursor (
			room BLOB    NOT NULL,
			name TEXT    NOT NULL,
			seq  INTEGER NOT NULL,
			PRIMARY KEY (room, name)
		) STRICT, WITHOUT ROWID;
		CREATE TABLE pin (
			handle TEXT NOT NULL PRIMARY KEY,
			sealed BLOB NOT NULL
		) STRICT, WITHOUT ROWID;
		CREATE TABLE upload (
			id     BLOB    NOT NULL PRIMARY KEY,
			made   INTEGER NOT NULL,
			sealed BLOB    NOT NULL
		) STRICT, WITHOUT ROWID;
		CREATE TABLE piece (
			upload BLOB    NOT NULL,
			number INTEGER NOT NULL,
			sealed BLOB    NOT NULL,
			PRIMARY KEY (upload, number)
		) STRICT, WITHOUT ROWID;
		CREATE TABLE state (
			name   TEXT NOT NULL PRIMARY KEY,
			sealed BLOB NOT NULL
		) STRICT, WITHOUT ROWID;
		CREATE TABLE outbox (
			place  INTEGER PRIMARY KEY AUTOINCREMENT,
			id     BLOB    NOT NULL UNIQUE,
			room   BLOB    NOT NULL,
			made   INTEGER NOT NULL,
			sealed BLOB    NOT NULL
		) STRICT;
		CREATE INDEX outbox_of_room ON outbox (room, place);`,
		`CREATE TABLE tally (
			room  BLOB    NOT NULL PRIMARY KEY,
			epoch INTEGER NOT NULL,
			sent  INTEGER NOT NULL,
			seen  INTEGER NOT NULL,
			top   INTEGER NOT NULL
		) STRICT, WITHOUT ROWID;`,
		`CREATE TABLE newest (
			room  BLOB    NOT NULL PRIMARY KEY,
			seq   INTEGER NOT NULL,
			frame BLOB    NOT NULL,
			at    INTEGER NOT NULL
		) STRICT, WITHOUT ROWID;`,
		`CREATE TABLE shelf (
			number INTEGER PRIMARY KEY,
			room   BLOB    NOT NULL UNIQUE,
			frames INTEGER NOT NULL,
			weight INTEGER NOT NULL
		) STRICT;
		CREATE TABLE frame (
			place  INTEGER PRIMARY KEY,
			shelf  INTEGER NOT NULL,
			seq    INTEGER NOT NULL,
			at     INTEGER NOT NULL,
			mark   INTEGER NOT NULL,
			sealed BLOB    NOT NULL,
			UNIQUE (shelf, seq)
		) STRICT;
		CREATE INDEX frame_by_mark ON frame (mark);
		CREATE TABLE about (
			shelf INTEGER NOT NULL,
			mark  INTEGER NOT NULL,
			seq   INTEGER NOT NULL,
			PRIMARY KEY (shelf, mark, seq)
		) STRICT, WITHOUT ROWID;
		CREATE TABLE stretch (
			shelf   INTEGER NOT NULL,
			after   INTEGER NOT NULL,
			through INTEGER NOT NULL,
			PRIMARY KEY (shelf, after)
		) STRICT, WITHOUT ROWID;
		CREATE TABLE words (
			shelf  INTEGER NOT NULL,
			number INTEGER NOT NULL,
			first  INTEGER NOT NULL,
			last   INTEGER NOT NULL,
			oldest INTEGER NOT NULL,
			sealed BLOB    NOT NULL,
			PRIMARY KEY (shelf, number)
		) STRICT;`,
		`ALTER TABLE outbox ADD COLUMN file INTEGER NOT NULL DEFAULT 0;`,
	}
}
