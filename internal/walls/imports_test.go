package walls

import "fmt"

// wall lets only some packages import something.
type wall struct {
	reason string
	what   []string // import paths
	but    []string // of these, open to everybody
	only   []string // packages; "..." = everything below too
}

func walls() []wall {
	return []wall{
		{
			reason: "one place knows how to run the data plane safely",
			what:   []string{"github.com/nats-io/nats-server/..."},
			only:   []string{"broker"},
		},
		{
			reason: "one place decides what a setting is worth",
			what:   []string{"github.com/spf13/viper/...", "github.com/adrg/xdg/...", "github.com/joho/godotenv/..."},
			only:   []string{"config"},
		},
		{
			reason: "a backend is chosen where a node is put together",
			what: []string{module + "/internal/membership/sqlite", module + "/internal/membership/kv",
				module + "/internal/blob/disk", module + "/internal/blob/object",
				module + "/internal/nonce/memory", module + "/internal/nonce/kv"},
			only: []string{"node", "bench"},
		},
		{
			reason: "SQL stays in the stores that are made of it; no error text of a database reaches a person",
			what:   []string{"database/sql/...", "modernc.org/sqlite/..."},
			only:   []string{"membership/sqlite", "profile", "backup", "bench"},
		},
		{
			reason: "ciphers, signatures, KEMs and KDFs stand where they are reviewed",
			what: []string{"crypto/aes", "crypto/cipher", "crypto/ecdh", "crypto/ecdsa", "crypto/ed25519", "crypto/elliptic",
				"crypto/hkdf", "crypto/hmac", "crypto/hpke", "crypto/mlkem/...", "crypto/pbkdf2", "crypto/rsa",
				"golang.org/x/crypto/...", "filippo.io/hpke/...", "filippo.io/edwards25519/..."},
			but:  []string{"golang.org/x/crypto/cryptobyte/..."},
			only: []string{"identity", "seal/...", "signing", "chain/..."},
		},
		{
			reason: "broken ciphers and hashes have no use here",
			what:   []string{"crypto/des", "crypto/dsa", "crypto/md5", "crypto/rc4", "crypto/sha1"},
		},
		{
			reason: "age protects identities and backups and nothing else",
			what:   []string{"filippo.io/age/..."},
			only:   []string{"identity", "backup"},
		},
		{
			reason: "whom a connection trusts is decided by few",
			what:   []string{"crypto/tls", "crypto/x509/..."},
			only:   []string{"identity", "config", "broker", "node", "client/..."},
		},
		{
			reason: "numbers that can be foretold protect nothing",
			what:   []string{"math/rand"},
		},
		{
			reason: "a log is handed in; the global one would print, and could exit",
			what:   []string{"log"},
		},
		{
			reason: "metrics are read from the running parts, in one place",
			what:   []string{"github.com/prometheus/..."},
			only:   []string{"node"},
		},
		{
			reason: "commands are the outermost layer",
			what:   []string{module + "/cmd/..."},
			only:   []string{"main"},
		},
		{
			reason: "the screen declares the session it needs; one command ties it to the client",
			what:   []string{module + "/tui/..."},
			only:   []string{"cmd", "tui/..."},
		},
		{
			reason: "one place draws on a terminal",
			what:   []string{"charm.land/...", "github.com/charmbracelet/..."},
			only:   []string{"tui/..."},
		},
		{
			reason: "what tests are made of does not ship",
			what: []string{module + "/internal/nodetest/...", module + "/internal/chain/chaintest", module + "/internal/membership/membershiptest",
				module + "/internal/blob/blobtest", module + "/internal/nonce/noncetest", module + "/internal/costtest", "testing/...", "github.com/rogpeppe/go-internal/..."},
			only: []string{"nodetest/...", "chain/chaintest", "membership/membershiptest", "blob/blobtest", "nonce/noncetest", "costtest"},
		},
		{
			reason: "the rules of the house have no users",
			what:   []string{module + "/internal/walls/..."},
		},
	}
}

