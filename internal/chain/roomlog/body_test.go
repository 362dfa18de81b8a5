package roomlog

import (
	"bytes"
	"testing"
	"time"

	"unibus/internal/bus"
)

// FuzzBody holds every parser to one body for one meaning.
func FuzzBody(f *testing.F) {
	st := Start{Epoch: 1, NotAfter: time.UnixMilli(1), Members: []Pin{{}}, Guests: []bus.InviteID{{}}, Name: []byte("x")}
	f.Add(Create{Suite: bus.SuiteSealed, Persist: true, History: bus.HistoryAll, Retention: time.Hour}.Encode())
	f.Add(Rekey{Reason: ReasonAge, Start: st}.Encode())
	f.Add(Rekey{Reason: ReasonBroken, Complaint: Complaint{Epoch: 1}, Start: st}.Encode())
	f.Add(Add{Members: []NewMember{{Role: bus.RoleMember}}, Guests: []NewGuest{{Role: bus.RoleReader}}, Start: st}.Encode())
	f.Add(Remove{Members: []bus.AccountID{{}}, Guests: []bus.InviteID{{}}, Start: st}.Encode())
	f.Add(Accept{Start: st}.Encode())
	f.Add(SetRole{Role: bus.RoleOwner}.Encode())
	f.Add(SetPolicy{Retention: time.Hour, Name: []byte("x")}.Encode())
	f.Add(Leave{}.Encode())
	f.Fuzz(func(t *testing.T, body []byte) {
		same := func(name string, ok bool, again func() []byte) {
			if ok && !bytes.Equal(again(), body) {
				t.Errorf("%s: %x", name, body)
			}
		}
		c, ok := parseCreate(body)
		same("create", ok, c.Encode)
		k, ok := parseRekey(body)
		same("rekey", ok, k.Encode)
		a, ok := parseAdd(body)
		same("add", ok, a.Encode)
		r, ok := parseRemove(body)
		same("remove", ok, r.Encode)
		p, ok := parseAccept(body)
		same("accept", ok, p.Encode)
		s, ok := parseSetRole(body)
		same("role", ok, s.Encode)
		q, ok := parseSetPolicy(body)
		same("policy", ok, q.Encode)
		l, ok := parseLeave(body)
		same("leave", ok, l.Encode)
	})
}
