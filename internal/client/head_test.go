package client

import (
	"context"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/chain/account"
	"unibus/internal/chain/chaintest"
	"unibus/internal/chain/roomlog"
	"unibus/internal/frame"
	"unibus/internal/identity"
)

// Who names an entry that the node does not show ends the reading when he could
// do so anyway; a bot with a scope cannot, whoever it is of.
func TestWhoEndsTheReading(t *testing.T) {
	t.Parallel()
	w := chaintest.New(t)
	made := w.Room(w.Alice.Device())
	made.Add(w.Alice.Device(), bus.RoleMember, w.Bob)
	scope := account.Rights{Scope: account.NewScope(account.VerbRead|account.VerbPublish, made.State.ID)}
	alices, bobs := w.Alice.AddBot("ci", scope), w.Bob.AddBot("ci", scope)
	made.Must(made.Rekey(w.Alice.Device(), roomlog.ReasonAsked))
	r := newRoom(w.Bus().Bus)
	r.State = made.State
	r.changes = make([]change, len(made.Log))
	tests := []struct {
		name   string
		reader bus.AccountID
		from   []bus.EndpointID
		ends   bool
	}{
		{"an owner's device", w.Bob.ID(), []bus.EndpointID{w.Alice.Device().ID()}, true},
		{"an owner's bot", w.Bob.ID(), []bus.EndpointID{alices.ID()}, false},
		{"a member's device", w.Alice.ID(), []bus.EndpointID{w.Bob.Device().ID()}, false},
		{"an own device", w.Bob.ID(), []bus.EndpointID{w.Bob.Device().ID()}, true},
		{"an own bot", w.Bob.ID(), []bus.EndpointID{bobs.ID()}, false},
		{"a member's device and his bot", w.Alice.ID(), []bus.EndpointID{w.Bob.Device().ID(), bobs.ID()}, false},
		{"the bots of two", w.Bob.ID(), []bus.EndpointID{alices.ID(), bobs.ID()}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := reading(r)
			o.c.id = &identity.File{Account: tt.reader}
			o.c.world.accounts = map[bus.AccountID]*account.State{w.Alice.ID(): w.Account(w.Alice.ID()), w.Bob.ID(): w.Account(w.Bob.ID())}
			var err error
			for _, id := range tt.from {
				rec, _ := r.Epoch.Recipient(id)
				o.doubts[id] = &doubt{from: rec, times: maxDoubts} // spares the node's answers
				var cause bus.FrameFault
				cause, err = o.hold(context.Background(), r, r.Epoch, frame.Header{Epoch: r.Epoch.Number, Endpoint: id, Head: bus.Ref{Index: 99}})
				if err == nil && cause != bus.FaultUnknownHead {
					t.Errorf("got cause %q, want %q", cause, bus.FaultUnknownHead)
				}
			}
			if ends := err != nil; ends != tt.ends {
				t.Errorf("got %v, want an end of the reading: %v", err, tt.ends)
			}
		})
	}
}
