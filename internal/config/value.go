package config

import (
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"unibus/internal/bus"
)

// Sync is when stored messages are made durable: 0 = before they are
// acknowledged, else at this interval.
type Sync time.Duration

func (s Sync) String() string {
	if s == 0 {
		return "always"
	}
	return time.Duration(s).String()
}

// ParseSync reads "always" or an interval from 1 ms to 1 minute: beyond that
// an acknowledgement would promise too little.
func ParseSync(v string) (Sync, error) {
	if v == "always" {
		return 0, nil
	}
	d, err := time.ParseDuration(v)
	if err != nil || d < time.Millisecond || d > time.Minute {
		return 0, bus.Errorf(bus.Invalid, "bad_sync", "%q is not a time to sync", v).
			WithHint("use always, or an interval from 1ms to 1m")
	}
	return Sync(d), nil
}

func parseBytes(v string) (int64, error) {
	n, err := humanize.ParseBytes(v)
	if err != nil || n > 1<<50 {
		return 0, bus.Errorf(bus.Invalid, "bad_size", "%q is not a size", v).
			WithHint("write bytes, or a size like 128MiB")
	}
	return int64(n), nil
}

func parseDuration(v string) (time.Duration, error) {
	d, err := time.ParseDuration(v)
	if err != nil {
		return 0, bus.Errorf(bus.Invalid, "bad_duration", "%q is not a duration", v).
			WithHint("write it like 500ms, 20s or 5m")
	}
	return d, nil
}

func parseTruth(v string) (bool, error) {
	truth, err := strconv.ParseBool(v)
	if err != nil {
		return false, bus.Errorf(bus.Invalid, "bad_setting", "%q is neither true nor false", v).
			WithHint("use true or false")
	}
	return truth, nil
}

// splitList reads "a,b" and "a, b"; empty items are dropped.
func splitList(v string) []string {
	return strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' })
}
