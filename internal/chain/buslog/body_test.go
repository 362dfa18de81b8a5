package buslog

import (
	"bytes"
	"testing"
	"time"

	"unibus/internal/bus"
)

// FuzzBody holds every parser to one body for one meaning.
func FuzzBody(f *testing.F) {
	f.Add(Genesis{Handle: "admin"}.Encode())
	f.Add(Invite{Handle: "bob", NotAfter: time.UnixMilli(1)}.Encode())
	f.Add(Accept{}.Encode())
	f.Add(User{Handle: "bob"}.Encode())
	f.Add(Role{Handle: "bob", Role: bus.RoleAdmin}.Encode())
	f.Add(Node{Name: "n1", Floor: FloorTLS}.Encode())
	f.Add(Revoke{Handle: "bob"}.Encode())
	f.Add(Revoke{Handle: "bob", With: &Cosigner{}}.Encode())
	f.Add(Role{Handle: "bob", Role: bus.RoleUser, With: &Cosigner{}}.Encode())
	f.Fuzz(func(t *testing.T, body []byte) {
		same := func(name string, ok bool, again func() []byte) {
			if ok && !bytes.Equal(again(), body) {
				t.Errorf("%s: %x", name, body)
			}
		}
		g, ok := parseGenesis(body)
		same("genesis", ok, g.Encode)
		i, ok := ParseInvite(body)
		same("invite", ok, i.Encode)
		a, ok := ParseAccept(body)
		same("accept", ok, a.Encode)
		u, ok := ParseUser(body)
		same("user", ok, u.Encode)
		r, ok := ParseRole(body)
		same("role", ok, r.Encode)
		n, ok := parseNode(body)
		same("node", ok, n.Encode)
		h, ok := ParseRevoke(body)
		same("revoke", ok, h.Encode)
		o, ok := parseOrgRotate(body)
		same("org-rotate", ok, func() []byte { return OrgRotateBody(o) })
	})
}
