package client_test

import (
	"testing"

	"unibus/internal/bus"
	"unibus/internal/client"
	"unibus/internal/identity"
	"unibus/internal/nodetest"
)

// A handle that stands for another account than it did here before: what that
// account writes is not shown, and nothing is sent where it reads along, until
// a person has compared.
func TestChangedAccount(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice, bob := b.Alice(b.General), b.Bob(b.General)
	ctx := nodetest.Context(t)
	send(t, bob.Client, b.General, "hello")
	store, err := alice.Home.Open(ctx, alice.Info.Name, alice.Identity.ProfileKey)
	must(t, err)
	defer store.Close()
	must(t, store.PutPin(ctx, "bob", identity.Pin{Account: bus.AccountID{1}}))

	if e := lastEvent(t, alice.Again(), b.General); e.Undecryptable == nil || e.Undecryptable.Reason != "key_changed" || e.Undecryptable.From != "bob" {
		t.Errorf("got %+v, want bob's message hidden", e)
	}
	_, err = alice.Again().SendOne(ctx, b.General, text("who are you?"))
	wantError(t, "sending where he reads", err, bus.Integrity, "key_changed")
	other, err := alice.Client.CreateRoom(ctx, "other", client.RoomOptions{})
	must(t, err)
	if _, err := alice.Again().SendOne(ctx, other, text("alone")); err != nil {
		t.Errorf("sending where he is not: %v", err)
	}

	found, err := alice.Client.Compare(ctx, "bob")
	must(t, err)
	if found.Trust != bus.TrustChanged {
		t.Errorf("before comparing: got %q", found.Trust)
	}
	must(t, alice.Client.Decide(ctx, found, bus.TrustVerified))
	if e := lastEvent(t, alice.Again(), b.General); e.Message == nil || e.Message.Trust != bus.TrustVerified {
		t.Errorf("got %+v, want bob's message, verified", e)
	}
	send(t, alice.Again(), b.General, "so it is you")
}

// Nothing is sent where somebody reads along whom this user found to be somebody
// else, and he is let in nowhere.
func TestRejectedUser(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice, _ := b.Alice(b.General), b.Bob(b.General)
	ctx := nodetest.Context(t)
	found, err := alice.Client.Compare(ctx, "bob")
	must(t, err)
	must(t, alice.Client.Decide(ctx, found, bus.TrustRejected))
	_, err = alice.Client.SendOne(ctx, b.General, text("between us"))
	wantError(t, "sending where he reads", err, bus.Integrity, "user_rejected")
	_, err = alice.Client.DirectRoom(ctx, "bob")
	wantError(t, "a room with him", err, bus.Integrity, "user_rejected")
	other, err := alice.Client.CreateRoom(ctx, "other", client.RoomOptions{})
	must(t, err)
	_, err = alice.Client.AddMembers(ctx, other, bus.RoleMember, "bob")
	wantError(t, "inviting him", err, bus.Integrity, "user_rejected")
	send(t, alice.Client, other, "alone")
	must(t, alice.Client.Decide(ctx, found, bus.TrustVerified))
	send(t, alice.Client, b.General, "so it is you")
}

// lastEvent reads the newest event of a room.
func lastEvent(t testing.TB, c *client.Client, room bus.RoomID) (last bus.Event) {
	t.Helper()
	must(t, c.Read(nodetest.Context(t), room, client.ReadOptions{Limit: 1}, func(e bus.Event) error {
		last = e
		return nil
	}))
	return last
}
