package cmd

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// maxGrowth is what a transfer of any size may add to the memory of a process.
const maxGrowth = 64 << 20

// A blob from a pipe goes up and comes down as it was, and neither the client
// nor the node grows with it. UNIBUS_LONG makes it a gibibyte.
func TestLargeBlobKeepsMemoryFlat(t *testing.T) {
	t.Parallel()
	size := int64(192 << 20)
	if os.Getenv("UNIBUS_LONG") != "" {
		size = 1 << 30
	}
	env := append(os.Environ(), "UNIBUS_HOME="+t.TempDir())
	node := startNode(t, env)
	before := peakOf(t, node)
	idle := peakRSS(t, program(t, env, "version"))

	sum := sha256.New()
	put := program(t, env, "blob", "put", "-")
	put.Stdin = struct{ io.Reader }{io.TeeReader(io.LimitReader(rand.NewChaCha8([32]byte{1}), size), sum)}
	var ref bytes.Buffer
	put.Stdout = &ref
	if grown := peakRSS(t, put) - idle; grown > maxGrowth {
		t.Errorf("blob put grew by %d MiB", grown>>20)
	}

	back := sha256.New()
	get := program(t, env, "blob", "get", strings.TrimSpace(ref.String()), "-O", "-")
	get.Stdout = struct{ io.Writer }{back}
	if grown := peakRSS(t, get) - idle; grown > maxGrowth {
		t.Errorf("blob get grew by %d MiB", grown>>20)
	}
	if !bytes.Equal(sum.Sum(nil), back.Sum(nil)) {
		t.Error("the blob came back changed")
	}
	if grown := peakOf(t, node) - before; grown > maxGrowth {
		t.Errorf("the node grew by %d MiB", grown>>20)
	}
}

func program(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath("unibus")
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(path, args...)
	c.Env = env
	return c
}

// peakRSS runs c and returns the most memory that it held, in bytes. It looks while
// c runs: the figure that is left of a process counts what its parent held when it
// was forked too.
func peakRSS(t *testing.T, c *exec.Cmd) (most int64) {
	t.Helper()
	var stderr bytes.Buffer
	c.Stderr = &stderr
	if err := c.Start(); err != nil {
		t.Fatalf("%s: %v", c.Args, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	for {
		if now, err := peakNow(c.Process.Pid); err == nil {
			most = max(most, now)
		}
		select {
		case err := <-ended:
			if err != nil || most == 0 {
				t.Fatalf("%s: %v, at most %d bytes: %s", c.Args, err, most, stderr.String())
			}
			return most
		case <-look.C:
		}
	}
}

// startNode starts a node and waits until it is ready.
func startNode(t *testing.T, env []string) *os.Process {
	t.Helper()
	c := program(t, env, "serve", "--listen", "127.0.0.1:0", "--nats", "127.0.0.1:0", "--data", filepath.Join(t.TempDir(), "node"))
	log, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Signal(os.Interrupt)
		_ = c.Wait()
	})
	for lines := bufio.NewScanner(log); lines.Scan(); {
		if strings.Contains(lines.Text(), "msg=ready") {
			go func() { _, _ = io.Copy(io.Discard, log) }()
			return c.Process
		}
	}
	t.Fatal("the node ended before it was ready")
	return nil
}

// peakOf is the most memory that a running process held, in bytes.
func peakOf(t *testing.T, p *os.Process) int64 {
	t.Helper()
	most, err := peakNow(p.Pid)
	if err != nil {
		t.Fatal(err)
	}
	return most
}

// peakNow fails where the process has ended.
func peakNow(pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		return 0, fmt.Errorf("process %d has no VmHWM", pid)
	}
	kib, err := strconv.ParseInt(string(found[1]), 10, 64)
	return kib << 10, err
}
