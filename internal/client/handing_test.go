package client

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain/roomlog"
	"unibus/internal/wire"
)

// many is a room of 60 epochs whose owner lets three people in at once, one of them
// with all the devices that he could list.
type many struct {
	*model
	owner   *device
	id      bus.RoomID
	newcome []*human
	want    map[*human]int // keys that each waits for
}

const manyEpochs = 60

func newMany(t *testing.T) *many {
	m := &many{model: newModel(t.Context(), 1, nothing), want: map[*human]int{}}
	for len(m.people) < 4 {
		m.invitePerson(m.devices[0])
		m.join(m.branches[0])
	}
	m.owner, m.newcome = m.devices[0], m.people[1:]
	m.intents = []intent{{op: roomlog.OpRekey}}
	id, err := m.owner.CreateRoom(t.Context(), "all", RoomOptions{History: bus.HistoryAll})
	m.must(err)
	m.id = id
	for range manyEpochs - 1 {
		m.intents = []intent{{op: roomlog.OpRekey}}
		m.must(m.owner.Rekey(t.Context(), id))
	}
	for i, more := range []int{3, 1, 0} {
		for range more {
			m.newDevice(m.devices[1+i]) // the first of each person are in their order
		}
		m.want[m.newcome[i]] = manyEpochs * (2 + more) // and the recovery endpoint
		m.must(m.owner.world.syncNow(t.Context(), m.newcome[i].account))
	}
	return m
}

// letIn has the owner let all three in, with one act.
func (m *many) letIn() {
	add := map[*human]bus.RoomRole{}
	var names []bus.Handle
	for _, p := range m.newcome {
		add[p] = bus.RoleMember
		names = append(names, p.name)
	}
	m.attempt(m.owner, m.id, intent{op: roomlog.OpAdd, add: add}, func() error {
		_, err := m.owner.AddMembers(m.ctx, m.id, bus.RoleMember, names...)
		return err
	})
}

// got counts the keys that everybody was handed, and all; each counts once.
func (m *many) got() (each map[*human]int, all int) {
	each = map[*human]int{}
	type one struct {
		to bus.EndpointID
		n  bus.Epoch
	}
	had := map[one]bool{}
	for _, g := range m.owner.at.history.grants[m.id] {
		if had[one{g.to, g.Epoch}] {
			m.fault("epoch %d is handed on twice to %s", g.Epoch, g.to)
		}
		had[one{g.to, g.Epoch}] = true
		for _, p := range m.newcome {
			for _, l := range m.owner.at.table.listed[p] {
				if l.id == g.to {
					each[p]++
					all++
				}
			}
		}
	}
	return each, all
}

// One act seals no more than so many keys, and to one user no more than a part of
// them, newest first; the rest goes with the next acts, also of another process.
func TestHandingIsBounded(t *testing.T) {
	t.Parallel()
	m := newMany(t)
	m.letIn()
	each, all := m.got()
	if all != handAtOnce || each[m.newcome[0]] > handToOne || each[m.newcome[1]] == 0 || each[m.newcome[2]] == 0 {
		t.Errorf("the first act hands on %d keys, %d of them to who has most devices, %d and %d to others", all,
			each[m.newcome[0]], each[m.newcome[1]], each[m.newcome[2]])
	}
	if first := m.owner.at.history.grants[m.id][0].Epoch; first != manyEpochs {
		t.Errorf("epoch %d is handed on first, want the newest", first)
	}
	m.open(m.owner)
	for range 2 {
		m.must(m.owner.refresh(t.Context(), m.id))
	}
	each, _ = m.got()
	for _, p := range m.newcome {
		if each[p] != m.want[p] {
			t.Errorf("%s was handed %d keys in the end, want %d", p.name, each[p], m.want[p])
		}
	}
	m.noFaults(t)
}

// full is a node that takes no more keys for somebody.
type full struct {
	line
	whose *human
	tries *int
}

// RoundTrip implements http.RoundTripper.
func (f full) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodPut {
		return f.line.RoundTrip(req)
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	grants, err := wire.ParseGrants(body)
	if err != nil {
		return nil, err
	}
	for _, g := range grants {
		for _, l := range f.d.at.table.listed[f.whose] {
			if l.id == g.Endpoint {
				*f.tries++
				refusal := `{"error":{"code":"seal_cap","message":"you have made as many room keys as you may"}}`
				return &http.Response{StatusCode: http.StatusTooManyRequests, Body: io.NopCloser(strings.NewReader(refusal)), Request: req}, nil
			}
		}
	}
	req = req.Clone(req.Context())
	req.Body = io.NopCloser(bytes.NewReader(body))
	return f.line.RoundTrip(req)
}

// A cap that the keys of one newcomer meet costs the others nothing, and him only
// the time until it is tried again.
func TestCapOfOneNewcomer(t *testing.T) {
	t.Parallel()
	m := newMany(t)
	most, tries := m.newcome[0], 0
	m.owner.call.HTTP.Transport = full{line{m.model, m.owner}, most, &tries}
	m.letIn()
	for range 3 {
		m.must(m.owner.refresh(t.Context(), m.id))
	}
	each, _ := m.got()
	for _, p := range m.newcome[1:] {
		if each[p] != m.want[p] {
			t.Errorf("%s was handed %d keys, want %d", p.name, each[p], m.want[p])
		}
	}
	if each[most] != 0 || tries != 1 {
		t.Errorf("the one who has most got %d keys in %d tries, want none in one", each[most], tries)
	}
	m.owner.call.HTTP.Transport = line{m.model, m.owner}
	m.now = m.now.Add(time.Hour)
	for range 2 {
		m.must(m.owner.refresh(t.Context(), m.id))
	}
	if each, _ = m.got(); each[most] != m.want[most] {
		t.Errorf("once there is room again, he was handed %d keys, want %d", each[most], m.want[most])
	}
	m.noFaults(t)
}

// Who was let in and is rejected then gets nothing more of what he waits for, also
// where keys are owed to him already; the others get theirs.
func TestRejectedWhileOwed(t *testing.T) {
	t.Parallel()
	m := newMany(t)
	m.letIn()
	rejected := m.newcome[0]
	before, _ := m.got()
	if before[rejected] == 0 || before[rejected] == m.want[rejected] {
		t.Fatalf("he was handed %d keys of %d: none are owed, or none were", before[rejected], m.want[rejected])
	}
	cmp, err := m.owner.Compare(t.Context(), rejected.name)
	m.must(err)
	m.must(m.owner.Decide(t.Context(), cmp, bus.TrustRejected))
	m.open(m.owner)
	for range 3 {
		m.must(m.owner.refresh(t.Context(), m.id))
	}
	each, _ := m.got()
	for _, p := range m.newcome {
		want := m.want[p]
		if p == rejected {
			want = before[p]
		}
		if each[p] != want {
			t.Errorf("%s was handed %d keys, want %d", p.name, each[p], want)
		}
	}
	m.noFaults(t)
}
