package bus

import (
	"errors"
	"fmt"
	"testing"
)

// TestKinds: the numbers cross the wire of versions and never change.
func TestKinds(t *testing.T) {
	t.Parallel()
	for i, k := range []Kind{Failed, Invalid, NotFound, Unauthenticated, Forbidden, Conflict, Unavailable, Limited,
		Integrity, TooLarge, Unsafe, Full, Partial, Findings, Timeout, Interrupted} {
		if int(k) != i {
			t.Errorf("kind %d became %d", i, k)
		}
		if retry := Errorf(k, "x", "x").Retryable; retry != (k == Unavailable || k == Limited) {
			t.Errorf("kind %d: retryable is %v", k, retry)
		}
	}
}

// TestError: what is told holds no cause, what is compared is the code, and
// the copies leave the error that they were made from alone.
func TestError(t *testing.T) {
	t.Parallel()
	cause := errors.New("SELECT * FROM /var/secret")
	e := ErrNoBlob.Because(cause).WithHint("look for %s", "another")
	wrapped := fmt.Errorf("get blob: %w", e)
	if !errors.Is(wrapped, ErrNoBlob) || !errors.Is(wrapped, cause) || errors.Is(wrapped, ErrBehind) {
		t.Error("an error must be its code's, and know its cause")
	}
	if KindOf(wrapped) != NotFound || CodeOf(wrapped) != "no_blob" {
		t.Errorf("kind %d, code %s", KindOf(wrapped), CodeOf(wrapped))
	}
	if got, want := e.Error(), "no such blob; look for another"; got != want {
		t.Errorf("says %q, want %q", got, want)
	}
	if ErrNoBlob.Err != nil || ErrNoBlob.Hint == e.Hint {
		t.Errorf("the original is now %+v", ErrNoBlob)
	}
	if KindOf(cause) != Failed || CodeOf(cause) != "failed" || KindOf(nil) != Failed {
		t.Error("what is no Error counts as failed")
	}
}