// denial keeps some packages from importing something.
type denial struct {
	reason string
	who    []string
	what   []string
	but    []string
}

func denials() []denial {
	return []denial{
		{
			reason: "rules are pure: who may do what must not depend on a transport or a database",
			who:    []string{"chain/...", "membership", "grant", "signing", "seal/...", "bus", "identity", "frame", "text"},
			what:   []string{"net/http/...", "github.com/nats-io/...", "database/sql/...", "modernc.org/..."},
			but:    []string{"github.com/nats-io/nkeys"}, // an encoding of keys, in identity
		},
		{
			reason: "nkeys is an encoding of the transport key, and that key is identity's",
			who:    []string{"chain/...", "membership", "grant", "signing", "seal/...", "bus", "frame", "text"},
			what:   []string{"github.com/nats-io/nkeys"},
		},
		{
			reason: "the screen sees words, names and text, nothing that talks or decides",
			who:    []string{"tui/..."},
			what:   []string{module + "/...", "net/...", "github.com/nats-io/...", "database/sql/..."},
			but:    []string{module + "/internal/bus", module + "/internal/identity", module + "/internal/text", module + "/tui/...", "net/url"},
		},
		{
			reason: "the screen is made of our own parts and of the library that draws",
			who:    []string{"tui/..."},
			what:   []string{"github.com/...", "golang.org/...", "go.yaml.in/...", "modernc.org/...", "filippo.io/...", "rsc.io/..."},
			but:    []string{"github.com/charmbracelet/...", "golang.org/x/text/width"}, // a table of Unicode
		},
	}
}

func wallsHold(h *house) (broken []string) {
	for _, w := range walls() {
		for _, r := range h.all() {
			if matches(r.name, w.only) {
				continue
			}
			broken = append(broken, trespasses(r, w.what, w.but, w.reason)...)
		}
	}
	for _, d := range denials() {
		for _, r := range h.all() {
			if matches(r.name, d.who) {
				broken = append(broken, trespasses(r, d.what, d.but, d.reason)...)
			}
		}
	}
	return broken
}

func trespasses(r *room, what, but []string, reason string) (broken []string) {
	for imported, at := range r.imports {
		if matches(imported, what) && !matches(imported, but) {
			broken = append(broken, fmt.Sprintf("%s: %s imports %s: %s", at, r.name, imported, reason))
		}
	}
	return broken
}

// blind says what no code that a package can reach may hold.
type blind struct {
	reason    string
	from      string
	unreached []string
}

func blinds() []blind {
	return []blind{
		{"a server without the code to open a message cannot open one", "node", []string{"seal/..."}},
		{"a server never holds a person's private key or pins", "node", []string{"profile/...", "client", "tui/...", "cmd"}},
		{"a client decides by chains and signatures, not by a server's code", "client", []string{"node", "broker", "control", "grant", "membership/...", "tui/...", "cmd"}},
		{"the screen can be tried without a network", "tui", []string{"client", "node", "profile/...", "seal/...", "cmd"}},
	}
}

// meeting is all that the code of a client and of a server have in common.
func meeting() []string {
	return []string{"wire", "signing", "chain/...", "blob", "frame", "text", "atomicfile", "bus", "identity"}
}

func reachHolds(h *house) (broken []string) {
	for _, b := range blinds() {
		for name, through := range h.reach(b.from) {
			if matches(name, b.unreached) {
				broken = append(broken, fmt.Sprintf("%s reaches %s through %s: %s", b.from, name, through, b.reason))
			}
		}
	}
	server := h.reach("node")
	for name := range h.reach("client") {
		if _, both := server[name]; both && !matches(name, meeting()) {
			broken = append(broken, fmt.Sprintf("client and node both reach %s: they meet only in %v", name, meeting()))
		}
	}
	return broken
}
