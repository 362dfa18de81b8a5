package sqlite

import (
	"database/sql"
	"errors"
	"io/fs"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"unibus/internal/bus"
	"unibus/internal/membership"
)

// translate gives an error of the driver, of the file system or of a context
// its meaning for membership; the original stays as cause for our own log.
func translate(err error) error {
	var told *bus.Error
	switch {
	case err == nil || errors.As(err, &told) && told == err:
		return err
	case told != nil:
		return told.Because(err) // database/sql put a column's name before it
	}
	return meaning(err).Because(err)
}

func meaning(err error) *bus.Error {
	if full(err) {
		return membership.ErrFull
	}
	switch primary(err) {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_MISMATCH:
		return membership.ErrDamaged // our own queries are right, so the schema is not
	}
	switch {
	case errors.Is(err, sql.ErrConnDone), errors.Is(err, sql.ErrTxDone), err.Error() == "sql: database is closed":
		return membership.ErrClosed
	case errors.Is(err, fs.ErrPermission):
		return errPermission
	}
	return membership.ErrUnreadable
}

var errPermission = bus.Errorf(bus.Unsafe, "store_mode", "the membership store may not be read or written").
	WithHint("give the node's user its data directory: owner read and write, nobody else")

// full reports whether no space is left. SQLite says it in another way when the
// index of its log cannot grow.
func full(err error) bool {
	var e *sqlite.Error
	if errors.As(err, &e) && e.Code() == sqlite3.SQLITE_IOERR_SHMSIZE {
		return true
	}
	return primary(err) == sqlite3.SQLITE_FULL || errors.Is(err, syscall.ENOSPC)
}

// primary is the primary result code of SQLite, 0 for other errors.
func primary(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}

// failed reports whether err means that the disk cannot be trusted any more.
func failed(err error) bool {
	switch primary(err) {
	case sqlite3.SQLITE_IOERR:
		return !full(err)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_READONLY:
		return true
	}
	return false
}

// errBroken ends writing after the disk failed once: what the operating system
// answers to the next fsync says nothing about what it lost before.
var errBroken = bus.Errorf(bus.Unavailable, "store_broken", "the membership store stopped writing after a disk error").
	WithHint("check the node's disk, then restart the node")
