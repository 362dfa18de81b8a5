package profile

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"unibus/internal/bus"
)

func TestParseContext(t *testing.T) {
	t.Parallel()
	good, err := testContext("work").encode()
	must(t, err)
	edit := func(old, new string) []byte {
		if !bytes.Contains(good, []byte(old)) {
			t.Fatalf("%s does not hold %s", good, old)
		}
		return bytes.Replace(good, []byte(old), []byte(new), 1)
	}
	for name, tt := range map[string]struct {
		raw  []byte
		kind bus.Kind
		code string
	}{
		"empty":            {nil, bus.Integrity, "context_bad"},
		"no object":        {[]byte("[]"), bus.Integrity, "context_bad"},
		"cut off":          {good[:len(good)-3], bus.Integrity, "context_bad"},
		"more behind":      {append(bytes.Clone(good), "{}"...), bus.Integrity, "context_bad"},
		"unknown field":    {edit(`"nats"`, `"x": 1, "nats"`), bus.Integrity, "context_bad"},
		"no version":       {edit(`"version": 1`, `"version": 0`), bus.Integrity, "context_bad"},
		"newer":            {edit(`"version": 1`, `"version": 2, "later": 1`), bus.Unsafe, "context_newer"},
		"plain http":       {edit("https://", "http://"), bus.Integrity, "context_bad"},
		"path in the URL":  {edit(":8443", ":8443/x"), bus.Integrity, "context_bad"},
		"name in the URL":  {edit("https://", "https://a@"), bus.Integrity, "context_bad"},
		"no port":          {edit(":8443", ""), bus.Integrity, "context_bad"},
		"no port for NATS": {edit(":4222", ""), bus.Integrity, "context_bad"},
		"no certificate":   {edit("BEGIN CERTIFICATE", "BEGIN NOTHING"), bus.Integrity, "context_bad"},
		"bad handle":       {edit("alice", "@alice"), bus.Integrity, "context_bad"},
		"bad bus":          {edit(bus.ID{1}.String(), "aa"), bus.Integrity, "context_bad"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parseContext("work", tt.raw)
			wantCode(t, err, tt.kind, tt.code)
		})
	}
}

func TestContextErrors(t *testing.T) {
	t.Parallel()
	h, _ := newHome(t)
	c := testContext("work")
	c.URL = "https://x"
	wantCode(t, h.Save(c), bus.Integrity, "context_bad")
	c.Name = "other"
	wantCode(t, h.Create(c, testIdentity(), nil), bus.Integrity, "context_bad")

	must(t, os.WriteFile(h.path("work", contextName), []byte("{"), 0o600))
	_, err := h.Contexts()
	wantCode(t, err, bus.Integrity, "context_bad")
	if !strings.Contains(err.Error(), "work") {
		t.Errorf("%v does not say which one", err)
	}
	wantCode(t, h.Create(testContext("work"), testIdentity(), nil), bus.Integrity, "context_bad")
	must(t, h.Remove("work")) // also when it is damaged
}

// Who can write the pins can be the bus.
func TestContextMode(t *testing.T) {
	t.Parallel()
	h, _ := newHome(t)
	for _, mode := range []os.FileMode{0o620, 0o602, 0o666} {
		must(t, os.Chmod(h.path("work", contextName), mode))
		_, err := h.Context("work")
		wantCode(t, err, bus.Unsafe, "context_mode")
	}
	must(t, os.Remove(h.path("work", contextName)))
	must(t, os.Mkdir(h.path("work", contextName), 0o700))
	_, err := h.Context("work")
	wantCode(t, err, bus.Unsafe, "context_mode")
}

func FuzzParseContext(f *testing.F) {
	good, err := testContext("work").encode()
	must(f, err)
	f.Add(good)
	f.Add([]byte(`{"version":1}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := parseContext("work", raw)
		if err != nil {
			return
		}
		again, err := c.encode()
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		back, err := parseContext("work", again)
		if err != nil || back.URL != c.URL || back.Bus != c.Bus || back.Org != c.Org || !bytes.Equal(back.CAPEM, c.CAPEM) {
			t.Fatalf("got %v, %v, want %v", back, err, c)
		}
	})
}
