package buslog_test

import (
	"strings"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/buslog"
)

func half(op chain.Op, body []byte, sigs int) *chain.Entry {
	e := &chain.Entry{Index: 7, Time: time.UnixMilli(1_800_000_000_000), Op: op, Body: body}
	for range sigs {
		e.Sigs = append(e.Sigs, make([]byte, 64))
	}
	return e
}

func TestHalves(t *testing.T) {
	t.Parallel()
	with := &buslog.Cosigner{Account: bus.AccountID{1}, Endpoint: bus.EndpointID{2}}
	revoke, role := buslog.Revoke{Handle: "bob", With: with}.Encode(), buslog.Role{Handle: "bob", Role: bus.RoleUser, With: with}.Encode()
	good := buslog.Halves{half(buslog.OpRevoke, revoke, 1), half(buslog.OpRole, role, 1)}
	line := good.String()
	got, err := buslog.ParseHalves(line)
	if err != nil || len(got) != 2 || got.String() != line || got[1].Hash() != good[1].Hash() {
		t.Errorf("read back: %d entries, %v", len(got), err)
	}
	many := make(buslog.Halves, buslog.MaxHalves+1)
	for i := range many {
		many[i] = good[0]
	}
	if _, err := buslog.ParseHalves(many[1:].String()); err != nil {
		t.Errorf("as many as may be: %v", err)
	}
	for name, bad := range map[string]string{
		"nothing": "", "no entry": buslog.Halves{}.String(), "no prefix": strings.TrimPrefix(line, "unibus-half:"),
		"padding": line + "=", "a newline": line[:20] + "\n" + line[20:], "cut": line[:len(line)-4], "too many": many.String(),
		"two signatures": buslog.Halves{half(buslog.OpRevoke, revoke, 2)}.String(),
		"no cosigner":    buslog.Halves{half(buslog.OpRevoke, buslog.Revoke{Handle: "bob"}.Encode(), 1)}.String(),
		"another op":     buslog.Halves{half(buslog.OpUser, revoke, 1)}.String(),
	} {
		if _, err := buslog.ParseHalves(bad); bus.CodeOf(err) != "bad_proposal_line" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseHalves(f *testing.F) {
	with := &buslog.Cosigner{Account: bus.AccountID{1}}
	f.Add(buslog.Halves{half(buslog.OpRevoke, buslog.Revoke{Handle: "bob", With: with}.Encode(), 1)}.String())
	f.Add("unibus-half:")
	f.Fuzz(func(t *testing.T, line string) {
		if h, err := buslog.ParseHalves(line); err == nil && h.String() != line {
			t.Errorf("%q has a second spelling", line)
		}
	})
}
