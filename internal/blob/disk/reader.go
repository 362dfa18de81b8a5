package disk

import (
	"fmt"
	"io"
	"os"
)

// reader hides the file's name, also that in its errors.
type reader struct{ f *os.File }

func (r reader) Read(p []byte) (int, error) {
	n, err := r.f.Read(p)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("read blob: %w", trouble(err))
	}
	return n, err
}

func (r reader) Seek(offset int64, whence int) (int64, error) {
	n, err := r.f.Seek(offset, whence)
	if err != nil {
		err = fmt.Errorf("read blob: %w", trouble(err))
	}
	return n, err
}

func (r reader) Close() error {
	if err := r.f.Close(); err != nil {
		return fmt.Errorf("close blob: %w", trouble(err))
	}
	return nil
}
