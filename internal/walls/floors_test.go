package walls

import (
	"fmt"
	"strings"
)

// floors says where each package stands; it imports only from lower floors,
// so that there is one direction in which to read the house. The numbers are
// those of the architecture page.
func floors() [][]string {
	return [][]string{
		0: {"text", "atomicfile", "costtest"},
		1: {"bus", "tui/cells", "tui/theme", "tui/layout"},
		2: {"identity", "frame", "seal/cobblestone", "tui/editor"},
		3: {"chain", "signing", "seal", "wire", "config", "limit", "nonce", "blob"},
		4: {"chain/buslog", "chain/account"},
		5: {"chain/roomlog"},
		6: {"membership", "profile", "profile/agent", "grant", "client/call", "client/transfertest", "tui/timeline", "tui/composer", "tui/roomlist", "tui/overlay"},
		7: {"membership/sqlite", "membership/kv", "blob/disk", "blob/object", "nonce/memory", "nonce/kv",
			"chain/chaintest", "membership/membershiptest", "blob/blobtest", "nonce/noncetest",
			"backup", "control", "client/transfer", "tui"},
		8:  {"broker", "client"},
		9:  {"node"},
		10: {"bench", "nodetest", "nodetest/chaos"},
		11: {"cmd"},
		12: {"main"},
	}
}

// floorOf returns the floor of a package, -1 where it has none.
func floorOf(name string) int {
	for i, names := range floors() {
		if matches(name, names) {
			return i
		}
	}
	return -1
}

// floorsHold reports every package without a floor and every import that does
// not go down. A part may import what it is a part of.
func floorsHold(h *house) (broken []string) {
	for _, r := range h.all() {
		if r.name == "walls" {
			continue
		}
		from := floorOf(r.name)
		if from < 0 {
			broken = append(broken, fmt.Sprintf("%s has no floor: is it needed? then give it one in floors_test.go and architecture.md", r.name))
			continue
		}
		for imported, at := range r.imports {
			name, ok := ours(imported)
			if !ok || floorOf(name) >= 0 && floorOf(name) < from {
				continue
			}
			if floorOf(name) == from && strings.HasPrefix(r.name, name+"/") {
				continue
			}
			broken = append(broken, fmt.Sprintf("%s: %s (floor %d) imports %s (floor %d)", at, r.name, from, name, floorOf(name)))
		}
	}
	return broken
}
