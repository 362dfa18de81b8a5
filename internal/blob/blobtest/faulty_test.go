package blobtest_test

import (
	"errors"
	"strings"
	"testing"

	"unibus/internal/blob"
	"unibus/internal/blob/blobtest"
	"unibus/internal/blob/disk"
)

func TestFaulty(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	id := blob.ID([]byte("x"))
	for _, c := range []struct {
		name          string
		before, after error
		stored        bool
	}{
		{"not stored", broken, nil, false},
		{"stored but reported as failed", nil, broken, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			under, err := disk.Open(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			s := &blobtest.Faulty{Store: under, Before: c.before, After: c.after}
			if err := s.Put(t.Context(), id, strings.NewReader("x"), 1); !errors.Is(err, broken) {
				t.Errorf("put: %v, want the fault", err)
			}
			if has, err := s.Has(t.Context(), id); has != c.stored || err != nil {
				t.Errorf("has after put = %v, %v; want %v", has, err, c.stored)
			}
			if err := s.Delete(t.Context(), id); !errors.Is(err, broken) {
				t.Errorf("delete: %v, want the fault", err)
			}
			if has, err := s.Has(t.Context(), id); has || err != nil {
				t.Errorf("has after delete = %v, %v; want false", has, err)
			}
		})
	}
}
