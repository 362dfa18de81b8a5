package blob

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"unibus/internal/bus"
)

const (
	refID  = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	refKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v" // bytes 0 to 47
)

func TestRefRoundTrip(t *testing.T) {
	t.Parallel()
	for text, manifest := range map[string]bool{"blob:" + refID + "#" + refKey: false, "blobm:" + refID + "#" + refKey: true} {
		r, err := ParseRef(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if r.Text() != text || r.IsManifest() != manifest || r.ID().String() != refID {
			t.Errorf("got %s, manifest %v, id %s", r.Text(), r.IsManifest(), r.ID())
		}
		if want := text[:strings.Index(text, "#")]; r.Public() != want {
			t.Errorf("public part is %s, want %s", r.Public(), want)
		}
		f := r.Fragment()
		if f[0] != 0 || f[47] != 47 {
			t.Errorf("fragment is %x", f)
		}
		made := PieceRef(r.ID(), f)
		if manifest {
			made = ManifestRef(r.ID(), f)
		}
		if made.Text() != text {
			t.Errorf("made %s, want %s", made.Text(), text)
		}
	}
}

func TestParseRefRefuses(t *testing.T) {
	t.Parallel()
	good := "blob:" + refID + "#" + refKey
	for name, s := range map[string]string{
		"empty":             "",
		"no fragment":       "blob:" + refID,
		"empty fragment":    "blob:" + refID + "#",
		"redacted":          PieceRef(bus.Hash{}, [FragmentSize]byte{}).String(),
		"other scheme":      "blobs:" + refID + "#" + refKey,
		"upper-case scheme": "BLOB:" + refID + "#" + refKey,
		"upper-case id":     "blob:" + strings.ToUpper(refID) + "#" + refKey,
		"63 digits":         "blob:" + refID[1:] + "#" + refKey,
		"65 digits":         "blob:0" + refID + "#" + refKey,
		"path for an id":    "blob:../../../../../../../../../../../../../../../../../../../../../etc" + "#" + refKey,
		"short fragment":    good[:len(good)-1],
		"long fragment":     good + "A",
		"padded fragment":   good + "=",
		"line end inside":   good[:len(good)-2] + "\nv",
		"line end behind":   good + "\n",
		"space before":      " " + good,
		"not base64url":     good[:len(good)-1] + "+",
		"two fragments":     good + "#" + refKey,
	} {
		r, err := ParseRef(s)
		if !errors.Is(err, ErrRef) {
			t.Errorf("%s: got %v, %v", name, r, err)
		}
		if err != nil && strings.Contains(err.Error(), refKey[:8]) {
			t.Errorf("%s: the error shows the key: %v", name, err)
		}
	}
}

// TestRefHidesKey prints a Ref, and values that hold one where fmt cannot call
// its methods, in every way that ends in a log.
func TestRefHidesKey(t *testing.T) {
	t.Parallel()
	r, err := ParseRef("blob:" + refID + "#" + refKey)
	if err != nil {
		t.Fatal(err)
	}
	inside := struct {
		r  Ref
		R  Ref
		p  *Ref
		rs []Ref
		a  any
	}{r, r, &r, []Ref{r}, r}
	key := r.Fragment()
	var shown []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%t", "% x", "%c", "%U"} {
		for _, v := range []any{r, &r, inside, &inside} {
			shown = append(shown, fmt.Sprintf(verb, v))
		}
	}
	text, _ := json.Marshal(map[string]any{"r": r, "in": inside})
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "r", r, "in", inside)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "r", r, "in", inside)
	shown = append(shown, string(text), log.String())
	for _, s := range shown {
		low := strings.ToLower(s)
		for _, secret := range []string{refKey[4:20], hex.EncodeToString(key[1:9]), "1 2 3 4 5 6", "0x1, 0x2, 0x3", " 01 02 03"} {
			if strings.Contains(low, strings.ToLower(secret)) {
				t.Errorf("shows the key: %s", s)
			}
		}
	}
	if want := "blob:" + refID + "#[key hidden]"; fmt.Sprint(r) != want || !strings.Contains(log.String(), want) {
		t.Errorf("prints %q, want %q", fmt.Sprint(r), want)
	}
}

func TestZeroRef(t *testing.T) {
	t.Parallel()
	var r Ref
	if r.Fragment() != [FragmentSize]byte{} || r.ID() != (bus.Hash{}) || r.IsManifest() {
		t.Errorf("zero Ref is %s", r.Text())
	}
}

func FuzzParseRef(f *testing.F) {
	f.Add("blob:" + refID + "#" + refKey)
	f.Add("blobm:" + refID + "#" + refKey)
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRef(s)
		if err != nil {
			if !errors.Is(err, ErrRef) {
				t.Fatalf("error is %v", err)
			}
			return
		}
		if r.Text() != s {
			t.Fatalf("%q is read as %q", s, r.Text())
		}
		if _, secret, _ := strings.Cut(s, "#"); strings.Contains(fmt.Sprintf("%+v", r), secret) {
			t.Fatalf("%q prints its key", s)
		}
	})
}
