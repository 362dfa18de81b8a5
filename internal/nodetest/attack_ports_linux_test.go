package nodetest_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sockets are the sockets of this process that others can reach, as the kernel
// tells: listening for TCP, bound for UDP, or with a name in the file system.
func sockets(t *testing.T) (open []string) {
	t.Helper()
	mine := map[string]bool{}
	fds, err := filepath.Glob("/proc/self/fd/*")
	must(t, err)
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err == nil {
			if inode, ok := strings.CutPrefix(to, "socket:["); ok {
				mine[strings.TrimSuffix(inode, "]")] = true
			}
		}
	}
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6", "unix"} {
		raw, err := os.ReadFile("/proc/self/net/" + table)
		if os.IsNotExist(err) {
			continue // a kernel without IPv6
		}
		must(t, err)
		for _, line := range strings.Split(string(raw), "\n")[1:] {
			f := strings.Fields(line)
			switch {
			case table == "unix":
				if len(f) > 7 && mine[f[6]] {
					open = append(open, "unix "+f[7])
				}
			case len(f) > 9 && mine[f[9]] && (f[3] == "0A" || strings.HasPrefix(table, "udp")):
				open = append(open, table+" "+address(f[1]))
			}
		}
	}
	slices.Sort(open)
	return open
}

// address reads the kernel's form of an IPv4 address and port.
func address(hex string) string {
	ip, port, _ := strings.Cut(hex, ":")
	n, err := strconv.ParseUint(port, 16, 16)
	a, bad := strconv.ParseUint(ip, 16, 32)
	if err != nil || bad != nil {
		return hex
	}
	return net.JoinHostPort(net.IPv4(byte(a), byte(a>>8), byte(a>>16), byte(a>>24)).String(), fmt.Sprint(n))
}

// Attack: a port that nobody thinks of: monitoring, profiling, websocket, MQTT,
// leaf nodes, routes. Checked: a node opens its two addresses and no other, and
// none of them to other machines.
//
// Not parallel: it looks at all sockets of the process.
func TestAttackOtherPorts(t *testing.T) {
	before := sockets(t)
	b := boot(t)
	b.Alice(b.General)
	var opened []string
	for _, s := range sockets(t) {
		if !slices.Contains(before, s) {
			opened = append(opened, s)
		}
	}
	want := []string{"tcp " + planes(b)["control"], "tcp " + planes(b)["data"]}
	slices.Sort(want)
	if !slices.Equal(opened, want) {
		t.Errorf("a node opens %q, want %q", opened, want)
	}
	b.Stop()
	if after := sockets(t); !slices.Equal(after, before) {
		t.Errorf("a node that was stopped leaves %q open", after)
	}
}
