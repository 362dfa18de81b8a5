package broker

import (
	"fmt"

	"github.com/nats-io/nats-server/v2/server"
)

// accounts are the three worlds of the server. Only out.> crosses, from
// control to users: NATS does not check the reply subject of a publish, so a
// user whose publish reached JetStream could have an answer written anywhere.
type accounts struct {
	sys   *server.Account // the server's own
	ctl   *server.Account // all of JetStream; the node's in-process connections alone
	users *server.Account // people and bots; no JetStream
}

// newAccounts makes them before the server starts, so that no subscription
// ever lacks the import.
func newAccounts() (accounts, error) {
	a := accounts{server.NewAccount("SYS"), server.NewAccount("CTL"), server.NewAccount("BUS")}
	if err := a.ctl.AddStreamExport("out.>", []*server.Account{a.users}); err != nil {
		return a, fmt.Errorf("export live messages: %w", err)
	}
	if err := a.users.AddStreamImport(a.ctl, "out.>", ""); err != nil {
		return a, fmt.Errorf("import live messages: %w", err)
	}
	return a, nil
}

// registered returns the accounts as the server keeps them: it copies those of
// its options.
func (a accounts) registered(srv *server.Server) (r accounts, err error) {
	if r.sys, err = srv.LookupAccount(a.sys.Name); err != nil {
		return r, err
	}
	if r.ctl, err = srv.LookupAccount(a.ctl.Name); err != nil {
		return r, err
	}
	r.users, err = srv.LookupAccount(a.users.Name)
	return r, err
}

func (a accounts) all() []*server.Account { return []*server.Account{a.sys, a.ctl, a.users} }

// enableJetStream turns JetStream on for control, with explicit limits, and
// reads back what is stored.
func (a accounts) enableJetStream() error {
	err := a.ctl.EnableJetStream(map[string]server.JetStreamAccountLimits{"": {
		MaxMemory: memoryStore, MaxStore: storeLimit,
		MaxStreams: maxStreams, MaxConsumers: maxConsumers, MaxAckPending: 1000,
		MemoryMaxStreamBytes: memoryStore, StoreMaxStreamBytes: storeLimit, MaxBytesRequired: true,
	}}, nil)
	if err != nil {
		return fmt.Errorf("enable JetStream: %w", err)
	}
	return nil
}
