package client_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/client"
	"unibus/internal/identity"
	"unibus/internal/nodetest"
	"unibus/internal/wire"
)

// entriesOf asks the node for a chain.
func entriesOf(t testing.TB, p *nodetest.Person, target string) (out []*chain.Entry) {
	t.Helper()
	var page wire.Entries
	res := p.Do(p.Request(http.MethodGet, target, nil))
	defer res.Body.Close()
	must(t, json.NewDecoder(res.Body).Decode(&page))
	for _, raw := range page.Entries {
		e, err := chain.Parse(raw)
		must(t, err)
		out = append(out, e)
	}
	return out
}

func lastRef(all []*chain.Entry) bus.Ref { return all[len(all)-1].Head().Ref() }

// onAccount puts an entry of by's into the account chain of of.
func onAccount(t testing.TB, by, of *nodetest.Person, op chain.Op, body []byte, keys ...identity.SigningKey) {
	t.Helper()
	theirs := entriesOf(t, by, wire.AccountTarget(of.Name, 0))
	tail := chain.Tail{Bus: by.Identity.Bus, Chain: theirs[0].Chain}
	for _, e := range theirs {
		tail = tail.After(e)
	}
	author := chain.Author{Account: by.Identity.Account, Endpoint: by.Endpoint(), Seen: lastRef(entriesOf(t, by, wire.LogTarget(0)))}
	e := tail.New(op, body, author, time.Now()).Sign(identity.ContextAccount, keys...)
	raw, err := json.Marshal(wire.Append{Entry: e.Encode()})
	must(t, err)
	res := by.Do(by.Request(http.MethodPost, wire.AccountAppendTarget(of.Name), raw))
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s writes to the chain of %s: got status %d", by.Name, of.Name, res.StatusCode)
	}
}

// endsRecovery has an admin end the recovery endpoint of another user.
func endsRecovery(t testing.TB, admin, of *nodetest.Person) {
	t.Helper()
	for _, e := range entriesOf(t, admin, wire.AccountTarget(of.Name, 0)) {
		if a, ok := account.ParseAdd(e.Body); ok && a.Kind == account.KindRecovery {
			own := lastRef(entriesOf(t, admin, wire.AccountTarget(admin.Name, 0)))
			body := account.Revoke{By: account.ByAdmin, Endpoint: a.Endpoint(), At: own}.Encode()
			onAccount(t, admin, of, account.OpRevoke, body, admin.Identity.Content)
			return
		}
	}
	t.Fatalf("%s has no recovery endpoint", of.Name)
}

// Two admins who wrote to the bus log end an endpoint of each other. The entries
// rest on the bus log after what both wrote to it: a client that begins, and one
// that reads on, follow them all the same.
func TestAdminsEndEachOther(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	ctx := nodetest.Context(t)
	b.Admin.Name = "admin"
	alice, bob := b.Alice(b.General), b.Bob(b.General)
	_, err := b.Admin.SetRole(ctx, "alice", bus.RoleAdmin)
	must(t, err)
	_, err = alice.Client.Invite(ctx, "dora", time.Hour)
	must(t, err)
	link := b.Invite("carol", b.General)
	works := func(when string) {
		for who, c := range map[string]*client.Client{"bob's client": bob.Client, "bob's next process": bob.Again(),
			"bob without a profile": forgetful(t, bob), "the admin's next process": b.Admin.Again(), "alice's next process": alice.Again()} {
			if _, err := c.People(ctx); err != nil {
				t.Errorf("%s, %s, users: %v", when, who, err)
			}
			if _, err := c.Members(ctx, b.General); err != nil {
				t.Errorf("%s, %s, members: %v", when, who, err)
			}
			if _, err := c.SendOne(ctx, b.General, text("still here")); err != nil {
				t.Errorf("%s, %s, sending: %v", when, who, err)
			}
		}
	}
	endsRecovery(t, b.Admin, alice)
	works("after one end")
	endsRecovery(t, alice, b.Admin)
	works("after both")
	_, err = b.Admin.Again().CreateRoom(ctx, "after", client.RoomOptions{})
	must(t, err)
	if _, err := client.Meet(ctx, link, time.Now); err != nil {
		t.Errorf("carol meets the node: %v", err)
	}
}
