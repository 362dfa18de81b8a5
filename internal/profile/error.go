package profile

import (
	"context"
	"errors"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"unibus/internal/bus"
)

var (
	errBusy = bus.Errorf(bus.Unavailable, "profile_busy", "other processes are using this client's store").
		WithHint("try again")
	errDamaged = bus.Errorf(bus.Integrity, "profile_damaged", "this client's store is damaged").
			WithHint("move profile.db out of the context's folder: what the bus still has is fetched again")
	errDisk = bus.Errorf(bus.Failed, "profile_disk", "this client's store cannot be written").
		WithHint("check the free space, the owner and the mode of the client's folder")
	errFailed = bus.Errorf(bus.Failed, "profile_failed", "this client's store does not answer")
	errValue  = bus.Errorf(bus.Integrity, "bad_profile", "what this client's store holds was changed by somebody else")
)

// storeError makes of the database's errors ours: its texts reach nobody. An
// error that is ours already stays as it is.
func storeError(ctx context.Context, err error) error {
	var known *bus.Error
	var failed *sqlite.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &failed):
		return codeError(failed.Code() & 0xff).Because(err)
	}
	return errFailed.Because(err)
}

// codeError takes a primary result code of SQLite.
func codeError(code int) *bus.Error {
	switch code {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL:
		return errBusy
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH:
		return errDamaged
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		return errDisk
	}
	return errFailed
}
