package client

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"time"

	"unibus/internal/bus"
	"unibus/internal/chain"
	"unibus/internal/chain/account"
	"unibus/internal/chain/buslog"
	"unibus/internal/identity"
)

// Founding is what a node gets to begin a bus with: public parts, and the
// certificate for its own key. No key of a person is in it.
type Founding struct {
	Bus     bus.ID
	Org     identity.VerifyKey
	Genesis []byte
	Account [][]byte // first entries of the admin's account chain
	More    [][]byte // further bus-log entries: the node itself
	CAPEM   []byte
	CertPEM []byte
}

// FoundOptions says who founds a bus, for which node.
type FoundOptions struct {
	Handle   bus.Handle
	Endpoint string           // what the admin's first endpoint is called
	Node     string           // name of the first node
	NodeKey  crypto.PublicKey // of its TLS key
	Hosts    []string         // names and addresses that it is reached under
	Now      func() time.Time
}

// Found makes a bus: the organisation key, the CA, the admin's account and
// endpoint, and the first entries. The identity must be kept before a node is
// given the founding: it is the only admin.
func Found(o FoundOptions) (*identity.File, *Founding, error) {
	now := o.Now().Truncate(time.Millisecond)
	ca, err := identity.NewCA("unibus", now)
	if err != nil {
		return nil, nil, err
	}
	id, org := newIdentity(o.Endpoint, now), identity.NewSigningKey()
	id.Handle, id.Org, id.CA = o.Handle, &org, &ca
	genesis := genesisEntry(id, org, ca.Hash(), now)
	id.Bus = bus.ID(genesis.Hash().Prefix())
	acc := firstEntries(id, now)
	node, err := nodeEntry(id, genesis, acc[0], o, now)
	if err != nil {
		return nil, nil, err
	}
	cert, err := ca.IssueNode(o.NodeKey, o.Hosts, now)
	if err != nil {
		return nil, nil, err
	}
	return id, &Founding{
		Bus: id.Bus, Org: org.Public(), Genesis: genesis.Encode(), Account: encode(acc),
		More: [][]byte{node.Encode()}, CAPEM: ca.CertificatePEM(), CertPEM: cert,
	}, nil
}

// newIdentity makes the keys of a first endpoint and of its account.
func newIdentity(name string, now time.Time) *identity.File {
	return identityFrom(identity.NewSeed(), name, now)
}

// identityFrom makes the keys of another endpoint of the account whose A seed
// gives. The account is named after that A, until the bus says that it had
// another one before.
func identityFrom(seed identity.Seed, name string, now time.Time) *identity.File {
	id := newEndpoint(name, now)
	id.Account, id.Seed = identity.AccountIDOf(seed.Account().Public()), &seed
	return id
}

func genesisEntry(id *identity.File, org identity.SigningKey, ca bus.Hash, now time.Time) *chain.Entry {
	a := id.Seed.Account()
	g := buslog.Genesis{Org: org.Public(), CA: ca, Handle: id.Handle, Key: a.Public(),
		Content: id.Content.Public(), Transport: id.Transport.Public()}
	by := chain.Author{Account: id.Account, Endpoint: id.Endpoint()}
	return chain.Tail{}.New(buslog.OpGenesis, g.Encode(), by, now).Sign(identity.ContextBus, org, a, id.Content)
}

// firstEntries lists the first endpoint of an account, and its recovery endpoint.
func firstEntries(id *identity.File, now time.Time) []*chain.Entry {
	a := id.Seed.Account()
	tail := chain.Tail{Bus: id.Bus, Chain: chain.ID(id.Account)}
	by := chain.Author{Account: id.Account, Endpoint: id.Endpoint()}
	first := tail.New(account.OpAdd, deviceBody(id), by, now).Sign(identity.ContextAccount, a, id.Content)
	second := tail.After(first).New(account.OpAdd, recoveryBody(*id.Seed), by, now).Sign(identity.ContextAccount, a)
	return []*chain.Entry{first, second}
}

// deviceBody lists the endpoint of an identity that has the seed.
func deviceBody(id *identity.File) []byte {
	return account.Add{By: account.ByAccount, Key: id.Seed.Account().Public(), Kind: account.KindDevice,
		Content: id.Content.Public(), Transport: id.Transport.Public(), KEM: id.KEMs[0].Key.Public(),
		Rights: account.Rights{MayAdd: true}, Name: id.Name}.Encode()
}

// recoveryBody lists the recovery endpoint of a seed.
func recoveryBody(seed identity.Seed) []byte {
	return account.Add{By: account.ByAccount, Key: seed.Account().Public(), Kind: account.KindRecovery,
		KEM: seed.Recovery().Public(), Name: "recovery"}.Encode()
}

func nodeEntry(id *identity.File, genesis, own *chain.Entry, o FoundOptions, now time.Time) (*chain.Entry, error) {
	spki, err := x509.MarshalPKIXPublicKey(o.NodeKey)
	if err != nil {
		return nil, err
	}
	n := buslog.Node{Name: o.Node, SPKI: sha256.Sum256(spki), Floor: buslog.FloorEnforce | buslog.FloorACL | buslog.FloorTLS}
	tail := chain.Tail{}.After(genesis)
	tail.Bus, tail.Chain = id.Bus, chain.ID(id.Bus)
	by := chain.Author{Account: id.Account, Endpoint: id.Endpoint(), Seen: own.Head().Ref()}
	return tail.New(buslog.OpNodeAdd, n.Encode(), by, now).Sign(identity.ContextBus, id.Content), nil
}

func encode(entries []*chain.Entry) [][]byte {
	raw := make([][]byte, len(entries))
	for i, e := range entries {
		raw[i] = e.Encode()
	}
	return raw
}

// caHash is SHA-256 over the DER of a certificate in PEM, as links carry it.
func caHash(certPEM []byte) bus.Hash {
	block, _ := pem.Decode(certPEM)
	if block == nil {
		return bus.Hash{}
	}
	return sha256.Sum256(block.Bytes)
}
