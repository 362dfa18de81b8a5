package identity

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"
)

// A sealed identity is what the page on the protocol says: a text that the age
// tool opens with the passphrase, and the plain identity in it. Whoever has the
// file and the passphrase needs no unibus to read it.
func TestAgeOpensSealed(t *testing.T) {
	t.Parallel()
	f := newFile(t)
	plain, err := Marshal(f, nil)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := Marshal(f, []byte("correct horse"))
	if err != nil {
		t.Fatal(err)
	}
	body, found := strings.CutPrefix(string(sealed), armor.Header+"\n")
	if !found || !strings.HasSuffix(body, "\n"+armor.Footer+"\n") {
		t.Fatal("it is not armored")
	}
	key, err := age.NewScryptIdentity("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	key.SetMaxWorkFactor(18)
	r, err := age.Decrypt(armor.NewReader(bytes.NewReader(sealed)), key)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("age reads %d bytes, %v; want the plain identity", len(got), err)
	}
}
