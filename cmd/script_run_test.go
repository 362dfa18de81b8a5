package cmd

import (
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// runs keeps the programs that scripts run in the background.
type runs struct {
	mu  sync.Mutex
	all map[string]*running // by the script's directory and the name that it gave
}

type running struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed once it has
}

func newRuns() *runs { return &runs{all: map[string]*running{}} }

// commands run programs that go on while the script does:
//
//	run NAME bob read ops --follow   stdout to NAME.out, stderr to NAME.err,
//	                                 stdin from the pipe NAME.in where there is one
//	signal NAME INT
//	ended NAME 130                   waits for its end and checks the exit code
//
// and take from it what programs need: ports, space on a disk.
func (r *runs) commands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"run":    r.start,
		"signal": r.signal,
		"ended":  r.end,
		"joins":  scriptJoins,
		"occupy": scriptOccupy,
		"field":  scriptField,
		"fill":   scriptFill,
		"disk":   scriptDisk,
	}
}

func (r *runs) start(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: run NAME PROGRAM [ARGUMENT...]")
	}
	what := args[1]
	if slices.Contains(roles(), what) {
		defer enter(ts, what)()
		what = "unibus"
	}
	path, err := exec.LookPath(what)
	ts.Check(err)
	command := exec.Command(path, args[2:]...)
	command.Dir, command.Env = ts.MkAbs("."), scriptEnviron(ts)
	command.Stdout, command.Stderr = newFile(ts, args[0]+".out"), newFile(ts, args[0]+".err")
	if in, err := os.OpenFile(ts.MkAbs(args[0]+".in"), os.O_RDWR, 0); err == nil { // for both: no writer's end is the pipe's
		command.Stdin = in
		ts.Defer(func() { in.Close() })
	}
	ts.Check(command.Start())
	p := &running{cmd: command, ended: make(chan struct{})}
	go func() {
		_ = command.Wait() // the exit code is what counts
		close(p.ended)
	}()
	r.mu.Lock()
	r.all[ts.MkAbs(args[0])] = p
	r.mu.Unlock()
	ts.Defer(func() {
		_ = command.Process.Kill()
		<-p.ended
	})
}

// scriptEnviron is the environment of a script, as far as unibus looks at it.
func scriptEnviron(ts *testscript.TestScript) (out []string) {
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "UNIBUS_HOME", "PATH",
		"TMPDIR", "UNIBUS_PASSPHRASE_FILE", "UNIBUS_IDENTITY_FILE", "UNIBUS_TIMEOUT"} {
		if value := ts.Getenv(name); value != "" {
			out = append(out, name+"="+value)
		}
	}
	return out
}

func newFile(ts *testscript.TestScript, name string) *os.File {
	f, err := os.Create(ts.MkAbs(name))
	ts.Check(err)
	ts.Defer(func() { f.Close() })
	return f
}

func (r *runs) find(ts *testscript.TestScript, name string) *running {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.all[ts.MkAbs(name)]
	if p == nil {
		ts.Fatalf("nothing runs under the name %s", name)
	}
	return p
}

func (r *runs) signal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: signal NAME INT|TERM|KILL|STOP|CONT")
	}
	pid := strconv.Itoa(r.find(ts, args[0]).cmd.Process.Pid)
	ts.Check(exec.Command("kill", "-"+args[1], pid).Run())
}

func (r *runs) end(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: ended NAME CODE")
	}
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	p := r.find(ts, args[0])
	select {
	case <-p.ended:
	case <-time.After(30 * time.Second):
		ts.Fatalf("%s did not end", args[0])
	}
	if got := p.cmd.ProcessState.ExitCode(); got != want {
		ts.Fatalf("exit code of %s: got %d, want %d\n%s%s", args[0], got, want,
			ts.ReadFile(args[0]+".out"), ts.ReadFile(args[0]+".err"))
	}
}

// scriptJoins lets roles onto the bus, each with a home of its own, and into no
// room:
//
//	joins bob carol
func scriptJoins(ts *testscript.TestScript, neg bool, names []string) {
	if neg || len(names) == 0 {
		ts.Fatalf("usage: joins ROLE...")
	}
	for _, name := range names {
		ts.Check(ts.Exec("unibus", "user", "invite", name, "--no-room", "--quiet"))
		link := strings.TrimSpace(ts.ReadFile("stdout"))
		leave := enter(ts, name)
		err := ts.Exec("unibus", "join", link, "--no-passphrase")
		leave()
		ts.Check(err)
	}
}

// scriptOccupy takes a port as another program would, and names it:
//
//	occupy ADDRESS
func scriptOccupy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: occupy VARIABLE")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	ts.Setenv(args[0], l.Addr().String())
}

// scriptFill writes a file until there is no space left where it stands.
func scriptFill(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: fill FILE")
	}
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	defer f.Close()
	for zeros := make([]byte, 64<<10); len(zeros) > 0; {
		if _, err := f.Write(zeros); err != nil {
			zeros = zeros[:len(zeros)/2]
		}
	}
}

// scriptField reads a string of that name in a JSON file into a variable:
//
//	field URL ready.json url
func scriptField(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: field VARIABLE FILE NAME")
	}
	_, rest, found := strings.Cut(ts.ReadFile(args[1]), strconv.Quote(args[2])+":\"")
	value, _, closed := strings.Cut(rest, "\"")
	if !found || !closed {
		ts.Fatalf("%s has no string %q: %s", args[1], args[2], ts.ReadFile(args[1]))
	}
	ts.Setenv(args[0], value)
}
