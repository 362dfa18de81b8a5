package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// partSize is how much of a body is in memory: each Put takes one part, what
// bus.PieceReserve counts for it. One buffer that feeds hash and file was
// faster than a goroutine for each.
const partSize = 256 << 10

// tempPrefix starts the name of every temporary file.
const tempPrefix = "put-"

// temp is a blob on its way in.
type temp struct {
	store *Store
	file  file
	named bool
}

func (s *Store) newTemp() (*temp, error) {
	f, err := s.create(s.tmp())
	if err != nil {
		return nil, trouble(err)
	}
	return &temp{store: s, file: f}, nil
}

// fill copies size bytes of a verifying reader and waits for its verdict.
func (t *temp) fill(ctx context.Context, body io.Reader, size int64) error {
	part := t.store.parts.Get().(*[partSize]byte)
	defer t.store.parts.Put(part)
	for size > 0 {
		p := part[:min(partSize, size)]
		if _, err := io.ReadFull(body, p); err != nil {
			return bodyError(ctx, err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := t.file.Write(p); err != nil {
			return trouble(err)
		}
		size -= int64(len(p))
	}
	if _, err := body.Read(part[:1]); err != io.EOF {
		return bodyError(ctx, err)
	}
	return nil
}

// bodyError says that the caller gave up, where that is why its reader failed.
func bodyError(ctx context.Context, err error) error {
	if gone := ctx.Err(); gone != nil && !errors.Is(err, gone) {
		return fmt.Errorf("%w (%w)", gone, err)
	}
	return err
}

// commit gives the file its name: content on disk, then the name, then the
// name on disk. In any other order a power cut could leave a name with part of
// its content. Once it has its name a cancel is too late to be looked at.
func (t *temp) commit(ctx context.Context, path string) error {
	if err := t.file.Sync(); err != nil {
		return t.store.fail(err)
	}
	if err := t.file.Close(); err != nil {
		return trouble(err)
	}
	if err := t.store.ready(ctx); err != nil {
		return err
	}
	return t.store.change(filepath.Dir(path), func() error {
		err := os.Rename(t.file.Name(), path)
		t.named = err == nil
		return err
	})
}

// discard removes what got no name; Open removes what this cannot.
func (t *temp) discard() {
	if !t.named {
		_ = t.file.Close() // again, where commit came so far: harmless
		_ = os.Remove(t.file.Name())
	}
}
