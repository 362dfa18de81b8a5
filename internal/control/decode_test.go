package control

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/wire"
)

func TestDecode(t *testing.T) {
	t.Parallel()
	good := []string{
		`{"entry":"QUJD"}`, ` { "entry" : null , "envelopes" : [ ] } `, `{}`,
		`{"envelopes":[{"endpoint":"` + strings.Repeat("a", 26) + `","serial":7,"sealed":"QQ=="}]}`,
	}
	bad := map[string]string{
		"nothing": "", "white space": "  ", "not an object": `[]`, "null byte": "{}\x00", "two values": `{}{}`, "trailing": `{} x`,
		"twice": `{"entry":"QQ==","entry":"QQ=="}`, "twice, escaped": `{"entry":"QQ==","\u0065ntry":"QQ=="}`,
		"twice, by case": `{"entry":"QQ==","ENTRY":"QQ=="}`, "another case": `{"Entry":"QQ=="}`, "a folding letter": `{"ſerial":1}`,
		"unknown": `{"entry":"QQ==","more":1}`, "unknown inside": `{"envelopes":[{"x":1}]}`, "twice inside": `{"envelopes":[{"serial":1,"serial":2}]}`,
		"empty name": `{"":1}`, "number too large": `{"envelopes":[{"serial":4294967296}]}`, "huge number": `{"envelopes":[{"serial":1e999}]}`,
		"negative": `{"envelopes":[{"serial":-1}]}`, "no base64": `{"entry":"!"}`, "no id": `{"envelopes":[{"endpoint":"x"}]}`,
		"not UTF-8": "{\"entry\":\"\xff\"}", "half a surrogate": `{"entry":"\ud800"}`, "BOM": "\ufeff{}", "comment": `{}//`,
		"single quotes": `{'entry':''}`, "trailing comma": `{"entry":"QQ==",}`, "cut": `{"entry":"QQ`, "NaN": `{"entry":NaN}`,
		"deep":       strings.Repeat("[", 100_000),
		"deep pair":  strings.Repeat(`{"entry":`, 100_000),
		"deep whole": strings.Repeat("[", 50_000) + strings.Repeat("]", 50_000),
	}
	for _, raw := range good {
		if err := (&exchange{raw: []byte(raw)}).decode(new(wire.Append)); err != nil {
			t.Errorf("%s: %v", raw, err)
		}
	}
	for name, raw := range bad {
		start := time.Now()
		if err := (&exchange{raw: []byte(raw)}).decode(new(wire.Append)); bus.KindOf(err) != bus.Invalid || bus.CodeOf(err) != "bad_json" {
			t.Errorf("%s: got %v", name, err)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("%s: took %v", name, took)
		}
	}
}

// FuzzDecode: what passes means the same when it is written again.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{"entry":"QUJD"}`, `{"envelopes":[{"serial":7}]}`, `{"entry":"","ENTRY":""}`, `[[[[`, `{"a":{"b":1}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var a, b wire.Append
		if (&exchange{raw: raw}).decode(&a) != nil {
			return
		}
		again, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		if err := (&exchange{raw: again}).decode(&b); err != nil {
			t.Errorf("%q became %q, which does not pass: %v", raw, again, err)
		}
	})
}
