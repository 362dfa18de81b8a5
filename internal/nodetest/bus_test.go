package nodetest_test

import (
	"net/http"
	"slices"
	"testing"

	"unibus/internal/bus"
	"unibus/internal/nodetest"
)

func TestBoot(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice := b.Alice(b.General)
	mallory := b.Mallory()

	rooms, err := alice.ListMyRooms(nodetest.Context(t))
	if err != nil || len(rooms) != 1 || rooms[0].Name != "general" {
		t.Errorf("alice's rooms: got %v, %v; want general", rooms, err)
	}
	rooms, err = mallory.ListMyRooms(nodetest.Context(t))
	if err != nil || len(rooms) != 0 {
		t.Errorf("mallory's rooms: got %v, %v; want none", rooms, err)
	}
	if _, err := mallory.Members(nodetest.Context(t), b.General); bus.CodeOf(err) != "not_member" {
		t.Errorf("mallory asks for the members of a room she is not in: got %v, want not_member", err)
	}
	res := mallory.Do(mallory.Request(http.MethodGet, "/users", nil))
	if res.StatusCode != http.StatusOK {
		t.Errorf("mallory's signed request: got %s, want 200", res.Status)
	}
}

func TestRestartKeepsEverything(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t)
	alice := b.Alice(b.General)
	url, nats := b.URL(), b.NATS()
	b.Restart()
	if b.URL() != url || b.NATS() != nats {
		t.Errorf("after a restart: got %s %s, want %s %s", b.URL(), b.NATS(), url, nats)
	}
	users, err := alice.Users(nodetest.Context(t))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, u := range users {
		names = append(names, string(u.Name))
	}
	if !slices.Equal(names, []string{"admin", "alice"}) {
		t.Errorf("users after a restart: got %v", names)
	}
}
