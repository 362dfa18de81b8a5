package memory

import (
	"encoding/hex"
	"os"
	"strings"
)

// boot names one run of the operating system; zero when the system does not
// tell, which counts as another run each time.
type boot [16]byte

// bootOfSystem asks Linux, which gives a random UUID a boot (random(4)).
func bootOfSystem() (id boot) {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return boot{}
	}
	raw, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(string(text)), "-", ""))
	if err != nil || len(raw) != len(id) {
		return boot{}
	}
	return boot(raw)
}
