package cmd

import (
	"fmt"
	"strings"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/identity"
)

func TestReadRows(t *testing.T) {
	t.Parallel()
	a := identity.NewSigningKey()
	key := identity.NewKeyLine(identity.NewSigningKey(), identity.NewTransportKey().Public(), a, nil, nil)
	tests := []struct {
		name, csv string
		want      string // names with role and whether there is a key
		code      string
	}{
		{"names", "bob\ncarol\n", "bob user, carol user", ""},
		{"header", "Name,role,key\nbob\n", "bob user", ""},
		{"a user called like the header", "bob\nname\n", "bob user, name user", ""},
		{"comments and empty lines", "# who\n\nbob\n", "bob user", ""},
		{"spaces", " bob , user , \n", "bob user", ""},
		{"crlf", "bob,user\r\ncarol\r\n", "bob user, carol user", ""},
		{"spreadsheet", "\ufeffname,role,key\r\nbob,,\r\n", "bob user", ""},
		{"twice", "bob\ncarol\nbob\n", "", "bad_csv"},
		{"key", "bob,admin," + key + "\n", "bob admin key", ""},
		{"quoted", `"bob","user",""` + "\n", "bob user", ""},
		{"nothing", "", "", ""},
		{"admin by invite", "bob,admin\n", "", "bad_csv"},
		{"role", "bob,king\n", "", "bad_role"},
		{"name", "Bob Smith\n", "", "bad_handle"},
		{"name of somebody else", "you\n", "", "reserved_handle"},
		{"broken key", "bob,user,unibus-key:AA\n", "", "bad_key_line"},
		{"too many fields", "bob,user,,x\n", "", "bad_csv"},
		{"quote", "\"bob\n", "", "bad_csv"},
		{"too many lines", manyNames(maxRows + 1), "", "long_csv"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rows, err := readRows(strings.NewReader(tt.csv))
			if tt.code != "" {
				if kind := bus.KindOf(err); kind != bus.Invalid && kind != bus.TooLarge || rows != nil {
					t.Errorf("got %v %v, want it refused", rows, err)
				}
				return
			}
			var got []string
			for _, r := range rows {
				line := string(r.name) + " " + r.role.String()
				if r.key != nil {
					line += " key"
				}
				got = append(got, line)
			}
			if err != nil || strings.Join(got, ", ") != tt.want {
				t.Errorf("got %q %v, want %q", got, err, tt.want)
			}
		})
	}
}

func manyNames(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "u%d\n", i)
	}
	return b.String()
}

func FuzzReadRows(f *testing.F) {
	f.Add("name,role,key\nbob,user,\n")
	f.Add("\"b\"\"ob\",admin,unibus-key:AQ")
	f.Fuzz(func(t *testing.T, csv string) {
		rows, err := readRows(strings.NewReader(csv))
		if err != nil && rows != nil {
			t.Error("rows of a refused file")
		}
		for _, r := range rows {
			if h, err := bus.ParseHandle(string(r.name)); err != nil || h != r.name || r.key == nil && r.role != bus.RoleUser {
				t.Errorf("took %+v", r)
			}
		}
	})
}

func TestPickInvites(t *testing.T) {
	t.Parallel()
	inv := func(first byte, h bus.Handle, state string) client.Invitation {
		return client.Invitation{ID: bus.InviteID{first}, Handle: h, State: state}
	}
	all := []client.Invitation{inv(1, "bob", "revoked"), inv(2, "bob", "open"), inv(3, "bob", "open"), inv(4, "carol", "accepted"),
		{ID: bus.InviteID{5, 0, 1}, Handle: "dave", State: "open"}, {ID: bus.InviteID{5, 0, 2}, Handle: "erin", State: "open"}}
	id := func(i int) string { return all[i].ID.String() }
	tests := []struct {
		word string
		want []int
		code string
	}{
		{"bob", []int{1, 2}, ""},
		{"carol", []int{3}, ""},
		{id(3), []int{3}, ""},
		{id(1)[:8], []int{1}, ""},
		{id(4)[:4], nil, "ambiguous_invite"},
		{id(1)[:3], nil, "no_invite"},
		{"nobody", nil, "no_invite"},
	}
	for _, tt := range tests {
		got, err := pickInvites(tt.word, all)
		if len(got) != len(tt.want) || tt.code != "" && bus.CodeOf(err) != tt.code || tt.code == "" && err != nil {
			t.Errorf("%s: got %v %v, want %v %q", tt.word, got, err, tt.want, tt.code)
			continue
		}
		for i, want := range tt.want {
			if got[i].ID != all[want].ID {
				t.Errorf("%s: got %v, want %v", tt.word, got[i], all[want])
			}
		}
	}
}

func TestHereOnly(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]bool{
		"127.0.0.1:1": true, "127.1.2.3:1": true, "[::1]:1": true, "localhost:1": true,
		"192.0.2.1:1": false, "bus.example.org:1": false, "[2001:db8::1]:1": false, "nonsense": false,
	} {
		if got := hereOnly(identity.Link{Addr: addr}); got != want {
			t.Errorf("%s: got %v, want %v", addr, got, want)
		}
	}
}

func TestRevocationLine(t *testing.T) {
	t.Parallel()
	tests := []struct {
		shown revocationShown
		want  string
	}{
		{revocationShown{Changed: true}, "bob revoked, 0 connections closed"},
		{revocationShown{Changed: true, Closed: 1, Rekeyed: []string{"ops", "design"}}, "bob revoked, 1 connection closed; new key for ops, design"},
		{revocationShown{Pending: []string{"ops"}}, "bob was revoked before; new key pending for ops"},
	}
	for _, tt := range tests {
		if got := tt.shown.line("bob"); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}
