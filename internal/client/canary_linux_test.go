package client_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"unibus/internal/node"
	"unibus/internal/nodetest"
)

// apart stops the node of b and runs it again in a process of its own.
func apart(t *testing.T, b *nodetest.Bus) (pid int) {
	t.Helper()
	b.Stop()
	self, err := os.Executable()
	must(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), dirVariable+"="+b.Options.Dir)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the node's process: %v", err)
		}
	})
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("the node's process does not start: %v", err)
	}
	return cmd.Process.Pid
}

func TestNothingReadableInMemory(t *testing.T) {
	t.Parallel()
	b := nodetest.Boot(t, func(o *node.Options) { o.ClearStore = true })
	pid := apart(t, b)
	alice, bob := b.Alice(), b.Bob()
	g := chat(t, b, alice, bob)
	heard := inMemory(t, pid, g.canary, g.open["text"])
	g.wantSilence(t, "memory", func(word string) bool { return heard[word] }, "text")
}

const (
	// maxMapping is more than a node maps at once. Only the race detector's
	// shadow memory is larger, and holds no data.
	maxMapping = 8 << 30
	chunk      = 1 << 20
	overlap    = 256 // more than any form of a word is long
)

// inMemory says which words are anywhere in the memory of a process.
func inMemory(t *testing.T, pid int, words ...string) map[string]bool {
	t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	must(t, err)
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	must(t, err)
	defer mem.Close()
	heard, total := map[string]bool{}, 0
	buf := make([]byte, chunk+overlap)
	for line := range strings.Lines(string(maps)) {
		var from, to int64
		var mode string
		_, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &mode)
		if err != nil || mode[0] != 'r' || to-from > maxMapping {
			continue // of the kernel's own, which are beyond int64, or not readable
		}
		for at := from; at < to; at += chunk {
			// Nothing is read of what even its process cannot read, as [vvar].
			n, _ := mem.ReadAt(buf[:min(to-at, chunk+overlap)], at)
			for _, word := range words {
				heard[word] = heard[word] || holds(buf[:n], word)
			}
			total += n
		}
	}
	t.Logf("searched %d MiB of memory", total>>20)
	return heard
}
