package cmd

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// nodes keeps the node of each script: a real process of the real program.
type nodes struct {
	mu      sync.Mutex
	running map[string]*nodeProcess // by the script's directory
}

type nodeProcess struct {
	cmd    *exec.Cmd
	lines  chan string // of its log
	ended  chan error
	stderr *strings.Builder
}

func newNodes() *nodes { return &nodes{running: map[string]*nodeProcess{}} }

// commands are what scripts say to a node, and the roles that talk to it.
func (n *nodes) commands() map[string]func(*testscript.TestScript, bool, []string) {
	all := map[string]func(*testscript.TestScript, bool, []string){
		"node":     n.start,
		"nodestop": n.stop,
		"nodekill": n.kill,
		"waitfor":  scriptWaitFor,
	}
	for _, role := range roles() {
		all[role] = as(role)
	}
	return all
}

// roles are the people besides the admin, each with a home of his own.
func roles() []string { return []string{"alice", "bob", "carol", "mallory"} }

// start starts `unibus serve` with the arguments and waits until it is ready:
//
//	node [--flag...]
//
// Ports are chosen by the system and remembered for the next start.
func (n *nodes) start(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("unsupported: ! node")
	}
	ready := filepath.Join(ts.Getenv("WORK"), "ready.json")
	_ = os.Remove(ready)
	program, err := exec.LookPath("unibus")
	ts.Check(err)
	command := exec.Command(program, append([]string{"serve", "--listen", "127.0.0.1:0", "--nats", "127.0.0.1:0",
		"--ready-file", ready}, args...)...)
	command.Dir = ts.MkAbs(".")
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "UNIBUS_HOME", "PATH", "TMPDIR"} {
		command.Env = append(command.Env, name+"="+ts.Getenv(name))
	}
	stderr, err := command.StderrPipe()
	ts.Check(err)
	ts.Check(command.Start())
	p := &nodeProcess{cmd: command, lines: make(chan string, 64), ended: make(chan error, 1), stderr: &strings.Builder{}}
	go p.watch(stderr)
	n.mu.Lock()
	n.running[ts.Getenv("WORK")] = p
	n.mu.Unlock()
	ts.Defer(func() { n.end(ts, syscall.SIGKILL) })
	for line := range p.lines {
		if strings.Contains(line, "msg=ready") {
			go drainLines(p.lines)
			return
		}
	}
	ts.Fatalf("the node ended before it was ready: %s", p.stderr)
}

func drainLines(lines <-chan string) {
	for range lines {
	}
}

func (p *nodeProcess) watch(stderr io.Reader) {
	in := bufio.NewScanner(stderr)
	for in.Scan() {
		p.stderr.WriteString(in.Text() + "\n")
		p.lines <- in.Text()
	}
	close(p.lines)
	p.ended <- p.cmd.Wait()
}

// stop interrupts the node and waits for its clean end.
func (n *nodes) stop(ts *testscript.TestScript, neg bool, _ []string) {
	if err := n.end(ts, os.Interrupt); err != nil && !neg {
		if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 130 {
			ts.Fatalf("the node did not stop cleanly: %v", err)
		}
	}
}

// kill ends the node as a crash would.
func (n *nodes) kill(ts *testscript.TestScript, _ bool, _ []string) { _ = n.end(ts, syscall.SIGKILL) }

func (n *nodes) end(ts *testscript.TestScript, signal os.Signal) error {
	n.mu.Lock()
	p := n.running[ts.Getenv("WORK")]
	delete(n.running, ts.Getenv("WORK"))
	n.mu.Unlock()
	if p == nil {
		return nil
	}
	_ = p.cmd.Process.Signal(signal)
	return <-p.ended
}

// as runs unibus as somebody else: with a home of his own.
//
//	bob join - --no-passphrase
//
// Its stdin is the file `in`, when the script has written one with stdin.
func as(role string) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		leave := enter(ts, role)
		err := ts.Exec("unibus", args...)
		leave()
		if (err != nil) != neg {
			ts.Fatalf("unibus %s as %s: %v\n%s", strings.Join(args, " "), role, err, ts.ReadFile("stderr"))
		}
	}
}

// enter moves into the home of a role; leave goes back.
func enter(ts *testscript.TestScript, role string) (leave func()) {
	before := ts.Getenv("UNIBUS_HOME")
	ts.Setenv("UNIBUS_HOME", filepath.Join(ts.Getenv("WORK"), role))
	return func() { ts.Setenv("UNIBUS_HOME", before) }
}

// scriptWaitFor waits until a file that a background program writes holds a text:
//
//	waitfor bob.out joined
func scriptWaitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: waitfor FILE TEXT")
	}
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if raw, _ := os.ReadFile(ts.MkAbs(args[0])); strings.Contains(string(raw), args[1]) {
			return
		}
	}
	ts.Fatalf("%s never held %q: %s", args[0], args[1], ts.ReadFile(args[0]))
}
