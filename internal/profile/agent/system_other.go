//go:build !linux && !darwin

package agent

import (
	"io/fs"
	"math"
	"net"

	"unibus/internal/bus"
)

// Where the system does not say who is at the other end there is no agent.
var errUnsupported = bus.Errorf(bus.Failed, "agent_unsupported", "this system does not say who calls: no agent can run here").
	WithHint("use UNIBUS_PASSPHRASE_FILE")

func claim(string) (release func(), err error) { return nil, errUnsupported }

func peer(*net.UnixConn) (uid int, err error) { return 0, errUnsupported }

func owner(fs.FileInfo) int { return math.MinInt }
