package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"unibus/internal/membership"
)

// migrations are run in the order of their numbers, each once. One that was
// released never changes.
//
//go:embed schema/*.sql
var migrations embed.FS

// steps lists the migrations; the first leads to version 1.
func steps() []string {
	names, err := fs.Glob(migrations, "schema/*.sql")
	if err != nil {
		panic(err) // a constant pattern
	}
	return slices.Sorted(slices.Values(names))
}

// migrate brings the schema to the newest version in one transaction.
func migrate(ctx context.Context, db *sql.DB, dir string) error {
	var version int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	all := steps()
	switch {
	case version > len(all):
		return membership.ErrNewer.Because(fmt.Errorf("schema %d, this program knows %d", version, len(all)))
	case version < 0:
		return membership.ErrDamaged
	case version == len(all):
		return nil
	case version > 0:
		if err := backup(ctx, db, filepath.Join(dir, fmt.Sprintf("membership-schema%d.db", version))); err != nil {
			return err
		}
	}
	return apply(ctx, db, all[version:], len(all))
}

// backup copies the database to a new file, replacing one of a migration that
// was interrupted.
func backup(ctx context.Context, db *sql.DB, path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", path); err != nil {
		return err
	}
	return os.Chmod(path, 0o600)
}

func apply(ctx context.Context, db *sql.DB, names []string, version int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, name := range names {
		query, err := migrations.ReadFile(name)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, string(query)); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", version)); err != nil {
		return err
	}
	return tx.Commit()
}

// check refuses a file whose structure or schema is not what was written, and
// rows that do not match their sums.
func check(ctx context.Context, db *sql.DB) error {
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return membership.ErrDamaged.Because(errors.New(verdict))
	}
	if err := checkSchema(ctx, db); err != nil {
		return err
	}
	return checkSums(ctx, db)
}

// checkSchema compares the tables with those of a new database.
func checkSchema(ctx context.Context, db *sql.DB) error {
	fresh, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return err
	}
	defer fresh.Close()
	fresh.SetMaxOpenConns(1) // each connection is a database of its own
	if err := apply(ctx, fresh, steps(), len(steps())); err != nil {
		return err
	}
	want, err := describe(ctx, fresh)
	if err != nil {
		return err
	}
	got, err := describe(ctx, db)
	if err == nil && !slices.Equal(got, want) {
		err = membership.ErrDamaged.Because(errors.New("the schema is another"))
	}
	return err
}

func describe(ctx context.Context, db *sql.DB) ([]string, error) {
	return collect(ctx, db, func(row *sql.Rows) (s string, err error) {
		return s, row.Scan(&s)
	}, "SELECT type || ' ' || name || ' ' || tbl_name || ' ' || coalesce(sql, '') FROM sqlite_schema ORDER BY 1")
}

// sum is a digest of the fields of a row that no chain covers. It shows a
// flipped bit; it is no protection from who can write the file.
func sum(fields ...any) []byte {
	h := sha256.New()
	for _, f := range fields {
		switch f := f.(type) {
		case []byte:
			h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(f))))
			h.Write(f)
		case int64:
			h.Write(binary.BigEndian.AppendUint64(nil, uint64(f)))
		default:
			panic("a sum is over bytes and int64")
		}
	}
	return h.Sum(nil)[:8]
}
